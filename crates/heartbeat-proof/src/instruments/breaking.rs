//! A store that breaks at its n-th call, and answers no more until it is mended: a process that dies there, or stands still.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Poll,
};

use async_trait::async_trait;
use heartbeat_core::{
    ChannelName, MonitorId, Project, Slug, Store, StoreError, Timestamp,
    directory::{Entry, Put},
    history::Row,
    key::{KeyHash, KeyRecord},
    outbox::{Settled, Settlement},
    store::{Change, Committed, Deferral, Deferred, Due, Extend, Extended, Found, Page, Part},
};

/// When a store breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the call did anything.
    Before,
    /// After the call did what it should: only its answer is lost.
    After,
}

/// A store that breaks at its n-th call, and answers no more until it is mended.
pub struct Breaking {
    inner: Arc<dyn Store>,
    left: AtomicUsize,
    moment: Moment,
    broken: AtomicBool,
}

impl Breaking {
    /// Breaks at the `n`-th call, from 0.
    pub fn at(inner: Arc<dyn Store>, n: usize, moment: Moment) -> Self {
        Self { inner, left: AtomicUsize::new(n), moment, broken: AtomicBool::new(false) }
    }

    /// Whether it has broken.
    pub fn has_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }

    /// The process was slow, not dead: what it waits for is done when it is polled again.
    pub fn mend(&self) {
        self.broken.store(false, Ordering::SeqCst);
    }

    /// Runs what uses this store until it is done or the store has broken: then the process is dead, unless
    /// `work` is only lent, and goes on with nothing.
    pub async fn until_death(&self, work: impl Future<Output = ()>) {
        let mut work = pin!(work);
        std::future::poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Pending if !self.has_broken() => Poll::Pending,
            Poll::Pending | Poll::Ready(()) => Poll::Ready(()),
        })
        .await;
    }

    async fn call<T>(&self, request: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let spend = |left: usize| Some(left.wrapping_sub(1));
        let breaks = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend) == Ok(0);
        if self.has_broken() || (breaks && self.moment == Moment::Before) {
            self.silence().await;
        }
        let answer = request.await;
        if (breaks && self.moment == Moment::After) || self.has_broken() {
            self.silence().await;
        }
        answer
    }

    /// Nothing, until it is mended; whoever mends it polls again.
    async fn silence(&self) {
        self.broken.store(true, Ordering::SeqCst);
        std::future::poll_fn(|_| if self.has_broken() { Poll::Pending } else { Poll::Ready(()) }).await;
    }
}

#[async_trait]
impl Store for Breaking {
    async fn find(&self, id: &MonitorId, now: Timestamp) -> Result<Found, StoreError> {
        self.call(self.inner.find(id, now)).await
    }

    async fn extend(&self, extend: Extend) -> Result<Extended, StoreError> {
        self.call(self.inner.extend(extend)).await
    }

    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        self.call(self.inner.commit(change)).await
    }

    async fn settle(
        &self,
        id: &MonitorId,
        settlement: Settlement,
        now: Timestamp,
        rows: Vec<Row>,
    ) -> Result<Settled, StoreError> {
        self.call(self.inner.settle(id, settlement, now, rows)).await
    }

    async fn defer(&self, deferral: Deferral) -> Result<Deferred, StoreError> {
        self.call(self.inner.defer(deferral)).await
    }

    fn shards(&self) -> u16 {
        self.inner.shards()
    }

    async fn due(&self, shard: u16, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.call(self.inner.due(shard, now, limit)).await
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.call(self.inner.next_wake()).await
    }

    async fn list(
        &self,
        project: &Project,
        after: Option<&Slug>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Slug>, StoreError> {
        self.call(self.inner.list(project, after, limit, now)).await
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
        self.call(self.inner.sweep(part, after, limit, now)).await
    }

    async fn history(&self, id: &MonitorId, before: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError> {
        self.call(self.inner.history(id, before, limit)).await
    }

    async fn project_history(
        &self,
        project: &Project,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.call(self.inner.project_history(project, before, limit)).await
    }

    async fn feed(&self, project: &Project, since: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError> {
        self.call(self.inner.feed(project, since, limit)).await
    }

    async fn deliveries(
        &self,
        project: &Project,
        channel: &ChannelName,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.call(self.inner.deliveries(project, channel, before, limit)).await
    }

    async fn entry(&self, pk: &str, sk: &str) -> Result<Option<Entry>, StoreError> {
        self.call(self.inner.entry(pk, sk)).await
    }

    async fn entries(&self, pk: &str) -> Result<Vec<Entry>, StoreError> {
        self.call(self.inner.entries(pk)).await
    }

    async fn put_entry(&self, entry: Entry) -> Result<Put, StoreError> {
        self.call(self.inner.put_entry(entry)).await
    }

    async fn find_key(&self, hash: KeyHash) -> Result<Option<KeyRecord>, StoreError> {
        self.call(self.inner.find_key(hash)).await
    }

    async fn put_key(&self, key: KeyRecord) -> Result<(), StoreError> {
        self.call(self.inner.put_key(key)).await
    }

    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.call(self.inner.keys()).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.call(self.inner.ready()).await
    }
}
