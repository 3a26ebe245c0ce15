//! Everything in the file as records, for those who move it. Attributes are carried whatever they mean; what the store adds
//! for itself (the shard, the numbers of lines) stays here.
//!
//! Lines of history are numbered in the order of what they tell, and another store hands them over in an order of its own.
//! So they gather beside it first, and are put in order when all have arrived.

mod arrivals;

use async_trait::async_trait;
use heartbeat_core::{
    StoreError,
    archive::{Archive, DELETED_UNTIL, Kind, MARK, Page, Place, Record, Refused, UNREADABLE, stays},
    directory::{Entry, Put},
    item::Attributes,
};
use rusqlite::{Connection, OptionalExtension, Row, params, types::Value as Column};
use serde_json::{Value, json};

use crate::{
    directory,
    row::{COLUMNS, attribute, column, columns, write},
    store::{SqliteStore, at_most},
    writer::{Failure, Outcome},
};

const MONITORS: &str = concat!("SELECT ", columns!(), " FROM monitor WHERE id > ?1 ORDER BY id LIMIT ?2");
const MONITOR: &str = concat!("SELECT ", columns!(), " FROM monitor WHERE id = ?1");
const LINES: &str = "SELECT line, monitor, at, tag, happening FROM history WHERE line > ?1 ORDER BY line LIMIT ?2";
const KEYS: &str = "SELECT hash, project, scopes, monitor, description, created_at, expires_at, revoked_at FROM key \
                    WHERE hash > ?1 ORDER BY hash LIMIT ?2";
const KEY: &str = "SELECT hash, project, scopes, monitor, description, created_at, expires_at, revoked_at FROM key \
                   WHERE hash = ?1";
const PUT_KEY: &str = "INSERT INTO key (hash, project, scopes, monitor, description, created_at, expires_at, revoked_at) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const ENTRIES: &str = "SELECT pk, sk, rev, value FROM directory WHERE (pk, sk) > (?1, ?2) ORDER BY pk, sk LIMIT ?3";
const ENTRY: &str = "SELECT pk, sk, rev, value FROM directory WHERE pk = ?1 AND sk = ?2";
const PUT_ENTRY: &str = "INSERT INTO directory (pk, sk, rev, value) VALUES (?1, ?2, ?3, ?4)";
/// The attributes of a key.
const OF_A_KEY: [&str; 7] = ["project", "scopes", "monitor", "description", "created_at", "expires_at", "revoked_at"];

#[async_trait]
impl Archive for SqliteStore {
    async fn size(&self, kind: Kind) -> Result<u64, StoreError> {
        let count = match kind {
            Kind::Entry => "SELECT count(*) FROM directory",
            Kind::Event => "SELECT count(*) FROM history",
            Kind::Monitor => "SELECT count(*) FROM monitor",
            Kind::Key => "SELECT count(*) FROM key",
        };
        let count: i64 = self.readers().read(|db| Ok(db.query_row(count, [], |row| row.get(0))?)).await?;
        Ok(count.unsigned_abs())
    }

    async fn page(&self, kind: Kind, from: Option<&Place>, limit: usize) -> Result<Page, StoreError> {
        let from = from.cloned().unwrap_or_default();
        self.readers()
            .read(move |db| {
                Ok(match kind {
                    Kind::Entry => entries(db, &from, limit)?,
                    Kind::Event => lines(db, &from, limit)?,
                    Kind::Monitor => monitors(db, &from, limit)?,
                    Kind::Key => keys(db, &from, limit)?,
                })
            })
            .await
    }

    async fn mark(&self) -> Result<Option<Entry>, StoreError> {
        self.readers().read(|db| directory::entry(db, MARK.0, MARK.1)).await
    }

    async fn put(&self, records: Vec<Record>, mark: Entry) -> Result<Vec<Refused>, StoreError> {
        let put = self.writer().write(move |db| put(db, &records, &mark).map(Outcome::quiet)).await?;
        put.ok_or_else(|| StoreError::Unavailable("another copy into this file is under way".to_owned()))
    }

    async fn complete(&self) -> Result<(), StoreError> {
        self.writer().write(|db| Ok(Outcome::quiet(arrivals::put_in_order(db)?))).await
    }
}

/// A page of records, each with the place behind it.
fn page_of(records: Vec<(Record, Value)>, limit: usize) -> Page {
    let next = if records.len() < limit { None } else { records.last().map(|(_, place)| place.clone()) };
    Page { records: records.into_iter().map(|(record, _)| record).collect(), next }
}

fn entries(db: &Connection, from: &Value, limit: usize) -> rusqlite::Result<Page> {
    let part = |number: usize| from.get(number).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut statement = db.prepare_cached(ENTRIES)?;
    let read = statement.query_map(params![part(0), part(1), at_most(limit)], |row| {
        let place: [String; 2] = [row.get(0)?, row.get(1)?];
        Ok((entry_record(row)?, json!(place)))
    })?;
    let mut page = page_of(read.collect::<rusqlite::Result<_>>()?, limit);
    page.records.retain(|entry| {
        let text = |name: &str| entry.attributes.get(name).and_then(Value::as_str).unwrap_or_default();
        !stays(text("pk"), text("sk"))
    });
    Ok(page)
}

fn entry_record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let (pk, sk, rev): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let value = row.get_ref(3)?.as_bytes().unwrap_or_default();
    Ok(Record::entry(&pk, &sk, rev.cast_unsigned(), read_json(value)))
}

fn lines(db: &Connection, from: &Value, limit: usize) -> rusqlite::Result<Page> {
    let mut statement = db.prepare_cached(LINES)?;
    let read = statement.query_map(params![from.as_i64().unwrap_or(i64::MIN), at_most(limit)], |row| {
        let (line, monitor, at, tag): (i64, String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let happening = read_json(row.get_ref(4)?.as_bytes().unwrap_or_default());
        Ok((Record::event(&monitor, at, tag.cast_unsigned(), happening), line.into()))
    })?;
    Ok(page_of(read.collect::<rusqlite::Result<_>>()?, limit))
}

fn monitors(db: &Connection, from: &Value, limit: usize) -> rusqlite::Result<Page> {
    let mut statement = db.prepare_cached(MONITORS)?;
    let read = statement.query_map(params![from.as_str().unwrap_or_default(), at_most(limit)], |row| {
        let record = monitor_record(row)?;
        let place = record.name.as_str().into();
        Ok((record, place))
    })?;
    Ok(page_of(read.collect::<rusqlite::Result<_>>()?, limit))
}

fn monitor_record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let name = String::from_utf8_lossy(row.get_ref(0)?.as_bytes().unwrap_or_default()).into_owned();
    let until: Option<i64> = row.get(1)?;
    let mut attributes = match read_json(row.get_ref(2)?.as_bytes().unwrap_or_default()) {
        Value::Object(attributes) => attributes,
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            Attributes::from_iter([(UNREADABLE.to_owned(), other.to_string().into())])
        }
    };
    for (column, (name, kind)) in (4..).zip(COLUMNS) {
        if let Some(value) = row.get::<_, Option<i64>>(column)?.and_then(|number| attribute(kind, number)) {
            attributes.insert(name.to_owned(), value);
        }
    }
    attributes.extend(until.map(|until| (DELETED_UNTIL.to_owned(), until.into())));
    for own in ["id", "shard"] {
        attributes.remove(own);
    }
    for (part, text) in ["project", "slug"].into_iter().zip(name.split('/')) {
        if attributes.get(part).is_some_and(|said| said == text) {
            attributes.remove(part);
        }
    }
    Ok(Record { kind: Kind::Monitor, name, attributes })
}

fn keys(db: &Connection, from: &Value, limit: usize) -> rusqlite::Result<Page> {
    let mut statement = db.prepare_cached(KEYS)?;
    let read = statement.query_map(params![from.as_str().unwrap_or_default(), at_most(limit)], |row| {
        let record = key_record(row)?;
        let place = record.name.as_str().into();
        Ok((record, place))
    })?;
    Ok(page_of(read.collect::<rusqlite::Result<_>>()?, limit))
}

fn key_record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let text = |column| row.get::<_, Option<String>>(column).map(|text| text.map(Value::from));
    let number = |column| row.get::<_, Option<i64>>(column).map(|number| number.map(Value::from));
    let scopes: String = row.get(2)?;
    let scopes: Vec<&str> = scopes.split(' ').filter(|word| !word.is_empty()).collect();
    let values = [text(1)?, Some(scopes.into()), text(3)?, text(4)?, number(5)?, number(6)?, number(7)?];
    let attributes = OF_A_KEY.into_iter().zip(values).filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Ok(Record { kind: Kind::Key, name: row.get(0)?, attributes: attributes.collect() })
}

/// JSON, or what is no JSON under a name for it.
fn read_json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap_or_else(|_| json!({ UNREADABLE: String::from_utf8_lossy(text) }))
}

/// The text of [`read_json`].
fn write_json(value: &Value) -> String {
    let unreadable = value.as_object().filter(|entries| entries.len() == 1).and_then(|entries| entries.get(UNREADABLE));
    unreadable.and_then(Value::as_str).map_or_else(|| value.to_string(), str::to_owned)
}

/// Adds records, and notes the mark; `None` when the mark that is there is not the one before it.
fn put(db: &Connection, records: &[Record], mark: &Entry) -> Result<Option<Vec<Refused>>, Failure> {
    // First: what this job has written stays written when it alone comes to nothing.
    match directory::put(db, mark)?.answer {
        Put::Done => {}
        Put::Conflict(_) => return Ok(None),
    }
    let mut refused = Vec::new();
    for record in records {
        let put = match record.kind {
            Kind::Entry => put_entry(db, record)?,
            Kind::Event => arrivals::put(db, record)?,
            Kind::Monitor => put_monitor(db, record)?,
            Kind::Key => put_key(db, record)?,
        };
        refused.extend(put.err());
    }
    Ok(Some(refused))
}

/// Whether a record was taken.
type Taken = Result<(), Refused>;

/// Whether `record` need not, or must not, be written over what is `there`.
fn beside(record: &Record, there: Option<Record>) -> Option<Taken> {
    let there = there?;
    Some(if there.fingerprint() == record.fingerprint() { Ok(()) } else { Err(Refused::taken(record)) })
}

fn put_monitor(db: &Connection, record: &Record) -> rusqlite::Result<Taken> {
    let there = db.prepare_cached(MONITOR)?.query_row([&record.name], monitor_record).optional()?;
    if let Some(taken) = beside(record, there) {
        return Ok(taken);
    }
    let mut attributes = record.attributes.clone();
    let until = attributes.get(DELETED_UNTIL).and_then(Value::as_i64);
    if until.is_some() {
        attributes.remove(DELETED_UNTIL);
    } else {
        attributes.insert("shard".to_owned(), 0.into());
    }
    let columns = COLUMNS.map(|(name, kind)| {
        let value = attributes.get(name);
        let column = column(kind, value);
        // What the column cannot say stays among the others.
        let says_it = matches!(&column, Column::Integer(number) if attribute(kind, *number).as_ref() == value);
        if says_it {
            attributes.remove(name);
            column
        } else {
            Column::Null
        }
    });
    let rest = write_json(&Value::Object(attributes));
    let first = [until.map_or(Column::Null, Column::Integer), Column::Text(rest), Column::Null];
    write(db, record.name.clone(), first, columns)?;
    Ok(Ok(()))
}

fn put_key(db: &Connection, record: &Record) -> rusqlite::Result<Taken> {
    let there = db.prepare_cached(KEY)?.query_row([&record.name], key_record).optional()?;
    if let Some(taken) = beside(record, there) {
        return Ok(taken);
    }
    if let Err(reason) = fits(record) {
        return Ok(Err(Refused::new(record, reason)));
    }
    let value = |name: &str| record.attributes.get(name);
    let (text, number) =
        (|name: &str| value(name).and_then(Value::as_str), |name: &str| value(name).and_then(Value::as_i64));
    let scopes = value("scopes").and_then(Value::as_array).into_iter().flatten();
    let scopes: Vec<&str> = scopes.filter_map(Value::as_str).collect();
    db.prepare_cached(PUT_KEY)?.execute(params![
        record.name,
        text("project"),
        scopes.join(" "),
        text("monitor"),
        text("description"),
        number("created_at"),
        number("expires_at"),
        number("revoked_at"),
    ])?;
    Ok(Ok(()))
}

/// Whether a key has what a row of keys holds, and nothing else: what may be a limit is never left out.
fn fits(record: &Record) -> Result<(), String> {
    let is_word = |word: &Value| word.as_str().is_some_and(|word| !word.is_empty() && !word.contains(' '));
    for (name, value) in &record.attributes {
        let fits = match name.as_str() {
            "project" | "monitor" | "description" => value.is_string(),
            "scopes" => value.as_array().is_some_and(|words| words.iter().all(is_word)),
            "created_at" | "expires_at" | "revoked_at" => value.is_i64(),
            _ => false,
        };
        if !fits {
            return Err(format!("a file of this version cannot hold its attribute {name}"));
        }
    }
    let missing = ["project", "scopes", "description", "created_at"];
    let missing = missing.into_iter().find(|name| !record.attributes.contains_key(*name));
    missing.map_or(Ok(()), |name| Err(format!("it has no {name}")))
}

fn put_entry(db: &Connection, record: &Record) -> rusqlite::Result<Taken> {
    let value = |name: &str| record.attributes.get(name);
    let text = |name: &str| value(name).and_then(Value::as_str);
    let rev = value("rev").and_then(Value::as_u64);
    let (Some(pk), Some(sk), Some(rev), Some(said), 4) =
        (text("pk"), text("sk"), rev, value("value"), record.attributes.len())
    else {
        return Ok(Err(Refused::new(record, "a file of this version cannot hold its attributes")));
    };
    let there = db.prepare_cached(ENTRY)?.query_row([pk, sk], entry_record).optional()?;
    if let Some(taken) = beside(record, there) {
        return Ok(taken);
    }
    db.prepare_cached(PUT_ENTRY)?.execute(params![pk, sk, rev.cast_signed(), write_json(said)])?;
    Ok(Ok(()))
}
