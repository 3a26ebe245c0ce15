//! A whole cron line: which local minutes it names, whatever the time zone.

use jiff::civil::{Date, DateTime, Time, date};

use super::{
    days::Days,
    error::{CronError, Part, shortened},
    field::{begins_wild, set},
};

/// The longest line, in characters.
pub const MAX_LENGTH: usize = 200;

/// Which local minutes a line names. Bit n of a set is number n.
#[derive(Debug)]
pub(super) struct Line {
    minutes: u64,
    hours: u64,
    days: Days,
    /// How it goes through a change of the clock.
    pub(super) kind: Kind,
}

/// What a line means on a night on which the clock is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Minute or hour begins with `*`: a rhythm, which follows the local clock minute by minute.
    Wild,
    /// Times of day, each of which happens once a day.
    Fixed,
}

/// Reads a line; gives it back with single blanks as well.
pub(super) fn parse(text: &str) -> Result<(String, Line), CronError> {
    if text.chars().count() > MAX_LENGTH {
        return Err(CronError::TooLong);
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let meant = if text.starts_with('@') { nickname(&text)? } else { &text };
    let line = Line::parse(meant)?;
    if line.at_or_after(date(2000, 1, 1).to_datetime(Time::midnight())).is_none() {
        return Err(CronError::NeverRuns(shortened(&text)));
    }
    Ok((text, line))
}

fn nickname(text: &str) -> Result<&'static str, CronError> {
    match text.to_ascii_lowercase().as_str() {
        "@hourly" => Ok("0 * * * *"),
        "@daily" | "@midnight" => Ok("0 0 * * *"),
        "@weekly" => Ok("0 0 * * 0"),
        "@monthly" => Ok("0 0 1 * *"),
        "@yearly" | "@annually" => Ok("0 0 1 1 *"),
        "@reboot" => Err(CronError::Reboot),
        _ => Err(CronError::Nickname(shortened(text))),
    }
}

impl Line {
    fn parse(text: &str) -> Result<Self, CronError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, of_month, month, of_week] = fields[..] else {
            return Err(CronError::Fields(fields.len()));
        };
        let unreadable = |(part, why)| CronError::Field { part, why };
        let wild = begins_wild(minute) || begins_wild(hour);
        Ok(Self {
            minutes: set(Part::Minute, minute).map_err(|why| unreadable((Part::Minute, why)))?,
            hours: set(Part::Hour, hour).map_err(|why| unreadable((Part::Hour, why)))?,
            days: Days::parse(of_month, month, of_week).map_err(unreadable)?,
            kind: if wild { Kind::Wild } else { Kind::Fixed },
        })
    }

    /// The first minute that is named, not before `from`.
    pub(super) fn at_or_after(&self, from: DateTime) -> Option<DateTime> {
        let day = self.days.at_or_after(from.date())?;
        if day > from.date() {
            return at(day, first(self.hours)?, first(self.minutes)?);
        }
        // A minute that has begun is over.
        let begun = u32::from(from.second() > 0 || from.subsec_nanosecond() > 0);
        let (hour, minute) = (unsigned(from.hour()), unsigned(from.minute()) + begun);
        match first(from_bit(self.minutes, minute)) {
            Some(minute) if self.hours >> hour & 1 == 1 => return at(day, hour, minute),
            _ => {}
        }
        match first(from_bit(self.hours, hour + 1)) {
            Some(hour) => at(day, hour, first(self.minutes)?),
            None => at(self.days.at_or_after(day.tomorrow().ok()?)?, first(self.hours)?, first(self.minutes)?),
        }
    }

    /// The last minute that is named, not after `until`.
    pub(super) fn at_or_before(&self, until: DateTime) -> Option<DateTime> {
        let day = self.days.at_or_before(until.date())?;
        if day < until.date() {
            return at(day, last(self.hours)?, last(self.minutes)?);
        }
        let (hour, minute) = (unsigned(until.hour()), unsigned(until.minute()));
        match last(below_bit(self.minutes, minute + 1)) {
            Some(minute) if self.hours >> hour & 1 == 1 => return at(day, hour, minute),
            _ => {}
        }
        match last(below_bit(self.hours, hour)) {
            Some(hour) => at(day, hour, last(self.minutes)?),
            None => at(self.days.at_or_before(day.yesterday().ok()?)?, last(self.hours)?, last(self.minutes)?),
        }
    }
}

fn at(day: Date, hour: u32, minute: u32) -> Option<DateTime> {
    let time = Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()?;
    Some(day.to_datetime(time))
}

fn unsigned(number: i8) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// What of a set is `bit` or more. 60 bits at most are used.
fn from_bit(set: u64, bit: u32) -> u64 {
    set & u64::MAX << bit.min(63)
}

fn below_bit(set: u64, bit: u32) -> u64 {
    set & !(u64::MAX << bit.min(63))
}

fn first(set: u64) -> Option<u32> {
    (set != 0).then(|| set.trailing_zeros())
}

fn last(set: u64) -> Option<u32> {
    63_u32.checked_sub(set.leading_zeros())
}
