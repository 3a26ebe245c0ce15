//! The days of a cron line: month, day of month and day of week, with `L`, `W` and `#`.

use jiff::civil::{Date, Weekday};

use super::{
    error::Part,
    field::{begins_wild, item, value},
};

/// How far a day that matches is looked for. The rarest, a weekday that is 29 February, comes after 40 years when one of
/// the years between is 2100.
const YEARS: i16 = 50;

/// Which days a line names. Bit n of a set is number n.
#[derive(Debug)]
pub(super) struct Days {
    months: u64,
    of_month: OfMonth,
    of_week: OfWeek,
    must: Must,
}

/// Whether a day must be named by both of its fields or by one.
#[derive(Debug)]
enum Must {
    MatchBoth,
    MatchEither,
}

#[derive(Debug, Default)]
struct OfMonth {
    days: u64,
    /// `15W`: the weekday, Monday to Friday, nearest to that day in its month.
    nearest_weekday: u64,
    /// `L`
    last: bool,
    /// `LW`
    last_weekday: bool,
}

/// Sunday is 0.
#[derive(Debug, Default)]
struct OfWeek {
    days: u64,
    /// `5#2`: the second Friday is bit 5 of the second.
    nth: [u64; 5],
    /// `5L`: the last Friday.
    last: u64,
}

impl Days {
    /// Reads the three fields.
    pub(super) fn parse(of_month: &str, month: &str, of_week: &str) -> Result<Self, (Part, String)> {
        let wild = begins_wild(of_month) || begins_wild(of_week);
        Ok(Self {
            of_month: OfMonth::parse(of_month).map_err(|why| (Part::DayOfMonth, why))?,
            months: super::field::set(Part::Month, month).map_err(|why| (Part::Month, why))?,
            of_week: OfWeek::parse(of_week).map_err(|why| (Part::DayOfWeek, why))?,
            must: if wild { Must::MatchBoth } else { Must::MatchEither },
        })
    }

    /// The first day that is named, not before `from`.
    pub(super) fn at_or_after(&self, from: Date) -> Option<Date> {
        let mut date = from;
        while date.year().saturating_sub(from.year()) <= YEARS {
            if !has(self.months, date.month()) {
                date = date.last_of_month().tomorrow().ok()?;
            } else if self.matches(date) {
                return Some(date);
            } else {
                date = date.tomorrow().ok()?;
            }
        }
        None
    }

    /// The last day that is named, not after `until`.
    pub(super) fn at_or_before(&self, until: Date) -> Option<Date> {
        let mut date = until;
        while until.year().saturating_sub(date.year()) <= YEARS {
            if !has(self.months, date.month()) {
                date = date.first_of_month().yesterday().ok()?;
            } else if self.matches(date) {
                return Some(date);
            } else {
                date = date.yesterday().ok()?;
            }
        }
        None
    }

    fn matches(&self, date: Date) -> bool {
        match self.must {
            Must::MatchBoth => self.of_month.matches(date) && self.of_week.matches(date),
            Must::MatchEither => self.of_month.matches(date) || self.of_week.matches(date),
        }
    }
}

impl OfMonth {
    fn parse(field: &str) -> Result<Self, String> {
        let mut parsed = Self::default();
        for text in any(field).split(',') {
            let upper = text.to_ascii_uppercase();
            if upper == "L" {
                parsed.last = true;
            } else if upper == "LW" {
                parsed.last_weekday = true;
            } else if let Some(day) = upper.strip_suffix('W') {
                parsed.nearest_weekday |= 1 << value(Part::DayOfMonth, day)?;
            } else {
                parsed.days |= item(Part::DayOfMonth, text)?;
            }
        }
        Ok(parsed)
    }

    fn matches(&self, date: Date) -> bool {
        has(self.days, date.day())
            || (self.last && date.day() == date.days_in_month())
            || (self.last_weekday && nearest_weekday(date.last_of_month()) == Some(date))
            || (self.nearest_weekday != 0 && self.is_nearest_weekday(date))
    }

    /// No day is moved by more than two.
    fn is_nearest_weekday(&self, date: Date) -> bool {
        let around = date.day().saturating_sub(2)..=date.day().saturating_add(2);
        around.filter(|day| has(self.nearest_weekday, *day)).any(|day| {
            let named = Date::new(date.year(), date.month(), day).ok();
            named.and_then(nearest_weekday) == Some(date)
        })
    }
}

/// The day itself, or the Friday or Monday beside it, in the same month.
fn nearest_weekday(date: Date) -> Option<Date> {
    let move_by = match date.weekday() {
        Weekday::Saturday if date.day() == 1 => 2,
        Weekday::Saturday => -1,
        Weekday::Sunday if date.day() == date.days_in_month() => -2,
        Weekday::Sunday => 1,
        Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday | Weekday::Thursday | Weekday::Friday => 0,
    };
    Date::new(date.year(), date.month(), date.day().saturating_add(move_by)).ok()
}

impl OfWeek {
    fn parse(field: &str) -> Result<Self, String> {
        let mut parsed = Self::default();
        for text in any(field).split(',') {
            if let Some((weekday, nth)) = text.split_once('#') {
                let nth = nth.parse::<usize>().ok().filter(|_| nth.len() == 1);
                let of_nth = nth.and_then(|nth| parsed.nth.get_mut(nth.checked_sub(1)?));
                *of_nth.ok_or("after # comes a number from 1 to 5")? |= one_weekday(weekday)?;
            } else if let Some(weekday) = text.strip_suffix(['L', 'l']) {
                parsed.last |= one_weekday(weekday)?;
            } else {
                parsed.days |= seven_is_zero(item(Part::DayOfWeek, text)?);
            }
        }
        Ok(parsed)
    }

    fn matches(&self, date: Date) -> bool {
        let weekday = date.weekday().to_sunday_zero_offset();
        let nth = usize::try_from((date.day() - 1) / 7).ok().and_then(|nth| self.nth.get(nth));
        has(self.days, weekday)
            || nth.is_some_and(|set| has(*set, weekday))
            || (has(self.last, weekday) && date.day() + 7 > date.days_in_month())
    }
}

fn one_weekday(text: &str) -> Result<u64, String> {
    if text.is_empty() {
        return Err("L comes after a weekday, such as 5L, the last Friday".to_owned());
    }
    Ok(seven_is_zero(1 << value(Part::DayOfWeek, text)?))
}

fn seven_is_zero(set: u64) -> u64 {
    (set | set >> 7) & 0x7f
}

/// `?` is Quartz' word for `*` in the fields of days.
fn any(field: &str) -> &str {
    if field == "?" { "*" } else { field }
}

fn has(set: u64, number: i8) -> bool {
    u32::try_from(number).is_ok_and(|number| set >> number & 1 == 1)
}
