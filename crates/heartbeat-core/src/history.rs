//! History: rows that say what happened. They are appended once and never changed; appending one twice is harmless.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    about::Actor,
    channel::ChannelName,
    incident::Cause,
    monitor::MonitorId,
    notice::Notice,
    ping::{Metadata, Note, Signal},
    store::WriteId,
    time::Timestamp,
};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Happening {
    /// A ping was received.
    Ping(PingRow),
    /// An incident opened.
    Opened {
        /// The deadline, or the moment of the failure.
        since: Timestamp,
        /// Why.
        cause: Cause,
        /// Whether we do not know if we could have heard the job.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unconfirmed: bool,
    },
    /// An incident ended.
    Recovered {
        /// When it had begun.
        since: Timestamp,
    },
    /// People were reminded.
    Reminded {
        /// When the incident had begun.
        since: Timestamp,
        /// The number of the reminder.
        number: u32,
    },
    /// A person paused it.
    Paused {
        /// Who did it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Actor>,
    },
    /// It is watched again.
    Resumed {
        /// Who did it; `None` where a pause came to its end, or a ping ended it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Actor>,
    },
    /// A person deleted it.
    Deleted {
        /// Who did it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Actor>,
    },
    /// A person defined it, or changed its definition.
    Edited(Edit),
    /// One attempt to deliver.
    Delivery(DeliveryRow),
}

impl Happening {
    /// The words of all kinds.
    pub const KINDS: [&str; 9] =
        ["ping", "opened", "recovered", "reminded", "paused", "resumed", "deleted", "edited", "delivery"];

    /// The word of its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Ping(_) => "ping",
            Self::Opened { .. } => "opened",
            Self::Recovered { .. } => "recovered",
            Self::Reminded { .. } => "reminded",
            Self::Paused { .. } => "paused",
            Self::Resumed { .. } => "resumed",
            Self::Deleted { .. } => "deleted",
            Self::Edited(_) => "edited",
            Self::Delivery(_) => "delivery",
        }
    }
}

/// What is kept of a ping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingRow {
    /// What the job said.
    pub signal: Signal,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Which program sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Which run it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// How long the run took that it ended, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// When it happened, where that was before it was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened_at: Option<Timestamp>,
    /// What else it said of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// What the job printed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// What was odd about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// What is kept of an edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    /// What was changed, as it was; empty where the monitor was made.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub before: Map<String, Value>,
    /// The same fields, as they are now.
    pub after: Map<String, Value>,
}

/// What is kept of an attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRow {
    /// Which notification.
    pub notification: String,
    /// On which channel.
    pub channel: ChannelName,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// What it came to: `delivered`, `retry`, `refused`, `gave_up`.
    pub outcome: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the other side answered, as a number: an HTTP status, an SMTP reply code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How many milliseconds it took.
    pub took_ms: u64,
    /// When it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// What was not told, where it is not tried again: a person may have it sent after all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untold: Option<Box<Notice>>,
}

/// Which pings history keeps a row of. Outages, deliveries and what people do are always kept; the number of pings and the
/// last one are always exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PingLog {
    /// Every ping.
    #[default]
    All,
    /// What says more than that all is well: the first, starts and ends of runs, failures, logs, late ones, odd ones, those
    /// with a body.
    Notable,
    /// None.
    None,
}

impl PingLog {
    /// Reads `all`, `notable` or `none`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "all" => Some(Self::All),
            "notable" => Some(Self::Notable),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    /// The word of [`PingLog::parse`].
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Notable => "notable",
            Self::None => "none",
        }
    }
}

/// A row of one monitor's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Whose history.
    pub monitor: MonitorId,
    /// When it happened.
    pub at: Timestamp,
    /// With `at` and `monitor`, the row's identity: a row with the same three is the same row.
    pub tag: u64,
    /// What happened.
    pub happening: Happening,
}

impl Row {
    /// A row written by the write `write_id`; `index` tells the rows of one write apart.
    pub fn new(monitor: &MonitorId, at: Timestamp, write_id: WriteId, index: u64, happening: Happening) -> Self {
        Self { monitor: monitor.clone(), at, tag: write_id.0.wrapping_add(index), happening }
    }
}
