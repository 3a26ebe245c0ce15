//! Token buckets by name, in bounded memory and by the time that the caller gives.
//!
//! [`governor`] does the counting (GCRA): a bucket is one instant, when its debt will be paid. It asks for nothing but a
//! clock and a place for that instant, so a limiter is made for each question, over a clock that stands at `now`. To only
//! look is to drop what it would have written; to charge an empty bucket is to ask with a burst that never ends. What was
//! charged beyond the burst stays owed: else look-ups sent at once would all be paid for by the first refill.
//!
//! 10 000 names are told apart. When all places are taken, those whose debt is paid are cleared; while nobody's is,
//! newcomers share one bucket. No debt is ever pushed out, as a cache of the most used names would do: a flood from more
//! addresses than that would forget its own debts, or never have them written down.

use std::{
    cell::Cell,
    collections::HashMap,
    hash::Hash,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{NotKeyed, StateStore},
};
use heartbeat_core::Timestamp;

use crate::{
    allowance::{Allowance, Limited},
    config::Rate,
};

/// How many names are told apart.
const NAMES: usize = 10_000;
/// A debt without end. governor adds and multiplies nanoseconds in 64 bits, unchecked, which last for 584 years.
const CENTURY: Duration = Duration::from_hours(100 * 365 * 24);
/// Paid, whatever the time is.
pub(crate) const PAID: Timestamp = Timestamp::from_micros(i64::MIN);

/// A bucket for each name.
pub(crate) struct Buckets<K> {
    of: Limited,
    rate: Rate,
    quota: Quota,
    /// As `quota`, with a burst that never ends.
    credit: Quota,
    debts: Mutex<Debts<K>>,
}

struct Debts<K> {
    paid_at: HashMap<K, Timestamp>,
    others_paid_at: Timestamp,
}

impl<K: Hash + Eq + Copy> Buckets<K> {
    /// Full buckets of this rate.
    pub(crate) fn new(of: Limited, rate: Rate) -> Self {
        let debts = Debts { paid_at: HashMap::new(), others_paid_at: PAID };
        Self { of, rate, quota: quota(rate), credit: quota(Rate { burst: u32::MAX, ..rate }), debts: Mutex::new(debts) }
    }

    /// Whether there is something left; else how long until there is.
    pub(crate) fn check(&self, name: K, now: Timestamp) -> Result<(), Duration> {
        one_more(self.quota, self.lock().of(name), now).map(drop)
    }

    /// Takes one, even where nothing is left.
    pub(crate) fn charge(&self, name: K, now: Timestamp) {
        self.lock().add(name, self.credit, now);
    }

    /// Takes one if there is something left; else says how long until there is.
    pub(crate) fn take(&self, name: K, now: Timestamp) -> Result<(), Duration> {
        let mut debts = self.lock();
        one_more(self.quota, debts.of(name), now)?;
        debts.add(name, self.credit, now);
        Ok(())
    }

    /// Where `name` stands.
    pub(crate) fn allowance(&self, name: K, now: Timestamp) -> Allowance {
        let debt = self.lock().of(name).since(now);
        let taken = debt.as_nanos().div_ceil(self.rate.refill.as_nanos().max(1));
        let left = u32::try_from(taken).map_or(0, |taken| self.rate.burst.max(1).saturating_sub(taken));
        Allowance { of: self.of, rate: self.rate, left, whole_in: debt }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Debts<K>> {
        self.debts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Copy> Debts<K> {
    fn of(&self, name: K) -> Timestamp {
        let unknown = if self.paid_at.len() < NAMES { PAID } else { self.others_paid_at };
        self.paid_at.get(&name).copied().unwrap_or(unknown)
    }

    fn add(&mut self, name: K, credit: Quota, now: Timestamp) {
        let paid_at = self.place(name, now);
        *paid_at = one_more(credit, *paid_at, now).unwrap_or(*paid_at);
    }

    fn place(&mut self, name: K, now: Timestamp) -> &mut Timestamp {
        if self.paid_at.len() >= NAMES && !self.paid_at.contains_key(&name) {
            self.paid_at.retain(|_, paid_at| *paid_at > now);
        }
        if self.paid_at.len() < NAMES || self.paid_at.contains_key(&name) {
            self.paid_at.entry(name).or_insert(PAID)
        } else {
            &mut self.others_paid_at
        }
    }
}

/// A rate for debts that are kept elsewhere.
pub(crate) struct Taking(Quota);

impl Taking {
    /// This rate.
    pub(crate) fn new(rate: Rate) -> Self {
        Self(quota(rate))
    }

    /// Takes one if there is something left; else says how long until there is.
    pub(crate) fn take(&self, paid_at: &mut Timestamp, now: Timestamp) -> Result<(), Duration> {
        *paid_at = one_more(self.0, *paid_at, now)?;
        Ok(())
    }
}

fn quota(rate: Rate) -> Quota {
    let refill = rate.refill.min(CENTURY);
    let most = CENTURY.as_nanos().checked_div(refill.as_nanos()).and_then(|most| u32::try_from(most).ok());
    let burst = NonZeroU32::new(rate.burst.min(most.unwrap_or(u32::MAX))).unwrap_or(NonZeroU32::MIN);
    let at_once = Quota::per_second(NonZeroU32::MAX);
    Quota::with_period(refill).unwrap_or(at_once).allow_burst(burst)
}

/// When the debt will be paid if one more is taken; else how long until one can be.
fn one_more(quota: Quota, paid_at: Timestamp, now: Timestamp) -> Result<Timestamp, Duration> {
    let debt = Cell::new(Nanos::from(paid_at.since(now).min(CENTURY)));
    let limiter: RateLimiter<_, _, _, NoOpMiddleware<Nanos>> = RateLimiter::new(quota, Debt(&debt), Standstill);
    limiter.check().map_err(|refused| refused.wait_time_from(Standstill.now()))?;
    Ok(now.plus(debt.get().into()))
}

/// The clock of one question: all is counted from the instant at which it is asked.
struct Standstill;

impl Clock for Standstill {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(0)
    }
}

/// How long from now the debt will be paid.
struct Debt<'a>(&'a Cell<Nanos>);

impl StateStore for Debt<'_> {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (answer, debt) = decide(Some(self.0.get()))?;
        self.0.set(debt);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, refill: Duration::from_secs(2) };

    #[test]
    fn after_the_burst_one_comes_back_every_refill() {
        let (buckets, start) = (Buckets::new(Limited::Calls, RATE), Timestamp::from_secs(1_000));
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
    fn what_is_said_to_be_left_can_be_taken_and_no_more() {
        let (buckets, start) = (Buckets::new(Limited::Calls, RATE), Timestamp::from_secs(1_000));
        let said = |now| {
            let said = buckets.allowance("a", now);
            (said.left, said.whole_in)
        };
        assert_eq!(said(start), (3, Duration::ZERO));
        for left in [2_u32, 1, 0] {
            assert_eq!(buckets.take("a", start), Ok(()));
            assert_eq!(said(start), (left, Duration::from_secs(2) * (3 - left)));
        }
        for later in 0..8_000 {
            let now = start.plus(Duration::from_millis(later));
            assert_eq!(said(now).0 > 0, buckets.check("a", now).is_ok(), "{later}");
        }
        buckets.charge("a", start);
        assert_eq!(said(start), (0, Duration::from_secs(8)));
    }

    #[test]
    fn a_flood_of_names_takes_bounded_memory_and_shares_one_bucket() {
        let (buckets, now) = (Buckets::new(Limited::Calls, RATE), Timestamp::from_secs(1_000));
        for name in 0..NAMES + 100 {
            buckets.charge(name, now);
        }
        assert_eq!(buckets.lock().paid_at.len(), NAMES);
        assert!(buckets.check(usize::MAX, now).is_err());
        buckets.charge(usize::MAX, now.plus(Duration::from_mins(1)));
        assert_eq!(buckets.lock().paid_at.len(), 1);
    }

    #[test]
    fn what_was_charged_beyond_the_burst_stays_owed() {
        let (buckets, now) = (Buckets::new(Limited::Calls, RATE), Timestamp::from_secs(1_000));
        for _ in 0..10 {
            buckets.charge("a", now);
        }
        assert_eq!(buckets.check("a", now), Err(Duration::from_secs(16)));
        assert_eq!(buckets.take("a", now.plus(Duration::from_secs(15))), Err(Duration::from_secs(1)));
        assert_eq!(buckets.take("a", now.plus(Duration::from_secs(16))), Ok(()));
    }

    #[test]
    fn a_flood_of_names_pushes_out_nobodys_debt() {
        let (buckets, now) = (Buckets::new(Limited::Calls, RATE), Timestamp::from_secs(1_000));
        for name in (0..NAMES).chain([0, 0, 0]).chain(NAMES..NAMES + 100) {
            buckets.charge(name, now);
        }
        assert_eq!(buckets.check(0, now), Err(Duration::from_secs(4)));
        assert_eq!(buckets.check(1, now), Ok(()));
    }

    #[test]
    fn no_rate_and_no_time_is_too_absurd() {
        let times = [i64::MIN, -1, 0, 1, i64::MAX].map(Timestamp::from_micros);
        let spans = [Duration::ZERO, Duration::from_nanos(1), Duration::from_hours(1), CENTURY, Duration::MAX];
        for (burst, refill) in [0, 1, 2, u32::MAX].into_iter().flat_map(|burst| spans.map(|span| (burst, span))) {
            for (earlier, later) in times.into_iter().flat_map(|earlier| times.map(|later| (earlier, later))) {
                let buckets = Buckets::new(Limited::Calls, Rate { burst, refill });
                assert_eq!(buckets.take("a", earlier), Ok(()));
                for _ in 0..3 {
                    buckets.charge("a", later);
                }
                assert_eq!(buckets.check("a", later), buckets.take("a", later));
            }
        }
    }
}
