//! Backups: a copy of one moment, made beside a store that serves on.

use std::path::{Path, PathBuf};

use heartbeat_core::StoreError;
use thiserror::Error;

use crate::store::SqliteStore;

/// Why no backup was made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BackupError {
    /// Something is there already.
    #[error("{} exists already, and a backup overwrites nothing: give another path", path.display())]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// The path cannot be handed to `SQLite`.
    #[error("{} is not a path that can be written in UTF-8: give another one", path.display())]
    NotText {
        /// The path.
        path: PathBuf,
    },
    /// The store, or the disk.
    #[error("no backup was made: {0}")]
    Store(#[from] StoreError),
}

impl SqliteStore {
    /// Writes what is there now to a new file at `to`, which opens as a store. Works beside a running `serve`.
    pub async fn backup(&self, to: &Path) -> Result<(), BackupError> {
        let path = to.to_owned();
        let Some(text) = to.to_str().map(ToOwned::to_owned) else { return Err(BackupError::NotText { path }) };
        if to.exists() {
            return Err(BackupError::Exists { path });
        }
        let copied = self.readers().read(move |db| {
            db.execute("VACUUM INTO ?1", [text])?;
            Ok(())
        });
        Ok(copied.await?)
    }
}
