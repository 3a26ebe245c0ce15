//! The auditor: walks everything, whatever the index says, and looks at what the index has missed.

use std::time::Duration;

use heartbeat_core::{Event, MonitorId, Status, StoreError, Timestamp, decide, delivery::LEASE, store::Stored};

use crate::{
    Checker,
    look::{Glance, Look, gather, report_corrupt},
};

/// How many items are read at a time.
const PAGE: usize = 500;
/// The longest that something due is held back on purpose: until a channel opens, at most a lease.
const HELD: Duration = LEASE;

/// What an audit found.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// How many monitors there are that could become overdue, or are.
    pub active: usize,
    /// How many items the index would not have brought in time. Each is a bug or a damaged store.
    pub missed: usize,
    /// What was found to tell.
    pub look: Look,
}

impl Checker {
    /// Walks everything, and looks at what the index has missed.
    pub async fn audit(&self) -> Result<Audit, StoreError> {
        self.flush_unsettled().await;
        let started = self.flow.clock.now();
        let mut now = started;
        let mut audit = Audit::default();
        let mut glances = Vec::new();
        let mut after: Option<MonitorId> = None;
        loop {
            let page = self.flow.store.sweep(after.as_ref(), PAGE, now).await?;
            // What was read is as old as this at most: nothing in it was held back from a later moment.
            now = self.flow.clock.now();
            for item in page.items {
                match item {
                    Ok(stored) => glances.extend(self.audit_one(&stored, now, &mut audit).await),
                    Err(corrupt) => {
                        report_corrupt(&corrupt);
                        glances.push(Glance { corrupt: true, ..Glance::default() });
                    }
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        audit.look = gather(glances, started);
        Ok(audit)
    }

    async fn audit_one(&self, stored: &Stored, now: Timestamp, audit: &mut Audit) -> Option<Glance> {
        audit.active += usize::from(is_active(&stored.monitor.status));
        if !self.is_missed(stored, now) {
            return None;
        }
        audit.missed += 1;
        let id = &stored.monitor.id;
        tracing::error!(monitor = %id, "the index has missed a monitor, looking at it now");
        self.look_at(id).await.unwrap_or_else(|error| {
            tracing::warn!(monitor = %id, %error, "could not look at a missed monitor");
            None
        })
    }

    /// Whether the index would bring it later than it must be looked at.
    fn is_missed(&self, stored: &Stored, now: Timestamp) -> bool {
        let decision = decide(&stored.monitor, &Event::Tick, &self.flow.settings.context(now));
        let should = if decision.monitor == stored.monitor {
            stored.monitor.wake_at(self.flow.settings.settle)
        } else {
            Some(now)
        };
        should.is_some_and(|should| stored.wake_at.is_none_or(|at| at > should.max(now).plus(HELD)))
    }
}

fn is_active(status: &Status) -> bool {
    match status {
        Status::Ok { .. } | Status::Overdue { .. } => true,
        Status::New | Status::Paused { .. } => false,
    }
}
