//! History: appended in the transaction of the write that it tells of, read newest first.

use heartbeat_core::{MonitorId, Timestamp, history::Row};
use rusqlite::{Connection, params};

const APPEND: &str = "INSERT OR IGNORE INTO history (monitor, at, tag, happening) VALUES (?1, ?2, ?3, ?4)";
const IS_THERE: &str = "SELECT 1 FROM history WHERE monitor = ?1 AND at = ?2 AND tag = ?3";
const NEWEST: &str = "SELECT at, tag, happening FROM history WHERE monitor = ?1 AND at < ?2 \
                      ORDER BY at DESC, tag DESC LIMIT ?3";

/// A row as it is stored; made by the caller, so that the writer's thread encodes nothing.
pub(crate) struct Line {
    monitor: String,
    at: i64,
    tag: i64,
    happening: String,
}

impl Line {
    /// The stored form of `row`.
    pub(crate) fn of(row: &Row) -> Self {
        Self {
            monitor: row.monitor.to_string(),
            at: row.at.as_micros(),
            tag: row.tag.cast_signed(),
            happening: serde_json::to_string(&row.happening).unwrap_or_default(),
        }
    }

    /// Appends it, unless it is there.
    pub(crate) fn append(&self, db: &Connection) -> rusqlite::Result<()> {
        db.prepare_cached(APPEND)?.execute(params![self.monitor, self.at, self.tag, self.happening])?;
        Ok(())
    }

    /// Whether it is there: then the write that it tells of was done.
    pub(crate) fn is_there(&self, db: &Connection) -> rusqlite::Result<bool> {
        db.prepare_cached(IS_THERE)?.exists(params![self.monitor, self.at, self.tag])
    }
}

/// The newest rows of `id` before `before`. A row that cannot be understood hides no other.
pub(crate) fn newest(db: &Connection, id: &MonitorId, before: Timestamp, limit: i64) -> rusqlite::Result<Vec<Row>> {
    let mut statement = db.prepare_cached(NEWEST)?;
    let mut rows = statement.query(params![id.to_string(), before.as_micros(), limit])?;
    let mut newest = Vec::new();
    while let Some(row) = rows.next()? {
        match serde_json::from_slice(row.get_ref(2)?.as_bytes().unwrap_or_default()) {
            Ok(happening) => newest.push(Row {
                monitor: id.clone(),
                at: Timestamp::from_micros(row.get(0)?),
                tag: row.get::<_, i64>(1)?.cast_unsigned(),
                happening,
            }),
            Err(error) => {
                tracing::warn!(monitor = %id, %error, "a row of history cannot be understood and is left out");
            }
        }
    }
    Ok(newest)
}
