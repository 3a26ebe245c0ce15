//! A stretch of time between two changes of a zone's clock. In it local time is UTC with one offset, so that a run is found
//! without any question of what happens twice or not at all; such questions are asked at its beginning alone.
//!
//! Instants are whole seconds since the epoch, of which local seconds are another count.

use std::ops::RangeInclusive;

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};

use super::line::{Kind, Line};

/// The instants that jiff can show in every zone: its own bounds, two days inwards.
pub(super) const CALENDAR: Bounds =
    Bounds { start: -377_705_023_201 + ANY_CHANGE_S, end: 253_402_207_200 - ANY_CHANGE_S };

pub(super) struct Bounds {
    pub(super) start: i64,
    pub(super) end: i64,
}

/// From here on a change of the clock is a new time zone and not a season: cron(8).
const NEW_ZONE_S: i64 = 3 * 3_600;
/// More than any two offsets of a zone differ by (Samoa's and Kwajalein's moved by a day).
const ANY_CHANGE_S: i64 = 2 * 86_400;

/// A stretch of one offset.
pub(super) struct Stretch {
    /// Its first and its last second.
    span: RangeInclusive<i64>,
    /// What local time is ahead of UTC.
    offset: i64,
    /// By how much the clock was put forward at the beginning, or back when negative.
    jump: i64,
}

impl Stretch {
    /// The stretch that has `second` in it; `None` outside of the calendar.
    pub(super) fn at(zone: &TimeZone, second: i64) -> Option<Self> {
        if !(CALENDAR.start..=CALENDAR.end).contains(&second) {
            return None;
        }
        let at = Timestamp::from_second(second).ok()?;
        // Strictly before the next second is at this one or before.
        let next_second = Timestamp::from_second(second.saturating_add(1)).unwrap_or(Timestamp::MAX);
        let begin = zone.preceding(next_second).next().map(|change| change.timestamp());
        let end = zone.following(at).next().map(|change| change.timestamp().as_second().saturating_sub(1));
        let offset = seconds(zone.to_offset(at));
        let before = begin.and_then(|begin| Timestamp::from_second(begin.as_second().saturating_sub(1)).ok());
        let jump = before.map_or(0, |before| offset - seconds(zone.to_offset(before)));
        let begin = begin.map_or(CALENDAR.start, Timestamp::as_second);
        Some(Self { span: begin..=end.unwrap_or(CALENDAR.end), offset, jump })
    }

    /// The first run in this stretch that is not before `from`.
    pub(super) fn first_run(&self, line: &Line, from: i64) -> Option<i64> {
        if from <= *self.span.start() && self.makes_up(line) {
            return Some(*self.span.start());
        }
        let earliest = from.saturating_add(self.offset).max(self.first_new(line));
        self.named_from(line, earliest).filter(|run| run <= self.span.end())
    }

    /// The last run in this stretch that is not after `until`.
    pub(super) fn last_run(&self, line: &Line, until: i64) -> Option<i64> {
        let run = self.named_until(line, until.saturating_add(self.offset));
        let run = run.filter(|run| run.saturating_add(self.offset) >= self.first_new(line));
        run.or_else(|| self.makes_up(line).then_some(*self.span.start()))
    }

    /// Where to go on when this stretch has no later run: at the next, or close before what the line names next, however
    /// the clock is changed until then.
    pub(super) fn go_on(&self, line: &Line) -> Option<i64> {
        let next = self.span.end().saturating_add(1);
        let named = self.named_from(line, next.saturating_add(self.offset).saturating_sub(ANY_CHANGE_S))?;
        Some(next.max(named.saturating_sub(ANY_CHANGE_S)))
    }

    /// The same on the way back.
    pub(super) fn go_back(&self, line: &Line) -> Option<i64> {
        let next = self.span.start().saturating_sub(1);
        let named = self.named_until(line, next.saturating_add(self.offset).saturating_add(ANY_CHANGE_S))?;
        Some(next.min(named.saturating_add(ANY_CHANGE_S)))
    }

    fn named_from(&self, line: &Line, local: i64) -> Option<i64> {
        self.instant(line.at_or_after(civil(local)?)?)
    }

    fn named_until(&self, line: &Line, local: i64) -> Option<i64> {
        self.instant(line.at_or_before(civil(local)?)?)
    }

    /// Whether the line names a time of day that the clock skipped at the beginning of this stretch.
    fn makes_up(&self, line: &Line) -> bool {
        let seasonal = (1..NEW_ZONE_S).contains(&self.jump);
        let after_gap = self.span.start().saturating_add(self.offset);
        let named = || line.at_or_after(civil(after_gap.saturating_sub(self.jump))?);
        line.kind == Kind::Fixed
            && seasonal
            && named().is_some_and(|named| civil(after_gap).is_some_and(|end| named < end))
    }

    /// The first local second that did not happen before: a time of day does not happen twice.
    fn first_new(&self, line: &Line) -> i64 {
        let begin = self.span.start().saturating_add(self.offset);
        let repeated = line.kind == Kind::Fixed && (1 - NEW_ZONE_S..0).contains(&self.jump);
        if repeated { begin.saturating_sub(self.jump) } else { begin }
    }

    fn instant(&self, local: DateTime) -> Option<i64> {
        Some(Offset::UTC.to_timestamp(local).ok()?.as_second().saturating_sub(self.offset))
    }
}

/// Local time, from local seconds.
fn civil(local: i64) -> Option<DateTime> {
    Some(Offset::UTC.to_datetime(Timestamp::from_second(local).ok()?))
}

fn seconds(offset: Offset) -> i64 {
    i64::from(offset.seconds())
}
