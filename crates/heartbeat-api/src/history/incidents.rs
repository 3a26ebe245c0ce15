//! The incidents of one monitor, newest first. One that goes on comes from the monitor itself as it stands now, whether or
//! not anybody has noticed it yet.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use heartbeat_core::{
    Monitor, MonitorId, StoreError, Timestamp,
    chronicle::{Chronicle, Episode, open_incident},
    history::{Happening, Row},
    key::Scope,
    store::Found,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Of, Place, Walk,
    asked::{IncidentsQuery, Which},
    view::IncidentView,
    without_words,
};
use crate::{Shared, error::ApiError, json};

/// How many rows one page looks at: a job that fails every minute writes so many in a week.
const MAX_SCANNED: usize = 10_000;
/// How many at once.
const AT_ONCE: usize = 1_000;

#[derive(Serialize, ToSchema)]
#[schema(as = Incidents)]
pub(crate) struct IncidentsView {
    pub(super) incidents: Vec<IncidentView>,
    pub(super) next_cursor: Option<String>,
}

/// `GET /api/v1/monitors/{slug}/incidents?status=&cursor=&limit=`.
pub(super) async fn of_monitor(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Read).await?;
    let id = api.id_named(&head, &key).await?;
    let asked = IncidentsQuery::parse(head.uri.query(), Place::parse)?;
    let now = api.flow.clock.now();
    let monitor = api.in_time(api.standing(&id, now)).await??;
    let mut walk = api.walk(Of::Monitor(id.clone()), Timestamp::MAX, asked.after.clone(), AT_ONCE);
    let page = api.in_time(page(&mut walk, asked.limit)).await??;
    let episodes = episodes(&page, monitor.as_ref(), asked.after.as_ref(), now);
    let wanted = |episode: &Episode| match asked.which {
        None => true,
        Some(Which::Open) => episode.ended.is_none(),
        Some(Which::Closed) => episode.ended.is_some(),
    };
    let wanted = episodes.into_iter().filter(wanted);
    let incidents = wanted.map(|episode| IncidentView::new(&id, episode, now)).collect();
    json(StatusCode::OK, &IncidentsView { incidents, next_cursor: page.next.map(|place| place.to_string()) })
}

/// Rows that tell of whole incidents, newest first.
struct Page {
    rows: Vec<Row>,
    next: Option<Place>,
}

/// The rows of at most `limit` incidents, and after which row to go on, if there may be more.
async fn page(walk: &mut Walk<'_>, limit: usize) -> Result<Page, StoreError> {
    let (mut rows, mut begun, mut whole): (Vec<Row>, usize, usize) = (Vec::new(), 0, 0);
    loop {
        for row in walk.next().await? {
            let begins = matches!(row.happening, Happening::Opened { .. });
            if begins && begun == limit {
                rows.truncate(whole);
                let next = rows.last().map(Place::of);
                return Ok(Page { rows, next });
            }
            rows.push(without_words(row));
            if begins {
                (begun, whole) = (begun + 1, rows.len());
            }
        }
        if walk.is_end {
            return Ok(Page { rows, next: None });
        }
        if walk.scanned >= MAX_SCANNED {
            // What is told of an incident that began before is read again with its beginning, where that is not too far.
            rows.truncate(if whole > 0 { whole } else { rows.len() });
            let next = rows.last().map(Place::of);
            return Ok(Page { rows, next });
        }
    }
}

/// The incidents of a page, newest first; on the first page with the one that goes on.
fn episodes(page: &Page, monitor: Option<&Monitor>, after: Option<&Place>, now: Timestamp) -> Vec<Episode> {
    let open = monitor.and_then(open_incident);
    let mut episodes = Chronicle::of(&page.rows).with_monitor(monitor, now).episodes;
    let is_open = |episode: &Episode| open.is_some_and(|open| open.since == episode.since) && episode.ended.is_none();
    // One whose beginning is not here is told with it, on a page to come. Where none comes, history has forgotten it.
    episodes.retain(|episode| episode.opened.is_some() || page.next.is_none());
    if after.is_some() {
        episodes.retain(|episode| !is_open(episode));
    } else if let Some(open) = open.filter(|_| !episodes.iter().any(is_open)) {
        episodes.push(Episode::open(open));
    }
    episodes.reverse();
    episodes
}

impl Shared {
    /// The monitor as it stands at `now`, if it is there.
    pub(super) async fn standing(&self, id: &MonitorId, now: Timestamp) -> Result<Option<Monitor>, ApiError> {
        match self.flow.store.find(id, now).await? {
            Found::Monitor(stored) => Ok(Some(stored.monitor.settled_at(&self.flow.context_of_silence(now).await))),
            Found::Deleted => Ok(None),
            Found::Nothing => Err(ApiError::UnknownMonitor(id.slug.clone())),
        }
    }
}
