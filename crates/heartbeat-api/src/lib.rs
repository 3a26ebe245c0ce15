//! The HTTP face of Heartbeat: pings and management, as one Axum [`Router`] that a container, a Lambda or the
//! all-in-one binary serves.
//!
//! What holds everywhere: a ping is answered 200 or 201 only after its durable write, is never refused for a cosmetic
//! reason, and every refusal carries a stable code and a sentence that says what to do ([`ApiError`]).

mod access;
mod address;
mod allowance;
mod answer;
mod auth;
mod badges;
mod body;
mod bucket;
mod bulk;
mod channels;
mod config;
mod deliveries;
mod document;
mod error;
mod flight;
mod gather;
mod health;
mod healthchecks;
mod history;
mod key_cache;
pub mod ledger;
mod metrics;
mod monitors;
mod openapi;
mod pause;
mod percent;
mod ping;
mod push;
mod query;
mod request_id;
mod serve;
mod view;
mod wire;

use std::{
    future::{Ready, ready},
    sync::{Arc, OnceLock},
};

pub use axum::{Router, body::Body, extract::ConnectInfo};
use axum::{
    http::StatusCode,
    middleware,
    routing::{delete, get, post},
};
use heartbeat_core::{channel::definition::Kinds, flow::Flow, monitor::MonitorId};

pub use channels::{Edit, Trial, Wanted, removed, try_out};
pub use config::{ApiConfig, BodyLimits, Gathering, KeyLimits, Rate};
pub use error::ApiError;
pub use health::Check;
pub use metrics::ProcessMetrics;
use monitors::{chosen, define};
pub use openapi::document;
pub use serve::{Ending, Limits, serve};

/// What the API is made of.
pub struct Api {
    flow: Flow,
    config: ApiConfig,
    checks: Vec<Check>,
    kinds: Option<Arc<dyn Kinds>>,
    base_url: Option<String>,
    print: Option<metrics::Print>,
}

impl Api {
    /// An API over `flow`.
    pub fn new(flow: Flow, config: ApiConfig) -> Self {
        Self { flow, config, checks: Vec::new(), kinds: None, base_url: None, print: None }
    }

    /// Adds something that must hold for `GET /readyz` to answer 200, besides the store.
    #[must_use]
    pub fn with_check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Says under which address the API is reached from outside, without a slash at the end: ping URLs begin with it. Without
    /// it they begin with what the request was sent to.
    #[must_use]
    pub fn with_base_url(self, base_url: Option<String>) -> Self {
        Self { base_url, ..self }
    }

    /// Says that the process has one request at a time: pings that come fast wait for no others then, for none can come.
    #[must_use]
    pub fn one_at_a_time(self) -> Self {
        Self { config: ApiConfig { gathering: None, ..self.config }, ..self }
    }

    /// Adds the kinds of channel that there are: without them, everything about channels is refused
    /// ([`ApiError::NoKinds`]).
    #[must_use]
    pub fn with_kinds(self, kinds: Arc<dyn Kinds>) -> Self {
        Self { kinds: Some(kinds), ..self }
    }

    /// Adds what prints the figures of this process for `GET /metrics`, in the text format of Prometheus. They are counted by
    /// the recorder that is installed when [`router`] is called.
    #[must_use]
    pub fn with_figures(self, print: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self { print: Some(metrics::Print::new(print)), ..self }
    }
}

/// What every handler shares.
struct Shared {
    flow: Flow,
    config: ApiConfig,
    checks: Vec<Check>,
    kinds: Option<Arc<dyn Kinds>>,
    base_url: Option<String>,
    gate: auth::Gate,
    gatherer: Option<gather::Gatherer>,
    badge_secrets: badges::Secrets,
    badge_standings: badges::Standings,
    meters: metrics::meters::Meters,
    print: Option<metrics::Print>,
    document: OnceLock<String>,
}

/// All routes. The peer's address is taken from `ConnectInfo<SocketAddr>` in the request's extensions, where there is one.
pub fn router(api: Api) -> Router {
    let Api { flow, config, checks, kinds, base_url, print } = api;
    let (gate, meters) = (auth::Gate::new(&flow, &config), metrics::meters::Meters::new());
    let gatherer = config.gathering.map(|setting| gather::Gatherer::new(setting, config.give_up));
    let (badge_secrets, badge_standings) = (badges::Secrets::new(), badges::Standings::new());
    let shared = Arc::new(Shared {
        flow,
        config,
        checks,
        kinds,
        base_url,
        gate,
        gatherer,
        badge_secrets,
        badge_standings,
        meters,
        print,
        document: OnceLock::new(),
    });
    let ping = || get(ping::receive).post(ping::receive).fallback(|| refuse("GET, HEAD, POST"));
    Router::new()
        .route("/heartbeat/", ping())
        .route("/heartbeat/{*rest}", ping())
        .route("/monitors", get(monitors::list).fallback(|| refuse("GET, HEAD")))
        .route("/monitors/{slug}", delete(monitors::delete).fallback(|| refuse("DELETE")))
        .route("/monitors/{slug}/pause", post(monitors::pause).fallback(|| refuse("POST")))
        .route("/monitors/{slug}/unpause", post(monitors::unpause).fallback(|| refuse("POST")))
        .merge(managed())
        .merge(defined())
        .route("/metrics", get(metrics::show).fallback(|| refuse("GET, HEAD")))
        .merge(history::routes())
        .merge(badges::routes())
        .merge(bulk::routes())
        .merge(document::routes())
        .merge(healthchecks::routes())
        .merge(push::routes())
        .merge(openapi::routes())
        .route("/healthz", get(health::alive).fallback(|| refuse("GET, HEAD")))
        .route("/readyz", get(health::ready).fallback(|| refuse("GET, HEAD")))
        .fallback(async || ApiError::UnknownPath)
        .layer(middleware::from_fn_with_state(shared.clone(), access::account))
        .with_state(shared)
}

/// Monitors as people define them.
fn defined() -> Router<Arc<Shared>> {
    let one = get(define::show).put(define::replace).patch(define::change).delete(define::delete);
    let all = get(monitors::list_defined).post(define::create);
    Router::new()
        .route("/api/v1/monitors", all.fallback(|| refuse("GET, HEAD, POST")))
        .route("/api/v1/monitors/{slug}", one.fallback(|| refuse("GET, HEAD, PUT, PATCH, DELETE")))
        .route("/api/v1/monitors/{slug}/pause", post(define::pause).fallback(|| refuse("POST")))
        .route("/api/v1/monitors/{slug}/resume", post(define::resume).fallback(|| refuse("POST")))
        .route("/api/v1/monitors/{slug}/schedule", get(define::schedule).fallback(|| refuse("GET, HEAD")))
        .route("/api/v1/monitors/{slug}/ping-url", post(define::ping_url).fallback(|| refuse("POST")))
}

/// Channels, and what was tried to tell them.
fn managed() -> Router<Arc<Shared>> {
    let one = get(channels::show).patch(channels::change).delete(channels::remove);
    Router::new()
        .route("/api/v1/channels", get(channels::list).post(channels::add).fallback(|| refuse("GET, HEAD, POST")))
        .route("/api/v1/channels/{name}", one.fallback(|| refuse("GET, HEAD, PATCH, DELETE")))
        .route("/api/v1/channels/{name}/test", post(channels::test).fallback(|| refuse("POST")))
        .route("/api/v1/channels/{name}/enable", post(channels::enable).fallback(|| refuse("POST")))
        .route("/api/v1/channels/{name}/disable", post(channels::disable).fallback(|| refuse("POST")))
        .route(
            "/api/v1/monitors/{slug}/channels",
            get(chosen::show).put(chosen::choose).fallback(|| refuse("GET, HEAD, PUT")),
        )
        .route("/api/v1/deliveries", get(deliveries::list).fallback(|| refuse("GET, HEAD")))
        .route("/api/v1/deliveries/{id}/retry", post(deliveries::retry).fallback(|| refuse("POST")))
}

fn refuse(allowed: &'static str) -> Ready<ApiError> {
    ready(ApiError::MethodNotAllowed(allowed))
}

/// A JSON answer.
fn json(status: StatusCode, value: &impl serde::Serialize) -> Result<axum::response::Response, ApiError> {
    use axum::{http::header, response::IntoResponse};
    let body = serde_json::to_vec(value).map_err(|e| ApiError::Internal(e.to_string()))?;
    Ok((status, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

impl Shared {
    /// Waits for the store no longer than we promise to.
    async fn in_time<T>(&self, answer: impl Future<Output = T>) -> Result<T, ApiError> {
        tokio::time::timeout(self.config.give_up, answer).await.map_err(|_| ApiError::StoreTimeout)
    }

    fn id(key: &heartbeat_core::key::KeyRecord, slug: heartbeat_core::Slug) -> MonitorId {
        MonitorId::new(key.project.clone(), slug)
    }
}
