//! A channel: somewhere that people are told. The port that every kind of channel implements.

pub mod definition;
pub mod secret;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    about::About,
    delivery::Outcome,
    incident::Incident,
    interval::Grace,
    monitor::{Monitor, MonitorId, Status},
    notice::{Notice, NotificationId},
    schedule::Schedule,
    slug::{Slug, SlugError},
};

/// The name of a channel, by the rules of a slug: `telegram`, `ops-mail`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChannelName(Slug);

impl ChannelName {
    /// Parses a name, by the rules of a slug.
    pub fn parse(text: &str) -> Result<Self, SlugError> {
        Slug::parse(text).map(Self)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One monitor's notice, with what a message needs to know of the monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    /// The idempotency key.
    pub id: NotificationId,
    /// Which monitor.
    pub monitor: MonitorId,
    /// What people say of it.
    pub about: About,
    /// When its pings are expected.
    pub schedule: Schedule,
    /// How much later they may come.
    pub grace: Grace,
    /// What there is to tell.
    pub notice: Notice,
    /// The end of what the failing job printed, while its incident is open.
    pub excerpt: Option<String>,
}

impl Telling {
    /// What `channel` is told of `monitor` by `notice`.
    pub fn new(monitor: &Monitor, channel: &ChannelName, notice: Notice) -> Self {
        Self {
            id: notice.id(&monitor.id, channel),
            monitor: monitor.id.clone(),
            about: monitor.about.clone(),
            schedule: monitor.schedule.clone(),
            grace: monitor.grace,
            excerpt: open_incident(monitor).and_then(|incident| incident.excerpt.clone()),
            notice,
        }
    }
}

fn open_incident(monitor: &Monitor) -> Option<&Incident> {
    match &monitor.status {
        Status::Overdue { incident } => Some(incident),
        Status::New | Status::Ok { .. } | Status::Paused { .. } => None,
    }
}

/// Somewhere that people are told. One message carries one telling, or a digest of several.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Its name in outboxes, logs and pages.
    fn name(&self) -> &ChannelName;

    /// The longest that [`Channel::send`] takes: it gives up by itself, within this time.
    fn time_out(&self) -> Duration;

    /// Sends one message that tells all of `tellings` (at least one).
    async fn send(&self, tellings: &[Telling]) -> Outcome;

    /// Sends one message that nobody need heed, to see whether it arrives.
    async fn test(&self) -> Outcome;
}
