//! Forgetting: expired monitors, tombstones that have passed, and old history, in small batches between the pings.

use std::time::Duration;

use heartbeat_core::{StoreError, Timestamp};
use rusqlite::{Connection, params};

use crate::{
    store::SqliteStore,
    writer::{Failure, Outcome},
};

/// The most rows that one write of the sweep deletes: pings wait for no more.
const BATCH: usize = 200;

const FORGETTABLE: &str = "SELECT id FROM monitor WHERE expires_at <= ?1 OR deleted_until <= ?1 ORDER BY id LIMIT ?2";
const FORGET: &str = "DELETE FROM monitor WHERE id = ?1 AND (expires_at <= ?2 OR deleted_until <= ?2)";
/// Any monitor's name after `?1`, by one step in the tree.
const NEXT_MONITOR: &str = "SELECT min(monitor) FROM history WHERE monitor > ?1";
const OLD: &str = "SELECT monitor, at, tag FROM history WHERE monitor = ?1 AND at < ?2 LIMIT ?3";
const FORGET_LINE: &str = "DELETE FROM history WHERE monitor = ?1 AND at = ?2 AND tag = ?3";

impl SqliteStore {
    /// Deletes what nobody can see any more at `now`: expired monitors, tombstones that have passed, and history older
    /// than `retention`; at most `limit` rows. Answers how many; fewer than `limit` means that nothing is left.
    pub async fn forget(&self, now: Timestamp, retention: Duration, limit: usize) -> Result<usize, StoreError> {
        // What could go is looked for by a reader, so that pings do not wait for the search.
        let (keys, lines) = self.readers().read(move |db| forgettable(db, now, retention, limit)).await?;
        let mut forgotten = 0;
        for batch in keys.chunks(BATCH).map(<[String]>::to_vec) {
            forgotten += self.writer().write(move |db| forget_monitors(db, &batch, now)).await?;
        }
        for batch in lines.chunks(BATCH).map(<[LineKey]>::to_vec) {
            forgotten += self.writer().write(move |db| forget_lines(db, &batch)).await?;
        }
        Ok(forgotten)
    }
}

type LineKey = (String, i64, i64);

fn forgettable(
    db: &Connection,
    now: Timestamp,
    retention: Duration,
    limit: usize,
) -> Result<(Vec<String>, Vec<LineKey>), Failure> {
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = db.prepare_cached(FORGETTABLE)?;
    let keys = statement.query_map(params![now.as_micros(), most], |row| row.get(0))?;
    let keys = keys.collect::<rusqlite::Result<Vec<String>>>()?;
    let lines = old_lines(db, now.minus(retention), limit - keys.len().min(limit))?;
    Ok((keys, lines))
}

fn old_lines(db: &Connection, before: Timestamp, limit: usize) -> rusqlite::Result<Vec<LineKey>> {
    let mut lines = Vec::new();
    let mut monitor = String::new();
    while lines.len() < limit {
        let next = db.prepare_cached(NEXT_MONITOR)?.query_row([&monitor], |row| row.get::<_, Option<String>>(0))?;
        let Some(next) = next else { break };
        monitor = next;
        let left = i64::try_from(limit - lines.len()).unwrap_or(i64::MAX);
        let mut statement = db.prepare_cached(OLD)?;
        let old = statement
            .query_map(params![monitor, before.as_micros(), left], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        for line in old {
            lines.push(line?);
        }
    }
    Ok(lines)
}

fn forget_monitors(db: &Connection, keys: &[String], now: Timestamp) -> Result<Outcome<usize>, Failure> {
    let mut forgotten = 0;
    for key in keys {
        forgotten += db.prepare_cached(FORGET)?.execute(params![key, now.as_micros()])?;
    }
    Ok(Outcome::quiet(forgotten))
}

fn forget_lines(db: &Connection, lines: &[LineKey]) -> Result<Outcome<usize>, Failure> {
    let mut forgotten = 0;
    for (monitor, at, tag) in lines {
        forgotten += db.prepare_cached(FORGET_LINE)?.execute(params![monitor, at, tag])?;
    }
    Ok(Outcome::quiet(forgotten))
}
