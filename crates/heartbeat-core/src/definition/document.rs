//! A project's definitions as one document, in YAML or JSON: what is exported and imported.
//!
//! It says of every monitor what people want of it, in the words of [`Fields`], and nothing that is secret or passing: no ping
//! URL, no status. What is read was checked whole: a document with a mistake is refused before anything is done with it.

mod read;

use std::{borrow::Cow, collections::HashMap, fmt};

use serde::Serialize;
use thiserror::Error;

use super::{Definition, FieldError, Fields, Length};
use crate::{
    monitor::{Monitor, Origin},
    slug::{Slug, SlugError},
};

/// The only version of a document that there is.
pub const VERSION: u64 = 1;
/// The most bytes of a document that is read: 10,000 monitors with every field and long descriptions in most.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;
/// The most monitors in a document that is read.
pub const MAX_MONITORS: usize = 10_000;
/// How many mistakes are told at once.
const MAX_TOLD: usize = 10;

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, read by the rules of JSON alone.
    Json,
    /// YAML 1.2.
    Yaml,
}

/// A document that was read: each monitor once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// What is wanted, in the order of the document.
    pub monitors: Vec<Wanted>,
}

/// A monitor of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which one.
    pub slug: Slug,
    /// What is wanted of it.
    pub definition: Definition,
    /// Who defines it: what its pings made stays theirs.
    pub origin: Origin,
}

/// Why a document is refused. Each message says where, and what to change.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DocumentError {
    /// It is too large to be read.
    #[error("it has {0} bytes, and at most {MAX_BYTES} are read: split it")]
    TooLarge(usize),
    /// It is not written as its format has it, or has what no document has.
    #[error("{0}")]
    NotUnderstood(String),
    /// Something of its monitors is wrong.
    #[error("{}", told(.0))]
    Mistakes(Vec<Mistake>),
}

/// What is wrong with a monitor of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Its place in the list, from 0.
    pub place: usize,
    /// What it calls itself.
    pub slug: String,
    /// What is wrong.
    pub what: Wrong,
}

/// What may be wrong with a monitor.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Wrong {
    /// Its slug.
    #[error("{0}; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup")]
    Slug(SlugError),
    /// Its definition.
    #[error("{0}")]
    Field(FieldError),
    /// Another one has its slug.
    #[error("monitors[{0}] has this slug, too: leave one out")]
    Twice(usize),
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, slug, what } = self;
        write!(f, "monitors[{place}] ({:?}): {what}", shortened(slug))
    }
}

/// The beginning of a name that may be anything.
fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(64) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

fn told(mistakes: &[Mistake]) -> String {
    let mut texts: Vec<String> = mistakes.iter().take(MAX_TOLD).map(ToString::to_string).collect();
    match mistakes.len().saturating_sub(MAX_TOLD) {
        0 => {}
        more => texts.push(format!("and {more} more mistakes")),
    }
    texts.join("; ")
}

/// Reads a document, whole or not at all. The time and the memory that it takes are bounded, whatever the bytes are.
pub fn parse(bytes: &[u8], format: Format) -> Result<Document, DocumentError> {
    if bytes.len() > MAX_BYTES {
        return Err(DocumentError::TooLarge(bytes.len()));
    }
    let raw = read::raw(bytes, format).map_err(DocumentError::NotUnderstood)?;
    let (mut monitors, mut mistakes) = (Vec::with_capacity(raw.len()), Vec::new());
    let mut seen = HashMap::with_capacity(raw.len());
    for (place, read::Raw { slug, defined, fields }) in raw.into_iter().enumerate() {
        match checked(&slug, defined, &fields) {
            Ok(wanted) => match seen.insert(wanted.slug.clone(), place) {
                Some(first) => mistakes.push(Mistake { place, slug, what: Wrong::Twice(first) }),
                None => monitors.push(wanted),
            },
            Err(what) => mistakes.push(Mistake { place, slug, what }),
        }
    }
    if mistakes.is_empty() { Ok(Document { monitors }) } else { Err(DocumentError::Mistakes(mistakes)) }
}

fn checked(slug: &str, defined: Option<bool>, fields: &Fields) -> Result<Wanted, Wrong> {
    let slug = Slug::parse(slug).map_err(Wrong::Slug)?;
    let definition = fields.definition().map_err(Wrong::Field)?;
    let origin = if defined == Some(false) { Origin::Ping } else { Origin::Person };
    Ok(Wanted { slug, definition, origin })
}

impl Wanted {
    /// What there is of a monitor to export.
    pub fn of(monitor: &Monitor) -> Self {
        Self { slug: monitor.id.slug.clone(), definition: Definition::of(monitor), origin: monitor.origin }
    }
}

impl Document {
    /// Writes it, sorted by slug. What is as it would be without it is left out, but for the schedule and the grace.
    pub fn write(&self, format: Format) -> Result<String, WriteError> {
        let mut monitors: Vec<Written<'_>> = self.monitors.iter().map(Written::of).collect();
        monitors.sort_by_key(|written| written.slug);
        let whole = Whole { version: VERSION, monitors };
        match format {
            Format::Json => serde_json::to_string_pretty(&whole).map(|json| json + "\n").map_err(|e| e.to_string()),
            Format::Yaml => serde_saphyr::to_string(&whole).map_err(|e| e.to_string()),
        }
        .map_err(WriteError)
    }
}

/// A document could not be written. No definition that was parsed can be the reason.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the document could not be written: {0}")]
pub struct WriteError(String);

#[derive(Serialize)]
struct Whole<'a> {
    version: u64,
    monitors: Vec<Written<'a>>,
}

#[derive(Serialize)]
struct Written<'a> {
    slug: &'a Slug,
    #[serde(skip_serializing_if = "Option::is_none")]
    defined: Option<bool>,
    #[serde(flatten)]
    fields: Fields,
}

impl<'a> Written<'a> {
    fn of(Wanted { slug, definition, origin }: &'a Wanted) -> Self {
        let defined = match origin {
            Origin::Person => None,
            Origin::Ping => Some(false),
        };
        Self { slug, defined, fields: terse(definition.fields()) }
    }
}

/// The fields without those that say what holds without them.
fn terse(fields: Fields) -> Fields {
    let usual = Definition::default().fields();
    Fields {
        name: fields.name.filter(Option::is_some),
        description: fields.description.filter(Option::is_some),
        tags: fields.tags.filter(|tags| !tags.is_empty()),
        max_runtime: fields.max_runtime.filter(Option::is_some),
        failure_threshold: fields.failure_threshold.filter(|failures| Some(*failures) != usual.failure_threshold),
        remind_every: fields.remind_every.filter(|every: &Option<Length>| every.is_some()),
        resume_on_ping: fields.resume_on_ping.filter(|resumes| Some(*resumes) != usual.resume_on_ping),
        channels: fields.channels.filter(Option::is_some),
        ..fields
    }
}

#[cfg(test)]
mod tests;
