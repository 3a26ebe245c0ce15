//! Whether silences are called what they are: P2, P3 and P4.

use std::time::Duration;

use heartbeat_core::{Cause, Timestamp, ping::Verdict as Sign};

use super::{Case, Opened, PROMPT};
use crate::simulator::journal::{Answer, Pinged};

/// Clocks differ by so much, and no more.
pub(super) const SKEW: Duration = Duration::from_secs(2);
/// What a job gets to be heard again after an outage of ours: its interval, and no more than this.
pub(super) const HEARD_AGAIN: Duration = Duration::from_mins(10);
/// From here on an interval is long: what matters is whether the job could be heard when it was expected.
pub(super) const LONG: Duration = Duration::from_hours(1);
/// A job with a long interval is expected so much before its grace begins.
const EARLY: Duration = Duration::from_mins(5);
/// Outages of ours that are nearer to a silence than this may both have moved it.
const UNKNOWN: Duration = Duration::from_mins(5);
/// Whoever decides has asked within so much time, clocks included.
const ASKED: Duration = Duration::from_secs(10);

impl Case<'_> {
    /// An outage by silence, dated `deadline`, is false if an answered success was received before, and less than a
    /// window ago.
    pub(super) fn no_false_alert(&mut self) {
        let (mut wrong, mut count) = (Vec::new(), 0);
        for opened in self.history.opened.iter().filter(|opened| opened.cause == Cause::Missed) {
            let deadline = opened.since;
            count += 1;
            let kept =
                |ping: &&Pinged| is_success(ping) && ping.at <= deadline && self.job.deadline_after(ping.at) > deadline;
            if let Some(ping) = self.pings.iter().find(kept) {
                wrong.push(format!("FALSE ALERT: due {deadline}, but a ping of {} was answered", ping.at));
            }
            if !self.pings.iter().any(|ping| self.job.deadline_after(ping.at) == deadline) {
                wrong.push(format!("the deadline {deadline} follows from no ping"));
            }
        }
        self.offend_all(wrong);
        self.count("P3: no incident by silence within a window of an answered success", count);
    }

    /// A silence that only an outage of ours has made, and that ended soon after it, is no incident that we are sure of.
    pub(super) fn our_outage_is_not_theirs(&mut self) {
        let extra = HEARD_AGAIN.min(self.job.interval.duration());
        let (mut wrong, mut count) = (Vec::new(), 0);
        for (from, to) in self.evidence.deaf.iter() {
            let heard_again =
                |ping: &Pinged| is_success(ping) && ping.sent > to && ping.sent < to.plus(extra).minus(SKEW);
            let is_lost = self.lost.iter().any(|sent| (from..to).contains(sent));
            if !is_lost || !self.pings.iter().any(heard_again) {
                continue;
            }
            count += 1;
            let blamed = self.history.opened.iter().filter(|opened| self.is_ours(opened.since, from, to));
            let blamed = blamed.filter(|opened| opened.cause == Cause::Missed && !opened.unconfirmed);
            wrong.extend(blamed.map(|opened| {
                let (due, at) = (opened.since, opened.at);
                format!("FALSE ALERT: due {due} (said at {at}), but we were deaf from {from} to {to}, and it was heard again")
            }));
        }
        self.offend_all(wrong);
        self.count("P4: a job that only our outage silenced is in no confirmed incident", count);
    }

    /// Whether a silence that ended with the deadline `due` is for the outage of ours in `from..to` alone to explain.
    fn is_ours(&self, due: Timestamp, from: Timestamp, to: Timestamp) -> bool {
        let (began, interval) = (self.awaited_since(due), self.job.interval.duration());
        let is_touched = from.plus(SKEW) < due
            && if interval > LONG {
                to > due.minus(self.job.grace.duration()).minus(EARLY.min(interval / 10)).plus(SKEW)
            } else {
                to > began.plus(SKEW)
            };
        is_touched && self.evidence.deaf.touching(began.minus(UNKNOWN), due.plus(UNKNOWN)).count() == 1
    }

    /// Since when the silence lasted that was to end by `due`: the last ping that it followed.
    fn awaited_since(&self, due: Timestamp) -> Timestamp {
        let before = self.pings.iter().rfind(|ping| self.job.deadline_after(ping.at) == due);
        before.map_or(due.minus(self.window()), |ping| ping.at)
    }

    /// What is called unconfirmed was missed while nobody had proved for as long as silence is held that pings are received,
    /// or by a process that just then could not ask whether that is so.
    pub(super) fn unconfirmed_is_what_nobody_knew(&mut self) {
        let (mut wrong, mut count) = (Vec::new(), 0);
        for opened in self.history.opened.iter().filter(|opened| opened.unconfirmed) {
            count += 1;
            if !self.gaps.leave_unknown(opened.since, opened.at) && !self.could_not_ask(opened) {
                let (since, at) = (opened.since, opened.at);
                wrong.push(format!("the incident of {since} is unconfirmed (said at {at}), and we could hear"));
            }
        }
        self.offend_all(wrong);
        self.count("P4: what is unconfirmed was missed while nobody knew", count);
    }

    /// Whether a process that said so had failed to read what is known of outages of ours, or had to wait for it: nothing else
    /// that fails is an excuse.
    fn could_not_ask(&self, opened: &Opened) -> bool {
        let said = self.record.unsure.get(&(self.job.id.clone(), opened.since));
        said.into_iter().flatten().any(|(process, at)| {
            let reads = self.record.could_not_ask.get(process);
            reads.is_some_and(|reads| reads.range(at.minus(ASKED)..=*at).next().is_some())
        })
    }

    /// An answered success ends an outage that had begun before it, unless a failure that was received after it, while it
    /// was on its way, was stored before it: then that is how the job is.
    pub(super) fn no_outage_outlives_a_success(&mut self) {
        let on_its_way = self.evidence.settings.settle;
        let open_at = |at: Timestamp| {
            let before = self.history.opened.iter().take_while(|opened| opened.since < at);
            let ended =
                |since: Timestamp| self.history.recovered.get(&since).is_some_and(|end| *end <= at.plus(on_its_way));
            before.into_iter().any(|opened| !ended(opened.since))
        };
        let is_contradicted = |at: Timestamp| {
            let meanwhile = |other: &Pinged| other.at > at && other.at < at.plus(on_its_way);
            self.pings.iter().any(|other| meanwhile(other) && matches!(other.signal.verdict(), Sign::Failed(_)))
        };
        let outlived = |ping: &&Pinged| is_success(ping) && open_at(ping.at) && !is_contradicted(ping.at);
        if let Some(ping) = self.pings.iter().find(outlived) {
            let at = ping.at;
            self.offend(&format!("FALSE ALERT: an outage went on after the answered success of {at}"));
        }
        let count = self.history.recovered.len();
        self.count("P3: no incident outlives an answered success", count);
    }

    /// An answered failure is in an outage.
    pub(super) fn failures_are_outages(&mut self) {
        let failed =
            |ping: &&Pinged| ping.answer == Answer::Recorded && matches!(ping.signal.verdict(), Sign::Failed(_));
        let failures: Vec<_> = self.pings.iter().filter(failed).map(|ping| ping.at).collect();
        let mut wrong = Vec::new();
        for at in &failures {
            let ended = |since: Timestamp| self.history.recovered.get(&since).is_some_and(|end| end <= at);
            if !self.history.opened.iter().any(|opened| opened.since <= *at && !ended(opened.since)) {
                wrong.push(format!("the failure of {at} opened no incident"));
            }
        }
        let unfounded = self.history.opened.iter().find(|opened| {
            matches!(opened.cause, Cause::Failed { .. }) && !self.pings.iter().any(|ping| ping.at == opened.since)
        });
        wrong.extend(unfounded.map(|opened| format!("FALSE ALERT: no job failed at {}", opened.since)));
        self.offend_all(wrong);
        self.count("P2: an answered failure is in an incident", failures.len());
    }

    /// Every silence that was certainly decided to be an outage was told on every channel that wants to hear of it.
    pub(super) fn no_outage_untold(&mut self) {
        let next = self.pings.iter().skip(1).map(|ping| (Some(ping.clone()), ping.at));
        let ends = next.chain([(None, self.evidence.now.minus(PROMPT))]);
        let silences: Vec<_> = self.pings.iter().cloned().zip(ends).collect();
        for (ping, (next, end)) in silences.into_iter().filter(|(ping, _)| ping.answer == Answer::Recorded) {
            let deadline = self.job.deadline_after(ping.at);
            if let Some(decided) = self.decided_by(deadline, next.as_ref(), end) {
                self.certain += 1;
                self.outage_is_told(ping.at, deadline, end);
                self.is_told_soon(deadline, decided, end);
            }
        }
        let certain = self.certain;
        self.count("P2: a silence that must be told was told", certain);
        if self.job.runs.is_some() {
            self.count("P2: among them, silences of jobs that run by a cron line", certain);
        }
    }

    /// The longest that amnesty may postpone the alert of a silence of this job from `from` to `to`.
    pub(super) fn amnesty(&self, from: Timestamp, to: Timestamp) -> Duration {
        self.evidence.amnesty(from, to)
            + if self.evidence.deaf.is_empty() { Duration::ZERO } else { self.job.grace.duration() }
    }
}

pub(super) fn is_success(ping: &Pinged) -> bool {
    ping.signal.verdict() == Sign::Well && ping.answer == Answer::Recorded
}
