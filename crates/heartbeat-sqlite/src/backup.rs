//! Backups: a copy of one moment, made beside a store that serves on.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{
    open::{Use, connect, create_private},
    store::SqliteStore,
};

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
    #[error("no backup was made: {reason}: check that the folder exists and that the disk has room")]
    Failed {
        /// What was in the way.
        reason: String,
    },
}

impl BackupError {
    #[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
    fn failed(reason: impl ToString) -> Self {
        Self::Failed { reason: reason.to_string() }
    }
}

impl SqliteStore {
    /// Writes what is there now to a new file at `to`, which opens as a store. Works beside a running `serve`.
    pub async fn backup(&self, to: &Path) -> Result<(), BackupError> {
        let (from, to) = (self.readers().path().to_owned(), to.to_owned());
        tokio::task::spawn_blocking(move || copy(&from, &to)).await.map_err(BackupError::failed)?
    }
}

/// Copies beside the place first: what is at `to` is whole, and on the disk, its name included. Only this user may read
/// it, like the store.
fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    if to.exists() {
        return Err(BackupError::Exists { path: to.to_owned() });
    }
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let Some(text) = part.to_str() else { return Err(BackupError::NotText { path: to.to_owned() }) };
    // What an attempt before this one left behind.
    let _ = fs::remove_file(&part);
    create_private(&part).map_err(BackupError::failed)?;
    let copied = connect(from, Use::Write).and_then(|db| db.execute("VACUUM INTO ?1", [text]));
    copied.map_err(BackupError::failed)?;
    File::open(&part).and_then(|file| file.sync_all()).map_err(BackupError::failed)?;
    fs::rename(&part, to).map_err(BackupError::failed)?;
    sync_folder(to).map_err(BackupError::failed)
}

/// Brings the name of the file at `path` to the disk.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Other systems do not open folders; they write names down themselves.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
