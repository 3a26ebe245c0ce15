//! The incidents of a project: those that go on, out of its monitors, and those that are over, out of its history.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use futures_util::future::try_join_all;
use heartbeat_core::{
    Monitor, Slug, StoreError, Timestamp,
    chronicle::{Chronicle, Ending, Episode, open_incident},
    history::{Happening, Row},
    key::{KeyRecord, Scope},
    store::Found,
};

use super::{
    MAX_SCANNED, MICROSECOND, Of, Place, SCAN,
    asked::{IncidentsQuery, Which},
    incidents::IncidentsView,
    view::IncidentView,
};
use crate::{Shared, error::ApiError, json};

/// How long after its end an incident is told of, for the list: the first attempts to say that all is well again.
const TELLING: Duration = Duration::from_mins(15);
/// How many rows of a monitor are read for the story of one of its incidents.
const STORY: usize = 1_000;

/// `GET /api/v1/incidents?status=&cursor=&limit=`: those that go on by name, or those that are over, the last to end first.
pub(super) async fn incidents(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Read).await?;
    let asked = IncidentsQuery::parse(head.uri.query(), |text| Some(text.to_owned()))?;
    let bad_cursor = crate::query::bad_cursor;
    let view = match asked.which {
        None | Some(Which::Open) => {
            let after = asked.after.map(|text| Slug::parse(&text).map_err(|_| bad_cursor())).transpose()?;
            api.in_time(api.open_incidents(&key, after, asked.limit)).await??
        }
        Some(Which::Closed) => {
            let after = asked.after.map(|text| Place::parse(&text).ok_or_else(bad_cursor)).transpose()?;
            api.in_time(api.closed_incidents(&key, after, asked.limit)).await??
        }
    };
    json(StatusCode::OK, &view)
}

impl Shared {
    /// Those that go on, by the names of their monitors.
    async fn open_incidents(
        &self,
        key: &KeyRecord,
        after: Option<Slug>,
        limit: usize,
    ) -> Result<IncidentsView, ApiError> {
        let now = self.flow.clock.now();
        let (monitors, next) = match &key.monitor {
            Some(slug) if after.as_ref().is_none_or(|after| slug > after) => (self.only(key, slug, now).await?, None),
            Some(_) => (Vec::new(), None),
            None => self.overdue(key, after, limit, now).await?,
        };
        let stories = try_join_all(monitors.iter().map(|monitor| self.open_story(monitor))).await?;
        let told = monitors.iter().zip(stories).filter_map(|(monitor, story)| Some((monitor, story?)));
        let incidents = told.map(|(monitor, story)| IncidentView::new(&monitor.id, story, now)).collect();
        Ok(IncidentsView { incidents, next_cursor: next.map(String::from) })
    }

    /// The one monitor of a limited key, settled.
    async fn only(&self, key: &KeyRecord, slug: &Slug, now: Timestamp) -> Result<Vec<Monitor>, ApiError> {
        match self.flow.store.find(&Self::id(key, slug.clone()), now).await? {
            Found::Monitor(stored) => Ok(vec![stored.monitor.settled_at(&self.flow.context_of_silence(now).await)]),
            Found::Deleted | Found::Nothing => Ok(Vec::new()),
        }
    }

    /// At most `limit` monitors that are in an incident, settled, and after which one to go on.
    async fn overdue(
        &self,
        key: &KeyRecord,
        mut after: Option<Slug>,
        limit: usize,
        now: Timestamp,
    ) -> Result<(Vec<Monitor>, Option<Slug>), ApiError> {
        let context = self.flow.context_of_silence(now).await;
        let (mut found, mut scanned) = (Vec::new(), 0);
        while scanned < MAX_SCANNED {
            let page = self.flow.store.list(&key.project, after.as_ref(), SCAN, now).await?;
            scanned += page.items.len().max(1);
            for stored in page.items.into_iter().flatten() {
                let monitor = stored.monitor.settled_at(&context);
                if open_incident(&monitor).is_none() {
                    continue;
                }
                if found.len() == limit {
                    let last = found.last().map(|last: &Monitor| last.id.slug.clone());
                    return Ok((found, last));
                }
                found.push(monitor);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        Ok((found, after))
    }

    /// The open incident of a monitor, with what history tells of it.
    async fn open_story(&self, monitor: &Monitor) -> Result<Option<Episode>, StoreError> {
        let Some(incident) = open_incident(monitor) else { return Ok(None) };
        let mut walk = self.walk(Of::Monitor(monitor.id.clone()), Timestamp::MAX, None, SCAN);
        let rows = walk.back_to(incident.since, STORY).await?;
        let told = Chronicle::of(&rows).episodes.pop().filter(|told| told.since == incident.since);
        Ok(Some(told.filter(|told| told.ended.is_none()).unwrap_or_else(|| Episode::open(incident))))
    }

    /// Those that are over, the last to end first.
    async fn closed_incidents(
        &self,
        key: &KeyRecord,
        after: Option<Place>,
        limit: usize,
    ) -> Result<IncidentsView, ApiError> {
        let now = self.flow.clock.now();
        let (ends, next) = self.ends(key, after, limit).await?;
        let stories = try_join_all(ends.iter().map(|end| self.closed_story(end))).await?;
        let told = ends.iter().zip(stories).filter_map(|(end, story)| Some((&end.monitor, story?)));
        let incidents = told.map(|(monitor, story)| IncidentView::new(monitor, story, now)).collect();
        Ok(IncidentsView { incidents, next_cursor: next.map(|place| place.to_string()) })
    }

    /// The rows with which incidents end, or may: somebody who pauses or deletes a monitor ends the one that it is in.
    async fn ends(
        &self,
        key: &KeyRecord,
        after: Option<Place>,
        limit: usize,
    ) -> Result<(Vec<Row>, Option<Place>), StoreError> {
        let mut walk = self.walk(Of::all_of(key), Timestamp::MAX, after.clone(), SCAN);
        let (mut ends, mut last) = (Vec::new(), after);
        loop {
            for row in walk.next().await? {
                if ends.len() == limit {
                    return Ok((ends, last));
                }
                last = Some(Place::of(&row));
                if matches!(
                    row.happening,
                    Happening::Recovered { .. } | Happening::Paused { .. } | Happening::Deleted { .. }
                ) {
                    ends.push(row);
                }
            }
            if walk.is_end {
                return Ok((ends, None));
            }
            if walk.scanned >= MAX_SCANNED {
                return Ok((ends, last));
            }
        }
    }

    /// The incident that ended with this row, if one did.
    async fn closed_story(&self, end: &Row) -> Result<Option<Episode>, StoreError> {
        let before = end.at.plus(TELLING);
        let mut walk = self.walk(Of::Monitor(end.monitor.clone()), before, None, SCAN);
        let (from, ending) = match &end.happening {
            Happening::Recovered { since } => (*since, Ending::Recovered),
            Happening::Paused { .. } => (Timestamp::EPOCH, Ending::Paused),
            Happening::Deleted { .. } => (Timestamp::EPOCH, Ending::Deleted),
            Happening::Ping(_)
            | Happening::Opened { .. }
            | Happening::Reminded { .. }
            | Happening::Resumed { .. }
            | Happening::Edited(_)
            | Happening::Delivery(_) => return Ok(None),
        };
        let rows = walk.back_to(from, STORY).await?;
        let ended = |episode: &Episode| match episode.ended {
            Some((_, Ending::Recovered)) => ending == Ending::Recovered && episode.since == from,
            Some((at, how)) => how == ending && at.since(end.at).max(end.at.since(at)) < MICROSECOND,
            None => false,
        };
        Ok(Chronicle::of(&rows).episodes.into_iter().rfind(ended))
    }
}
