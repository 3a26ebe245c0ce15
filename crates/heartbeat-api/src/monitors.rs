//! Management: list, delete, pause, unpause. A project sees its own monitors and no other.

pub(crate) mod chosen;
pub(crate) mod define;

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{StatusCode, Uri, request::Parts},
    response::Response,
};
use heartbeat_core::{
    Actor, Context, Event, MonitorId, Slug,
    key::{KeyRecord, Scope},
    store::{Found, Stored},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Shared,
    address::Client,
    auth::check_monitor,
    body::read_json,
    error::ApiError,
    json, pause, percent,
    query::{self, ListQuery},
    view::{DefinedView, MonitorView, Sees},
};

/// How many monitors one call looks at to fill a page by status: then the page is short, and its cursor goes on.
const MAX_SCANNED: usize = 2_000;
/// How many it looks at at once, at least, while it filters.
const SCAN: usize = 200;

#[derive(Serialize, ToSchema)]
#[schema(as = Monitors)]
pub(crate) struct ListView {
    #[schema(value_type = Vec<DefinedView>)]
    monitors: Vec<Seen>,
    next_cursor: Option<String>,
    /// Stored items that cannot be understood: they hide nobody, and nobody hides them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
}

/// A monitor of a list.
#[derive(Serialize)]
#[serde(untagged)]
enum Seen {
    Plain(Box<MonitorView>),
    Defined(Box<DefinedView>),
}

#[derive(Serialize, ToSchema)]
#[schema(as = Deleted)]
pub(crate) struct DeletedView<'a> {
    #[schema(value_type = String)]
    deleted: &'a Slug,
}

/// `GET /monitors?cursor=&limit=&status=&tag=&q=`.
pub(crate) async fn list(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Read).await?;
    let asked = ListQuery::parse(head.uri.query())?;
    let view = api.in_time(api.page(&key, &asked, None)).await??;
    json(StatusCode::OK, &view)
}

/// `GET /api/v1/monitors?cursor=&limit=&status=&tag=&q=`: the same, with what people have defined.
pub(crate) async fn list_defined(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Read).await?;
    let asked = ListQuery::parse(head.uri.query())?;
    let sees = api.sees(&head, &key);
    let view = api.in_time(api.page(&key, &asked, Some(&sees))).await??;
    json(StatusCode::OK, &view)
}

/// `DELETE /monitors/{slug}`.
pub(crate) async fn delete(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let (id, by) = api.target(&head).await?;
    query::expect_none(head.uri.query())?;
    let deleted = api.in_time(api.flow.delete(&id, Some(&by))).await?;
    deleted.map_err(|error| ApiError::of_manage(error, id.slug.clone()))?;
    json(StatusCode::OK, &DeletedView { deleted: &id.slug })
}

/// `POST /monitors/{slug}/pause`, perhaps with an end.
pub(crate) async fn pause(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let (id, by) = api.target(&head).await?;
    query::expect_none(head.uri.query())?;
    let body = read_json(&head.headers, body, api.config.json_body).await?;
    let until = pause::parse(body.as_deref(), api.flow.clock.now())?;
    api.manage(id, Event::Pause { until }, &by).await
}

/// `POST /monitors/{slug}/unpause`.
pub(crate) async fn unpause(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let (id, by) = api.target(&head).await?;
    query::expect_none(head.uri.query())?;
    api.manage(id, Event::Resume, &by).await
}

/// The slug that is the `n`-th segment of a path.
fn slug_of(uri: &Uri, n: usize) -> Result<Slug, ApiError> {
    Slug::parse(&percent::segment(uri, n)?).map_err(ApiError::BadSlug)
}

impl Shared {
    pub(crate) async fn manager(&self, head: &Parts, scope: Scope) -> Result<Arc<KeyRecord>, ApiError> {
        let client = Client::of(&head.headers, &head.extensions, self.config.trusted_proxies);
        self.gate.admit_manager(&head.headers, client, scope).await
    }

    /// The monitor that a call wants to change, if it may, and who calls.
    async fn target(&self, head: &Parts) -> Result<(MonitorId, Actor), ApiError> {
        let key = self.manager(head, Scope::Write).await?;
        let slug = slug_of(&head.uri, 2)?;
        check_monitor(&key, &slug)?;
        Ok((Self::id(&key, slug), Actor::of_key(&key)))
    }

    async fn manage(&self, id: MonitorId, event: Event, by: &Actor) -> Result<Response, ApiError> {
        let monitor = self.in_time(self.flow.manage(&id, &event, Some(by))).await?;
        let monitor = monitor.map_err(|error| ApiError::of_manage(error, id.slug))?;
        json(StatusCode::OK, &MonitorView::new(&monitor, &self.flow.context(self.flow.clock.now())))
    }

    async fn page(&self, key: &KeyRecord, asked: &ListQuery, sees: Option<&Sees>) -> Result<ListView, ApiError> {
        let page = Filling::new(self, asked, sees).await;
        match &key.monitor {
            Some(only) => self.page_of_one(key, only, page).await,
            None => self.page_of_project(key, page).await,
        }
    }

    /// What a key that is limited to one monitor sees.
    async fn page_of_one(&self, key: &KeyRecord, only: &Slug, mut page: Filling<'_>) -> Result<ListView, ApiError> {
        if page.asked.after.as_ref().is_none_or(|after| only > after) {
            match self.flow.store.find(&Self::id(key, only.clone()), self.flow.clock.now()).await? {
                Found::Monitor(stored) => page.add(&stored),
                Found::Deleted | Found::Nothing => {}
            }
        }
        Ok(page.view)
    }

    async fn page_of_project(&self, key: &KeyRecord, mut page: Filling<'_>) -> Result<ListView, ApiError> {
        let (mut after, mut scanned) = (page.asked.after.clone(), 0);
        while page.missing() > 0 && scanned < MAX_SCANNED {
            let limit = if page.asked.is_filtered() { page.missing().max(SCAN) } else { page.missing() };
            let now = self.flow.clock.now();
            let part = self.flow.store.list(&key.project, after.as_ref(), limit, now).await?;
            scanned += part.items.len().max(1);
            let stopped = page.add_all(part.items);
            after = stopped.clone().or(part.next);
            if stopped.is_some() || after.is_none() {
                break;
            }
        }
        page.view.next_cursor = after.map(String::from);
        Ok(page.view)
    }
}

/// A page that is being filled.
struct Filling<'a> {
    asked: &'a ListQuery,
    sees: Option<&'a Sees>,
    context: Context,
    view: ListView,
}

impl<'a> Filling<'a> {
    /// A page of this moment: what is silent is judged by what is known of outages of ours.
    async fn new(api: &Shared, asked: &'a ListQuery, sees: Option<&'a Sees>) -> Self {
        let view = ListView { monitors: Vec::new(), next_cursor: None, unreadable: Vec::new() };
        let context = api.flow.context_of_silence(api.flow.clock.now()).await;
        Self { asked, sees, context, view }
    }

    fn missing(&self) -> usize {
        self.asked.limit.saturating_sub(self.view.monitors.len())
    }

    /// Adds what fits; the slug to go on after, when the page was full before the items were used up.
    fn add_all(&mut self, items: Vec<Result<Stored, heartbeat_core::item::Corrupt>>) -> Option<Slug> {
        let mut items = items.into_iter().peekable();
        while let Some(item) = items.next() {
            match item {
                Ok(stored) => {
                    self.add(&stored);
                    if self.missing() == 0 && items.peek().is_some() {
                        return Some(stored.monitor.id.slug);
                    }
                }
                Err(corrupt) => {
                    tracing::warn!(%corrupt, "a stored monitor cannot be understood");
                    self.view.unreadable.push(corrupt.id);
                }
            }
        }
        None
    }

    fn add(&mut self, stored: &Stored) {
        if self.asked.wants(&stored.monitor, &self.context) {
            self.view.monitors.push(match self.sees {
                Some(sees) => Seen::Defined(Box::new(DefinedView::new(&stored.monitor, &self.context, sees))),
                None => Seen::Plain(Box::new(MonitorView::new(&stored.monitor, &self.context))),
            });
        }
    }
}
