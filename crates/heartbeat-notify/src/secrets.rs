//! The secrets of one channel, read where they are kept when they are first needed, and read again when they are refused.

use std::{fmt, sync::Arc};

use heartbeat_core::{
    channel::{
        definition::ConfigError,
        secret::{Secret, SecretError, SecretReader},
    },
    delivery::{Outcome, Reason},
};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use tokio::sync::Mutex;

/// The words that stand for a secret where a configuration is shown.
const SHOWN: &str = "(set)";

/// What was read, in the order of [`Secrets::new`].
pub(crate) type Known = Arc<Vec<String>>;

/// The secrets of one channel.
pub(crate) struct Secrets {
    reader: Arc<dyn SecretReader>,
    wanted: Vec<Secret>,
    /// Held while they are read: all who need them read them once.
    known: Mutex<Option<Known>>,
}

impl Secrets {
    /// Reads nothing yet.
    pub(crate) fn new(reader: Arc<dyn SecretReader>, wanted: Vec<Secret>) -> Self {
        Self { reader, wanted, known: Mutex::default() }
    }

    /// All of them.
    pub(crate) async fn get(&self) -> Result<Known, SecretError> {
        let mut known = self.known.lock().await;
        match &*known {
            Some(read) => Ok(Arc::clone(read)),
            None => self.read(&mut known).await,
        }
    }

    /// What they are now, if that is not what was `refused`.
    pub(crate) async fn instead_of(&self, refused: &Known) -> Option<Known> {
        let mut known = self.known.lock().await;
        if let Some(newer) = known.as_ref().filter(|known| !Arc::ptr_eq(known, refused)) {
            return Some(Arc::clone(newer));
        }
        let read = self.read(&mut known).await.ok()?;
        (read != *refused).then_some(read)
    }

    async fn read(&self, known: &mut Option<Known>) -> Result<Known, SecretError> {
        *known = None;
        let mut read = Vec::with_capacity(self.wanted.len());
        for secret in &self.wanted {
            // A line end is an accident of whoever put it there, and part of no secret.
            let value = self.reader.read(secret).await?;
            read.push(value.trim_end_matches(['\r', '\n']).to_owned());
        }
        Ok(Arc::clone(known.insert(Arc::new(read))))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.wanted).finish()
    }
}

/// What a message comes to whose secret could not be read.
pub(crate) fn unread(error: &SecretError) -> Outcome {
    Outcome::TryAgain { after: None, reason: Reason::new(&error.to_string()) }
}

/// Reads a secret of a configuration: a text as a person writes it, or as it is kept. An error repeats none of it.
pub(crate) fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    secret(Value::deserialize(deserializer)?).map_err(de::Error::custom)
}

/// The same, where there may be none.
pub(crate) fn given_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    value.map(secret).transpose().map_err(de::Error::custom)
}

/// The secret that a value of a configuration is.
pub(crate) fn secret(value: Value) -> Result<Secret, String> {
    let secret = match value.as_str() {
        Some(text) => Secret::parse(text),
        None => serde_json::from_value::<Secret>(value).map_err(|_| HOW.to_owned())?.checked(),
    };
    match secret {
        Ok(Secret::Value(value)) if value == SHOWN => {
            Err(format!("`{SHOWN}` stands for a secret that is not shown: give the secret itself"))
        }
        Ok(secret) => Ok(secret),
        Err(error) => Err(error.to_string()),
    }
}

const HOW: &str = "a secret is a text: the secret itself, env:NAME, or ssm:/heartbeat/channels/NAME";

/// Applies `rule` to a secret that is kept by value; what is kept elsewhere is seen when it is read.
pub(crate) fn check_value(
    field: &str,
    secret: &Secret,
    rule: impl FnOnce(&str) -> Result<(), String>,
) -> Result<(), ConfigError> {
    match secret {
        Secret::Value(value) => rule(value).map_err(|problem| ConfigError::of(field, problem)),
        Secret::Env(_) | Secret::Ssm(_) => Ok(()),
    }
}
