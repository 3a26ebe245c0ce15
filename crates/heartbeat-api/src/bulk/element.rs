//! One ping of a bulk, as JSON. As with a ping that comes alone, what is cosmetic is noted; a schedule that is given is right
//! or refused.

use heartbeat_core::{
    Grace, Interval, Ping, PingUuid, RunId, Signal, Slug, Timestamp,
    definition::Length,
    ping::{Body, Metadata, Note},
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{error::ApiError, ping::parse_signal, query};

/// One ping of a bulk.
pub(super) struct Element {
    pub(super) whose: Whose,
    pub(super) ping: Ping,
    pub(super) notes: Vec<Note>,
}

/// Whose ping it is.
pub(super) enum Whose {
    /// A monitor of the key's project.
    Slug(Slug),
    /// The monitor of this ping URL.
    Uuid(PingUuid),
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BulkPing)]
pub(crate) struct Fields {
    slug: Option<String>,
    uuid: Option<String>,
    signal: Option<String>,
    exit_code: Option<i64>,
    rid: Option<String>,
    at: Option<Value>,
    body: Option<String>,
    metadata: Option<Value>,
    #[schema(schema_with = crate::openapi::words::length)]
    interval: Option<Length>,
    cron: Option<String>,
    #[serde(alias = "tz")]
    timezone: Option<String>,
    #[schema(schema_with = crate::openapi::words::length)]
    grace: Option<Length>,
}

impl Element {
    /// Parses one ping.
    pub(super) fn parse(value: Value) -> Result<Self, ApiError> {
        if !value.is_object() {
            return Err(ApiError::BadJson(
                "a ping is a JSON object, such as {\"slug\": \"nightly-backup\"}".to_owned(),
            ));
        }
        let fields = Fields::deserialize(value)
            .map_err(|error| ApiError::BadJson(format!("this ping is not understood: {error}")))?;
        let whose = whose(fields.slug.as_deref(), fields.uuid.as_deref())?;
        let mut notes = Vec::new();
        let signal = signal(fields.signal.as_deref(), fields.exit_code, &mut notes)?;
        let (body, cut) = Body::from_tail(fields.body.unwrap_or_default().as_bytes());
        notes.extend(cut);
        let interval = fields.interval.map(|given| Interval::parse(&given.to_string()));
        let interval = interval.transpose().map_err(ApiError::BadInterval)?;
        let grace = fields.grace.map(|given| Grace::parse(&given.to_string())).transpose();
        let ping = Ping {
            signal,
            run: noted(fields.rid, |text| RunId::parse(&text), Note::RunIdIgnored, &mut notes),
            schedule: query::schedule(interval, fields.cron, fields.timezone)?,
            grace: grace.map_err(ApiError::BadGrace)?,
            body,
            metadata: noted(fields.metadata, Metadata::new, Note::MetadataIgnored, &mut notes),
            at: noted(fields.at, |value| moment(&value), Note::TimeIgnored, &mut notes),
        };
        Ok(Self { whose, ping, notes })
    }
}

fn whose(slug: Option<&str>, uuid: Option<&str>) -> Result<Whose, ApiError> {
    match (slug, uuid) {
        (Some(slug), None) => Slug::parse(slug).map(Whose::Slug).map_err(ApiError::BadSlug),
        (None, Some(uuid)) => PingUuid::parse(uuid).map(Whose::Uuid).ok_or(ApiError::UnknownPingUrl),
        (Some(_), Some(_)) | (None, None) => {
            Err(ApiError::BadJson("a ping says whose it is: either `slug` or `uuid`".to_owned()))
        }
    }
}

fn signal(word: Option<&str>, exit_code: Option<i64>, notes: &mut Vec<Note>) -> Result<Signal, ApiError> {
    match (word, exit_code) {
        (None | Some("success"), None) => Ok(Signal::Success),
        (None, Some(code)) => Ok(Signal::Exit(code)),
        (Some(word), None) => {
            let (signal, note) = parse_signal(word)?;
            notes.extend(note);
            Ok(signal)
        }
        (Some(_), Some(_)) => Err(ApiError::BadJson("give either `signal` or `exit_code`, not both".to_owned())),
    }
}

/// What is read from what was given; a note, where that is nothing.
fn noted<G, T>(given: Option<G>, read: impl FnOnce(G) -> Option<T>, note: Note, notes: &mut Vec<Note>) -> Option<T> {
    let read = read(given?);
    if read.is_none() {
        notes.push(note);
    }
    read
}

/// An instant: a text as in a query, or seconds since the epoch as a number.
fn moment(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => query::moment(text),
        Value::Number(number) => query::moment(&number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
