//! What every request goes through: its id, one line in the log, the headers that every answer has, the body of every
//! error, and an answer even where a handler panics.
//!
//! One layer instead of a stack of them: a ping pays for one box. Nothing that a client wrote goes into the log except
//! its slug, its method and its request id, so that a key that strayed into a path or a query is not kept there.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use heartbeat_core::{PingUuid, Slug, Timestamp};
use tracing::Level;

use crate::{
    Shared, allowance,
    error::ApiError,
    request_id::{self, RequestId},
};

/// Runs the request and accounts for it.
pub(crate) async fn account(State(api): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers(), api.flow.random.as_ref());
    let line = Line::begin(&request, api.flow.clock.now());
    let (answered, allowance) = allowance::noting(AssertUnwindSafe(next.run(request)).catch_unwind()).await;
    let mut response = answered.unwrap_or_else(|panic| ApiError::Internal(said(&*panic)).into_response());
    let mut error = response.extensions_mut().remove::<ApiError>();
    match &error {
        Some(error) => *response.body_mut() = Body::from(error.body(id.as_str())),
        None => error = response.extensions_mut().remove::<InOtherWords>().map(|said| said.0),
    }
    let now = api.flow.clock.now();
    api.meters.answered(line.route(), &line.method, response.status(), error.as_ref(), now.since(line.began_at));
    line.end(&response, error.as_ref(), id.as_str(), now);
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(request_id::HEADER, id.into_value());
    if let Some(allowance) = allowance {
        allowance.write(headers);
    }
    response
}

/// A refusal that was answered in the words of another protocol: it is logged, and its body stays.
#[derive(Clone)]
pub(crate) struct InOtherWords(ApiError);

/// `error` as an answer with this status and this body; what else its head says stays.
pub(crate) fn in_other_words(error: ApiError, status: StatusCode, kind: &'static str, body: Body) -> Response {
    let mut response = error.clone().into_response();
    response.extensions_mut().remove::<ApiError>();
    response.extensions_mut().insert(InOtherWords(error));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    *response.status_mut() = status;
    *response.body_mut() = body;
    response
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a handler panicked: {}", text.unwrap_or("without a word"))
}

/// A request's line in the log.
struct Line {
    method: Method,
    uri: Uri,
    route: Option<MatchedPath>,
    began_at: Timestamp,
}

macro_rules! write_line {
    ($level:ident, $line:ident, $response:ident, $error:ident, $id:ident, $now:ident) => {
        tracing::event!(
            Level::$level,
            method = $line.method.as_str(),
            route = $line.route(),
            monitor = $line.monitor().as_ref().map(Slug::as_str),
            status = $response.status().as_u16(),
            code = $error.map(ApiError::code),
            detail = $error.and_then(ApiError::detail),
            request_id = $id,
            took_us = u64::try_from($now.since($line.began_at).as_micros()).unwrap_or(u64::MAX),
            "request"
        )
    };
}

impl Line {
    fn begin(request: &Request, now: Timestamp) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
            began_at: now,
        }
    }

    fn end(&self, response: &Response, error: Option<&ApiError>, id: &str, now: Timestamp) {
        match self.level(response.status(), error) {
            Level::ERROR => write_line!(ERROR, self, response, error, id, now),
            Level::INFO => write_line!(INFO, self, response, error, id, now),
            _ => write_line!(DEBUG, self, response, error, id, now),
        }
    }

    /// What an operator must see, may want to see, or must be spared: pings that went well, and what a stranger can
    /// repeat at will.
    fn level(&self, status: StatusCode, error: Option<&ApiError>) -> Level {
        let ordinary =
            ["/heartbeat", "/ping", "/api/push", "/badge"].iter().any(|before| self.route().starts_with(before))
                || matches!(self.route(), "/healthz" | "/readyz" | "/api/v1/heartbeats");
        let strange = error.is_some_and(|error| {
            use ApiError as E;
            matches!(error, E::MissingKey | E::MalformedKey | E::UnknownKey | E::UnknownPath | E::MethodNotAllowed(_))
                || status == StatusCode::TOO_MANY_REQUESTS
        });
        match error {
            Some(ApiError::NotReady(_)) => Level::DEBUG,
            Some(_) if status.is_server_error() => Level::ERROR,
            Some(_) if !strange => Level::INFO,
            None if !ordinary => Level::INFO,
            Some(_) | None => Level::DEBUG,
        }
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or("none", MatchedPath::as_str)
    }

    fn monitor(&self) -> Option<Slug> {
        let of_monitors = ["/heartbeat/", "/monitors/", "/api/v1/monitors/"];
        let before = of_monitors.into_iter().find(|before| self.route().starts_with(before))?;
        let after = self.uri.path().strip_prefix(before)?;
        // The UUID of a ping URL is a slug, too, and a secret.
        let segment = after.split('/').next().filter(|segment| PingUuid::parse(segment).is_none())?;
        Slug::parse(segment).ok()
    }
}
