//! The tables, and how a file gets to their newest version. A file of a newer version than this program knows is refused,
//! never touched. One of an older version is brought up only by who serves it: a process that has it open meanwhile may
//! not know the new tables.

use rusqlite::Connection;

use crate::open::Mode;

/// Marks a file as Heartbeat's: `HBT1` in ASCII, in the file's `application_id`.
const APPLICATION: i32 = 0x4842_5431;

/// Each brings a file from the version of its index to the next. They are never edited, only added to.
const MIGRATIONS: [&str; 3] = [FIRST, DIRECTORY, LEDGER];

/// The first version.
///
/// `monitor`: what `extend` touches is in columns, the other attributes are one JSON object in `rest`. A tombstone is a
/// row with `deleted_until`. `last_line` is its newest line of history; `line_before` hands an update the one before.
/// `history`: lines in the order in which they were written, each with its monitor's line before it. An index by monitor
/// would touch a page of its own for every ping: measured over 1,000 monitors, 45 µs of CPU a ping instead of 19.
/// `pulse`: what [`ready`](crate::SqliteStore) writes to know that it can.
const FIRST: &str = "
CREATE TABLE monitor (
    id TEXT NOT NULL PRIMARY KEY,
    v INTEGER,
    shard INTEGER,
    rev INTEGER,
    write_id INTEGER,
    ordinary INTEGER,
    interval_s INTEGER,
    grace_s INTEGER,
    window_s INTEGER,
    due_at INTEGER,
    wake_at INTEGER,
    last_ping_at INTEGER,
    last_remark_at INTEGER,
    ping_count INTEGER,
    expires_at INTEGER,
    last_line INTEGER,
    line_before INTEGER,
    deleted_until INTEGER,
    rest TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX monitor_due ON monitor (shard, wake_at) WHERE wake_at IS NOT NULL;

CREATE TABLE history (
    line INTEGER NOT NULL PRIMARY KEY,
    before INTEGER,
    monitor TEXT NOT NULL,
    at INTEGER NOT NULL,
    tag INTEGER NOT NULL,
    happening TEXT NOT NULL
) STRICT;

CREATE TABLE key (
    hash TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL,
    scopes TEXT NOT NULL,
    monitor TEXT,
    description TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE pulse (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    beats INTEGER NOT NULL
) STRICT;
INSERT INTO pulse VALUES (1, 0);
";

/// The second version: the directory. `value` is JSON.
const DIRECTORY: &str = "
CREATE TABLE directory (
    pk TEXT NOT NULL,
    sk TEXT NOT NULL,
    rev INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (pk, sk)
) STRICT, WITHOUT ROWID;
";

/// The third version: `channel` is `project/channel` where a line tells of an attempt to deliver, and nothing elsewhere, so
/// that the index has only those lines: a ping touches it not at all. Attempts that were written before name no channel.
const LEDGER: &str = "
ALTER TABLE history ADD COLUMN channel TEXT;
CREATE INDEX history_channel ON history (channel, at) WHERE channel IS NOT NULL;
";

/// What stands in a file's way.
pub(crate) enum Obstacle {
    /// It is the database of another program.
    Foreign,
    /// A newer Heartbeat has written it.
    Newer {
        /// Its version.
        found: usize,
        /// The newest that this program knows.
        known: usize,
    },
    /// An older Heartbeat has written it, and may be serving it.
    Older {
        /// Its version.
        found: usize,
        /// The version that this program writes.
        known: usize,
    },
    /// `SQLite` says so.
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for Obstacle {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// Brings the file to the newest version, in one transaction, as far as `mode` may. Two programs may try at once.
pub(crate) fn migrate(db: &mut Connection, mode: Mode) -> Result<(), Obstacle> {
    run(db, &MIGRATIONS, mode)
}

/// Whether the file is one that `mode` may open. Looks only: what is not ours is not to be touched.
pub(crate) fn check(db: &Connection, mode: Mode) -> Result<(), Obstacle> {
    missing(db, &MIGRATIONS, mode).map(|_| ())
}

fn run(db: &mut Connection, migrations: &[&str], mode: Mode) -> Result<(), Obstacle> {
    if missing(db, migrations, mode)?.is_empty() {
        return Ok(());
    }
    let transaction = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for migration in missing(&transaction, migrations, mode)? {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", i64::try_from(migrations.len()).unwrap_or(i64::MAX))?;
    Ok(transaction.commit()?)
}

/// What the file lacks.
fn missing<'m>(db: &Connection, migrations: &'m [&'m str], mode: Mode) -> Result<&'m [&'m str], Obstacle> {
    let (found, known) = (version(db)?, migrations.len());
    let Some(missing) = migrations.get(found..) else { return Err(Obstacle::Newer { found, known }) };
    match mode {
        Mode::Beside if found > 0 && !missing.is_empty() => Err(Obstacle::Older { found, known }),
        Mode::Beside | Mode::Serve => Ok(missing),
    }
}

/// The version of the file; 0 = nothing in it yet.
fn version(db: &Connection) -> Result<usize, Obstacle> {
    // In this order: whoever makes the file meanwhile writes all three at once, so that what is seen last is the newest.
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION && (tables > 0 || version != 0) {
        return Err(Obstacle::Foreign);
    }
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::{APPLICATION, Connection, DIRECTORY, FIRST, MIGRATIONS, Obstacle, run, version};
    use crate::{
        history::{LINES_OF_CHANNEL, Line, append, deliveries, feed},
        open::Mode,
    };
    use heartbeat_core::{
        ChannelName, MonitorId, Timestamp,
        history::{DeliveryRow, Happening, Row},
    };

    const NEXT: [&str; 2] = [FIRST, "CREATE TABLE next (a)"];

    fn has_version(db: &Connection, expected: usize) -> bool {
        matches!(version(db), Ok(found) if found == expected)
    }

    #[test]
    fn a_short_command_of_a_newer_version_leaves_an_older_file_to_serve() {
        let mut db = Connection::open_in_memory().unwrap();
        assert!(run(&mut db, &[FIRST], Mode::Beside).is_ok(), "a new file is made");
        assert!(has_version(&db, 1));
        let refused = run(&mut db, &NEXT, Mode::Beside);
        assert!(matches!(refused, Err(Obstacle::Older { found: 1, known: 2 })));
        assert!(has_version(&db, 1));
        assert!(run(&mut db, &NEXT, Mode::Serve).is_ok());
        assert!(run(&mut db, &NEXT, Mode::Beside).is_ok(), "now it is up to date");
        assert!(has_version(&db, 2));
        assert!(matches!(run(&mut db, &[FIRST], Mode::Serve), Err(Obstacle::Newer { found: 2, known: 1 })));
    }

    #[test]
    fn a_file_that_somebody_makes_meanwhile_is_not_taken_for_a_new_one() {
        let mut db = Connection::open_in_memory().unwrap();
        db.pragma_update(None, "application_id", APPLICATION).unwrap();
        db.pragma_update(None, "user_version", 1).unwrap();
        assert!(matches!(run(&mut db, &NEXT, Mode::Beside), Err(Obstacle::Older { .. })));
    }

    #[test]
    fn history_of_the_second_version_is_read_and_written_on() {
        let mut db = Connection::open_in_memory().unwrap();
        assert!(run(&mut db, &[FIRST, DIRECTORY], Mode::Serve).is_ok());
        let before = r#"INSERT INTO history (line, monitor, at, tag, happening) VALUES (1, 'default/job', 5, 7,
            '{"kind":"delivery","notification":"default/job/1/overdue/telegram","outcome":"delivered","took_ms":9}')"#;
        db.execute_batch(before).unwrap();
        assert!(run(&mut db, &MIGRATIONS, Mode::Serve).is_ok());
        let (telegram, id) = (ChannelName::parse("telegram").unwrap(), MonitorId::parse("default/job").unwrap());
        let delivery = DeliveryRow {
            notification: "n".to_owned(),
            channel: telegram.clone(),
            attempt: 1,
            outcome: "delivered".to_owned(),
            reason: None,
            status: None,
            took_ms: 9,
            next_at: None,
            untold: None,
        };
        let happening = Happening::Delivery(delivery);
        let row = Row { monitor: id.clone(), at: Timestamp::from_micros(6), tag: 8, happening };
        assert_eq!(append(&db, &[Line::of(&row)], Some(1)).unwrap(), Some(2));
        let told = deliveries(&db, &id.project, &telegram, Timestamp::MAX, 10).unwrap();
        assert_eq!(told, std::slice::from_ref(&row));
        let fed = feed(&db, &id.project, Timestamp::EPOCH, 10).unwrap();
        assert!(fed.contains(&row), "{fed:?}");
    }

    #[test]
    fn a_channel_is_looked_up_and_nothing_else_is_in_its_index() {
        let mut db = Connection::open_in_memory().unwrap();
        assert!(run(&mut db, &MIGRATIONS, Mode::Serve).is_ok());
        let plan: String = db
            .query_row(&format!("EXPLAIN QUERY PLAN {LINES_OF_CHANNEL}"), ["default/telegram", "5"], |row| row.get(3))
            .unwrap();
        assert_eq!(plan, "SEARCH history USING INDEX history_channel (channel=? AND at<?)");
        let insert =
            "EXPLAIN INSERT INTO history (line, monitor, at, tag, happening) VALUES (1, 'default/job', 5, 7, '{}')";
        let mut steps = db.prepare(insert).unwrap();
        let steps: Vec<String> = steps.query_map([], |row| row.get(1)).unwrap().map(Result::unwrap).collect();
        assert!(!steps.iter().any(|step| step == "Function"), "a ping computes nothing for it: {steps:?}");
    }
}
