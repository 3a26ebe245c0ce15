//! Latencies, and the percentiles of them.

use std::time::Duration;

/// Latencies in the order of their length.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// Sorts what was measured.
    pub(crate) fn new(mut measured: Vec<Duration>) -> Self {
        measured.sort_unstable();
        Self(measured)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The shortest that at least `per_mille` thousandths of all do not exceed (nearest rank); 1 000 = the longest.
    /// Zero when there is none.
    pub(crate) fn at_per_mille(&self, per_mille: usize) -> Duration {
        let rank = (self.0.len() * per_mille).div_ceil(1_000);
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// The median.
    pub(crate) fn median(&self) -> Duration {
        self.at_per_mille(500)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(micros: impl IntoIterator<Item = u64>) -> Latencies {
        Latencies::new(micros.into_iter().map(Duration::from_micros).collect())
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let thousand = latencies((1..=1_000).rev());
        for (per_mille, micros) in [(0, 1), (1, 1), (500, 500), (990, 990), (999, 999), (1_000, 1_000)] {
            assert_eq!(thousand.at_per_mille(per_mille), Duration::from_micros(micros), "{per_mille}");
        }
    }

    #[test]
    fn a_rank_between_two_is_the_later_one() {
        let five = latencies([30, 10, 50, 20, 40]);
        for (per_mille, micros) in [(200, 10), (201, 20), (500, 30), (990, 50)] {
            assert_eq!(five.at_per_mille(per_mille), Duration::from_micros(micros), "{per_mille}");
        }
        assert_eq!(latencies([10, 20]).median(), Duration::from_micros(10));
    }

    #[test]
    fn of_nothing_every_percentile_is_zero() {
        assert_eq!(latencies([]).at_per_mille(990), Duration::ZERO);
    }
}
