//! Who may come in: a Bearer key with the scope that is needed.
//!
//! The order is what makes a flood of random keys cost next to nothing: format and checksum, then what is remembered,
//! then the address's bucket of failures, then a bounded number of look-ups. Keys that are known pass all of it without
//! a limit: a good ping is never limited for its neighbours.

use std::{net::IpAddr, sync::Arc};

use axum::http::{HeaderMap, header};
use heartbeat_core::{
    Clock, MonitorId, PingUuid, Timestamp,
    flow::Flow,
    key::{ApiKey, KeyHash, KeyRecord, Scope},
    slug::Slug,
};

use crate::{
    address::Client,
    allowance::Limited,
    bucket::Buckets,
    config::ApiConfig,
    error::ApiError,
    key_cache::{KeyCache, LookUpError, Memory},
};

/// The gate that every request with a key passes.
pub(crate) struct Gate {
    clock: Arc<dyn Clock>,
    keys: KeyCache,
    failures: Buckets<IpAddr>,
    /// Apart from those of keys: a picture that is gone must not keep a job out.
    badge_failures: Buckets<IpAddr>,
    calls: Buckets<(KeyHash, IpAddr)>,
}

impl Gate {
    /// A gate that knows nobody yet.
    pub(crate) fn new(flow: &Flow, config: &ApiConfig) -> Self {
        Self {
            clock: flow.clock.clone(),
            keys: KeyCache::new(flow.store.clone(), flow.clock.clone(), config.keys),
            failures: Buckets::new(Limited::Failures, config.keys.failures),
            badge_failures: Buckets::new(Limited::Failures, config.keys.failures),
            calls: Buckets::new(Limited::Calls, config.calls),
        }
    }

    /// Lets in who has a live key with `scope`.
    pub(crate) async fn admit(
        &self,
        headers: &HeaderMap,
        client: Client,
        scope: Scope,
    ) -> Result<Arc<KeyRecord>, ApiError> {
        self.admit_key(&bearer(headers)?, client, scope).await
    }

    /// Lets in who has this key, if it is a live one with `scope`.
    pub(crate) async fn admit_key(
        &self,
        key: &ApiKey,
        client: Client,
        scope: Scope,
    ) -> Result<Arc<KeyRecord>, ApiError> {
        let record = self.admit_hash(key.hash(), client).await?;
        if record.allows(scope) { Ok(record) } else { Err(ApiError::WrongScope(scope)) }
    }

    /// Lets in who has what has this hash: a live key, or the UUID of a ping URL. What it may do is for the caller to look at.
    pub(crate) async fn admit_hash(&self, hash: KeyHash, client: Client) -> Result<Arc<KeyRecord>, ApiError> {
        let record = self.find(hash, client.network()).await?;
        check_live(&record, self.clock.now())?;
        Ok(record)
    }

    /// Lets in a ping that comes to a ping URL: its UUID says which monitor it is for.
    pub(crate) async fn admit_uuid(
        &self,
        uuid: PingUuid,
        client: Client,
    ) -> Result<(MonitorId, Arc<KeyRecord>), ApiError> {
        let record = self.admit_hash(uuid.hash(), client).await.map_err(|error| {
            let is_nobodys = matches!(error, ApiError::UnknownKey | ApiError::RevokedKey | ApiError::ExpiredKey);
            if is_nobodys { ApiError::UnknownPingUrl } else { error }
        })?;
        match &record.monitor {
            Some(slug) if record.scopes.contains(&Scope::PingUrl) => {
                Ok((MonitorId::new(record.project.clone(), slug.clone()), record))
            }
            Some(_) | None => Err(ApiError::UnknownPingUrl),
        }
    }

    /// As [`Gate::admit`], for management: also limited per key and address.
    pub(crate) async fn admit_manager(
        &self,
        headers: &HeaderMap,
        client: Client,
        scope: Scope,
    ) -> Result<Arc<KeyRecord>, ApiError> {
        self.admit_managing_key(&bearer(headers)?, client, scope).await
    }

    /// The same, for who shows the key in another place.
    pub(crate) async fn admit_managing_key(
        &self,
        key: &ApiKey,
        client: Client,
        scope: Scope,
    ) -> Result<Arc<KeyRecord>, ApiError> {
        let record = self.admit_key(key, client, scope).await?;
        let (name, now) = ((record.hash, client.network()), self.clock.now());
        let taken = self.calls.take(name, now);
        self.calls.allowance(name, now).note();
        taken.map_err(ApiError::TooManyCalls).map(|()| record)
    }

    async fn find(&self, hash: KeyHash, network: IpAddr) -> Result<Arc<KeyRecord>, ApiError> {
        match self.keys.recall(hash).await {
            Memory::Fresh(record) => Ok(record),
            Memory::Unknown => Err(ApiError::UnknownKey),
            Memory::Nothing => self.find_stranger(hash, network).await,
            Memory::Stale(known) => match self.keys.look_up(hash).await {
                Ok(Some(record)) => Ok(record),
                Ok(None) => Err(ApiError::UnknownKey),
                Err(error) => self.keys.keep(hash, known).await.ok_or_else(|| refusal(error)),
            },
        }
    }

    /// Refuses whoever asked too often for badges that are none.
    pub(crate) fn check_badges(&self, client: Client) -> Result<(), ApiError> {
        self.check_failures(&self.badge_failures, client.network())
    }

    /// Counts an address of a badge that was none.
    pub(crate) fn charge_badges(&self, client: Client) {
        self.badge_failures.charge(client.network(), self.clock.now());
    }

    /// Refuses whoever asked too often for what is not there.
    fn check_failures(&self, failures: &Buckets<IpAddr>, network: IpAddr) -> Result<(), ApiError> {
        let now = self.clock.now();
        failures.check(network, now).map_err(|wait| {
            failures.allowance(network, now).note();
            ApiError::TooManyFailures(wait)
        })
    }

    async fn find_stranger(&self, hash: KeyHash, network: IpAddr) -> Result<Arc<KeyRecord>, ApiError> {
        self.check_failures(&self.failures, network)?;
        match self.keys.look_up(hash).await {
            Ok(Some(record)) => Ok(record),
            Ok(None) => {
                self.failures.charge(network, self.clock.now());
                Err(ApiError::UnknownKey)
            }
            Err(error) => Err(refusal(error)),
        }
    }
}

/// Refuses a key that is limited to another monitor than `slug`.
pub(crate) fn check_monitor(record: &KeyRecord, slug: &Slug) -> Result<(), ApiError> {
    let its_own = record.monitor.as_ref().is_none_or(|only| only == slug);
    if its_own { Ok(()) } else { Err(ApiError::WrongMonitor) }
}

fn bearer(headers: &HeaderMap) -> Result<ApiKey, ApiError> {
    let value = headers.get(header::AUTHORIZATION).ok_or(ApiError::MissingKey)?;
    let text = value.to_str().map_err(|_| ApiError::MalformedKey)?;
    let (scheme, key) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(ApiError::MissingKey);
    }
    ApiKey::parse(key.trim()).map_err(|_| ApiError::MalformedKey)
}

fn check_live(record: &KeyRecord, now: Timestamp) -> Result<(), ApiError> {
    if record.is_live_at(now) {
        return Ok(());
    }
    let revoked = record.revoked_at.is_some_and(|at| at <= now);
    Err(if revoked { ApiError::RevokedKey } else { ApiError::ExpiredKey })
}

fn refusal(error: LookUpError) -> ApiError {
    match error {
        LookUpError::Busy => ApiError::Busy,
        LookUpError::TimedOut => ApiError::StoreTimeout,
        LookUpError::Failed(detail) => ApiError::StoreUnavailable(detail),
    }
}
