//! When a monitor's pings are expected.

use std::fmt;

use crate::{
    interval::{Grace, Interval},
    time::Timestamp,
};

/// When pings are expected. A cron line with its time zone will be a second variant: every match says what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// The next ping at most this long after the last.
    Every(Interval),
}

impl Schedule {
    /// How far apart pings are expected.
    pub fn interval(&self) -> Interval {
        match self {
            Self::Every(interval) => *interval,
        }
    }

    /// The instant by which the next ping must have arrived, when the last came at `from`: grace included.
    pub fn due_after(&self, from: Timestamp, grace: Grace) -> Timestamp {
        match self {
            Self::Every(interval) => from.plus(interval.duration()).plus(grace.duration()),
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
        }
    }
}
