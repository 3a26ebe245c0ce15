//! The store: what it is made of, and the port's verbs, each handed to the module that is about it.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;

use super::{
    administer,
    connect::{ConnectError, Options, client},
    shared::{PK, SK, Shared, View},
    skew::{INTOLERABLE, Skew},
    sweep::Horizon,
    tables::TableNames,
};
use crate::{
    channel::ChannelName,
    clock::Clock,
    directory::{Entry, Put},
    history::Row,
    key::{KeyHash, KeyRecord},
    monitor::MonitorId,
    outbox::{Settled, Settlement},
    slug::{Project, Slug},
    store::{
        Change, Committed, Deferral, Deferred, Due, Extend, Extended, Found, Page, Part, Store, StoreError, shard_of,
    },
    time::Timestamp,
};

/// The store port on `DynamoDB`.
pub struct DynamoStore {
    pub(super) client: Client,
    pub(super) tables: TableNames,
    pub(super) retention: std::time::Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) segments: u16,
    pub(super) horizon: Horizon,
    view: View,
    skew: Arc<Skew>,
}

impl std::fmt::Debug for DynamoStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DynamoStore").field("tables", &self.tables).finish_non_exhaustive()
    }
}

impl DynamoStore {
    /// Opens the store: checks that its tables are there and as they must be, and learns what has been agreed on, or
    /// proposes `options.shared`. An error says in one line each what must be mended.
    pub async fn open(options: Options) -> Result<Self, ConnectError> {
        let store = Self::connect(options).await?;
        administer::check(&store.client, &store.tables).await?;
        let shared = store.agree().await.map_err(|error| ConnectError::Unreachable(error.to_string()))?;
        store.view.set(shared, store.clock.now());
        Ok(store)
    }

    /// A store whose tables may not be there yet.
    pub(super) async fn connect(options: Options) -> Result<Self, ConnectError> {
        let (client, skew) = client(&options).await?;
        let view = View::of(options.shared, options.clock.now());
        let Options { tables, retention, clock, segments, .. } = options;
        let segments = segments.max(1);
        Ok(Self { client, tables, retention, clock, segments, horizon: Horizon::default(), view, skew })
    }

    /// What all processes over these tables agree on, as this one knows it.
    pub fn shared(&self) -> Shared {
        self.view.get()
    }

    /// The settle time, where wake times are not written and follow from the rest.
    pub(super) fn computes_wake_times(&self) -> Option<std::time::Duration> {
        let shared = self.shared();
        shared.detector.sweeps().then(|| shared.settle())
    }

    /// How far our clock is from the store's.
    pub fn skew(&self) -> &Skew {
        &self.skew
    }

    /// Reads what has been agreed on; proposes what this process thinks where nothing has.
    async fn agree(&self) -> Result<Shared, StoreError> {
        let proposal = Entry::first(PK, SK, &self.view.get());
        let entry = match self.entry(PK, SK).await? {
            Some(entry) => entry,
            None => match self.put_entry(proposal.clone()).await? {
                Put::Done | Put::Conflict(None) => proposal,
                Put::Conflict(Some(theirs)) => theirs,
            },
        };
        Ok(entry.read()?)
    }

    /// Changes what has been agreed on, unless somebody else does at the same moment.
    pub(super) async fn change_shared(
        &self,
        change: impl FnOnce(Shared) -> Result<Shared, StoreError>,
    ) -> Result<Shared, StoreError> {
        let entry = self.entry(PK, SK).await?;
        let entry = entry.ok_or_else(|| StoreError::Unavailable("nothing has been agreed on yet".to_owned()))?;
        let changed = change(entry.read()?)?;
        match self.put_entry(entry.next(&changed)).await? {
            Put::Done => {
                self.view.set(changed, self.clock.now());
                Ok(changed)
            }
            Put::Conflict(_) => Err(StoreError::Unavailable("somebody else is changing the settings".to_owned())),
        }
    }

    /// Whether an ordinary monitor's wake time is written.
    pub(super) fn writes_wake_times(&self) -> bool {
        self.shared().writes_wake_times(self.clock.now())
    }

    /// Learns of changes now and then.
    pub(super) async fn refresh(&self) {
        let ask = async || match self.entry(PK, SK).await? {
            Some(entry) => Ok::<_, StoreError>(Some(entry.read()?)),
            None => Ok(None),
        };
        self.view.refresh(self.clock.now(), ask).await;
    }
}

#[async_trait]
impl Store for DynamoStore {
    async fn find(&self, id: &MonitorId, now: Timestamp) -> Result<Found, StoreError> {
        self.look_for(id, now).await
    }

    async fn extend(&self, extend: Extend) -> Result<Extended, StoreError> {
        self.refresh().await;
        self.extend_item(extend).await
    }

    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        self.commit_change(change).await
    }

    async fn settle(
        &self,
        id: &MonitorId,
        settlement: Settlement,
        now: Timestamp,
        rows: Vec<Row>,
    ) -> Result<Settled, StoreError> {
        self.settle_entry(id, &settlement, now, rows).await
    }

    async fn defer(&self, deferral: Deferral) -> Result<Deferred, StoreError> {
        self.defer_item(&deferral).await
    }

    fn shards(&self) -> u16 {
        let shared = self.view.get();
        if shared.detector.sweeps() { self.segments } else { shared.shards.max(1) }
    }

    fn shard_for(&self, id: &MonitorId) -> u16 {
        shard_of(id, self.view.get().shards_to_write(self.clock.now()))
    }

    async fn due(&self, shard: u16, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.refresh().await;
        if self.shared().detector.sweeps() {
            self.due_by_sweep(Part { number: shard, of: self.segments }, now, limit).await
        } else {
            self.due_by_index(shard, now, limit).await
        }
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        let shared = self.view.get();
        if shared.detector.sweeps() {
            self.earliest_by_sweep().await
        } else {
            self.earliest(shared.shards.max(1)).await
        }
    }

    async fn list(
        &self,
        project: &Project,
        after: Option<&Slug>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Slug>, StoreError> {
        self.list_project(project, after, limit, now).await
    }

    fn sweep_parts(&self) -> u16 {
        self.segments
    }

    async fn sweep(
        &self,
        part: Part,
        after: Option<&MonitorId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<MonitorId>, StoreError> {
        self.sweep_page(part, after, limit, now).await
    }

    async fn history(&self, id: &MonitorId, before: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError> {
        self.newest_events(id, before, limit).await
    }

    async fn project_history(
        &self,
        project: &Project,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.newest_of_project(project, before, limit).await
    }

    async fn feed(&self, project: &Project, since: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError> {
        self.feed_since(project, since, limit).await
    }

    async fn deliveries(
        &self,
        project: &Project,
        channel: &ChannelName,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.newest_deliveries(project, channel, before, limit).await
    }

    async fn entry(&self, pk: &str, sk: &str) -> Result<Option<Entry>, StoreError> {
        self.find_entry(pk, sk).await
    }

    async fn entries(&self, pk: &str) -> Result<Vec<Entry>, StoreError> {
        self.entries_under(pk).await
    }

    async fn put_entry(&self, entry: Entry) -> Result<Put, StoreError> {
        self.store_entry(entry).await
    }

    async fn find_key(&self, hash: KeyHash) -> Result<Option<KeyRecord>, StoreError> {
        self.key_of(hash).await
    }

    async fn put_key(&self, key: KeyRecord) -> Result<(), StoreError> {
        self.store_key(&key).await
    }

    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.all_keys().await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.refresh().await;
        self.try_out().await?;
        if let Some(silent) = self.view.out_of_touch(self.clock.now()) {
            let table = &self.tables.directory;
            let text = format!("the settings in the table {table} could not be read for {} s", silent.as_secs());
            return Err(StoreError::Unavailable(text));
        }
        let skew = self.skew.at_least();
        if skew > INTOLERABLE {
            let text = format!("this machine's clock is {} s away from the store's: set it right", skew.as_secs());
            return Err(StoreError::Unavailable(text));
        }
        Ok(())
    }
}
