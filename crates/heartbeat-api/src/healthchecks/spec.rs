//! What a client of Healthchecks wants of a check, as JSON. Refusals are theirs: `json validation error: name is not a string`.
//!
//! What is about e-mail and words in bodies is taken if it is of the right type, and not kept.

use heartbeat_core::{
    Monitor, Slug,
    definition::{Fields, Length},
};
use serde_json::{Map, Value};

use super::name::slug_of;
use crate::error::ApiError;

/// The shortest and the longest `timeout` and `grace`.
pub(crate) const SECONDS: std::ops::RangeInclusive<u64> = 60..=31_536_000;
/// Texts that are taken and not kept, and how long they may be.
const WORDS: [&str; 8] = [
    "subject",
    "subject_fail",
    "start_kw",
    "success_kw",
    "failure_kw",
    "req_start_kw",
    "req_success_kw",
    "req_failure_kw",
];
/// Switches that are taken and not kept.
const SWITCHES: [&str; 4] = ["filter_subject", "filter_body", "filter_http_body", "filter_default_fail"];

/// What is wanted of a check.
#[derive(Default)]
pub(super) struct Spec {
    pub(super) name: Option<String>,
    pub(super) slug: Option<Slug>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) timeout: Option<u64>,
    pub(super) grace: Option<u64>,
    pub(super) channels: Channels,
    schedule: Option<String>,
    tz: Option<String>,
    desc: Option<String>,
    manual_resume: Option<bool>,
    /// What makes a check that is there the one that is meant.
    pub(super) unique: Vec<Unique>,
}

/// Which channels are told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Channels {
    /// Those that are told: of a new check, all.
    #[default]
    Unsaid,
    /// All of the project.
    All,
    /// These.
    These(Vec<String>),
}

/// A field by which a check is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unique {
    Name,
    Slug,
    Tags,
    Timeout,
    Grace,
}

impl Spec {
    /// Reads what a body says.
    pub(super) fn parse(body: &Map<String, Value>) -> Result<Self, ApiError> {
        if let Some((field, _)) = body.iter().find(|(_, value)| value.is_null()) {
            return Err(invalid(field, "has unexpected value"));
        }
        for field in WORDS {
            text(body, field, 200)?;
        }
        for field in SWITCHES {
            switch(body, field)?;
        }
        if text(body, "methods", 10)?.is_some_and(|methods| !matches!(methods.as_str(), "" | "POST")) {
            return Err(invalid("methods", "has unexpected value"));
        }
        let slug = text(body, "slug", 100)?.filter(|slug| !slug.is_empty());
        let slug =
            slug.map(|slug| slug_of(&slug)).transpose().map_err(|_| invalid("slug", "does not match pattern"))?;
        Ok(Self {
            name: text(body, "name", 100)?,
            slug,
            tags: text(body, "tags", 500)?.map(|tags| tags.split_whitespace().map(str::to_owned).collect()),
            timeout: seconds(body, "timeout")?,
            grace: seconds(body, "grace")?,
            channels: text(body, "channels", 1_000)?.map_or(Channels::Unsaid, |names| channels(&names)),
            schedule: text(body, "schedule", 100)?,
            tz: text(body, "tz", 64)?,
            desc: text(body, "desc", 10_000)?,
            manual_resume: switch(body, "manual_resume")?,
            unique: unique(body)?,
        })
    }

    /// The same as fields of a definition, for a monitor that has a schedule by a cron line or not.
    pub(super) fn fields(&self, before: Option<&Monitor>) -> Fields {
        let has_line = self.schedule.is_some() || before.is_some_and(|before| before.schedule.cron().is_some());
        let interval = self.timeout.filter(|_| self.schedule.is_none()).map(Length::Seconds);
        Fields {
            name: self.name.clone().map(Some),
            description: self.desc.clone().map(Some),
            tags: self.tags.clone(),
            cron: self.schedule.clone(),
            // Of a check with a timeout, a time zone says nothing.
            timezone: self.tz.clone().filter(|_| has_line && interval.is_none()),
            interval,
            grace: self.grace.map(Length::Seconds),
            resume_on_ping: self.manual_resume.map(|manual| !manual),
            channels: match &self.channels {
                Channels::Unsaid => None,
                Channels::All => Some(None),
                Channels::These(names) => Some(Some(names.clone())),
            },
            ..Fields::default()
        }
    }

    /// Whether `monitor` is the check that is meant.
    pub(super) fn means(&self, monitor: &Monitor) -> bool {
        !self.unique.is_empty() && self.unique.iter().all(|field| self.is_like(monitor, *field))
    }

    fn is_like(&self, monitor: &Monitor, field: Unique) -> bool {
        let about = &monitor.about;
        match field {
            Unique::Name => self.name.as_deref() == Some(about.name.as_deref().unwrap_or_default()),
            Unique::Slug => self.slug.as_ref() == Some(&monitor.id.slug),
            Unique::Tags => self.tags.as_ref().is_some_and(|tags| {
                let mut wanted: Vec<&str> = tags.iter().map(String::as_str).collect();
                wanted.sort_unstable();
                wanted.dedup();
                about.tags.iter().map(heartbeat_core::Tag::as_str).eq(wanted)
            }),
            Unique::Timeout => {
                self.timeout.is_some()
                    && self.timeout == monitor.schedule.interval().map(heartbeat_core::Interval::as_secs)
            }
            Unique::Grace => self.grace == Some(monitor.grace.as_secs()),
        }
    }
}

/// A field that is not as it must be.
fn invalid(field: &str, problem: &str) -> ApiError {
    ApiError::BadJson(format!("json validation error: {field} {problem}"))
}

fn text(body: &Map<String, Value>, field: &str, most: usize) -> Result<Option<String>, ApiError> {
    let Some(value) = body.get(field) else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| invalid(field, "is not a string"))?;
    if text.chars().count() > most { Err(invalid(field, "is too long")) } else { Ok(Some(text.to_owned())) }
}

fn switch(body: &Map<String, Value>, field: &str) -> Result<Option<bool>, ApiError> {
    let switch = |value: &Value| value.as_bool().ok_or_else(|| invalid(field, "is not a boolean"));
    body.get(field).map(switch).transpose()
}

fn seconds(body: &Map<String, Value>, field: &str) -> Result<Option<u64>, ApiError> {
    let Some(value) = body.get(field) else { return Ok(None) };
    let number = value.as_i64().ok_or_else(|| invalid(field, "is not a number"))?;
    match u64::try_from(number) {
        Ok(seconds) if SECONDS.contains(&seconds) => Ok(Some(seconds)),
        Ok(seconds) if seconds > *SECONDS.end() => Err(invalid(field, "is too large")),
        Ok(_) | Err(_) => Err(invalid(field, "is too small")),
    }
}

/// Names of channels by commas; `*` is all, and so is nothing: a monitor that nobody is told of watches nothing.
fn channels(names: &str) -> Channels {
    match names {
        "" | "*" => Channels::All,
        names => Channels::These(names.split(',').map(str::to_owned).collect()),
    }
}

fn unique(body: &Map<String, Value>) -> Result<Vec<Unique>, ApiError> {
    let Some(value) = body.get("unique") else { return Ok(Vec::new()) };
    let fields = value.as_array().ok_or_else(|| invalid("unique", "is not an array"))?;
    let field = |value: &Value| match value.as_str() {
        Some("name") => Ok(Unique::Name),
        Some("slug") => Ok(Unique::Slug),
        Some("tags") => Ok(Unique::Tags),
        Some("timeout") => Ok(Unique::Timeout),
        Some("grace") => Ok(Unique::Grace),
        Some(_) | None => Err(invalid("an item in 'unique'", "has unexpected value")),
    };
    fields.iter().map(field).collect()
}
