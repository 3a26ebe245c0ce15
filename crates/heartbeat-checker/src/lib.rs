//! The checker: find what is due, decide, commit, deliver.
//!
//! A pass re-reads every item before it acts, commits the change of status together with the lease of what will be sent,
//! and only then sends. So two checkers at once are harmless, a stale index is harmless, and a crash between any two
//! steps costs at most a message told twice. Nothing that is broken delays anything else: a corrupt item is deferred, a
//! channel that is busy or has asked us to wait is passed over.

mod audit;
mod beside;
mod census;
mod crowd;
mod deliver;
mod gates;
mod look;
mod meters;
mod operator;
mod pass;
mod run;
mod switchboard;
mod turn;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use audit::{Audit, End};
pub use beside::Call;
pub use deliver::Sent;
use heartbeat_core::{
    Channel, MonitorId, StoreError, Timestamp,
    channel::definition::Kinds,
    flow::Flow,
    history::Row,
    outbox::{Owner, Settlement},
};
pub use look::{Look, Parcel};
pub use run::Pulse;
pub use turn::Turn;

pub use switchboard::Line;

use crate::{
    beside::{Nobody, Paced},
    gates::Gates,
    meters::Meters,
    operator::Troubles,
    switchboard::Switchboard,
};

/// A checker, and what it must remember between passes.
pub struct Checker {
    flow: Flow,
    switchboard: Switchboard,
    gates: Arc<Gates>,
    owner: Owner,
    /// Attempts that are over but that the store has not been told of. What they sent is not claimed again meanwhile, so
    /// that a store outage does not make us tell people twice.
    unsettled: Mutex<Vec<Attempt>>,
    /// When we last wrote down that a pass was completed.
    recorded_at: Mutex<Option<Timestamp>>,
    /// How many monitors were active when they were last counted.
    active: Mutex<Option<usize>>,
    /// What the operator is to know.
    troubles: Troubles,
    /// Proves from outside that pings are received.
    canary: Paced,
    /// Is told that we are alive.
    outbound: Paced,
    meters: Meters,
}

/// The end of one attempt, to be stored.
#[derive(Clone, Debug)]
struct Attempt {
    monitor: MonitorId,
    ended_at: Timestamp,
    settlement: Settlement,
    row: Row,
}

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// How many items were looked at.
    pub looked: usize,
    /// How many of them are corrupt.
    pub corrupt: usize,
    /// How many could not be looked at just now.
    pub failed: usize,
    /// Whether there is more to look at, at once.
    pub more: bool,
    /// How many incidents were opened and closed by what time alone has made true.
    pub flips: usize,
    /// Since when the oldest of what was due has been.
    pub oldest_due: Option<Timestamp>,
    /// Since when the oldest news that was seen had been waiting to be told.
    pub oldest_untold: Option<Timestamp>,
    /// What was sent.
    pub sent: Sent,
}

/// What a pass must keep to where its time is up at a known moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// From here on nothing more is looked at.
    pub look_until: Timestamp,
    /// By then everything is sent; no message starts that might take longer.
    pub send_until: Timestamp,
}

/// A checker without channels would have nobody to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a checker needs at least one channel: there is nobody to tell")]
pub struct NobodyToTell;

impl Checker {
    /// A checker that tells all of `channels`: those of the installation.
    pub fn new(flow: Flow, channels: Vec<Arc<dyn Channel>>) -> Result<Self, NobodyToTell> {
        Ok(Self {
            owner: Owner(flow.random.next()),
            switchboard: Switchboard::new(channels).ok_or(NobodyToTell)?,
            gates: Arc::default(),
            unsettled: Mutex::default(),
            recorded_at: Mutex::default(),
            active: Mutex::default(),
            troubles: Troubles::default(),
            canary: Paced::new(Box::new(Nobody)),
            outbound: Paced::new(Box::new(Nobody)),
            meters: Meters::new(),
            flow,
        })
    }

    /// The same, which tells the monitors of a project with channels of its own there: they are of these kinds.
    #[must_use]
    pub fn with_kinds(self, kinds: Arc<dyn Kinds>) -> Self {
        Self { switchboard: self.switchboard.with_kinds(kinds), ..self }
    }

    /// The same, which calls `canary` before it looks, at most each 30 s: a ping through the public address.
    #[must_use]
    pub fn with_canary(self, canary: Box<dyn Call>) -> Self {
        Self { canary: Paced::new(canary), ..self }
    }

    /// The same, which calls `outbound` after a complete pass, at most each 30 s: so that others watch the watcher.
    #[must_use]
    pub fn with_outbound(self, outbound: Box<dyn Call>) -> Self {
        Self { outbound: Paced::new(outbound), ..self }
    }

    /// One whole pass: looks at everything that is due, and delivers what it found to tell.
    pub async fn pass(&self) -> Result<Pass, StoreError> {
        let look = self.look().await?;
        Ok(self.deliver_look(look).await)
    }

    /// The same within `bounds`, for those whose time is up at a known moment.
    pub async fn pass_within(&self, bounds: Bounds) -> Result<Pass, StoreError> {
        let mut look = self.look_until(Some(bounds.look_until), Some(bounds.send_until)).await?;
        look.send_until(bounds.send_until);
        Ok(self.deliver_look(look).await)
    }

    /// Delivers what a look, or an audit, has found to tell.
    pub async fn deliver_look(&self, look: Look) -> Pass {
        let Look { looked, corrupt, failed, more, flips, oldest_due, oldest_untold, parcels } = look;
        let sent = self.deliver_all(parcels).await;
        if failed == 0 {
            self.outbound.call(self.flow.clock.now()).await;
        }
        Pass { looked, corrupt, failed, more, flips, oldest_due, oldest_untold, sent }
    }

    fn recorded_at(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.recorded_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unsettled(&self) -> MutexGuard<'_, Vec<Attempt>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
