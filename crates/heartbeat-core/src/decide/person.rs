//! What a person makes of a monitor: pause, resume, edit.

use super::{Deciding, RestsOn, Transition};
use crate::{
    about::Deed,
    definition::{Changes, Definition},
    interval::Grace,
    monitor::{Origin, Status},
    schedule::Schedule,
    time::Timestamp,
};

impl Deciding {
    /// Pausing sticks, closes an open incident silently, and drops what nobody has been told.
    pub(super) fn pause(&mut self, until: Option<Timestamp>) {
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
        self.monitor.runs.clear();
        self.monitor.failures = 0;
        self.monitor.outbox.mute(now);
    }

    pub(super) fn resume(&mut self) {
        match &self.monitor.status {
            Status::Paused { .. } => self.resume_from(self.context.now),
            Status::New | Status::Ok { .. } | Status::Overdue { .. } => {}
        }
    }

    pub(super) fn resume_from(&mut self, at: Timestamp) {
        self.transitions.push(Transition::Resumed);
        self.monitor.status = match self.monitor.last_heard_at() {
            Some(_) => Status::Ok { since: at, due_at: self.due_from(at) },
            None => Status::New,
        };
    }

    pub(super) fn edit(&mut self, changes: &Changes) {
        // Only a deadline hangs on pings: where there is none, no number of them stands in the way.
        if matches!(self.monitor.status, Status::Ok { .. }) {
            self.rests_on = RestsOn::Silence;
        }
        let before = Definition::of(&self.monitor);
        self.monitor.origin = Origin::Person;
        let mut wanted = before.clone();
        wanted.take(changes.clone());
        self.monitor.policy = wanted.policy;
        self.monitor.channels = wanted.channels;
        self.monitor.about = wanted.about;
        self.redefine(changes.schedule.clone(), changes.grace);
        self.reschedule_reminder();
        if before != Definition::of(&self.monitor) {
            let at = self.context.now;
            self.monitor.changed = changes.by.clone().map(|by| Deed { at, by });
        }
    }

    /// Changes the window. A monitor is never made due earlier than a full new window from now, unless it already was.
    pub(super) fn redefine(&mut self, schedule: Option<Schedule>, grace: Option<Grace>) {
        let now = self.context.now;
        let old_fresh = self.due_from(now);
        let old = self.monitor.schedule.clone();
        self.monitor.schedule = schedule.unwrap_or_else(|| old.clone());
        self.monitor.grace = grace.unwrap_or(self.monitor.grace);
        let new_fresh = self.due_from(now);
        // Of two rhythms that are no intervals nothing can be told but where the new one begins.
        let is_another_rhythm =
            old != self.monitor.schedule && old.interval().and(self.monitor.schedule.interval()).is_none();
        if let Status::Ok { due_at, .. } = &mut self.monitor.status {
            if is_another_rhythm {
                *due_at = new_fresh;
                return;
            }
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
