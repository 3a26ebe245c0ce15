//! How much is asked of us: so many monitors, each pinging so often.

use crate::{price::HOURS_PER_MONTH, traffic::Moment};

/// The sizes of the tables.
pub(crate) const MONITORS: [u32; 6] = [10, 100, 1_000, 10_000, 100_000, 1_000_000];
/// The intervals of the tables, in seconds.
pub(crate) const INTERVALS_S: [u32; 4] = [60, 300, 3_600, 86_400];

/// Monitors that all ping at the same interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Workload {
    /// How many.
    pub(crate) monitors: u32,
    /// How often each pings.
    pub(crate) interval_s: u32,
}

impl Workload {
    /// The average.
    pub(crate) fn pings_per_second(self) -> f64 {
        f64::from(self.monitors) / f64::from(self.interval_s)
    }

    /// The average, whole.
    pub(crate) fn pings_per_hour(self) -> u64 {
        u64::from(self.monitors) * 3_600 / u64::from(self.interval_s)
    }

    /// In a month of 730 hours.
    pub(crate) fn pings_per_month(self) -> f64 {
        self.pings_per_second() * HOURS_PER_MONTH * 3_600.0
    }

    /// The rate at the moment's first instant.
    pub(crate) fn peak(self, moment: Moment) -> f64 {
        self.pings_per_second() * f64::from(moment.peak())
    }
}
