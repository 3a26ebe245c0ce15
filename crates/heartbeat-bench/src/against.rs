//! Ordinary pings, and the same on another binary: of an earlier commit. Both are measured in one run, in pairs, in turn one and
//! the other first, so that whatever the machine does meanwhile is done to both.

use std::{path::Path, time::Duration};

use crate::{Plan, pings, server};

/// How many pairs.
const PAIRS: usize = 5;

/// What came of the pairs.
#[derive(Clone, Debug)]
pub(crate) struct Against {
    /// How many monitors were pinged in turn.
    pub(crate) monitors: u32,
    /// What a ping cost the servers, of the earlier binary and of this one.
    pub(crate) pairs: Vec<(Duration, Duration)>,
}

impl Against {
    /// The median of what a ping cost the earlier one.
    pub(crate) fn before(&self) -> Duration {
        median(self.pairs.iter().map(|pair| pair.0).collect()).unwrap_or_default()
    }

    /// The median of what a ping cost this one.
    pub(crate) fn now(&self) -> Duration {
        median(self.pairs.iter().map(|pair| pair.1).collect()).unwrap_or_default()
    }

    /// What this one needs of what the earlier one does, in thousandths: of each pair, from the least.
    pub(crate) fn per_mille(&self) -> Vec<u128> {
        let ratio = |(before, now): &(Duration, Duration)| (now.as_nanos() * 1_000).checked_div(before.as_nanos());
        let mut ratios: Vec<_> = self.pairs.iter().filter_map(ratio).collect();
        ratios.sort_unstable();
        ratios
    }
}

/// Measures pings to so many monitors on the earlier binary and on the plan's.
pub(crate) fn measure(plan: &Plan, earlier: &Path, monitors: u32) -> anyhow::Result<Against> {
    let folder = plan.folder.join("earlier");
    std::fs::create_dir_all(&folder)?;
    let before = Plan { binary: server::copy(earlier, &folder)?, folder, ..plan.clone() };
    let cost = |plan: &Plan| pings::measure(plan, monitors).map(|row| row.server_cpu_each());
    let mut pairs = Vec::new();
    for pair in 0..PAIRS {
        pairs.push(if pair % 2 == 0 {
            let earlier = cost(&before)?;
            (earlier, cost(plan)?)
        } else {
            let now = cost(plan)?;
            (cost(&before)?, now)
        });
    }
    Ok(Against { monitors, pairs })
}

fn median(mut of: Vec<Duration>) -> Option<Duration> {
    of.sort_unstable();
    of.get(of.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_compared_each_with_its_own() {
        let micros = |(before, now)| (Duration::from_micros(before), Duration::from_micros(now));
        let against = Against { monitors: 1, pairs: [(10, 11), (40, 20), (20, 20)].map(micros).into() };
        assert_eq!(against.per_mille(), [500, 1_000, 1_100]);
        assert_eq!((against.before(), against.now()), (Duration::from_micros(20), Duration::from_micros(20)));
    }
}
