//! The lock that keeps a second `serve` off the file: held while the store is open, and let go by the operating system
//! when the process dies, however it dies.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

use crate::open::OpenError;

/// Held while a store serves.
#[derive(Debug)]
pub(crate) struct ServeLock {
    _file: File,
}

impl ServeLock {
    /// Takes the lock of the store at `path`.
    pub(crate) fn take(path: &Path) -> Result<Self, OpenError> {
        let lock = lock_path(path);
        let cannot = |error: std::io::Error| OpenError::cannot_open(&lock, error.to_string());
        let file = File::options().create(true).truncate(false).write(true).open(&lock).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Served { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(cannot(error)),
        }
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
