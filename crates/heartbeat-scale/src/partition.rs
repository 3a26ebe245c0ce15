//! What one partition of DynamoDB lets through: 1,000 write units a second.

use crate::traffic::TICKS_PER_SECOND;

/// Write units that one partition takes in a second.
pub(crate) const WRITES_PER_SECOND: u32 = 1_000;
const WRITES_PER_TICK: u32 = WRITES_PER_SECOND / TICKS_PER_SECOND;
/// AWS says that it keeps 300 s of unused capacity for bursts.
const BANK: u32 = 300 * WRITES_PER_SECOND;

/// What a partition has saved from before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Savings {
    /// Nothing beyond the running second: the limit that AWS documents for a partition, and what we plan with.
    None,
    /// 300 s of unused capacity, as AWS says it keeps at present and does not promise.
    FullBank,
    /// The bank exists and is empty: the load is above the limit all the time.
    EmptyBank,
}

/// The write units that are left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Partition {
    units: u32,
    savings: Savings,
}

impl Partition {
    /// A partition as the moment finds it.
    pub(crate) fn new(savings: Savings) -> Self {
        let units = match savings {
            Savings::None => WRITES_PER_SECOND,
            Savings::FullBank => BANK,
            Savings::EmptyBank => 0,
        };
        Self { units, savings }
    }

    /// 10 ms pass, and it is now the tick `now`: without savings each full second brings its units, and ends the last
    /// second's; with a bank they trickle in.
    pub(crate) fn tick(&mut self, now: u32) {
        self.units = match self.savings {
            Savings::None if now.is_multiple_of(TICKS_PER_SECOND) => WRITES_PER_SECOND,
            Savings::None => self.units,
            Savings::FullBank | Savings::EmptyBank => BANK.min(self.units + WRITES_PER_TICK),
        };
    }

    /// Whether `units` can be written now.
    pub(crate) fn has(self, units: u32) -> bool {
        self.units >= units
    }

    /// Writes `units`, which it [has](Self::has). What is throttled costs nothing.
    pub(crate) fn take(&mut self, units: u32) {
        self.units = self.units.saturating_sub(units);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(partition: &mut Partition) -> u32 {
        let mut taken = 0;
        while partition.has(1) {
            partition.take(1);
            taken += 1;
        }
        taken
    }

    #[test]
    fn a_second_refills_exactly_the_limit_and_no_pause_more_than_the_savings() {
        for (savings, at_first, after_an_hour) in
            [(Savings::None, 1_000, 1_000), (Savings::FullBank, 300_000, 300_000), (Savings::EmptyBank, 0, 300_000)]
        {
            let mut partition = Partition::new(savings);
            assert_eq!(drain(&mut partition), at_first);
            (1..=TICKS_PER_SECOND).for_each(|now| partition.tick(now));
            assert_eq!(drain(&mut partition), 1_000);
            (1..=3_600 * TICKS_PER_SECOND).for_each(|now| partition.tick(now));
            assert_eq!(drain(&mut partition), after_an_hour);
        }
    }
}
