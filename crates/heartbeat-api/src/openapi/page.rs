//! `/api/docs`: Swagger UI, out of this binary. It fetches nothing from elsewhere, and its headers do not let it.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    body::Body,
    extract::Path,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use utoipa_swagger_ui::Config;

use crate::{Shared, error::ApiError, refuse};

/// Scripts and styles from here only; its icons are written into its style sheet, and React writes styles into elements.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Relative, so that it is right wherever the API is mounted. Nobody else is asked to validate the document, and a key that
/// is typed in is forgotten with the page.
static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from("../openapi.json").validator_url("none").display_request_duration(true).use_base_layout();
    Arc::new(config.doc_expansion("none").default_models_expand_depth(0))
});

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/docs", get(to_page).fallback(|| refuse("GET, HEAD")))
        .route("/api/docs/", get(async || file("index.html")).fallback(|| refuse("GET, HEAD")))
        .route("/api/docs/{file}", get(async |Path(name): Path<String>| file(&name)).fallback(|| refuse("GET, HEAD")))
}

/// The page's files are beside it: its address ends with a slash.
async fn to_page() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, HeaderValue::from_static("docs/"))]).into_response()
}

fn file(name: &str) -> Result<Response, ApiError> {
    let found = utoipa_swagger_ui::serve(name, CONFIG.clone());
    let file = found.map_err(|error| ApiError::Internal(error.to_string()))?.ok_or(ApiError::UnknownPath)?;
    let mut response = Response::new(Body::from(file.bytes.into_owned()));
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(&file.content_type) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    if file.gzpipped {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
    Ok(response)
}
