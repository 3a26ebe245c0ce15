//! Reaching `DynamoDB`: regions, credentials, endpoints, time-outs and retries.

use std::{sync::Arc, time::Duration};

use aws_config::{
    BehaviorVersion, retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_dynamodb::Client;
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use thiserror::Error;

use super::{
    request::Doubts,
    retry::Conflicts,
    shared::Shared,
    skew::{Skew, Watch},
    tables::TableNames,
    wire::{Network, Patience, through},
};
use crate::{clock::Clock, clock::SystemClock};

/// A walk in four parts at the same time takes the auditor through 100,000 monitors in seconds.
const SEGMENTS: u16 = 4;
const LONGEST_BACK_OFF: Duration = Duration::from_millis(500);
/// How long history is kept. (The environment's `HEARTBEAT_RETENTION`.)
const RETENTION: Duration = Duration::from_hours(24 * 30);

/// How the store is reached. Region, credentials and endpoint come from the usual places of AWS: `AWS_REGION`,
/// `AWS_ACCESS_KEY_ID`, `AWS_PROFILE`, `AWS_ENDPOINT_URL_DYNAMODB`, roles of the machine.
#[derive(Clone)]
pub struct Options {
    /// What the tables are called.
    pub tables: TableNames,
    /// What is agreed on where nothing has been yet.
    pub shared: Shared,
    /// How long history is kept.
    pub retention: Duration,
    /// Where to, instead of where the environment says: for tests.
    pub endpoint: Option<Endpoint>,
    /// In how many parts everything is walked at the same time, at least 1.
    pub segments: u16,
    /// How long requests may take, and how often they are tried.
    pub patience: Patience,
    /// What lies between us and `DynamoDB`, for those who measure or disturb it.
    pub network: Option<Arc<dyn Network>>,
    /// The connections that other clients of this process use as well, where there are any.
    pub wire: Option<Wire>,
    /// Knows the time.
    pub clock: Arc<dyn Clock>,
}

/// A place that speaks the protocol and asks for no particular credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Such as `http://127.0.0.1:8000`.
    pub url: String,
    /// The access key; engines for tests keep accounts apart by it.
    pub access_key: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            tables: TableNames::default(),
            shared: Shared::default(),
            retention: RETENTION,
            endpoint: None,
            segments: SEGMENTS,
            patience: Patience::default(),
            network: None,
            wire: None,
            clock: Arc::new(SystemClock),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("tables", &self.tables).finish_non_exhaustive()
    }
}

/// Why the store cannot be used: somebody must mend it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConnectError {
    /// Nobody has said where.
    #[error("AWS_REGION is not set: set it to the region of the tables, such as eu-north-1")]
    NoRegion,
    /// A table is missing, is not as it must be, or may not be used. One line each, with the fix.
    #[error("{}", .0.join("\n"))]
    Tables(Vec<String>),
    /// The store cannot be reached or does not answer; it may be well again later.
    #[error("{0}")]
    Unreachable(String),
}

/// The connections of a process to AWS, and the certificates that they trust: clients that share them load these once.
#[derive(Clone, Debug)]
pub struct Wire(pub(super) SharedHttpClient);

impl Default for Wire {
    /// New ones.
    fn default() -> Self {
        Self(tls_wire())
    }
}

/// The wire that is used where there is no other: TLS by rustls on ring.
pub(super) fn tls_wire() -> SharedHttpClient {
    Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https()
}

/// A client, and what it learns of the store's clock.
pub(super) async fn client(options: &Options) -> Result<(Client, Arc<Skew>), ConnectError> {
    let skew = Arc::new(Skew::default());
    let retries = RetryConfig::standard()
        .with_max_attempts(options.patience.attempts.max(1))
        .with_initial_backoff(options.patience.back_off)
        .with_max_backoff(LONGEST_BACK_OFF);
    let time_outs = TimeoutConfig::builder()
        .operation_attempt_timeout(options.patience.attempt)
        .operation_timeout(options.patience.operation)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(match (&options.network, &options.wire) {
            (Some(network), _) => through(Arc::clone(network)),
            (None, Some(Wire(wire))) => wire.clone(),
            (None, None) => tls_wire(),
        })
        .retry_config(retries)
        .timeout_config(time_outs)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(endpoint) = &options.endpoint {
        let credentials =
            aws_sdk_dynamodb::config::Credentials::new(&endpoint.access_key, "not-a-secret", None, None, "endpoint");
        loader = loader.endpoint_url(&endpoint.url).region("eu-north-1").credentials_provider(credentials);
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(ConnectError::NoRegion);
    }
    let watch = Watch { skew: Arc::clone(&skew), clock: Arc::clone(&options.clock) };
    let config = aws_sdk_dynamodb::config::Builder::from(&config);
    let config = config.interceptor(watch).interceptor(Doubts).retry_classifier(Conflicts).build();
    Ok((Client::from_conf(config), skew))
}
