//! The real store, with a directory or sweeps that fail from a certain call on.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
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

pub(crate) struct Unwritable {
    store: Arc<dyn Store>,
    entries_left: AtomicUsize,
    sweeps_left: AtomicUsize,
}

impl Unwritable {
    /// Its directory fails from the `n`-th call on, counted from 0.
    pub(crate) fn from(store: Arc<dyn Store>, n: usize) -> Self {
        Self { store, entries_left: AtomicUsize::new(n), sweeps_left: AtomicUsize::new(usize::MAX) }
    }

    /// Its directory fails from now on.
    pub(crate) fn lose_the_directory(&self) {
        self.entries_left.store(0, Ordering::SeqCst);
    }

    /// It has `n` sweeps, and then none.
    pub(crate) fn without_sweeps_after(store: Arc<dyn Store>, n: usize) -> Self {
        Self { store, entries_left: AtomicUsize::new(usize::MAX), sweeps_left: AtomicUsize::new(n) }
    }
}

fn spend(left: &AtomicUsize) -> Result<(), StoreError> {
    let spent = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    spent.map(|_| ()).map_err(|_| StoreError::Unavailable("none is left".to_owned()))
}

macro_rules! spending {
    ($($name:ident($($arg:ident: $type:ty),*) -> $answer:ty $(, $left:ident)?;)*) => {
        #[async_trait]
        impl Store for Unwritable {
            $(async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                $(spend(&self.$left)?;)?
                self.store.$name($($arg),*).await
            })*

            fn shards(&self) -> u16 {
                self.store.shards()
            }

            /// So that parts are walked beside each other.
            fn sweep_parts(&self) -> u16 {
                3
            }
        }
    };
}

spending! {
    find(id: &MonitorId, now: Timestamp) -> Found;
    extend(extend: Extend) -> Extended;
    commit(change: Change) -> Committed;
    settle(id: &MonitorId, settlement: Settlement, now: Timestamp, rows: Vec<Row>) -> Settled;
    defer(deferral: Deferral) -> Deferred;
    due(shard: u16, now: Timestamp, limit: usize) -> Vec<Due>;
    next_wake() -> Option<Timestamp>;
    list(project: &Project, after: Option<&Slug>, limit: usize, now: Timestamp) -> Page<Slug>;
    sweep(part: Part, after: Option<&MonitorId>, limit: usize, now: Timestamp) -> Page<MonitorId>, sweeps_left;
    history(id: &MonitorId, before: Timestamp, limit: usize) -> Vec<Row>;
    deliveries(project: &Project, channel: &ChannelName, before: Timestamp, limit: usize) -> Vec<Row>;
    project_history(project: &Project, before: Timestamp, limit: usize) -> Vec<Row>;
    feed(project: &Project, since: Timestamp, limit: usize) -> Vec<Row>;
    entry(pk: &str, sk: &str) -> Option<Entry>, entries_left;
    entries(pk: &str) -> Vec<Entry>;
    put_entry(entry: Entry) -> Put, entries_left;
    find_key(hash: KeyHash) -> Option<KeyRecord>;
    put_key(key: KeyRecord) -> ();
    keys() -> Vec<KeyRecord>;
    ready() -> ();
}
