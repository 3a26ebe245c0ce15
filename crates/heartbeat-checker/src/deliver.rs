//! Delivering: every channel by itself, so that a slow one delays no other; every attempt is settled with the store.

use std::{collections::BTreeMap, ops::AddAssign, panic::AssertUnwindSafe, time::Duration};

use futures_util::{FutureExt, StreamExt, future, stream};
use heartbeat_core::{
    Channel, ChannelName, MonitorId, StoreError, Telling, Timestamp,
    delivery::{Jitter, Outcome, Reason, Verdict, judge},
    history::{DeliveryRow, Happening, Row},
    outbox::{Settled, Settlement},
};

use crate::{
    Attempt, Checker,
    gates::Busy,
    look::{Parcel, SIDE_BY_SIDE},
    meters,
    switchboard::{Connection, Line},
};

/// How long an attempt that the store does not take is remembered; after that it is made again.
const REMEMBERED: Duration = Duration::from_hours(1);
/// How soon what a channel has refused is routed anew, once it is disabled.
const REROUTED: Duration = Duration::from_secs(1);
/// How often an attempt is settled at once when the store does not answer, before it is kept for the next pass.
const SETTLE_ATTEMPTS: u32 = 3;

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// How many messages were delivered.
    pub messages: usize,
    /// How many notifications they told.
    pub delivered: usize,
    /// How many notifications will be tried again.
    pub retried: usize,
    /// How many notifications were given up.
    pub gave_up: usize,
}

impl AddAssign for Sent {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.delivered += other.delivered;
        self.retried += other.retried;
        self.gave_up += other.gave_up;
    }
}

/// Sends one message. A channel that panics does not work just now, and stands in no other's way.
async fn send(channel: &dyn Channel, tellings: &[Telling]) -> Outcome {
    let sent = AssertUnwindSafe(channel.send(tellings)).catch_unwind().await;
    sent.unwrap_or_else(|_| {
        tracing::error!(channel = %channel.name(), "a channel panicked: a bug of ours, it is tried again and the others go on");
        Outcome::TryAgain { after: None, reason: Reason::new("it panicked: a bug of ours") }
    })
}

impl Checker {
    /// Delivers all parcels, each channel beside the others.
    pub async fn deliver_all(&self, parcels: Vec<Parcel>) -> Sent {
        let lines = by_line(parcels).into_iter();
        let deliveries = lines.map(|(line, parcels)| self.deliver(self.gates.occupy(&line), parcels));
        let sent = future::join_all(deliveries).await;
        sent.into_iter().fold(Sent::default(), |mut all, one| {
            all += one;
            all
        })
    }

    /// Delivers the parcels of one line in order; it is `_busy` until then.
    pub(crate) async fn deliver(&self, _busy: Busy, parcels: Vec<Parcel>) -> Sent {
        let mut sent = Sent::default();
        let mut wish = None;
        for parcel in parcels {
            let (started, channel) = (self.flow.clock.now(), &parcel.to.channel);
            // A send may not outlive its lease: somebody else would send the same again.
            if started.plus(channel.time_out()) > parcel.until {
                tracing::warn!(line = %parcel.to.line, "a lease ran out before its message was sent, it will be claimed again");
                continue;
            }
            let outcome = match &wish {
                Some(wish) => Outcome::clone(wish),
                None => self.send(&parcel).await,
            };
            if ends_the_line(&outcome) {
                wish = Some(outcome.clone());
            }
            sent += self.conclude(parcel, &outcome, started).await;
        }
        sent
    }

    async fn send(&self, parcel: &Parcel) -> Outcome {
        let started = self.flow.clock.now();
        let outcome = send(parcel.to.channel.as_ref(), &parcel.tellings).await;
        meters::sent(&parcel.to.kind, self.flow.clock.now().since(started));
        outcome
    }

    /// Settles what a parcel told, all of it alike.
    async fn conclude(&self, parcel: Parcel, outcome: &Outcome, started: Timestamp) -> Sent {
        let now = self.flow.clock.now();
        let jitter = Jitter::from_random(self.flow.random.next());
        let Parcel { to, tellings, attempts, .. } = parcel;
        report(&to.line, tellings.len(), outcome);
        let is_disabled = self.disable_if_refused(&to, outcome, now).await;
        let mut sent = Sent { messages: usize::from(*outcome == Outcome::Delivered), ..Sent::default() };
        let mut ends = Vec::with_capacity(tellings.len());
        for ((telling, number), position) in tellings.into_iter().zip(attempts).zip(0..) {
            let verdict = match outcome {
                Outcome::Refused { reason } if is_disabled => {
                    Verdict::Retry { at: now.plus(REROUTED), reason: reason.clone() }
                }
                Outcome::Delivered | Outcome::TryAgain { .. } | Outcome::Refused { .. } => {
                    judge(outcome, number, telling.notice.at, now, jitter)
                }
            };
            sent += counted(&verdict);
            if let Verdict::Retry { at, .. } = &verdict
                && wishes_to_wait(outcome)
            {
                self.gates.close_until(&to.line, *at);
            }
            if let Verdict::GiveUp { reason } = &verdict {
                self.report_given_up(&to.line, &telling, reason);
            }
            let word = word(&verdict, is_disabled);
            meters::attempted(&to.kind, word);
            // Each row has an instant of its own, so that a ledger can be read on from any of them.
            let ended_at = now.plus(Duration::from_micros(position));
            ends.push(self.attempt(&to.line.name, telling, (number, word), verdict, (started, ended_at)));
        }
        stream::iter(ends).for_each_concurrent(SIDE_BY_SIDE, |attempt| self.settle_or_keep(attempt)).await;
        self.tell_operator_of_troubles().await;
        sent
    }

    /// Whether the channel refuses and is disabled for it: then what it was to tell goes elsewhere.
    async fn disable_if_refused(&self, to: &Connection, outcome: &Outcome, now: Timestamp) -> bool {
        let Outcome::Refused { reason } = outcome else { return false };
        let is_disabled = self.switchboard.disable(self.flow.store.as_ref(), to, reason, now).await;
        let done = if is_disabled {
            "it is disabled until a person enables it"
        } else {
            "it is tried again at the slowest pace"
        };
        self.troubles.note(format!("The channel {} refuses ({}): {done}.", to.line, reason.as_str()));
        is_disabled
    }

    fn report_given_up(&self, line: &Line, telling: &Telling, reason: &Reason) {
        tracing::error!(
            notification = %telling.id, %line, reason = reason.as_str(),
            "GAVE UP: this alert could not be delivered for a day"
        );
        let monitor = &telling.monitor;
        self.troubles.note(format!("Gave up telling {line} of {monitor} after a day: {}.", reason.as_str()));
    }

    fn attempt(
        &self,
        channel: &ChannelName,
        telling: Telling,
        (number, outcome): (u32, &str),
        verdict: Verdict,
        (started, now): (Timestamp, Timestamp),
    ) -> Attempt {
        let (reason, next_at) = match &verdict {
            Verdict::Done => (None, None),
            Verdict::Retry { at, reason } => (Some(reason), (outcome == RETRY).then_some(*at)),
            Verdict::GiveUp { reason } => (Some(reason), None),
        };
        let is_over = verdict != Verdict::Done && outcome != RETRY;
        let row = DeliveryRow {
            notification: telling.id.to_string(),
            channel: channel.clone(),
            attempt: number,
            outcome: outcome.to_owned(),
            reason: reason.map(Reason::as_str).map(str::to_owned),
            status: reason.and_then(Reason::status),
            took_ms: u64::try_from(now.since(started).as_millis()).unwrap_or(u64::MAX),
            next_at,
            untold: is_over.then(|| Box::new(telling.notice)),
        };
        Attempt {
            ended_at: now,
            row: Row::new(&telling.monitor, now, self.flow.write_id(), 0, Happening::Delivery(row)),
            settlement: Settlement { channel: channel.clone(), entry: telling.id, owner: self.owner, verdict },
            monitor: telling.monitor,
        }
    }

    /// Settles an attempt; if the store does not answer, keeps it for the next pass.
    async fn settle_or_keep(&self, attempt: Attempt) {
        for _ in 0..SETTLE_ATTEMPTS {
            if self.settle(&attempt).await.is_ok() {
                return;
            }
        }
        self.unsettled().push(attempt);
    }

    /// Tells the store of the attempts that it has not been told of. One that it does not take holds up no other.
    pub(crate) async fn flush_unsettled(&self) {
        let kept = std::mem::take(&mut *self.unsettled());
        for attempt in kept {
            let forgotten = self.flow.clock.now().since(attempt.ended_at) > REMEMBERED;
            if !forgotten && self.settle(&attempt).await.is_err() {
                self.unsettled().push(attempt);
            }
        }
    }

    /// Whether this was sent already, and only the store does not know.
    pub(crate) fn is_unsettled(&self, monitor: &MonitorId, channel: &ChannelName) -> bool {
        let unsettled = self.unsettled();
        unsettled.iter().any(|attempt| attempt.monitor == *monitor && attempt.settlement.channel == *channel)
    }

    async fn settle(&self, attempt: &Attempt) -> Result<(), StoreError> {
        let (now, rows) = (self.flow.clock.now(), vec![attempt.row.clone()]);
        match self.flow.store.settle(&attempt.monitor, attempt.settlement.clone(), now, rows).await {
            // What is corrupt can never be settled: the alarm is raised where it is looked at.
            Ok(Settled::Done) | Err(StoreError::Corrupt(_)) => Ok(()),
            Ok(Settled::Stale) => {
                tracing::debug!(notification = %attempt.settlement.entry, "somebody else is responsible by now");
                Ok(())
            }
            Err(error) => {
                tracing::warn!(notification = %attempt.settlement.entry, %error, "an attempt is not settled yet");
                self.meters.store_failed(&error);
                Err(error)
            }
        }
    }
}

/// The words of the ledger.
const DELIVERED: &str = "delivered";
const RETRY: &str = "retry";
const REFUSED: &str = "refused";
const GAVE_UP: &str = "gave_up";
/// All of them.
pub(crate) const OUTCOMES: [&str; 4] = [DELIVERED, RETRY, REFUSED, GAVE_UP];

fn word(verdict: &Verdict, is_disabled: bool) -> &'static str {
    match verdict {
        Verdict::Done => DELIVERED,
        Verdict::Retry { .. } if is_disabled => REFUSED,
        Verdict::Retry { .. } => RETRY,
        Verdict::GiveUp { .. } => GAVE_UP,
    }
}

fn counted(verdict: &Verdict) -> Sent {
    match verdict {
        Verdict::Done => Sent { delivered: 1, ..Sent::default() },
        Verdict::Retry { .. } => Sent { retried: 1, ..Sent::default() },
        Verdict::GiveUp { .. } => Sent { gave_up: 1, ..Sent::default() },
    }
}

fn wishes_to_wait(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::TryAgain { after: Some(_), .. })
}

/// Whether it makes no sense to send more on this line just now.
fn ends_the_line(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Delivered | Outcome::TryAgain { after: None, .. } => false,
        Outcome::TryAgain { after: Some(_), .. } | Outcome::Refused { .. } => true,
    }
}

pub(crate) fn by_line(parcels: Vec<Parcel>) -> BTreeMap<Line, Vec<Parcel>> {
    let mut lines: BTreeMap<Line, Vec<Parcel>> = BTreeMap::new();
    for parcel in parcels {
        lines.entry(parcel.to.line.clone()).or_default().push(parcel);
    }
    lines
}

fn report(line: &Line, count: usize, outcome: &Outcome) {
    match outcome {
        Outcome::Delivered => tracing::info!(channel = %line, count, "told"),
        Outcome::TryAgain { reason, .. } => {
            tracing::warn!(channel = %line, count, reason = reason.as_str(), "could not be told, will be tried again");
        }
        Outcome::Refused { reason } => {
            tracing::error!(channel = %line, count, reason = reason.as_str(), "the channel refuses: somebody must mend it");
        }
    }
}
