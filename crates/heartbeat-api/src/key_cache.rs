//! What is known of keys: those that were found for a minute, those that were not for half a minute, both bounded. A
//! look-up that fails is never remembered as "not found", and a key that was once found keeps working while the store
//! cannot be asked.
//!
//! Times come from the injected clock and are kept in the entries; the cache itself only bounds their number.

use std::{sync::Arc, time::Duration};

use heartbeat_core::{
    Clock, Store, Timestamp,
    key::{KeyHash, KeyRecord},
    metric,
};
use metrics::Counter;
use moka::future::Cache;
use tokio::sync::Semaphore;

use crate::{config::KeyLimits, flight::Flights};

/// A key that was found.
#[derive(Clone)]
pub(crate) struct Known {
    /// The key.
    pub(crate) record: Arc<KeyRecord>,
    fetched_at: Timestamp,
    ask_again_at: Timestamp,
}

/// What is remembered of a key.
pub(crate) enum Memory {
    /// It was found not long ago.
    Fresh(Arc<KeyRecord>),
    /// It was found, and it is time to ask again.
    Stale(Known),
    /// It was not found not long ago.
    Unknown,
    /// Nothing.
    Nothing,
}

/// Why a key could not be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LookUpError {
    /// Too many look-ups at once.
    Busy,
    /// The store did not answer in time.
    TimedOut,
    /// The store failed.
    Failed(String),
}

type LookedUp = Result<Option<Arc<KeyRecord>>, LookUpError>;

/// What is known of keys.
pub(crate) struct KeyCache {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    limits: KeyLimits,
    known: Cache<KeyHash, Known>,
    /// Apart from the known ones, so that a flood of these drives out none of those.
    unknown: Cache<KeyHash, Timestamp>,
    flights: Flights<KeyHash, LookedUp>,
    look_ups: Arc<Semaphore>,
    recalled: Recalled,
}

/// How often each kind of memory was there.
struct Recalled {
    fresh: Counter,
    stale: Counter,
    unknown: Counter,
    nothing: Counter,
}

impl Recalled {
    fn new() -> Self {
        let counter = |result: &'static str| metric::KEY_CACHE.counter([result]);
        Self {
            fresh: counter("fresh"),
            stale: counter("stale"),
            unknown: counter("unknown"),
            nothing: counter("nothing"),
        }
    }

    fn count(&self, memory: &Memory) {
        let counter = match memory {
            Memory::Fresh(_) => &self.fresh,
            Memory::Stale(_) => &self.stale,
            Memory::Unknown => &self.unknown,
            Memory::Nothing => &self.nothing,
        };
        counter.increment(1);
    }
}

impl KeyCache {
    /// Knows nothing yet.
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, limits: KeyLimits) -> Self {
        Self {
            store,
            clock,
            limits,
            known: Cache::new(limits.remembered),
            unknown: Cache::new(limits.remembered),
            flights: Flights::new(),
            look_ups: Arc::new(Semaphore::new(limits.look_ups)),
            recalled: Recalled::new(),
        }
    }

    /// What is remembered, without asking anybody.
    pub(crate) async fn recall(&self, hash: KeyHash) -> Memory {
        let memory = self.memory_of(hash).await;
        self.recalled.count(&memory);
        memory
    }

    async fn memory_of(&self, hash: KeyHash) -> Memory {
        let now = self.clock.now();
        if let Some(known) = self.known.get(&hash).await {
            let fresh = known.fetched_at <= now && now < known.ask_again_at;
            return if fresh { Memory::Fresh(known.record) } else { Memory::Stale(known) };
        }
        match self.unknown.get(&hash).await {
            Some(asked_at) if is_within(asked_at, now, self.limits.unknown_for) => Memory::Unknown,
            Some(_) | None => Memory::Nothing,
        }
    }

    /// Asks the store, once for all who ask at the same time.
    pub(crate) async fn look_up(&self, hash: KeyHash) -> LookedUp {
        let answer =
            self.flights.join(hash, || ask(self.store.clone(), self.look_ups.clone(), hash, self.limits)).await;
        let now = self.clock.now();
        match &answer {
            Ok(Some(record)) => {
                let ask_again_at = now.plus(self.limits.known_for);
                self.known.insert(hash, Known { record: record.clone(), fetched_at: now, ask_again_at }).await;
            }
            Ok(None) => {
                self.known.invalidate(&hash).await;
                self.unknown.insert(hash, now).await;
            }
            Err(_) => {}
        }
        answer
    }

    /// A known key after the store could not be asked: still good, unless that was too long ago. The store is left alone
    /// for a while.
    pub(crate) async fn keep(&self, hash: KeyHash, known: Known) -> Option<Arc<KeyRecord>> {
        let now = self.clock.now();
        if !is_within(known.fetched_at, now, self.limits.stale_for) {
            return None;
        }
        let record = known.record.clone();
        let ask_again_at = now.plus(self.limits.retry_after).min(known.fetched_at.plus(self.limits.stale_for));
        self.known.insert(hash, Known { ask_again_at, ..known }).await;
        Some(record)
    }
}

fn is_within(at: Timestamp, now: Timestamp, span: Duration) -> bool {
    at <= now && now.since(at) < span
}

async fn ask(store: Arc<dyn Store>, look_ups: Arc<Semaphore>, hash: KeyHash, limits: KeyLimits) -> LookedUp {
    let _permit = look_ups.try_acquire_owned().map_err(|_| LookUpError::Busy)?;
    match tokio::time::timeout(limits.look_up_time, store.find_key(hash)).await {
        Ok(Ok(Some(record))) if record.hash == hash => Ok(Some(Arc::new(record))),
        Ok(Ok(Some(_))) => Err(LookUpError::Failed("the store answered with another key".to_owned())),
        Ok(Ok(None)) => Ok(None),
        Ok(Err(error)) => Err(LookUpError::Failed(error.to_string())),
        Err(_) => Err(LookUpError::TimedOut),
    }
}
