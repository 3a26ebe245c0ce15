//! How many pings each number of shards carries, found by simulating the start of an hour again and again.

use crate::{
    limits::{SHARDS, pings_per_shard, warm_partitions},
    partition::Savings,
    spike::{ATTEMPTS_TO_THE_END, Outcome, STORE_ATTEMPTS, Setup},
    table::{count, figure, table},
    traffic::{HOUR_PEAK, Moment},
};

use super::Figure;

/// The most pings a second, on average, that an hour's start lets through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carried {
    /// The shards.
    pub(super) shards: u16,
    /// With at most one ping in a thousand throttled, and without a 503.
    pub(super) without_waiting: f64,
    /// Without a 503, with the attempts that the store makes.
    pub(super) without_failing: f64,
    /// Without a 503, if it went on for 3 s.
    pub(super) with_patience: f64,
}

impl Carried {
    /// For each number of shards.
    pub(super) fn all(monitors: &[u32]) -> Vec<Self> {
        SHARDS.map(|shards| Self::of(shards, monitors)).to_vec()
    }

    fn of(shards: u16, monitors: &[u32]) -> Self {
        let stored = |outcome: &Outcome| outcome.failed == 0;
        let unthrottled = |outcome: &Outcome| stored(outcome) && outcome.delayed() * 1_000 <= outcome.pings();
        Self {
            shards,
            without_waiting: most(shards, STORE_ATTEMPTS, monitors, unthrottled),
            without_failing: most(shards, STORE_ATTEMPTS, monitors, stored),
            with_patience: most(shards, ATTEMPTS_TO_THE_END, monitors, stored),
        }
    }
}

pub(super) fn figures(carried: &[Carried]) -> Vec<Figure> {
    let of = |shards: u16, rate: fn(&Carried) -> f64| {
        carried.iter().find(|carried| carried.shards == shards).map_or(0.0, rate)
    };
    let calm = |shards| figure(of(shards, |carried| carried.without_waiting));
    let safe = |shards| figure(of(shards, |carried| carried.without_failing));
    vec![
        ("carried-table", carried_table(carried)),
        ("even-16", figure(even(16))),
        ("even-64", figure(even(64))),
        ("even-256", figure(even(256))),
        ("calm-16", calm(16)),
        ("calm-64", calm(64)),
        ("calm-256", calm(256)),
        ("safe-16", safe(16)),
        ("safe-64", safe(64)),
        ("safe-256", safe(256)),
        ("patient-16", figure(of(16, |carried| carried.with_patience))),
        ("patient-64", figure(of(64, |carried| carried.with_patience))),
        ("patient-256", figure(of(256, |carried| carried.with_patience))),
        ("calm-16-monitors", figure(60.0 * of(16, |carried| carried.without_waiting))),
        ("calm-64-monitors", figure(60.0 * of(64, |carried| carried.without_waiting))),
        ("calm-256-monitors", figure(60.0 * of(256, |carried| carried.without_waiting))),
    ]
}

fn carried_table(carried: &[Carried]) -> String {
    let header = [
        "Shards",
        "Even spread, by arithmetic",
        "Nobody waits",
        "Nobody gets a 503: 8 attempts",
        "with retries for 3 s",
        "Nobody waits, monitors at 1 min",
        "at 5 min",
    ];
    let rows = carried.iter().map(|row| {
        let calm = row.without_waiting;
        let figures = [even(row.shards), calm, row.without_failing, row.with_patience, calm * 60.0, calm * 300.0];
        std::iter::once(count(row.shards)).chain(figures.map(figure)).collect()
    });
    table(&header, rows)
}

/// The average whose peak at the hour the shards would take at its first instant, were they filled evenly.
fn even(shards: u16) -> f64 {
    f64::from(shards) * pings_per_shard() / f64::from(HOUR_PEAK)
}

/// The highest average rate that is good, to 1/20 of what an even spread over the shards would carry at the hour's peak.
fn most(shards: u16, attempts: u32, monitors: &[u32], good: impl Fn(&Outcome) -> bool) -> f64 {
    let step = u64::from(shards) * 500 / u64::from(HOUR_PEAK) / 20;
    // The search ends at twice the even spread, which nothing carries: a test looks.
    let (mut carried, mut too_much) = (0_u32, 40_u32);
    while too_much - carried > 1 {
        let middle = u32::midpoint(carried, too_much);
        let setup = Setup { attempts, ..setup(u64::from(middle) * step, shards) };
        if good(&setup.run(monitors)) {
            carried = middle;
        } else {
            too_much = middle;
        }
    }
    f64::from(carried) * f64::from(u32::try_from(step).unwrap_or(u32::MAX))
}

fn setup(pings_per_second: u64, shards: u16) -> Setup {
    let peak = f64::from(u32::try_from(pings_per_second).unwrap_or(u32::MAX)) * f64::from(HOUR_PEAK);
    Setup {
        pings_per_hour: pings_per_second * 3_600,
        shards: u32::from(shards),
        partitions: warm_partitions(peak),
        savings: Savings::None,
        moment: Moment::Hour,
        attempts: ATTEMPTS_TO_THE_END,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{limits::shards_needed, spike::checksums};

    #[test]
    fn twice_the_even_spread_is_too_much() {
        let monitors = checksums(100_000);
        for (shards, pings_per_second) in [(16, 800), (64, 3_200)] {
            assert!(setup(pings_per_second, shards).run(&monitors).failed > 0, "{shards} shards");
        }
    }

    #[test]
    fn sixteen_shards_carry_at_least_two_thirds_of_what_an_even_spread_would() {
        let Carried { without_waiting, without_failing, with_patience, .. } = Carried::of(16, &checksums(100_000));
        assert!(without_waiting > even(16) * 0.66, "{without_waiting}");
        // Waiting rides out a peak that 16 shards cannot write at once.
        assert!(without_failing >= without_waiting && with_patience > without_failing);
        assert!(shards_needed(with_patience * f64::from(HOUR_PEAK)) > 16.0, "{with_patience}");
    }
}
