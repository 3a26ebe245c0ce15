//! A store with bad luck: the real one behind a wire on which requests are late, errors come before or after success, and
//! a write lands although nobody waits for it any more.

mod premises;
mod requests;
mod sabotage;
mod tally;

use std::{
    future::Future,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use heartbeat_core::{
    Clock, MonitorId, Store, StoreError, Timestamp,
    history::Happening,
    item::{self, Corrupt},
    store::{Becomes, Change},
};
use tokio::{runtime::Runtime, sync::oneshot, time::Instant};

pub(super) use self::tally::Tally;
pub use self::{
    premises::{Pace, Premises},
    sabotage::Sabotage,
};
use super::{
    executor::{Chance, Executor, SimClock},
    journal::Journal,
    spell::Spells,
};

/// The most bytes that an item may ever have, with three channels and a fallback.
const MAX_ITEM: usize = 6_144;

/// Per mille of requests that take a moment longer than usual, whatever the weather.
const HICCUPS: u64 = 150;

/// How bad the luck is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Luck {
    /// Per mille of requests that fail before they do anything.
    pub(super) refused: u64,
    /// Per mille of requests whose answer is lost after they did what they should.
    pub(super) lost: u64,
    /// Per mille of requests that take up to seconds.
    pub(super) slow: u64,
}

impl Luck {
    pub(super) const GOOD: Self = Self { refused: 0, lost: 0, slow: 0 };
}

/// What a request asks for, where that matters to the judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    /// What is known of outages of ours.
    Hearing,
    /// Anything else.
    Other,
}

/// An item that cannot be understood from some moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Poison {
    pub(super) id: MonitorId,
    pub(super) from: Timestamp,
}

/// The directory's partition of what is known of outages of ours.
const OUTAGES: &str = "outages";
#[derive(Clone)]
pub(super) struct Faulty {
    inner: Arc<dyn Store>,
    runtime: Arc<Runtime>,
    pace: Pace,
    executor: Arc<Executor>,
    chance: Chance,
    journal: Arc<Journal>,
    luck: Luck,
    calm_from: Timestamp,
    outages: Arc<Spells>,
    sabotage: Option<Sabotage>,
    tally: Arc<Tally>,
    poison: Option<Poison>,
    asks: Asks,
    /// The number of the process whose wire it is.
    process: u64,
}

impl Faulty {
    pub(super) fn new(
        premises: Premises,
        runtime: Arc<Runtime>,
        executor: Arc<Executor>,
        journal: Arc<Journal>,
        luck: (Luck, Timestamp),
        seed: u64,
    ) -> Self {
        let ((luck, calm_from), Premises { store, pace }) = (luck, premises);
        let (chance, outages, tally) = (Chance::of(seed), Arc::default(), Arc::default());
        let (sabotage, poison, asks, process) = (None, None, Asks::Other, 0);
        Self {
            inner: store,
            runtime,
            pace,
            executor,
            chance,
            journal,
            luck,
            calm_from,
            outages,
            sabotage,
            tally,
            poison,
            asks,
            process,
        }
    }

    /// The same store, with an item that cannot be understood.
    pub(super) fn poisoned(self, poison: Option<Poison>) -> Self {
        Self { poison, ..self }
    }

    /// The same store, as one more process has it.
    pub(super) fn of_a_process(self) -> Self {
        Self { process: self.journal.process(), ..self }
    }

    /// The same, to ask what is known of outages of ours.
    fn asking_of_outages(&self) -> Self {
        Self { asks: Asks::Hearing, ..self.clone() }
    }

    /// The same store, out of order at times.
    pub(super) fn with_outages(self, outages: Arc<Spells>) -> Self {
        Self { outages, ..self }
    }

    /// The same store, whose requests are counted.
    pub(super) fn tallied(self, tally: &Arc<Tally>) -> Self {
        Self { tally: Arc::clone(tally), ..self }
    }

    /// The same store, telling a lie.
    pub(super) fn lying(self, sabotage: Option<Sabotage>) -> Self {
        Self { sabotage, ..self }
    }

    fn luck(&self) -> Luck {
        if self.clock().now() >= self.calm_from { Luck::GOOD } else { self.luck }
    }

    fn clock(&self) -> SimClock {
        SimClock(Arc::clone(&self.executor))
    }

    /// Sends one request over the wire. It lives on when the one who sent it dies.
    async fn call<T, F>(&self, request: impl FnOnce(Arc<dyn Store>) -> F + Send + 'static) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.tally.requests.fetch_add(1, Ordering::SeqCst);
        let wire = self.clone();
        self.executor.spawn(async move {
            let _ = answer.send(wire.carry(request).await);
        });
        answered.await.unwrap_or_else(|_| Err(StoreError::Unknown("the wire was cut".to_owned())))
    }

    async fn carry<T, F>(&self, request: impl FnOnce(Arc<dyn Store>) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let luck = self.luck();
        self.clock().sleep(self.delay(luck)).await;
        if self.outages.at(self.clock().now()) {
            self.fail("store: refused in an outage");
            return Err(StoreError::Unavailable("simulated outage".to_owned()));
        }
        if self.chance.happens(luck.refused) {
            self.fail("store: refused");
            return Err(StoreError::Unavailable("simulated".to_owned()));
        }
        let (answer, took) = self.runtime.block_on(async {
            let began = Instant::now();
            (request(Arc::clone(&self.inner)).await, began.elapsed())
        });
        self.clock().sleep(self.pace.of(took) + self.delay(luck)).await;
        if answer.is_err() {
            // The store's own wire was worse than it could make good.
            self.fail("store: failed by itself");
        }
        if self.chance.happens(luck.lost) {
            self.fail("store: answer lost");
            return Err(StoreError::Unknown("simulated".to_owned()));
        }
        answer
    }

    fn fail(&self, kind: &'static str) {
        self.tally.failed.fetch_add(1, Ordering::SeqCst);
        let now = self.clock().now();
        self.journal.failed(kind, now);
        self.unasked(now);
    }

    /// What is known of outages could not be read, or not just then.
    fn unasked(&self, now: Timestamp) {
        if self.asks == Asks::Hearing {
            self.journal.record().could_not_ask.entry(self.process).or_default().insert(now);
        }
    }

    fn delay(&self, luck: Luck) -> Duration {
        if self.chance.happens(luck.slow) {
            self.tally.slow.fetch_add(1, Ordering::SeqCst);
            self.unasked(self.clock().now());
            self.journal.trouble("store: slow request");
            return Duration::from_millis(self.chance.below(3_000));
        }
        // Now and then a hiccup, long enough for somebody else to come between two steps.
        let most = if self.chance.happens(HICCUPS) { 150_000 } else { 2_000 };
        Duration::from_micros(self.chance.below(most))
    }

    /// What cannot be understood, if it is that.
    fn corrupt(&self, id: &MonitorId) -> Option<Corrupt> {
        let poison = self.poison.as_ref().filter(|poison| poison.id == *id && poison.from <= self.clock().now())?;
        self.journal.trouble("corrupt item: read");
        self.journal.record().corrupt_from.get_or_insert(poison.from);
        Some(Corrupt { id: id.to_string(), reason: "simulated".to_owned() })
    }

    /// Notes who is not sure of an incident.
    fn note_unsure(&self, change: &Change) {
        for row in &change.rows {
            if let Happening::Opened { since, unconfirmed: true, .. } = row.happening {
                let by = (self.process, self.clock().now());
                self.journal.record().unsure.entry((change.id.clone(), since)).or_default().push(by);
            }
        }
    }

    fn weigh(&self, change: &Change) {
        if let Becomes::Created(after) | Becomes::Changed { after, .. } = &change.becomes {
            let size = serde_json::to_vec(&item::encode(after)).map_or(0, |bytes| bytes.len());
            if size > MAX_ITEM {
                self.journal.offence(format!("the item of {} has {size} bytes", change.id));
            }
        }
    }
}
