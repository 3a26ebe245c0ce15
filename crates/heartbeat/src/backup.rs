//! `heartbeat backup`: a copy of the store while it is served.

use std::{path::Path, sync::Arc};

use anyhow::bail;
use heartbeat_core::alarm::Alarm;
use heartbeat_sqlite::{Mode, SqliteStore};

use crate::say;

pub(crate) async fn run(database: &Path, file: &Path) -> anyhow::Result<()> {
    if !database.exists() {
        bail!("there is no store at {}: say where it is with --db", database.display());
    }
    let store = SqliteStore::open(database, Mode::Beside, Arc::new(Alarm::default()))?;
    store.backup(file).await?;
    say(&format!("{} is a copy of {} as of now", file.display(), database.display()))?;
    Ok(())
}
