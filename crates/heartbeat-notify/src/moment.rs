//! How a message says when: in UTC and clearly so, with the date when it is not the day of the message.

use std::time::Duration;

use heartbeat_core::{Interval, Schedule, Telling, Timestamp};

/// Below this interval a minute is too coarse to tell one ping from the next.
const COARSE_FROM: Duration = Duration::from_mins(5);

/// The moment that a message is read against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    at: Timestamp,
}

impl Reading {
    /// A message of news from `at`.
    pub(crate) fn at(at: Timestamp) -> Self {
        Self { at }
    }

    /// When `moment` was: `03:00 UTC`, `22 Nov 03:00 UTC`, `22 Nov 2025 03:00 UTC`.
    pub(crate) fn when(self, moment: Timestamp, fineness: Fineness) -> String {
        let date = if moment.format_utc("%Y-%j") == self.at.format_utc("%Y-%j") {
            ""
        } else if moment.format_utc("%Y") == self.at.format_utc("%Y") {
            "%-d %b "
        } else {
            "%-d %b %Y "
        };
        let time = match fineness {
            Fineness::Minutes => "%H:%M UTC",
            Fineness::Seconds => "%H:%M:%S UTC",
        };
        moment.format_utc(&format!("{date}{time}"))
    }
}

/// How finely times of day are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fineness {
    /// `03:00`.
    Minutes,
    /// `03:00:30`.
    Seconds,
}

impl Fineness {
    /// As finely as the rhythm of the monitor needs.
    pub(crate) fn of(telling: &Telling) -> Self {
        match &telling.schedule {
            Schedule::Every(interval) if Interval::duration(*interval) < COARSE_FROM => Self::Seconds,
            Schedule::Every(_) | Schedule::Cron(_) => Self::Minutes,
        }
    }
}
