//! What a ping costs, and what is shown to whoever looks: P6, P7 and P8.

use heartbeat_core::{Shown, Timestamp};

use super::{Case, silence::is_success};
use crate::simulator::{
    job::{EARLIEST, GIVE_UP},
    journal::{Answer, Look, Pinged},
};

impl Case<'_> {
    /// A ping of a job that has always been well and in time takes one request of the store.
    pub(super) fn one_write_an_ordinary_ping(&mut self) {
        let settle = self.evidence.settings.settle;
        let first_incident = self.history.opened.first().map(|opened| opened.since);
        let (mut wrong, mut count) = (Vec::new(), 0);
        for pair in self.pings.windows(2) {
            let [before, ping] = pair else { continue };
            let is_well = first_incident.is_none_or(|since| ping.at < since);
            // Whether it is the first of all, or how those before it ended, nobody knows from here on.
            if before.answer != Answer::Recorded || !is_well {
                break;
            }
            let is_in_time = ping.at < self.job.deadline_after(before.at).plus(settle);
            if let (Answer::Recorded, true, Some(requests)) = (ping.answer, is_in_time, ping.requests) {
                count += 1;
                if requests != 1 && !self.had_to_look(before, ping) {
                    let (at, last) = (ping.at, before.at);
                    wrong.push(format!("the ordinary ping of {at}, after that of {last}, took {requests} requests"));
                }
            }
        }
        self.offend_all(wrong);
        self.count("P7: an ordinary ping took one request of the store", count);
        if self.job.runs.is_some() {
            self.count("P7: among them, pings of jobs that run by a cron line", count);
        }
    }

    /// A process that began between two pings of a cron line has not seen the line yet; and a late ping that comes just before
    /// the next run looks as if it were for that one.
    fn had_to_look(&self, before: &Pinged, ping: &Pinged) -> bool {
        let is_near = |next: Timestamp| next.since(ping.at) <= EARLIEST.min(self.job.interval.duration() / 10);
        let is_new = || self.record.failed.range(before.sent..=ping.sent).next().is_some();
        self.job.runs.as_ref().is_some_and(|runs| is_near(runs.next_after(ping.at)) || is_new())
    }

    /// A ping is answered with success where nothing failed under it, whatever is in its body.
    pub(super) fn no_ping_is_refused(&mut self) {
        let is_free = |ping: &&Pinged| self.evidence.is_instant && ping.is_undisturbed;
        let (free, refused) = (self.pings.iter().filter(is_free), |ping: &&Pinged| ping.answer == Answer::Unsure);
        let (count, refused) = (free.clone().count(), free.filter(refused).count());
        if refused > 0 {
            self.offend(&format!("{refused} pings were not answered with success, and nothing was wrong"));
        }
        self.count("P6: a ping with whatever body is answered with success where nothing fails", count);
    }

    /// Whoever looks sees no outage where the job was heard in time, and sees it where it was silent for long.
    pub(super) fn what_is_shown_never_lags(&mut self) {
        let wrong: Vec<_> = self.looks.iter().filter_map(|look| self.lags(look)).collect();
        let looks = self.looks.len();
        self.offend_all(wrong);
        self.count("P8: what was shown was true when it was looked at", looks);
    }

    fn lags(&self, look: &Look) -> Option<String> {
        let (now, is_overdue) = (look.now, look.shown == Shown::Overdue);
        let in_time =
            |ping: &&Pinged| is_success(ping) && ping.answered < look.began && self.job.deadline_after(ping.at) >= now;
        if is_overdue && let Some(ping) = self.pings.iter().rfind(in_time) {
            return Some(format!("FALSE ALERT: shown as overdue at {now}, and its ping of {} was answered", ping.at));
        }
        let last = self.pings.iter().filter(|ping| ping.sent <= look.ended).map(|ping| ping.at).max()?;
        let due = self.job.deadline_after(last).plus(self.evidence.settings.settle).plus(GIVE_UP);
        let is_silent = now > due && now > due.plus(self.amnesty(last, now));
        let shown = look.shown.as_str();
        (is_silent && !is_overdue).then(|| format!("shown as {shown} at {now}, and silent since {last}"))
    }
}
