//! When people are reminded of what is still overdue.

use std::time::Duration;

use crate::time::Timestamp;

const DAY: Duration = Duration::from_hours(24);

/// Whether reminders become rarer with the age of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As often as asked for during the first day, then at most every 6 h, and after a week at most daily.
    Easing,
    /// As often as asked for until it is well: the specification's "repeat alerts every 1h".
    Steady,
}

/// How reminders repeat while a monitor is overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reminders {
    /// How often; `None` = never.
    pub every: Option<Duration>,
    /// Whether they become rarer.
    pub pace: Pace,
}

impl Default for Reminders {
    fn default() -> Self {
        Self { every: Some(Duration::from_hours(1)), pace: Pace::Easing }
    }
}

impl Reminders {
    /// When to remind next, at `now`, of an incident open since `since`.
    pub fn next(self, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let every = self.every.filter(|e| !e.is_zero())?;
        let step = match self.pace {
            Pace::Steady => every,
            Pace::Easing => every.max(easing_floor(now.since(since))),
        };
        Some(now.plus(step))
    }
}

/// DESIGN, "The pure core": hourly for a day, then every 6 h, then daily (here: after a week).
fn easing_floor(age: Duration) -> Duration {
    if age < DAY {
        Duration::ZERO
    } else if age < DAY * 7 {
        DAY / 4
    } else {
        DAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours_until_next(reminders: Reminders, age_h: u64) -> Option<u64> {
        let now = Timestamp::EPOCH.plus(Duration::from_secs(age_h * 3_600));
        reminders.next(Timestamp::EPOCH, now).map(|at| at.since(now).as_secs() / 3_600)
    }

    #[test]
    fn reminders_are_hourly_for_a_day_then_every_six_hours_then_daily() {
        let usual = Reminders::default();
        for (age_h, next_h) in [(0, 1), (23, 1), (24, 6), (167, 6), (168, 24), (10_000, 24)] {
            assert_eq!(hours_until_next(usual, age_h), Some(next_h), "after {age_h} h");
        }
    }

    #[test]
    fn a_steady_pace_never_eases_and_zero_is_never() {
        let steady = Reminders { pace: Pace::Steady, ..Reminders::default() };
        assert_eq!(hours_until_next(steady, 10_000), Some(1));
        let never = Reminders { every: Some(Duration::ZERO), ..steady };
        assert_eq!(hours_until_next(never, 0), None);
    }

    #[test]
    fn easing_never_makes_a_slow_rhythm_faster() {
        let slow = Reminders { every: Some(DAY * 3), pace: Pace::Easing };
        assert_eq!(hours_until_next(slow, 30), Some(72));
    }
}
