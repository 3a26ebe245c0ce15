//! `heartbeat backup`: a copy of the store while it is served.

use std::path::Path;

use crate::{database, say};

pub(crate) async fn run(from: &Path, to: &Path) -> anyhow::Result<()> {
    let store = database::open_existing(from)?;
    store.backup(to).await?;
    say(&format!("{} is a copy of {} as of now", to.display(), from.display()))?;
    Ok(())
}
