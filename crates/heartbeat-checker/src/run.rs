//! The loop of a process that is always there: it sleeps until the next wake time, or until a write wakes it.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use heartbeat_core::{Timestamp, alarm::Alarm};
use tokio::task::JoinSet;

use crate::{Checker, deliver::Sent, deliver::by_channel, look::Look};

/// How often everything is walked, whatever the index says.
const AUDIT_EVERY: Duration = Duration::from_mins(10);
/// When everything is walked first: not while a start is to be quick.
const FIRST_AUDIT: Duration = Duration::from_mins(1);
/// Between two looks, so that nothing can make the loop spin.
const LEAST_NAP: Duration = Duration::from_millis(5);
/// How long to wait after a pass that failed: the store is down.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// When the checker last completed a look: what readiness and the watchers of the watcher ask for.
#[derive(Debug)]
pub struct Pulse(AtomicI64);

impl Default for Pulse {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Pulse {
    /// When the last look was completed; `None` before the first.
    pub fn last(&self) -> Option<Timestamp> {
        let micros = self.0.load(Ordering::SeqCst);
        (micros != i64::MIN).then_some(Timestamp::from_micros(micros))
    }

    fn beat(&self, now: Timestamp) {
        self.0.store(now.as_micros(), Ordering::SeqCst);
    }
}

impl Checker {
    /// Runs until `stop`, then finishes what is being sent. Sleeps at most `cap`.
    pub async fn run(self: Arc<Self>, alarm: &Alarm, cap: Duration, pulse: &Pulse, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop.fuse());
        // Owned by this loop: a channel that hangs hangs alone, and none outlives the checker.
        let mut sending = JoinSet::new();
        let mut audit_at = self.flow.clock.now().plus(FIRST_AUDIT);
        loop {
            // Set before looking, so that a write behind the look's back rings; and never sleep longer than that.
            let latest = self.flow.clock.now().plus(cap);
            alarm.set(latest);
            let sleep_until = match self.look().await {
                Ok(look) => {
                    pulse.beat(self.flow.clock.now());
                    let next = self.next_look(&look).await.min(latest);
                    self.send_beside(look, &mut sending);
                    next
                }
                Err(error) => {
                    tracing::error!(%error, "a pass failed, the next follows");
                    self.flow.clock.now().plus(AFTER_FAILURE)
                }
            };
            if audit_at <= self.flow.clock.now() {
                audit_at = self.flow.clock.now().plus(AUDIT_EVERY);
                let checker = Arc::clone(&self);
                sending.spawn(async move { checker.audit_and_deliver().await });
            }
            alarm.set(sleep_until);
            let sleep = self.flow.clock.sleep(sleep_until.since(self.flow.clock.now()));
            tokio::select! {
                // Ctrl-C: no new look, but what is being sent is finished and settled.
                () = &mut stop => break,
                // A write must be looked at before we would wake.
                () = alarm.rung() => {}
                // A channel is free again: what has gathered for it meanwhile goes out now.
                Some(sent) = sending.join_next(), if !sending.is_empty() => report_panic(sent.err()),
                () = sleep => {}
            }
        }
        while let Some(sent) = sending.join_next().await {
            report_panic(sent.err());
        }
    }

    /// Walks everything beside the loop, so that what is due does not wait for it.
    async fn audit_and_deliver(&self) -> Sent {
        match self.audit().await {
            Ok(audit) => {
                let (active, missed, corrupt) = (audit.active, audit.missed, audit.look.corrupt);
                tracing::info!(active, missed, corrupt, "audited all monitors");
                self.deliver_all(audit.look.parcels).await
            }
            Err(error) => {
                tracing::error!(%error, "an audit failed, the next follows");
                Sent::default()
            }
        }
    }

    fn send_beside(self: &Arc<Self>, look: Look, sending: &mut JoinSet<Sent>) {
        for (channel, parcels) in by_channel(look.parcels) {
            let (checker, busy) = (Arc::clone(self), self.channels.occupy(&channel));
            sending.spawn(async move { checker.deliver(busy, parcels).await });
        }
    }

    /// When to look next, after `look`: at once where there was more, but without spinning where something is not well.
    async fn next_look(&self, look: &Look) -> Timestamp {
        let now = self.flow.clock.now();
        if look.failed > 0 {
            return now.plus(AFTER_FAILURE);
        }
        if look.more {
            return now;
        }
        let next = self.flow.store.next_wake().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "could not ask when to wake next");
            Some(now.plus(AFTER_FAILURE))
        });
        next.unwrap_or(Timestamp::MAX).max(now.plus(LEAST_NAP))
    }
}

/// A delivery that panicked is a bug of ours: its leases end by themselves, and it is tried again.
fn report_panic(error: Option<tokio::task::JoinError>) {
    if let Some(error) = error {
        tracing::error!(%error, "a delivery was broken off, it will be claimed again");
    }
}
