//! What a ping makes of a monitor.

use std::time::Duration;

use super::{Deciding, RestsOn, Transition};
use crate::{
    incident::Cause,
    monitor::{Origin, Run, Status},
    notice::Notice,
    ping::{Note, Ping, Verdict},
    schedule::Schedule,
};
impl Deciding {
    pub(super) fn ping(&mut self, ping: &Ping) {
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
                // It was heard, and it is not well: that is known by now.
                incident.confirm_at = None;
                incident.excerpt = ping.body.excerpt().or_else(|| incident.excerpt.take());
            }
            Status::New | Status::Ok { .. } if enough => {
                self.open_incident(now, Cause::Failed { exit }, ping.body.excerpt(), None);
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
}
