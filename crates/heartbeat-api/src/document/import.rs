//! `POST /api/v1/import`: has a document hold. The document is read whole, or refused before anything is done; then each
//! monitor has its own result, and the same document again finishes what is unfinished.

mod there;

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{StatusCode, request::Parts},
    response::Response,
};
use futures_util::{StreamExt, stream};
use heartbeat_core::{
    Actor, Slug, Timestamp,
    definition::document::{self, Document, DocumentError, Wanted},
    flow::{Imported, ManageError},
    key::{KeyRecord, Scope},
};

use self::there::There;
use super::{
    aside,
    query::{self, Asked, Trial, Unnamed},
    view::{ImportView, Outcome, ResultView},
};
use crate::{Shared, auth::check_monitor, body::read_whole, error::ApiError, json};

/// `POST /api/v1/import?dry_run=&prune=`.
pub(super) async fn import(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let asked = query::imported(head.uri.query());
    let is_dry = asked.as_ref().is_ok_and(|asked| asked.trial == Trial::Dry);
    let key = api.manager(&head, if is_dry { Scope::Read } else { Scope::Write }).await?;
    let asked = asked?;
    let document = read(&api, &head, body).await?;
    check(&key, &document, asked)?;
    let until = api.until();
    let there = api.there_of(&key, &document, asked.unnamed).await?;
    let importing = Importing { api: &api, key: &key, by: Actor::of_key(&key), asked, until, there: &there };
    let results = importing.all(document).await;
    json(StatusCode::OK, &ImportView::new(asked.trial, results))
}

async fn read(api: &Shared, head: &Parts, body: axum::body::Body) -> Result<Document, ApiError> {
    let format = query::of_body(&head.headers)?;
    let body = read_whole(&head.headers, body, api.config.document_body).await?.unwrap_or_default();
    aside(move || document::parse(&body, format)).await?.map_err(ApiError::BadDocument)
}

/// Refuses what this key may not do, before anything is done.
fn check(key: &KeyRecord, document: &Document, asked: Asked) -> Result<(), ApiError> {
    if key.monitor.is_some() && asked.unnamed == Unnamed::Pruned {
        return Err(ApiError::LimitedKey);
    }
    document.monitors.iter().try_for_each(|wanted| check_monitor(key, &wanted.slug))
}

impl From<DocumentError> for ApiError {
    fn from(error: DocumentError) -> Self {
        Self::BadDocument(error)
    }
}

impl Shared {
    /// When an import that starts now begins nothing more.
    fn until(&self) -> Timestamp {
        self.flow.clock.now().plus(self.config.import_time)
    }
}

/// An import that is under way.
struct Importing<'a> {
    api: &'a Shared,
    key: &'a KeyRecord,
    by: Actor,
    asked: Asked,
    until: Timestamp,
    there: &'a There,
}

impl Importing<'_> {
    async fn all(&self, document: Document) -> Vec<ResultView> {
        let unnamed = match self.asked.unnamed {
            Unnamed::Kept => Vec::new(),
            Unnamed::Pruned => self.there.unnamed.clone(),
        };
        let one = |wanted| self.one(wanted);
        let mut results = self.at_once(document.monitors, one).await;
        // Who prunes wants the document to hold, and not half of it.
        if results.iter().all(ResultView::is_done) {
            results.extend(self.at_once(unnamed, |slug| self.delete(slug)).await);
        } else {
            results.extend(unnamed.into_iter().map(|slug| ResultView::plain(slug, Outcome::Left)));
        }
        results
    }

    /// Does so with all, many at once, and keeps their order.
    async fn at_once<T, F: Future<Output = ResultView>>(&self, all: Vec<T>, one: impl Fn(T) -> F) -> Vec<ResultView> {
        let many = self.api.config.bulk_at_once.max(1);
        stream::iter(all).map(one).buffered(many).collect().await
    }

    fn is_late(&self) -> bool {
        self.api.flow.clock.now() >= self.until
    }

    async fn one(&self, wanted: Wanted) -> ResultView {
        let slug = wanted.slug.clone();
        match (self.asked.trial, self.there.becomes(&wanted)) {
            (Trial::Dry, Some(becomes)) => return ResultView::imported(slug, becomes),
            (Trial::Real, Some(Imported::Unchanged)) => return ResultView::plain(slug, Outcome::Unchanged),
            (Trial::Real, Some(Imported::Created | Imported::Changed(_))) | (_, None) => {}
        }
        if self.is_late() {
            return ResultView::plain(slug, Outcome::Left);
        }
        let id = Shared::id(self.key, slug.clone());
        let flow = &self.api.flow;
        let done = match self.asked.trial {
            Trial::Dry => self.api.in_time(flow.preview_import(&id, &wanted)).await,
            Trial::Real => self.api.in_time(flow.import(&id, &wanted, &self.by)).await,
        };
        ResultView::of(slug, done, ResultView::imported)
    }

    async fn delete(&self, slug: Slug) -> ResultView {
        if self.is_late() {
            return ResultView::plain(slug, Outcome::Left);
        }
        let done = match self.asked.trial {
            Trial::Dry => Ok(Ok(())),
            Trial::Real => {
                let id = Shared::id(self.key, slug.clone());
                self.api.in_time(self.api.flow.delete(&id, Some(&self.by))).await
            }
        };
        // Somebody else was quicker.
        let done = done.map(|done| match done {
            Err(ManageError::NotFound | ManageError::Deleted) => Ok(()),
            other => other,
        });
        ResultView::of(slug, done, |slug, ()| ResultView::plain(slug, Outcome::Deleted))
    }
}
