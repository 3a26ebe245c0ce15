//! The real store under a sky that can be commanded: clear, down, or silent for ever.

use std::{
    future::pending,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
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
use heartbeat_sqlite::SqliteStore;

/// How the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sky {
    /// It works.
    Clear,
    /// It fails, with words that nobody outside may read.
    Down,
    /// It never answers.
    Silent,
    /// It panics.
    Mad,
}

/// What a store that fails says to the log alone.
pub(crate) const INTERNAL: &str = "disk I/O error in /srv/heartbeat.db";

/// A real store with a sky.
pub(crate) struct Weather {
    store: SqliteStore,
    sky: Mutex<Sky>,
    key_reads: AtomicU32,
    writes: AtomicU32,
}

impl Weather {
    pub(crate) fn over(store: SqliteStore) -> Self {
        Self { store, sky: Mutex::new(Sky::Clear), key_reads: AtomicU32::new(0), writes: AtomicU32::new(0) }
    }

    pub(crate) fn turn(&self, sky: Sky) {
        *self.sky.lock().unwrap() = sky;
    }

    /// How often a key was looked up.
    pub(crate) fn key_reads(&self) -> u32 {
        self.key_reads.load(Ordering::SeqCst)
    }

    /// How often a monitor was written, or tried to be.
    pub(crate) fn writes(&self) -> u32 {
        self.writes.load(Ordering::SeqCst)
    }

    fn note(&self, verb: &str) {
        if matches!(verb, "extend" | "commit") {
            self.writes.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn pass(&self) -> Result<(), StoreError> {
        let sky = *self.sky.lock().unwrap();
        match sky {
            Sky::Clear => Ok(()),
            Sky::Down => Err(StoreError::Unavailable(INTERNAL.to_owned())),
            Sky::Silent => pending().await,
            Sky::Mad => panic!("{INTERNAL}"),
        }
    }
}

macro_rules! through_the_weather {
    ($($name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl Store for Weather {
            $(async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                self.note(stringify!($name));
                self.pass().await?;
                self.store.$name($($arg),*).await
            })*

            async fn find_key(&self, hash: KeyHash) -> Result<Option<KeyRecord>, StoreError> {
                self.key_reads.fetch_add(1, Ordering::SeqCst);
                self.pass().await?;
                // Others get their turn while it looks.
                tokio::task::yield_now().await;
                self.store.find_key(hash).await
            }

            fn sweep_parts(&self) -> u16 {
                self.store.sweep_parts()
            }

            fn shards(&self) -> u16 {
                self.store.shards()
            }
        }
    };
}

through_the_weather! {
    find(id: &MonitorId, now: Timestamp) -> Found;
    extend(extend: Extend) -> Extended;
    commit(change: Change) -> Committed;
    settle(id: &MonitorId, settlement: Settlement, now: Timestamp, rows: Vec<Row>) -> Settled;
    defer(deferral: Deferral) -> Deferred;
    due(shard: u16, now: Timestamp, limit: usize) -> Vec<Due>;
    next_wake() -> Option<Timestamp>;
    list(project: &Project, after: Option<&Slug>, limit: usize, now: Timestamp) -> Page<Slug>;
    sweep(part: Part, after: Option<&MonitorId>, limit: usize, now: Timestamp) -> Page<MonitorId>;
    history(id: &MonitorId, before: Timestamp, limit: usize) -> Vec<Row>;
    project_history(project: &Project, before: Timestamp, limit: usize) -> Vec<Row>;
    feed(project: &Project, since: Timestamp, limit: usize) -> Vec<Row>;
    deliveries(project: &Project, channel: &ChannelName, before: Timestamp, limit: usize) -> Vec<Row>;
    entry(pk: &str, sk: &str) -> Option<Entry>;
    entries(pk: &str) -> Vec<Entry>;
    put_entry(entry: Entry) -> Put;
    put_key(key: KeyRecord) -> ();
    keys() -> Vec<KeyRecord>;
    ready() -> ();
}
