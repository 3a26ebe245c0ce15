//! How a webhook is set up, checked at the door.

use std::{collections::BTreeMap, sync::Arc};

use heartbeat_core::{
    ChannelName,
    channel::{definition::ConfigError, secret::Secret},
};
use reqwest::header::HeaderValue;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Value, json};

use super::{Webhook, body::Event, body::JSON, headers, signature::Key, template};
use crate::{
    http,
    kinds::{Kind, Means, Opened},
    secrets::{Secrets, check_value, given_or_none, secret},
};

/// The most headers of one's own.
const MAX_HEADERS: usize = 20;

/// How a webhook of a project is set up.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Where to.
    url: String,
    #[serde(default)]
    method: Method,
    /// Headers of one's own, each of which may be a secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "given_by_name")]
    headers: BTreeMap<String, Secret>,
    /// What requests are signed with: `whsec_` and base64.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given_or_none")]
    secret: Option<Secret>,
    /// What the body is made of; none = our own JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    /// What the template makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
}

/// By which method.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    #[default]
    Post,
    Put,
    Patch,
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
        }
    }
}

fn given_by_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Secret>, D::Error> {
    let given: BTreeMap<String, Value> = BTreeMap::deserialize(deserializer)?;
    // Names of headers are alike in upper and lower case.
    let named = given.into_iter().map(|(name, value)| match secret(value) {
        Ok(secret) => Ok((name.to_ascii_lowercase(), secret)),
        Err(problem) => Err(de::Error::custom(format!("{name}: {problem}"))),
    });
    named.collect()
}

impl Kind for Config {
    const WORD: &'static str = "webhook";

    fn checked(self, means: &Means) -> Result<Self, ConfigError> {
        let wrong = |problem: String| ConfigError::of("url", problem);
        let url = http::address(self.url.trim()).map_err(|problem| wrong(problem.to_owned()))?;
        let host = url.host_str().unwrap_or_default();
        means.http.guard().literal(host).map_err(|error| wrong(error.to_string()))?;
        self.check_headers()?;
        if let Some(secret) = &self.secret {
            check_value("secret", secret, |value| Key::parse(value).map(|_| ()))?;
        }
        self.check_template()?;
        Ok(Self { url: url.to_string(), ..self })
    }

    fn shown(&self) -> Value {
        let headers: BTreeMap<_, _> = self.headers.iter().map(|(name, secret)| (name, secret.shown())).collect();
        let mut shown = json!({"url": http::shown(&self.url), "method": self.method});
        let optional = [
            ("headers", (!headers.is_empty()).then(|| json!(headers))),
            ("secret", self.secret.as_ref().map(|secret| json!(secret.shown()))),
            ("template", self.template.as_ref().map(|template| json!(template))),
            ("content_type", self.content_type.as_ref().map(|content_type| json!(content_type))),
        ];
        for (field, value) in optional {
            if let (Some(value), Some(shown)) = (value, shown.as_object_mut()) {
                shown.insert(field.to_owned(), value);
            }
        }
        shown
    }

    fn open(self, name: ChannelName, means: &Means) -> Opened {
        let content_type = self.content_type()?;
        let header_names = self.headers.keys().map(|name| headers::name(name)).collect::<Result<_, _>>();
        let header_names = header_names.map_err(|problem| ConfigError::of("headers", problem))?;
        let secrets = self.headers.into_values().chain(self.secret).collect();
        Ok(Arc::new(Webhook {
            name,
            http: means.http.clone(),
            clock: Arc::clone(&means.clock),
            method: self.method.into(),
            url: http::address(&self.url).map_err(|problem| ConfigError::of("url", problem))?,
            header_names,
            template: self.template,
            content_type,
            secrets: Secrets::new(Arc::clone(&means.secrets), secrets),
        }))
    }
}

impl Config {
    fn check_headers(&self) -> Result<(), ConfigError> {
        if self.headers.len() > MAX_HEADERS {
            return Err(ConfigError::of("headers", format!("a webhook has at most {MAX_HEADERS} headers of its own")));
        }
        for (name, secret) in &self.headers {
            headers::name(name).map_err(|problem| ConfigError::of("headers", problem))?;
            check_value("headers", secret, |value| headers::value(name, value).map(|_| ()))?;
        }
        Ok(())
    }

    fn check_template(&self) -> Result<(), ConfigError> {
        let content_type = self.content_type()?;
        let Some(template) = &self.template else { return Ok(()) };
        for event in Event::samples() {
            template::render(template, &content_type, &event.context())
                .map_err(|problem| ConfigError::of("template", problem))?;
        }
        Ok(())
    }

    fn content_type(&self) -> Result<HeaderValue, ConfigError> {
        let Some(text) = &self.content_type else { return Ok(HeaderValue::from_static(JSON)) };
        let wrong = |problem: &str| ConfigError::of("content_type", problem);
        if self.template.is_none() {
            return Err(wrong("a content type is for a template: without one the body is JSON"));
        }
        let is_type = text.split_once('/').is_some_and(|(kind, sort)| !kind.is_empty() && !sort.is_empty());
        let value = HeaderValue::from_str(text).ok().filter(|_| is_type && text.is_ascii());
        value.ok_or_else(|| wrong("this is not a content type: write one such as application/json or text/plain"))
    }
}
