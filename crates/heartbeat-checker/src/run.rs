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
use heartbeat_core::{StoreError, Timestamp, alarm::Alarm};
use tokio::task::JoinSet;

use crate::{Checker, deliver::Sent, deliver::by_channel, look::Look};

/// How often everything is walked, whatever the index says.
const AUDIT_EVERY: Duration = Duration::from_mins(10);
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
        let mut audit_at = self.flow.clock.now();
        loop {
            // Set before looking, so that a write behind the look's back rings.
            alarm.set(self.flow.clock.now().plus(cap));
            let sleep_until = match self.step(&mut audit_at, &mut sending).await {
                Ok(more) => {
                    pulse.beat(self.flow.clock.now());
                    self.next_look(more, cap).await
                }
                Err(error) => {
                    tracing::error!(%error, "a pass failed, the next follows");
                    self.flow.clock.now().plus(AFTER_FAILURE)
                }
            };
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

    /// One look, or an audit when its time has come; sends beside the loop. Says whether there is more to look at.
    async fn step(self: &Arc<Self>, audit_at: &mut Timestamp, sending: &mut JoinSet<Sent>) -> Result<bool, StoreError> {
        let look = self.look().await?;
        let more = look.more;
        self.send_beside(look, sending);
        let now = self.flow.clock.now();
        if *audit_at <= now {
            let audit = self.audit().await?;
            *audit_at = now.plus(AUDIT_EVERY);
            tracing::info!(
                active = audit.active,
                missed = audit.missed,
                corrupt = audit.look.corrupt,
                "audited all monitors"
            );
            self.send_beside(audit.look, sending);
        }
        Ok(more)
    }

    fn send_beside(self: &Arc<Self>, look: Look, sending: &mut JoinSet<Sent>) {
        for (channel, parcels) in by_channel(look.parcels) {
            let checker = Arc::clone(self);
            sending.spawn(async move { checker.deliver(channel, parcels).await });
        }
    }

    async fn next_look(&self, more: bool, cap: Duration) -> Timestamp {
        let now = self.flow.clock.now();
        if more {
            return now;
        }
        let next = self.flow.store.next_wake().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "could not ask when to wake next");
            Some(now.plus(AFTER_FAILURE))
        });
        next.unwrap_or(Timestamp::MAX).min(now.plus(cap))
    }
}

/// A delivery that panicked is a bug of ours: its leases end by themselves, and it is tried again.
fn report_panic(error: Option<tokio::task::JoinError>) {
    if let Some(error) = error {
        tracing::error!(%error, "a delivery was broken off, it will be claimed again");
    }
}
