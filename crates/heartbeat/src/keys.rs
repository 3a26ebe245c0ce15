//! API keys from the command line, straight in the store, beside a running `serve`.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use heartbeat_core::{
    Clock, Project, Slug, Store, StoreError,
    clock::SystemClock,
    interval::parse_seconds,
    key::{ApiKey, KeyRecord, Scope},
    random::SystemRandom,
};

use crate::{
    cli::NewKey,
    config::{Config, Kept},
    database, mention, say, tables,
};

/// Makes a key that may do everything that people do by default, and gives it to its owner through `show`. It is stored
/// after it was shown: a stored key that nobody has seen would keep the next start from showing one.
pub(crate) async fn give_first(
    store: &dyn Store,
    show: impl FnOnce(&ApiKey) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let key = ApiKey::from_random(SystemRandom.secret());
    let record = KeyRecord {
        hash: key.hash(),
        project: Project::default(),
        scopes: vec![Scope::Ping, Scope::Read, Scope::Write],
        monitor: None,
        description: "made by the first `heartbeat serve`".to_owned(),
        created_at: SystemClock.now(),
        expires_at: None,
        revoked_at: None,
    };
    show(&key).context("the first API key could not be shown, and was not stored")?;
    store.put_key(record).await.context("the first API key could not be stored, and the one above does not work")
}

pub(crate) async fn add(config: &Config, wanted: NewKey) -> anyhow::Result<()> {
    let key = ApiKey::from_random(SystemRandom.secret());
    let record = record(&key, &wanted)?;
    let (store, whereabouts) = place_for_a_key(config).await?;
    store.put_key(record.clone()).await.context("the key could not be stored")?;
    if let Err(error) = say(key.reveal()) {
        store.put_key(KeyRecord { revoked_at: Some(SystemClock.now()), ..record }).await?;
        return Err(error).context("the key could not be shown, and is revoked");
    }
    // Not on standard output, where the key stands alone.
    mention(&whereabouts);
    Ok(())
}

/// The store, made where it is a file that is not there; and a word on where the key is.
async fn place_for_a_key(config: &Config) -> anyhow::Result<(Arc<dyn Store>, String)> {
    Ok(match &config.kept {
        Kept::InFile(file) => {
            let (place, existed) = (database::absolute(file), file.exists());
            let whereabouts = if existed {
                format!("the key is in {}", place.display())
            } else {
                let made = place.display();
                format!("there was no store yet: made {made} with the key in it (`serve` must use the same file)")
            };
            (Arc::new(database::open_or_make(file)?), whereabouts)
        }
        Kept::InTables => {
            (tables::open(config).await?, format!("the key is in the DynamoDB table {}", config.tables.keys))
        }
    })
}

/// The store with the keys that there are.
async fn place_of_keys(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    Ok(match &config.kept {
        Kept::InFile(file) => Arc::new(database::open_existing(file)?),
        Kept::InTables => tables::open(config).await?,
    })
}

fn record(key: &ApiKey, wanted: &NewKey) -> anyhow::Result<KeyRecord> {
    let now = SystemClock.now();
    let scopes = wanted.scopes.iter().map(|text| {
        Scope::parse(text.trim())
            .filter(|scope| Scope::ALL.contains(scope))
            .with_context(|| format!("{text:?} is not a scope: there are ping, read, write, admin"))
    });
    let lasts = wanted.expires_in.as_deref().map(parse_seconds).transpose().context("--expires-in")?;
    if lasts == Some(0) {
        bail!("--expires-in: a key must last for at least a second");
    }
    if wanted.description.trim().is_empty() {
        bail!("--description: say what the key is for");
    }
    Ok(KeyRecord {
        hash: key.hash(),
        project: Project::parse(&wanted.project).context("--project")?,
        scopes: scopes.collect::<anyhow::Result<_>>()?,
        monitor: wanted.monitor.as_deref().map(Slug::parse).transpose().context("--monitor")?,
        description: wanted.description.trim().to_owned(),
        created_at: now,
        expires_at: lasts.map(|seconds| now.plus(Duration::from_secs(seconds))),
        revoked_at: None,
    })
}

/// The keys that people were given: ping URLs are none.
pub(crate) async fn given(store: &dyn Store) -> Result<Vec<KeyRecord>, StoreError> {
    let keys = store.keys().await?;
    Ok(keys.into_iter().filter(|key| !key.is_ping_url()).collect())
}

pub(crate) async fn list(config: &Config) -> anyhow::Result<()> {
    let store = place_of_keys(config).await?;
    say(&format!("{:12}  {:8}  {:16}  {:15}  {:20}  DESCRIPTION", "ID", "STATE", "PROJECT", "SCOPES", "CREATED"))?;
    for key in given(store.as_ref()).await? {
        let now = SystemClock.now();
        let state = match (key.revoked_at, key.is_live_at(now)) {
            (Some(_), _) => "revoked",
            (None, false) => "expired",
            (None, true) => "live",
        };
        let scopes = key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(",");
        let created = key.created_at.to_rfc3339_seconds();
        let id = key.hash.short();
        say(&format!(
            "{id:12}  {state:8}  {:16}  {scopes:15}  {created:20}  {}",
            key.project.as_str(),
            key.description
        ))?;
    }
    Ok(())
}

pub(crate) async fn revoke(config: &Config, id: &str) -> anyhow::Result<()> {
    let store = place_of_keys(config).await?;
    let keys = given(store.as_ref()).await?;
    let mut named = keys.into_iter().filter(|key| key.hash.short() == id);
    let Some(key) = named.next() else {
        bail!("there is no key {id:?}: `heartbeat list-api-keys` shows their ids");
    };
    if key.revoked_at.is_some() {
        return Ok(say(&format!("{id} was revoked before"))?);
    }
    store.put_key(KeyRecord { revoked_at: Some(SystemClock.now()), ..key }).await?;
    Ok(say(&format!("{id} is revoked"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_first_key_that_could_not_be_shown_is_not_stored() {
        let folder = tempfile::tempdir().unwrap();
        let store = database::open_or_make(&folder.path().join("heartbeat.db")).unwrap();
        let closed = |_: &ApiKey| Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe).into());
        let error = give_first(&store, closed).await.unwrap_err();
        assert_eq!(format!("{error:#}"), "the first API key could not be shown, and was not stored: broken pipe");
        assert!(store.keys().await.unwrap().is_empty());

        let mut shown = None;
        let show = |key: &ApiKey| {
            shown = Some(key.hash());
            Ok(())
        };
        give_first(&store, show).await.unwrap();
        assert_eq!(store.keys().await.unwrap().first().map(|key| key.hash), shown);
    }
}
