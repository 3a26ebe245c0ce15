//! What outages of ours may do to a deadline, derived from what really happened and from no word of the product: the times
//! in which nobody proved that pings are received.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use heartbeat_core::{
    Timestamp,
    outage::{EARLY, HOLD},
};

use super::silence::{HEARD_AGAIN, LONG, SKEW};
use crate::simulator::{job::Job, journal::Record};

/// Evidence is suspicious when it is a minute old. A proof is a request or three, each up to seconds under way, by a clock that
/// is off: what may look a minute old to somebody is at least so old.
const SUSPICIOUS: Duration = Duration::from_secs(45);
/// What a job with a long interval gets from the end of an outage of ours, and no less.
const LEAST_GRACE: Duration = Duration::from_mins(15);
/// A proof is stored within so much time of its beginning.
const PROVING: Duration = Duration::from_secs(15);

/// Times in which nobody proved that pings are received, so long that somebody may have noticed: each from the last proof before
/// it until the first pass after it in which nothing failed, for by then all who decide have learnt that it is over.
pub(super) struct Gaps(Vec<(Timestamp, Timestamp)>);

impl Gaps {
    pub(super) fn of(record: &Record, end: Timestamp) -> Self {
        let proven = &record.proven;
        let next = proven.iter().skip(1).copied().chain([end]);
        let gaps = proven.iter().copied().zip(next).filter(|(from, to)| to.since(*from) > SUSPICIOUS);
        Self(gaps.map(|(from, to)| (from, learnt(&record.passes, to).unwrap_or(end))).collect())
    }

    /// Whether it may have been unknown at `at` whether pings were received at `due`: an outage that began before goes on, and
    /// silence has been held for as long as it may be.
    pub(super) fn leave_unknown(&self, due: Timestamp, at: Timestamp) -> bool {
        let hold = HOLD.saturating_sub(SKEW);
        self.0.iter().any(|(from, to)| *from < due.plus(SKEW) && *to > at.minus(SKEW) && at.since(*from) >= hold)
    }

    /// When the silence of `job` that was to end by `due` may be called an outage of the job at the latest, the settle time
    /// besides. Where the interval is short, the clock stands still while nobody can be heard, and there is time to be heard
    /// again; where it is long, what matters is whether the job could be heard when it was expected. The product caps what
    /// this adds up to; a bound needs no cap.
    pub(super) fn latest(&self, job: &Job, due: Timestamp) -> Timestamp {
        let (interval, grace) = (job.interval.duration(), job.grace.duration());
        let (began, mut latest, mut extra) = (due.minus(interval).minus(grace), due, HEARD_AGAIN.min(interval));
        let early = due.minus(grace).minus(EARLY.min(interval / 10)).minus(SKEW);
        for (from, to) in self.0.iter().filter(|(_, to)| *to > began) {
            if interval > LONG {
                let touches = *from < due.plus(SKEW) && *to > early;
                latest = if touches { latest.max(to.plus(grace.max(LEAST_GRACE))) } else { latest };
            } else if *from < latest.plus(SKEW) {
                latest = latest.plus(to.since((*from).max(began))).plus(std::mem::take(&mut extra));
            }
            // While it goes on, silence is held.
            if (*from..*to).contains(&latest) {
                latest = *to;
            }
        }
        latest
    }
}

/// The end of the first pass that began at `from` or later, and in which nothing failed.
pub(super) fn learnt(passes: &BTreeMap<Timestamp, Timestamp>, from: Timestamp) -> Option<Timestamp> {
    passes.range(from..).next().map(|(_, ended)| *ended)
}

/// When it was proved that pings are received after `due`: until then nobody is called silent.
pub(super) fn proven_after(proven: &BTreeSet<Timestamp>, due: Timestamp) -> Option<Timestamp> {
    proven.range(due.plus(SKEW)..).next().map(|at| at.plus(PROVING))
}
