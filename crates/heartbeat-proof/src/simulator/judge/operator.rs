//! What the operator is told: of every outage of ours, and of every channel that refuses.

use std::time::Duration;

use heartbeat_core::{MonitorId, Timestamp, flow::Own, store::Found};

use super::{Evidence, History, Verdict};
use crate::simulator::journal::{Record, Told};

/// From here on an outage of ours is long enough to be noticed: a minute without evidence, and some time to look.
const NOTICED: Duration = Duration::from_mins(3);

/// One of the operator's own monitors, from every side.
struct Mirror<'a> {
    evidence: &'a Evidence<'a>,
    id: MonitorId,
    told: &'a [Told],
    history: History,
}

pub(super) fn judge(evidence: &Evidence<'_>, disabled: &[Option<Timestamp>], record: &Record, verdict: &mut Verdict) {
    let mut told_in_all = 0;
    for own in [Own::Ingest, Own::Channels, Own::Crowd] {
        let id = own.id();
        let told = record.told.get(&id).map(Vec::as_slice).unwrap_or_default();
        told_in_all += told.len() as u64;
        let mut wrong = Vec::new();
        match History::read(evidence, &id) {
            Ok(history) => {
                let one = Mirror { evidence, id: id.clone(), told, history };
                one.nothing_stuck(&mut wrong);
                one.all_is_told(&mut wrong);
                match own {
                    Own::Ingest => one.outages_are_told(verdict, &mut wrong),
                    Own::Channels => one.refusals_are_told(disabled, verdict, &mut wrong),
                    Own::Crowd | Own::Canary => {}
                }
            }
            Err(problem) => wrong.push(problem),
        }
        verdict.offences.extend(wrong.into_iter().map(|text| format!("{id}: {text}")));
    }
    verdict.troubles.insert("operator told", told_in_all);
}

impl Mirror<'_> {
    fn nothing_stuck(&self, wrong: &mut Vec<String>) {
        match self.evidence.runtime.block_on(self.evidence.store.find(&self.id, self.evidence.now)) {
            Ok(Found::Monitor(stored)) => wrong.extend(self.evidence.stuck(&stored)),
            Ok(Found::Deleted | Found::Nothing) => {}
            Err(error) => wrong.push(format!("it cannot be read: {error}")),
        }
    }

    fn all_is_told(&self, wrong: &mut Vec<String>) {
        let untold = self.history.opened.iter().filter(|opened| !self.is_told(opened.since));
        wrong.extend(untold.map(|opened| format!("LOST ALERT: the operator was never told of {}", opened.since)));
    }

    fn is_told(&self, since: Timestamp) -> bool {
        let mut notices = self.told.iter().map(|told| &told.notice);
        notices.any(|notice| notice.first_down_at.is_some_and(|first| first <= since) && since <= notice.down_at)
    }

    /// Every outage of ours that is long enough was told.
    fn outages_are_told(&self, verdict: &mut Verdict, wrong: &mut Vec<String>) {
        let mut count = 0;
        for (from, to) in self.evidence.deaf.iter().filter(|(from, to)| to.since(*from) > NOTICED) {
            count += 1;
            let goes_on = |since: Timestamp| self.history.recovered.get(&since).is_none_or(|end| *end > from);
            let mut opened = self.history.opened.iter().map(|opened| opened.since);
            if !opened.any(|since| since <= to && goes_on(since) && self.is_told(since)) {
                wrong.push(format!("LOST ALERT: the operator was not told that we were deaf from {from} to {to}"));
            }
        }
        *verdict.judged.entry("P4: the operator was told of an outage of ours").or_default() += count;
    }

    /// Where nothing crashes, the operator hears of every channel that was disabled.
    fn refusals_are_told(&self, disabled: &[Option<Timestamp>], verdict: &mut Verdict, wrong: &mut Vec<String>) {
        let disabled = disabled.iter().flatten().filter(|_| self.evidence.fair);
        for at in disabled {
            *verdict.judged.entry("P2: the operator was told of a channel that refuses").or_default() += 1;
            if self.told.is_empty() {
                wrong.push(format!("the operator was not told of the channel that was disabled at {at}"));
            }
        }
    }
}
