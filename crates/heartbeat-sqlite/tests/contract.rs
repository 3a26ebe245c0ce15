//! The contract of the store port, against the `SQLite` store.

#![expect(clippy::unwrap_used, reason = "a test passes or it panics")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use heartbeat_core::{MonitorId, Store, alarm::Alarm};
use heartbeat_proof::contract::Harness;
use heartbeat_sqlite::{Mode, SqliteStore};
use rusqlite::{Connection, OptionalExtension, params, types::Value as Column};
use serde_json::{Map, Value};
use tempfile::TempDir;

/// A store in a folder of its own.
struct Scratch {
    folder: TempDir,
    store: Arc<SqliteStore>,
    /// Where it is damaged from.
    beside: Mutex<Connection>,
}

impl Scratch {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("heartbeat.db");
        let store = Arc::new(open(&path));
        Self { store, beside: Mutex::new(Connection::open(&path).unwrap()), folder }
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
        Arc::<SqliteStore>::clone(&self.store)
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
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

heartbeat_proof::contract_tests!(Scratch::new());
