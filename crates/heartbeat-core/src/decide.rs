//! The heart: one pure, total function from a monitor, an event and what is known of time to what becomes of it.
//!
//! It settles first: silence that has already become an outage is recorded, dated at the deadline, before the event is
//! applied. Looking is free and repeating is harmless: extra ticks change nothing, and nobody is told twice.

use std::time::Duration;

use crate::{
    incident::{Cause, Incident},
    interval::Grace,
    monitor::{Monitor, Origin, Rev, Run, Status},
    notice::Notice,
    ping::{Note, Ping, Verdict},
    reminder::Reminders,
    schedule::Schedule,
    time::Timestamp,
};

/// A last ping further ahead of now than this was stamped by a clock that was wrong.
const SKEW_TOLERANCE: Duration = Duration::from_mins(1);

/// What is known of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Now; for a ping, when it was received.
    pub now: Timestamp,
    /// How long past due a checker waits, so that a ping on its way is not overtaken.
    pub settle: Duration,
    /// How reminders repeat where the monitor does not say.
    pub reminders: Reminders,
}

/// What can happen to a monitor. (Deleting is no event: its answer does not depend on the monitor.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The job has sent a signal.
    Ping(Ping),
    /// Somebody looks.
    Tick,
    /// A person does not want to hear of it, perhaps only for a while.
    Pause {
        /// When it resumes by itself.
        until: Option<Timestamp>,
    },
    /// A person wants to hear of it again.
    Resume,
    /// A person changes its definition.
    Edit(Changes),
}

/// What an edit changes; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The schedule.
    pub schedule: Option<Schedule>,
    /// The grace.
    pub grace: Option<Grace>,
    /// How many failures in a row open an incident, at least 1.
    pub failure_threshold: Option<u32>,
    /// How often to remind, in seconds; `Some(None)` = as the installation does.
    pub remind_every_s: Option<Option<u64>>,
    /// The longest that a run may take, in seconds; `Some(None)` = no limit.
    pub max_runtime_s: Option<Option<u64>>,
    /// Whether a ping resumes it when paused.
    pub resume_on_ping: Option<bool>,
}

/// A change that history keeps, and that channels are told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    /// An incident has opened.
    Opened {
        /// The deadline, or the moment of the failure.
        since: Timestamp,
        /// Why.
        cause: Cause,
    },
    /// An incident has ended with a ping.
    Recovered {
        /// When it had begun.
        since: Timestamp,
        /// When it ended.
        at: Timestamp,
    },
    /// An incident is still open.
    Reminded {
        /// When it had begun.
        since: Timestamp,
        /// The number of the reminder, from 1.
        number: u32,
    },
    /// A person paused it; an open incident ended silently.
    Paused,
    /// It is watched again.
    Resumed,
}

/// What a decision would be wrong without: the store must find it unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestsOn {
    /// Only that no other decision came between.
    Revision,
    /// Also that no newer ping did.
    NewestPing,
    /// Also that no ping did at all: it says that there was silence.
    Silence,
}

/// What becomes of a monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The monitor afterwards, with the next revision if anything changed. What is to be told is in its outbox.
    pub monitor: Monitor,
    /// What changed, in order.
    pub transitions: Vec<Transition>,
    /// What must not have changed when it is stored.
    pub rests_on: RestsOn,
    /// Oddities for the one who sent the ping.
    pub notes: Vec<Note>,
}

/// Decides what `event` makes of `monitor`. Total: every event in every status has an answer.
pub fn decide(monitor: &Monitor, event: &Event, context: &Context) -> Decision {
    let mut deciding = Deciding::new(monitor, *context);
    deciding.settle_first();
    match event {
        Event::Ping(ping) => deciding.ping(ping),
        Event::Tick => deciding.tick(),
        Event::Pause { until } => deciding.pause(*until),
        Event::Resume => deciding.resume(),
        Event::Edit(changes) => deciding.edit(changes),
    }
    deciding.finish(monitor)
}

/// The monitor as it stands at `context.now`: silence that has become an outage is one, a pause that has ended is over.
pub(crate) fn settled(monitor: &Monitor, context: &Context) -> Monitor {
    let mut deciding = Deciding::new(monitor, *context);
    deciding.settle_first();
    deciding.monitor
}

struct Deciding {
    monitor: Monitor,
    context: Context,
    rev: Rev,
    transitions: Vec<Transition>,
    rests_on: RestsOn,
    notes: Vec<Note>,
}

impl Deciding {
    fn new(monitor: &Monitor, context: Context) -> Self {
        Self {
            monitor: monitor.clone(),
            context,
            rev: monitor.rev.next(),
            transitions: Vec::new(),
            rests_on: RestsOn::Revision,
            notes: Vec::new(),
        }
    }

    /// Pings that only count do not move the revision: any number of them are stored at once, and none has to look again.
    fn finish(mut self, before: &Monitor) -> Decision {
        let only_counted = Monitor { ping_count: self.monitor.ping_count, ..before.clone() };
        if self.monitor != only_counted {
            self.monitor.rev = self.rev;
        }
        Decision { monitor: self.monitor, transitions: self.transitions, rests_on: self.rests_on, notes: self.notes }
    }

    /// Makes true what time alone has made true.
    fn settle_first(&mut self) {
        self.clamp_skew();
        self.end_pause();
        self.notice_silence();
    }

    /// A ping stamped by a clock that was far ahead must not outrank all pings to come.
    fn clamp_skew(&mut self) {
        let now = self.context.now;
        let is_ahead = |at: Timestamp| at > now.plus(SKEW_TOLERANCE);
        self.monitor.run.take_if(|run| is_ahead(run.started_at));
        self.monitor.last_remark_at.take_if(|at| is_ahead(*at));
        if self.monitor.last_ping_at.is_some_and(is_ahead) {
            self.rests_on = RestsOn::Silence;
            self.monitor.last_ping_at = Some(now.minus(Duration::from_micros(1)));
            let fresh = self.due_from(now);
            if let Status::Ok { due_at, .. } = &mut self.monitor.status {
                *due_at = fresh.min(*due_at);
            }
        }
    }

    /// A pause that has ended gives a full fresh window from its end.
    fn end_pause(&mut self) {
        if let Status::Paused { until: Some(until), .. } = self.monitor.status
            && until <= self.context.now
        {
            self.resume_from(until);
        }
    }

    fn notice_silence(&mut self) {
        let Some((deadline, cause)) = self.monitor.deadline() else { return };
        if self.context.now > deadline.plus(self.context.settle) {
            self.rests_on = RestsOn::Silence;
            self.open_incident(deadline, cause, None);
        }
    }

    fn open_incident(&mut self, since: Timestamp, cause: Cause, excerpt: Option<String>) {
        let next_reminder_at = self.reminders().next(since, self.context.now);
        let incident = Incident { since, cause, excerpt, reminders: 0, next_reminder_at };
        self.transitions.push(Transition::Opened { since, cause });
        self.tell(Notice::opened(&incident, self.monitor.last_heard_at(), self.rev, self.context.now));
        self.monitor.status = Status::Overdue { incident };
    }

    fn tell(&mut self, notice: Notice) {
        self.monitor.outbox.push(notice);
    }

    fn reminders(&self) -> Reminders {
        let usual = self.context.reminders;
        match self.monitor.policy.remind_every_s {
            Some(seconds) => Reminders { every: Some(Duration::from_secs(seconds)), ..usual },
            None => usual,
        }
    }

    fn due_from(&self, from: Timestamp) -> Timestamp {
        self.monitor.schedule.due_after(from, self.monitor.grace)
    }

    fn ping(&mut self, ping: &Ping) {
        self.monitor.ping_count = self.monitor.ping_count.saturating_add(1);
        let verdict = ping.signal.verdict();
        if self.is_outranked(verdict) {
            self.notes.push(Note::OutOfOrder);
            return;
        }
        if verdict != Verdict::Mute {
            self.rests_on = self.rests_on.or_newest_ping();
        }
        let ignored = matches!(self.monitor.status, Status::Paused { .. }) && !self.monitor.policy.resume_on_ping;
        if ignored {
            self.notes.push(Note::Paused);
        } else {
            self.resume();
            self.take_carried(ping);
            self.signal(ping);
        }
        self.remember(verdict);
    }

    /// Whether a ping that was received later has already said how the job is. A log says nothing, and comes never late.
    fn is_outranked(&self, verdict: Verdict) -> bool {
        let now = self.context.now;
        let said = self.monitor.last_ping_at.is_some_and(|last| last >= now);
        let started = self.monitor.run.as_ref().is_some_and(|run| run.started_at >= now);
        match verdict {
            Verdict::Well | Verdict::Failed(_) => said,
            Verdict::Started => said || started,
            Verdict::Mute => false,
        }
    }

    /// Only what says how the job is orders the pings: a log must not outrank a success that is still on its way.
    fn remember(&mut self, verdict: Verdict) {
        let last = match verdict {
            Verdict::Well | Verdict::Failed(_) => &mut self.monitor.last_ping_at,
            Verdict::Started | Verdict::Mute => &mut self.monitor.last_remark_at,
        };
        *last = (*last).max(Some(self.context.now));
    }

    /// An interval or grace that a ping carries changes what pings made; what a person defined stays.
    fn take_carried(&mut self, ping: &Ping) {
        let schedule = ping.interval.map(Schedule::Every).filter(|s| *s != self.monitor.schedule);
        let grace = ping.grace.filter(|g| *g != self.monitor.grace);
        if schedule.is_none() && grace.is_none() {
            return;
        }
        match self.monitor.origin {
            Origin::Ping => {
                self.redefine(schedule, grace);
                // A success sets the deadline anew; for all else the moved one rests on the last ping.
                if ping.signal.verdict() != Verdict::Well {
                    self.rests_on = RestsOn::Silence;
                }
            }
            Origin::Person => self.notes.push(Note::DefinitionKept),
        }
    }

    fn signal(&mut self, ping: &Ping) {
        match ping.signal.verdict() {
            Verdict::Well => self.succeed(ping),
            Verdict::Failed(exit) => self.fail(ping, exit),
            Verdict::Started => self.start(ping),
            Verdict::Mute => {}
        }
    }

    fn succeed(&mut self, ping: &Ping) {
        let now = self.context.now;
        self.end_run(ping);
        self.monitor.failures = 0;
        let since = match &self.monitor.status {
            Status::Ok { since, .. } => *since,
            Status::New | Status::Paused { .. } => now,
            Status::Overdue { incident } => {
                let notice = Notice::recovered(incident, self.monitor.last_heard_at(), self.rev, now);
                self.transitions.push(Transition::Recovered { since: incident.since, at: now });
                self.monitor.outbox.push(notice);
                now
            }
        };
        self.monitor.status = Status::Ok { since, due_at: self.due_from(now) };
    }

    fn fail(&mut self, ping: &Ping, exit: Option<i64>) {
        let now = self.context.now;
        self.end_run(ping);
        self.monitor.failures = self.monitor.failures.saturating_add(1);
        let enough = self.monitor.failures >= self.monitor.policy.failure_threshold;
        match &mut self.monitor.status {
            Status::Paused { .. } => {}
            Status::Overdue { incident } => {
                incident.excerpt = ping.body.excerpt().or_else(|| incident.excerpt.take());
            }
            Status::New | Status::Ok { .. } if enough => {
                self.open_incident(now, Cause::Failed { exit }, ping.body.excerpt());
            }
            Status::New => self.monitor.status = Status::Ok { since: now, due_at: self.due_from(now) },
            Status::Ok { since, .. } => {
                let since = *since;
                self.monitor.status = Status::Ok { since, due_at: self.due_from(now) };
            }
        }
    }

    /// A start opens a run; the first one of all also starts the watch, so that a job that dies in it is missed.
    fn start(&mut self, ping: &Ping) {
        let now = self.context.now;
        let limit = self.monitor.policy.max_runtime_s.map(Duration::from_secs);
        let due_at = limit.map(|limit| now.plus(limit));
        self.monitor.run = Some(Run { id: ping.run.clone(), started_at: now, due_at });
        match &self.monitor.status {
            Status::New => self.monitor.status = Status::Ok { since: now, due_at: self.due_from(now) },
            Status::Ok { .. } | Status::Overdue { .. } | Status::Paused { .. } => {}
        }
    }

    fn end_run(&mut self, ping: &Ping) {
        let now = self.context.now;
        let ended = self.monitor.run.take_if(|run| run.started_at < now && run.ends_with(ping.run.as_ref()));
        if let Some(run) = ended {
            self.monitor.last_duration = Some(now.since(run.started_at));
        }
    }

    fn tick(&mut self) {
        let now = self.context.now;
        let (reminders, heard) = (self.reminders(), self.monitor.last_heard_at());
        match &mut self.monitor.status {
            Status::New | Status::Ok { .. } => {}
            Status::Paused { .. } => self.monitor.outbox.mute(now),
            Status::Overdue { incident } => {
                if incident.next_reminder_at.is_none_or(|at| at > now) {
                    return;
                }
                self.rests_on = RestsOn::Silence;
                incident.next_reminder_at = reminders.next(incident.since, now);
                // Whoever has not been told yet needs no reminder.
                if self.monitor.outbox.is_idle() {
                    incident.reminders = incident.reminders.saturating_add(1);
                    let (since, number) = (incident.since, incident.reminders);
                    let notice = Notice::reminder(incident, heard, self.rev, now);
                    self.transitions.push(Transition::Reminded { since, number });
                    self.monitor.outbox.push(notice);
                }
            }
        }
    }

    /// Pausing sticks, closes an open incident silently, and drops what nobody has been told.
    fn pause(&mut self, until: Option<Timestamp>) {
        let now = self.context.now;
        let until = until.filter(|until| *until > now);
        let since = match &self.monitor.status {
            Status::Paused { since, .. } => *since,
            Status::New | Status::Ok { .. } | Status::Overdue { .. } => {
                self.transitions.push(Transition::Paused);
                now
            }
        };
        self.monitor.status = Status::Paused { since, until };
        self.monitor.run = None;
        self.monitor.failures = 0;
        self.monitor.outbox.mute(now);
    }

    fn resume(&mut self) {
        match &self.monitor.status {
            Status::Paused { .. } => self.resume_from(self.context.now),
            Status::New | Status::Ok { .. } | Status::Overdue { .. } => {}
        }
    }

    fn resume_from(&mut self, at: Timestamp) {
        self.transitions.push(Transition::Resumed);
        self.monitor.status = match self.monitor.last_heard_at() {
            Some(_) => Status::Ok { since: at, due_at: self.due_from(at) },
            None => Status::New,
        };
    }

    fn edit(&mut self, changes: &Changes) {
        self.rests_on = RestsOn::Silence;
        self.monitor.origin = Origin::Person;
        let policy = &mut self.monitor.policy;
        policy.failure_threshold = changes.failure_threshold.unwrap_or(policy.failure_threshold).max(1);
        policy.remind_every_s = changes.remind_every_s.unwrap_or(policy.remind_every_s);
        policy.max_runtime_s = changes.max_runtime_s.unwrap_or(policy.max_runtime_s);
        policy.resume_on_ping = changes.resume_on_ping.unwrap_or(policy.resume_on_ping);
        self.redefine(changes.schedule.clone(), changes.grace);
        self.reschedule_reminder();
    }

    /// Changes the window. A monitor is never made due earlier than a full new window from now, unless it already was.
    fn redefine(&mut self, schedule: Option<Schedule>, grace: Option<Grace>) {
        let now = self.context.now;
        let old_fresh = self.due_from(now);
        self.monitor.schedule = schedule.unwrap_or_else(|| self.monitor.schedule.clone());
        self.monitor.grace = grace.unwrap_or(self.monitor.grace);
        let new_fresh = self.due_from(now);
        if let Status::Ok { due_at, .. } = &mut self.monitor.status {
            let moved = due_at.plus(new_fresh.since(old_fresh)).minus(old_fresh.since(new_fresh));
            *due_at = moved.max(new_fresh.min(*due_at));
        }
    }

    /// A changed rhythm counts from now.
    fn reschedule_reminder(&mut self) {
        let reminders = self.reminders();
        if let Status::Overdue { incident } = &mut self.monitor.status {
            let next = reminders.next(incident.since, self.context.now);
            incident.next_reminder_at = match (incident.next_reminder_at, next) {
                (Some(planned), Some(next)) => Some(planned.min(next)),
                (None, next) => next,
                (Some(_), None) => None,
            };
        }
    }
}

impl RestsOn {
    fn or_newest_ping(self) -> Self {
        match self {
            Self::Silence => Self::Silence,
            Self::Revision | Self::NewestPing => Self::NewestPing,
        }
    }
}
