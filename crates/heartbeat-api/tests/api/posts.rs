//! Kinds of channel that reach nobody: a `post` has a `url`, which says what becomes of a message, a `secret`, `headers` that
//! are secrets, and a `note` that may be long.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use heartbeat_core::{
    Channel, ChannelName, Telling,
    channel::{
        definition::{ConfigError, Kinds},
        secret::Secret,
    },
    delivery::{Outcome, Reason},
};
use serde_json::{Map, Value};

/// The kinds.
pub(crate) struct Posts;

impl Kinds for Posts {
    fn words(&self) -> Vec<&'static str> {
        vec!["post"]
    }

    fn check(&self, _: &str, config: Value) -> Result<Value, ConfigError> {
        let given = config.as_object().unwrap();
        let mut kept = Map::new();
        for (name, value) in given {
            let value = match name.as_str() {
                "url" if value.as_str().is_some_and(|url| url.starts_with("https://")) => value.clone(),
                "url" => return Err(ConfigError::of("url", "write it as https://…")),
                "note" => value.clone(),
                "secret" => secret(name, value)?,
                "headers" => {
                    let headers = value.as_object().unwrap().iter();
                    let headers = headers.map(|(name, value)| Ok((name.clone(), secret(name, value)?)));
                    Value::Object(headers.collect::<Result<_, ConfigError>>()?)
                }
                _ => return Err(ConfigError::of(name, "a post has no such field")),
            };
            kept.insert(name.clone(), value);
        }
        if kept.contains_key("url") { Ok(Value::Object(kept)) } else { Err(ConfigError::of("url", "it is missing")) }
    }

    fn shown(&self, _: &str, config: &Value) -> Value {
        let hide = |value: &Value| Value::String(serde_json::from_value::<Secret>(value.clone()).unwrap().shown());
        let fields = config.as_object().unwrap().iter().map(|(name, value)| {
            let shown = match name.as_str() {
                "secret" => hide(value),
                "headers" => {
                    value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), hide(value))).collect()
                }
                _ => value.clone(),
            };
            (name.clone(), shown)
        });
        fields.collect()
    }

    fn open(&self, name: &ChannelName, _: &str, config: &Value) -> Result<Arc<dyn Channel>, ConfigError> {
        Ok(Arc::new(Post { name: name.clone(), url: config["url"].as_str().unwrap().to_owned() }))
    }
}

/// A string, or what is kept of one.
fn secret(field: &str, value: &Value) -> Result<Value, ConfigError> {
    let secret = match value.as_str() {
        Some(text) => Secret::parse(text).map_err(|error| ConfigError::of(field, error.to_string()))?,
        None => serde_json::from_value(value.clone()).map_err(|_| ConfigError::of(field, "it is no secret"))?,
    };
    Ok(serde_json::to_value(secret).unwrap())
}

struct Post {
    name: ChannelName,
    url: String,
}

#[async_trait]
impl Channel for Post {
    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn time_out(&self) -> Duration {
        Duration::from_millis(20)
    }

    async fn send(&self, _: &[Telling]) -> Outcome {
        self.test().await
    }

    async fn test(&self) -> Outcome {
        match self.url.as_str() {
            "https://busy" => Outcome::TryAgain { after: None, reason: Reason::new("it is busy").with_status(503) },
            "https://gone" => Outcome::Refused { reason: Reason::new("it is gone").with_status(410) },
            "https://silent" => std::future::pending().await,
            _ => Outcome::Delivered,
        }
    }
}
