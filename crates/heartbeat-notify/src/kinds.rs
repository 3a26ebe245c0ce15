//! The kinds of channel that there are. Each is one file of one shape: a configuration that implements `Kind`, a pure
//! `render`, and a `send`. Another one is another file and another line in `KINDS`.

use std::{fmt, sync::Arc, time::Duration};

use heartbeat_core::{
    Channel, ChannelName, Clock,
    channel::{
        definition::{ConfigError, Kinds},
        secret::SecretReader,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    email, http,
    http::{ClientError, Network},
    network::{Resolver, SystemResolver},
    telegram::{self, ApiUrl},
    webhook,
};

/// All kinds.
const KINDS: [Entry; 3] = [entry::<telegram::Config>(), entry::<email::Config>(), entry::<webhook::Config>()];

/// A kind of channel: the configuration of one. Fields that are not known are refused by `deny_unknown_fields`.
pub(crate) trait Kind: Serialize + DeserializeOwned {
    /// The word of a definition.
    const WORD: &'static str;

    /// The configuration as it is kept, if a channel can be made of it.
    fn checked(self, means: &Means) -> Result<Self, ConfigError>;

    /// What may be shown of it: no value of a secret.
    fn shown(&self) -> Value;

    /// The channel that it describes. Connects to nothing, reads no secret.
    fn open(self, name: ChannelName, means: &Means) -> Opened;
}

/// What channels are made with.
#[derive(Clone)]
pub(crate) struct Means {
    pub(crate) secrets: Arc<dyn SecretReader>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) http: http::Client,
    pub(crate) telegram_api: ApiUrl,
    /// How long an e-mail may take, where it is not the usual.
    pub(crate) smtp_time_out: Option<Duration>,
}

/// A channel, or what is wrong with its configuration.
pub(crate) type Opened = Result<Arc<dyn Channel>, ConfigError>;

/// A kind, without its type.
struct Entry {
    word: &'static str,
    check: fn(Value, &Means) -> Result<Value, ConfigError>,
    shown: fn(&Value) -> Value,
    open: fn(&ChannelName, &Value, &Means) -> Opened,
}

const fn entry<K: Kind>() -> Entry {
    Entry {
        word: K::WORD,
        check: |config, means| kept(&read::<K>(&config)?.checked(means)?),
        // What cannot be read is not shown: a secret may be anywhere in it.
        shown: |config| read::<K>(config).map_or(Value::Null, |config| config.shown()),
        open: |name, config, means| read::<K>(config)?.open(name.clone(), means),
    }
}

/// The kinds of channel: checks, shows and opens what a definition describes.
#[derive(Clone)]
pub struct AllKinds {
    means: Means,
}

impl AllKinds {
    /// Channels that read their secrets from `secrets`, sign by `clock`, and reach what `network` allows.
    pub fn new(secrets: Arc<dyn SecretReader>, clock: Arc<dyn Clock>, network: Network) -> Result<Self, ClientError> {
        Self::with_resolver(secrets, clock, network, Arc::new(SystemResolver))
    }

    /// The same, by names that `resolver` knows.
    pub fn with_resolver(
        secrets: Arc<dyn SecretReader>,
        clock: Arc<dyn Clock>,
        network: Network,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, ClientError> {
        let http = http::Client::with_resolver(network, resolver)?;
        Ok(Self { means: Means { secrets, clock, http, telegram_api: ApiUrl::default(), smtp_time_out: None } })
    }

    /// The same, with the Bot API of the installation.
    #[must_use]
    pub fn telegram_api(self, url: ApiUrl) -> Self {
        Self { means: Means { telegram_api: url, ..self.means } }
    }

    /// The same, which give up an exchange after this long.
    #[must_use]
    pub fn within(self, time_out: Duration) -> Self {
        let http = self.means.http.clone().within(time_out);
        Self { means: Means { http, smtp_time_out: Some(time_out), ..self.means } }
    }

    fn kind(kind: &str) -> Result<&'static Entry, ConfigError> {
        KINDS.iter().find(|known| known.word == kind).ok_or_else(|| {
            let words = KINDS.map(|known| known.word).join(", ");
            ConfigError::of("kind", format!("there is no such kind of channel: it is one of {words}"))
        })
    }
}

impl fmt::Debug for AllKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllKinds").field("http", &self.means.http).finish_non_exhaustive()
    }
}

impl Kinds for AllKinds {
    fn words(&self) -> Vec<&'static str> {
        KINDS.map(|kind| kind.word).to_vec()
    }

    fn check(&self, kind: &str, config: Value) -> Result<Value, ConfigError> {
        (Self::kind(kind)?.check)(config, &self.means)
    }

    fn shown(&self, kind: &str, config: &Value) -> Value {
        Self::kind(kind).map_or(Value::Null, |kind| (kind.shown)(config))
    }

    fn open(&self, name: &ChannelName, kind: &str, config: &Value) -> Result<Arc<dyn Channel>, ConfigError> {
        (Self::kind(kind)?.open)(name, config, &self.means)
    }
}

fn kept(config: &impl Serialize) -> Result<Value, ConfigError> {
    serde_json::to_value(config).map_err(|_| ConfigError::all("this configuration cannot be kept"))
}

/// Reads a configuration. An error names the field, and never what is in it: it may be a secret in the wrong place.
fn read<C: DeserializeOwned>(config: &Value) -> Result<C, ConfigError> {
    if !config.is_object() {
        return Err(ConfigError::all("the configuration is an object of fields"));
    }
    serde_json::from_value(config.clone()).map_err(|error| {
        let said = error.to_string();
        match (quoted(&said, "unknown field `"), quoted(&said, "missing field `")) {
            (Some(field), _) => ConfigError::of(field, unknown_field(&said)),
            (None, Some(field)) => ConfigError::of(field, "this field is needed"),
            (None, None) => ConfigError { field: culprit::<C>(config, &said), problem: without_values(&said) },
        }
    })
}

fn quoted<'a>(said: &'a str, before: &str) -> Option<&'a str> {
    said.strip_prefix(before)?.split('`').next()
}

fn unknown_field(said: &str) -> String {
    let expected = said.split_once("expected ").map_or("", |(_, expected)| expected);
    format!("there is no such field: there are {}", expected.trim_start_matches("one of ").replace('`', ""))
}

/// The field without which the error would be another one.
fn culprit<C: DeserializeOwned>(config: &Value, said: &str) -> Option<String> {
    let fields = config.as_object()?;
    let is_culprit = |field: &&String| {
        let mut others = fields.clone();
        others.remove(field.as_str());
        serde_json::from_value::<C>(Value::Object(others)).err().is_none_or(|error| error.to_string() != said)
    };
    fields.keys().find(is_culprit).cloned()
}

/// What serde says, without the value that it says it of. Our own sentences have none in them.
fn without_values(said: &str) -> String {
    let of_a_value = ["invalid type", "invalid value", "invalid length", "unknown variant"];
    match said.rsplit_once("expected ") {
        Some((_, expected)) if of_a_value.iter().any(|start| said.starts_with(start)) => {
            let expected = expected.replace('`', "").replace("a nonzero u16", "a number from 1 to 65535");
            format!("this is not what is expected: {expected}")
        }
        Some(_) | None if of_a_value.iter().any(|start| said.starts_with(start)) => "this cannot be read".to_owned(),
        Some(_) | None => said.to_owned(),
    }
}
