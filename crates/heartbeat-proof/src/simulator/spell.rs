//! Spells of bad weather: ranges of time in which something does not work at all.

use std::time::Duration;

use heartbeat_core::Timestamp;

use super::executor::Chance;

/// Ranges of true time, each from a first moment to the one in which all is well again, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spells(Vec<(Timestamp, Timestamp)>);

impl Spells {
    /// At most `most` spells in `from..to`, each as long as `length` says, with time between them to come to rest.
    pub(super) fn by_chance(
        chance: &Chance,
        most: u64,
        (from, to): (Timestamp, Timestamp),
        length: impl Fn(&Chance) -> Duration,
    ) -> Self {
        let (mut spells, mut free_from) = (Vec::new(), from);
        for _ in 0..most {
            let left = to.since(free_from).as_secs();
            let begin = free_from.plus(Duration::from_secs(chance.below(left)));
            let end = begin.plus(length(chance));
            if end >= to {
                break;
            }
            spells.push((begin, end));
            free_from = end.plus(REST);
        }
        Self(spells)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        self.0.iter().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one is going on at `now`.
    pub(super) fn at(&self, now: Timestamp) -> bool {
        self.iter().any(|(from, to)| (from..to).contains(&now))
    }

    /// Those that have anything in common with `from..to`.
    pub(super) fn touching(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        self.iter().filter(move |(begin, end)| *begin < to && *end > from)
    }

    /// How much of `from..to` they take.
    pub(super) fn time_in(&self, from: Timestamp, to: Timestamp) -> Duration {
        self.touching(from, to).map(|(begin, end)| end.min(to).since(begin.max(from))).sum()
    }
}

/// Between two spells of one kind.
const REST: Duration = Duration::from_mins(20);
