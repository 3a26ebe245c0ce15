//! What a ping makes of a monitor that happened earlier than it was received: it was spooled where it could not be sent.
//! DESIGN, "The pure core": the state uses the earlier time; it recovers only if its window is still ahead, and never opens
//! an incident.

use super::{Deciding, RestsOn, Transition};
use crate::{
    monitor::{Run, Status},
    notice::Notice,
    ping::{Note, Ping, Verdict},
    time::Timestamp,
};

impl Deciding {
    /// Applies `ping`, which happened at `at`, before now.
    pub(super) fn spooled(&mut self, ping: &Ping, at: Timestamp) {
        self.notes.push(Note::Spooled);
        let verdict = ping.signal.verdict();
        let said = self.monitor.last_ping_at.is_some_and(|last| last >= at);
        if said && verdict != Verdict::Mute {
            self.notes.push(Note::OutOfOrder);
            return;
        }
        // What it does rests on which other pings there were, and pings of this kind are never many at once.
        self.rests_on = RestsOn::Silence;
        if matches!(self.monitor.status, Status::Paused { .. }) {
            self.notes.push(Note::Paused);
        } else {
            self.spooled_signal(ping, at);
        }
        let last = match verdict {
            Verdict::Well | Verdict::Failed(_) => &mut self.monitor.last_ping_at,
            Verdict::Started | Verdict::Mute => &mut self.monitor.last_remark_at,
        };
        *last = (*last).max(Some(at));
    }

    fn spooled_signal(&mut self, ping: &Ping, at: Timestamp) {
        match ping.signal.verdict() {
            Verdict::Well => {
                self.take_carried(ping);
                self.end_run(ping, at);
                self.monitor.failures = 0;
                self.succeeded_at(at);
            }
            Verdict::Failed(_) => self.end_run(ping, at),
            // Nobody can say by now when it must end.
            Verdict::Started => self.open_run(Run { id: ping.run.clone(), started_at: at, due_at: None }),
            Verdict::Mute => {}
        }
    }

    fn succeeded_at(&mut self, at: Timestamp) {
        let (due, heard) = (self.due_from(at), self.monitor.last_heard_at());
        let is_ahead = due > self.context.now;
        match &mut self.monitor.status {
            Status::Ok { due_at, .. } => *due_at = due.max(*due_at),
            Status::Overdue { incident } if is_ahead => {
                let since = incident.since;
                let notice = Notice::recovered(incident, heard, self.rev, self.context.now);
                self.transitions.push(Transition::Recovered { since, at: at.max(since) });
                self.monitor.outbox.push(notice);
                self.monitor.status = Status::Ok { since: at.max(since), due_at: due };
            }
            Status::New if is_ahead => self.monitor.status = Status::Ok { since: at, due_at: due },
            Status::New | Status::Overdue { .. } | Status::Paused { .. } => {}
        }
    }
}
