//! A definition in words: the fields of the API's JSON, of exported files, and of edits in history. What a field may say is
//! checked here and nowhere else.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{Changes, Definition};
use crate::{
    about::{self, AboutError, Actor, Tag},
    channel::ChannelName,
    cron::{Cron, CronError},
    history::Edit,
    interval::{DurationError, Grace, Interval, parse_seconds},
    schedule::Schedule,
};

/// The zone of a cron line that names none.
pub const DEFAULT_ZONE: &str = "UTC";
/// The most failures in a row that a monitor may wait for.
pub const MAX_FAILURES: u32 = 1_000;

/// Why a definition is refused. Each message names the field and what to change.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FieldError {
    /// Name, description or tags.
    #[error("{0}")]
    About(#[from] AboutError),
    /// The interval or the grace.
    #[error("{0}")]
    Duration(#[from] DurationError),
    /// The cron line or its time zone.
    #[error("{0}")]
    Cron(#[from] CronError),
    /// Both kinds of schedule.
    #[error("give either `interval` or `cron`, not both")]
    TwoSchedules,
    /// A time zone for nothing.
    #[error("`timezone` goes with `cron`")]
    ZoneAlone,
    /// No such threshold.
    #[error("`failure_threshold` is a number from 1 to {MAX_FAILURES}")]
    Threshold,
    /// No such limit.
    #[error("`max_runtime` is from 1s to 365d")]
    Runtime,
    /// No such rhythm.
    #[error("`remind_every` is `never`, or from 1m to 365d")]
    Reminder,
    /// No channel has that name.
    #[error("{0:?} is no name of a channel")]
    Channel(String),
}

/// A length of time in JSON: humantime text, or a number of seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a duration is a text such as 5m or 2h30m, or a number of seconds")]
pub enum Length {
    /// Seconds.
    Seconds(u64),
    /// `5m`, `1h`, `2h30m`.
    Text(String),
}

impl Length {
    fn text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => seconds.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// The fields of a definition. What is absent stays as it is, what is `null` goes back to what holds without it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// What it is called, where its slug does not say enough.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub name: Option<Option<String>>,
    /// What it is for, and what to do when it fails.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub description: Option<Option<String>>,
    /// Words to find and group it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// How often it pings; or else `cron`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Length>,
    /// When it pings: five fields, or `@daily` and its like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    /// The time zone of `cron`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// How much later its pings may come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<Length>,
    /// The longest that a run may take; `null` = no limit.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub max_runtime: Option<Option<Length>>,
    /// How many failures in a row open an incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<u32>,
    /// How often to remind while overdue; `never`, or `null` = as the installation does.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub remind_every: Option<Option<Length>>,
    /// Whether a ping resumes it when it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_on_ping: Option<bool>,
    /// Which of its project's channels are told; `null` = all.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub channels: Option<Option<Vec<String>>>,
}

/// Tells a field that is `null` from one that is absent.
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl Fields {
    /// The edit that these fields ask for, of a monitor whose schedule is `now`.
    pub fn changes(&self, now: Option<&Schedule>) -> Result<Changes, FieldError> {
        let tags = self.tags.as_ref().map(|tags| about::tags(tags.iter().map(String::as_str))).transpose()?;
        Ok(Changes {
            name: said(self.name.as_ref(), about::name)?,
            description: said(self.description.as_ref(), about::description)?,
            tags,
            schedule: self.schedule(now)?,
            grace: self.grace.as_ref().map(|grace| Grace::parse(&grace.text())).transpose()?,
            failure_threshold: self.failure_threshold.map(threshold).transpose()?,
            remind_every_s: self
                .remind_every
                .as_ref()
                .map(|every| every.as_ref().map(reminder).transpose())
                .transpose()?,
            max_runtime_s: self.max_runtime.as_ref().map(|most| most.as_ref().map(runtime).transpose()).transpose()?,
            resume_on_ping: self.resume_on_ping,
            channels: self.channels.as_ref().map(|names| names.as_deref().map(channels).transpose()).transpose()?,
            by: None,
        })
    }

    /// The whole definition that these fields give: what is absent is as it is without them.
    pub fn definition(&self) -> Result<Definition, FieldError> {
        let changes = self.changes(None)?;
        let mut definition = Definition::default();
        definition.take(changes);
        Ok(definition)
    }

    fn schedule(&self, now: Option<&Schedule>) -> Result<Option<Schedule>, FieldError> {
        match (&self.interval, &self.cron, &self.timezone) {
            (Some(_), Some(_), _) => Err(FieldError::TwoSchedules),
            (Some(_), None, Some(_)) => Err(FieldError::ZoneAlone),
            (Some(interval), None, None) => Ok(Some(Schedule::Every(Interval::parse(&interval.text())?))),
            (None, Some(line), zone) => {
                let old = now.and_then(Schedule::cron).map(Cron::zone);
                let zone = zone.as_deref().or(old).unwrap_or(DEFAULT_ZONE);
                Ok(Some(Schedule::Cron(Cron::parse(line, zone)?)))
            }
            (None, None, Some(zone)) => {
                let line = now.and_then(Schedule::cron).map(Cron::line).ok_or(FieldError::ZoneAlone)?;
                Ok(Some(Schedule::Cron(Cron::parse(line, zone)?)))
            }
            (None, None, None) => Ok(None),
        }
    }
}

/// What a text field asks for: an empty one is as good as `null`.
#[expect(clippy::option_option, reason = "as it is, none and a text are three things")]
fn said(
    field: Option<&Option<String>>,
    check: fn(&str) -> Result<Option<String>, AboutError>,
) -> Result<Option<Option<String>>, AboutError> {
    field.map(|text| text.as_deref().map_or(Ok(None), check)).transpose()
}

fn threshold(failures: u32) -> Result<u32, FieldError> {
    if (1..=MAX_FAILURES).contains(&failures) { Ok(failures) } else { Err(FieldError::Threshold) }
}

fn reminder(every: &Length) -> Result<u64, FieldError> {
    let text = every.text();
    if text == "never" || text == "0" {
        return Ok(0);
    }
    let seconds = parse_seconds(&text).map_err(|_| FieldError::Reminder)?;
    if (60..=YEAR_S).contains(&seconds) { Ok(seconds) } else { Err(FieldError::Reminder) }
}

fn runtime(most: &Length) -> Result<u64, FieldError> {
    let seconds = parse_seconds(&most.text()).map_err(|_| FieldError::Runtime)?;
    if (1..=YEAR_S).contains(&seconds) { Ok(seconds) } else { Err(FieldError::Runtime) }
}

const YEAR_S: u64 = 365 * 86_400;

fn channels(names: &[String]) -> Result<BTreeSet<ChannelName>, FieldError> {
    let parse = |name: &String| ChannelName::parse(name).map_err(|_| FieldError::Channel(name.clone()));
    names.iter().map(parse).collect()
}

impl Definition {
    /// Makes what an edit asks for of it.
    pub fn take(&mut self, changes: Changes) {
        let Changes { name, description, tags, schedule, grace, channels, .. } = changes;
        self.about.name = name.unwrap_or_else(|| self.about.name.take());
        self.about.description = description.unwrap_or_else(|| self.about.description.take());
        self.about.tags = tags.unwrap_or_else(|| std::mem::take(&mut self.about.tags));
        self.schedule = schedule.unwrap_or_else(|| self.schedule.clone());
        self.grace = grace.unwrap_or(self.grace);
        self.channels = channels.unwrap_or_else(|| self.channels.take());
        let policy = &mut self.policy;
        policy.failure_threshold = changes.failure_threshold.unwrap_or(policy.failure_threshold).max(1);
        policy.remind_every_s = changes.remind_every_s.unwrap_or(policy.remind_every_s);
        policy.max_runtime_s = changes.max_runtime_s.unwrap_or(policy.max_runtime_s);
        policy.resume_on_ping = changes.resume_on_ping.unwrap_or(policy.resume_on_ping);
    }

    /// Its fields: all that can be given, the schedule as the one that it is.
    pub fn fields(&self) -> Fields {
        let Self { about, schedule, grace, policy, channels } = self;
        let length = |seconds: u64| match Grace::from_secs(seconds) {
            Some(length) => Length::Text(length.to_string()),
            None => Length::Seconds(seconds),
        };
        let reminder = |every: u64| if every == 0 { Length::Text("never".to_owned()) } else { length(every) };
        Fields {
            name: Some(about.name.clone()),
            description: Some(about.description.clone()),
            tags: Some(about.tags.iter().map(Tag::to_string).collect()),
            interval: schedule.interval().map(|interval| Length::Text(interval.to_string())),
            cron: schedule.cron().map(|cron| cron.line().to_owned()),
            timezone: schedule.cron().map(|cron| cron.zone().to_owned()),
            grace: Some(Length::Text(grace.to_string())),
            max_runtime: Some(policy.max_runtime_s.map(length)),
            failure_threshold: Some(policy.failure_threshold),
            remind_every: Some(policy.remind_every_s.map(reminder)),
            resume_on_ping: Some(policy.resume_on_ping),
            channels: Some(channels.as_ref().map(|names| names.iter().map(ToString::to_string).collect())),
        }
    }

    /// Its fields as a JSON object.
    pub fn to_json(&self) -> Map<String, Value> {
        match serde_json::to_value(self.fields()) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) | Err(_) => Map::new(),
        }
    }

    /// What history keeps of the edit that made this of `before`; `None` when nothing is different.
    pub fn edit_of(&self, before: &Self, by: Option<Actor>) -> Option<Edit> {
        let (old, new) = (before.to_json(), self.to_json());
        let differs = |name: &String| old.get(name) != new.get(name);
        let of = |fields: &Map<String, Value>| -> Map<String, Value> {
            fields.iter().filter(|(name, _)| differs(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        (self != before).then(|| Edit { by, before: of(&old), after: of(&new) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &str) -> Fields {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_definition_reads_back_what_it_wrote() {
        let written = r#"{"name":"Backup","tags":["db","prod"],"interval":"1h","grace":300,"max_runtime":"30m",
            "failure_threshold":3,"remind_every":"never","resume_on_ping":true,"channels":["ops"]}"#;
        let definition = fields(written).definition().unwrap();
        assert_eq!(definition.fields().definition(), Ok(definition.clone()));
        assert_eq!((definition.grace, definition.policy.remind_every_s), (Grace::from_secs(300).unwrap(), Some(0)));
        assert_eq!(fields("{}").definition(), Ok(Definition::default()));
    }

    #[test]
    fn null_takes_a_field_away_and_what_is_absent_stays() {
        let mut definition = fields(r#"{"name":"Backup","max_runtime":60,"channels":["ops"]}"#).definition().unwrap();
        definition.take(fields("{}").changes(None).unwrap());
        assert_eq!(definition.about.name.as_deref(), Some("Backup"));
        definition.take(fields(r#"{"name":null,"max_runtime":null,"channels":null}"#).changes(None).unwrap());
        assert_eq!(definition, Definition::default());
    }

    #[test]
    fn every_field_that_is_wrong_is_refused_by_its_name() {
        let refused = |json: &str| fields(json).definition().unwrap_err().to_string();
        assert_eq!(refused(r#"{"interval":"5m","cron":"@daily"}"#), "give either `interval` or `cron`, not both");
        assert_eq!(refused(r#"{"timezone":"UTC"}"#), "`timezone` goes with `cron`");
        assert_eq!(refused(r#"{"failure_threshold":0}"#), "`failure_threshold` is a number from 1 to 1000");
        assert_eq!(refused(r#"{"max_runtime":0}"#), "`max_runtime` is from 1s to 365d");
        assert_eq!(refused(r#"{"remind_every":"5s"}"#), "`remind_every` is `never`, or from 1m to 365d");
        assert_eq!(refused(r#"{"channels":["No Such"]}"#), "\"No Such\" is no name of a channel");
        assert_eq!(refused(r#"{"grace":"x"}"#), "\"x\" is not a duration: write 5m, 1h, 2h30m, or seconds such as 300");
        assert!(serde_json::from_str::<Fields>(r#"{"intervall":"5m"}"#).is_err());
    }

    #[test]
    fn an_edit_tells_only_what_differs() {
        let (old, new) = (Definition::default(), fields(r#"{"grace":"5m"}"#).definition().unwrap());
        let edit = new.edit_of(&old, None).unwrap();
        let told = |fields| Value::Object(fields).to_string();
        assert_eq!(
            (told(edit.before), told(edit.after)),
            (r#"{"grace":"1m"}"#.to_owned(), r#"{"grace":"5m"}"#.to_owned())
        );
        assert_eq!(old.edit_of(&old, None), None);
    }
}
