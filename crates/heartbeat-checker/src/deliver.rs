//! Delivering: every channel by itself, so that a slow one delays no other; every attempt is settled with the store.

use std::{collections::BTreeMap, ops::AddAssign, time::Duration};

use futures_util::{StreamExt, future, stream};
use heartbeat_core::{
    Channel, ChannelName, MonitorId, StoreError, Telling, Timestamp,
    delivery::{Jitter, Outcome, Reason, Verdict, judge},
    history::{DeliveryRow, Happening, Row},
    outbox::{Settled, Settlement},
};

use crate::{
    Attempt, Checker,
    channels::Busy,
    look::{Parcel, SIDE_BY_SIDE},
};

/// How long an attempt that the store does not take is remembered; after that it is made again.
const REMEMBERED: Duration = Duration::from_hours(1);
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

impl Checker {
    /// Delivers all parcels, each channel beside the others.
    pub async fn deliver_all(&self, parcels: Vec<Parcel>) -> Sent {
        let channels = by_channel(parcels).into_iter();
        let deliveries = channels.map(|(channel, parcels)| self.deliver(self.channels.occupy(&channel), parcels));
        let sent = future::join_all(deliveries).await;
        sent.into_iter().fold(Sent::default(), |mut all, one| {
            all += one;
            all
        })
    }

    /// Delivers the parcels of one channel in order.
    pub(crate) async fn deliver(&self, busy: Busy, parcels: Vec<Parcel>) -> Sent {
        let (mut sent, name) = (Sent::default(), busy.channel());
        let Some(channel) = self.channels.get(name) else { return sent };
        let mut wish = None;
        for parcel in parcels {
            let started = self.flow.clock.now();
            // A send may not outlive its lease: somebody else would send the same again.
            if started.plus(channel.time_out()) > parcel.until {
                tracing::warn!(channel = %name, "a lease ran out before its message was sent, it will be claimed again");
                continue;
            }
            let outcome = match &wish {
                Some(wish) => Outcome::clone(wish),
                None => channel.send(&parcel.tellings).await,
            };
            if wishes_to_wait(&outcome) {
                wish = Some(outcome.clone());
            }
            sent += self.conclude(channel.as_ref(), parcel, &outcome, started).await;
        }
        sent
    }

    /// Settles what a parcel told, all of it alike.
    async fn conclude(&self, channel: &dyn Channel, parcel: Parcel, outcome: &Outcome, started: Timestamp) -> Sent {
        let now = self.flow.clock.now();
        let jitter = Jitter::from_random(self.flow.random.next());
        report(channel.name(), &parcel, outcome);
        let mut sent = Sent { messages: usize::from(*outcome == Outcome::Delivered), ..Sent::default() };
        let mut attempts = Vec::with_capacity(parcel.tellings.len());
        for (telling, attempt) in parcel.tellings.into_iter().zip(parcel.attempts) {
            let verdict = judge(outcome, attempt, telling.notice.at, now, jitter);
            match &verdict {
                Verdict::Done => sent.delivered += 1,
                Verdict::Retry { at, .. } => {
                    sent.retried += 1;
                    if wishes_to_wait(outcome) {
                        self.channels.close_until(channel.name(), *at);
                    }
                }
                Verdict::GiveUp { reason } => {
                    sent.gave_up += 1;
                    tracing::error!(
                        notification = %telling.id, channel = %channel.name(), reason = reason.as_str(),
                        "GAVE UP: this alert could not be delivered for a day"
                    );
                }
            }
            attempts.push(self.attempt(channel.name(), &telling, verdict, started, now));
        }
        stream::iter(attempts).for_each_concurrent(SIDE_BY_SIDE, |attempt| self.settle_or_keep(attempt)).await;
        sent
    }

    fn attempt(
        &self,
        channel: &ChannelName,
        telling: &Telling,
        verdict: Verdict,
        started: Timestamp,
        now: Timestamp,
    ) -> Attempt {
        let (outcome, reason, next_at) = match &verdict {
            Verdict::Done => ("delivered", None, None),
            Verdict::Retry { at, reason } => ("retry", Some(reason), Some(*at)),
            Verdict::GiveUp { reason } => ("gave_up", Some(reason), None),
        };
        let row = DeliveryRow {
            notification: telling.id.to_string(),
            outcome: outcome.to_owned(),
            reason: reason.map(Reason::as_str).map(str::to_owned),
            took_ms: u64::try_from(now.since(started).as_millis()).unwrap_or(u64::MAX),
            next_at,
        };
        Attempt {
            monitor: telling.monitor.clone(),
            ended_at: now,
            row: Row::new(&telling.monitor, now, self.flow.write_id(), 0, Happening::Delivery(row)),
            settlement: Settlement { channel: channel.clone(), entry: telling.id.clone(), owner: self.owner, verdict },
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
                Err(error)
            }
        }
    }
}

fn wishes_to_wait(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::TryAgain { after: Some(_), .. })
}

pub(crate) fn by_channel(parcels: Vec<Parcel>) -> BTreeMap<ChannelName, Vec<Parcel>> {
    let mut channels: BTreeMap<ChannelName, Vec<Parcel>> = BTreeMap::new();
    for parcel in parcels {
        channels.entry(parcel.channel.clone()).or_default().push(parcel);
    }
    channels
}

fn report(channel: &ChannelName, parcel: &Parcel, outcome: &Outcome) {
    let count = parcel.tellings.len();
    match outcome {
        Outcome::Delivered => tracing::info!(%channel, count, "told"),
        Outcome::TryAgain { reason, .. } => {
            tracing::warn!(%channel, count, reason = reason.as_str(), "could not be told, will be tried again");
        }
        Outcome::Refused { reason } => {
            tracing::error!(%channel, count, reason = reason.as_str(), "the channel refuses: somebody must mend it");
        }
    }
}
