//! What a notice comes to for its reader, who knows only what this channel has said before.

use heartbeat_core::{Notice, Timestamp, notice::Standing};

/// What a notice comes to for its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Story {
    /// It is down, and that is new.
    Down,
    /// It is down, not for the first time since the channel was last told.
    DownRepeatedly {
        /// How many outages are new.
        times: u32,
        /// When the first of them began.
        first: Timestamp,
        /// When it last came back in between.
        up_at: Option<Timestamp>,
    },
    /// The reader knew it down; it has recovered since, and is down again.
    DownAgain {
        /// How often it went down again.
        times: u32,
        /// When it last came back in between.
        up_at: Option<Timestamp>,
    },
    /// The reader knew it down, and it still is.
    StillDown {
        /// The number of the reminder, from 1.
        reminder: u32,
    },
    /// The reader knew it down, and it is well.
    Back {
        /// Since when.
        up_at: Timestamp,
    },
    /// The reader knew it down; it has recovered, fallen and recovered since, and is well.
    BackAgain {
        /// How often it fell in between.
        times: u32,
        /// Since when it is well.
        up_at: Timestamp,
    },
    /// It was down for a while that the reader never heard of, and is well.
    WasDown {
        /// Since when it is well.
        up_at: Timestamp,
    },
    /// It was down several times that the reader never heard of, and is well.
    Unsteady {
        /// How often.
        times: u32,
        /// When the first outage began.
        first: Timestamp,
        /// Since when it is well.
        up_at: Timestamp,
    },
}

impl Story {
    /// The story of `notice`.
    pub(crate) fn of(notice: &Notice) -> Self {
        let first = notice.first_down_at.unwrap_or(notice.down_at);
        let up_at = notice.up_at.unwrap_or(notice.at);
        // Outages and recoveries alternate, so their counts say which came first: a recovery means that the reader knew
        // it down.
        match (notice.standing, notice.outages, notice.recoveries) {
            (Standing::Down, 0, 0) => Self::StillDown { reminder: notice.reminder },
            (Standing::Down, times, ups) if ups >= times => {
                Self::DownAgain { times: times.max(1), up_at: notice.up_at }
            }
            (Standing::Down, 1, _) => Self::Down,
            (Standing::Down, times, _) => Self::DownRepeatedly { times, first, up_at: notice.up_at },
            (Standing::Up, 0, _) => Self::Back { up_at },
            (Standing::Up, times, ups) if ups > times => Self::BackAgain { times, up_at },
            (Standing::Up, 1, _) => Self::WasDown { up_at },
            (Standing::Up, times, _) => Self::Unsteady { times, first, up_at },
        }
    }

    /// Its mark.
    pub(crate) fn mark(self) -> Mark {
        match self {
            Self::Down | Self::DownRepeatedly { .. } | Self::DownAgain { .. } => Mark::Down,
            Self::StillDown { .. } => Mark::StillDown,
            Self::Back { .. } | Self::BackAgain { .. } => Mark::Back,
            Self::WasDown { .. } | Self::Unsteady { .. } => Mark::WasDown,
        }
    }
}

/// The mark that a message begins with, so that the eye sorts before the head reads. In order of urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    /// Something new is wrong.
    Down,
    /// Something may be wrong: we could not have heard otherwise.
    Unknown,
    /// Something known is still wrong.
    StillDown,
    /// Something known is over.
    Back,
    /// Something was wrong, and is over.
    WasDown,
}

impl Mark {
    /// All, in order of urgency.
    pub(crate) const ALL: [Self; 5] = [Self::Down, Self::Unknown, Self::StillDown, Self::Back, Self::WasDown];

    /// The mark of `notice`.
    pub(crate) fn of(notice: &Notice) -> Self {
        if notice.unconfirmed { Self::Unknown } else { Story::of(notice).mark() }
    }

    /// The sign at the start of a line.
    pub(crate) const fn emoji(self) -> &'static str {
        match self {
            Self::Down => "🔴",
            Self::Unknown => "⚪",
            Self::StillDown => "🟠",
            Self::Back => "🟢",
            Self::WasDown => "🟡",
        }
    }

    /// What a count of them is called.
    pub(crate) const fn counted(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Unknown => "unconfirmed",
            Self::StillDown => "still down",
            Self::Back => "ok again",
            Self::WasDown => "was down, now ok",
        }
    }
}

#[cfg(test)]
mod tests {
    use heartbeat_core::incident::Cause;

    use super::*;
    use crate::samples::{at, folded, minutes, opened, recovered, reminder};

    /// `count` alternating notices, 20 minutes apart, of which the first is an outage or the recovery from one.
    fn alternating(first: Standing, count: u64) -> Notice {
        let skipped = match first {
            Standing::Down => 0,
            Standing::Up => 1,
        };
        folded((skipped..skipped + count).map(|step| match step % 2 {
            0 => Notice { at: time(step), down_at: time(step), ..opened("00:00:00", Cause::Missed) },
            _ => Notice {
                down_at: time(step - 1),
                up_at: Some(time(step)),
                ..recovered("00:00:00", Cause::Missed, "01:00:00")
            },
        }))
    }

    fn time(step: u64) -> Timestamp {
        at("00:00:00").plus(minutes(20 * step))
    }

    #[test]
    fn what_was_told_before_and_what_is_new_make_the_story() {
        let (first, up_at) = (at("00:00:00"), |step| Some(time(step)));
        for (known, news, story) in [
            (Standing::Up, 1, Story::Down),
            (Standing::Up, 2, Story::WasDown { up_at: time(1) }),
            (Standing::Up, 3, Story::DownRepeatedly { times: 2, first, up_at: up_at(1) }),
            (Standing::Up, 4, Story::Unsteady { times: 2, first, up_at: time(3) }),
            (Standing::Up, 5, Story::DownRepeatedly { times: 3, first, up_at: up_at(3) }),
            (Standing::Down, 1, Story::Back { up_at: time(1) }),
            (Standing::Down, 2, Story::DownAgain { times: 1, up_at: up_at(1) }),
            (Standing::Down, 3, Story::BackAgain { times: 1, up_at: time(3) }),
            (Standing::Down, 4, Story::DownAgain { times: 2, up_at: up_at(3) }),
        ] {
            let first_news = match known {
                Standing::Up => Standing::Down,
                Standing::Down => Standing::Up,
            };
            assert_eq!(Story::of(&alternating(first_news, news)), story, "known {known:?}, {news} news");
        }
        let still = reminder("00:00:00", Cause::Missed, 4, minutes(240));
        assert_eq!(Story::of(&still), Story::StillDown { reminder: 4 });
    }

    #[test]
    fn a_reader_who_saw_red_is_told_green_and_only_one_who_did_not_is_told_yellow() {
        for count in 1..20 {
            let ends_well = count % 2 == 0;
            let mark = Story::of(&alternating(Standing::Down, count)).mark();
            assert_eq!(mark, if ends_well { Mark::WasDown } else { Mark::Down });
            let mark = Story::of(&alternating(Standing::Up, count)).mark();
            assert_eq!(mark, if ends_well { Mark::Down } else { Mark::Back });
        }
    }
}
