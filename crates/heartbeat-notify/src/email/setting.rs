//! How e-mail is set up, checked at the door.

use std::{num::NonZeroU16, sync::Arc};

use heartbeat_core::{
    ChannelName,
    channel::{definition::ConfigError, secret::Secret},
};
use lettre::{Address, message::Mailbox};
use rustls::pki_types::ServerName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Email, TIME_OUT,
    connection::{Encryption, Server, trusting},
};
use crate::{
    kinds::{Kind, Means, Opened},
    network::Network,
    secrets::{Secrets, check_value, given_or_none},
};

/// The longest user name and password: SMTP sends them on one line.
const MAX_CREDENTIAL: usize = 512;

/// How the e-mail of a project is set up.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The mail server that takes our messages.
    host: String,
    /// Its port; by default the one that is usual for `tls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<NonZeroU16>,
    #[serde(default)]
    tls: Tls,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given_or_none")]
    password: Option<Secret>,
    from: String,
    to: String,
    /// The certificates, in PEM, that alone are trusted: of a server whose certificate is its own or its company's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    root_certificate: Option<String>,
}

/// How the connection is encrypted. Never "if the server likes".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tls {
    /// From after the greeting on.
    #[default]
    Starttls,
    /// From the first byte on.
    Implicit,
    /// Not at all: for a relay on one's own network.
    None,
}

impl Tls {
    fn usual_port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

impl Kind for Config {
    const WORD: &'static str = "email";

    fn checked(self, means: &Means) -> Result<Self, ConfigError> {
        let config = Self { host: self.host.trim().to_owned(), ..self };
        let host = ServerName::try_from(config.host.as_str());
        host.map_err(|_| ConfigError::of("host", "this is not the name of a mail server"))?;
        let judged = means.http.guard().literal(&config.host);
        judged.map_err(|error| ConfigError::of("host", error.to_string()))?;
        config.check_credentials()?;
        if config.tls == Tls::None {
            config.check_unencrypted(means.http.guard().network())?;
        }
        config.encryption()?;
        let (from, to) = (mailbox("from", &config.from)?, mailbox("to", &config.to)?);
        Ok(Self { from: from.to_string(), to: to.to_string(), ..config })
    }

    fn shown(&self) -> Value {
        let mut shown = Map::new();
        let mut show = |field: &str, value: Option<Value>| {
            value.map(|value| shown.insert(field.to_owned(), value));
        };
        show("host", Some(json!(self.host)));
        show("port", Some(json!(self.port())));
        show("tls", Some(json!(self.tls)));
        show("username", self.username.as_ref().map(|username| json!(username)));
        show("password", self.password.as_ref().map(|password| json!(password.shown())));
        show("from", Some(json!(self.from)));
        show("to", Some(json!(self.to)));
        show("root_certificate", self.root_certificate.as_ref().map(|certificate| json!(certificate)));
        Value::Object(shown)
    }

    fn open(self, name: ChannelName, means: &Means) -> Opened {
        let server = Server::new(self.host.clone(), self.port(), self.encryption()?, means.http.guard().clone());
        Ok(Arc::new(Email {
            name,
            clock: Arc::clone(&means.clock),
            server,
            from: mailbox("from", &self.from)?,
            to: mailbox("to", &self.to)?,
            user: self.username,
            secrets: Secrets::new(Arc::clone(&means.secrets), self.password.into_iter().collect()),
            time_out: means.smtp_time_out.unwrap_or(TIME_OUT),
        }))
    }
}

impl Config {
    fn port(&self) -> u16 {
        self.port.map_or(self.tls.usual_port(), NonZeroU16::get)
    }

    fn check_credentials(&self) -> Result<(), ConfigError> {
        match (&self.username, &self.password) {
            (None, None) => Ok(()),
            (Some(username), Some(password)) => {
                credential(username).map_err(|problem| ConfigError::of("username", problem))?;
                check_value("password", password, credential)
            }
            (Some(_), None) => Err(ConfigError::of("password", "a username needs a password")),
            (None, Some(_)) => Err(ConfigError::of("username", "a password needs a username")),
        }
    }

    fn check_unencrypted(&self, network: Network) -> Result<(), ConfigError> {
        let wrong = |problem: &str| Err(ConfigError::of("tls", problem));
        match (network, &self.password) {
            (Network::Public, _) => wrong(
                "without TLS a message can be read on its way: that is for a relay on a private network, which this \
                 installation does not allow",
            ),
            (Network::PrivateToo, Some(_)) => wrong("without TLS a password can be read on its way"),
            (Network::PrivateToo, None) => Ok(()),
        }
    }

    fn encryption(&self) -> Result<Encryption, ConfigError> {
        let wrong = |problem: String| ConfigError::of("root_certificate", problem);
        match self.tls {
            Tls::None if self.root_certificate.is_some() => {
                Err(wrong("without TLS there is no certificate".to_owned()))
            }
            Tls::None => Ok(Encryption::None),
            Tls::Starttls => trusting(self.root_certificate.as_deref()).map(Encryption::Starttls).map_err(wrong),
            Tls::Implicit => trusting(self.root_certificate.as_deref()).map(Encryption::Implicit).map_err(wrong),
        }
    }
}

/// A user name or a password, as SMTP can send it.
fn credential(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > MAX_CREDENTIAL || text.chars().any(char::is_control) {
        return Err(format!("this must be one line of 1 to {MAX_CREDENTIAL} bytes"));
    }
    Ok(())
}

/// One address, with or without a name before it.
fn mailbox(field: &str, text: &str) -> Result<Mailbox, ConfigError> {
    let wrong = |problem: &str| ConfigError::of(field, problem);
    if text.chars().any(char::is_control) {
        return Err(wrong("an e-mail address is one line"));
    }
    let mailbox: Mailbox = text
        .trim()
        .parse()
        .map_err(|_| wrong("this is not one e-mail address: write ops@example.org or Ops <ops@example.org>"))?;
    if !has_a_domain(&mailbox.email) {
        return Err(wrong("an e-mail address ends in @ and a domain, such as @example.org"));
    }
    Ok(mailbox)
}

/// A domain and not an address in brackets: it is also what we call ourselves to the mail server.
fn has_a_domain(address: &Address) -> bool {
    !address.domain().is_empty() && !address.domain().starts_with('[')
}
