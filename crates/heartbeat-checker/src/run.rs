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

use crate::{Checker, End, Turn, deliver::by_line, look::Look, turn::AUDIT_EVERY};

/// When everything is walked first: not while a start is to be quick.
const FIRST_AUDIT: Duration = Duration::from_mins(1);
/// When an audit that was broken off is gone on with.
const BROKEN_OFF: Duration = Duration::from_mins(1);
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

/// What ends beside the loop.
enum Beside {
    /// A channel is free again.
    Delivery,
    /// An audit, or none; it says when to ask for the turn again.
    Audit { next: Timestamp },
    /// A pass was written down.
    Record,
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
                    self.record_beside(&mut sending);
                    self.call_outbound_beside(&look, &mut sending);
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
                sending.spawn(async move { Beside::Audit { next: checker.audit_and_deliver().await } });
            }
            alarm.set(sleep_until);
            let sleep = self.flow.clock.sleep(sleep_until.since(self.flow.clock.now()));
            tokio::select! {
                // Ctrl-C: no new look, but what is being sent is finished and settled.
                () = &mut stop => break,
                // A write must be looked at before we would wake.
                () = alarm.rung() => {}
                // A channel is free again: what has gathered for it meanwhile goes out now.
                Some(ended) = sending.join_next(), if !sending.is_empty() => match ended {
                    Ok(Beside::Audit { next }) => audit_at = next,
                    Ok(Beside::Delivery | Beside::Record) => {}
                    Err(error) => report_panic(&error),
                },
                () = sleep => {}
            }
        }
        while let Some(ended) = sending.join_next().await {
            if let Err(error) = ended {
                report_panic(&error);
            }
        }
    }

    /// Walks everything beside the loop, so that what is due does not wait for it, if it is our turn. Says when to ask for
    /// the turn again.
    async fn audit_and_deliver(&self) -> Timestamp {
        let started = self.flow.clock.now();
        let audit = match self.audit_until(None).await {
            Turn::Taken(audit) => audit,
            Turn::Later(at) => return at,
        };
        let (active, missed, corrupt) = (audit.active, audit.missed, audit.look.corrupt);
        let next = match &audit.end {
            End::Complete => {
                tracing::info!(active, missed, corrupt, "audited all monitors");
                started.plus(AUDIT_EVERY)
            }
            End::Deadline | End::Overtaken => self.flow.clock.now().plus(BROKEN_OFF),
            End::Failed(error) => {
                tracing::error!(%error, "an audit failed, it goes on in a minute");
                self.flow.clock.now().plus(BROKEN_OFF)
            }
        };
        self.deliver_all(audit.look.parcels).await;
        next
    }

    fn send_beside(self: &Arc<Self>, look: Look, sending: &mut JoinSet<Beside>) {
        for (line, parcels) in by_line(look.parcels) {
            let (checker, busy) = (Arc::clone(self), self.gates.occupy(&line));
            sending.spawn(async move {
                checker.deliver(busy, parcels).await;
                Beside::Delivery
            });
        }
    }

    /// Writes down that a look was completed, beside the loop: the directory may be slow.
    fn record_beside(self: &Arc<Self>, sending: &mut JoinSet<Beside>) {
        let now = self.flow.clock.now();
        if self.is_pass_to_be_recorded(now) {
            let checker = Arc::clone(self);
            sending.spawn(async move {
                checker.write_pass(now).await;
                Beside::Record
            });
        }
    }

    /// Tells others that we are alive, beside the loop, after a look that nothing was left out of.
    fn call_outbound_beside(self: &Arc<Self>, look: &Look, sending: &mut JoinSet<Beside>) {
        let now = self.flow.clock.now();
        if look.failed == 0 && self.outbound.is_due(now) {
            let checker = Arc::clone(self);
            sending.spawn(async move {
                checker.outbound.call(now).await;
                Beside::Record
            });
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
fn report_panic(error: &tokio::task::JoinError) {
    tracing::error!(%error, "a delivery or an audit was broken off, it will be claimed again");
}
