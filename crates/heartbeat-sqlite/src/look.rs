//! What is read: monitors one by one, by what is due, and page by page.

use heartbeat_core::{
    MonitorId, Project, Slug, Timestamp,
    store::{Due, Found, Page},
};
use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    row::{Record, columns, found},
    writer::Failure,
};

const DUE: &str = "SELECT id, wake_at FROM monitor WHERE shard = ?1 AND wake_at IS NOT NULL AND wake_at <= ?2 \
                   ORDER BY wake_at LIMIT ?3";
const NEXT_WAKE: &str = "SELECT min(wake_at) FROM monitor WHERE shard = ?1 AND wake_at IS NOT NULL";
/// Keys are `project/slug`, so a project's are a range of them: `0` is the character after `/`.
const RANGE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM monitor WHERE id > ?1 AND id < ?2 AND deleted_until IS NULL AND (expires_at IS NULL OR expires_at > ?3) \
     ORDER BY id LIMIT ?4"
);
/// Keys have only letters, digits, `-` and `/`, all before this.
const AFTER_ALL: &str = "~";

/// What is there under `id`.
pub(crate) fn find(db: &Connection, id: &MonitorId, now: Timestamp) -> Result<Found, Failure> {
    Ok(found(Record::load(db, &id.to_string())?, now)?)
}

/// What must be looked at by `now`, earliest first.
pub(crate) fn due(db: &Connection, shard: u16, now: Timestamp, limit: i64) -> Result<Vec<Due>, Failure> {
    let mut statement = db.prepare_cached(DUE)?;
    let mut rows = statement.query(params![shard, now.as_micros(), limit])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        let Some(id) = MonitorId::parse(&key) else {
            tracing::error!(key, "a stored key is not that of a monitor");
            continue;
        };
        due.push(Due { id, wake_at: Timestamp::from_micros(row.get(1)?) });
    }
    Ok(due)
}

/// When the next item must be looked at.
pub(crate) fn next_wake(db: &Connection, shard: u16) -> Result<Option<Timestamp>, Failure> {
    let next: Option<Option<i64>> = db.prepare_cached(NEXT_WAKE)?.query_row([shard], |row| row.get(0)).optional()?;
    Ok(next.flatten().map(Timestamp::from_micros))
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
    let page = range(db, &from, &format!("{project}0"), limit, now)?;
    Ok(Page { items: page.items, next: page.next.map(|id| id.slug) })
}

/// Every monitor, by key.
pub(crate) fn sweep(
    db: &Connection,
    after: Option<&MonitorId>,
    limit: usize,
    now: Timestamp,
) -> Result<Page<MonitorId>, Failure> {
    let from = after.map(MonitorId::to_string).unwrap_or_default();
    range(db, &from, AFTER_ALL, limit, now)
}

fn range(db: &Connection, from: &str, to: &str, limit: usize, now: Timestamp) -> Result<Page<MonitorId>, Failure> {
    let mut statement = db.prepare_cached(RANGE)?;
    // One more than asked for tells whether there is a next page.
    let one_more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let records = statement.query_map(params![from, to, now.as_micros(), one_more], Record::read)?;
    let mut records = records.collect::<rusqlite::Result<Vec<_>>>()?;
    let is_last = records.len() <= limit;
    records.truncate(limit);
    let next = if is_last { None } else { records.last().and_then(|record| MonitorId::parse(&record.id)) };
    let items =
        records.into_iter().filter_map(|record| Some(record.into_monitor().transpose()?.map(|(stored, _)| stored)));
    Ok(Page { items: items.collect(), next })
}
