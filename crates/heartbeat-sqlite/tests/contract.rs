//! The contract of the store port, against the `SQLite` store.

#![expect(clippy::unwrap_used, reason = "a test passes or it panics")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use futures_util::lock::Mutex as AsyncMutex;
use heartbeat_core::{
    ChannelName, MonitorId, Project, Slug, Store, StoreError, Timestamp,
    alarm::Alarm,
    directory::{Entry, Put},
    history::Row,
    key::{KeyHash, KeyRecord},
    outbox::{Settled, Settlement},
    store::{Change, Committed, Deferral, Deferred, Due, Extend, Extended, Found, Page, Part},
};
use heartbeat_proof::contract::Harness;
use heartbeat_sqlite::{Mode, SqliteStore};
use rusqlite::{Connection, OptionalExtension, params, types::Value as Column};
use serde_json::{Map, Value};
use tempfile::TempDir;

/// A store in a folder of its own.
struct Scratch {
    folder: TempDir,
    store: Arc<Troubled>,
    /// Where it is damaged from.
    beside: Arc<Mutex<Connection>>,
}

impl Scratch {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("heartbeat.db");
        let store = open(&path);
        let beside = Arc::new(Mutex::new(Connection::open(&path).unwrap()));
        let store = Arc::new(Troubled {
            store,
            beside: Arc::clone(&beside),
            left: AtomicU32::new(0),
            turn: AsyncMutex::default(),
        });
        Self { folder, store, beside }
    }

    fn rest(&self, id: &MonitorId) -> Map<String, Value> {
        let beside = self.beside.lock().unwrap();
        let rest: String =
            beside.query_row("SELECT rest FROM monitor WHERE id = ?1", [id.to_string()], |row| row.get(0)).unwrap();
        serde_json::from_str(&rest).unwrap()
    }

    fn set(&self, id: &MonitorId, column: &str, value: &Column) {
        let set = format!("UPDATE monitor SET {column} = ?2 WHERE id = ?1");
        let changed = self.beside.lock().unwrap().execute(&set, params![id.to_string(), value]).unwrap();
        assert_eq!(changed, 1);
    }

    fn has_column(&self, name: &str) -> bool {
        let beside = self.beside.lock().unwrap();
        let mut columns = beside.prepare("SELECT 1 FROM pragma_table_info('monitor') WHERE name = ?1").unwrap();
        columns.exists([name]).unwrap()
    }
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Mode::Serve, Arc::new(Alarm::default())).unwrap()
}

#[async_trait]
impl Harness for Scratch {
    fn store(&self) -> Arc<dyn Store> {
        Arc::<Troubled>::clone(&self.store)
    }

    /// What a killed process leaves behind: the files as they are at this moment, nothing closed and nothing copied into
    /// place.
    async fn after_a_crash(&self) -> Arc<dyn Store> {
        let left = self.folder.path().join("heartbeat.db");
        let found = self.folder.path().join("after-the-crash.db");
        for suffix in ["", "-wal"] {
            fs::copy(with_suffix(&left, suffix), with_suffix(&found, suffix)).unwrap();
        }
        Arc::new(open(&found))
    }

    async fn corrupt(&self, id: &MonitorId) {
        self.set(id, "rest", &Column::Text("{\"status\":".to_owned()));
    }

    async fn set_attribute(&self, id: &MonitorId, name: &str, value: Value) {
        if self.has_column(name) {
            self.set(id, name, &Column::Integer(value.as_i64().unwrap()));
        } else {
            let mut rest = self.rest(id);
            rest.insert(name.to_owned(), value);
            self.set(id, "rest", &Column::Text(Value::Object(rest).to_string()));
        }
    }

    async fn attribute(&self, id: &MonitorId, name: &str) -> Option<Value> {
        if !self.has_column(name) {
            return self.rest(id).remove(name);
        }
        let get = format!("SELECT {name} FROM monitor WHERE id = ?1");
        let beside = self.beside.lock().unwrap();
        let number: Option<Option<i64>> =
            beside.query_row(&get, [id.to_string()], |row| row.get(0)).optional().unwrap();
        number.flatten().and_then(|number| match name {
            "ordinary" => (number != 0).then_some(Value::Bool(true)),
            "rev" | "write_id" | "ping_count" => Some(number.cast_unsigned().into()),
            _ => Some(number.into()),
        })
    }

    async fn damage_history(&self, id: &MonitorId) {
        let damage = "UPDATE history SET happening = '{\"kind\":\"danced\"}' WHERE monitor = ?1";
        let changed = self.beside.lock().unwrap().execute(damage, [id.to_string()]).unwrap();
        assert!(changed > 0);
    }

    async fn fail_next_writes(&self, n: u32) {
        self.beside.lock().unwrap().execute_batch(TRIGGERS).unwrap();
        self.store.left.store(n, Ordering::SeqCst);
    }
}

/// Triggers that fail a statement where the engine carries it out, while there is trouble. A commit fails at its last
/// statement, when its lines and its keys are written.
const TRIGGERS: &str = "
CREATE TABLE IF NOT EXISTS trouble (now);
INSERT INTO trouble SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM trouble);
CREATE TRIGGER IF NOT EXISTS made AFTER INSERT ON monitor WHEN (SELECT now FROM trouble)
    BEGIN SELECT RAISE(ABORT, 'trouble'); END;
CREATE TRIGGER IF NOT EXISTS changed AFTER UPDATE ON monitor WHEN (SELECT now FROM trouble)
    BEGIN SELECT RAISE(ABORT, 'trouble'); END;
CREATE TRIGGER IF NOT EXISTS keyed AFTER INSERT ON key WHEN (SELECT now FROM trouble) = 2
    BEGIN SELECT RAISE(ABORT, 'trouble'); END;
CREATE TRIGGER IF NOT EXISTS entered AFTER INSERT ON directory WHEN (SELECT now FROM trouble)
    BEGIN SELECT RAISE(ABORT, 'trouble'); END;
CREATE TRIGGER IF NOT EXISTS entered_anew AFTER UPDATE ON directory WHEN (SELECT now FROM trouble)
    BEGIN SELECT RAISE(ABORT, 'trouble'); END;
";

/// The real store, with an engine that fails the writes that it is told to; with them fails what is in their batch.
struct Troubled {
    store: SqliteStore,
    beside: Arc<Mutex<Connection>>,
    left: AtomicU32,
    /// One in trouble at a time, so that each is.
    turn: AsyncMutex<()>,
}

impl Troubled {
    fn set(&self, trouble: i64) {
        self.beside.lock().unwrap().execute("UPDATE trouble SET now = ?1", [trouble]).unwrap();
    }

    async fn write<T>(
        &self,
        trouble: i64,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let spend = |left: u32| left.checked_sub(1);
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend).is_err() {
            return write.await;
        }
        let _turn = self.turn.lock().await;
        self.set(trouble);
        let answer = write.await;
        self.set(0);
        answer
    }
}

macro_rules! store_in_trouble {
    (
        writes { $($write:ident($($arg:ident: $type:ty),*) -> $answer:ty, $trouble:literal;)* }
        reads { $($read:ident($($read_arg:ident: $read_type:ty),*) -> $read_answer:ty;)* }
    ) => {
        #[async_trait]
        impl Store for Troubled {
            $(async fn $write(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                self.write($trouble, self.store.$write($($arg),*)).await
            })*

            $(async fn $read(&self, $($read_arg: $read_type),*) -> Result<$read_answer, StoreError> {
                self.store.$read($($read_arg),*).await
            })*

            fn shards(&self) -> u16 {
                self.store.shards()
            }

            fn sweep_parts(&self) -> u16 {
                self.store.sweep_parts()
            }
        }
    };
}

store_in_trouble! {
    writes {
        extend(extend: Extend) -> Extended, 1;
        commit(change: Change) -> Committed, 1;
        settle(id: &MonitorId, settlement: Settlement, now: Timestamp, rows: Vec<Row>) -> Settled, 1;
        defer(deferral: Deferral) -> Deferred, 1;
        put_entry(entry: Entry) -> Put, 1;
        put_key(key: KeyRecord) -> (), 2;
    }
    reads {
        find(id: &MonitorId, now: Timestamp) -> Found;
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
        find_key(hash: KeyHash) -> Option<KeyRecord>;
        keys() -> Vec<KeyRecord>;
        ready() -> ();
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

heartbeat_proof::contract_tests!(Scratch::new());
