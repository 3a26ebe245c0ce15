//! Opening the file: connections with the settings that durability and memory rest on, and errors that say what to do.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use thiserror::Error;

use crate::schema::{Obstacle, check, migrate};

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
    /// An older Heartbeat has written it, and a short command does not change that under a running `serve`.
    #[error(
        "{} was written by an older Heartbeat (store version {found}; this program writes {known}): restart serve with this \
         version first, which brings the file up to date, then try again",
        path.display()
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The version that this program writes.
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
            Obstacle::Older { found, known } => Self::Older { path, found, known },
            Obstacle::Sql(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                Self::NotOurs { path }
            }
            Obstacle::Sql(error) => Self::CannotOpen { path, reason: error.to_string() },
        }
    }
}

/// Brings the file at `path` to the newest version, as far as `mode` may; makes it when there is none.
pub(crate) fn prepare(path: &Path, mode: Mode) -> Result<(), OpenError> {
    make(path);
    for _ in 1..TURNS {
        match try_prepare(path, mode) {
            Err(Obstacle::Sql(error)) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {}
            prepared => return prepared.map_err(|obstacle| OpenError::from_obstacle(path, obstacle)),
        }
        // Nobody waits for the journal to be changed; but for a turn to write, everybody does.
        let _ = bare(path).and_then(|db| db.execute_batch("BEGIN IMMEDIATE; ROLLBACK"));
    }
    try_prepare(path, mode).map_err(|obstacle| OpenError::from_obstacle(path, obstacle))
}

/// Makes an empty file for this user alone when there is none. `SQLite` gives the files beside it the same mode.
fn make(path: &Path) {
    /// Closing a file lets go of all locks that this process has on it: nobody opens it before we have closed it.
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    // Whatever is in the way, somebody who was quicker apart, `SQLite` meets it next and says so.
    let _ = create_private(path);
}

/// Makes an empty file that only this user may read: what jobs print may be private.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn try_prepare(path: &Path, mode: Mode) -> Result<(), Obstacle> {
    let mut db = bare(path)?;
    check(&db, mode)?;
    configure(&db, Use::Write)?;
    migrate(&mut db, mode)
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
