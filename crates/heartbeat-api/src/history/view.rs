//! Events and incidents as the API shows them. Instants are RFC 3339 in UTC.

use heartbeat_core::{
    Actor, Cause, MonitorId, Timestamp,
    chronicle::{Ending, Episode, Told},
    history::{DeliveryRow, Edit, Happening, PingRow, Row},
    ping::{Metadata, Note, Verdict},
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Place;

/// An event, as JSON.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventView {
    id: String,
    at: String,
    monitor: String,
    #[serde(flatten)]
    what: What,
}

#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = Happening)]
pub(crate) enum What {
    Ping(PingView),
    Opened { since: String, cause: &'static str, exit_code: Option<i64>, unconfirmed: bool },
    Recovered { since: String },
    Reminded { since: String, number: u32 },
    Paused { by: Option<ActorView> },
    Resumed { by: Option<ActorView> },
    Deleted { by: Option<ActorView> },
    Edited(EditView),
    Delivery(AttemptView),
}

#[derive(Serialize, ToSchema)]
#[schema(as = PingEvent)]
pub(crate) struct PingView {
    signal: &'static str,
    exit_code: Option<i64>,
    from: Option<String>,
    agent: Option<String>,
    rid: Option<String>,
    took_ms: Option<u64>,
    happened_at: Option<String>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Metadata>,
    body: String,
    #[schema(value_type = Vec<String>)]
    notes: Vec<Note>,
}

/// Who changed what: the fields that differ, as they were and as they are.
#[derive(Serialize, ToSchema)]
#[schema(as = EditEvent)]
pub(crate) struct EditView {
    by: Option<ActorView>,
    #[schema(value_type = Object)]
    before: Map<String, Value>,
    #[schema(value_type = Object)]
    after: Map<String, Value>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Actor)]
pub(crate) struct ActorView {
    key: Option<String>,
    name: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DeliveryEvent)]
pub(crate) struct AttemptView {
    channel: String,
    notification: String,
    attempt: u32,
    outcome: String,
    reason: Option<String>,
    status: Option<u16>,
    took_ms: u64,
    next_at: Option<String>,
}

impl From<Row> for EventView {
    fn from(row: Row) -> Self {
        let (id, at, monitor) = (Place::of(&row).to_string(), row.at.to_string(), row.monitor.slug.to_string());
        Self { id, at, monitor, what: row.happening.into() }
    }
}

impl From<Happening> for What {
    fn from(happening: Happening) -> Self {
        match happening {
            Happening::Ping(ping) => Self::Ping(ping.into()),
            Happening::Opened { since, cause, unconfirmed } => {
                let (since, (cause, exit_code)) = (since.to_string(), words(cause));
                Self::Opened { since, cause, exit_code, unconfirmed }
            }
            Happening::Recovered { since } => Self::Recovered { since: since.to_string() },
            Happening::Reminded { since, number } => Self::Reminded { since: since.to_string(), number },
            Happening::Paused { by } => Self::Paused { by: by.map(Into::into) },
            Happening::Resumed { by } => Self::Resumed { by: by.map(Into::into) },
            Happening::Deleted { by } => Self::Deleted { by: by.map(Into::into) },
            Happening::Edited(edit) => Self::Edited(edit.into()),
            Happening::Delivery(delivery) => Self::Delivery(delivery.into()),
        }
    }
}

impl From<PingRow> for PingView {
    fn from(ping: PingRow) -> Self {
        let (signal, exit_code) = match (ping.signal.verdict(), ping.signal) {
            (_, heartbeat_core::Signal::Exit(code)) => ("exit", Some(code)),
            (Verdict::Well, _) => ("success", None),
            (Verdict::Failed(_), _) => ("fail", None),
            (Verdict::Started, _) => ("start", None),
            (Verdict::Mute, _) => ("log", None),
        };
        Self {
            signal,
            exit_code,
            from: ping.from,
            agent: ping.agent,
            rid: ping.run,
            took_ms: ping.took_ms,
            happened_at: text(ping.happened_at),
            metadata: ping.metadata,
            body: ping.body,
            notes: ping.notes,
        }
    }
}

impl From<Edit> for EditView {
    fn from(edit: Edit) -> Self {
        Self { by: edit.by.map(Into::into), before: edit.before, after: edit.after }
    }
}

impl From<Actor> for ActorView {
    fn from(by: Actor) -> Self {
        Self { key: by.key, name: by.name }
    }
}

impl From<DeliveryRow> for AttemptView {
    fn from(row: DeliveryRow) -> Self {
        Self {
            channel: row.channel.to_string(),
            notification: row.notification,
            attempt: row.attempt,
            outcome: row.outcome,
            reason: row.reason,
            status: row.status,
            took_ms: row.took_ms,
            next_at: text(row.next_at),
        }
    }
}

/// An incident, as JSON.
#[derive(Serialize, ToSchema)]
#[schema(as = Incident)]
pub(crate) struct IncidentView {
    monitor: String,
    status: &'static str,
    started_at: String,
    ended_at: Option<String>,
    /// How it ended.
    #[schema(value_type = Option<String>)]
    ended_by: Option<Ending>,
    /// How long it lasted, or lasts by now.
    duration_s: u64,
    /// Absent where history has forgotten how it began.
    cause: Option<&'static str>,
    exit_code: Option<i64>,
    unconfirmed: bool,
    reminders: u32,
    told: Vec<ToldView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Told)]
pub(crate) struct ToldView {
    channel: String,
    /// When it first took a message; absent while it has taken none.
    delivered_at: Option<String>,
    deliveries: u32,
    failures: u32,
    lost: Option<LostView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Lost)]
pub(crate) struct LostView {
    at: String,
    outcome: String,
    reason: Option<String>,
}

impl IncidentView {
    /// The incident as it stands at `now`.
    pub(super) fn new(monitor: &MonitorId, episode: Episode, now: Timestamp) -> Self {
        let (cause, exit_code) = episode.opened.map(|opened| words(opened.cause)).unzip();
        let end = episode.ended.map_or(now, |(at, _)| at);
        Self {
            monitor: monitor.slug.to_string(),
            status: if episode.ended.is_some() { "closed" } else { "open" },
            started_at: episode.since.to_string(),
            ended_at: text(episode.ended.map(|(at, _)| at)),
            ended_by: episode.ended.map(|(_, ending)| ending),
            duration_s: end.since(episode.since).as_secs(),
            cause,
            exit_code: exit_code.flatten(),
            unconfirmed: episode.opened.is_some_and(|opened| opened.unconfirmed),
            reminders: episode.reminders,
            told: episode.told.into_iter().map(ToldView::from).collect(),
        }
    }
}

impl From<Told> for ToldView {
    fn from(told: Told) -> Self {
        let lost =
            told.lost.map(|lost| LostView { at: lost.at.to_string(), outcome: lost.outcome, reason: lost.reason });
        Self {
            channel: told.channel.to_string(),
            delivered_at: text(told.delivered_at),
            deliveries: told.deliveries,
            failures: told.failures,
            lost,
        }
    }
}

fn words(cause: Cause) -> (&'static str, Option<i64>) {
    match cause {
        Cause::Missed => ("missed", None),
        Cause::Failed { exit } => ("failed", exit),
        Cause::Overran => ("overran", None),
    }
}

fn text(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}
