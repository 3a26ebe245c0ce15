//! The protocol of Healthchecks, so that its clients work by changing a base URL: the pinging API under `/ping/`, the
//! management API under `/api/v1/`, `/api/v2/` and `/api/v3/`. What is different is in docs/clients.md.
//!
//! A *check* is a monitor, a *flip* the beginning or the end of an incident, an *integration* a channel, *timeout* its
//! interval. Keys are ours: the ping key in a path is an API key with the scope `ping`, `X-Api-Key` one with `write`, or
//! `read` for their read-only keys.

mod caller;
pub(crate) mod check;
pub(crate) mod checks;
mod define;
pub(crate) mod history;
mod name;
mod pings;
mod project;
mod refusal;
pub(crate) mod spec;

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderValue, header},
    middleware,
    response::Response,
    routing::{MethodRouter, get, post},
};

use crate::{Shared, refuse};

/// The versions of the management API.
pub(crate) const VERSIONS: [&str; 3] = ["v1", "v2", "v3"];

/// Its routes.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    let ping = get(pings::receive).post(pings::receive).fallback(|| refuse("GET, HEAD, POST"));
    let router = Router::new().route("/ping/{*rest}", ping);
    VERSIONS.into_iter().fold(router, managed).layer(middleware::map_response(open_to_browsers))
}

fn managed(router: Router<Arc<Shared>>, version: &str) -> Router<Arc<Shared>> {
    let read = |handler: MethodRouter<Arc<Shared>>| handler.options(preflight).fallback(|| refuse("GET, HEAD"));
    let write = |handler: MethodRouter<Arc<Shared>>| handler.options(preflight).fallback(|| refuse("POST"));
    let all = get(checks::list).post(checks::create).options(preflight).fallback(|| refuse("GET, HEAD, POST"));
    let one = get(checks::show).post(checks::update).delete(checks::delete).options(preflight);
    let places = [
        ("checks/", all),
        ("checks/{id}/pings/", read(get(history::pings))),
        ("checks/{id}/flips/", read(get(history::flips))),
        ("channels/", read(get(project::channels))),
        ("badges/", read(get(project::badges))),
        ("status/", read(get(project::status))),
    ];
    // Django sends who forgets the slash to the place that has it; some clients forget it always. `/api/v1/channels` and
    // `/api/v1/badges` are ours.
    let forgiving = places.into_iter().fold(router, |router, (place, handler)| {
        let bare = place.trim_end_matches('/');
        let is_ours = version == "v1" && matches!(bare, "badges" | "channels");
        let router = if is_ours { router } else { router.route(&format!("/api/{version}/{bare}"), handler.clone()) };
        router.route(&format!("/api/{version}/{place}"), handler)
    });
    forgiving
        .route(&format!("/api/{version}/checks/{{id}}"), one.fallback(|| refuse("GET, HEAD, POST, DELETE")))
        .route(&format!("/api/{version}/checks/{{id}}/pause"), write(post(checks::pause)))
        .route(&format!("/api/{version}/checks/{{id}}/resume"), write(post(checks::resume)))
        .route(&format!("/api/{version}/checks/{{id}}/pings/{{n}}/body"), read(get(history::body)))
}

/// What a browser asks before it sends a request with a key in a header.
async fn preflight() -> Response {
    let mut answer = Response::default();
    *answer.status_mut() = axum::http::StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("X-Api-Key"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    answer
}

/// Pages of any origin may read the answers: nothing here goes by cookies.
async fn open_to_browsers(mut response: Response) -> Response {
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
