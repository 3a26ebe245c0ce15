//! Token buckets by name, in bounded memory and by the injected clock.
//!
//! A bucket is one instant: when its debt will be paid. Buckets without debt are forgotten; when all places are taken,
//! newcomers share one.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use heartbeat_core::Timestamp;

use crate::config::Rate;

/// How many names are told apart.
const NAMES: usize = 10_000;

/// A bucket for each name.
pub(crate) struct Buckets<K> {
    rate: Rate,
    debts: Mutex<Debts<K>>,
}

struct Debts<K> {
    paid_at: HashMap<K, Timestamp>,
    others_paid_at: Timestamp,
}

impl<K: Hash + Eq + Copy> Buckets<K> {
    /// Full buckets of this rate.
    pub(crate) fn new(rate: Rate) -> Self {
        let debts = Debts { paid_at: HashMap::new(), others_paid_at: Timestamp::EPOCH };
        Self { rate, debts: Mutex::new(debts) }
    }

    /// Whether there is something left; else how long until there is.
    pub(crate) fn check(&self, name: K, now: Timestamp) -> Result<(), Duration> {
        self.check_debt(self.lock().of(name), now)
    }

    /// Takes one, even where nothing is left.
    pub(crate) fn charge(&self, name: K, now: Timestamp) {
        self.lock().add(name, self.rate.refill, now);
    }

    /// Takes one if there is something left; else says how long until there is.
    pub(crate) fn take(&self, name: K, now: Timestamp) -> Result<(), Duration> {
        let mut debts = self.lock();
        self.check_debt(debts.of(name), now)?;
        debts.add(name, self.rate.refill, now);
        Ok(())
    }

    fn check_debt(&self, paid_at: Timestamp, now: Timestamp) -> Result<(), Duration> {
        let bearable = self.rate.refill.saturating_mul(self.rate.burst.saturating_sub(1));
        let wait = paid_at.since(now).saturating_sub(bearable);
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Debts<K>> {
        self.debts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Copy> Debts<K> {
    fn of(&self, name: K) -> Timestamp {
        let unknown = if self.paid_at.len() < NAMES { Timestamp::EPOCH } else { self.others_paid_at };
        self.paid_at.get(&name).copied().unwrap_or(unknown)
    }

    fn add(&mut self, name: K, debt: Duration, now: Timestamp) {
        if self.paid_at.len() >= NAMES && !self.paid_at.contains_key(&name) {
            self.paid_at.retain(|_, paid_at| *paid_at > now);
        }
        let paid_at = if self.paid_at.len() < NAMES || self.paid_at.contains_key(&name) {
            self.paid_at.entry(name).or_insert(now)
        } else {
            &mut self.others_paid_at
        };
        *paid_at = (*paid_at).max(now).plus(debt);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, refill: Duration::from_secs(2) };

    #[test]
    fn after_the_burst_one_comes_back_every_refill() {
        let (buckets, start) = (Buckets::new(RATE), Timestamp::from_secs(1_000));
        for _ in 0..3 {
            assert_eq!(buckets.take("a", start), Ok(()));
        }
        assert_eq!(buckets.take("a", start), Err(Duration::from_secs(2)));
        assert_eq!(buckets.check("b", start), Ok(()));
        let later = start.plus(Duration::from_secs(2));
        assert_eq!(buckets.take("a", later), Ok(()));
        assert_eq!(buckets.check("a", later), Err(Duration::from_secs(2)));
    }

    #[test]
    fn a_flood_of_names_takes_bounded_memory_and_shares_one_bucket() {
        let (buckets, now) = (Buckets::new(RATE), Timestamp::from_secs(1_000));
        for name in 0..NAMES + 100 {
            buckets.charge(name, now);
        }
        assert_eq!(buckets.lock().paid_at.len(), NAMES);
        assert!(buckets.check(usize::MAX, now).is_err());
        buckets.charge(usize::MAX, now.plus(Duration::from_mins(1)));
        assert_eq!(buckets.lock().paid_at.len(), 1);
    }
}
