//! Rows of history that have arrived from another store, in no order, until all have. They are in a table of their own,
//! which is there only while a copy is under way.

use heartbeat_core::archive::{Record, Refused};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::{Taken, read_json, write_json};

/// In the order in which they will be.
const MAKE: &str = "
CREATE TABLE IF NOT EXISTS arrival (
    at INTEGER NOT NULL,
    monitor TEXT NOT NULL,
    tag INTEGER NOT NULL,
    happening TEXT NOT NULL,
    PRIMARY KEY (at, monitor, tag)
) STRICT, WITHOUT ROWID";
const PUT: &str = "INSERT INTO arrival (at, monitor, tag, happening) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
const THERE: &str = "SELECT happening FROM arrival WHERE at = ?1 AND monitor = ?2 AND tag = ?3";
const IS_UNDER_WAY: &str = "SELECT count(*) FROM sqlite_schema WHERE name = 'arrival'";
/// Each line is behind its monitor's line before it, and each monitor knows its last. What tells of an attempt to deliver is
/// found by its channel.
const PUT_IN_ORDER: &str = "
INSERT INTO arrival (at, monitor, tag, happening) SELECT at, monitor, tag, happening FROM history WHERE true
    ON CONFLICT DO NOTHING;
DELETE FROM history;
INSERT INTO history (line, before, monitor, at, tag, happening, channel)
    SELECT line, lag(line) OVER (PARTITION BY monitor ORDER BY line), monitor, at, tag, happening,
        CASE WHEN json_valid(happening) THEN
            CASE WHEN happening ->> '$.kind' = 'delivery' AND json_type(happening, '$.channel') = 'text'
                THEN substr(monitor, 1, instr(monitor, '/')) || (happening ->> '$.channel') END END
    FROM (SELECT row_number() OVER (ORDER BY at, monitor, tag) AS line, monitor, at, tag, happening FROM arrival);
WITH last AS MATERIALIZED (SELECT monitor, max(line) AS line FROM history GROUP BY monitor)
    UPDATE monitor SET line_before = NULL, last_line = last.line FROM last WHERE monitor.id = last.monitor;
DROP TABLE arrival";

/// Adds a row of history to those that have arrived.
pub(super) fn put(db: &Connection, record: &Record) -> rusqlite::Result<Taken> {
    let value = |name: &str| record.attributes.get(name);
    let (monitor, at) = (value("monitor").and_then(Value::as_str), value("at").and_then(Value::as_i64));
    let (tag, happening) = (value("tag").and_then(Value::as_u64), value("happening"));
    let (Some(monitor), Some(at), Some(tag), Some(happening), 4) =
        (monitor, at, tag, happening, record.attributes.len())
    else {
        return Ok(Err(Refused::new(record, "a file of this version cannot hold its attributes")));
    };
    db.prepare_cached(MAKE)?.execute([])?;
    let put = params![at, monitor, tag.cast_signed(), write_json(happening)];
    if db.prepare_cached(PUT)?.execute(put)? == 1 {
        return Ok(Ok(()));
    }
    let there: Option<String> =
        db.prepare_cached(THERE)?.query_row(params![at, monitor, tag.cast_signed()], |row| row.get(0)).optional()?;
    let there = there.map(|there| Record::event(monitor, at, tag, read_json(there.as_bytes())));
    Ok(super::beside(record, there).unwrap_or(Ok(())))
}

/// All have arrived: they become history.
pub(super) fn put_in_order(db: &Connection) -> rusqlite::Result<()> {
    let tables: i64 = db.query_row(IS_UNDER_WAY, [], |row| row.get(0))?;
    if tables > 0 { db.execute_batch(PUT_IN_ORDER) } else { Ok(()) }
}
