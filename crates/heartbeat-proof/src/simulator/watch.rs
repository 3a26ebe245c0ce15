//! Checkers: each passes, crashes between any two awaits, and is started anew with no memory of what it did.

use std::{sync::Arc, time::Duration};

use heartbeat_checker::Checker;
use heartbeat_core::{Channel, Clock, Timestamp, channel::definition::Kinds, flow::Flow};

use super::{
    executor::{Chance, SimClock, crashing},
    journal::Journal,
    process::Process,
};

pub(super) struct Watch {
    pub(super) process: Arc<Process>,
    /// The installation's own channel.
    pub(super) house: Arc<dyn Channel>,
    /// Those of the project.
    pub(super) kinds: Arc<dyn Kinds>,
    /// The longest that it sleeps on purpose.
    pub(super) longest_nap: Duration,
    pub(super) clock: SimClock,
    pub(super) chance: Chance,
    pub(super) journal: Arc<Journal>,
    /// Per mille of polls at which it dies.
    pub(super) crashes: u64,
    pub(super) calm_from: Timestamp,
}

/// Passes between two audits.
const PASSES_AN_AUDIT: u64 = 60;

impl Watch {
    /// Watches until `end`.
    pub(super) async fn run(self, end: Timestamp) {
        while self.clock.now() < end {
            let calm = self.clock.now() >= self.calm_from;
            let crashes = if calm { 0 } else { self.crashes };
            if crashing(self.live(end, calm), &self.chance, crashes).await.is_none() {
                let now = self.clock.now();
                self.journal.crashed("crash: checker", now);
                self.journal.record().died.insert(now);
                self.clock.sleep(Duration::from_secs(self.chance.between(1, 120))).await;
            }
        }
    }

    /// One life of a checker process: until it crashes, or the storm is over, or the end.
    async fn live(&self, end: Timestamp, calm: bool) {
        self.process.start_anew();
        let (flow, tally) = self.process.tallied();
        let Ok(checker) = Checker::new(flow.clone(), vec![Arc::clone(&self.house)]) else { return };
        let checker = checker.with_kinds(Arc::clone(&self.kinds));
        let mut passes = self.chance.below(PASSES_AN_AUDIT);
        while self.clock.now() < end && (calm || self.clock.now() < self.calm_from) {
            let (began, failed) = (self.clock.now(), tally.failures());
            if checker.pass().await.is_ok() && tally.failures() == failed {
                self.journal.record().passes.insert(began, self.clock.now());
            }
            passes += 1;
            if passes.is_multiple_of(PASSES_AN_AUDIT)
                && let Ok(audit) = checker.audit().await
            {
                if audit.missed > 0 {
                    self.journal.offence(format!("the index missed {} monitors", audit.missed));
                }
                checker.deliver_all(audit.look.parcels).await;
            }
            self.clock.sleep(self.nap(&flow).await).await;
        }
    }

    /// Until the next wake time, as the loop does; sometimes it oversleeps.
    async fn nap(&self, flow: &Flow) -> Duration {
        let now = flow.clock.now();
        if self.chance.happens(20) {
            return Duration::from_secs(self.chance.below(300));
        }
        let next = flow.store.next_wake().await.ok().flatten().unwrap_or(Timestamp::MAX);
        next.since(now).clamp(Duration::from_millis(1), self.longest_nap)
    }
}
