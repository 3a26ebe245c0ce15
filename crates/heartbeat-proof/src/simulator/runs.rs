//! Jobs that run by a cron line, as plainly as it can be said: at so much past each multiple of a period. The lines are such
//! that this is all there is to them; what else a line can say is judged by croniter, in the tests of the core.

use std::time::Duration;

use heartbeat_core::{Cron, Schedule, Timestamp};

use super::executor::Chance;

/// Where it is five and a half hours later than in UTC, all the year round.
const KOLKATA: (&str, u64) = ("Asia/Kolkata", 5 * 60 + 30);
const UTC: (&str, u64) = ("UTC", 0);
const DAY: u64 = 24 * 60;

/// When a job runs.
#[derive(Clone, Debug)]
pub(super) struct Runs {
    /// The line that says so.
    line: String,
    zone: &'static str,
    /// The time from one run to the next.
    pub(super) period: Duration,
    /// How long after a multiple of the period since the epoch.
    offset: Duration,
}

impl Runs {
    /// Every so many minutes, a divisor of 30.
    pub(super) fn each(minutes: u64, chance: &Chance) -> Self {
        let zone = if chance.happens(500) { KOLKATA.0 } else { UTC.0 };
        let period = Duration::from_secs(minutes * 60);
        Self { line: format!("*/{minutes} * * * *"), zone, period, offset: Duration::ZERO }
    }

    /// Once a day, at some minute.
    pub(super) fn daily(chance: &Chance) -> Self {
        let ((zone, ahead), minute) = (if chance.happens(500) { KOLKATA } else { UTC }, chance.below(DAY));
        let offset = Duration::from_secs((minute + DAY - ahead) % DAY * 60);
        let line = format!("{} {} * * *", minute % 60, minute / 60);
        Self { line, zone, period: Duration::from_hours(24), offset }
    }

    /// What a ping says of it.
    pub(super) fn schedule(&self) -> Option<Schedule> {
        Cron::parse(&self.line, self.zone).ok().map(Schedule::Cron)
    }

    /// The first run after `at`.
    pub(super) fn next_after(&self, at: Timestamp) -> Timestamp {
        let (period, offset) = (self.period.as_secs().max(1), self.offset.as_secs());
        let since = at.since(Timestamp::from_secs(offset.cast_signed())).as_secs();
        Timestamp::from_secs((offset + (since / period + 1) * period).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_words_and_the_line_say_the_same() {
        for seed in 0..40 {
            let chance = Chance::of(seed);
            let runs = [Runs::daily(&chance), Runs::each(15, &chance), Runs::each(1, &chance)];
            for run in runs {
                let Some(Schedule::Cron(cron)) = run.schedule() else { panic!("{run:?} is no cron line") };
                let mut at = Timestamp::from_secs(1_790_000_000 + seed.cast_signed() * 1_111);
                for _ in 0..50 {
                    let next = run.next_after(at);
                    assert_eq!(cron.next_after(at), Some(next), "{run:?} after {at}");
                    at = next;
                }
            }
        }
    }
}
