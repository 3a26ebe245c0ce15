//! A monitor: what is watched, and everything that is known of it. Its status carries its data, and what can be derived
//! from it (when to look next, when it expires) is derived here and nowhere else.

use std::{collections::BTreeSet, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    about::{About, Deed},
    channel::ChannelName,
    decide::Context,
    incident::{Cause, Incident},
    interval::Grace,
    outage::{Judged, Outages, Wait},
    outbox::Outbox,
    ping::RunId,
    ping_url::PingUuid,
    schedule::Schedule,
    slug::{Project, Slug},
    time::Timestamp,
};

const DAY: Duration = Duration::from_hours(24);
/// A monitor made by a ping is forgotten this long after its last ping, ...
pub const FORGOTTEN_AFTER: Duration = DAY.saturating_mul(90);
/// ... or this long after it was due, if that is later.
pub const FORGOTTEN_AFTER_DUE: Duration = DAY.saturating_mul(30);
/// The most runs of a monitor that are remembered at once.
pub const MAX_RUNS: usize = 10;
/// After this long a run without a limit that has not ended is taken for one that never will.
const ENDLESS: Duration = DAY;

/// Names a monitor: `project/slug`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonitorId {
    /// Whose it is.
    pub project: Project,
    /// Which of theirs.
    pub slug: Slug,
}

impl MonitorId {
    /// The monitor of this slug in this project.
    pub fn new(project: Project, slug: Slug) -> Self {
        Self { project, slug }
    }

    /// Parses `project/slug`; `None` when it is not that.
    pub fn parse(text: &str) -> Option<Self> {
        let (project, slug) = text.split_once('/')?;
        Some(Self::new(Project::parse(project).ok()?, Slug::parse(slug).ok()?))
    }
}

impl fmt::Display for MonitorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.slug)
    }
}

/// The revision of a monitor: grows with every commit, and starts at the creation time in milliseconds, so that a monitor
/// made anew never repeats one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rev(pub u64);

impl Rev {
    /// The revision of a monitor that is created at `now`.
    pub fn first(now: Timestamp) -> Self {
        Self(u64::try_from(now.as_micros() / 1_000).unwrap_or(0))
    }

    /// The revision after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Rev {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who defined a monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A first ping: later pings may change its interval and grace, and it expires.
    Ping,
    /// A person: only people change it, and it stays.
    Person,
}

/// A run that has started and not finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Which, if the job said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RunId>,
    /// When its start was received.
    pub started_at: Timestamp,
    /// When it must have finished, by the limit that held when it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
}

impl Run {
    /// Whether an end that names `id` is the end of this run: the same id, or one of the two says none.
    pub fn ends_with(&self, id: Option<&RunId>) -> bool {
        match (&self.id, id) {
            (Some(ours), Some(theirs)) => ours == theirs,
            (Some(_) | None, None) | (None, Some(_)) => true,
        }
    }

    /// Whether it may still be going on at `now`.
    pub fn is_alive_at(&self, now: Timestamp) -> bool {
        self.due_at.is_some() || now.since(self.started_at) < ENDLESS
    }
}

/// How a monitor wants to be judged, apart from its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How many failures in a row open an incident, at least 1.
    #[serde(default = "one")]
    pub failure_threshold: u32,
    /// How often to remind while overdue, in seconds; 0 = never; `None` = as the installation does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_every_s: Option<u64>,
    /// The longest that a run may take, in seconds; a change holds from the next run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_runtime_s: Option<u64>,
    /// Whether a ping resumes the monitor when it is paused.
    #[serde(default)]
    pub resume_on_ping: bool,
}

const fn one() -> u32 {
    1
}

impl Default for Policy {
    fn default() -> Self {
        Self { failure_threshold: one(), remind_every_s: None, max_runtime_s: None, resume_on_ping: false }
    }
}

/// What state a monitor is in, with the data of that state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Never pinged: silent.
    New,
    /// Pinged, and the next ping is not overdue yet.
    Ok {
        /// Since when.
        since: Timestamp,
        /// When the next ping must have arrived, grace included.
        due_at: Timestamp,
    },
    /// A deadline was missed, or the job has failed.
    Overdue {
        /// The open incident.
        incident: Incident,
    },
    /// A person does not want to hear of it.
    Paused {
        /// Since when.
        since: Timestamp,
        /// When it resumes by itself.
        until: Option<Timestamp>,
    },
}

/// The status as it is shown: computed from the deadline at the time of reading, so it never lags the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Never pinged.
    New,
    /// All is well.
    Ok,
    /// All is well, and a run has started.
    Running,
    /// Past the expected moment, not yet an incident.
    Late,
    /// An incident is open.
    Overdue,
    /// Paused.
    Paused,
}

impl Shown {
    /// The word, as the API and the pages use it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Ok => "ok",
            Self::Running => "running",
            Self::Late => "late",
            Self::Overdue => "overdue",
            Self::Paused => "paused",
        }
    }
}

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitor {
    /// Its name.
    pub id: MonitorId,
    /// Grows with every commit.
    pub rev: Rev,
    /// Who defined it.
    pub origin: Origin,
    /// When its pings are expected.
    pub schedule: Schedule,
    /// How much later they may come.
    pub grace: Grace,
    /// How it wants to be judged.
    pub policy: Policy,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its status.
    pub status: Status,
    /// When the last ping was received that said how the job is: a success or a failure. Pings are ordered by it.
    pub last_ping_at: Option<Timestamp>,
    /// When the last ping was received that did not say how the job is: a start or a log. It outranks nothing.
    pub last_remark_at: Option<Timestamp>,
    /// How many pings it has received.
    pub ping_count: u64,
    /// How many failures in a row.
    pub failures: u32,
    /// The runs that have started and not finished, the oldest first; at most [`MAX_RUNS`], each with an id of its own.
    pub runs: Vec<Run>,
    /// How long the last finished run took.
    pub last_duration: Option<Duration>,
    /// Which of its project's channels are told; `None` = all.
    pub channels: Option<BTreeSet<ChannelName>>,
    /// What people say of it.
    pub about: About,
    /// Who defined it, if a person did.
    pub made: Option<Deed>,
    /// Who last changed its definition.
    pub changed: Option<Deed>,
    /// The secret of its ping URL, if it has one.
    pub uuid: Option<PingUuid>,
    /// What its channels have not been told.
    pub outbox: Outbox,
}

impl Monitor {
    /// A monitor that has never been pinged.
    pub fn new(id: MonitorId, origin: Origin, schedule: Schedule, grace: Grace, now: Timestamp) -> Self {
        Self {
            id,
            rev: Rev::first(now),
            origin,
            schedule,
            grace,
            policy: Policy::default(),
            created_at: now,
            status: Status::New,
            last_ping_at: None,
            last_remark_at: None,
            ping_count: 0,
            failures: 0,
            runs: Vec::new(),
            last_duration: None,
            channels: None,
            about: About::default(),
            made: None,
            changed: None,
            uuid: None,
            outbox: Outbox::default(),
        }
    }

    /// The monitor as it stands at `context.now`, whatever has been recorded by then: what a page shows.
    #[must_use]
    pub fn settled_at(&self, context: &Context) -> Self {
        crate::decide::settled(self, context)
    }

    /// The status as it is shown at `context.now`, whatever has been recorded by then.
    pub fn status_at(&self, context: &Context) -> Shown {
        self.settled_at(context).recorded_status_at(context.now)
    }

    /// The status as it would be shown at `now` if what has been recorded were all: what is already settled needs no more.
    pub fn recorded_status_at(&self, now: Timestamp) -> Shown {
        match &self.status {
            Status::New => Shown::New,
            Status::Paused { .. } => Shown::Paused,
            Status::Overdue { .. } => Shown::Overdue,
            Status::Ok { .. } if self.is_late_at(now) => Shown::Late,
            Status::Ok { .. } if self.is_running_at(now) => Shown::Running,
            Status::Ok { .. } => Shown::Ok,
        }
    }

    /// Whether its next ping was expected before `now` and has not come.
    pub fn is_late_at(&self, now: Timestamp) -> bool {
        self.due_at().is_some_and(|due_at| now > due_at.minus(self.grace.duration()))
    }

    /// Whether a run is going on at `now`.
    pub fn is_running_at(&self, now: Timestamp) -> bool {
        self.runs.iter().any(|run| run.is_alive_at(now))
    }

    /// When the last ping of any signal was received: what people call its last ping.
    pub fn last_heard_at(&self) -> Option<Timestamp> {
        self.last_ping_at.max(self.last_remark_at)
    }

    /// When the next ping must have arrived, grace included; `None` when none is awaited.
    pub fn due_at(&self) -> Option<Timestamp> {
        match &self.status {
            Status::Ok { due_at, .. } => Some(*due_at),
            Status::New | Status::Overdue { .. } | Status::Paused { .. } => None,
        }
    }

    /// The first deadline that silence misses, and what it would be called.
    pub fn deadline(&self) -> Option<(Timestamp, Cause)> {
        let due = self.due_at()?;
        match self.runs.iter().filter_map(|run| run.due_at).min() {
            Some(run_due) if run_due < due => Some((run_due, Cause::Overran)),
            Some(_) | None => Some((due, Cause::Missed)),
        }
    }

    /// The silence that is first called an outage of the job, and when: outages of ours move deadlines.
    pub(crate) fn silence(&self, context: &Context) -> Option<(Wait, Judged)> {
        let outages = if self.id.project.is_operator() { &Outages::default() } else { &context.outages };
        let judged = self.waits().into_iter().map(|wait| (wait, outages.judge(&wait, context.now)));
        judged.min_by_key(|(_, judged)| judged.at)
    }

    /// When somebody must look again at a silence that is held: its deadline has passed, and outages of ours have moved it.
    pub fn held_until(&self, context: &Context) -> Option<Timestamp> {
        let (wait, judged) = self.silence(context)?;
        let is_held = wait.due.plus(context.settle) < context.now && context.now <= judged.at.plus(context.settle);
        is_held.then(|| context.outages.look_again(&wait, judged.at, context.settle, context.now))
    }

    /// Whether a plain success does nothing but move the deadline: then it can be recorded without a look.
    pub fn is_ordinary(&self) -> bool {
        matches!(self.status, Status::Ok { .. }) && self.outbox.is_idle() && self.runs.is_empty() && self.failures == 0
    }

    /// When somebody must look at it next: never later than its next action; `None` = only a ping or a person changes it.
    pub fn wake_at(&self, settle: Duration) -> Option<Timestamp> {
        let status = match &self.status {
            Status::New => None,
            Status::Ok { .. } => self.deadline().map(|(at, _)| at.plus(settle)),
            Status::Overdue { incident } => incident.confirm_at.into_iter().chain(incident.next_reminder_at).min(),
            Status::Paused { until, .. } => *until,
        };
        status.into_iter().chain(self.outbox.wake_at()).min()
    }

    /// When its next pings are expected, `count` of them after `now`: of an interval counted from when the next one is due.
    pub fn upcoming(&self, now: Timestamp, count: usize) -> Vec<Timestamp> {
        match &self.schedule {
            Schedule::Cron(cron) => cron.upcoming(now, count),
            Schedule::Every(interval) => {
                let first = self.due_at().map_or(now, |due| due.minus(self.grace.duration())).max(now);
                std::iter::successors(Some(first), |at| Some(at.plus(interval.duration()))).take(count).collect()
            }
        }
    }

    /// When it is forgotten; `None` = never. Only what a ping made is, and never while paused or with something to tell.
    pub fn expires_at(&self) -> Option<Timestamp> {
        let paused = matches!(self.status, Status::Paused { .. });
        if self.origin == Origin::Person || paused || !self.outbox.is_idle() {
            return None;
        }
        let seen = self.last_heard_at().unwrap_or(self.created_at);
        let missed = self.schedule.due_after(seen, self.grace);
        // After a long pause the last ping is old, and its monitor is watched all the same.
        let due_at = match &self.status {
            Status::Ok { due_at, .. } => missed.max(*due_at),
            Status::Overdue { incident } => missed.max(incident.since),
            Status::New | Status::Paused { .. } => missed,
        };
        Some(forgotten_at(seen, due_at))
    }
}

/// When a monitor last pinged at `seen`, and due at `due_at`, is forgotten.
/// DESIGN, "Tables": last ping + max(90 d, window + 30 d). Rounded up to the second, in which DynamoDB counts.
pub fn forgotten_at(seen: Timestamp, due_at: Timestamp) -> Timestamp {
    seen.plus(FORGOTTEN_AFTER).max(due_at.plus(FORGOTTEN_AFTER_DUE)).rounded_up_to_seconds()
}
