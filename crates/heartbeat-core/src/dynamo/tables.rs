//! The tables, as data: what makes them, checks them, documents them and compares them with Terraform reads this.

use serde::Serialize;

/// The hash key of the monitors table, and what a monitor is named by: `project/slug`.
pub(super) const ID: &str = "id";
/// The index of what must be looked at.
pub const OVERDUE_INDEX: &str = "overdue-index";
/// The index of a project's monitors.
pub const PROJECT_INDEX: &str = "project-index";
/// The attribute by which `DynamoDB` forgets items, in seconds since the epoch.
pub const TTL: &str = "expires_at";

/// The type of a key attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Kind {
    /// A text.
    S,
    /// A number.
    N,
}

/// A key attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
}

const fn text(name: &'static str) -> Attribute {
    Attribute { name, kind: Kind::S }
}

const fn number(name: &'static str) -> Attribute {
    Attribute { name, kind: Kind::N }
}

/// The key of a table or an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Key {
    /// What items are spread by.
    pub hash: Attribute,
    /// What they are sorted by within.
    pub range: Option<Attribute>,
}

impl Key {
    /// Its attributes, the hash first.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute> {
        std::iter::once(self.hash).chain(self.range)
    }
}

/// A secondary index. All of ours project keys only: the item itself is read again, consistently, before anything is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Index {
    /// Its name.
    pub name: &'static str,
    /// Its key.
    pub key: Key,
    /// What it is for.
    pub purpose: &'static str,
}

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// One item a monitor.
    Monitors,
    /// API keys.
    Keys,
    /// History.
    Events,
    /// Settings and marks that processes share.
    Directory,
}

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Which it is.
    pub role: Role,
    /// Its name where nobody says otherwise.
    pub name: &'static str,
    /// The environment variables that name it; the first that is set counts.
    pub variables: &'static [&'static str],
    /// Its key.
    pub key: Key,
    /// Its indexes.
    pub indexes: &'static [Index],
    /// The attribute by which items expire.
    pub ttl: Option<&'static str>,
    /// What it holds.
    pub purpose: &'static str,
}

impl Table {
    /// The table of `role`.
    pub fn of(role: Role) -> &'static Self {
        match role {
            Role::Monitors => &MONITORS,
            Role::Keys => &KEYS,
            Role::Events => &EVENTS,
            Role::Directory => &DIRECTORY,
        }
    }

    /// Every attribute that is part of a key, each once.
    pub fn key_attributes(&self) -> Vec<Attribute> {
        let keys = std::iter::once(&self.key).chain(self.indexes.iter().map(|index| &index.key));
        let mut attributes: Vec<Attribute> = Vec::new();
        for attribute in keys.flat_map(Key::attributes) {
            if !attributes.contains(&attribute) {
                attributes.push(attribute);
            }
        }
        attributes
    }
}

/// One item a monitor: definition, status, deadline, incident, outbox; under 1 KB in ordinary use.
const MONITORS: Table = Table {
    role: Role::Monitors,
    name: "heartbeat-monitors",
    variables: &["MONITORS_TABLE", "HEARTBEAT_TABLE_NAME"],
    key: Key { hash: text(ID), range: None },
    indexes: &[
        Index {
            name: OVERDUE_INDEX,
            key: Key { hash: number("shard"), range: Some(number("wake_at")) },
            purpose: "what must be looked at, and when; sparse",
        },
        Index {
            name: PROJECT_INDEX,
            key: Key { hash: text("project"), range: Some(text("slug")) },
            purpose: "a project's monitors by slug; it never changes, so it costs a ping nothing",
        },
    ],
    ttl: Some(TTL),
    purpose: "one item a monitor: definition, status, deadline, incident, outbox",
};

const KEYS: Table = Table {
    role: Role::Keys,
    name: "heartbeat-api-keys",
    variables: &["KEYS_TABLE", "HEARTBEAT_API_KEYS_TABLE_NAME"],
    key: Key { hash: text("key_hash"), range: None },
    indexes: &[],
    ttl: None,
    purpose: "API keys, by the SHA-256 of each",
};

const EVENTS: Table = Table {
    role: Role::Events,
    name: "heartbeat-events",
    variables: &["EVENTS_TABLE"],
    key: Key { hash: text("stream"), range: Some(text(ID)) },
    indexes: &[],
    ttl: Some(TTL),
    purpose: "history, a stream a monitor, a few a project and one a channel",
};

const DIRECTORY: Table = Table {
    role: Role::Directory,
    name: "heartbeat-directory",
    variables: &["DIRECTORY_TABLE"],
    key: Key { hash: text("pk"), range: Some(text("sk")) },
    indexes: &[],
    ttl: None,
    purpose: "settings and marks that processes share",
};

/// All tables.
pub const ALL: [Table; 4] = [MONITORS, KEYS, EVENTS, DIRECTORY];

/// What the tables are called here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableNames {
    /// One item a monitor.
    pub monitors: String,
    /// API keys.
    pub keys: String,
    /// History.
    pub events: String,
    /// What processes share.
    pub directory: String,
}

impl Default for TableNames {
    fn default() -> Self {
        Self::named(|table| table.name.to_owned())
    }
}

impl TableNames {
    /// Names each table as `name` says.
    pub fn named(name: impl Fn(&Table) -> String) -> Self {
        Self { monitors: name(&MONITORS), keys: name(&KEYS), events: name(&EVENTS), directory: name(&DIRECTORY) }
    }

    /// What the table of `role` is called.
    pub fn of(&self, role: Role) -> &str {
        match role {
            Role::Monitors => &self.monitors,
            Role::Keys => &self.keys,
            Role::Events => &self.events,
            Role::Directory => &self.directory,
        }
    }
}
