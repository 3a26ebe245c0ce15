//! Whether the process lives, and whether it can do its work.

use std::{fmt, sync::Arc};

use axum::{extract::State, http::StatusCode, response::Response};
use heartbeat_core::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Shared, error::ApiError, json};

type Test = dyn Fn() -> Result<(), String> + Send + Sync;

/// Something that must hold for us to be ready. It must not block: it looks at what others keep up to date.
#[derive(Clone)]
pub struct Check {
    name: &'static str,
    test: Arc<Test>,
}

impl Check {
    /// A check by `name`. `GET /readyz` shows it with the error's text: no secret may be in that.
    pub fn new(name: &'static str, test: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self { name, test: Arc::new(test) }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.name).finish()
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct Health {
    status: &'static str,
}

/// `GET /healthz`: the process answers.
pub(crate) async fn alive() -> Result<Response, ApiError> {
    json(StatusCode::OK, &Health { status: "ok" })
}

/// `GET /readyz`: the store and everything else that is needed works just now. What does not is named with its reason: it
/// is read by the one who has to mend it.
pub(crate) async fn ready(State(api): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let store = match api.in_time(api.flow.store.ready()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(StoreError::Unavailable(reason) | StoreError::Unknown(reason))) => Err(reason),
        Ok(Err(StoreError::Corrupt(corrupt))) => Err(corrupt.to_string()),
        Err(_) => Err(format!("it has not answered within {} s", api.config.give_up.as_secs_f64())),
    };
    let others = api.checks.iter().map(|check| (check.name, (check.test)()));
    let mut failing = Vec::new();
    for (name, result) in std::iter::once(("store", store)).chain(others) {
        if let Err(reason) = result {
            tracing::warn!(check = name, %reason, "not ready");
            failing.push(format!("{name}: {reason}"));
        }
    }
    if failing.is_empty() {
        json(StatusCode::OK, &Health { status: "ready" })
    } else {
        Err(ApiError::NotReady(failing))
    }
}
