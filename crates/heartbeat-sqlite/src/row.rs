//! A monitor's attributes as columns. What `extend` touches has a column of its own, so that an ordinary ping parses no
//! JSON; everything else, known or not, is one JSON object.

use heartbeat_core::{
    MonitorId, Timestamp,
    item::{Attributes, Corrupt, decode},
    store::{Found, Stored, WriteId},
};
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter, types::Value as Column};
use serde_json::Value;

/// How an attribute is kept in its column.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// An unsigned number: its 64 bits.
    Unsigned,
    /// An instant.
    Instant,
    /// Present or not.
    Flag,
}

/// The attributes that have a column, in the order of the statements below.
pub(crate) const COLUMNS: [(&str, Kind); 14] = [
    ("v", Kind::Unsigned),
    ("shard", Kind::Unsigned),
    ("rev", Kind::Unsigned),
    ("write_id", Kind::Unsigned),
    ("ordinary", Kind::Flag),
    ("interval_s", Kind::Unsigned),
    ("grace_s", Kind::Unsigned),
    ("window_s", Kind::Unsigned),
    ("due_at", Kind::Instant),
    ("wake_at", Kind::Instant),
    ("last_ping_at", Kind::Instant),
    ("last_remark_at", Kind::Instant),
    ("ping_count", Kind::Unsigned),
    ("expires_at", Kind::Instant),
];

/// The columns that [`Record::read`] expects, in its order.
macro_rules! columns {
    () => {
        "id, deleted_until, rest, last_line, v, shard, rev, write_id, ordinary, interval_s, grace_s, window_s, due_at, wake_at, \
         last_ping_at, last_remark_at, ping_count, expires_at"
    };
}
pub(crate) use columns;

const LOAD: &str = concat!("SELECT ", columns!(), " FROM monitor WHERE id = ?1");
const SAVE: &str = concat!(
    "INSERT OR REPLACE INTO monitor (",
    columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
);

/// A row of `monitor`.
pub(crate) struct Record {
    /// Its key.
    pub(crate) id: String,
    /// Until when a tombstone holds.
    deleted_until: Option<Timestamp>,
    /// Its newest line of history.
    pub(crate) last_line: Option<i64>,
    /// Its attributes, if they can be read at all.
    attributes: Result<Attributes, Corrupt>,
}

impl Record {
    /// Reads a row that has the columns of `columns!`.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let id = String::from_utf8_lossy(row.get_ref(0)?.as_bytes().unwrap_or_default()).into_owned();
        let deleted_until = row.get::<_, Option<i64>>(1)?.map(Timestamp::from_micros);
        let rest = row.get_ref(2)?.as_bytes().unwrap_or_default();
        let mut attributes = parse_rest(&id, rest);
        if let Ok(attributes) = &mut attributes {
            attributes.insert("id".to_owned(), id.clone().into());
            if let Some((project, slug)) = id.split_once('/') {
                attributes.insert("project".to_owned(), project.into());
                attributes.insert("slug".to_owned(), slug.into());
            }
            for (column, (name, kind)) in (4..).zip(COLUMNS) {
                if let Some(value) = row.get::<_, Option<i64>>(column)?.and_then(|number| attribute(kind, number)) {
                    attributes.insert(name.to_owned(), value);
                }
            }
        }
        Ok(Self { id, deleted_until, last_line: row.get(3)?, attributes })
    }

    /// The row of `id`.
    pub(crate) fn load(db: &Connection, id: &str) -> rusqlite::Result<Option<Self>> {
        db.prepare_cached(LOAD)?.query_row([id], Self::read).optional()
    }

    /// What it is to somebody who looks at `now`.
    pub(crate) fn found(self, now: Timestamp) -> Result<Found, Corrupt> {
        match self.deleted_until {
            Some(until) if until > now => return Ok(Found::Deleted),
            Some(_) => return Ok(Found::Nothing),
            None => {}
        }
        let attributes = self.attributes?;
        if instant(&attributes, "expires_at").is_some_and(|at| at <= now) {
            return Ok(Found::Nothing);
        }
        Ok(Found::Monitor(Box::new(decode(attributes)?)))
    }

    /// What it is to somebody who looks at `now`, and its attributes, known and unknown.
    pub(crate) fn found_with_attributes(self, now: Timestamp) -> Result<(Found, Attributes), Corrupt> {
        let attributes = self.attributes.clone().unwrap_or_default();
        Ok((self.found(now)?, attributes))
    }

    /// The monitor and its attributes, known and unknown; `None` for a tombstone.
    pub(crate) fn into_monitor(self) -> Result<Option<(Stored, Attributes)>, Corrupt> {
        if self.deleted_until.is_some() {
            return Ok(None);
        }
        let attributes = self.attributes?;
        Ok(Some((decode(attributes.clone())?, attributes)))
    }

    /// Whether the write `id` was the last one here.
    pub(crate) fn is_written_by(&self, id: WriteId) -> bool {
        let attributes = self.attributes.as_ref().ok();
        attributes.and_then(|attributes| attributes.get("write_id")).and_then(Value::as_u64) == Some(id.0)
    }
}

/// What is there under a row that may not be.
pub(crate) fn found(record: Option<Record>, now: Timestamp) -> Result<Found, Corrupt> {
    record.map_or(Ok(Found::Nothing), |record| record.found(now))
}

/// The instant of this name among the attributes.
pub(crate) fn instant(attributes: &Attributes, name: &str) -> Option<Timestamp> {
    attributes.get(name).and_then(Value::as_i64).map(Timestamp::from_micros)
}

/// Writes these attributes under `id`, with its newest line of history.
pub(crate) fn save(
    db: &Connection,
    id: &MonitorId,
    last_line: Option<i64>,
    mut attributes: Attributes,
) -> rusqlite::Result<()> {
    let columns = COLUMNS.map(|(name, kind)| column(kind, attributes.remove(name).as_ref()));
    for in_the_key in ["id", "project", "slug"] {
        attributes.remove(in_the_key);
    }
    let first = [Column::Null, Column::Text(Value::Object(attributes).to_string()), last_line.into()];
    write(db, id.to_string(), first, columns)
}

/// Writes a tombstone under `id`.
pub(crate) fn bury(
    db: &Connection,
    id: &MonitorId,
    last_line: Option<i64>,
    until: Timestamp,
    write_id: WriteId,
) -> rusqlite::Result<()> {
    let columns = COLUMNS.map(|(name, _)| match name {
        "write_id" => Column::Integer(write_id.0.cast_signed()),
        _ => Column::Null,
    });
    write(db, id.to_string(), [until.as_micros().into(), Column::Text("{}".to_owned()), last_line.into()], columns)
}

/// Writes a row: its tombstone, its other attributes as JSON and its newest line of history, and its columns.
pub(crate) fn write(
    db: &Connection,
    id: String,
    first: [Column; 3],
    columns: [Column; COLUMNS.len()],
) -> rusqlite::Result<()> {
    let id = std::iter::once(Column::Text(id));
    db.prepare_cached(SAVE)?.execute(params_from_iter(id.chain(first).chain(columns)))?;
    Ok(())
}

fn parse_rest(id: &str, rest: &[u8]) -> Result<Attributes, Corrupt> {
    serde_json::from_slice(rest).map_err(|error| Corrupt { id: id.to_owned(), reason: error.to_string() })
}

pub(crate) fn attribute(kind: Kind, number: i64) -> Option<Value> {
    match kind {
        Kind::Unsigned => Some(number.cast_unsigned().into()),
        Kind::Instant => Some(number.into()),
        Kind::Flag => (number != 0).then_some(Value::Bool(true)),
    }
}

pub(crate) fn column(kind: Kind, value: Option<&Value>) -> Column {
    let number = value.and_then(|value| match kind {
        Kind::Unsigned => value.as_u64().map(u64::cast_signed),
        Kind::Instant => value.as_i64(),
        Kind::Flag => value.as_bool().map(i64::from),
    });
    number.map_or(Column::Null, Column::Integer)
}
