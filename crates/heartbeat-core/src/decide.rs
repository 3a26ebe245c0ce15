//! The heart: one pure, total function from a monitor, an event and what is known of time to what becomes of it.
//!
//! It settles first: silence that has already become an outage is recorded, dated at the deadline, before the event is
//! applied. Looking is free and repeating is harmless: extra ticks change nothing, and nobody is told twice.

mod person;
mod signal;
mod spooled;

use std::time::Duration;

use crate::{
    definition::Changes,
    incident::{Cause, Incident},
    monitor::{Monitor, Rev, Status},
    notice::Notice,
    outage::{CONFIRM, Outages, Wait},
    ping::{Note, Ping},
    reminder::Reminders,
    time::Timestamp,
};

/// A last ping further ahead of now than this was stamped by a clock that was wrong.
const SKEW_TOLERANCE: Duration = Duration::from_mins(1);

/// What is known of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Now; for a ping, when it was received.
    pub now: Timestamp,
    /// How long past due a checker waits, so that a ping on its way is not overtaken.
    pub settle: Duration,
    /// How reminders repeat where the monitor does not say.
    pub reminders: Reminders,
    /// When we could not hear.
    pub outages: Outages,
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

/// A change that history keeps, and that channels are told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    /// An incident has opened.
    Opened {
        /// The deadline, or the moment of the failure.
        since: Timestamp,
        /// Why.
        cause: Cause,
        /// Whether we do not know if we could have heard the job.
        unconfirmed: bool,
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

impl RestsOn {
    /// Whether what a decision made from `before` at `at` rests on still holds where `there` is.
    pub fn holds(self, before: &Monitor, there: &Monitor, at: Timestamp) -> bool {
        there.rev == before.rev
            && match self {
                Self::Revision => true,
                Self::NewestPing => there.last_ping_at.is_none_or(|last| last < at),
                Self::Silence => there.last_ping_at == before.last_ping_at,
            }
    }
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

impl Decision {
    /// The same for a job that pings so often that the monitor never stays as it was seen: it rests on no ping any more, and
    /// leaves a full window from the moment by which every ping of now has arrived, so that it takes nothing from any of them.
    /// Only what moves the deadline of a monitor that is well can be stored so; all else stays as it is.
    #[must_use]
    pub fn despite_pings(mut self, before: &Monitor, context: &Context) -> Self {
        let is_well = matches!(before.status, Status::Ok { .. }) && self.transitions.is_empty();
        let full = self.monitor.schedule.due_after(context.now.plus(context.settle), self.monitor.grace);
        if let Status::Ok { due_at, .. } = &mut self.monitor.status
            && is_well
            && self.monitor.last_ping_at == before.last_ping_at
        {
            *due_at = full.max(*due_at);
            self.rests_on = RestsOn::Revision;
        }
        self
    }
}

/// Decides what `event` makes of `monitor`. Total: every event in every status has an answer.
pub fn decide(monitor: &Monitor, event: &Event, context: &Context) -> Decision {
    let mut deciding = Deciding::new(monitor, context.clone());
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
    let mut deciding = Deciding::new(monitor, context.clone());
    deciding.settle_first();
    deciding.monitor
}

/// A decision in the making.
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

    /// Pings that only count do not move the revision, nor do those that only are the newest: any number of them are stored
    /// at once, none has to look again, and nobody who wants something else of the monitor has to be quicker than them.
    fn finish(mut self, before: &Monitor) -> Decision {
        let mut only_counted = Monitor { ping_count: self.monitor.ping_count, ..before.clone() };
        // The first of all says that there is a job: what is decided without it would be decided otherwise.
        if self.rests_on == RestsOn::NewestPing && before.last_ping_at.is_some() {
            only_counted.last_ping_at = self.monitor.last_ping_at;
        }
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
        self.monitor.outbox.clamp_skew(now);
        self.clamp_reminder();
        self.monitor.runs.retain(|run| !is_ahead(run.started_at));
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

    /// A reminder is never further away than one step from now, and what two clocks may differ by.
    fn clamp_reminder(&mut self) {
        let reminders = self.reminders();
        if let Status::Overdue { incident } = &mut self.monitor.status {
            let latest = reminders.next(incident.since, self.context.now);
            incident.next_reminder_at = incident
                .next_reminder_at
                .map(|at| latest.filter(|latest| at > latest.plus(SKEW_TOLERANCE)).unwrap_or(at));
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
        let Some((wait, judged)) = self.monitor.silence(&self.context) else { return };
        if self.context.now > judged.at.plus(self.context.settle) {
            self.rests_on = RestsOn::Silence;
            let confirm_at = (!judged.confirmed).then(|| self.context.now.plus(CONFIRM));
            self.open_incident(wait.due, wait.cause, None, confirm_at);
            self.forget_limits(wait);
        }
    }

    /// A run that has been called too long once is not called so again when the incident is over.
    fn forget_limits(&mut self, wait: Wait) {
        if wait.cause == Cause::Overran {
            for run in self.monitor.runs.iter_mut().filter(|run| run.due_at.is_some_and(|due| due <= wait.due)) {
                run.due_at = None;
            }
        }
    }

    fn open_incident(
        &mut self,
        since: Timestamp,
        cause: Cause,
        excerpt: Option<String>,
        confirm_at: Option<Timestamp>,
    ) {
        let next_reminder_at = self.reminders().next(since, self.context.now);
        let incident = Incident { since, cause, excerpt, reminders: 0, confirm_at, next_reminder_at };
        self.transitions.push(Transition::Opened { since, cause, unconfirmed: confirm_at.is_some() });
        self.monitor.outbox.push(Notice::opened(&incident, self.monitor.last_heard_at(), self.rev, self.context.now));
        self.monitor.status = Status::Overdue { incident };
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

    fn tick(&mut self) {
        match &self.monitor.status {
            Status::New | Status::Ok { .. } => {}
            Status::Paused { .. } => self.monitor.outbox.mute(self.context.now),
            Status::Overdue { .. } => {
                let is_confirmed = self.confirm();
                self.remind(is_confirmed);
            }
        }
    }

    /// Whether what was unconfirmed is known by now: we can hear again, and the job has had its time to be heard.
    fn confirm(&mut self) -> bool {
        let now = self.context.now;
        let grace = self.monitor.grace;
        let Status::Overdue { incident } = &mut self.monitor.status else { return false };
        if incident.confirm_at.is_none_or(|at| at > now) {
            return false;
        }
        let awaited = self.monitor.schedule.awaited(incident.since, grace);
        let (due, cause, grace) = (incident.since, incident.cause, grace.duration());
        let wait = Wait { began: awaited.from, due, interval: awaited.period, grace, cause };
        let known_at = if self.context.outages.may_be_going_on() {
            now.plus(CONFIRM)
        } else {
            self.context.outages.judge(&wait, now).at.plus(self.context.settle)
        };
        incident.confirm_at = (known_at > now).then_some(known_at);
        known_at <= now
    }

    /// Reminds where it is time to, or where something must be said in between.
    fn remind(&mut self, must_be_said: bool) {
        let (now, reminders, heard) = (self.context.now, self.reminders(), self.monitor.last_heard_at());
        let Status::Overdue { incident } = &mut self.monitor.status else { return };
        if !must_be_said && incident.next_reminder_at.is_none_or(|at| at > now) {
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

impl RestsOn {
    fn or_newest_ping(self) -> Self {
        match self {
            Self::Silence => Self::Silence,
            Self::Revision | Self::NewestPing => Self::NewestPing,
        }
    }
}
