//! A monitor as the API shows it: computed at the time of reading, so it never lags the truth. Instants are RFC 3339 in
//! UTC.

use heartbeat_core::{
    Cause, Context, Deed, Definition, Incident, Monitor, Origin, Outbox, Run, Shown, Status, Timestamp,
    definition::Length,
    outbox::{Entry, GaveUp},
};
use serde::Serialize;
use utoipa::ToSchema;

/// What who asks sees of a monitor besides what everybody does.
#[derive(Clone, Debug)]
pub(crate) struct Sees {
    /// The address that ping URLs begin with.
    pub(crate) base: String,
    /// Whether they may change it: then they see its ping URL.
    pub(crate) writes: bool,
}

/// A monitor with its definition, as JSON.
#[derive(Serialize, ToSchema)]
#[schema(as = Monitor)]
pub(crate) struct DefinedView {
    #[serde(flatten)]
    standing: MonitorView,
    project: String,
    name: Option<String>,
    description: Option<String>,
    tags: Vec<String>,
    failure_threshold: u32,
    max_runtime: Option<String>,
    remind_every: Option<String>,
    resume_on_ping: bool,
    /// Whether a person defined it: then no ping changes its schedule, and it stays.
    defined: bool,
    runs: Vec<RunView>,
    created_at: String,
    expires_at: Option<String>,
    created_by: Option<DeedView>,
    updated_by: Option<DeedView>,
    /// Only for keys that may change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ping_url: Option<String>,
}

/// Who did something, and when.
#[derive(Serialize, ToSchema)]
#[schema(as = Deed)]
pub(crate) struct DeedView {
    at: String,
    key: Option<String>,
    name: String,
}

impl DefinedView {
    /// The monitor at `context.now`, as who comes with a key `sees` it.
    pub(crate) fn new(stored: &Monitor, context: &Context, sees: &Sees) -> Self {
        let fields = Definition::of(stored).fields();
        let length = |length: Option<Option<Length>>| length.flatten().map(|length| length.to_string());
        let uuid = stored.uuid.filter(|_| sees.writes);
        Self {
            standing: MonitorView::new(stored, context),
            project: stored.id.project.to_string(),
            name: stored.about.name.clone(),
            description: stored.about.description.clone(),
            tags: stored.about.tags.iter().map(ToString::to_string).collect(),
            failure_threshold: stored.policy.failure_threshold,
            max_runtime: length(fields.max_runtime),
            remind_every: length(fields.remind_every),
            resume_on_ping: stored.policy.resume_on_ping,
            defined: stored.origin == Origin::Person,
            runs: stored.runs.iter().map(run).collect(),
            created_at: stored.created_at.to_string(),
            expires_at: text(stored.expires_at()),
            created_by: stored.made.as_ref().map(deed),
            updated_by: stored.changed.as_ref().map(deed),
            uuid: uuid.map(|uuid| uuid.to_string()),
            ping_url: uuid.map(|uuid| format!("{}/ping/{uuid}", sees.base)),
        }
    }
}

fn deed(deed: &Deed) -> DeedView {
    DeedView { at: deed.at.to_string(), key: deed.by.key.clone(), name: deed.by.name.clone() }
}

/// A monitor, as JSON.
#[derive(Serialize, ToSchema)]
#[schema(as = MonitorStanding)]
pub(crate) struct MonitorView {
    slug: String,
    #[schema(schema_with = crate::openapi::words::status)]
    status: Shown,
    since: String,
    late: bool,
    running: bool,
    last_ping_at: Option<String>,
    next_due_at: Option<String>,
    paused_until: Option<String>,
    schedule: String,
    interval: Option<String>,
    cron: Option<String>,
    timezone: Option<String>,
    grace: String,
    ping_count: u64,
    last_duration_ms: Option<u64>,
    /// Which of its project's channels are told; `null` = all.
    channels: Option<Vec<String>>,
    run: Option<RunView>,
    incident: Option<IncidentView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    undelivered: Vec<UndeliveredView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gave_up: Vec<GaveUpView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Run)]
pub(crate) struct RunView {
    rid: Option<String>,
    started_at: String,
    due_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OpenIncident)]
pub(crate) struct IncidentView {
    since: String,
    cause: &'static str,
    exit_code: Option<i64>,
    excerpt: Option<String>,
    /// Whether nobody knows if it is one: we could not have heard the job.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unconfirmed: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Undelivered)]
pub(crate) struct UndeliveredView {
    /// Absent while it has not been given to the channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    since: String,
    attempts: u32,
    next_attempt_at: Option<String>,
    last_error: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = GaveUp)]
pub(crate) struct GaveUpView {
    channel: String,
    at: String,
    reason: String,
    count: u32,
}

impl MonitorView {
    /// The monitor at `context.now`.
    pub(crate) fn new(stored: &Monitor, context: &Context) -> Self {
        let (shown, monitor) = (stored.status_at(context), stored.settled_at(context));
        Self {
            slug: monitor.id.slug.to_string(),
            status: shown,
            since: since(&monitor).to_string(),
            late: shown == Shown::Late,
            running: monitor.is_running_at(context.now),
            last_ping_at: text(monitor.last_heard_at()),
            next_due_at: text(monitor.due_at()),
            paused_until: text(paused_until(&monitor.status)),
            schedule: monitor.schedule.to_string(),
            interval: monitor.schedule.interval().map(|interval| interval.to_string()),
            cron: monitor.schedule.cron().map(|cron| cron.line().to_owned()),
            timezone: monitor.schedule.cron().map(|cron| cron.zone().to_owned()),
            grace: monitor.grace.to_string(),
            ping_count: monitor.ping_count,
            last_duration_ms: monitor.last_duration.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
            channels: monitor.channels.as_ref().map(|names| names.iter().map(ToString::to_string).collect()),
            run: monitor.runs.last().map(run),
            incident: incident(&monitor.status),
            undelivered: undelivered(&stored.outbox),
            gave_up: gave_up(&stored.outbox),
        }
    }
}

fn text(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

fn since(monitor: &Monitor) -> Timestamp {
    match &monitor.status {
        Status::New => monitor.created_at,
        Status::Ok { since, .. } | Status::Paused { since, .. } => *since,
        Status::Overdue { incident } => incident.since,
    }
}

fn paused_until(status: &Status) -> Option<Timestamp> {
    match status {
        Status::Paused { until, .. } => *until,
        Status::New | Status::Ok { .. } | Status::Overdue { .. } => None,
    }
}

fn run(run: &Run) -> RunView {
    RunView {
        rid: run.id.as_ref().map(|id| id.as_str().to_owned()),
        started_at: run.started_at.to_string(),
        due_at: text(run.due_at),
    }
}

fn incident(status: &Status) -> Option<IncidentView> {
    let Status::Overdue { incident: Incident { since, cause, excerpt, confirm_at, .. } } = status else { return None };
    let (cause, exit_code) = match cause {
        Cause::Missed => ("missed", None),
        Cause::Failed { exit } => ("failed", *exit),
        Cause::Overran => ("overran", None),
    };
    let (since, unconfirmed) = (since.to_string(), confirm_at.is_some());
    Some(IncidentView { since, cause, exit_code, excerpt: excerpt.clone(), unconfirmed })
}

fn undelivered(outbox: &Outbox) -> Vec<UndeliveredView> {
    let waiting = |channel: Option<String>, since: Timestamp| UndeliveredView {
        channel,
        since: since.to_string(),
        attempts: 0,
        next_attempt_at: None,
        last_error: None,
    };
    let unrouted = outbox.unrouted.iter().map(|notice| waiting(None, notice.at));
    let routed = outbox.lanes.iter().filter_map(|(channel, lane)| match (&lane.head, &lane.pending) {
        (Some(Entry { notice, next_at, attempts, last_error, .. }), _) => Some(UndeliveredView {
            attempts: *attempts,
            next_attempt_at: Some(next_at.to_string()),
            last_error: last_error.clone(),
            ..waiting(Some(channel.to_string()), notice.at)
        }),
        (None, Some(pending)) => Some(waiting(Some(channel.to_string()), pending.at)),
        (None, None) => None,
    });
    unrouted.chain(routed).collect()
}

fn gave_up(outbox: &Outbox) -> Vec<GaveUpView> {
    let lanes = outbox.lanes.iter().filter_map(|(channel, lane)| Some((channel, lane.gave_up.as_ref()?)));
    lanes
        .map(|(channel, GaveUp { at, reason, count, .. })| GaveUpView {
            channel: channel.to_string(),
            at: at.to_string(),
            reason: reason.clone(),
            count: *count,
        })
        .collect()
}
