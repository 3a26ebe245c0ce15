//! `heartbeat backup`: a copy of the store while it is served.

use std::path::Path;

use anyhow::bail;

use crate::{
    config::{Config, Kept},
    database, say,
};

pub(crate) async fn run(config: &Config, to: &Path) -> anyhow::Result<()> {
    let Kept::InFile(from) = &config.kept else {
        bail!("this copies the file of the embedded store; DynamoDB has point-in-time recovery for its tables")
    };
    let store = database::open_existing(from)?;
    store.backup(to).await?;
    say(&format!("{} is a copy of {} as of now", to.display(), from.display()))?;
    Ok(())
}
