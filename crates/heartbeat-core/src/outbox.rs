//! The outbox: what a monitor's channels have not been told yet. It is in the monitor's item, so that a change of status
//! and the duty to tell it are one write. Per channel there is at most one entry being sent and one notice waiting behind
//! it, so it is bounded, and order is kept.

mod routing;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::routing::Routing;
use crate::{
    channel::{ChannelName, definition::Wants},
    delivery::{LEASE, LONGEST_WAIT, Verdict},
    monitor::MonitorId,
    notice::{Notice, NotificationId},
    time::Timestamp,
};

/// Who holds a lease: a random number for each running checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Owner(pub u64);

/// The right to send an entry, until it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who holds it.
    pub owner: Owner,
    /// When it ends by itself: the holder must have died.
    pub until: Timestamp,
}

/// The notice that is being sent, or will be tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What to tell.
    pub notice: Notice,
    /// When the next attempt may start.
    pub next_at: Timestamp,
    /// How many attempts have failed.
    #[serde(default)]
    pub attempts: u32,
    /// Who is sending it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

impl Entry {
    fn queued(notice: Notice, now: Timestamp) -> Self {
        Self { notice, next_at: now, attempts: 0, lease: None, last_error: None }
    }

    fn leased_at(&self, now: Timestamp) -> bool {
        self.lease.is_some_and(|lease| lease.until > now)
    }
}

/// The visible end of what could not be delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GaveUp {
    /// When the last was given up.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// How many notices have been given up since the channel last worked.
    pub count: u32,
    /// What was given up last, until it is routed to the fallback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untold: Option<Box<Notice>>,
}

/// An entry whose lease has been taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// For whom.
    pub channel: ChannelName,
    /// What to tell.
    pub notice: Notice,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// What one channel has not been told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// What is being sent, or tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Entry>,
    /// Everything that has happened since the head was claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Notice>,
    /// What was given up, until the channel works again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gave_up: Option<GaveUp>,
}

/// What became of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The entry is settled.
    Done,
    /// The lease was no longer the owner's, or the entry is gone: somebody else is responsible.
    Stale,
}

impl Lane {
    fn is_idle(&self) -> bool {
        self.head.is_none() && self.pending.is_none() && self.untold().is_none()
    }

    fn untold(&self) -> Option<&Notice> {
        self.gave_up.as_ref().and_then(|gave_up| gave_up.untold.as_deref())
    }

    /// Drops what this channel does not want to be told, and that nobody is sending.
    fn drop_unwanted(&mut self, wants: Wants, now: Timestamp) {
        self.rest(now);
        self.head.take_if(|head| head.lease.is_none() && !wants.includes(head.notice.kind(), head.attempts > 0));
    }

    /// Adds a notice behind what is on its way, folded into what is not.
    fn push(&mut self, notice: Notice, now: Timestamp) {
        match (&mut self.head, &mut self.pending) {
            (_, Some(pending)) => pending.fold(notice),
            (Some(head), None) if head.lease.is_some() => self.pending = Some(notice),
            (Some(head), None) => head.notice.fold(notice),
            (None, None) => self.head = Some(Entry::queued(notice, now)),
        }
    }

    /// Brings the lane to rest: a lease that has ended is dropped, and what waited joins an entry that nobody is sending.
    fn rest(&mut self, now: Timestamp) {
        if self.head.as_ref().is_some_and(|head| head.leased_at(now)) {
            return;
        }
        if let Some(head) = &mut self.head {
            head.lease = None;
        }
        match (&mut self.head, self.pending.take()) {
            (Some(head), Some(pending)) => head.notice.fold(pending),
            (None, Some(pending)) => self.head = Some(Entry::queued(pending, now)),
            (Some(_) | None, None) => {}
        }
    }

    /// Takes the lease of an entry that may be sent at `now`; `None` when there is none.
    fn claim(&mut self, lease: Lease, now: Timestamp) -> Option<(Notice, u32)> {
        self.rest(now);
        let head = self.head.as_mut().filter(|head| head.lease.is_none() && head.next_at <= now)?;
        head.lease = Some(lease);
        Some((head.notice.clone(), head.attempts.saturating_add(1)))
    }

    /// Ends the attempt that `settlement` speaks of.
    fn settle(&mut self, monitor: &MonitorId, settlement: &Settlement, now: Timestamp) -> Settled {
        let ours = |head: &Entry| {
            head.lease.is_some_and(|lease| lease.owner == settlement.owner)
                && head.notice.id(monitor, &settlement.channel) == settlement.entry
        };
        let Some(mut head) = self.head.take_if(|head| ours(head)) else { return Settled::Stale };
        match &settlement.verdict {
            Verdict::Done => self.gave_up = None,
            Verdict::Retry { at, reason } => {
                head.lease = None;
                head.attempts = head.attempts.saturating_add(1);
                head.next_at = *at;
                head.last_error = Some(reason.as_str().to_owned());
                self.head = Some(head);
            }
            Verdict::GiveUp { reason } => self.give_up(head.notice, reason.as_str(), now),
        }
        Settled::Done
    }

    fn give_up(&mut self, notice: Notice, reason: &str, now: Timestamp) {
        let before = self.gave_up.as_ref().map_or(0, |gave_up| gave_up.count);
        self.gave_up = Some(GaveUp {
            at: now,
            reason: reason.to_owned(),
            count: before.saturating_add(1),
            untold: Some(Box::new(notice)),
        });
    }

    /// When somebody must look at it again.
    fn wake_at(&self) -> Option<Timestamp> {
        let entry = match (&self.head, &self.pending) {
            (Some(Entry { lease: Some(lease), .. }), _) => Some(lease.until),
            (Some(head), _) => Some(head.next_at),
            (None, Some(pending)) => Some(pending.at),
            (None, None) => None,
        };
        entry.into_iter().chain(self.untold().map(|notice| notice.at)).min()
    }

    /// Drops what nobody is sending.
    fn mute(&mut self, now: Timestamp) {
        self.pending = None;
        self.head.take_if(|head| !head.leased_at(now));
        if let Some(gave_up) = &mut self.gave_up {
            gave_up.untold = None;
        }
    }
}

/// The end of one delivery attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Which channel it was for.
    pub channel: ChannelName,
    /// Which entry.
    pub entry: NotificationId,
    /// Who held the lease.
    pub owner: Owner,
    /// What becomes of the entry.
    pub verdict: Verdict,
}

/// What a monitor's channels have not been told yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbox {
    /// Decided by somebody who does not know the channels; the checker routes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrouted: Option<Notice>,
    /// One lane a channel.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lanes: BTreeMap<ChannelName, Lane>,
}

impl Outbox {
    /// Whether everybody has been told everything.
    pub fn is_idle(&self) -> bool {
        self.unrouted.is_none() && self.lanes.values().all(Lane::is_idle)
    }

    /// Whether there is nothing in it to store.
    pub fn is_empty(&self) -> bool {
        self.unrouted.is_none() && self.lanes.is_empty()
    }

    /// Adds what a decision has to tell.
    pub fn push(&mut self, notice: Notice) {
        match &mut self.unrouted {
            Some(unrouted) => unrouted.fold(notice),
            None => self.unrouted = Some(notice),
        }
    }

    /// Gives what is unrouted to everybody who is to be told. What waits for a channel that is no longer among them, and
    /// that nobody is sending, is told to the fallback, or else to the others; what somebody may still be sending there
    /// hears the news, too, so that it does not tell of the past when it is taken over. What was given up goes to the
    /// fallback, and as long as a channel has not worked since, the fallback hears all that it is to hear. What a channel
    /// does not want is dropped. Where there is nobody to tell, it waits.
    pub fn route(&mut self, routing: &Routing, now: Timestamp) {
        self.pass_on_untold(routing, now);
        self.reclaim_orphans(routing, now);
        if routing.is_empty() {
            return;
        }
        if let Some(notice) = self.unrouted.take() {
            let stands_in = |channel: &ChannelName, lane: &Lane| {
                lane.gave_up.as_ref().and_then(|_| routing.instead_of(channel)).cloned()
            };
            let stand_ins: Vec<_> = self.lanes.iter().filter_map(|(name, lane)| stands_in(name, lane)).collect();
            for channel in routing.lines.keys().chain(&stand_ins) {
                self.lanes.entry(channel.clone()).or_default();
            }
            self.lanes.values_mut().for_each(|lane| lane.push(notice.clone(), now));
        }
        for (channel, lane) in &mut self.lanes {
            if let Some(wants) = routing.wants(channel) {
                lane.drop_unwanted(wants, now);
            }
        }
        self.drop_empty_lanes();
    }

    /// Gives what channels have given up to the fallback; without one, it stays untold.
    fn pass_on_untold(&mut self, routing: &Routing, now: Timestamp) {
        let untold: Vec<(ChannelName, Box<Notice>)> = self
            .lanes
            .iter_mut()
            .filter_map(|(channel, lane)| Some((channel.clone(), lane.gave_up.as_mut()?.untold.take()?)))
            .collect();
        for (channel, notice) in untold {
            if let Some(fallback) = routing.instead_of(&channel) {
                self.lanes.entry(fallback.clone()).or_default().push(*notice, now);
            }
        }
    }

    fn reclaim_orphans(&mut self, routing: &Routing, now: Timestamp) {
        let mut orphaned = None;
        self.lanes.retain(|channel, lane| {
            if routing.wants(channel).is_some() {
                return true;
            }
            lane.rest(now);
            if lane.head.as_ref().is_some_and(|head| head.leased_at(now)) {
                return true;
            }
            if let Some(head) = lane.head.take() {
                orphaned = Some(merged_orphan(orphaned.take(), head.notice));
            }
            false
        });
        let Some(mut notice) = orphaned else { return };
        if let Some((fallback, _)) = &routing.fallback {
            self.lanes.entry(fallback.clone()).or_default().push(notice, now);
            return;
        }
        if let Some(unrouted) = self.unrouted.take() {
            notice.fold(unrouted);
        }
        self.unrouted = Some(notice);
    }

    /// Has what waits for `channel`, or else `untold`, sent as soon as can be. Says whether there is anything to send.
    pub fn redeliver(&mut self, channel: &ChannelName, untold: Option<Notice>, now: Timestamp) -> bool {
        if let Some(head) = self.lanes.get_mut(channel).and_then(|lane| lane.head.as_mut()) {
            if !head.leased_at(now) {
                head.next_at = now;
            }
            return true;
        }
        let Some(notice) = untold else { return false };
        self.lanes.entry(channel.clone()).or_default().push(notice, now);
        true
    }

    /// Takes the leases of what may be sent at `now` on the channels that `open` lets through.
    pub fn claim(&mut self, lease: Lease, now: Timestamp, open: impl Fn(&ChannelName) -> bool) -> Vec<Claim> {
        let lanes = self.lanes.iter_mut().filter(|(channel, _)| open(channel));
        let claims = lanes.filter_map(|(channel, lane)| {
            let (notice, attempt) = lane.claim(lease, now)?;
            Some(Claim { channel: channel.clone(), notice, attempt })
        });
        claims.collect()
    }

    /// Ends the attempt that `settlement` speaks of.
    pub fn settle(&mut self, monitor: &MonitorId, settlement: &Settlement, now: Timestamp) -> Settled {
        let Some(lane) = self.lanes.get_mut(&settlement.channel) else { return Settled::Stale };
        let settled = lane.settle(monitor, settlement, now);
        self.drop_empty_lanes();
        settled
    }

    /// Drops everything that nobody is sending: a person has said that it is not wanted.
    pub fn mute(&mut self, now: Timestamp) {
        self.unrouted = None;
        self.lanes.values_mut().for_each(|lane| lane.mute(now));
        self.drop_empty_lanes();
    }

    /// Forgets waits and leases that only a clock that was far ahead can have set.
    pub(crate) fn clamp_skew(&mut self, now: Timestamp) {
        for head in self.lanes.values_mut().filter_map(|lane| lane.head.as_mut()) {
            if head.next_at > now.plus(LONGEST_WAIT + LEASE) {
                head.next_at = now;
            }
            head.lease.take_if(|lease| lease.until > now.plus(LEASE * 2));
        }
    }

    /// When somebody must look at it next.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let unrouted = self.unrouted.as_ref().map(|notice| notice.at);
        self.lanes.values().filter_map(Lane::wake_at).chain(unrouted).min()
    }

    /// Since when the oldest news in it has been waiting to be told.
    pub fn oldest(&self) -> Option<Timestamp> {
        let lanes = self.lanes.values().flat_map(|lane| lane.head.iter().map(|head| &head.notice).chain(&lane.pending));
        lanes.chain(&self.unrouted).map(|notice| notice.at).min()
    }

    /// Forgets the lanes that have nothing to say.
    pub(crate) fn drop_empty_lanes(&mut self) {
        self.lanes.retain(|_, lane| *lane != Lane::default());
    }
}

/// Of two lanes that told the same monitor, the one that owes more says it for both.
fn merged_orphan(one: Option<Notice>, other: Notice) -> Notice {
    match one {
        Some(one) if news(&one) > news(&other) => one,
        Some(_) | None => other,
    }
}

fn news(notice: &Notice) -> u64 {
    u64::from(notice.outages) + u64::from(notice.recoveries)
}
