//! Whether what must be told is told soon: P2 and P5.
//!
//! How soon follows from the settings and from the trouble that there really was, and from nothing else:
//!
//! - A silence is an outage at its deadline, as outages of ours have moved it ([`Gaps::latest`](super::ours::Gaps::latest)), once
//!   it is proved that pings are received (each 15 s), plus the settle time (5 s).
//! - Whoever pings after that records it, if nothing fails under that ping. Else the next pass does that begins after what is
//!   held is looked at again (30 s at most), and in which nothing fails: passes follow each other within seconds, in a month
//!   within a minute, unless a checker oversleeps.
//! - The same pass takes the lease and tells every channel, unless another checker has just taken it: then that one tells,
//!   within the time-out of a channel.
//! - On a channel that has failed lately, an older message may be waiting for its next try, a quarter of an hour at most: of
//!   how soon it is told, nothing is certain.
//!
//! So where there is no trouble, people are told within about a minute of a missed deadline.

use std::time::Duration;

use heartbeat_core::{Timestamp, channel::definition::ChannelRole, delivery::LEASE};

use super::{
    Case, Verdict,
    ours::{learnt, proven_after},
    silence::SKEW,
};
use crate::simulator::{
    journal::{Answer, Pinged, Record},
    radio::Post,
};

/// What is held is looked at again within this time.
const LOOKED_AGAIN: Duration = Duration::from_secs(30);
/// Who has taken a lease tells within this time: a few messages of one channel, and its time-out.
const SENT: Duration = Duration::from_secs(20);
/// A message that failed is tried again within this time: the longest of the schedule, and a tenth by chance.
const RETRIED: Duration = Duration::from_secs(15 * 66);

/// A pass in which no request failed is over after this: its sends end before their leases do, and the last one's answers are
/// settled then.
const LONGEST_PASS: Duration = Duration::from_secs(LEASE.as_secs() + 10);

/// Whatever a channel or an item does, no pass takes for ever: the next follows.
pub(super) fn passes_end(record: &Record, verdict: &mut Verdict) {
    let took = record.passes.iter().map(|(began, ended)| (began, ended.since(*began)));
    let long = took.filter(|(_, took)| *took > LONGEST_PASS);
    verdict.offences.extend(long.map(|(began, took)| format!("LATE ALERT: the pass of {began} took {took:?}")));
    *verdict.judged.entry("P5: a pass was over in time, whatever was broken").or_default() +=
        record.passes.len() as u64;
}

impl Case<'_> {
    /// By when the outage of a silence was certainly decided, if it lasted that long: the silence that was to end by
    /// `deadline`, and that `ping` ended, if any, at `end`.
    pub(super) fn decided_by(&self, deadline: Timestamp, ping: Option<&Pinged>, end: Timestamp) -> Option<Timestamp> {
        let settle = self.evidence.settings.settle;
        let latest = self.gaps.latest(self.job, deadline).max(proven_after(&self.record.proven, deadline)?);
        let latest = latest.plus(settle).plus(SKEW);
        let passed = learnt(&self.record.passes, latest.plus(LOOKED_AGAIN)).filter(|ended| *ended < end.minus(SKEW));
        let is_sure = |ping: &&Pinged| ping.answer == Answer::Recorded && ping.is_undisturbed && ping.at > latest;
        passed.or_else(|| ping.filter(is_sure).map(|ping| ping.answered))
    }

    /// The outage of `deadline`, which was decided by `decided` and lasted until `end`, was told soon wherever nothing stood
    /// in the way.
    pub(super) fn is_told_soon(&mut self, deadline: Timestamp, decided: Timestamp, end: Timestamp) {
        let (mut wrong, mut count, mut beside) = (Vec::new(), 0, 0);
        for (post, disabled_at) in self.evidence.posts.iter().zip(self.disabled) {
            let Some(by) = self.told_by(post, *disabled_at, deadline, decided) else { continue };
            // Who does not want to hear of what is over already hears nothing of it.
            if !post.wants.late && end <= by {
                continue;
            }
            count += 1;
            beside += usize::from(self.is_something_broken(post, deadline, by));
            let notices = self.told.iter().filter(|told| told.channel == post.name && told.at <= by);
            let mut notices = notices.map(|told| &told.notice);
            let is_of_it = |first: Option<Timestamp>| first.is_some_and(|first| first <= deadline);
            if !notices.any(|notice| is_of_it(notice.first_down_at) && deadline <= notice.down_at) {
                wrong.push(format!("LATE ALERT: {} was not told by {by} of the outage of {deadline}", post.name));
            }
        }
        self.offend_all(wrong);
        self.count("P2: told within a minute or two where nothing stood in the way", count);
        self.count("P5: told just as soon beside what was broken", beside);
    }

    /// By when a channel must have been told, if nothing stood in the way.
    fn told_by(
        &self,
        post: &Post,
        disabled_at: Option<Timestamp>,
        deadline: Timestamp,
        decided: Timestamp,
    ) -> Option<Timestamp> {
        let by = learnt(&self.record.passes, decided)?.max(decided).plus(SENT);
        let lately = deadline.minus(RETRIED);
        let failed = self.record.undelivered.get(&post.name).is_some_and(|at| at.range(lately..=by).next().is_some());
        let stands_in_the_way = failed
            || post.role == ChannelRole::Fallback
            || disabled_at.is_some_and(|at| at <= by)
            || self.record.died.range(lately..=by).next().is_some()
            || self.record.failed.range(deadline..=by).next().is_some();
        (!stands_in_the_way).then_some(by)
    }

    /// Whether something else is broken just then: an item, or another channel, for hours or for good.
    fn is_something_broken(&self, post: &Post, from: Timestamp, to: Timestamp) -> bool {
        let is_broken = |other: &&Post| {
            let is_gone = other.weather.gone_from.is_some_and(|gone_from| gone_from < from);
            other.name != post.name && (is_gone || other.weather.outages.touching(from, to).next().is_some())
        };
        self.record.corrupt_from.is_some_and(|at| at < from)
            || self.evidence.posts.iter().any(|other| is_broken(&other))
    }
}
