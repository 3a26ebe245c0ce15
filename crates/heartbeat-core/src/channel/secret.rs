//! A secret of a channel: kept by value, or by where it is kept. It is read when it is needed, and never shown again.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An environment variable that a channel may name begins so: a project must not get at the variables of the process.
pub const ENV_PREFIX: &str = "HEARTBEAT_SECRET_";
/// An SSM parameter that a channel may name begins so, for the same reason.
pub const SSM_PREFIX: &str = "/heartbeat/channels/";

/// A secret, or where it is kept. `{:?}` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Secret {
    /// The secret itself.
    Value(String),
    /// The environment variable that holds it; its name begins with [`ENV_PREFIX`].
    Env(String),
    /// The SSM parameter that holds it; its name begins with [`SSM_PREFIX`].
    Ssm(String),
}

/// Why a text names no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SecretNameError {
    /// It is empty.
    #[error("a secret must not be empty")]
    Empty,
    /// A variable that is not a channel's to read.
    #[error("an environment variable that a channel names begins with {ENV_PREFIX}")]
    Env,
    /// A parameter that is not a channel's to read.
    #[error("an SSM parameter that a channel names begins with {SSM_PREFIX}")]
    Ssm,
}

impl Secret {
    /// Reads `env:NAME`, `ssm:/heartbeat/channels/name`, or the secret itself.
    pub fn parse(text: &str) -> Result<Self, SecretNameError> {
        match text.split_once(':') {
            Some(("env", name)) => Self::Env(name.to_owned()),
            Some(("ssm", name)) => Self::Ssm(name.to_owned()),
            Some(_) | None => Self::Value(text.to_owned()),
        }
        .checked()
    }

    /// The same, if it is one that a channel may have.
    pub fn checked(self) -> Result<Self, SecretNameError> {
        match &self {
            Self::Value(value) if value.is_empty() => Err(SecretNameError::Empty),
            Self::Env(name) if !is_plain(name.strip_prefix(ENV_PREFIX), "_") => Err(SecretNameError::Env),
            Self::Ssm(name) if !is_plain(name.strip_prefix(SSM_PREFIX), "_-./") => Err(SecretNameError::Ssm),
            Self::Value(_) | Self::Env(_) | Self::Ssm(_) => Ok(self),
        }
    }

    /// What may be shown of it: that it is set, or where it is kept.
    pub fn shown(&self) -> String {
        match self {
            Self::Value(_) => "(set)".to_owned(),
            Self::Env(name) => format!("env:{name}"),
            Self::Ssm(name) => format!("ssm:{name}"),
        }
    }
}

fn is_plain(rest: Option<&str>, besides: &str) -> bool {
    rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || besides.contains(c)))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.shown())
    }
}

/// Why a secret cannot be read, in one line without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SecretError {
    /// A person must mend it: there is no such variable or parameter, or it is not ours to read.
    #[error("{0}")]
    Setting(String),
    /// It may be well again by itself.
    #[error("{0}")]
    Unavailable(String),
}

/// Reads secrets where they are kept.
#[async_trait]
pub trait SecretReader: Send + Sync {
    /// The secret itself. Bounded in time; reads anew each time.
    async fn read(&self, secret: &Secret) -> Result<String, SecretError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_itself_or_where_it_is_kept_and_never_in_debug() {
        for (text, shown) in [
            ("hunter2", "(set)"),
            ("env:HEARTBEAT_SECRET_SMTP", "env:HEARTBEAT_SECRET_SMTP"),
            ("ssm:/heartbeat/channels/prod/smtp", "ssm:/heartbeat/channels/prod/smtp"),
            ("https://user:pass@example.org", "(set)"),
        ] {
            let secret = Secret::parse(text).unwrap();
            assert_eq!((secret.shown().as_str(), format!("{secret:?}")), (shown, format!("Secret({shown})")));
            assert_eq!(serde_json::from_value::<Secret>(serde_json::to_value(&secret).unwrap()).unwrap(), secret);
        }
    }

    #[test]
    fn what_is_not_a_channels_to_read_is_refused() {
        for (text, error) in [
            ("", SecretNameError::Empty),
            ("env:AWS_SECRET_ACCESS_KEY", SecretNameError::Env),
            ("env:HEARTBEAT_SECRET_", SecretNameError::Env),
            ("env:HEARTBEAT_SECRET_A B", SecretNameError::Env),
            ("ssm:/other/team", SecretNameError::Ssm),
            ("ssm:/heartbeat/channels/", SecretNameError::Ssm),
            ("ssm:/heartbeat/telegram-bot-token", SecretNameError::Ssm),
        ] {
            assert_eq!(Secret::parse(text), Err(error), "{text}");
        }
    }
}
