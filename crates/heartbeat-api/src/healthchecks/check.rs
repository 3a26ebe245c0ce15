//! A monitor as a check of Healthchecks, as JSON.

use std::collections::BTreeSet;

use heartbeat_core::{ChannelName, Context, Monitor, PingUuid, Shown, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::name::sha1;

/// Which version of the management API is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    V1,
    V2,
    V3,
}

impl Version {
    /// The version in `/api/{version}/…`.
    pub(super) fn of(path: &str) -> Self {
        match path.split('/').nth(2) {
            Some("v1") => Self::V1,
            Some("v2") => Self::V2,
            Some(_) | None => Self::V3,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
    }
}

/// What a check is shown with, besides what it is.
pub(super) struct Showing {
    pub(super) version: Version,
    pub(super) context: Context,
    /// The address that URLs begin with.
    pub(super) base: String,
    /// Whether the key may change it: else it sees no URL and no UUID.
    pub(super) writes: bool,
    /// All channels of the project.
    pub(super) channels: Vec<ChannelName>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Check)]
pub(crate) struct CheckView {
    name: String,
    slug: String,
    tags: String,
    desc: String,
    grace: u64,
    n_pings: u64,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    started: Option<bool>,
    last_ping: Option<String>,
    next_ping: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_duration: Option<u64>,
    manual_resume: bool,
    // What follows is taken, and not kept: pings come by HTTP, and nothing looks for words in them.
    methods: &'static str,
    subject: &'static str,
    subject_fail: &'static str,
    start_kw: &'static str,
    success_kw: &'static str,
    failure_kw: &'static str,
    filter_subject: bool,
    filter_body: bool,
    #[serde(flatten)]
    identity: Identity,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tz: Option<String>,
}

/// How a check is named: for who may change it by its URLs, for others by a key that opens nothing.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = CheckIdentity)]
pub(crate) enum Identity {
    Open {
        #[serde(skip_serializing_if = "Option::is_none")]
        uuid: Option<String>,
        ping_url: String,
        update_url: String,
        pause_url: String,
        resume_url: String,
        channels: String,
    },
    Closed {
        unique_key: String,
    },
}

impl CheckView {
    /// The check as it stands.
    pub(super) fn new(stored: &Monitor, showing: &Showing) -> Self {
        let (shown, monitor) = (stored.status_at(&showing.context), stored.settled_at(&showing.context));
        let started = monitor.is_running_at(showing.context.now);
        let cron = monitor.schedule.cron();
        Self {
            name: monitor.about.name.clone().unwrap_or_default(),
            slug: monitor.id.slug.to_string(),
            tags: joined(monitor.about.tags.iter(), " "),
            desc: monitor.about.description.clone().unwrap_or_default(),
            grace: monitor.grace.as_secs(),
            n_pings: monitor.ping_count,
            status: if showing.version == Version::V1 { first_word(shown, started) } else { word(shown) },
            started: (showing.version > Version::V1).then_some(started),
            last_ping: monitor.last_heard_at().map(instant),
            next_ping: monitor.due_at().map(|due| instant(due.minus(monitor.grace.duration()))),
            last_duration: monitor.last_duration.map(|took| took.as_secs()),
            manual_resume: !monitor.policy.resume_on_ping,
            methods: "",
            subject: "",
            subject_fail: "",
            start_kw: "",
            success_kw: "",
            failure_kw: "",
            filter_subject: false,
            filter_body: false,
            identity: identity(&monitor, showing),
            timeout: monitor.schedule.interval().map(heartbeat_core::Interval::as_secs),
            schedule: cron.map(|cron| cron.line().to_owned()),
            tz: cron.map(|cron| cron.zone().to_owned()),
        }
    }
}

fn identity(monitor: &Monitor, showing: &Showing) -> Identity {
    let Some(uuid) = monitor.uuid.filter(|_| showing.writes) else {
        return Identity::Closed { unique_key: unique_key(monitor) };
    };
    let update_url = format!("{}/api/{}/checks/{uuid}", showing.base, showing.version.as_str());
    let all: BTreeSet<ChannelName> = showing.channels.iter().cloned().collect();
    Identity::Open {
        uuid: (showing.version > Version::V1).then(|| uuid.to_string()),
        ping_url: format!("{}/ping/{uuid}", showing.base),
        pause_url: format!("{update_url}/pause"),
        resume_url: format!("{update_url}/resume"),
        update_url,
        channels: joined(monitor.channels.as_ref().unwrap_or(&all).iter(), ","),
    }
}

fn joined(words: impl Iterator<Item = impl ToString>, between: &str) -> String {
    words.map(|word| word.to_string()).collect::<Vec<_>>().join(between)
}

fn word(shown: Shown) -> &'static str {
    match shown {
        Shown::New => "new",
        Shown::Ok | Shown::Running => "up",
        Shown::Late => "grace",
        Shown::Overdue => "down",
        Shown::Paused => "paused",
    }
}

/// In version 1 a running check has a status of its own.
fn first_word(shown: Shown, started: bool) -> &'static str {
    match shown {
        Shown::New | Shown::Ok | Shown::Running | Shown::Late if started => "started",
        Shown::New | Shown::Ok | Shown::Running | Shown::Late | Shown::Overdue | Shown::Paused => word(shown),
    }
}

/// An instant as they write it, to the second.
pub(super) fn instant(at: Timestamp) -> String {
    at.format_utc("%Y-%m-%dT%H:%M:%S+00:00")
}

/// What names a check to who must not ping it: the SHA-1 of the first half of its UUID. Of a monitor that has no UUID yet, of
/// its name.
pub(super) fn unique_key(monitor: &Monitor) -> String {
    match monitor.uuid {
        Some(uuid) => sha1(&half(uuid)),
        None => sha1(&monitor.id.to_string()),
    }
}

fn half(uuid: PingUuid) -> String {
    uuid.to_string().chars().filter(char::is_ascii_hexdigit).take(16).collect()
}
