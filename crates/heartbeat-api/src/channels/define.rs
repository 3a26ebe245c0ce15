//! What people want of a channel, checked by its kind before it is stored: a new one, or a change to one that is there.
//!
//! A configuration comes back as it was shown: what is given as it is shown stays as it is stored, so that a secret need not
//! be known to change what stands beside it. It does not go along to another place, though: who may change a channel must
//! not thereby learn its secrets.

use std::sync::{Mutex, PoisonError};

use heartbeat_core::{
    ChannelName, Project, Store, Timestamp,
    channel::definition::{self, ChannelRole, ChannelState, Defined, Definition, Kinds, MAX_CONFIG, Wants},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::error::ApiError;

/// How a secret is shown that is kept by value. ([`Secret::shown`](heartbeat_core::channel::secret::Secret::shown))
const KEPT: &str = "(set)";
/// How the address of a webhook ends whose query is not shown.
const KEPT_QUERY: &str = "?…";
/// Fields that say where something is sent to.
const DESTINATIONS: [&str; 4] = ["url", "host", "port", "api_url"];
/// The most characters of why a channel is disabled.
const MAX_WHY: usize = 200;
/// Why it is, when nobody says.
const NO_REASON: &str = "disabled by hand";

/// A channel that somebody wants. Its configuration is not in its `Debug`: there may be secrets in it.
#[derive(Clone, PartialEq)]
pub struct Wanted {
    /// Its name.
    pub name: ChannelName,
    /// Its kind.
    pub kind: String,
    /// How it is to be set up, unchecked.
    pub config: Value,
    /// What it wants to be told.
    pub wants: Wants,
    /// When it is told.
    pub role: ChannelRole,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewChannel)]
pub(crate) struct WantedBody {
    name: String,
    kind: String,
    config: Value,
    events: Option<Vec<String>>,
    #[serde(default)]
    fallback: bool,
}

impl Wanted {
    /// Reads `{"name", "kind", "config", "events"?, "fallback"?}`.
    pub(crate) fn parse(body: Option<&[u8]>) -> Result<Self, ApiError> {
        let example = r#"{"name": "ops", "kind": "webhook", "config": {"url": "https://…"}}"#;
        let body: WantedBody = read(body, example)?;
        Ok(Self {
            name: ChannelName::parse(&body.name).map_err(ApiError::BadChannelName)?,
            kind: body.kind,
            config: body.config,
            wants: body.events.as_deref().map_or(Ok(Wants::ALL), wants)?,
            role: role(body.fallback),
        })
    }

    /// Its definition, if its kind finds nothing wrong with it.
    pub fn define(&self, kinds: &dyn Kinds, now: Timestamp) -> Result<Definition, ApiError> {
        let words = kinds.words();
        if !words.contains(&self.kind.as_str()) {
            let known = words.join(", ");
            return Err(ApiError::BadChannel(format!(
                "kind: there is no kind of channel {:?}: use one of {known}",
                self.kind
            )));
        }
        Ok(Definition {
            kind: self.kind.clone(),
            config: checked(kinds, &self.kind, self.config.clone())?,
            wants: self.wants,
            role: self.role,
            state: ChannelState::Enabled,
            created_at: now,
        })
    }
}

/// A change to a channel; `None` = as it is. Its configuration is not in its `Debug`.
#[derive(Clone, Default, PartialEq)]
pub struct Edit {
    config: Option<Value>,
    wants: Option<Wants>,
    role: Option<ChannelRole>,
    switch: Option<Switch>,
}

/// Whether it shall be told anything.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Switch {
    On,
    Off { why: String },
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChannelEdit)]
pub(crate) struct EditBody {
    config: Option<Value>,
    events: Option<Vec<String>>,
    fallback: Option<bool>,
    enabled: Option<bool>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reason)]
pub(crate) struct WhyBody {
    why: Option<String>,
}

/// Reads `{"why": "…"}`, or nothing at all.
pub(crate) fn why_not(body: Option<&[u8]>) -> Result<Option<String>, ApiError> {
    let Some(body) = body else { return Ok(None) };
    Ok(read::<WhyBody>(Some(body), r#"{"why": "the server moves"}"#)?.why)
}

impl Edit {
    /// Reads `{"config"?, "events"?, "fallback"?, "enabled"?}`.
    pub(crate) fn parse(body: Option<&[u8]>) -> Result<Self, ApiError> {
        let body: EditBody = read(body, r#"{"events": ["down", "up"], "enabled": true}"#)?;
        let switched = |on| if on { Switch::On } else { Switch::Off { why: NO_REASON.to_owned() } };
        Ok(Self {
            config: body.config,
            wants: body.events.as_deref().map(wants).transpose()?,
            role: body.fallback.map(role),
            switch: body.enabled.map(switched),
        })
    }

    /// It shall be told again.
    pub fn enabling() -> Self {
        Self { switch: Some(Switch::On), ..Self::default() }
    }

    /// It shall be told nothing any more.
    pub fn disabling(why: Option<&str>) -> Result<Self, ApiError> {
        let words = why.unwrap_or_default().split(|c: char| c.is_control() || c.is_whitespace());
        let why = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let why = if why.is_empty() { NO_REASON.to_owned() } else { why };
        if why.chars().count() > MAX_WHY {
            return Err(ApiError::BadChannel(format!("why: say it in at most {MAX_WHY} characters")));
        }
        Ok(Self { switch: Some(Switch::Off { why }), ..Self::default() })
    }

    /// Changes the channel; answers with it afterwards. Nothing is written where nothing differs.
    pub async fn carry_out(
        &self,
        store: &dyn Store,
        kinds: &dyn Kinds,
        project: &Project,
        name: &ChannelName,
        now: Timestamp,
    ) -> Result<Defined, ApiError> {
        let refusal = Mutex::new(None);
        let change = |there: &Defined| match self.apply(kinds, &there.definition, now) {
            Ok(definition) => (definition != there.definition).then_some(definition),
            Err(error) => {
                *refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                None
            }
        };
        let defined = definition::change_channel(store, project, name, change).await?;
        refusal.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(defined), Err)
    }

    fn apply(&self, kinds: &dyn Kinds, there: &Definition, now: Timestamp) -> Result<Definition, ApiError> {
        let config = match &self.config {
            Some(given) => {
                let shown = kinds.shown(&there.kind, &there.config);
                refuse_to_move(given, &shown)?;
                checked(kinds, &there.kind, as_stored(given.clone(), &shown, &there.config))?
            }
            None => there.config.clone(),
        };
        Ok(Definition {
            config,
            wants: self.wants.unwrap_or(there.wants),
            role: self.role.unwrap_or(there.role),
            state: match &self.switch {
                Some(Switch::On) => ChannelState::Enabled,
                Some(Switch::Off { why }) if there.is_enabled() => ChannelState::Disabled { at: now, why: why.clone() },
                Some(Switch::Off { .. }) | None => there.state.clone(),
            },
            ..there.clone()
        })
    }
}

/// A body of exactly the fields that a `T` has.
fn read<T: for<'de> Deserialize<'de>>(body: Option<&[u8]>, example: &str) -> Result<T, ApiError> {
    let refuse = |said: String| ApiError::BadJson(format!("the body is not like {example}: {said}"));
    let body = body.ok_or_else(|| refuse("there is none".to_owned()))?;
    // By way of a map: a struct would also be read from an array.
    let map = serde_json::from_slice::<Map<String, Value>>(body);
    map.and_then(|map| T::deserialize(Value::Object(map))).map_err(|error| refuse(error.to_string()))
}

fn wants(words: &[String]) -> Result<Wants, ApiError> {
    Wants::parse(words.iter().map(String::as_str)).map_err(|error| ApiError::BadChannel(format!("events: {error}")))
}

const fn role(fallback: bool) -> ChannelRole {
    if fallback { ChannelRole::Fallback } else { ChannelRole::Main }
}

/// A configuration as it is kept, if its kind finds nothing wrong with it.
fn checked(kinds: &dyn Kinds, kind: &str, given: Value) -> Result<Value, ApiError> {
    if !given.is_object() {
        return Err(ApiError::BadChannel("config: it is an object, with the fields of its kind".to_owned()));
    }
    if let Some(path) = find_kept(&given) {
        let text = format!(
            "{path}: `{KEPT}` and `{KEPT_QUERY}` stand for what is stored and not shown: give the value itself"
        );
        return Err(ApiError::BadChannel(text));
    }
    refuse_large(&given)?;
    let checked = kinds.check(kind, given).map_err(|error| ApiError::BadChannel(error.to_string()))?;
    refuse_large(&checked)?;
    Ok(checked)
}

fn refuse_large(config: &Value) -> Result<(), ApiError> {
    let bytes = config.to_string().len();
    if bytes <= MAX_CONFIG {
        return Ok(());
    }
    Err(ApiError::BadChannel(format!(
        "config: it has {bytes} bytes as JSON, and at most {MAX_CONFIG} are kept: shorten it"
    )))
}

/// What is given as it is shown, as it is stored.
fn as_stored(given: Value, shown: &Value, stored: &Value) -> Value {
    if given == *shown {
        return stored.clone();
    }
    match (given, shown, stored) {
        (Value::Object(given), Value::Object(shown), Value::Object(stored)) => {
            let field = |(name, value): (String, Value)| match (shown.get(&name), stored.get(&name)) {
                (Some(shown), Some(stored)) => {
                    let value = as_stored(value, shown, stored);
                    (name, value)
                }
                (Some(_), None) | (None, _) => (name, value),
            };
            Value::Object(given.into_iter().map(field).collect())
        }
        (given, _, _) => given,
    }
}

/// Whether a text stands for what is stored and not shown.
fn is_kept(text: &str) -> bool {
    text == KEPT || (text.starts_with("http") && text.ends_with(KEPT_QUERY))
}

/// Where something is given first that stands for what is stored.
fn find_kept(given: &Value) -> Option<String> {
    match given {
        Value::String(text) => is_kept(text).then(String::new),
        Value::Object(fields) => fields.iter().find_map(|(name, value)| {
            let path = find_kept(value)?;
            Some(if path.is_empty() { name.clone() } else { format!("{name}.{path}") })
        }),
        Value::Array(values) => values.iter().find_map(find_kept),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Refuses to send what is kept to another place.
fn refuse_to_move(given: &Value, shown: &Value) -> Result<(), ApiError> {
    let Some(path) = find_kept(given) else { return Ok(()) };
    let moved = DESTINATIONS.into_iter().find(|field| given.get(field) != shown.get(field));
    moved.map_or(Ok(()), |field| {
        let text =
            format!("{path}: give the value again, since `{field}` changes: what is stored goes to no other place");
        Err(ApiError::BadChannel(text))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_given_as_it_is_shown_stays_as_it_is_stored() {
        let stored =
            json!({"host": "a", "password": {"value": "hunter2"}, "headers": {"X": {"env": "HEARTBEAT_SECRET_X"}}});
        let shown = json!({"host": "a", "password": "(set)", "headers": {"X": "env:HEARTBEAT_SECRET_X"}});
        assert_eq!(as_stored(shown.clone(), &shown, &stored), stored);
        let given = json!({"host": "b", "password": "(set)", "headers": {"X": "new", "Y": "env:HEARTBEAT_SECRET_X"}});
        let kept = json!({"host": "b", "password": {"value": "hunter2"}, "headers": {"X": "new", "Y": "env:HEARTBEAT_SECRET_X"}});
        assert_eq!(as_stored(given, &shown, &stored), kept);
    }

    #[test]
    fn what_stands_for_nothing_is_found_with_its_place() {
        assert_eq!(find_kept(&json!({"url": "https://a/b?…", "template": "why?…"})).as_deref(), Some("url"));
        assert_eq!(find_kept(&json!({"url": "x", "headers": {"A": "b", "C": "(set)"}})).as_deref(), Some("headers.C"));
        assert_eq!(find_kept(&json!({"to": ["(set)"]})).as_deref(), Some("to"));
        assert_eq!(find_kept(&json!({"secret": "(set) "})), None);
    }
}
