//! When cron-like pings arrive: many at the start of each minute, more at the start of each hour.
//!
//! The rate is a floor plus a spike that starts at the full minute and decays by a factor e every 3 s. It starts at 8
//! times the average, at the full hour at 20 times; the floor is such that the hour has the average it is named after.
//! All of it is whole numbers, so that it is the same on every machine.

/// Ticks of 10 ms in a second.
pub(crate) const TICKS_PER_SECOND: u32 = 100;
/// Peak at the start of a minute, in averages.
pub(crate) const MINUTE_PEAK: u32 = 8;
/// Peak at the start of an hour, in averages.
pub(crate) const HOUR_PEAK: u32 = 20;
/// After how many ticks the spike is down to 1/e: 3 s.
const DECAY_TICKS: u64 = 300;
/// How many parts one average is divided into.
const AVERAGE: u64 = 1_000_000_000;
const TICKS_PER_MINUTE: u64 = 6_000;
const TICKS_PER_HOUR: u64 = 360_000;

/// The start of which an ordinary minute, or the hour, is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// A full minute that is not a full hour.
    Minute,
    /// The full hour.
    Hour,
}

impl Moment {
    /// The rate at the moment itself, in averages.
    pub(crate) fn peak(self) -> u32 {
        match self {
            Self::Minute => MINUTE_PEAK,
            Self::Hour => HOUR_PEAK,
        }
    }
}

/// How many pings arrive in each of `ticks` ticks around a moment, `before` of them ahead of it.
pub(crate) fn arrivals(pings_per_hour: u64, moment: Moment, before: u32, ticks: u32) -> Vec<u32> {
    let floor = floor();
    let earlier = spike(u64::from(MINUTE_PEAK) * AVERAGE - floor).skip(usize_of(TICKS_PER_MINUTE - u64::from(before)));
    let now = spike(u64::from(moment.peak()) * AVERAGE - floor);
    let mut owed = 0;
    let weights = earlier.take(usize_of(u64::from(before))).chain(now).take(usize_of(u64::from(ticks)));
    weights.map(|weight| whole_pings(pings_per_hour * (floor + weight), &mut owed)).collect()
}

/// The rate between the spikes, in parts of [`AVERAGE`]: what is left when the spikes have had theirs.
fn floor() -> u64 {
    let spike: u64 = spike(AVERAGE).take(usize_of(TICKS_PER_MINUTE)).sum();
    let in_spikes = (60 * u64::from(MINUTE_PEAK) + u64::from(HOUR_PEAK - MINUTE_PEAK)) * spike;
    (TICKS_PER_HOUR * AVERAGE - in_spikes) / (TICKS_PER_HOUR - 60 * spike / AVERAGE)
}

/// What a spike adds, tick by tick.
fn spike(start: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(start), |&height| Some(height - height / DECAY_TICKS))
}

/// Pings come whole: the fraction is owed to the next tick.
fn whole_pings(weighted: u64, owed: &mut u64) -> u32 {
    let scale = TICKS_PER_HOUR * AVERAGE;
    *owed += weighted;
    let whole = *owed / scale;
    *owed %= scale;
    u32::try_from(whole).unwrap_or(u32::MAX)
}

fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(arrivals: &[u32]) -> u64 {
        arrivals.iter().map(|&pings| u64::from(pings)).sum()
    }

    #[test]
    fn an_hour_of_minutes_has_the_average_it_is_named_after() {
        let minute = sum(&arrivals(3_600_000, Moment::Minute, 0, 6_000));
        let first = sum(&arrivals(3_600_000, Moment::Hour, 0, 6_000));
        let hour = 59 * minute + first;
        assert!(hour.abs_diff(3_600_000) < 3_600, "{hour} pings in an hour of 3,600,000");
    }

    #[test]
    fn the_first_instant_has_the_peak_rate() {
        for moment in [Moment::Minute, Moment::Hour] {
            // 360,000,000 pings an hour are 1,000 in an average tick.
            let first = arrivals(360_000_000, moment, 0, 1)[0];
            assert_eq!(first, 1_000 * moment.peak());
        }
    }

    #[test]
    fn before_the_moment_the_previous_spike_is_over() {
        let before = arrivals(360_000_000, Moment::Hour, 500, 500);
        assert!(before.iter().all(|&pings| (600..640).contains(&pings)), "{before:?}");
    }
}
