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
    history::{Happening, Row},
    item::{self, Corrupt},
    key::{KeyHash, KeyRecord},
    outage::{Why, Window},
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
    slow: AtomicU32,
}

impl Tally {
    /// How many requests it took; `None` where one of them failed.
    pub(super) fn requests(&self) -> Option<u32> {
        (self.failed.load(Ordering::SeqCst) == 0).then(|| self.requests.load(Ordering::SeqCst))
    }

    /// How many of them failed.
    pub(super) fn failures(&self) -> u32 {
        self.failed.load(Ordering::SeqCst)
    }

    /// Whether none of them failed, or took longer than usual.
    pub(super) fn is_undisturbed(&self) -> bool {
        self.failed.load(Ordering::SeqCst) == 0 && self.slow.load(Ordering::SeqCst) == 0
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
    /// The directory shows an outage of ours that never ends.
    RecallsAnOutage,
    /// Brings what is due four minutes late.
    BringsLate,
    /// Brings nothing for nine minutes of ten after an item that cannot be understood.
    LetsPoisonSpread,
    /// Refuses some ordinary pings for nothing.
    RefusesPings,
    /// A channel that is out answers after minutes, whatever its time-out.
    HangsBeyondItsTimeOut,
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
/// How late [`Sabotage::BringsLate`] is.
const LATE: Duration = Duration::from_mins(4);
/// When the outage of [`Sabotage::RecallsAnOutage`] began.
const LONG_AGO: Duration = Duration::from_hours(1);
/// Whom [`Sabotage::HidesTheDue`] hides.
const HIDDEN: &str = "job-0";

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

    /// What is left of what is due where it is not brought in time.
    fn bring(&self, due: Vec<Due>, now: Timestamp) -> Vec<Due> {
        let spoiled = |poison: &Poison| poison.from <= now && now.as_secs() % 600 < 540;
        match self.sabotage {
            Some(Sabotage::HidesTheDue) => due.into_iter().filter(|due| due.id.slug.as_str() != HIDDEN).collect(),
            Some(Sabotage::BringsLate) => due.into_iter().filter(|due| due.wake_at.plus(LATE) <= now).collect(),
            Some(Sabotage::LetsPoisonSpread) if self.poison.as_ref().is_some_and(spoiled) => Vec::new(),
            Some(
                Sabotage::SwallowsPings
                | Sabotage::ForgetsSettlements
                | Sabotage::KnowsNoAmnesty
                | Sabotage::RecallsAnOutage
                | Sabotage::LetsPoisonSpread
                | Sabotage::RefusesPings
                | Sabotage::HangsBeyondItsTimeOut,
            )
            | None => due,
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

#[async_trait]
impl Store for Faulty {
    async fn find(&self, id: &MonitorId, now: Timestamp) -> Result<Found, StoreError> {
        if let Some(corrupt) = self.corrupt(id) {
            return Err(StoreError::Corrupt(corrupt));
        }
        let wire = if id.project.is_operator() { self.asking_of_outages() } else { self.clone() };
        let id = id.clone();
        wire.call(move |store| async move { store.find(&id, now).await }).await
    }

    async fn extend(&self, extend: Extend) -> Result<Extended, StoreError> {
        if self.lies(Sabotage::SwallowsPings) {
            return Ok(Extended::Done);
        }
        if self.lies(Sabotage::RefusesPings) {
            return Err(StoreError::Unavailable("for nothing".to_owned()));
        }
        self.call(move |store| async move { store.extend(extend).await }).await
    }

    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        self.weigh(&change);
        self.note_unsure(&change);
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
        let (id, channel) = (id.clone(), settlement.channel.clone());
        let journal = Arc::clone(&self.journal);
        let settled = self.call(move |store| async move {
            let (entry, delivered) = (settlement.entry.clone(), settlement.verdict == Verdict::Done);
            let settled = store.settle(&id, settlement, now, rows).await?;
            if delivered && settled == Settled::Done {
                journal.record().settled.insert(entry);
            }
            Ok(settled)
        });
        let settled = settled.await;
        if settled.is_err() {
            self.journal.undelivered(&channel, self.clock().now());
        }
        settled
    }

    async fn defer(&self, deferral: Deferral) -> Result<Deferred, StoreError> {
        self.call(move |store| async move { store.defer(deferral).await }).await
    }

    fn shards(&self) -> u16 {
        self.inner.shards()
    }

    async fn due(&self, shard: u16, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        let due = self.call(move |store| async move { store.due(shard, now, limit).await }).await?;
        Ok(self.bring(due, now))
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
            page.items.retain(|item| item.as_ref().is_ok_and(|stored| stored.monitor.id.slug.as_str() != HIDDEN));
        }
        for item in &mut page.items {
            if let Some(corrupt) = item.as_ref().ok().and_then(|stored| self.corrupt(&stored.monitor.id)) {
                *item = Err(corrupt);
            }
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
        let wire = if pk == OUTAGES { self.asking_of_outages() } else { self.clone() };
        let (pk, sk) = (pk.to_owned(), sk.to_owned());
        if pk == OUTAGES && self.sabotage == Some(Sabotage::RecallsAnOutage) {
            let now = self.clock().now();
            let window =
                Window { from: now.minus(LONG_AGO), ended: None, held_until: now.minus(LATE), why: Why::NoEvidence };
            return Ok(Some(Entry::first(&pk, &sk, &serde_json::json!({"windows": [window]}))));
        }
        wire.call(move |store| async move { store.entry(&pk, &sk).await }).await
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
