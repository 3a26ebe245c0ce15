//! Forgetting: expired monitors, tombstones that have passed, and old history, in small batches between the pings.

use std::time::Duration;

use heartbeat_core::{StoreError, Timestamp};
use rusqlite::{Connection, params};

use crate::{
    store::{SqliteStore, at_most},
    writer::{Failure, Outcome},
};

/// The most rows that one write of the sweep deletes: pings wait for no more.
const BATCH: usize = 200;

const FORGETTABLE: &str = "SELECT id FROM monitor WHERE expires_at <= ?1 OR deleted_until <= ?1 ORDER BY id LIMIT ?2";
const FORGET: &str = "DELETE FROM monitor WHERE id = ?1 AND (expires_at <= ?2 OR deleted_until <= ?2)";
/// The oldest lines, never the newest one, so that no number is ever given twice.
const FORGET_LINES: &str = "DELETE FROM history WHERE at < ?1 AND line IN \
    (SELECT line FROM history WHERE line < (SELECT max(line) FROM history) ORDER BY line LIMIT ?2)";

impl SqliteStore {
    /// Deletes what nobody can see any more at `now`: expired monitors, tombstones that have passed, and history older
    /// than `retention`; at most `limit` rows. Answers how many; fewer than `limit` means that nothing is left.
    pub async fn forget(&self, now: Timestamp, retention: Duration, limit: usize) -> Result<usize, StoreError> {
        // What could go is looked for by a reader, so that pings do not wait for the search.
        let keys = self.readers().read(move |db| forgettable(db, now, at_most(limit))).await?;
        let mut forgotten = 0;
        for batch in keys.chunks(BATCH).map(<[String]>::to_vec) {
            forgotten += self.writer().write(move |db| forget_monitors(db, &batch, now)).await?;
        }
        while forgotten < limit {
            let most = BATCH.min(limit - forgotten);
            let lines = self.writer().write(move |db| forget_lines(db, now.minus(retention), at_most(most))).await?;
            forgotten += lines;
            if lines < most {
                break;
            }
        }
        Ok(forgotten)
    }
}

fn forgettable(db: &Connection, now: Timestamp, limit: i64) -> Result<Vec<String>, Failure> {
    let mut statement = db.prepare_cached(FORGETTABLE)?;
    let keys = statement.query_map(params![now.as_micros(), limit], |row| row.get(0))?;
    Ok(keys.collect::<rusqlite::Result<Vec<String>>>()?)
}

fn forget_monitors(db: &Connection, keys: &[String], now: Timestamp) -> Result<Outcome<usize>, Failure> {
    let mut forgotten = 0;
    for key in keys {
        forgotten += db.prepare_cached(FORGET)?.execute(params![key, now.as_micros()])?;
    }
    Ok(Outcome::quiet(forgotten))
}

fn forget_lines(db: &Connection, before: Timestamp, limit: i64) -> Result<Outcome<usize>, Failure> {
    let forgotten = db.prepare_cached(FORGET_LINES)?.execute(params![before.as_micros(), limit])?;
    Ok(Outcome::quiet(forgotten))
}
