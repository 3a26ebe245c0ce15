//! Days and months as a time zone has them: a day has 23 or 25 hours where clocks are changed.

use jiff::{Span, civil::Date, tz::TimeZone};

use crate::{
    cron::{self, CronError},
    time::Timestamp,
};

/// A time zone, to divide time by.
#[derive(Clone, Debug)]
pub struct Calendar {
    name: String,
    zone: TimeZone,
}

/// A day or a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// `2026-11-23` or `2026-11`.
    pub name: String,
    /// When it begins.
    pub from: Timestamp,
    /// When the next one begins.
    pub until: Timestamp,
}

impl Calendar {
    /// The calendar of a time zone by its IANA name.
    pub fn parse(zone: &str) -> Result<Self, CronError> {
        cron::zone::parse(zone).map(|(name, zone)| Self { name, zone })
    }

    /// The name of its time zone.
    pub fn zone(&self) -> &str {
        &self.name
    }

    /// The last `count` days up to that of `now`, the newest first.
    pub fn days(&self, now: Timestamp, count: u16) -> Vec<Period> {
        let today = self.date(now);
        let before = |n: u16| today.and_then(|today| today.checked_sub(Span::new().try_days(n).ok()?).ok());
        let days = (0..count).filter_map(before);
        days.filter_map(|day| self.period(day, day.tomorrow().ok()?, "%Y-%m-%d")).collect()
    }

    /// The last `count` months up to that of `now`, the newest first.
    pub fn months(&self, now: Timestamp, count: u16) -> Vec<Period> {
        let this = self.date(now).map(Date::first_of_month);
        let before = |n: u16| this.and_then(|this| this.checked_sub(Span::new().try_months(n).ok()?).ok());
        let months = (0..count).filter_map(before);
        months.filter_map(|month| self.period(month, month.last_of_month().tomorrow().ok()?, "%Y-%m")).collect()
    }

    fn date(&self, at: Timestamp) -> Option<Date> {
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).ok()?;
        Some(at.to_zoned(self.zone.clone()).date())
    }

    fn period(&self, first: Date, next: Date, format: &str) -> Option<Period> {
        let start =
            |date: Date| Some(Timestamp::from_secs(date.to_zoned(self.zone.clone()).ok()?.timestamp().as_second()));
        Some(Period { name: first.strftime(format).to_string(), from: start(first)?, until: start(next)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(zone: &str, now: &str, count: u16) -> Vec<(String, u64)> {
        let days = Calendar::parse(zone).unwrap().days(Timestamp::parse(now).unwrap(), count);
        days.into_iter().map(|day| (day.name, day.until.since(day.from).as_secs() / 3_600)).collect()
    }

    #[test]
    fn a_day_is_as_long_as_its_zone_has_it() {
        let named =
            |list: &[(&str, u64)]| list.iter().map(|(name, hours)| ((*name).to_owned(), *hours)).collect::<Vec<_>>();
        let autumn = hours("Europe/Berlin", "2026-10-26T11:00:00Z", 3);
        assert_eq!(autumn, named(&[("2026-10-26", 24), ("2026-10-25", 25), ("2026-10-24", 24)]));
        let spring = hours("Europe/Berlin", "2026-03-29T22:30:00Z", 2);
        assert_eq!(spring, named(&[("2026-03-30", 24), ("2026-03-29", 23)]));
        // There midnight itself is left out.
        assert_eq!(hours("Africa/Cairo", "2026-04-24T12:00:00Z", 1), named(&[("2026-04-24", 23)]));
    }

    #[test]
    fn days_and_months_lie_one_behind_the_other() {
        for zone in ["UTC", "America/New_York", "Pacific/Auckland", "Asia/Kathmandu"] {
            let (calendar, now) = (Calendar::parse(zone).unwrap(), Timestamp::parse("2026-11-23T03:00:00Z").unwrap());
            for periods in [calendar.days(now, 90), calendar.months(now, 12)] {
                assert!(periods[0].from <= now && now < periods[0].until, "{zone}");
                assert!(periods.windows(2).all(|pair| pair[1].until == pair[0].from && pair[1].from < pair[1].until));
            }
            assert_eq!(calendar.months(now, 12)[11].name, "2025-12");
        }
        assert!(Calendar::parse("Europe/Berln").unwrap_err().to_string().contains("Europe/Berlin"));
    }
}
