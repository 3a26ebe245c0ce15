//! The API on Lambda, behind a function URL: the same Router as in a container.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use heartbeat_api::{Api, Body, ConnectInfo, Router};
use heartbeat_core::{
    Clock, Timestamp,
    clock::SystemClock,
    dynamo::{ConnectError, DynamoStore},
};
use lambda_http::{Error, Request, RequestExt, Response, request::RequestContext, service_fn, tower::ServiceExt};
use tokio::sync::Mutex;

use super::Failure;
use crate::{config::Config, logging, serve, serve::Reason, tables};

/// Between two attempts to open the store: requests come as they like.
const AGAIN: Duration = Duration::from_secs(2);

/// Answers requests until Lambda ends the process.
pub(super) async fn serve(config: Config) -> Result<(), Error> {
    logging::start(&config);
    let host = Host::new(config);
    // Before the first request, while nobody waits.
    let _ = host.router().await;
    let host = &host;
    lambda_http::run(service_fn(async move |request: Request| host.answer(request).await)).await
}

/// What lives as long as the process.
struct Host {
    config: Config,
    state: Mutex<State>,
}

/// Where the API stands.
enum State {
    Open(Router),
    /// It refuses what needs a store, says why in `/readyz`, and tries again from `again_at` on.
    NotYet {
        router: Router,
        reason: Reason,
        again_at: Timestamp,
    },
}

impl Host {
    fn new(config: Config) -> Self {
        let reason = Reason::new("the store has not been opened yet".to_owned());
        let router = heartbeat_api::router(serve::api_without_store(&config, reason.clone()));
        Self { config, state: Mutex::new(State::NotYet { router, reason, again_at: Timestamp::EPOCH }) }
    }

    /// The API as it stands, after another attempt to open the store where it is time for one.
    async fn router(&self) -> Router {
        let mut state = self.state.lock().await;
        let State::NotYet { reason, again_at, .. } = &mut *state else { return state.router() };
        if *again_at <= SystemClock.now() {
            match DynamoStore::open(tables::options(&self.config)).await {
                Ok(store) => *state = State::Open(heartbeat_api::router(self.api(store))),
                Err(error) => {
                    *again_at = SystemClock.now().plus(AGAIN);
                    refuse(reason, &error);
                }
            }
        }
        state.router()
    }

    fn api(&self, store: DynamoStore) -> Api {
        serve::api_over_tables(&self.config, Arc::new(store)).one_at_a_time()
    }

    async fn answer(&self, request: Request) -> Result<Response<Body>, Infallible> {
        let address = source_address(&request);
        let mut request = request.map(Body::new);
        if let Some(address) = address {
            // A function URL does not tell the port.
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new(address, 0)));
        }
        self.router().await.oneshot(request).await
    }
}

impl State {
    fn router(&self) -> Router {
        match self {
            Self::Open(router) | Self::NotYet { router, .. } => router.clone(),
        }
    }
}

fn refuse(reason: &Reason, error: &ConnectError) {
    let text = tables::reasons(error).join("; ");
    reason.is_now(text);
    Failure::from(error).log();
}

/// Who called, as AWS saw it.
fn source_address(request: &Request) -> Option<IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_ref()?.parse().ok(),
        _ => None,
    }
}
