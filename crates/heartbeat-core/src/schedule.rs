//! When a monitor's pings are expected.

use std::{fmt, time::Duration};

use crate::{
    cron::Cron,
    interval::{Grace, Interval},
    time::Timestamp,
};

/// How early a ping may come and still count for the run to come; besides at most its grace and a tenth of the period.
/// DESIGN, "The pure core".
const EARLIEST: Duration = Duration::from_mins(5);
/// How far apart runs are taken to be where there is no second one.
const LONGEST_PERIOD: Duration = Duration::from_hours(24 * 366);

/// When pings are expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// The next ping at most this long after the last.
    Every(Interval),
    /// A ping for each run of this line.
    Cron(Cron),
}

/// A stretch of time in which one ping is awaited, the grace not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// Since when.
    pub from: Timestamp,
    /// How long.
    pub period: Duration,
}

impl Schedule {
    /// The instant by which the next ping must have arrived, when one is awaited from `from` on: grace included.
    pub fn due_after(&self, from: Timestamp, grace: Grace) -> Timestamp {
        match self {
            Self::Every(interval) => from.plus(interval.duration()).plus(grace.duration()),
            Self::Cron(cron) => cron.next_after(from).unwrap_or(Timestamp::MAX).plus(grace.duration()),
        }
    }

    /// The same after a success at `now`, where one was due at `due`: for a cron line it may have come a little early, and
    /// then counts for the run to come. A success never brings a deadline forward.
    pub fn due_after_success(&self, now: Timestamp, due: Timestamp, grace: Grace) -> Timestamp {
        match self {
            Self::Every(_) => self.due_after(now, grace),
            Self::Cron(_) => {
                let expected = due.minus(grace.duration());
                let counts_for_it = now < expected && now >= expected.minus(self.earliness(due, grace));
                self.due_after(if counts_for_it { expected } else { now }, grace).max(due)
            }
        }
    }

    /// How early the ping that is due at `due` may come.
    pub fn earliness(&self, due: Timestamp, grace: Grace) -> Duration {
        grace.duration().min(self.awaited(due, grace).period / 10).min(EARLIEST)
    }

    /// In what stretch of time the ping that is due at `due` is awaited.
    pub fn awaited(&self, due: Timestamp, grace: Grace) -> Awaited {
        let expected = due.minus(grace.duration());
        match self {
            Self::Every(interval) => Awaited { from: expected.minus(interval.duration()), period: interval.duration() },
            Self::Cron(cron) => {
                let from = cron.run_before(expected).unwrap_or_else(|| expected.minus(LONGEST_PERIOD));
                Awaited { from, period: expected.since(from) }
            }
        }
    }

    /// The interval, where there is one.
    pub fn interval(&self) -> Option<Interval> {
        match self {
            Self::Every(interval) => Some(*interval),
            Self::Cron(_) => None,
        }
    }

    /// The cron line, where there is one.
    pub fn cron(&self) -> Option<&Cron> {
        match self {
            Self::Every(_) => None,
            Self::Cron(cron) => Some(cron),
        }
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::Every(Interval::DEFAULT)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(interval) => write!(f, "every {interval}"),
            Self::Cron(cron) => write!(f, "cron {} in {}", cron.line(), cron.zone()),
        }
    }
}
