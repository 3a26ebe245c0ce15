//! What a ping makes of a monitor.

use std::time::Duration;

use super::{Deciding, RestsOn, Transition};
use crate::{
    incident::Cause,
    monitor::{MAX_RUNS, Origin, Run, Status},
    notice::Notice,
    ping::{Note, Ping, RunId, Verdict},
    time::Timestamp,
};
impl Deciding {
    pub(super) fn ping(&mut self, ping: &Ping) {
        self.monitor.ping_count = self.monitor.ping_count.saturating_add(1);
        let verdict = ping.signal.verdict();
        if let Some(at) = ping.at.filter(|at| *at < self.context.now) {
            self.spooled(ping, at);
            return;
        }
        if self.is_outranked(verdict, ping.run.as_ref()) {
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
    fn is_outranked(&self, verdict: Verdict, id: Option<&RunId>) -> bool {
        let now = self.context.now;
        let said = self.monitor.last_ping_at.is_some_and(|last| last >= now);
        let started = self.monitor.runs.iter().any(|run| run.id.as_ref() == id && run.started_at >= now);
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

    /// A schedule or grace that a ping carries changes what pings made; what a person defined stays.
    pub(super) fn take_carried(&mut self, ping: &Ping) {
        let schedule = ping.schedule.clone().filter(|s| *s != self.monitor.schedule);
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
        self.end_run(ping, now);
        self.monitor.failures = 0;
        let (since, due_at) = match &self.monitor.status {
            Status::Ok { since, due_at } => {
                (*since, self.monitor.schedule.due_after_success(now, *due_at, self.monitor.grace))
            }
            Status::New | Status::Paused { .. } => (now, self.due_from(now)),
            Status::Overdue { incident } => {
                let notice = Notice::recovered(incident, self.monitor.last_heard_at(), self.rev, now);
                self.transitions.push(Transition::Recovered { since: incident.since, at: now });
                self.monitor.outbox.push(notice);
                (now, self.due_from(now))
            }
        };
        self.monitor.status = Status::Ok { since, due_at };
    }

    fn fail(&mut self, ping: &Ping, exit: Option<i64>) {
        let now = self.context.now;
        self.end_run(ping, now);
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
        self.open_run(Run { id: ping.run.clone(), started_at: now, due_at });
        match &self.monitor.status {
            Status::New => self.monitor.status = Status::Ok { since: now, due_at: self.due_from(now) },
            Status::Ok { .. } | Status::Overdue { .. } | Status::Paused { .. } => {}
        }
    }

    /// Opens a run, in place of an unfinished one of the same id. Of too many, the oldest that nothing hangs on goes; where
    /// something hangs on each of them, the new one is not watched.
    pub(super) fn open_run(&mut self, run: Run) {
        let (now, runs) = (self.context.now, &mut self.monitor.runs);
        runs.retain(|other| other.id != run.id && other.is_alive_at(now));
        if runs.len() >= MAX_RUNS {
            let Some(oldest) = runs.iter().position(|other| other.due_at.is_none()) else {
                self.notes.push(Note::TooManyRuns);
                return;
            };
            runs.remove(oldest);
        }
        runs.push(run);
    }

    /// Ends the run that ended with this ping at `at`: the one of its id, or where one of the two names none, the one without,
    /// or the only one.
    pub(super) fn end_run(&mut self, ping: &Ping, at: Timestamp) {
        let runs = &mut self.monitor.runs;
        let begun = |run: &Run| run.started_at < at;
        let exactly = runs.iter().position(|run| begun(run) && run.id == ping.run);
        let nameless = || runs.iter().position(|run| begun(run) && run.id.is_none());
        let only = || (runs.len() == 1 && ping.run.is_none() && runs.iter().all(begun)).then_some(0);
        let Some(index) = exactly.or_else(nameless).or_else(only) else { return };
        let run = runs.remove(index);
        self.monitor.last_duration = Some(at.since(run.started_at));
    }
}
