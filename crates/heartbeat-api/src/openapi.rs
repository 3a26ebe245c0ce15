//! The API, described: `GET /api/openapi.json` is an `OpenAPI` 3.1 document, and `GET /api/docs` a page to read and try it.
//!
//! The bodies are derived from the types that are read and written, so they cannot differ from them. The operations are listed
//! here, a module for each group of paths, because handlers take requests as they come: a route without a description fails
//! a test (tests/api/openapi.rs). docs/openapi.json is a copy that a test keeps true.

mod badges;
mod channels;
mod documents;
mod healthchecks;
mod history;
mod installation;
mod monitors;
mod operation;
mod page;
mod parameters;
mod pings;
mod refusals;
pub(crate) mod words;

use std::{collections::BTreeMap, sync::Arc};

use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use utoipa::openapi::{
    Components, ComponentsBuilder, Info, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder, Ref, RefOr, Schema,
    path::PathItem,
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::TagBuilder,
};

use self::operation::Operation;
use crate::{Shared, error::ApiError, refuse};

const ABOUT: &str = "\
A dead man's switch: jobs ping while they are alive, and people are told when they stop.

Every answer carries `X-Request-Id`. A refusal is `{\"error\": {\"code\", \"message\", \"request_id\"}}`; its `code` is stable \
(docs/errors.md lists them all). Instants are RFC 3339 in UTC; lengths of time are texts such as `5m`, or numbers of seconds. \
What `GET` answers, `HEAD` answers without its body. Management calls carry `RateLimit-Policy` and `RateLimit`.";

/// The groups of operations, in the order in which the page shows them.
const GROUPS: [(&str, &str); 9] = [
    (pings::GROUP, "Jobs say that they are alive."),
    (monitors::GROUP, "What is watched, and how."),
    (history::GROUP, "What has happened."),
    (channels::GROUP, "Through which people are told, and what was tried to tell them."),
    (badges::GROUP, "Pictures and words of how it is, for whoever has their address."),
    (installation::GROUP, "Whether it is well."),
    (monitors::FIRST_GROUP, "The paths of the first version; they stay."),
    (healthchecks::GROUP, "The protocol of Healthchecks: docs/clients.md says what differs."),
    (pings::PUSH_GROUP, "What clients of its push monitors send."),
];

/// The `OpenAPI` document as it is checked in and served, with a newline at its end.
pub fn document() -> String {
    // Its maps are ordered, and what it is made of is known: it can always be written.
    describe().to_pretty_json().map_or_else(|error| error.to_string(), |text| text + "\n")
}

/// Its routes.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/api/openapi.json", get(show).fallback(|| refuse("GET, HEAD"))).merge(page::routes())
}

/// `GET /api/openapi.json`.
async fn show(State(api): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let text = api.document.get_or_init(document).clone();
    let mut response = Response::new(text.into());
    *response.status_mut() = StatusCode::OK;
    let kind = axum::http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(axum::http::header::CONTENT_TYPE, kind);
    Ok(response)
}

fn operations() -> Vec<Operation> {
    let mut all = pings::operations();
    all.extend(monitors::operations());
    all.extend(documents::operations());
    all.extend(history::operations());
    all.extend(channels::operations());
    all.extend(badges::operations());
    all.extend(installation::operations());
    all.extend(healthchecks::operations());
    all
}

fn describe() -> OpenApi {
    let mut schemas = Vec::new();
    let mut places = BTreeMap::<String, PathItem>::new();
    for operation in operations() {
        let (path, method, described) = operation.into_parts(&mut schemas);
        let item = PathItem::new(method, described);
        match places.remove(&path) {
            Some(mut there) => {
                there.merge_operations(item);
                places.insert(path, there);
            }
            None => drop(places.insert(path, item)),
        }
    }
    let paths = places.into_iter().fold(PathsBuilder::new(), |paths, (path, item)| paths.path(path, item));
    let tag = |(name, about): (&str, &str)| TagBuilder::new().name(name).description(Some(about)).build();
    OpenApiBuilder::new()
        .info(info())
        .paths(paths)
        .components(Some(components(schemas)))
        .tags(Some(GROUPS.map(tag)))
        .build()
}

fn info() -> Info {
    InfoBuilder::new().title("Heartbeat").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT)).build()
}

fn components(mut schemas: Vec<(String, RefOr<Schema>)>) -> Components {
    let responses = refusals::responses(&mut schemas);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("hb_…");
    let bearer = bearer.description(Some("An API key, as `heartbeat add-api-key` prints it."));
    let theirs = ApiKeyValue::with_description("X-Api-Key", "The same key, as clients of Healthchecks send it.");
    let builder = schemas.into_iter().fold(ComponentsBuilder::new(), |all, (name, schema)| all.schema(name, schema));
    let builder = responses.into_iter().fold(builder, |all, (name, response)| all.response(name, response));
    builder
        .security_scheme(operation::BEARER, SecurityScheme::Http(bearer.build()))
        .security_scheme(operation::X_API_KEY, SecurityScheme::ApiKey(ApiKey::Header(theirs)))
        .build()
}

/// Where the schema of this name stands.
fn schema_of(name: &str) -> Ref {
    Ref::from_schema_name(name)
}
