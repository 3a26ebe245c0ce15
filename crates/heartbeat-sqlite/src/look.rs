//! What is read: monitors one by one, by what is due, and page by page.

use heartbeat_core::{
    MonitorId, Project, Slug, Timestamp,
    store::{Due, Found, Page, Part, shard_of},
};
use rusqlite::{Connection, params};

use crate::{
    row::{Record, columns, found},
    writer::Failure,
};

/// Read as far as is needed: a key that names no monitor takes nobody's place, and wakes nobody.
const DUE: &str = "SELECT id, wake_at FROM monitor WHERE shard = ?1 AND wake_at IS NOT NULL AND wake_at <= ?2 \
                   ORDER BY wake_at";
/// Keys are `project/slug`, so a project's are a range of them: `0` is the character after `/`.
const RANGE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM monitor WHERE id > ?1 AND id < ?2 AND deleted_until IS NULL AND (expires_at IS NULL OR expires_at > ?3) \
     ORDER BY id"
);
/// Keys have only letters, digits, `-` and `/`, all before this.
const AFTER_ALL: &str = "~";

/// What is there under `id`.
pub(crate) fn find(db: &Connection, id: &MonitorId, now: Timestamp) -> Result<Found, Failure> {
    Ok(found(Record::load(db, &id.to_string())?, now)?)
}

/// What must be looked at by `now`, earliest first.
pub(crate) fn due(db: &Connection, shard: u16, now: Timestamp, limit: usize) -> Result<Vec<Due>, Failure> {
    let mut statement = db.prepare_cached(DUE)?;
    let mut rows = statement.query(params![shard, now.as_micros()])?;
    let mut due = Vec::new();
    while due.len() < limit {
        let Some(row) = rows.next()? else { break };
        let key = String::from_utf8_lossy(row.get_ref(0)?.as_bytes().unwrap_or_default());
        if let Some(id) = named(&key) {
            due.push(Due { id, wake_at: Timestamp::from_micros(row.get(1)?) });
        } else {
            // The auditor, who sweeps everything, raises the alarm.
            tracing::debug!(%key, "a stored key is not that of a monitor");
        }
    }
    Ok(due)
}

/// When the next item must be looked at: one that [`due`] will find.
pub(crate) fn next_wake(db: &Connection, shard: u16) -> Result<Option<Timestamp>, Failure> {
    Ok(due(db, shard, Timestamp::MAX, 1)?.first().map(|due| due.wake_at))
}

/// The monitor of this key; `None` when the key is not as we write it.
fn named(key: &str) -> Option<MonitorId> {
    MonitorId::parse(key).filter(|id| id.to_string() == key)
}

/// A project's monitors by slug.
pub(crate) fn list(
    db: &Connection,
    project: &Project,
    after: Option<&Slug>,
    limit: usize,
    now: Timestamp,
) -> Result<Page<Slug>, Failure> {
    let from = format!("{project}/{}", after.map_or("", Slug::as_str));
    let page = range(db, Part::WHOLE, &from, &format!("{project}0"), limit, now)?;
    Ok(Page { items: page.items, next: page.next.map(|id| id.slug) })
}

/// Every monitor of `part`, by key.
pub(crate) fn sweep(
    db: &Connection,
    part: Part,
    after: Option<&MonitorId>,
    limit: usize,
    now: Timestamp,
) -> Result<Page<MonitorId>, Failure> {
    let from = after.map(MonitorId::to_string).unwrap_or_default();
    range(db, part, &from, AFTER_ALL, limit, now)
}

/// A key that names no monitor is told as corrupt, counts for nothing, and cannot be the end of a page.
fn range(
    db: &Connection,
    part: Part,
    from: &str,
    to: &str,
    limit: usize,
    now: Timestamp,
) -> Result<Page<MonitorId>, Failure> {
    let mut statement = db.prepare_cached(RANGE)?;
    let mut rows = statement.query(params![from, to, now.as_micros()])?;
    let (mut page, mut last, mut count) = (Page { items: Vec::new(), next: None }, None, 0);
    while let Some(row) = rows.next()? {
        let record = Record::read(row)?;
        let id = named(&record.id);
        if !is_in(part, id.as_ref()) {
            continue;
        }
        if count == limit {
            page.next = last;
            break;
        }
        if let Some(id) = id {
            (last, count) = (Some(id), count + 1);
        }
        page.items.extend(record.into_monitor().map(|found| found.map(|(stored, _)| stored)).transpose());
    }
    Ok(page)
}

/// The first part has what names no monitor.
fn is_in(part: Part, id: Option<&MonitorId>) -> bool {
    id.map_or(0, |id| shard_of(id, part.of)) == part.number
}
