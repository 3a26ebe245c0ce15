//! What people do to monitors: pause, resume, edit, delete.

use std::time::Duration;

use thiserror::Error;

use super::{ATTEMPTS, Flow, PATIENT_ATTEMPTS};
use crate::{
    channel::ChannelName,
    decide::{Decision, Event, RestsOn, decide},
    history::{Happening, Row},
    monitor::{Monitor, MonitorId},
    notice::Notice,
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
        let mut heard_at_first = None;
        for attempt in 1..=ATTEMPTS {
            let stored = present(found)?;
            let now = self.clock.now();
            let context = self.context_for(&stored.monitor, now).await;
            let mut decision = decide(&stored.monitor, event, &context);
            if decision.monitor == stored.monitor {
                return Ok(stored.monitor);
            }
            // Whether it is pings that overtake it: they are heard while it tries.
            let heard = stored.monitor.last_ping_at;
            let is_heard = heard > *heard_at_first.get_or_insert(heard);
            if attempt > PATIENT_ATTEMPTS && is_heard {
                decision = decision.despite_pings(&stored.monitor, &context);
            }
            let after = decision.monitor.clone();
            match self.commit(self.change(stored, decision, now)).await? {
                Committed::Done => return Ok(after),
                Committed::Conflict(now_there) => found = self.look_after(attempt, id, now_there).await?,
            }
        }
        Err(ManageError::Contended)
    }

    /// Has what `channel` has not been told of a monitor sent as soon as can be: what waits for it, or else `untold`. Says
    /// whether there is anything to send.
    pub async fn redeliver(
        &self,
        id: &MonitorId,
        channel: &ChannelName,
        untold: Option<Notice>,
    ) -> Result<bool, ManageError> {
        let mut found = self.store.find(id, self.clock.now()).await?;
        for attempt in 1..=ATTEMPTS {
            let stored = present(found)?;
            let now = self.clock.now();
            let mut monitor = stored.monitor.clone();
            if !monitor.outbox.redeliver(channel, untold.clone(), now) {
                return Ok(false);
            }
            monitor.rev = monitor.rev.next();
            let decision =
                Decision { monitor, transitions: Vec::new(), rests_on: RestsOn::Revision, notes: Vec::new() };
            match self.commit(self.change(stored, decision, now)).await? {
                Committed::Done => return Ok(true),
                Committed::Conflict(now_there) => found = self.look_after(attempt, id, now_there).await?,
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
                Committed::Conflict(now_there) => found = self.look_after(attempt, id, now_there).await?,
            }
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
