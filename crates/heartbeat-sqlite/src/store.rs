//! The store: the port's verbs, each handed to the writer or to a reader.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use heartbeat_core::{
    ChannelName, MonitorId, Project, Slug, Store, StoreError, Timestamp,
    alarm::Alarm,
    directory::{Entry, Put},
    history::Row,
    key::{KeyHash, KeyRecord},
    outbox::{Settled, Settlement},
    store::{Change, Committed, Deferral, Deferred, Due, Extend, Extended, Found, Page, Part},
};

use crate::{
    directory,
    forget::newest,
    history::{self, Line},
    key,
    lock::ServeLock,
    look,
    open::{Mode, OpenError, Use, connect, prepare},
    reader::Readers,
    steady::Steady,
    verbs,
    writer::{Outcome, Writer},
};

/// One machine has one shard: there is no index key to spread.
const SHARD: u16 = 0;

/// The store port on one `SQLite` file.
///
/// It is opened inside a Tokio runtime, or handed to one: reads use its blocking threads.
#[derive(Debug)]
pub struct SqliteStore {
    // In the order in which they must go: the lock last.
    readers: Readers,
    writer: Writer,
    steady: Mutex<Steady>,
    _lock: Option<ServeLock>,
}

impl SqliteStore {
    /// Opens the store at `path`, and makes it when nothing is there. It rings `alarm` after writes that a sleeping
    /// checker must know of.
    pub fn open(path: &Path, mode: Mode, alarm: Arc<Alarm>) -> Result<Self, OpenError> {
        let lock = match mode {
            Mode::Serve => Some(ServeLock::take(path)?),
            Mode::Beside => None,
        };
        prepare(path, mode)?;
        let writer = Writer::start(path, alarm)?;
        let newest = connect(path, Use::Read).and_then(|db| newest(&db));
        let newest = newest.map_err(|error| OpenError::cannot_open(path, error.to_string()))?;
        let steady = Mutex::new(Steady::since(newest));
        Ok(Self { readers: Readers::new(path.to_owned()), writer, steady, _lock: lock })
    }

    /// Finishes what was accepted and brings the file to rest; everything after it is refused. Blocks for as long as the
    /// last writes take. Dropping the store does the same.
    pub fn close(&self) {
        self.readers.close();
        self.writer.close();
    }

    pub(crate) fn readers(&self) -> &Readers {
        &self.readers
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.writer
    }

    pub(crate) fn steady(&self) -> MutexGuard<'_, Steady> {
        self.steady.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lines(rows: &[Row]) -> Vec<Line> {
    rows.iter().map(Line::of).collect()
}

/// A number of rows for `LIMIT`.
pub(crate) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[async_trait]
impl Store for SqliteStore {
    async fn find(&self, id: &MonitorId, now: Timestamp) -> Result<Found, StoreError> {
        let id = id.clone();
        self.readers.read(move |db| look::find(db, &id, now)).await
    }

    async fn extend(&self, extend: Extend) -> Result<Extended, StoreError> {
        let line = extend.row.as_ref().map(Line::of);
        self.writer.write(move |db| verbs::extend(db, &extend, line.as_ref())).await
    }

    async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        let lines = lines(&change.rows);
        self.writer.write(move |db| verbs::commit(db, &change, &lines)).await
    }

    async fn settle(
        &self,
        id: &MonitorId,
        settlement: Settlement,
        now: Timestamp,
        rows: Vec<Row>,
    ) -> Result<Settled, StoreError> {
        let (id, lines) = (id.clone(), lines(&rows));
        self.writer.write(move |db| verbs::settle(db, &id, &settlement, now, &lines)).await
    }

    async fn defer(&self, deferral: Deferral) -> Result<Deferred, StoreError> {
        self.writer.write(move |db| verbs::defer(db, &deferral)).await
    }

    fn shards(&self) -> u16 {
        1
    }

    async fn due(&self, shard: u16, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        self.readers.read(move |db| look::due(db, shard, now, limit)).await
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError> {
        self.readers.read(|db| look::next_wake(db, SHARD)).await
    }

    async fn list(
        &self,
        project: &Project,
        after: Option<&Slug>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Slug>, StoreError> {
        let (project, after) = (project.clone(), after.cloned());
        self.readers.read(move |db| look::list(db, &project, after.as_ref(), limit, now)).await
    }

    async fn sweep(
        &self,
        part: Part,
        after: Option<&MonitorId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<MonitorId>, StoreError> {
        let after = after.cloned();
        self.readers.read(move |db| look::sweep(db, part, after.as_ref(), limit, now)).await
    }

    async fn history(&self, id: &MonitorId, before: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError> {
        let id = id.clone();
        self.readers.read_at_once(move |db| Ok(history::newest(db, &id, before, limit)?)).await
    }

    async fn project_history(
        &self,
        project: &Project,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let project = project.clone();
        self.readers.read_at_once(move |db| Ok(history::newest_of_project(db, &project, before, limit)?)).await
    }

    async fn feed(&self, project: &Project, since: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError> {
        let project = project.clone();
        self.readers.read_at_once(move |db| Ok(history::feed(db, &project, since, limit)?)).await
    }

    async fn deliveries(
        &self,
        project: &Project,
        channel: &ChannelName,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let (project, channel) = (project.clone(), channel.clone());
        self.readers.read(move |db| Ok(history::deliveries(db, &project, &channel, before, limit)?)).await
    }

    async fn entry(&self, pk: &str, sk: &str) -> Result<Option<Entry>, StoreError> {
        let (pk, sk) = (pk.to_owned(), sk.to_owned());
        self.readers.read(move |db| directory::entry(db, &pk, &sk)).await
    }

    async fn entries(&self, pk: &str) -> Result<Vec<Entry>, StoreError> {
        let pk = pk.to_owned();
        self.readers.read(move |db| directory::entries(db, &pk)).await
    }

    async fn put_entry(&self, entry: Entry) -> Result<Put, StoreError> {
        self.writer.write(move |db| directory::put(db, &entry)).await
    }

    async fn find_key(&self, hash: KeyHash) -> Result<Option<KeyRecord>, StoreError> {
        self.readers.read(move |db| key::find(db, hash)).await
    }

    async fn put_key(&self, key: KeyRecord) -> Result<(), StoreError> {
        self.writer.write(move |db| Ok(Outcome::quiet(key::put(db, &key)?))).await
    }

    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.readers.read(key::all).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.writer
            .write(|db| {
                db.prepare_cached("UPDATE pulse SET beats = beats + 1")?.execute([])?;
                Ok(Outcome::quiet(()))
            })
            .await?;
        self.readers.read(|db| Ok(db.query_row("SELECT beats FROM pulse", [], |_| Ok(()))?)).await
    }
}
