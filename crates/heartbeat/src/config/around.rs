//! What is around the checker: which addresses channels may reach, who watches over the checker itself, how it learns that
//! pings can be heard, and how long it gives the benefit of the doubt.

use std::{fmt, time::Duration};

use heartbeat_core::{key::ApiKey, outage::HOLD};
use heartbeat_notify::http::Network;
use reqwest::Url;

use super::Reader;
use crate::variables as name;

/// A hold that is longer than a day would hide an outage.
const MAX_HOLD_S: u64 = 86_400;

/// An address that is called. What follows its host may be a secret, so `{:?}` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address(Url);

impl Address {
    /// Parses `https://…` or `http://…`. An error repeats nothing of it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let url =
            Url::parse(text).map_err(|error| format!("it is no address such as https://example.org/ping: {error}"))?;
        match (url.scheme(), url.has_host()) {
            ("http" | "https", true) => Ok(Self(url)),
            _ => Err("it is no address such as https://example.org/ping".to_owned()),
        }
    }

    /// The address itself.
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/…", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }
}

/// A ping that goes all the way round: out, through the public address, and into the store.
#[derive(Clone, Debug)]
pub(crate) struct Canary {
    /// The public address of the API.
    pub(crate) url: Address,
    /// What opens it.
    pub(crate) key: CanaryKey,
}

/// The canary's API key. (`Debug` hides it: its type does.)
#[derive(Clone, Debug)]
pub(crate) enum CanaryKey {
    /// The key itself.
    Here(ApiKey),
    /// The name of the SSM parameter that holds it.
    Parameter(String),
}

pub(super) fn network(reader: &mut Reader<'_>) -> Network {
    let allowed = |text: &str| match text {
        "true" => Ok(Network::PrivateToo),
        "false" => Ok(Network::Public),
        other => Err(format!("it is true or false, not {other:?}")),
    };
    reader.parse(name::ALLOW_PRIVATE_ADDRESSES, allowed).unwrap_or_default()
}

/// Without a slash at its end: others are appended to it.
pub(super) fn base_url(reader: &mut Reader<'_>) -> Option<String> {
    let address = reader.parse(name::BASE_URL, Address::parse)?;
    Some(address.url().as_str().trim_end_matches('/').to_owned())
}

pub(super) fn outbound_url(reader: &mut Reader<'_>) -> Option<Address> {
    reader.parse(name::OUTBOUND_URL, Address::parse)
}

pub(super) fn outage_hold(reader: &mut Reader<'_>) -> Duration {
    Duration::from_secs(reader.seconds(name::OUTAGE_HOLD, 0..=MAX_HOLD_S, HOLD.as_secs()))
}

pub(super) fn canary(reader: &mut Reader<'_>) -> Option<Canary> {
    let url = reader.parse(name::CANARY_URL, Address::parse);
    let here = reader.parse(name::CANARY_KEY, ApiKey::parse).map(CanaryKey::Here);
    let elsewhere = reader.text(name::CANARY_KEY_PARAM).map(CanaryKey::Parameter);
    let is_set = |name| reader.text(name).is_some();
    let set = [name::CANARY_URL, name::CANARY_KEY, name::CANARY_KEY_PARAM].map(is_set);
    match set {
        [_, true, true] => {
            let text = format!("{} is set as well: leave one of them out", name::CANARY_KEY);
            reader.complain(name::CANARY_KEY_PARAM, &text);
        }
        [true, false, false] => {
            let text = format!("it is missing, or {}: {} alone does nothing", name::CANARY_KEY_PARAM, name::CANARY_URL);
            reader.complain(name::CANARY_KEY, &text);
        }
        [false, true, false] | [false, false, true] => {
            reader.complain(name::CANARY_URL, "it is missing, and a key for it alone does nothing");
        }
        [true, true, false] | [true, false, true] | [false, false, false] => {}
    }
    Some(Canary { url: url?, key: here.or(elsewhere)? })
}
