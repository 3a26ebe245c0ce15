//! What has happened: events, incidents, uptime and run times, of a monitor or of its whole project. All of it is read by
//! walking history backwards, in parts that are bounded: a page that found little is short, and its cursor goes on.

pub(crate) mod asked;
pub(crate) mod events;
pub(crate) mod incidents;
mod project;
pub(crate) mod runtime;
pub(crate) mod uptime;
pub(crate) mod view;

use std::{fmt, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use heartbeat_core::{
    MonitorId, Project, Slug, Store, StoreError, Timestamp,
    history::{Happening, Row},
    key::KeyRecord,
    store::Found,
};

use crate::{Shared, error::ApiError, refuse};

/// How many rows one page looks at to find what is asked for among other rows.
const MAX_SCANNED: usize = 2_000;
/// How many rows are read at once, at least, where there are other rows.
const SCAN: usize = 200;
/// The step of time.
const MICROSECOND: Duration = Duration::from_micros(1);

/// The paths of history.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    let of_one = "/api/v1/monitors/{slug}";
    Router::new()
        .route("/api/v1/events", get(events::of_project).fallback(|| refuse("GET, HEAD")))
        .route("/api/v1/incidents", get(project::incidents).fallback(|| refuse("GET, HEAD")))
        .route(&format!("{of_one}/events"), get(events::of_monitor).fallback(|| refuse("GET, HEAD")))
        .route(&format!("{of_one}/incidents"), get(incidents::of_monitor).fallback(|| refuse("GET, HEAD")))
        .route(&format!("{of_one}/uptime"), get(uptime::of_monitor).fallback(|| refuse("GET, HEAD")))
        .route(&format!("{of_one}/runtime"), get(runtime::of_monitor).fallback(|| refuse("GET, HEAD")))
}

/// Where a row stands in a project's history: `slug.micros.tag`. An attempt to deliver has the id that the ledger gives it.
/// Rows are in this order, from the greatest to the least.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    at: Timestamp,
    tag: u64,
    slug: Slug,
}

impl Place {
    fn of(row: &Row) -> Self {
        Self { at: row.at, tag: row.tag, slug: row.monitor.slug.clone() }
    }

    /// Reads one as it is shown.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (slug, at, tag) = (parts.next()?, parts.next()?, parts.next()?);
        let place = Self {
            slug: Slug::parse(slug).ok()?,
            at: Timestamp::from_micros(at.parse().ok()?),
            tag: u64::from_str_radix(tag, 16).ok()?,
        };
        (place.to_string() == text).then_some(place)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{:x}", self.slug, self.at.as_micros(), self.tag)
    }
}

/// Whose history.
#[derive(Clone, Debug)]
enum Of {
    Monitor(MonitorId),
    Project(Project),
}

impl Of {
    /// All that a key may see.
    fn all_of(key: &KeyRecord) -> Self {
        match &key.monitor {
            Some(slug) => Self::Monitor(Shared::id(key, slug.clone())),
            None => Self::Project(key.project.clone()),
        }
    }

    async fn rows(&self, store: &dyn Store, before: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Monitor(id) => store.history(id, before, limit).await,
            Self::Project(project) => store.project_history(project, before, limit).await,
        }
    }
}

/// A walk through history, from the newest row to the oldest, that skips none: rows of one instant are told apart by the rest
/// of their place.
struct Walk<'a> {
    store: &'a dyn Store,
    of: Of,
    before: Timestamp,
    after: Option<Place>,
    at_once: usize,
    scanned: usize,
    is_end: bool,
}

impl<'a> Walk<'a> {
    /// From before `before`, and after the row at `after` if there is one.
    fn new(store: &'a dyn Store, of: Of, before: Timestamp, after: Option<Place>, at_once: usize) -> Self {
        Self { store, of, before, after, at_once, scanned: 0, is_end: false }
    }

    /// The next rows; none when there are no more.
    async fn next(&mut self) -> Result<Vec<Row>, StoreError> {
        let mut at_once = self.at_once;
        while !self.is_end {
            let seen = self.after.as_ref().map_or(Timestamp::MAX, |after| after.at.plus(MICROSECOND));
            let mut rows = self.of.rows(self.store, seen.min(self.before), at_once).await?;
            self.is_end = rows.len() < at_once;
            rows.retain(|row| self.after.as_ref().is_none_or(|after| Place::of(row) < *after));
            if let Some(last) = rows.last() {
                self.after = Some(Place::of(last));
                self.scanned += rows.len();
                return Ok(rows);
            }
            // All of them are of one time, and seen.
            at_once = at_once.saturating_mul(2);
        }
        Ok(Vec::new())
    }

    /// The rows from `from` on, at most about `most`, without what jobs printed: so many bodies are too much to hold. Whether there are more of them says [`Walk::reached`].
    async fn back_to(&mut self, from: Timestamp, most: usize) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        self.is_end |= self.before <= from;
        while !self.is_end && self.scanned < most {
            let part = self.next().await?;
            self.is_end |= part.last().is_some_and(|row| row.at < from);
            rows.extend(part.into_iter().filter(|row| row.at >= from).map(without_words));
        }
        Ok(rows)
    }

    /// From when on nothing is missing in what [`Walk::back_to`] read.
    fn reached(&self, from: Timestamp) -> Timestamp {
        match &self.after {
            Some(after) if !self.is_end => after.at.plus(MICROSECOND).max(from),
            Some(_) | None => from,
        }
    }
}

/// The same row without the body and the metadata of a ping.
fn without_words(mut row: Row) -> Row {
    if let Happening::Ping(ping) = &mut row.happening {
        ping.body = String::new();
        ping.metadata = None;
    }
    row
}

impl Shared {
    /// A walk with the API's store.
    fn walk(&self, of: Of, before: Timestamp, after: Option<Place>, at_once: usize) -> Walk<'_> {
        Walk::new(self.flow.store.as_ref(), of, before, after, at_once)
    }

    /// Before this, what is left of history is not complete.
    fn history_from(&self, now: Timestamp) -> Timestamp {
        now.minus(self.config.history)
    }

    /// Refuses the monitor of which nothing is known. One that was deleted not long ago still has its history.
    async fn expect_known(&self, id: &MonitorId) -> Result<(), ApiError> {
        match self.in_time(self.flow.store.find(id, self.flow.clock.now())).await?? {
            Found::Monitor(_) | Found::Deleted => Ok(()),
            Found::Nothing => Err(ApiError::UnknownMonitor(id.slug.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_shown_and_only_so() {
        let text = "nightly-backup.1795402800000001.2a";
        assert_eq!(Place::parse(text).unwrap().to_string(), text);
        for odd in ["", "a", "a.1", "a.1.zz", "a.1.2.3", "A.1.2", "a.+1.2", "a.1.02", "a.1.2A", "a..2"] {
            assert_eq!(Place::parse(odd), None, "{odd}");
        }
    }
}
