//! `heartbeat export` and `heartbeat import`: a project's definitions as a file, through the API.

use std::{
    collections::HashSet,
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use heartbeat_core::definition::document::{self, Format, MAX_BYTES};
use reqwest::Method;
use serde_json::Value;

use super::{Body, Server, difference};
use crate::{
    cli::definitions::{Export, FileFormat, Import},
    config::Config,
    mention, say,
};

/// Writes the definitions of the key's project.
pub(crate) async fn export(config: &Config, Export { file, format }: Export) -> anyhow::Result<()> {
    let word = match format_of(format, file.as_deref()) {
        Format::Json => "json",
        Format::Yaml => "yaml",
    };
    let text = Server::new(config)?.ask(Method::GET, &format!("/api/v1/export?format={word}"), None).await?;
    match file {
        Some(file) => std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display())),
        None => Ok(say(text.trim_end())?),
    }
}

/// Has a document hold, or says what would be different.
pub(crate) async fn import(config: &Config, wanted: Import) -> anyhow::Result<()> {
    let server = Server::new(config)?;
    let format = format_of(wanted.format, Some(&wanted.file));
    let bytes = read(&wanted.file)?;
    // Refused here, with the file's name, before anything is sent.
    let refused = || format!("{} is refused, and nothing was changed", wanted.file.display());
    document::parse(&bytes, format).with_context(refused)?;
    let text = String::from_utf8(bytes).with_context(refused)?;
    let mut told = Told::default();
    loop {
        let answer =
            server.ask(Method::POST, &path(&wanted), Some(Body { kind: kind(format), text: text.clone() })).await?;
        let answer: Value = serde_json::from_str(&answer).context("the answer is no JSON")?;
        let progress = told.tell(&answer)?;
        match (told.left, progress) {
            (0, _) => return told.end(&wanted),
            (_, true) => {}
            (left, false) => bail!("the server had no time for {left} monitors: try again later"),
        }
    }
}

fn path(wanted: &Import) -> String {
    format!("/api/v1/import?dry_run={}&prune={}", wanted.dry_run, wanted.prune)
}

fn kind(format: Format) -> &'static str {
    match format {
        Format::Json => "application/json",
        Format::Yaml => "application/yaml",
    }
}

/// What is said, or what the name of the file says, or else YAML, which JSON is as well.
fn format_of(said: Option<FileFormat>, file: Option<&Path>) -> Format {
    match said {
        Some(FileFormat::Json) => Format::Json,
        None if file.and_then(Path::extension).is_some_and(|end| end.eq_ignore_ascii_case("json")) => Format::Json,
        Some(FileFormat::Yaml) | None => Format::Yaml,
    }
}

fn read(file: &PathBuf) -> anyhow::Result<Vec<u8>> {
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin().take(most).read_to_end(&mut bytes).context("cannot read standard input")?;
    } else {
        let opened = std::fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
        opened.take(most).read_to_end(&mut bytes).with_context(|| format!("cannot read {}", file.display()))?;
    }
    Ok(bytes)
}

/// What a person has been told of an import, which may take more than one request.
#[derive(Debug, Default)]
struct Told {
    /// Of whom nothing more is to be told.
    done: HashSet<String>,
    /// Of whom a refusal was told, which a repeat may yet undo.
    seen_refused: HashSet<String>,
    created: usize,
    changed: usize,
    deleted: usize,
    refused: usize,
    left: usize,
    unchanged: usize,
}

impl Told {
    /// Tells what is new in an answer; whether there was anything.
    fn tell(&mut self, answer: &Value) -> anyhow::Result<bool> {
        let before = self.heard_of();
        (self.left, self.refused) = (0, 0);
        for result in answer.get("results").and_then(Value::as_array).map_or(&[][..], Vec::as_slice) {
            let slug = result.get("slug").and_then(Value::as_str).unwrap_or_default();
            let (counted, of_whom) = match result.get("outcome").and_then(Value::as_str).unwrap_or_default() {
                "left" => {
                    self.left += 1;
                    continue;
                }
                "refused" => (&mut self.refused, &mut self.seen_refused),
                _ if self.done.contains(slug) => continue,
                "created" => (&mut self.created, &mut self.done),
                "changed" => (&mut self.changed, &mut self.done),
                "deleted" => (&mut self.deleted, &mut self.done),
                _ => (&mut self.unchanged, &mut self.done),
            };
            *counted += 1;
            if of_whom.insert(slug.to_owned()) {
                difference::line(result).map_or(Ok(()), |line| say(&line))?;
            }
        }
        Ok(self.heard_of() > before)
    }

    fn heard_of(&self) -> usize {
        self.done.len() + self.seen_refused.len()
    }

    fn end(&self, wanted: &Import) -> anyhow::Result<()> {
        let Self { created, changed, deleted, refused, unchanged, .. } = self;
        let how = if wanted.dry_run { "nothing was done; it would be: " } else { "" };
        mention(&format!("{how}{created} created, {changed} changed, {deleted} deleted, {unchanged} as they were"));
        if *refused > 0 {
            bail!("{refused} monitors were refused");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_refused_at_first_and_done_in_a_repeat_is_counted_as_done() {
        let mut told = Told::default();
        let refused = json!({"slug": "a", "outcome": "refused", "message": "busy"});
        let left = json!({"slug": "b", "outcome": "left"});
        assert!(told.tell(&json!({"results": [refused, left]})).unwrap());
        assert_eq!((told.refused, told.left), (1, 1));
        let both = ["a", "b"].map(|slug| json!({"slug": slug, "outcome": "created"}));
        for is_news in [true, false] {
            assert_eq!(told.tell(&json!({"results": both})).unwrap(), is_news);
            assert_eq!((told.created, told.refused, told.left), (2, 0, 0));
        }
    }
}
