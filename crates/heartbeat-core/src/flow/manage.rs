//! What people do to monitors: pause, resume, edit, delete.

use std::time::Duration;

use thiserror::Error;

use super::{ATTEMPTS, Flow};
use crate::{
    decide::{Event, decide},
    history::{Happening, Row},
    monitor::{Monitor, MonitorId},
    store::{Becomes, Change, Committed, Found, StoreError, Stored},
};

/// How long a deleted name is kept from being made anew by a late ping.
const TOMBSTONE: Duration = Duration::from_hours(24);

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ManageError {
    /// There is no such monitor.
    #[error("there is no such monitor")]
    NotFound,
    /// It was deleted not long ago.
    #[error("the monitor was deleted")]
    Deleted,
    /// Too many others changed the monitor at the same time; nothing was done.
    #[error("the monitor is changed by too many at once")]
    Contended,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Flow {
    /// Applies what a person wants to a monitor; answers with the monitor afterwards.
    pub async fn manage(&self, id: &MonitorId, event: &Event) -> Result<Monitor, ManageError> {
        let mut found = self.store.find(id, self.clock.now()).await?;
        for attempt in 1..=ATTEMPTS {
            let stored = present(found)?;
            let now = self.clock.now();
            let decision = decide(&stored.monitor, event, &self.settings.context(now));
            if decision.monitor == stored.monitor {
                return Ok(stored.monitor);
            }
            let after = decision.monitor.clone();
            match self.commit(self.change(stored, decision, now)).await? {
                Committed::Done => return Ok(after),
                Committed::Conflict(now_there) => found = now_there,
            }
            // Against a job that pings without a pause, what was seen before a wait is certainly old after it.
            if self.pause_after(attempt).await {
                found = self.store.find(id, self.clock.now()).await?;
            }
        }
        Err(ManageError::Contended)
    }

    /// Deletes a monitor, and keeps late pings from bringing it back for a day.
    pub async fn delete(&self, id: &MonitorId) -> Result<(), ManageError> {
        let mut found = self.store.find(id, self.clock.now()).await?;
        for attempt in 1..=ATTEMPTS {
            let stored = present(found)?;
            match self.commit(self.deletion(stored)).await? {
                Committed::Done => return Ok(()),
                Committed::Conflict(Found::Deleted | Found::Nothing) if attempt > 1 => return Ok(()),
                Committed::Conflict(now_there) => found = now_there,
            }
            self.pause_after(attempt).await;
        }
        Err(ManageError::Contended)
    }

    fn deletion(&self, before: Stored) -> Change {
        let (now, write_id) = (self.clock.now(), self.write_id());
        let id = before.monitor.id.clone();
        Change {
            rows: vec![Row::new(&id, now, write_id, 0, Happening::Deleted)],
            id,
            becomes: Becomes::Deleted { before: Box::new(before), until: now.plus(TOMBSTONE) },
            at: now,
            write_id,
            keys: Vec::new(),
        }
    }
}

fn present(found: Found) -> Result<Stored, ManageError> {
    match found {
        Found::Monitor(stored) => Ok(*stored),
        Found::Deleted => Err(ManageError::Deleted),
        Found::Nothing => Err(ManageError::NotFound),
    }
}
