//! The queueing simulation: the start of a minute or an hour against shards and partitions.
//!
//! An ordinary ping needs 1 unit of its base partition and, where the index moves, 2 units of its shard, both at once:
//! an index that is throttled fails the base table's write. What is throttled tries again after a random pause that
//! doubles, and is given up with a 503 after its last attempt, or when the next would come later than 3 s after its
//! arrival.

use crate::{
    partition::{Partition, Savings, WRITES_PER_SECOND},
    random::{Random, mix},
    traffic::{Moment, TICKS_PER_SECOND, arrivals},
};

/// The API gives up on a write after 3 s.
const GIVE_UP_TICKS: u32 = 3 * TICKS_PER_SECOND;
/// What runs ahead of the moment and is not counted.
const BEFORE_TICKS: u32 = 3 * TICKS_PER_SECOND;
/// What is counted: the spike is over long before.
pub(crate) const COUNTED_SECONDS: u32 = 20;
/// The first pause is at most 50 ms; each further one at most twice the one before, and never above 500 ms:
/// the back-off of the store in `heartbeat-core`'s `dynamo/`.
const FIRST_PAUSE_TICKS: u32 = 5;
const LONGEST_PAUSE_TICKS: u32 = 50;
/// Attempts that the store makes.
pub(crate) const STORE_ATTEMPTS: u32 = 8;
/// More than fit into 3 s.
pub(crate) const ATTEMPTS_TO_THE_END: u32 = 1_000;
/// Write units that a moved index key costs: one to delete, one to put.
const INDEX_UNITS: u32 = 2;

/// The shard of each monitor comes from this checksum of its id, as in production.
pub(crate) fn checksums(monitors: u32) -> Vec<u32> {
    (0..monitors).map(|n| crc32fast::hash(format!("team-{}/job-{n}", n % 97).as_bytes())).collect()
}

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    /// The average load.
    pub(crate) pings_per_hour: u64,
    /// The shards of the index; 0 when nothing is indexed.
    pub(crate) shards: u32,
    /// The partitions of the table.
    pub(crate) partitions: u32,
    /// Whether partitions may use what they saved.
    pub(crate) savings: Savings,
    /// Which spike.
    pub(crate) moment: Moment,
    /// How often a write is attempted at most.
    pub(crate) attempts: u32,
}

impl Setup {
    /// With a bank: full where the average load leaves something to save, else empty.
    pub(crate) fn with_bank(self) -> Self {
        let units_per_hour = self.pings_per_hour * u64::from(INDEX_UNITS);
        let most = u64::from(self.shards) * u64::from(WRITES_PER_SECOND) * 3_600;
        Self { savings: if units_per_hour < most { Savings::FullBank } else { Savings::EmptyBank }, ..self }
    }

    /// Lets it happen to the monitors with these checksums.
    pub(crate) fn run(&self, monitors: &[u32]) -> Outcome {
        Run::new(self, monitors).finish()
    }
}

/// What became of the pings.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// Stored pings by how long they waited, in ticks.
    waited: Vec<u64>,
    /// Answered 503.
    pub(crate) failed: u64,
}

impl Outcome {
    /// All that arrived.
    pub(crate) fn pings(&self) -> u64 {
        self.waited.iter().sum::<u64>() + self.failed
    }

    /// How many were throttled at least once.
    pub(crate) fn delayed(&self) -> u64 {
        self.waited.iter().skip(1).sum::<u64>() + self.failed
    }

    /// How long the ping waited that `per_mille` of all do not outwait, in ms; `None` when it failed.
    pub(crate) fn wait_ms(&self, per_mille: u64) -> Option<u64> {
        let rank = (self.pings() * per_mille).div_ceil(1_000).max(1);
        let mut seen = 0;
        let ticks = self.waited.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        Some(u64::try_from(ticks).unwrap_or(u64::MAX) * 1_000 / u64::from(TICKS_PER_SECOND))
    }
}

/// A ping that has not been stored yet.
#[derive(Clone, Copy)]
struct Waiting {
    arrived: u32,
    shard: usize,
    partition: usize,
    attempts: u32,
}

struct Run<'a> {
    setup: &'a Setup,
    monitors: &'a [u32],
    random: Random,
    shards: Vec<Partition>,
    partitions: Vec<Partition>,
    /// Who tries again at which tick.
    agenda: Vec<Vec<Waiting>>,
    outcome: Outcome,
}

impl<'a> Run<'a> {
    fn new(setup: &'a Setup, monitors: &'a [u32]) -> Self {
        let arriving = BEFORE_TICKS + COUNTED_SECONDS * TICKS_PER_SECOND;
        Self {
            setup,
            monitors,
            random: Random::new(20_261_123),
            shards: vec![Partition::new(setup.savings); index(setup.shards)],
            partitions: vec![Partition::new(setup.savings); index(setup.partitions)],
            agenda: vec![Vec::new(); index(arriving + GIVE_UP_TICKS + 1)],
            outcome: Outcome { waited: vec![0; index(GIVE_UP_TICKS + 1)], failed: 0 },
        }
    }

    fn finish(mut self) -> Outcome {
        let arriving = BEFORE_TICKS + COUNTED_SECONDS * TICKS_PER_SECOND;
        let mut arrivals = arrivals(self.setup.pings_per_hour, self.setup.moment, BEFORE_TICKS, arriving).into_iter();
        for now in 0..=arriving + GIVE_UP_TICKS {
            self.shards.iter_mut().chain(&mut self.partitions).for_each(|limit| limit.tick(now));
            let again = self.agenda.get_mut(index(now)).map(std::mem::take).unwrap_or_default();
            for ping in again {
                self.attempt(ping, now);
            }
            for _ in 0..arrivals.next().unwrap_or(0) {
                if let Some(ping) = self.ping(now) {
                    self.attempt(ping, now);
                }
            }
        }
        self.outcome
    }

    /// A ping of any monitor.
    fn ping(&mut self, arrived: u32) -> Option<Waiting> {
        let monitor = self.random.below(u32::try_from(self.monitors.len()).unwrap_or(u32::MAX));
        let checksum = *self.monitors.get(index(monitor))?;
        let shard = index(checksum.checked_rem(self.setup.shards).unwrap_or(0));
        // DynamoDB's hash is its own, and independent of ours.
        let partition = mix(u64::from(checksum)) % u64::from(self.setup.partitions.max(1));
        Some(Waiting { arrived, shard, partition: usize::try_from(partition).unwrap_or(0), attempts: 0 })
    }

    fn attempt(&mut self, ping: Waiting, now: u32) {
        if self.write(ping) {
            self.count(ping, |outcome| outcome.waited.get_mut(index(now - ping.arrived)));
            return;
        }
        let longest = FIRST_PAUSE_TICKS.checked_shl(ping.attempts).unwrap_or(u32::MAX).min(LONGEST_PAUSE_TICKS);
        let next = now + 1 + self.random.below(longest);
        match self.agenda.get_mut(index(next)) {
            Some(then) if ping.attempts + 1 < self.setup.attempts && next - ping.arrived <= GIVE_UP_TICKS => {
                then.push(Waiting { attempts: ping.attempts + 1, ..ping });
            }
            Some(_) | None => self.count(ping, |outcome| Some(&mut outcome.failed)),
        }
    }

    /// Both or neither.
    fn write(&mut self, ping: Waiting) -> bool {
        let shard = self.shards.get_mut(ping.shard);
        let Some(partition) = self.partitions.get_mut(ping.partition) else { return false };
        let fits = partition.has(1) && shard.as_ref().is_none_or(|shard| shard.has(INDEX_UNITS));
        if fits {
            partition.take(1);
            if let Some(shard) = shard {
                shard.take(INDEX_UNITS);
            }
        }
        fits
    }

    fn count<'b>(&'b mut self, ping: Waiting, counter: impl FnOnce(&'b mut Outcome) -> Option<&'b mut u64>) {
        if ping.arrived >= BEFORE_TICKS
            && let Some(count) = counter(&mut self.outcome)
        {
            *count += 1;
        }
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(pings_per_second: u64, shards: u32) -> Setup {
        Setup {
            pings_per_hour: pings_per_second * 3_600,
            shards,
            partitions: 64,
            savings: Savings::None,
            moment: Moment::Hour,
            attempts: ATTEMPTS_TO_THE_END,
        }
    }

    #[test]
    fn who_gives_up_early_fails_more_often() {
        let monitors = checksums(5_000);
        let failed = [1, STORE_ATTEMPTS, ATTEMPTS_TO_THE_END]
            .map(|attempts| Setup { attempts, ..setup(60, 1) }.run(&monitors).failed);
        assert!(failed[0] > failed[1] && failed[1] > failed[2], "{failed:?}");
    }

    #[test]
    fn no_ping_is_lost_count_of() {
        let monitors = checksums(5_000);
        for shards in [1, 4, 16] {
            let expected: u32 = arrivals(400 * 3_600, Moment::Hour, 300, 2_300).iter().skip(300).sum();
            assert_eq!(setup(400, shards).run(&monitors).pings(), u64::from(expected));
        }
    }

    #[test]
    fn what_fits_waits_for_nothing_and_what_does_not_fit_fails() {
        let monitors = checksums(5_000);
        // 20 × 10 pings × 2 units are 400 a second in one shard; 20 × 400 are 16,000, and 800 still on average.
        let calm = setup(10, 1).run(&monitors);
        assert_eq!((calm.delayed(), calm.failed, calm.wait_ms(1_000)), (0, 0, Some(0)));
        let full = setup(400, 1).run(&monitors);
        assert!(full.failed * 2 > full.pings(), "{} of {} failed", full.failed, full.pings());
        assert_eq!(full.wait_ms(999), None);
    }

    #[test]
    fn more_shards_never_make_it_worse() {
        let monitors = checksums(5_000);
        let failed = [1, 4, 16, 64].map(|shards| setup(400, shards).run(&monitors).failed);
        assert!(failed.is_sorted_by(|few, many| few >= many) && failed[0] > failed[3], "{failed:?}");
    }

    #[test]
    fn a_shard_writes_no_more_than_its_limit() {
        let monitors = checksums(5_000);
        let outcome = setup(2_000, 1).run(&monitors);
        // 1,000 units a second are 500 pings; 3 s of those that arrived before may still be served after.
        let stored = outcome.pings() - outcome.failed;
        assert!(stored <= 500 * u64::from(COUNTED_SECONDS + 4), "{stored} stored");
        assert!(stored >= 500 * u64::from(COUNTED_SECONDS - 4), "{stored} stored");
    }

    #[test]
    fn a_bank_is_full_only_where_the_average_leaves_something_to_save() {
        assert_eq!(setup(499, 1).with_bank().savings, Savings::FullBank);
        assert_eq!(setup(500, 1).with_bank().savings, Savings::EmptyBank);
    }

    #[test]
    fn without_an_index_only_the_table_counts() {
        let monitors = checksums(5_000);
        let outcome = setup(400, 0).run(&monitors);
        assert_eq!(outcome.failed, 0);
        let cold = Setup { partitions: 1, ..setup(400, 0) }.run(&monitors);
        assert!(cold.failed > 0);
    }
}
