//! What went wrong with a batch, and what that means: for its callers, and for the connection.

use std::any::Any;

use heartbeat_core::StoreError;
use rusqlite::{Connection, Error, ErrorCode};

/// What went wrong with a batch.
#[derive(Debug)]
pub(super) enum Setback {
    /// `SQLite` refused before COMMIT was asked for.
    Refused(Error),
    /// A write panicked: a mistake of ours.
    Panicked(String),
    /// COMMIT failed.
    NotCommitted(Error),
}

/// How the transaction of a batch that went wrong came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// We rolled it back.
    ByUs,
    /// It was over when we looked: `SQLite` rolls back by itself after some errors, or it was never begun.
    BySqlite,
    /// It cannot be rolled back.
    None,
}

impl End {
    /// Ends the transaction, if there is one.
    pub(super) fn of(db: &Connection) -> Self {
        if db.is_autocommit() {
            Self::BySqlite
        } else if db.execute_batch("ROLLBACK").is_ok() {
            Self::ByUs
        } else {
            Self::None
        }
    }
}

impl Setback {
    /// What a panic says.
    pub(super) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Self::Panicked(text.unwrap_or_else(|| "it does not say why".to_owned()))
    }

    /// Whether the connection may be used on. After anything but a rollback of our own and a full disk it may hold on to
    /// a file, or to a thought, that is no good.
    pub(super) fn leaves_well(&self, end: End) -> bool {
        match (self, end) {
            (Self::Panicked(_), _) | (_, End::None) => false,
            (Self::Refused(_) | Self::NotCommitted(_), End::ByUs) => true,
            (Self::Refused(error) | Self::NotCommitted(error), End::BySqlite) => is_full(error),
        }
    }

    /// What the callers are told. Until COMMIT is asked for, nothing was written, nor is it when COMMIT leaves the
    /// transaction to be rolled back.
    ///
    /// The frame that makes a transaction valid is the last that COMMIT writes to the WAL, so a disk that is full before
    /// its end leaves none. Any other error may come from the sync after it: then a crash might bring the writes back,
    /// and nobody knows.
    pub(super) fn into_error(self, end: End) -> StoreError {
        match (self, end) {
            (Self::Refused(error), _) | (Self::NotCommitted(error), End::ByUs) => {
                StoreError::Unavailable(error.to_string())
            }
            (Self::Panicked(why), _) => StoreError::Unavailable(format!("a write panicked: {why}")),
            (Self::NotCommitted(error), End::BySqlite) if is_full(&error) => StoreError::Unavailable(error.to_string()),
            (Self::NotCommitted(error), End::BySqlite | End::None) => StoreError::Unknown(error.to_string()),
        }
    }
}

fn is_full(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}
