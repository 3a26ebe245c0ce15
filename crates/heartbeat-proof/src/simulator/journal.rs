//! What really happened in the simulated world, as an onlooker saw it: the judge believes nothing else.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use heartbeat_core::{ChannelName, MonitorId, Notice, NotificationId, Shown, Signal, Timestamp};

/// How a ping was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// 200 or 201: it must be remembered.
    Recorded,
    /// 410.
    Gone,
    /// An error, or nothing: it may be remembered or not.
    Unsure,
    /// Nothing, and it never reached us.
    Lost,
}

#[derive(Clone, Debug)]
pub(super) struct Pinged {
    /// When the API received it, by its own clock.
    pub(super) at: Timestamp,
    /// When it was sent, and when its client knew more: the truth.
    pub(super) sent: Timestamp,
    pub(super) answered: Timestamp,
    pub(super) signal: Signal,
    pub(super) answer: Answer,
    /// What it asked of the store; `None` where something failed.
    pub(super) requests: Option<u32>,
    /// Whether nothing failed, and nothing took longer than usual.
    pub(super) is_undisturbed: bool,
}

/// What was shown to somebody who looked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// When they asked, and when the monitor had been read: the truth.
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
    /// When they asked, by the clock of the one who shows it.
    pub(super) now: Timestamp,
    pub(super) shown: Shown,
}

#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) at: Timestamp,
    pub(super) channel: ChannelName,
    pub(super) id: NotificationId,
    pub(super) notice: Notice,
}

/// What the onlooker has written down.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) pings: BTreeMap<MonitorId, Vec<Pinged>>,
    pub(super) told: BTreeMap<MonitorId, Vec<Told>>,
    pub(super) looks: BTreeMap<MonitorId, Vec<Look>>,
    /// Deletions that were answered.
    pub(super) deleted: BTreeMap<MonitorId, Timestamp>,
    /// Notifications that the store has settled as delivered.
    pub(super) settled: BTreeSet<NotificationId>,
    /// How many processes there are.
    processes: u64,
    /// When a request of the store failed, whatever it was, or a process died.
    pub(super) failed: BTreeSet<Timestamp>,
    /// When a process could not read what is known of outages of ours.
    pub(super) could_not_ask: BTreeMap<u64, BTreeSet<Timestamp>>,
    /// Which process called the incident of a moment unconfirmed, and when.
    pub(super) unsure: BTreeMap<(MonitorId, Timestamp), Vec<(u64, Timestamp)>>,
    /// When an API had proved that pings are received.
    pub(super) proven: BTreeSet<Timestamp>,
    /// Passes in which nothing failed: when they began, and when they ended.
    pub(super) passes: BTreeMap<Timestamp, Timestamp>,
    /// When a delivery on a channel failed, or its settlement.
    pub(super) undelivered: BTreeMap<ChannelName, BTreeSet<Timestamp>>,
    /// When a checker died.
    pub(super) died: BTreeSet<Timestamp>,
    /// Since when there is an item that cannot be understood.
    pub(super) corrupt_from: Option<Timestamp>,
    /// What must never be, seen while it happened.
    pub(super) offences: Vec<String>,
    /// How often each kind of trouble was made.
    pub(super) troubles: BTreeMap<&'static str, u64>,
    /// The longest that an answered ping took from its receipt.
    pub(super) slowest_answer: Duration,
}

#[derive(Debug, Default)]
pub(super) struct Journal(Mutex<Record>);

impl Journal {
    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn trouble(&self, kind: &'static str) {
        *self.record().troubles.entry(kind).or_default() += 1;
    }

    /// A request of the store failed.
    pub(super) fn failed(&self, kind: &'static str, now: Timestamp) {
        self.trouble(kind);
        self.record().failed.insert(now);
    }

    /// The number of one more process.
    pub(super) fn process(&self) -> u64 {
        let mut record = self.record();
        record.processes += 1;
        record.processes
    }

    /// A process died, and with it whatever it was at.
    pub(super) fn crashed(&self, kind: &'static str, now: Timestamp) {
        self.trouble(kind);
        self.record().failed.insert(now);
    }

    /// A delivery failed, or its settlement.
    pub(super) fn undelivered(&self, channel: &ChannelName, now: Timestamp) {
        self.record().undelivered.entry(channel.clone()).or_default().insert(now);
    }

    pub(super) fn offence(&self, text: String) {
        self.record().offences.push(text);
    }

    pub(super) fn pinged(&self, id: &MonitorId, pinged: Pinged) {
        let mut record = self.record();
        if pinged.answer == Answer::Recorded {
            record.slowest_answer = record.slowest_answer.max(pinged.answered.since(pinged.sent));
        }
        record.pings.entry(id.clone()).or_default().push(pinged);
    }

    pub(super) fn looked(&self, id: &MonitorId, look: Look) {
        self.record().looks.entry(id.clone()).or_default().push(look);
    }

    /// A channel has shown a message to people.
    pub(super) fn told(&self, id: &MonitorId, told: Told) {
        let mut record = self.record();
        if record.settled.contains(&told.id) {
            record.offences.push(format!("{} was told again after it had been settled", told.id));
        }
        record.told.entry(id.clone()).or_default().push(told);
    }
}
