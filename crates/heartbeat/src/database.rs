//! The file of the embedded store, as the short commands find it: beside a running `serve`.

use std::{
    path::{Path, PathBuf, absolute as from_root},
    sync::Arc,
};

use anyhow::bail;
use heartbeat_core::alarm::Alarm;
use heartbeat_sqlite::{Mode, OpenError, SqliteStore};

/// Opens the store at `file`, or makes one.
pub(crate) fn open_or_make(file: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(file, Mode::Beside, Arc::new(Alarm::default()))
}

/// Opens the store at `file`; where there is none it makes none, for an empty one would be a wrong answer.
pub(crate) fn open_existing(file: &Path) -> anyhow::Result<SqliteStore> {
    if !file.exists() {
        bail!("there is no store at {}: say where it is with --db", file.display());
    }
    Ok(open_or_make(file)?)
}

/// Where `file` is, whatever folder one stands in.
pub(crate) fn absolute(file: &Path) -> PathBuf {
    from_root(file).unwrap_or_else(|_| file.to_owned())
}
