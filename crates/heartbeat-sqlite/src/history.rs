//! History: lines appended in the transaction of the write that they tell of, read newest first.
//!
//! Each line names its monitor's line before it, and the monitor names its last, so that appending touches no page but
//! the end of the table and the monitor's own. Lines are numbered in the order of the writes, which is nearly that of
//! what they tell. A line that tells of an attempt to deliver is also found by its channel.

use std::time::Duration;

use heartbeat_core::{
    ChannelName, MonitorId, Project, Timestamp,
    history::{Happening, Row},
    store::FEED_OVERLAP,
};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

/// A line is written at most this much later than what it tells of happened: longer than anybody waits for a write.
const DISORDER: Duration = Duration::from_secs(10);
/// How many lines before an instant are searched for one of a monitor, rather than to follow its lines from its last.
const NEAR: i64 = 65_536;
/// How far back a write whose answer was lost looks for its own line.
const LOOK_BACK: usize = 32;

const APPEND: &str = "INSERT INTO history (line, before, monitor, at, tag, happening, channel) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const NEXT_LINE: &str = "SELECT coalesce(max(line), 0) + 1 FROM history";
const LAST_LINE: &str = "SELECT last_line FROM monitor WHERE id = ?1";
/// A project's monitors are a range of keys: `0` is the character after `/`.
const LINES_FROM: &str = "SELECT monitor, at, tag, happening FROM history \
                          WHERE line >= ?1 AND monitor >= ?2 || '/' AND monitor < ?2 || '0' ORDER BY line";
const LINES_BEFORE: &str = "SELECT monitor, at, tag, happening FROM history \
                            WHERE line < ?1 AND monitor >= ?2 || '/' AND monitor < ?2 || '0' ORDER BY line DESC";
/// The attempts to deliver on a channel before an instant, the newest first.
pub(crate) const LINES_OF_CHANNEL: &str = "SELECT monitor, at, tag, happening FROM history \
                                           WHERE channel = ?1 AND at < ?2 ORDER BY at DESC";
const ENDS: &str = "SELECT min(line), max(line) FROM history";
/// The last line of a monitor before a line, if it is among the lines right before it.
const LAST_NEAR: &str = "SELECT line FROM (SELECT line, monitor FROM history WHERE line < ?1 ORDER BY line DESC LIMIT ?2) \
                         WHERE monitor = ?3 LIMIT 1";
const FIRST_FROM: &str = "SELECT line, at FROM history WHERE line >= ?1 ORDER BY line LIMIT 1";
const LINE: &str = "SELECT before, at, tag, happening FROM history WHERE line = ?1";

/// A row as it is stored; made by the caller, so that the writer's thread encodes nothing.
pub(crate) struct Line {
    monitor: String,
    at: i64,
    tag: i64,
    happening: String,
    channel: Option<String>,
}

impl Line {
    /// The stored form of `row`.
    pub(crate) fn of(row: &Row) -> Self {
        Self {
            monitor: row.monitor.to_string(),
            at: row.at.as_micros(),
            tag: row.tag.cast_signed(),
            happening: serde_json::to_string(&row.happening).unwrap_or_default(),
            channel: channel_of(row),
        }
    }

    /// Writes it as line `number`, behind the monitor's line `before`.
    pub(crate) fn write(&self, db: &Connection, number: i64, before: Option<i64>) -> rusqlite::Result<()> {
        let mut append = db.prepare_cached(APPEND)?;
        append.execute(params![number, before, self.monitor, self.at, self.tag, self.happening, self.channel])?;
        Ok(())
    }

    /// Whether it is among the monitor's last lines: then the write that it tells of was done.
    pub(crate) fn is_among_the_last(&self, db: &Connection, last: Option<i64>) -> rusqlite::Result<bool> {
        let mut chain = Chain::from(db, last)?;
        for _ in 0..LOOK_BACK {
            match chain.next()? {
                Some(line) if line.at == self.at && line.tag == self.tag => return Ok(true),
                Some(_) => {}
                None => break,
            }
        }
        Ok(false)
    }
}

/// Where a row is found that tells of an attempt to deliver.
fn channel_of(row: &Row) -> Option<String> {
    if let Happening::Delivery(delivery) = &row.happening {
        Some(place_of(&row.monitor.project, &delivery.channel))
    } else {
        None
    }
}

fn place_of(project: &Project, channel: &ChannelName) -> String {
    format!("{project}/{channel}")
}

/// Appends lines behind the monitor's line `last`; answers with its last line afterwards.
pub(crate) fn append(db: &Connection, lines: &[Line], last: Option<i64>) -> rusqlite::Result<Option<i64>> {
    let mut last = last;
    for line in lines {
        let number = db.prepare_cached(NEXT_LINE)?.query_row([], |row| row.get(0))?;
        line.write(db, number, last)?;
        last = Some(number);
    }
    Ok(last)
}

/// The newest rows of `id` before `before`. A row that cannot be understood hides no other.
pub(crate) fn newest(db: &Connection, id: &MonitorId, before: Timestamp, limit: usize) -> rusqlite::Result<Vec<Row>> {
    let last: Option<Option<i64>> =
        db.prepare_cached(LAST_LINE)?.query_row([id.to_string()], |row| row.get(0)).optional()?;
    let mut chain = Chain::from(db, last_before(db, id, before, last.flatten())?)?;
    let (mut newest, mut enough): (Vec<Row>, _) = (Vec::new(), None);
    while let Some(line) = chain.next()? {
        let at = Timestamp::from_micros(line.at);
        if enough.is_some_and(|enough| at < enough) {
            break;
        }
        if at < before {
            newest.extend(line.into_row(id));
        }
        if enough.is_none() && newest.len() >= limit {
            // Whatever is written before this line happened before all that was found.
            enough = newest.iter().map(|row| row.at.minus(DISORDER)).min();
        }
    }
    newest.sort_by_key(|row| std::cmp::Reverse((row.at, row.tag)));
    newest.truncate(limit);
    Ok(newest)
}

/// Where to begin to follow the lines of `id` back, to find all before `before`: its line `last`, or an older one behind which
/// nothing happened before `before`. So a deep page costs what the first does, unless others have filled the lines between.
fn last_before(db: &Connection, id: &MonitorId, before: Timestamp, last: Option<i64>) -> rusqlite::Result<Option<i64>> {
    let end = first_line_of(db, before.plus(DISORDER).plus(DISORDER))?;
    if last.is_none_or(|last| last < end) {
        return Ok(last);
    }
    let near =
        db.prepare_cached(LAST_NEAR)?.query_row(params![end, NEAR, id.to_string()], |row| row.get(0)).optional()?;
    Ok(near.or(last))
}

/// The newest rows of a project before `before`. It reads the table's lines backwards: those of other projects among them are
/// passed over, which costs time and no index that pings would have to keep. A row that cannot be understood hides no other.
pub(crate) fn newest_of_project(
    db: &Connection,
    project: &Project,
    before: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<Row>> {
    // From the first line on that was written so late that all behind it happened at `before` or after.
    let end = first_line_of(db, before.plus(DISORDER).plus(DISORDER))?;
    let mut statement = db.prepare_cached(LINES_BEFORE)?;
    let mut lines = statement.query(params![end, project.as_str()])?;
    let (mut newest, mut enough): (Vec<Row>, _) = (Vec::new(), None);
    while let Some(line) = lines.next()? {
        let at = Timestamp::from_micros(line.get(1)?);
        if enough.is_some_and(|enough| at < enough) {
            break;
        }
        if at < before {
            newest.extend(row_of_any(line)?);
        }
        if enough.is_none() && newest.len() >= limit {
            // Whatever is written before this line happened before all that was found.
            enough = newest.iter().map(|row| row.at.minus(DISORDER)).min();
        }
    }
    newest.sort_by(|one, other| (other.at, other.tag, &other.monitor).cmp(&(one.at, one.tag, &one.monitor)));
    newest.truncate(limit);
    Ok(newest)
}

/// A project's rows from [`FEED_OVERLAP`] before `since` on, oldest first. A row that cannot be understood hides no other.
pub(crate) fn feed(db: &Connection, project: &Project, since: Timestamp, limit: usize) -> rusqlite::Result<Vec<Row>> {
    let from = since.minus(FEED_OVERLAP);
    let mut statement = db.prepare_cached(LINES_FROM)?;
    let mut lines = statement.query(params![first_line_of(db, from)?, project.as_str()])?;
    let (mut oldest, mut found, mut enough): (Vec<Row>, _, _) = (Vec::new(), 0, None);
    while let Some(line) = lines.next()? {
        let at = Timestamp::from_micros(line.get(1)?);
        if enough.is_some_and(|enough| at > enough) {
            break;
        }
        if at >= from {
            oldest.extend(row_of_any(line)?);
        }
        found += usize::from(at >= since);
        if enough.is_none() && found >= limit {
            // Whatever is written behind this line happened after all that was found.
            enough = oldest.iter().map(|row| row.at.plus(DISORDER)).max();
        }
    }
    oldest.sort_by_key(|row| (row.at, row.tag));
    let overlap = oldest.iter().filter(|row| row.at < since).count();
    oldest.truncate(overlap.saturating_add(limit));
    Ok(oldest)
}

/// The newest attempts to deliver on a project's channel before `before`, newest first. A row that cannot be understood hides
/// no other.
pub(crate) fn deliveries(
    db: &Connection,
    project: &Project,
    channel: &ChannelName,
    before: Timestamp,
    limit: usize,
) -> rusqlite::Result<Vec<Row>> {
    let mut statement = db.prepare_cached(LINES_OF_CHANNEL)?;
    let mut lines = statement.query(params![place_of(project, channel), before.as_micros()])?;
    let mut newest: Vec<Row> = Vec::new();
    while let Some(line) = lines.next()? {
        let at = Timestamp::from_micros(line.get(1)?);
        // Of one instant all are looked at, to be in an order of their own.
        if newest.len() >= limit && newest.last().is_none_or(|last| at < last.at) {
            break;
        }
        newest.extend(row_of_any(line)?);
    }
    newest.sort_by(|one, other| (other.at, other.tag, &other.monitor).cmp(&(one.at, one.tag, &one.monitor)));
    newest.truncate(limit);
    Ok(newest)
}

/// A line before which everything happened before `from`, and not many lines too early: found by halves.
fn first_line_of(db: &Connection, from: Timestamp) -> rusqlite::Result<i64> {
    let surely_before = from.minus(DISORDER).as_micros();
    let (first, last): (Option<i64>, Option<i64>) =
        db.prepare_cached(ENDS)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (mut low, mut high) = (first.unwrap_or(0), last.map_or(0, |last| last.saturating_add(1)));
    let mut look = db.prepare_cached(FIRST_FROM)?;
    while low < high {
        let middle = low + (high - low) / 2;
        let found: Option<(i64, i64)> = look.query_row([middle], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        match found {
            Some((line, at)) if at < surely_before => low = line.saturating_add(1),
            Some(_) | None => high = middle,
        }
    }
    Ok(low)
}

/// A line of `LINES_FROM`, `LINES_BEFORE` or `LINES_OF_CHANNEL`.
fn row_of_any(line: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Row>> {
    let monitor: String = line.get(0)?;
    let Some(id) = MonitorId::parse(&monitor) else { return Ok(None) };
    let happening = line.get_ref(3)?.as_bytes().unwrap_or_default().to_vec();
    Ok(Link { at: line.get(1)?, tag: line.get(2)?, happening }.into_row(&id))
}

/// The lines of one monitor, the last written first. It ends where lines have been forgotten.
struct Chain<'db> {
    line: CachedStatement<'db>,
    next: Option<i64>,
}

struct Link {
    at: i64,
    tag: i64,
    happening: Vec<u8>,
}

impl<'db> Chain<'db> {
    fn from(db: &'db Connection, last: Option<i64>) -> rusqlite::Result<Self> {
        Ok(Self { line: db.prepare_cached(LINE)?, next: last })
    }

    fn next(&mut self) -> rusqlite::Result<Option<Link>> {
        let Some(number) = self.next.take() else { return Ok(None) };
        let read = self.line.query_row([number], |row| {
            let happening = row.get_ref(3)?.as_bytes().unwrap_or_default().to_vec();
            Ok((row.get(0)?, Link { at: row.get(1)?, tag: row.get(2)?, happening }))
        });
        let Some((before, link)) = read.optional()? else { return Ok(None) };
        self.next = before;
        Ok(Some(link))
    }
}

impl Link {
    fn into_row(self, id: &MonitorId) -> Option<Row> {
        match serde_json::from_slice(&self.happening) {
            Ok(happening) => Some(Row {
                monitor: id.clone(),
                at: Timestamp::from_micros(self.at),
                tag: self.tag.cast_unsigned(),
                happening,
            }),
            Err(error) => {
                tracing::warn!(monitor = %id, %error, "a row of history cannot be understood and is left out");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{open::Mode, schema::migrate};

    const JOBS: i64 = 3;
    const LINES: i64 = 3_000;

    /// Lines of three jobs in turn, one a second, each written up to seven seconds later than what it tells of happened; then
    /// more of the last job alone than are searched.
    fn written() -> (Connection, Vec<Row>) {
        let mut db = Connection::open_in_memory().unwrap();
        assert!(migrate(&mut db, Mode::Serve).is_ok());
        let mut last = std::collections::HashMap::new();
        let mut rows = Vec::new();
        for second in 0..LINES + NEAR + 100 {
            let job = if second < LINES { second % JOBS } else { JOBS - 1 };
            let monitor = MonitorId::parse(&format!("default/job-{job}")).unwrap();
            let at = Timestamp::from_secs(1_000 + second).minus(Duration::from_secs(second.unsigned_abs() * 5 % 8));
            let row = Row { monitor, at, tag: second.unsigned_abs(), happening: Happening::Paused { by: None } };
            let line = append(&db, &[Line::of(&row)], last.get(&job).copied()).unwrap();
            last.insert(job, line.unwrap());
            rows.push(row);
        }
        for (job, line) in last {
            let insert = "INSERT INTO monitor (id, last_line, rest) VALUES (?1, ?2, '{}')";
            db.execute(insert, params![format!("default/job-{job}"), line]).unwrap();
        }
        (db, rows)
    }

    #[test]
    fn a_page_is_the_same_wherever_it_is_begun() {
        let (db, rows) = written();
        for job in 0..JOBS {
            let id = MonitorId::parse(&format!("default/job-{job}")).unwrap();
            let mut all: Vec<_> = rows.iter().filter(|row| row.monitor == id).cloned().collect();
            all.sort_by_key(|row| std::cmp::Reverse((row.at, row.tag)));
            for before in (0..LINES + NEAR + 200).step_by(997).map(|second| Timestamp::from_secs(990 + second)) {
                let expected: Vec<_> = all.iter().filter(|row| row.at < before).take(7).cloned().collect();
                assert_eq!(newest(&db, &id, before, 7).unwrap(), expected, "{id} before {before}");
            }
        }
    }

    #[test]
    fn a_deep_page_does_not_follow_every_line_since() {
        let (db, _) = written();
        let (busy, silent) = (MonitorId::parse("default/job-2").unwrap(), MonitorId::parse("default/job-0").unwrap());
        let deep = Timestamp::from_secs(1_000 + 600);
        let begun = last_before(&db, &busy, deep, Some(LINES + NEAR + 100)).unwrap().unwrap();
        assert!((600..650).contains(&begun), "{begun}");
        let begun = last_before(&db, &silent, Timestamp::MAX, Some(LINES - 2)).unwrap();
        assert_eq!(begun, Some(LINES - 2), "its last line, however long ago");
    }
}
