//! Who calls the management API, and which check they mean.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderMap, Uri, request::Parts},
};
use heartbeat_core::{
    Monitor, PingUuid, Slug,
    key::{ApiKey, KeyRecord, Scope},
    store::Found,
};
use serde_json::{Map, Value};

use super::check::unique_key;
use crate::{Shared, address::Client, auth::check_monitor, body::read_whole, error::ApiError, percent};

/// Where the UUID or the unique key stands in `/api/v3/checks/{id}`.
const ID: usize = 4;
/// How many monitors are read at once, where all are looked through.
const PAGE: usize = 500;

/// Who calls, and what they have sent.
pub(super) struct Caller {
    pub(super) key: Arc<KeyRecord>,
    pub(super) body: Map<String, Value>,
}

/// The key of a management call: in a header, or in the body.
fn key_in(headers: &HeaderMap, body: &Map<String, Value>) -> Result<ApiKey, ApiError> {
    let in_header = headers.get("x-api-key").map(|value| value.to_str().unwrap_or_default());
    let shown = in_header.or_else(|| body.get("api_key").and_then(Value::as_str)).unwrap_or_default();
    if shown.is_empty() {
        return Err(ApiError::MissingKey);
    }
    ApiKey::parse(shown).map_err(|_| ApiError::MalformedKey)
}

fn parse_body(body: Option<&[u8]>) -> Result<Map<String, Value>, ApiError> {
    let Some(body) = body else { return Ok(Map::new()) };
    match serde_json::from_slice(body) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err(ApiError::BadJson("json validation error: value is not an object".to_owned())),
        Err(_) => Err(ApiError::BadJson("could not parse request body".to_owned())),
    }
}

impl Shared {
    /// Lets in who has a key with `scope`, and reads what they have sent.
    pub(super) async fn caller(&self, head: &Parts, body: Body, scope: Scope) -> Result<Caller, ApiError> {
        let client = Client::of(&head.headers, &head.extensions, self.config.trusted_proxies);
        let body = parse_body(read_whole(&head.headers, body, self.config.json_body).await?.as_deref())?;
        let key = self.gate.admit_managing_key(&key_in(&head.headers, &body)?, client, scope).await?;
        Ok(Caller { key, body })
    }

    /// The check that a path names: by the UUID of its ping URL, or by its unique key.
    pub(super) async fn check(&self, uri: &Uri, key: &KeyRecord) -> Result<Monitor, ApiError> {
        let text = percent::segment(uri, ID)?;
        let Some(uuid) = PingUuid::parse(&text) else {
            let all = self.all_of(key).await?;
            return all.into_iter().find(|there| unique_key(there) == *text).ok_or(ApiError::UnknownPingUrl);
        };
        let record = self.in_time(self.flow.store.find_key(uuid.hash())).await??;
        let record = record.filter(|record| record.is_live_at(self.flow.clock.now()) && record.project == key.project);
        let slug = record.and_then(|record| record.monitor).ok_or(ApiError::UnknownPingUrl)?;
        check_monitor(key, &slug)?;
        self.there(&Self::id(key, slug)).await
    }

    /// All monitors that a key opens.
    pub(crate) async fn all_of(&self, key: &KeyRecord) -> Result<Vec<Monitor>, ApiError> {
        if let Some(only) = &key.monitor {
            let found =
                self.in_time(self.flow.store.find(&Self::id(key, only.clone()), self.flow.clock.now())).await??;
            return Ok(match found {
                Found::Monitor(stored) => vec![stored.monitor],
                Found::Deleted | Found::Nothing => Vec::new(),
            });
        }
        let (mut all, mut after) = (Vec::new(), None::<Slug>);
        loop {
            let now = self.flow.clock.now();
            let page = self.in_time(self.flow.store.list(&key.project, after.as_ref(), PAGE, now)).await??;
            all.extend(page.items.into_iter().filter_map(Result::ok).map(|stored| stored.monitor));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }
}
