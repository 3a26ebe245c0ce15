//! Opening the file: connections with the settings that durability and memory rest on, and errors that say what to do.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use thiserror::Error;

use crate::schema::{Obstacle, migrate, version};

/// How long a connection waits for another process's write.
const BUSY: Duration = Duration::from_secs(5);
/// The WAL is copied into the file when it has this many pages (4 KiB each): pages written often are copied once.
const CHECKPOINT_PAGES: i64 = 2_000;
/// How often a file that others make at the same time is tried.
const TURNS: usize = 20;
/// Statements kept ready on each connection.
const STATEMENTS: usize = 32;

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// To serve it: at most one process does at a time.
    Serve,
    /// For a short command beside the process that serves it.
    Beside,
}

/// Why a store was not opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// Another process serves it.
    #[error(
        "{} is already served by another Heartbeat process: stop that one first, or give this one another file",
        path.display()
    )]
    Served {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be opened, made or written.
    #[error("cannot open {}: {reason}: check that the folder exists, that this user may write there, and that the disk is well", path.display())]
    CannotOpen {
        /// The file.
        path: PathBuf,
        /// What was in the way.
        reason: String,
    },
    /// It is something else.
    #[error("{} is not a Heartbeat database: give another path, or move that file away", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// A newer Heartbeat has written it.
    #[error(
        "{} was written by a newer Heartbeat (store version {found}; this program knows up to {known}): run that newer version, \
         or restore a backup",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The newest version that this program knows.
        known: usize,
    },
}

impl OpenError {
    pub(crate) fn cannot_open(path: &Path, reason: String) -> Self {
        Self::CannotOpen { path: path.to_owned(), reason }
    }

    fn from_obstacle(path: &Path, obstacle: Obstacle) -> Self {
        let path = path.to_owned();
        match obstacle {
            Obstacle::Foreign => Self::NotOurs { path },
            Obstacle::Newer { found, known } => Self::Newer { path, found, known },
            Obstacle::Sql(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                Self::NotOurs { path }
            }
            Obstacle::Sql(error) => Self::CannotOpen { path, reason: error.to_string() },
        }
    }
}

/// Brings the file at `path` to the newest version; makes it when there is none.
pub(crate) fn prepare(path: &Path) -> Result<(), OpenError> {
    for _ in 1..TURNS {
        match try_prepare(path) {
            Err(Obstacle::Sql(error)) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {}
            prepared => return prepared.map_err(|obstacle| OpenError::from_obstacle(path, obstacle)),
        }
        // Nobody waits for the journal to be changed; but for a turn to write, everybody does.
        let _ = bare(path).and_then(|db| db.execute_batch("BEGIN IMMEDIATE; ROLLBACK"));
    }
    try_prepare(path).map_err(|obstacle| OpenError::from_obstacle(path, obstacle))
}

fn try_prepare(path: &Path) -> Result<(), Obstacle> {
    let mut db = bare(path)?;
    version(&db)?;
    configure(&db, Use::Write)?;
    migrate(&mut db)
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// The writer's.
    Write,
    /// A reader's.
    Read,
}

/// A connection with our settings.
pub(crate) fn connect(path: &Path, purpose: Use) -> rusqlite::Result<Connection> {
    let db = bare(path)?;
    configure(&db, purpose)?;
    Ok(db)
}

fn bare(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(BUSY)?;
    Ok(db)
}

fn configure(db: &Connection, purpose: Use) -> rusqlite::Result<()> {
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
    // Kibibytes, when negative.
    match purpose {
        Use::Write => db.pragma_update(None, "cache_size", -4_096),
        Use::Read => {
            db.pragma_update(None, "cache_size", -1_024)?;
            db.pragma_update(None, "query_only", true)
        }
    }
}
