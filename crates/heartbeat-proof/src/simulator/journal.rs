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
    /// When a request of the store failed.
    pub(super) failed: BTreeSet<Timestamp>,
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
