//! Forgetting: expired monitors, tombstones that have passed, and old history, in small batches between the pings.

use std::time::Duration;

use heartbeat_core::{StoreError, Timestamp};
use rusqlite::{Connection, params};

use crate::{
    steady::FAR,
    store::{SqliteStore, at_most},
    writer::{Failure, Outcome},
};

/// The most rows that one write of the sweep deletes: pings wait for no more.
const BATCH: usize = 200;

const FORGETTABLE: &str = "SELECT id FROM monitor WHERE expires_at <= ?1 OR deleted_until <= ?1 ORDER BY id LIMIT ?2";
const FORGET: &str = "DELETE FROM monitor WHERE id = ?1 AND (expires_at <= ?2 OR deleted_until <= ?2)";
/// The oldest lines up to the first that is kept, so that no monitor's lines lose one in their middle; never the newest
/// one, so that no number is ever given twice. A line from far in the future was stamped by a wrong clock: it is not
/// waited for.
const FORGET_LINES: &str = "
WITH head AS MATERIALIZED
    (SELECT line, at FROM history WHERE line < (SELECT max(line) FROM history) ORDER BY line LIMIT :limit)
DELETE FROM history WHERE line IN (SELECT line FROM head)
    AND line < coalesce((SELECT min(line) FROM head WHERE at BETWEEN :before AND :far), 9223372036854775807)";
/// What was written last tells when that was; where no ping is told, the pings themselves do. Not the last line alone: one
/// that tells of an outage is dated at its deadline.
const NEWEST: &str = "
SELECT coalesce((SELECT max(at) FROM (SELECT at FROM history ORDER BY line DESC LIMIT 100)),
    (SELECT max(last_ping_at) FROM monitor))";

/// The newest instant that the store knows of.
pub(crate) fn newest(db: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let newest: Option<i64> = db.query_row(NEWEST, [], |row| row.get(0))?;
    Ok(newest.map(Timestamp::from_micros))
}

impl SqliteStore {
    /// Deletes what nobody can see any more at `now`: expired monitors, tombstones that have passed, and history older
    /// than `retention`; at most `limit` rows. Answers how many; fewer than `limit` means that nothing is left.
    ///
    /// Nothing is deleted while the clock is in doubt: `now` is more than a day away from what the store knows of or from
    /// the last sweep, and sweeps have not seen it go on steadily for an hour since.
    pub async fn forget(&self, now: Timestamp, retention: Duration, limit: usize) -> Result<usize, StoreError> {
        if !self.steady().admits(now) {
            return Ok(0);
        }
        // What could go is looked for by a reader, so that pings do not wait for the search.
        let keys = self.readers().read(move |db| forgettable(db, now, at_most(limit))).await?;
        let mut forgotten = 0;
        for batch in keys.chunks(BATCH).map(<[String]>::to_vec) {
            forgotten += self.writer().write(move |db| forget_monitors(db, &batch, now)).await?;
        }
        while forgotten < limit {
            let most = BATCH.min(limit - forgotten);
            let lines = self.writer().write(move |db| forget_lines(db, now, retention, at_most(most))).await?;
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

fn forget_lines(db: &Connection, now: Timestamp, retention: Duration, most: i64) -> Result<Outcome<usize>, Failure> {
    let (before, far) = (now.minus(retention).as_micros(), now.plus(FAR).as_micros());
    // In the order in which the statement first names them.
    Ok(Outcome::quiet(db.prepare_cached(FORGET_LINES)?.execute(params![most, before, far])?))
}
