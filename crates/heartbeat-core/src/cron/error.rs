//! What is wrong with a cron line or its time zone, in words that its author can act on.

use std::fmt;

use thiserror::Error;

use super::line::MAX_LENGTH;

/// Why a text is not a cron line, or not a time zone.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CronError {
    /// Longer than any line that people write.
    #[error("a cron line has at most {MAX_LENGTH} characters")]
    TooLong,
    /// More or fewer than five fields.
    #[error("{}", fields(*.0))]
    Fields(usize),
    /// One field cannot be read.
    #[error("the {part} cannot be read: {why}")]
    Field {
        /// Which of the five.
        part: Part,
        /// What is wrong with it.
        why: String,
    },
    /// Starts of a machine have no schedule.
    #[error("@reboot names no time: a monitor cannot know when a machine should start")]
    Reboot,
    /// An `@` word that is not known.
    #[error("{0:?} is not known: there are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually")]
    Nickname(String),
    /// A date that does not exist, such as 31 February.
    #[error("{0:?} never runs: there is no such day")]
    NeverRuns(String),
    /// Not the name of a time zone.
    #[error("{name:?} is not a time zone: {}", hint(.nearest.as_deref()))]
    Zone {
        /// What was given.
        name: String,
        /// The known name that is most like it.
        nearest: Option<String>,
    },
}

/// One of the five fields of a cron line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 12, or JAN to DEC.
    Month,
    /// 0 to 7, or SUN to SAT; 0 and 7 are Sunday.
    DayOfWeek,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        })
    }
}

/// What is quoted back of somebody's input: enough to recognise it.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn fields(found: usize) -> String {
    let why = match found {
        0 => "this one is empty",
        6 => "this one has six: leave out the seconds, which would come first",
        7 => "this one has seven: leave out the seconds, first, and the year, last",
        _ => {
            return format!(
                "a cron line has five fields (minute, hour, day of month, month, day of week), not {found}"
            );
        }
    };
    format!("a cron line has five fields (minute, hour, day of month, month, day of week), and {why}")
}

fn hint(nearest: Option<&str>) -> String {
    nearest
        .map_or_else(|| "write a name such as Europe/Berlin or UTC".to_owned(), |name| format!("did you mean {name}?"))
}
