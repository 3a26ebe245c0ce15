//! The directory: small entries, each written only over the revision before it.

use heartbeat_core::{
    directory::{Entry, Put},
    item::Corrupt,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::writer::{Failure, Outcome};

const ENTRY: &str = "SELECT sk, rev, value FROM directory WHERE pk = ?1 AND sk = ?2";
const ENTRIES: &str = "SELECT sk, rev, value FROM directory WHERE pk = ?1 ORDER BY sk";
/// Revision 1 goes where nothing is.
const FIRST: &str = "INSERT INTO directory (pk, sk, rev, value) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
const NEXT: &str = "UPDATE directory SET rev = ?3, value = ?4 WHERE pk = ?1 AND sk = ?2 AND rev = ?3 - 1";

/// The entry at this place.
pub(crate) fn entry(db: &Connection, pk: &str, sk: &str) -> Result<Option<Entry>, Failure> {
    let stored = db.prepare_cached(ENTRY)?.query_row([pk, sk], StoredEntry::read).optional()?;
    Ok(stored.map(|stored| stored.into_entry(pk)).transpose()?)
}

/// The entries under `pk`, by `sk`. One that cannot be understood hides no other.
pub(crate) fn entries(db: &Connection, pk: &str) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for stored in db.prepare_cached(ENTRIES)?.query_map([pk], StoredEntry::read)? {
        match stored?.into_entry(pk) {
            Ok(entry) => entries.push(entry),
            Err(error) => tracing::error!(%error, "an entry of the directory cannot be understood and is left out"),
        }
    }
    Ok(entries)
}

/// Stores an entry over the revision before it.
pub(crate) fn put(db: &Connection, entry: &Entry) -> Result<Outcome<Put>, Failure> {
    let statement = if entry.rev == 1 { FIRST } else { NEXT };
    let rev = entry.rev.cast_signed();
    let changed = db.prepare_cached(statement)?.execute(params![entry.pk, entry.sk, rev, entry.value.to_string()])?;
    if changed == 1 {
        return Ok(Outcome::quiet(Put::Done));
    }
    let there = self::entry(db, &entry.pk, &entry.sk)?;
    // The same again is done: the first answer may have been lost.
    Ok(Outcome::quiet(if there.as_ref() == Some(entry) { Put::Done } else { Put::Conflict(there) }))
}

struct StoredEntry {
    sk: String,
    rev: i64,
    value: String,
}

impl StoredEntry {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { sk: row.get(0)?, rev: row.get(1)?, value: row.get(2)? })
    }

    fn into_entry(self, pk: &str) -> Result<Entry, Corrupt> {
        let value = serde_json::from_str(&self.value)
            .map_err(|error| Corrupt { id: format!("{pk}/{}", self.sk), reason: error.to_string() })?;
        Ok(Entry { pk: pk.to_owned(), sk: self.sk, rev: self.rev.cast_unsigned(), value })
    }
}
