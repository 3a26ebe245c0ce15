//! When a cron line runs, in its time zone: forwards and backwards, through both nights on which the clock is changed.
//!
//! The rules are those of the cron that most jobs are started by, cron(8) as Vixie wrote it and as Debian's cron and
//! cronie keep it, because what the job's own cron does is what its monitor must expect:
//!
//! - A line is *wild* when its minute or its hour begins with `*`. It runs at every minute whose local time it names: what
//!   the clock skips does not happen, what the clock repeats happens twice. `0 * * * *` keeps its rhythm in real time.
//! - Any other line names times of day. One that the clock skips is made up for once, at the moment after the gap; one
//!   that the clock repeats runs the first time only.
//! - A change of three hours or more is a new time zone and not a season (Samoa's missing 30 December 2011): nothing
//!   is made up for, and nothing is held back.
//! - Of day of month and day of week, both must match when one of them begins with `*`, and either when none does.
//!
//! Everything is total: an instant outside of the calendar (years -9999 to 9999) has no run after or before it.

mod days;
mod error;
mod field;
mod line;
mod stretch;
#[cfg(test)]
mod tests;
pub(crate) mod zone;

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use jiff::tz::TimeZone;

pub use self::{
    error::{CronError, Part},
    line::MAX_LENGTH,
};
use self::{line::Line, stretch::Stretch};
use crate::time::Timestamp;

/// A cron line with its time zone.
#[derive(Clone)]
pub struct Cron(Arc<Inner>);

struct Inner {
    text: String,
    line: Line,
    zone: TimeZone,
    zone_name: String,
}

impl Cron {
    /// Reads a line of five fields, or one of `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly` and
    /// `@annually`, and the IANA name of a time zone, in any case.
    pub fn parse(line: &str, zone: &str) -> Result<Self, CronError> {
        let (text, line) = line::parse(line)?;
        let (zone_name, zone) = zone::parse(zone)?;
        Ok(Self(Arc::new(Inner { text, line, zone, zone_name })))
    }

    /// The line as it was written, with single blanks.
    pub fn line(&self) -> &str {
        &self.0.text
    }

    /// The IANA name of the time zone, as the database writes it: `Europe/Berlin`.
    pub fn zone(&self) -> &str {
        &self.0.zone_name
    }

    /// The first run strictly after `at`; `None` at the end of the calendar.
    pub fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        let mut from = at.as_secs().saturating_add(1).max(stretch::CALENDAR.start);
        while let Some(stretch) = Stretch::at(&self.0.zone, from) {
            if let Some(run) = stretch.first_run(&self.0.line, from) {
                return Some(Timestamp::from_secs(run));
            }
            from = stretch.go_on(&self.0.line)?;
        }
        None
    }

    /// The last run strictly before `at`; `None` at the beginning of the calendar.
    pub fn run_before(&self, at: Timestamp) -> Option<Timestamp> {
        let mut until = at.rounded_up_to_seconds().as_secs().saturating_sub(1).min(stretch::CALENDAR.end);
        while let Some(stretch) = Stretch::at(&self.0.zone, until) {
            if let Some(run) = stretch.last_run(&self.0.line, until) {
                return Some(Timestamp::from_secs(run));
            }
            until = stretch.go_back(&self.0.line)?;
        }
        None
    }

    /// The next `count` runs after `after`, as a preview shows them.
    pub fn upcoming(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        std::iter::successors(self.next_after(after), |run| self.next_after(*run)).take(count).collect()
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.line() == other.line() && self.zone() == other.zone()
    }
}

impl Eq for Cron {}

impl Hash for Cron {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.line().hash(state);
        self.zone().hash(state);
    }
}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cron({:?}, {:?})", self.line(), self.zone())
    }
}
