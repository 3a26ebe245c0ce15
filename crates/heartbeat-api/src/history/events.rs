//! Events: the rows of history, newest first, by kind and time.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use heartbeat_core::{StoreError, history::Row, key::Scope};
use serde::Serialize;
use utoipa::ToSchema;

use super::{MAX_SCANNED, Of, Place, SCAN, Walk, asked::EventsQuery, view::EventView};
use crate::{Shared, error::ApiError, json};

#[derive(Serialize, ToSchema)]
#[schema(as = Events)]
pub(crate) struct EventsView {
    events: Vec<EventView>,
    next_cursor: Option<String>,
}

/// `GET /api/v1/monitors/{slug}/events?kind=&since=&until=&cursor=&limit=`.
pub(super) async fn of_monitor(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Read).await?;
    let id = api.id_named(&head, &key).await?;
    let asked = EventsQuery::parse(head.uri.query())?;
    api.expect_known(&id).await?;
    api.events(Of::Monitor(id), &asked).await
}

/// `GET /api/v1/events?kind=&since=&until=&cursor=&limit=`: of the whole project.
pub(super) async fn of_project(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Read).await?;
    let asked = EventsQuery::parse(head.uri.query())?;
    api.events(Of::all_of(&key), &asked).await
}

impl Shared {
    async fn events(&self, of: Of, asked: &EventsQuery) -> Result<Response, ApiError> {
        let at_once = if asked.kinds.is_empty() { asked.limit + 1 } else { SCAN.max(asked.limit + 1) };
        let mut walk = self.walk(of, asked.until, asked.after.clone(), at_once);
        let (rows, next) = self.in_time(page(&mut walk, asked)).await??;
        let events = rows.into_iter().map(EventView::from).collect();
        json(StatusCode::OK, &EventsView { events, next_cursor: next.map(|place| place.to_string()) })
    }
}

/// The rows that are asked for, and after which one to go on, if there may be more.
async fn page(walk: &mut Walk<'_>, asked: &EventsQuery) -> Result<(Vec<Row>, Option<Place>), StoreError> {
    let (mut page, mut last) = (Vec::new(), asked.after.clone());
    loop {
        for row in walk.next().await? {
            if row.at < asked.since {
                return Ok((page, None));
            }
            if page.len() == asked.limit {
                return Ok((page, last));
            }
            last = Some(Place::of(&row));
            if asked.wants(&row.happening) {
                page.push(row);
            }
        }
        if walk.is_end {
            return Ok((page, None));
        }
        if walk.scanned >= MAX_SCANNED {
            return Ok((page, last));
        }
    }
}
