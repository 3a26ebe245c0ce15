//! The words of one monitor's message. The first line says what happened to whom, with the name early; what a person
//! needs to judge it stands below: since when, how long, the last ping, what was expected.

use std::time::Duration;

use heartbeat_core::{Grace, MonitorId, Project, Telling, Timestamp, incident::Cause, notice::Standing, time::humane};

use crate::{
    excerpt::{visible_end, visible_line, visible_lines},
    message::{Line, Message, Span},
    moment::{Fineness, Reading},
    story::{Mark, Story},
};

/// An outage shorter than this is news; from then on it is worth saying how long it has lasted.
const WORTH_SAYING: Duration = Duration::from_mins(1);

/// The message of one telling.
pub(crate) fn own(telling: &Telling) -> Message {
    let words = Words::new(telling, Reading::at(telling.notice.at));
    let mut lines = vec![Line::Text(words.headline(Detail::Full))];
    lines.extend(words.of_ourselves().map(Line::plain));
    lines.extend(words.story_line().map(Line::plain));
    lines.extend(words.excerpt().map(Line::Block));
    lines.push(Line::plain(words.last_ping()));
    lines.push(Line::plain(words.expected()));
    lines.extend(words.description().into_iter().map(Line::plain));
    lines.extend(words.reminder_line().map(Line::plain));
    Message { lines }
}

/// The line of one telling in a digest.
pub(crate) fn in_digest(telling: &Telling, reading: Reading, detail: Detail) -> Line {
    let words = Words::new(telling, reading);
    let mut spans = words.headline(detail);
    match detail {
        Detail::Full => spans.push(Span::Plain(words.aside())),
        Detail::Brief => {}
    }
    Line::Text(spans)
}

/// How much a line of a digest says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Also what people call it, the last ping, and what was expected.
    Full,
    /// Only what happened to which slug.
    Brief,
}

/// Finds the words for one telling.
struct Words<'a> {
    telling: &'a Telling,
    reading: Reading,
    fineness: Fineness,
    story: Story,
}

impl<'a> Words<'a> {
    fn new(telling: &'a Telling, reading: Reading) -> Self {
        Self { telling, reading, fineness: Fineness::of(telling), story: Story::of(&telling.notice) }
    }

    /// The mark, the name, and what happened.
    fn headline(&self, detail: Detail) -> Vec<Span> {
        let (name, aside) = self.name(detail);
        vec![
            Span::Plain(format!("{} ", Mark::of(&self.telling.notice).emoji())),
            Span::Bold(name),
            Span::Plain(format!("{aside} {}{}", self.unconfirmed(), self.happened())),
        ]
    }

    /// What it is called, and what tells it from others that are called the same: `Nightly backup` and ` (acme/backup)`.
    fn name(&self, detail: Detail) -> (String, String) {
        let MonitorId { project, slug } = &self.telling.monitor;
        let called = match detail {
            Detail::Full => self.telling.about.name.as_deref().and_then(visible_line),
            Detail::Brief => None,
        };
        match (called, project.as_str()) {
            (Some(name), Project::DEFAULT) => (name, format!(" ({slug})")),
            (Some(name), project) => (name, format!(" ({project}/{slug})")),
            (None, Project::DEFAULT) => (slug.to_string(), String::new()),
            (None, project) => (slug.to_string(), format!(" ({project})")),
        }
    }

    /// Said where nobody knows: we could not have heard the job.
    fn unconfirmed(&self) -> &'static str {
        if self.telling.notice.unconfirmed { "unconfirmed: " } else { "" }
    }

    /// What our own part in it is.
    fn of_ourselves(&self) -> Option<&'static str> {
        let monitor = &self.telling.monitor;
        if self.telling.notice.unconfirmed {
            return Some("Heartbeat itself could not hear pings for a while, so this job may be well");
        }
        if !monitor.project.is_operator() || self.telling.notice.standing == Standing::Up {
            return None;
        }
        match monitor.slug.as_str() {
            "ingest" => {
                Some("Heartbeat itself: no API proves that pings are received. Silence is held, deadlines will move")
            }
            "canary" => Some("Heartbeat itself: pings through its public address do not arrive"),
            _ => None,
        }
    }

    fn happened(&self) -> String {
        match self.story {
            Story::Down => format!("{}{}", self.began(), self.lasting()),
            Story::DownRepeatedly { times, first, .. } => {
                format!("{}, {} time since {}", self.began(), ordinal(times), self.when(first))
            }
            Story::DownAgain { .. } => format!("down again, {}", self.began()),
            Story::StillDown { .. } => {
                format!("{} after {}, since {}", self.still(), humane(self.down_for()), self.when(self.down_at()))
            }
            Story::Back { up_at } => format!("ok again after {}", humane(up_at.since(self.down_at()))),
            Story::BackAgain { up_at, .. } => format!("ok again since {}", self.when(up_at)),
            Story::WasDown { up_at } => self.was_down_until(up_at),
            Story::Unsteady { times, first, .. } => {
                format!("ok again after {times} outages since {}", self.when(first))
            }
        }
    }

    /// How the latest outage began, in words that follow the name.
    fn began(&self) -> String {
        let when = self.when(self.down_at());
        match self.telling.notice.cause {
            Cause::Missed => format!("overdue since {when}"),
            Cause::Failed { exit } => format!("{} at {when}", failed(exit)),
            Cause::Overran => format!("over its max runtime since {when}"),
        }
    }

    /// How long that has been, where it is not obvious.
    fn lasting(&self) -> String {
        let lasting = self.down_for();
        if lasting < WORTH_SAYING { String::new() } else { format!(", for {}", humane(lasting)) }
    }

    fn still(&self) -> &'static str {
        match self.telling.notice.cause {
            Cause::Missed => "still overdue",
            Cause::Failed { .. } => "still failing",
            Cause::Overran => "still over its max runtime",
        }
    }

    fn was_down_until(&self, up_at: Timestamp) -> String {
        let length = humane(up_at.since(self.down_at()));
        match self.telling.notice.cause {
            Cause::Missed => format!("was late by {length}, now ok"),
            Cause::Failed { exit } => format!("{} at {}, now ok", failed(exit), self.when(self.down_at())),
            Cause::Overran => format!("was over its max runtime by {length}, now ok"),
        }
    }

    /// What happened besides the first line.
    fn story_line(&self) -> Option<String> {
        match self.story {
            Story::Down => None,
            Story::DownRepeatedly { up_at, .. } => Some(format!("It came back in between{}", self.last_ok(up_at))),
            Story::DownAgain { times, up_at } => Some(self.fell_again(times, up_at)),
            Story::StillDown { .. } => match self.telling.notice.cause {
                Cause::Missed | Cause::Overran => None,
                Cause::Failed { exit } => Some(format!("It {}", failed(exit))),
            },
            Story::Back { up_at } => Some(capitalised(&self.outage(up_at))),
            Story::BackAgain { times, up_at } => {
                let again = if times == 1 { "once more".to_owned() } else { format!("{times} more times, last") };
                Some(format!("Since the last message it went down {again}: {}", self.outage_and_length(up_at)))
            }
            Story::WasDown { up_at } => Some(self.missed_by(up_at)),
            Story::Unsteady { up_at, .. } => Some(format!("The last one: {}", self.outage_and_length(up_at))),
        }
    }

    fn last_ok(&self, up_at: Option<Timestamp>) -> String {
        up_at.map(|at| format!(", last at {}", self.when(at))).unwrap_or_default()
    }

    fn fell_again(&self, times: u32, up_at: Option<Timestamp>) -> String {
        match (times, up_at) {
            (1, Some(at)) => {
                format!("It had recovered at {}, {} earlier", self.when(at), humane(self.down_at().since(at)))
            }
            (1, None) => "It had recovered in between".to_owned(),
            (times, up_at) => {
                format!(
                    "Since the last message it went down {times} times and came back in between{}",
                    self.last_ok(up_at)
                )
            }
        }
    }

    fn missed_by(&self, up_at: Timestamp) -> String {
        match self.telling.notice.cause {
            Cause::Missed => format!("It was due by {}", self.when(self.down_at())),
            Cause::Failed { .. } => format!("Ok again after {}", humane(up_at.since(self.down_at()))),
            Cause::Overran => format!("Its run was to end by {}", self.when(self.down_at())),
        }
    }

    /// The latest outage, from its start to its end.
    fn outage(&self, up_at: Timestamp) -> String {
        let (down, up) = (self.when(self.down_at()), self.when(up_at));
        match self.telling.notice.cause {
            Cause::Missed => format!("overdue from {down} to {up}"),
            Cause::Failed { exit } => format!("{} at {down}, ok since {up}", failed(exit)),
            Cause::Overran => format!("over its max runtime from {down} to {up}"),
        }
    }

    fn outage_and_length(&self, up_at: Timestamp) -> String {
        format!("{} ({})", self.outage(up_at), humane(up_at.since(self.down_at())))
    }

    /// What the failing job printed: shown while the outage lasts, since it may not be of an outage that is over.
    fn excerpt(&self) -> Option<String> {
        match self.telling.notice.standing {
            Standing::Down => self.telling.excerpt.as_deref().and_then(visible_end),
            Standing::Up => None,
        }
    }

    fn last_ping(&self) -> String {
        let notice = &self.telling.notice;
        let before = notice.last_ping_at.map(|at| (self.when(at), humane(notice.at.since(at)), at));
        match (notice.standing, notice.cause, before) {
            (Standing::Up, _, before) => {
                let last = self.when(notice.up_at.unwrap_or(notice.at));
                let before = before.map(|(when, ..)| format!(", the one before {when}"));
                format!("Last ping {last}{}", before.unwrap_or_default())
            }
            (Standing::Down, Cause::Failed { .. }, Some((when, ago, at))) if at < notice.down_at => {
                format!("Previous ping {when}, {ago} ago")
            }
            (Standing::Down, Cause::Failed { .. }, None) => "It was the first ping".to_owned(),
            (Standing::Down, _, Some((when, ago, _))) => format!("Last ping {when}, {ago} ago"),
            (Standing::Down, Cause::Missed | Cause::Overran, None) => "No ping before that".to_owned(),
        }
    }

    fn expected(&self) -> String {
        let Telling { schedule, grace, .. } = self.telling;
        if *grace == Grace::ZERO {
            format!("Expected {schedule}, no grace")
        } else {
            format!("Expected {schedule}, grace {grace}")
        }
    }

    /// What there is to know of the job, for whoever has to mend it.
    fn description(&self) -> Vec<String> {
        let description = match self.telling.notice.standing {
            Standing::Down => self.telling.about.description.as_deref(),
            Standing::Up => None,
        };
        description.map(visible_lines).unwrap_or_default()
    }

    fn reminder_line(&self) -> Option<String> {
        match self.story {
            Story::StillDown { reminder } => {
                let slug = &self.telling.monitor.slug;
                Some(format!("Reminder {reminder}. To stop them: heartbeat monitors pause {slug}"))
            }
            Story::Down
            | Story::DownRepeatedly { .. }
            | Story::DownAgain { .. }
            | Story::Back { .. }
            | Story::BackAgain { .. }
            | Story::WasDown { .. }
            | Story::Unsteady { .. } => None,
        }
    }

    /// What a digest says of it besides the first line.
    fn aside(&self) -> String {
        let notice = &self.telling.notice;
        let ping = match notice.standing {
            Standing::Down => notice.last_ping_at.map(|at| format!("last ping {}, ", self.when(at))),
            Standing::Up => notice.up_at.map(|at| format!("pinged {}, ", self.when(at))),
        };
        format!(" ({}{})", ping.unwrap_or_default(), self.telling.schedule)
    }

    fn down_at(&self) -> Timestamp {
        self.telling.notice.down_at
    }

    fn down_for(&self) -> Duration {
        self.telling.notice.at.since(self.down_at())
    }

    fn when(&self, moment: Timestamp) -> String {
        self.reading.when(moment, self.fineness)
    }
}

fn failed(exit: Option<i64>) -> String {
    exit.map_or_else(|| "failed".to_owned(), |code| format!("failed with exit code {code}"))
}

/// `second`, `third`, `4th`, `21st`.
fn ordinal(n: u32) -> String {
    match (n, n % 10, n % 100) {
        (2, ..) => "second".to_owned(),
        (3, ..) => "third".to_owned(),
        (_, _, 11..=13) => format!("{n}th"),
        (_, 1, _) => format!("{n}st"),
        (_, 2, _) => format!("{n}nd"),
        (_, 3, _) => format!("{n}rd"),
        _ => format!("{n}th"),
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests;
