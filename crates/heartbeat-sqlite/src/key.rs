//! Keys, as rows: the SHA-256 of each, never the key.

use heartbeat_core::{
    Project, Slug, Timestamp,
    item::Corrupt,
    key::{KeyHash, KeyRecord, Scope},
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::writer::Failure;

const PUT: &str = "INSERT OR REPLACE INTO key \
                   (hash, project, scopes, monitor, description, created_at, expires_at, revoked_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const FIND: &str = "SELECT hash, project, scopes, monitor, description, created_at, expires_at, revoked_at \
                    FROM key WHERE hash = ?1";
const ALL: &str = "SELECT hash, project, scopes, monitor, description, created_at, expires_at, revoked_at \
                   FROM key ORDER BY created_at, hash";

/// Stores a key, over one of the same hash.
pub(crate) fn put(db: &Connection, key: &KeyRecord) -> rusqlite::Result<()> {
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    db.prepare_cached(PUT)?.execute(params![
        key.hash.to_hex(),
        key.project.as_str(),
        scopes.join(" "),
        key.monitor.as_ref().map(Slug::as_str),
        key.description,
        key.created_at.as_micros(),
        key.expires_at.map(Timestamp::as_micros),
        key.revoked_at.map(Timestamp::as_micros),
    ])?;
    Ok(())
}

/// The key of this hash.
pub(crate) fn find(db: &Connection, hash: KeyHash) -> Result<Option<KeyRecord>, Failure> {
    let stored = db.prepare_cached(FIND)?.query_row([hash.to_hex()], StoredKey::read).optional()?;
    Ok(stored.map(StoredKey::into_record).transpose()?)
}

/// All keys, oldest first. One that cannot be understood hides no other.
pub(crate) fn all(db: &Connection) -> Result<Vec<KeyRecord>, Failure> {
    let mut keys = Vec::new();
    for stored in db.prepare_cached(ALL)?.query_map([], StoredKey::read)? {
        match stored?.into_record() {
            Ok(key) => keys.push(key),
            Err(error) => tracing::error!(%error, "a stored key cannot be understood and is left out"),
        }
    }
    Ok(keys)
}

struct StoredKey {
    hash: String,
    project: String,
    scopes: String,
    monitor: Option<String>,
    description: String,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl StoredKey {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            hash: row.get(0)?,
            project: row.get(1)?,
            scopes: row.get(2)?,
            monitor: row.get(3)?,
            description: row.get(4)?,
            created_at: row.get(5)?,
            expires_at: row.get(6)?,
            revoked_at: row.get(7)?,
        })
    }

    /// A scope that this version does not know is not granted. A limit that it cannot read is no key at all.
    fn into_record(self) -> Result<KeyRecord, Corrupt> {
        let name = self.hash.chars().take(12).collect::<String>();
        let corrupt = |reason: &str| Corrupt { id: format!("key {name}"), reason: reason.to_owned() };
        Ok(KeyRecord {
            hash: KeyHash::from_hex(&self.hash).ok_or_else(|| corrupt("its hash is none"))?,
            project: Project::parse(&self.project).map_err(|error| corrupt(&error.to_string()))?,
            scopes: self.scopes.split(' ').filter_map(Scope::parse).collect(),
            monitor: self.monitor.as_deref().map(Slug::parse).transpose().map_err(|e| corrupt(&e.to_string()))?,
            description: self.description,
            created_at: Timestamp::from_micros(self.created_at),
            expires_at: self.expires_at.map(Timestamp::from_micros),
            revoked_at: self.revoked_at.map(Timestamp::from_micros),
        })
    }
}
