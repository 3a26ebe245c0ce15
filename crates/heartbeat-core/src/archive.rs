//! Everything that a store holds, record by record, so that it can be moved into another store: monitors with all their
//! attributes, those included that this version does not know, tombstones, keys, history and the directory.
//!
//! A record is the same wherever it is kept. What belongs to a store and not to what it holds is no part of it: which shard a
//! monitor is due in, where history waits, how far a walk of the store has come.
//!
//! What this version cannot understand is carried as it is.

mod compare;
mod copy;
mod fingerprint;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    compare::{Comparison, Difference, Side, Wrong, compare},
    copy::{Copied, CopyError, Step, copy, is_copy_of},
    fingerprint::Fingerprint,
};
use crate::{
    directory::Entry,
    history::Happening,
    item::{Attributes, Corrupt, decode},
    store::StoreError,
    time::Timestamp,
};

/// The attribute of a tombstone: until when it holds.
pub const DELETED_UNTIL: &str = "deleted_until";
/// The attribute that holds, as text, what is not even attributes.
pub const UNREADABLE: &str = "unreadable";
/// The attributes that no key is without.
const OF_EVERY_KEY: [&str; 3] = ["project", "scopes", "created_at"];
/// Where in the directory of its target a copy notes how far it has come.
pub const MARK: (&str, &str) = ("copy", "mark");

/// What kind of thing a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An entry of the directory.
    Entry,
    /// A row of history.
    Event,
    /// A monitor, or the tombstone of one.
    Monitor,
    /// A key.
    Key,
}

impl Kind {
    /// All kinds, in the order in which they are moved: keys last, so that half a house lets nobody in.
    pub const ALL: [Self; 4] = [Self::Entry, Self::Event, Self::Monitor, Self::Key];

    /// What one of them is called.
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Entry => "directory entry",
            Self::Event => "row of history",
            Self::Monitor => "monitor",
            Self::Key => "key",
        }
    }

    /// What several of them are called.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Entry => "directory entries",
            Self::Event => "rows of history",
            Self::Monitor => "monitors",
            Self::Key => "keys",
        }
    }
}

/// One thing that a store holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What kind of thing it is.
    pub kind: Kind,
    /// What it is called; no other of its kind is called so.
    pub name: String,
    /// What it says. Instants are in microseconds, durations in seconds, as in [`crate::item`].
    pub attributes: Attributes,
}

impl Record {
    /// A row of history.
    pub fn event(monitor: &str, at: i64, tag: u64, happening: Value) -> Self {
        let mut attributes = Attributes::new();
        for (name, value) in
            [("monitor", monitor.into()), ("at", at.into()), ("tag", tag.into()), ("happening", happening)]
        {
            attributes.insert(name.to_owned(), value);
        }
        Self { kind: Kind::Event, name: format!("{monitor} {at} {tag:016x}"), attributes }
    }

    /// An entry of the directory.
    pub fn entry(pk: &str, sk: &str, rev: u64, value: Value) -> Self {
        let mut attributes = Attributes::new();
        for (name, value) in [("pk", pk.into()), ("sk", sk.into()), ("rev", rev.into()), ("value", value)] {
            attributes.insert(name.to_owned(), value);
        }
        Self { kind: Kind::Entry, name: format!("{pk}/{sk}"), attributes }
    }

    /// Whether it is the tombstone of a monitor.
    pub fn is_tombstone(&self) -> bool {
        self.kind == Kind::Monitor && self.attributes.contains_key(DELETED_UNTIL)
    }

    /// What is wrong with it, where this version cannot understand it.
    pub fn trouble(&self) -> Option<Corrupt> {
        let corrupt = |reason: String| Corrupt { id: self.name.clone(), reason };
        match self.kind {
            Kind::Monitor if self.is_tombstone() => None,
            Kind::Monitor => decode(self.whole()).err().map(|error| corrupt(error.reason)),
            Kind::Event => {
                let happening = self.attributes.get("happening").cloned().unwrap_or_default();
                serde_json::from_value::<Happening>(happening).err().map(|error| corrupt(error.to_string()))
            }
            Kind::Entry => {
                let unreadable = self.attributes.get("value").is_some_and(|value| value.get(UNREADABLE).is_some());
                unreadable.then(|| corrupt("it cannot be read".to_owned()))
            }
            Kind::Key => {
                let missing = OF_EVERY_KEY.into_iter().find(|name| !self.attributes.contains_key(*name));
                missing.map(|name| corrupt(format!("it has no {name}")))
            }
        }
    }

    /// A monitor's attributes with those that its name, or its store, says.
    pub(crate) fn whole(&self) -> Attributes {
        let mut attributes = self.attributes.clone();
        attributes.insert("id".to_owned(), self.name.clone().into());
        attributes.insert("shard".to_owned(), 0.into());
        for (part, text) in ["project", "slug"].into_iter().zip(self.name.split('/')) {
            attributes.entry(part).or_insert_with(|| text.into());
        }
        attributes
    }

    /// Whether nobody sees it any more at `now`, where history is kept since `history_from`.
    pub fn is_gone_at(&self, now: Timestamp, history_from: Timestamp) -> bool {
        let instant = |name: &str| self.attributes.get(name).and_then(Value::as_i64).map(Timestamp::from_micros);
        match self.kind {
            Kind::Monitor => instant(DELETED_UNTIL).or_else(|| instant("expires_at")).is_some_and(|until| until <= now),
            Kind::Event => instant("at").is_some_and(|at| at <= history_from),
            Kind::Key | Kind::Entry => false,
        }
    }
}

/// Whether an entry of the directory is about the store that it is in: then it stays there.
pub fn stays(pk: &str, sk: &str) -> bool {
    // What processes over one store agree on, how far an auditor has come in the store's own order, and our own mark.
    matches!((pk, sk), ("settings", "shared") | ("checker", "audit")) || pk == MARK.0
}

/// Where a walk goes on; only the store that said it can read it.
pub type Place = Value;

/// A part of a walk.
#[derive(Clone, Debug)]
pub struct Page {
    /// What is there, of the kind that was asked for; beside monitors also rows of history that wait in them.
    pub records: Vec<Record>,
    /// Where the next page starts; `None` when this is the last.
    pub next: Option<Place>,
}

/// A record that a store did not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// What kind of thing it is.
    pub kind: Kind,
    /// What it is called.
    pub name: String,
    /// Why it was not taken.
    pub reason: String,
}

impl Refused {
    /// `record` is not taken because of `reason`.
    pub fn new(record: &Record, reason: impl Into<String>) -> Self {
        Self { kind: record.kind, name: record.name.clone(), reason: reason.into() }
    }

    /// Something else is there under its name, and nothing is ever written over.
    pub fn taken(record: &Record) -> Self {
        Self::new(record, "something else is there under its name, which was left as it is")
    }
}

/// A store, as those see it who move it. Nobody else may write to it meanwhile.
#[async_trait]
pub trait Archive: Send + Sync {
    /// About how many records of `kind` there are.
    async fn size(&self, kind: Kind) -> Result<u64, StoreError>;

    /// The records of `kind` from `from` on, about `limit` of them, in an order of the store's own.
    async fn page(&self, kind: Kind, from: Option<&Place>, limit: usize) -> Result<Page, StoreError>;

    /// How far a copy into this store has come.
    async fn mark(&self) -> Result<Option<Entry>, StoreError>;

    /// Adds records, and then notes how far the copy has come: `mark` goes over the revision before it, or nothing is
    /// noted and it is an error. Adding a record again is harmless. Nothing that is there is written over: what is in the
    /// way is answered, like everything that was not taken.
    async fn put(&self, records: Vec<Record>, mark: Entry) -> Result<Vec<Refused>, StoreError>;

    /// Everything has been added: brings it into the order that the store keeps. Doing it again is harmless.
    async fn complete(&self) -> Result<(), StoreError>;
}
