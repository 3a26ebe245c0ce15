//! A project's definitions as one document: `GET /api/v1/export` writes it, `POST /api/v1/import` has it hold. The document
//! itself is [`heartbeat_core::definition::document`].

mod import;
mod query;
pub(crate) mod view;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use heartbeat_core::{
    Slug,
    definition::document::{Document, Format, Wanted},
    key::{KeyRecord, Scope},
    store::Found,
};

use crate::{Shared, error::ApiError, refuse};

/// How many monitors are read at once.
const PAGE: usize = 500;

/// Its routes.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/export", get(export).fallback(|| refuse("GET, HEAD")))
        .route("/api/v1/import", post(import::import).fallback(|| refuse("POST")))
}

/// `GET /api/v1/export?format=`: the definitions of all monitors that the key may see.
async fn export(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Read).await?;
    let format = query::exported(head.uri.query(), &head.headers)?;
    let document = Document { monitors: api.all_wanted(&key).await? };
    let text = aside(move || document.write(format)).await?.map_err(|e| ApiError::Internal(e.to_string()))?;
    let media_type = match format {
        Format::Json => "application/json",
        Format::Yaml => "application/yaml",
    };
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, media_type)], text).into_response())
}

/// Does what may take long, beside what pings wait for.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::Internal(error.to_string()))
}

impl Shared {
    /// What is defined of every monitor that the key may see. One that cannot be read refuses all: an export without it
    /// would look whole.
    async fn all_wanted(&self, key: &KeyRecord) -> Result<Vec<Wanted>, ApiError> {
        if let Some(only) = &key.monitor {
            let found =
                self.in_time(self.flow.store.find(&Self::id(key, only.clone()), self.flow.clock.now())).await??;
            return Ok(match found {
                Found::Monitor(stored) => vec![Wanted::of(&stored.monitor)],
                Found::Deleted | Found::Nothing => Vec::new(),
            });
        }
        let (mut monitors, mut after) = (Vec::new(), None::<Slug>);
        loop {
            let now = self.flow.clock.now();
            let page = self.in_time(self.flow.store.list(&key.project, after.as_ref(), PAGE, now)).await??;
            for item in page.items {
                let stored = item.map_err(|corrupt| ApiError::Corrupt(corrupt.to_string()))?;
                monitors.push(Wanted::of(&stored.monitor));
            }
            after = page.next;
            if after.is_none() {
                return Ok(monitors);
            }
        }
    }
}
