//! API keys from the command line, straight in the store, beside a running `serve`.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use heartbeat_core::{
    Clock, Project, Slug, Store,
    alarm::Alarm,
    clock::SystemClock,
    interval::parse_seconds,
    key::{ApiKey, KeyRecord, Scope},
    random::SystemRandom,
};
use heartbeat_sqlite::{Mode, SqliteStore};

use crate::{cli::NewKey, say};

/// A key of `project` that may do everything that people do by default.
pub(crate) async fn create_first(store: &dyn Store) -> anyhow::Result<ApiKey> {
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
    store.put_key(record).await.context("the first API key could not be stored")?;
    Ok(key)
}

pub(crate) async fn add(database: &Path, wanted: NewKey) -> anyhow::Result<()> {
    let key = ApiKey::from_random(SystemRandom.secret());
    let record = record(&key, &wanted)?;
    let store = open(database)?;
    store.put_key(record).await.context("the key could not be stored")?;
    say(key.reveal())?;
    Ok(())
}

fn record(key: &ApiKey, wanted: &NewKey) -> anyhow::Result<KeyRecord> {
    let now = SystemClock.now();
    let scopes = wanted.scopes.iter().map(|text| {
        Scope::parse(text.trim())
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

pub(crate) async fn list(database: &Path) -> anyhow::Result<()> {
    let store = open(database)?;
    say(&format!("{:12}  {:8}  {:16}  {:15}  {:20}  DESCRIPTION", "ID", "STATE", "PROJECT", "SCOPES", "CREATED"))?;
    for key in store.keys().await? {
        let now = SystemClock.now();
        let state = match (key.revoked_at, key.is_live_at(now)) {
            (Some(_), _) => "revoked",
            (None, false) => "expired",
            (None, true) => "live",
        };
        let scopes = key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(",");
        let created = key.created_at.to_rfc3339_seconds();
        let id = key.hash.short();
        say(&format!("{id:12}  {state:8}  {:16}  {scopes:15}  {created:20}  {}", key.project, key.description))?;
    }
    Ok(())
}

pub(crate) async fn revoke(database: &Path, id: &str) -> anyhow::Result<()> {
    let store = open(database)?;
    let keys = store.keys().await?;
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

fn open(database: &Path) -> anyhow::Result<SqliteStore> {
    Ok(SqliteStore::open(database, Mode::Beside, Arc::new(Alarm::default()))?)
}
