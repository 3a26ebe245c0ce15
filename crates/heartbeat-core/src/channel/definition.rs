//! A project's channels, as the directory keeps them: what kind, how it is set up, what it wants to be told, and whether it
//! is told anything at all.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::{Channel, ChannelName};
use crate::{
    directory::{Entry, Put},
    item::Corrupt,
    notice::NoticeKind,
    slug::Project,
    store::{Store, StoreError},
    time::Timestamp,
};

/// The most channels of a project: each takes its place in the outbox of every monitor that has something to tell.
pub const MAX_CHANNELS: usize = 10;
/// The most bytes of a channel's configuration as JSON.
pub const MAX_CONFIG: usize = 8_192;

/// What a channel wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "four kinds of news, each wanted or not")]
pub struct Wants {
    /// That a monitor is overdue.
    pub down: bool,
    /// That it is well again.
    pub up: bool,
    /// That it is still overdue.
    pub reminders: bool,
    /// That it was late, and is well by now.
    pub late: bool,
}

impl Default for Wants {
    fn default() -> Self {
        Self::ALL
    }
}

/// A word that is no kind of news.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WantsError {
    /// No such word.
    #[error("a channel can be told of down, up, reminders and late, not of `{0}`")]
    Unknown(String),
    /// Nothing at all.
    #[error("a channel must want to be told of something: down, up, reminders, late")]
    Nothing,
}

impl Wants {
    /// Everything.
    pub const ALL: Self = Self { down: true, up: true, reminders: true, late: true };
    const NONE: Self = Self { down: false, up: false, reminders: false, late: false };

    /// Reads words: `down`, `up`, `reminders`, `late`.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, WantsError> {
        let mut wants = Self::NONE;
        for word in words {
            match word {
                "down" => wants.down = true,
                "up" => wants.up = true,
                "reminders" => wants.reminders = true,
                "late" => wants.late = true,
                _ => return Err(WantsError::Unknown(word.to_owned())),
            }
        }
        if wants == Self::NONE { Err(WantsError::Nothing) } else { Ok(wants) }
    }

    /// The words of [`Wants::parse`].
    pub fn words(self) -> Vec<&'static str> {
        let all = [(self.down, "down"), (self.up, "up"), (self.reminders, "reminders"), (self.late, "late")];
        all.into_iter().filter_map(|(wanted, word)| wanted.then_some(word)).collect()
    }

    /// Whether it wants a notice of this kind, which `was_tried` before: whoever may have heard of an outage hears of its
    /// end, whatever that is called by now.
    pub fn includes(self, kind: NoticeKind, was_tried: bool) -> bool {
        match kind {
            NoticeKind::Overdue => self.down,
            NoticeKind::Recovery => self.up,
            NoticeKind::Reminder => self.reminders,
            NoticeKind::LateButFine => self.late || (was_tried && self.up),
        }
    }
}

/// Whether a channel is told anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ChannelState {
    /// It is.
    Enabled,
    /// It is not, until a person enables it.
    Disabled {
        /// Since when.
        at: Timestamp,
        /// Why: a person's wish, or what the channel said.
        why: String,
    },
    /// It is gone; the name may be used again.
    Removed {
        /// Since when.
        at: Timestamp,
    },
}

/// When a channel is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelRole {
    /// Of everything that it wants.
    #[default]
    Main,
    /// Only of what could not be told to the others. A project has at most one.
    Fallback,
}

/// How a channel is defined. `{:?}` does not show its configuration: there may be secrets in it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Which kind: `telegram`, `email`, `webhook`.
    pub kind: String,
    /// How it is set up, as its kind has checked it.
    pub config: Value,
    /// What it wants to be told.
    #[serde(default)]
    pub wants: Wants,
    /// When it is told.
    #[serde(default)]
    pub role: ChannelRole,
    /// Whether it is told anything.
    #[serde(flatten)]
    pub state: ChannelState,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Definition {
    /// Whether it is told anything.
    pub fn is_enabled(&self) -> bool {
        self.state == ChannelState::Enabled
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, config: _, wants, role, state, created_at } = self;
        f.debug_struct("Definition")
            .field("kind", kind)
            .field("wants", &wants.words())
            .field("role", role)
            .field("state", state)
            .field("created_at", created_at)
            .finish_non_exhaustive()
    }
}

/// A channel of a project, as the directory has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Defined {
    /// Its name in its project.
    pub name: ChannelName,
    /// Grows with each change.
    pub rev: u64,
    /// How it is defined.
    pub definition: Definition,
}

/// What is wrong with a channel's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{problem}", field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default())]
pub struct ConfigError {
    /// Which field, where it is one.
    pub field: Option<String>,
    /// What is wrong with it, and what to do. No secrets.
    pub problem: String,
}

impl ConfigError {
    /// Something is wrong with `field`.
    pub fn of(field: &str, problem: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), problem: problem.into() }
    }

    /// Something is wrong with all of it.
    pub fn all(problem: impl Into<String>) -> Self {
        Self { field: None, problem: problem.into() }
    }
}

/// The kinds of channel that there are: the port through which API, checker and command line use them.
pub trait Kinds: Send + Sync {
    /// Their words, as a definition has them.
    fn words(&self) -> Vec<&'static str>;

    /// Checks a configuration; answers with it as it is kept.
    fn check(&self, kind: &str, config: Value) -> Result<Value, ConfigError>;

    /// A configuration as it may be shown: without secrets.
    fn shown(&self, kind: &str, config: &Value) -> Value;

    /// The channel of this name that a configuration describes. Connects to nothing yet, reads no secret yet.
    fn open(&self, name: &ChannelName, kind: &str, config: &Value) -> Result<Arc<dyn Channel>, ConfigError>;
}

/// Why a channel was not changed.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ChannelsError {
    /// There is none of this name.
    #[error("there is no channel `{0}`")]
    NotFound(ChannelName),
    /// There is one of this name.
    #[error("there is a channel `{0}` already")]
    Exists(ChannelName),
    /// There are too many.
    #[error("a project has at most {MAX_CHANNELS} channels")]
    TooMany,
    /// There is a fallback already.
    #[error("`{0}` is the project's fallback already, and there can be only one")]
    SecondFallback(ChannelName),
    /// Somebody else changed it at the same time.
    #[error("somebody else is changing the channel: try again")]
    Contended,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where a project's channels are in the directory.
fn pk(project: &Project) -> String {
    format!("channels/{project}")
}

fn defined(entry: &Entry) -> Result<Option<Defined>, Corrupt> {
    let definition: Definition = entry.read()?;
    if matches!(definition.state, ChannelState::Removed { .. }) {
        return Ok(None);
    }
    let corrupt = |reason: String| Corrupt { id: format!("{}/{}", entry.pk, entry.sk), reason };
    let name = ChannelName::parse(&entry.sk).map_err(|error| corrupt(error.to_string()))?;
    Ok(Some(Defined { name, rev: entry.rev, definition }))
}

/// A project's channels by name. One that cannot be understood is said, and hides no other.
pub async fn channels(store: &dyn Store, project: &Project) -> Result<Vec<Defined>, StoreError> {
    let entries = store.entries(&pk(project)).await?;
    let understood = entries.iter().filter_map(|entry| {
        defined(entry).unwrap_or_else(|corrupt| {
            tracing::error!(%corrupt, "a channel cannot be understood and is told nothing");
            None
        })
    });
    Ok(understood.collect())
}

/// The channel of this name.
pub async fn channel(store: &dyn Store, project: &Project, name: &ChannelName) -> Result<Defined, ChannelsError> {
    let there = store.entry(&pk(project), name.as_str()).await?;
    let there = there.as_ref().map(defined).transpose().map_err(StoreError::from)?.flatten();
    there.ok_or_else(|| ChannelsError::NotFound(name.clone()))
}

/// Adds a channel; `definition.config` has been checked by its kind.
pub async fn add_channel(
    store: &dyn Store,
    project: &Project,
    name: &ChannelName,
    definition: &Definition,
) -> Result<(), ChannelsError> {
    let others = channels(store, project).await?;
    if others.iter().any(|other| other.name == *name) {
        return Err(ChannelsError::Exists(name.clone()));
    }
    if others.len() >= MAX_CHANNELS {
        return Err(ChannelsError::TooMany);
    }
    only_fallback(&others, name, definition)?;
    let there = store.entry(&pk(project), name.as_str()).await?;
    let entry = there.map_or_else(|| Entry::first(&pk(project), name.as_str(), definition), |it| it.next(definition));
    match store.put_entry(entry).await? {
        Put::Done => Ok(()),
        Put::Conflict(_) => Err(ChannelsError::Exists(name.clone())),
    }
}

/// Changes a channel as `change` says; `None` = it stays as it is.
pub async fn change_channel(
    store: &dyn Store,
    project: &Project,
    name: &ChannelName,
    change: impl Fn(&Defined) -> Option<Definition> + Send,
) -> Result<Defined, ChannelsError> {
    const ATTEMPTS: usize = 4;
    for _ in 0..ATTEMPTS {
        let there = channel(store, project, name).await?;
        let Some(definition) = change(&there) else { return Ok(there) };
        if definition.role != there.definition.role {
            only_fallback(&channels(store, project).await?, name, &definition)?;
        }
        let before = Entry { rev: there.rev, ..Entry::first(&pk(project), name.as_str(), &there.definition) };
        let next = before.next(&definition);
        if store.put_entry(next.clone()).await? == Put::Done {
            return Ok(Defined { name: name.clone(), rev: next.rev, definition });
        }
    }
    Err(ChannelsError::Contended)
}

fn only_fallback(others: &[Defined], name: &ChannelName, definition: &Definition) -> Result<(), ChannelsError> {
    let is_another = |other: &&Defined| other.name != *name && other.definition.role == ChannelRole::Fallback;
    match others.iter().find(is_another) {
        Some(other) if definition.role == ChannelRole::Fallback => {
            Err(ChannelsError::SecondFallback(other.name.clone()))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wants_are_words_and_back() {
        assert_eq!(Wants::parse(["up", "down"]).unwrap().words(), ["down", "up"]);
        assert_eq!(Wants::parse(["nigh"]), Err(WantsError::Unknown("nigh".to_owned())));
        assert_eq!(Wants::parse([]), Err(WantsError::Nothing));
        assert_eq!(
            serde_json::from_str::<Definition>(
                r#"{"kind":"email","config":{"password":{"value":"hunter2"}},"state":"enabled","created_at":0}"#
            )
            .map(|d| (d.wants, d.role, d.is_enabled(), format!("{d:?}").contains("hunter2")))
            .unwrap(),
            (Wants::ALL, ChannelRole::Main, true, false)
        );
    }

    #[test]
    fn who_may_have_heard_of_an_outage_hears_of_its_end() {
        let wants = Wants::parse(["down", "up"]).unwrap();
        assert!(!wants.includes(NoticeKind::LateButFine, false));
        assert!(wants.includes(NoticeKind::LateButFine, true));
        assert!(!wants.includes(NoticeKind::Reminder, true));
    }
}
