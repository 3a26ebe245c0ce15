//! `heartbeat monitors show`, `create` and `edit`: one definition.

use anyhow::bail;
use heartbeat_core::Slug;
use reqwest::Method;
use serde_json::{Map, Value};

use super::{
    Server,
    difference::{changed, shown},
};
use crate::{cli::definitions::Wanted, say};

/// What is shown of a monitor besides its definition, above it.
const STANDING: [&str; 6] = ["slug", "status", "since", "last_ping_at", "next_due_at", "paused_until"];
/// The words of a definition.
const DEFINITION: [&str; 13] = [
    "defined",
    "name",
    "description",
    "tags",
    "interval",
    "cron",
    "timezone",
    "grace",
    "max_runtime",
    "failure_threshold",
    "remind_every",
    "resume_on_ping",
    "channels",
];

impl Server {
    /// Shows a monitor, a field a line.
    pub(super) async fn show(&self, slug: &Slug) -> anyhow::Result<()> {
        let monitor = self.call(Method::GET, &format!("/api/v1/monitors/{slug}"), None).await?;
        for name in STANDING.iter().chain(&DEFINITION).chain(&["ping_url"]) {
            if let Some(value) = monitor.get(*name).filter(|value| !value.is_null()) {
                say(&format!("{name:18} {}", shown(Some(value))))?;
            }
        }
        Ok(())
    }

    /// Makes a monitor.
    pub(super) async fn create(&self, slug: &Slug, wanted: &Wanted) -> anyhow::Result<()> {
        let mut fields = wanted.fields();
        fields.insert("slug".to_owned(), slug.as_str().into());
        let monitor = self.call(Method::POST, "/api/v1/monitors", Some(Value::Object(fields))).await?;
        say(&format!("+ {slug}"))?;
        let ping_url = monitor.get("ping_url").and_then(Value::as_str);
        Ok(ping_url.map_or(Ok(()), |url| say(&format!("  its ping URL, which is a secret: {url}")))?)
    }

    /// Changes the fields that are given, and shows those that are different.
    pub(super) async fn edit(&self, slug: &Slug, wanted: &Wanted) -> anyhow::Result<()> {
        let fields = wanted.fields();
        if fields.is_empty() {
            bail!("say what is to be changed: `heartbeat monitors edit --help` shows the fields");
        }
        let path = format!("/api/v1/monitors/{slug}");
        let old = self.call(Method::GET, &path, None).await?;
        let new = self.call(Method::PATCH, &path, Some(Value::Object(fields))).await?;
        let differs = |name: &&&str| old.get(**name) != new.get(**name);
        let of = |monitor: &Value| -> Map<String, Value> {
            let pick = |name: &&str| Some(((*name).to_owned(), monitor.get(*name)?.clone()));
            DEFINITION.iter().filter(differs).filter_map(pick).collect()
        };
        let (before, after) = (of(&old), of(&new));
        if after.is_empty() {
            return Ok(say(&format!("{slug} is so already"))?);
        }
        Ok(say(&changed(slug.as_str(), &before, &after))?)
    }
}
