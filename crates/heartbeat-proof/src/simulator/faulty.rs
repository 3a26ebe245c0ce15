//! A store with bad luck: the real one behind a wire on which requests are late, errors come before or after success, and
//! a write lands although nobody waits for it any more.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use heartbeat_core::{
    ChannelName, Clock, MonitorId, Project, Slug, Store, StoreError, Timestamp,
    delivery::Verdict,
    directory::{Entry, Put},
    history::Row,
    item,
    key::{KeyHash, KeyRecord},
    outbox::{Settled, Settlement},
    store::{Becomes, Change, Committed, Deferral, Deferred, Due, Extend, Extended, Found, Page, Part},
};
use tokio::{runtime::Runtime, sync::oneshot, time::Instant};

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

/// What one request of ours has asked of the store.
#[derive(Debug, Default)]
pub(super) struct Tally {
    requests: AtomicU32,
    failed: AtomicU32,
}

impl Tally {
    /// How many requests it took; `None` where one of them failed.
    pub(super) fn requests(&self) -> Option<u32> {
        (self.failed.load(Ordering::SeqCst) == 0).then(|| self.requests.load(Ordering::SeqCst))
    }
}

/// A lie that no store may tell, or what we may not leave out: with it, the judge must find the world guilty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Answers some ordinary pings without recording them.
    SwallowsPings,
    /// Answers some settlements without recording them.
    ForgetsSettlements,
    /// Never brings one of its monitors, however due.
    HidesTheDue,
    /// No process knows of outages of ours.
    KnowsNoAmnesty,
}

/// How long the store takes, in simulated time, besides what the weather adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// No time.
    Instant,
    /// As long as on the runtime's clock, which is paused: only what waits on purpose takes time there.
    ByPausedClock,
}

/// Below this, what passes on a paused clock is the jitter of retries, which no seed decides.
const JITTER: Duration = Duration::from_millis(100);

impl Pace {
    fn of(self, took: Duration) -> Duration {
        match self {
            Self::Instant => Duration::ZERO,
            Self::ByPausedClock => {
                let steps = took.as_millis() / JITTER.as_millis();
                JITTER * u32::try_from(steps).unwrap_or(u32::MAX)
            }
        }
    }
}

/// The store of a world.
pub struct Premises {
    /// The store, empty.
    pub store: Arc<dyn Store>,
    /// How long it takes.
    pub pace: Pace,
}

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
        Self { inner: store, runtime, pace, executor, chance, journal, luck, calm_from, outages, sabotage: None, tally }
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

    /// Whether it lies just now.
    fn lies(&self, how: Sabotage) -> bool {
        self.sabotage == Some(how) && self.chance.happens(300)
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
        if self.chance.happens(luck.lost) {
            self.fail("store: answer lost");
            return Err(StoreError::Unknown("simulated".to_owned()));
        }
        answer
    }

    fn fail(&self, kind: &'static str) {
        self.tally.failed.fetch_add(1, Ordering::SeqCst);
        self.journal.failed(kind, self.clock().now());
    }

    fn delay(&self, luck: Luck) -> Duration {
        if self.chance.happens(luck.slow) {
            self.journal.trouble("store: slow request");
            return Duration::from_millis(self.chance.below(3_000));
        }
        // Now and then a hiccup, long enough for somebody else to come between two steps.
        let most = if self.chance.happens(HICCUPS) { 150_000 } else { 2_000 };
        Duration::from_micros(self.chance.below(most))
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

#[async_trait]
impl Store for Faulty {
    async fn find(&self, id: &MonitorId, now: Timestamp) -> Result<Found, StoreError> {
        let id = id.clone();
        self.call(move |store| async move { store.find(&id, now).await }).await
    }

    async fn extend(&self, extend: Extend) -> Result<Extended, StoreError> {
        if self.lies(Sabotage::SwallowsPings) {
            return Ok(Extended::Done);
        }
        self.call(move |store| async move { store.extend(extend).await }).await
    }

    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        self.weigh(&change);
        self.call(move |store| async move { store.commit(change).await }).await
    }

    async fn settle(
        &self,
        id: &MonitorId,
        settlement: Settlement,
        now: Timestamp,
        rows: Vec<Row>,
    ) -> Result<Settled, StoreError> {
        if self.lies(Sabotage::ForgetsSettlements) {
            return Ok(Settled::Done);
        }
        let id = id.clone();
        let journal = Arc::clone(&self.journal);
        self.call(move |store| async move {
            let (entry, delivered) = (settlement.entry.clone(), settlement.verdict == Verdict::Done);
            let settled = store.settle(&id, settlement, now, rows).await?;
            if delivered && settled == Settled::Done {
                journal.record().settled.insert(entry);
            }
            Ok(settled)
        })
        .await
    }

    async fn defer(&self, deferral: Deferral) -> Result<Deferred, StoreError> {
        self.call(move |store| async move { store.defer(deferral).await }).await
    }

    fn shards(&self) -> u16 {
        self.inner.shards()
    }

    async fn due(&self, shard: u16, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        let mut due = self.call(move |store| async move { store.due(shard, now, limit).await }).await?;
        if self.sabotage == Some(Sabotage::HidesTheDue) {
            due.retain(|due| due.id.slug.as_str() != "job-0");
        }
        Ok(due)
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.call(move |store| async move { store.next_wake().await }).await
    }

    async fn list(
        &self,
        project: &Project,
        after: Option<&Slug>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Slug>, StoreError> {
        let (project, after) = (project.clone(), after.cloned());
        self.call(move |store| async move { store.list(&project, after.as_ref(), limit, now).await }).await
    }

    fn sweep_parts(&self) -> u16 {
        self.inner.sweep_parts()
    }

    async fn sweep(
        &self,
        part: Part,
        after: Option<&MonitorId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<MonitorId>, StoreError> {
        let after = after.cloned();
        let mut page =
            self.call(move |store| async move { store.sweep(part, after.as_ref(), limit, now).await }).await?;
        if self.sabotage == Some(Sabotage::HidesTheDue) {
            // From the auditor as well: it would find what is behind its time.
            page.items.retain(|item| item.as_ref().is_ok_and(|stored| stored.monitor.id.slug.as_str() != "job-0"));
        }
        Ok(page)
    }

    async fn history(&self, id: &MonitorId, before: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError> {
        let id = id.clone();
        self.call(move |store| async move { store.history(&id, before, limit).await }).await
    }

    async fn project_history(
        &self,
        project: &Project,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let project = project.clone();
        self.call(move |store| async move { store.project_history(&project, before, limit).await }).await
    }

    async fn feed(&self, project: &Project, since: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError> {
        let project = project.clone();
        self.call(move |store| async move { store.feed(&project, since, limit).await }).await
    }

    async fn deliveries(
        &self,
        project: &Project,
        channel: &ChannelName,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let (project, channel) = (project.clone(), channel.clone());
        self.call(move |store| async move { store.deliveries(&project, &channel, before, limit).await }).await
    }

    async fn entry(&self, pk: &str, sk: &str) -> Result<Option<Entry>, StoreError> {
        let (pk, sk) = (pk.to_owned(), sk.to_owned());
        self.call(move |store| async move { store.entry(&pk, &sk).await }).await
    }

    async fn entries(&self, pk: &str) -> Result<Vec<Entry>, StoreError> {
        let pk = pk.to_owned();
        self.call(move |store| async move { store.entries(&pk).await }).await
    }

    async fn put_entry(&self, entry: Entry) -> Result<Put, StoreError> {
        self.call(move |store| async move { store.put_entry(entry).await }).await
    }

    async fn find_key(&self, hash: KeyHash) -> Result<Option<KeyRecord>, StoreError> {
        self.call(move |store| async move { store.find_key(hash).await }).await
    }

    async fn put_key(&self, key: KeyRecord) -> Result<(), StoreError> {
        self.call(move |store| async move { store.put_key(key).await }).await
    }

    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.call(move |store| async move { store.keys().await }).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.call(move |store| async move { store.ready().await }).await
    }
}
