//! The directory: small things that processes share and that are no monitor: settings, marks of where a walk has come to.
//! Each entry has a revision, and is written only over the one before it, so that nobody undoes what they have not seen.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::item::Corrupt;

/// An entry of the directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What it belongs to.
    pub pk: String,
    /// Its name among those.
    pub sk: String,
    /// Which revision this is, from 1.
    pub rev: u64,
    /// What it says.
    pub value: Value,
}

impl Entry {
    /// The first revision of an entry that says `value`.
    pub fn first(pk: &str, sk: &str, value: &impl Serialize) -> Self {
        Self { pk: pk.to_owned(), sk: sk.to_owned(), rev: 1, value: to_value(value) }
    }

    /// The revision after this one, saying `value`.
    #[must_use]
    pub fn next(&self, value: &impl Serialize) -> Self {
        Self { rev: self.rev.saturating_add(1), value: to_value(value), ..self.clone() }
    }

    /// What it says, as a `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Corrupt> {
        T::deserialize(&self.value)
            .map_err(|e| Corrupt { id: format!("{}/{}", self.pk, self.sk), reason: e.to_string() })
    }
}

fn to_value(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// What became of an entry that was to be stored.
#[derive(Clone, Debug, PartialEq)]
pub enum Put {
    /// It is stored.
    Done,
    /// Somebody was quicker: this is what is there.
    Conflict(Option<Entry>),
}
