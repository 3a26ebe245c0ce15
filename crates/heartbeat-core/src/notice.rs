//! What one message has to tell about one monitor. Notices that have not been delivered are folded together, so that
//! the newest one tells everything since its channel was last told, in bounded space.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    channel::ChannelName,
    incident::{Cause, Incident},
    monitor::{MonitorId, Rev},
    time::Timestamp,
};

/// How things stand at the end of what a notice tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The monitor is overdue.
    Down,
    /// The monitor is well.
    Up,
}

/// Which kind of message a notice becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeKind {
    /// An outage that this channel has not been told of, still open.
    Overdue,
    /// An outage that it has been told of, still open.
    Reminder,
    /// The end of an outage that it has been told of.
    Recovery,
    /// An outage that it has not been told of, and its end: "was late by 12 min, now ok".
    LateButFine,
}

impl NoticeKind {
    /// The word in notification ids and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::Reminder => "reminder",
            Self::Recovery => "recovery",
            Self::LateButFine => "late",
        }
    }
}

impl fmt::Display for NoticeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Everything that one channel has not yet been told about one monitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The revision of the monitor that made the newest part of it.
    pub rev: Rev,
    /// When the newest part was decided.
    pub at: Timestamp,
    /// How things stand at its end.
    pub standing: Standing,
    /// When the latest outage began.
    pub down_at: Timestamp,
    /// Why the latest outage began.
    pub cause: Cause,
    /// The last ping before the latest outage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ping_at: Option<Timestamp>,
    /// When the latest recovery in it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_at: Option<Timestamp>,
    /// When the first outage that it is the first to tell began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_down_at: Option<Timestamp>,
    /// How many outages it is the first to tell.
    #[serde(default)]
    pub outages: u32,
    /// How many recoveries it is the first to tell.
    #[serde(default)]
    pub recoveries: u32,
    /// The number of the reminder, from 1; 0 when it is none.
    #[serde(default)]
    pub reminder: u32,
    /// Whether we do not know if we could have heard the job: an outage of ours, whose hold has run out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
}

impl Notice {
    /// An incident has opened.
    pub fn opened(incident: &Incident, last_ping_at: Option<Timestamp>, rev: Rev, at: Timestamp) -> Self {
        Self {
            rev,
            at,
            standing: Standing::Down,
            down_at: incident.since,
            cause: incident.cause,
            last_ping_at,
            up_at: None,
            first_down_at: Some(incident.since),
            outages: 1,
            recoveries: 0,
            reminder: 0,
            unconfirmed: incident.confirm_at.is_some(),
        }
    }

    /// An incident is still open: its `incident.reminders`-th reminder.
    pub fn reminder(incident: &Incident, last_ping_at: Option<Timestamp>, rev: Rev, at: Timestamp) -> Self {
        let opened = Self::opened(incident, last_ping_at, rev, at);
        Self { first_down_at: None, outages: 0, reminder: incident.reminders, ..opened }
    }

    /// An incident has ended, at `at`.
    pub fn recovered(incident: &Incident, last_ping_at: Option<Timestamp>, rev: Rev, at: Timestamp) -> Self {
        let opened = Self::opened(incident, last_ping_at, rev, at);
        Self {
            standing: Standing::Up,
            up_at: Some(at),
            first_down_at: None,
            outages: 0,
            recoveries: 1,
            unconfirmed: false,
            ..opened
        }
    }

    /// Folds another undelivered notice into this one: nothing that either tells is lost, and the newer one of the two
    /// says how things stand.
    pub fn fold(&mut self, other: Self) {
        let older = if other.rev < self.rev { other } else { std::mem::replace(self, other) };
        self.outages = self.outages.saturating_add(older.outages);
        self.recoveries = self.recoveries.saturating_add(older.recoveries);
        self.first_down_at = older.first_down_at.or(self.first_down_at);
        self.up_at = self.up_at.or(older.up_at);
    }

    /// Which kind of message it becomes.
    pub fn kind(&self) -> NoticeKind {
        match (self.standing, self.outages > 0) {
            (Standing::Down, true) => NoticeKind::Overdue,
            (Standing::Down, false) if self.recoveries > 0 => NoticeKind::Overdue,
            (Standing::Down, false) => NoticeKind::Reminder,
            (Standing::Up, true) => NoticeKind::LateButFine,
            (Standing::Up, false) => NoticeKind::Recovery,
        }
    }

    /// Names this notice on one channel. Two notices of one monitor and channel have one id only if they are the same.
    pub fn id(&self, monitor: &MonitorId, channel: &ChannelName) -> NotificationId {
        NotificationId(format!("{monitor}/{}/{}/{channel}", self.rev, self.kind()))
    }
}

/// `project/slug/rev/kind/channel`: a pure function of what is told to whom. Receivers use it as an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NotificationId(String);

impl NotificationId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
