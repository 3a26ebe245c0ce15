//! How long runs took.

/// What the times of runs come to, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runtime {
    /// How many runs.
    pub count: usize,
    /// The shortest.
    pub min: u64,
    /// The mean, rounded down.
    pub mean: u64,
    /// At least 95 of 100 took no longer: the nearest rank, a time that was measured.
    pub p95: u64,
    /// The longest.
    pub max: u64,
    /// The newest.
    pub last: u64,
}

impl Runtime {
    /// What these times come to, which are given newest first; `None` where there are none.
    pub fn of(newest_first: &[u64]) -> Option<Self> {
        let mut times = newest_first.to_vec();
        times.sort_unstable();
        let count = times.len();
        let sum: u128 = times.iter().map(|time| u128::from(*time)).sum();
        let rank = (count * 95).div_ceil(100);
        Some(Self {
            count,
            min: *times.first()?,
            mean: u64::try_from(sum / u128::try_from(count).ok()?).unwrap_or(u64::MAX),
            p95: *times.get(rank.checked_sub(1)?)?,
            max: *times.last()?,
            last: *newest_first.first()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_a_hundred_runs_the_ninety_fifth_is_the_p95() {
        let times: Vec<u64> = (1..=100).rev().collect();
        let expected = Runtime { count: 100, min: 1, mean: 50, p95: 95, max: 100, last: 100 };
        assert_eq!(Runtime::of(&times), Some(expected));
        assert_eq!(Runtime::of(&[]), None);
        assert_eq!(Runtime::of(&[u64::MAX, u64::MAX]).map(|all| all.mean), Some(u64::MAX));
    }

    proptest! {
        #[test]
        fn enough_runs_took_no_longer_than_the_p95(times in proptest::collection::vec(0_u64..50, 1..200)) {
            let all = Runtime::of(&times).unwrap();
            prop_assert!(all.min <= all.mean && all.mean <= all.max && all.p95 <= all.max && all.min <= all.last);
            prop_assert!(times.iter().filter(|time| **time <= all.p95).count() * 100 >= times.len() * 95);
            prop_assert!(times.iter().filter(|time| **time < all.p95).count() * 100 < times.len() * 95);
        }
    }
}
