//! The store that is not there yet: it does nothing, and says why.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use heartbeat_core::{
    ChannelName, MonitorId, Project, Slug, Store, StoreError, Timestamp,
    directory::{Entry, Put},
    history::Row,
    key::{KeyHash, KeyRecord},
    outbox::{Settled, Settlement},
    store::{Change, Committed, Deferral, Deferred, Due, Extend, Extended, Found, Page, Part},
};

/// Why there is no store, as the last attempt showed. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Reason(Arc<RwLock<String>>);

impl Reason {
    pub(crate) fn new(text: String) -> Self {
        Self(Arc::new(RwLock::new(text)))
    }

    pub(super) fn text(&self) -> String {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn is_now(&self, text: String) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = text;
    }
}

/// No store, for a reason.
#[derive(Debug)]
pub(super) struct Absent(Reason);

impl Absent {
    pub(super) fn because(reason: Reason) -> Self {
        Self(reason)
    }

    fn refuse<T>(&self) -> Result<T, StoreError> {
        Err(StoreError::Unavailable(self.0.text()))
    }
}

#[async_trait]
impl Store for Absent {
    async fn find(&self, _: &MonitorId, _: Timestamp) -> Result<Found, StoreError> {
        self.refuse()
    }

    async fn extend(&self, _: Extend) -> Result<Extended, StoreError> {
        self.refuse()
    }

    async fn commit(&self, _: Change) -> Result<Committed, StoreError> {
        self.refuse()
    }

    async fn settle(&self, _: &MonitorId, _: Settlement, _: Timestamp, _: Vec<Row>) -> Result<Settled, StoreError> {
        self.refuse()
    }

    async fn defer(&self, _: Deferral) -> Result<Deferred, StoreError> {
        self.refuse()
    }

    fn shards(&self) -> u16 {
        1
    }

    async fn due(&self, _: u16, _: Timestamp, _: usize) -> Result<Vec<Due>, StoreError> {
        self.refuse()
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.refuse()
    }

    async fn list(&self, _: &Project, _: Option<&Slug>, _: usize, _: Timestamp) -> Result<Page<Slug>, StoreError> {
        self.refuse()
    }

    async fn sweep(
        &self,
        _: Part,
        _: Option<&MonitorId>,
        _: usize,
        _: Timestamp,
    ) -> Result<Page<MonitorId>, StoreError> {
        self.refuse()
    }

    async fn history(&self, _: &MonitorId, _: Timestamp, _: usize) -> Result<Vec<Row>, StoreError> {
        self.refuse()
    }

    async fn project_history(&self, _: &Project, _: Timestamp, _: usize) -> Result<Vec<Row>, StoreError> {
        self.refuse()
    }

    async fn feed(&self, _: &Project, _: Timestamp, _: usize) -> Result<Vec<Row>, StoreError> {
        self.refuse()
    }

    async fn deliveries(&self, _: &Project, _: &ChannelName, _: Timestamp, _: usize) -> Result<Vec<Row>, StoreError> {
        self.refuse()
    }

    async fn entry(&self, _: &str, _: &str) -> Result<Option<Entry>, StoreError> {
        self.refuse()
    }

    async fn entries(&self, _: &str) -> Result<Vec<Entry>, StoreError> {
        self.refuse()
    }

    async fn put_entry(&self, _: Entry) -> Result<Put, StoreError> {
        self.refuse()
    }

    async fn find_key(&self, _: KeyHash) -> Result<Option<KeyRecord>, StoreError> {
        self.refuse()
    }

    async fn put_key(&self, _: KeyRecord) -> Result<(), StoreError> {
        self.refuse()
    }

    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.refuse()
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.refuse()
    }
}
