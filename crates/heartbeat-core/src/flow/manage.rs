//! What people do to monitors: pause, resume, edit, delete.

use std::time::Duration;

use thiserror::Error;

use super::{ATTEMPTS, Flow, PATIENT_ATTEMPTS};
use crate::{
    about::{Actor, Deed},
    channel::ChannelName,
    decide::{Decision, Event, RestsOn, decide},
    definition::Definition,
    history::{Edit, Happening, Row},
    key::KeyRecord,
    monitor::{Monitor, MonitorId, Origin},
    notice::Notice,
    ping_url::PingUuid,
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
    /// There is one of that name already.
    #[error("there is such a monitor already")]
    Exists,
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

/// Which ping URL is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Url {
    /// The one that there is, or else a new one.
    Any,
    /// Another one.
    New,
}

/// What became of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defined {
    /// The monitor afterwards.
    pub monitor: Monitor,
    /// Whether it was made; else it was there, and may have been changed.
    pub is_new: bool,
}

impl Flow {
    /// Makes a monitor, with a ping URL of its own; one that is there is [`ManageError::Exists`]. A name that was deleted not
    /// long ago is taken again: a person wants it.
    pub async fn define(&self, id: &MonitorId, definition: &Definition, by: &Actor) -> Result<Monitor, ManageError> {
        self.make(id, definition, Origin::Person, by).await
    }

    /// The same, of a monitor that may be its pings' own.
    pub(super) async fn make(
        &self,
        id: &MonitorId,
        definition: &Definition,
        origin: Origin,
        by: &Actor,
    ) -> Result<Monitor, ManageError> {
        let (change, monitor) = self.definition(id, definition, origin, by);
        match self.commit(change).await? {
            Committed::Done => {
                self.known.saw(&monitor);
                Ok(monitor)
            }
            Committed::Conflict(Found::Monitor(_)) => Err(ManageError::Exists),
            Committed::Conflict(Found::Deleted | Found::Nothing) => Err(ManageError::Contended),
        }
    }

    /// Makes a monitor, or makes one that is there what `definition` says: the same again changes nothing.
    pub async fn replace(&self, id: &MonitorId, definition: &Definition, by: &Actor) -> Result<Defined, ManageError> {
        for _ in 0..ATTEMPTS {
            match self.store.find(id, self.clock.now()).await? {
                Found::Nothing | Found::Deleted => match self.define(id, definition, by).await {
                    Ok(monitor) => return Ok(Defined { monitor, is_new: true }),
                    Err(ManageError::Exists) => {}
                    Err(error) => return Err(error),
                },
                Found::Monitor(_) => match self.manage(id, &Event::Edit(definition.as_changes()), Some(by)).await {
                    Ok(monitor) => return Ok(Defined { monitor, is_new: false }),
                    Err(ManageError::NotFound | ManageError::Deleted) => {}
                    Err(error) => return Err(error),
                },
            }
        }
        Err(ManageError::Contended)
    }

    fn definition(&self, id: &MonitorId, definition: &Definition, origin: Origin, by: &Actor) -> (Change, Monitor) {
        let (now, write_id) = (self.clock.now(), self.write_id());
        let Definition { about, schedule, grace, policy, channels } = definition.clone();
        let uuid = self.uuid();
        let monitor = Monitor {
            about,
            policy,
            channels,
            made: Some(Deed { at: now, by: by.clone() }),
            uuid: Some(uuid),
            ..Monitor::new(id.clone(), origin, schedule, grace, now)
        };
        let edit = Edit { by: Some(by.clone()), before: serde_json::Map::new(), after: definition.to_json() };
        let stored = Stored::new(monitor.clone(), self.store.shard_for(id), self.settings.settle, write_id);
        let change = Change {
            id: id.clone(),
            becomes: Becomes::Defined(Box::new(stored)),
            at: now,
            write_id,
            rows: vec![Row::new(id, now, write_id, 0, Happening::Edited(edit))],
            keys: vec![uuid.key(id, now)],
        };
        (change, monitor)
    }

    fn uuid(&self) -> PingUuid {
        let (high, low) = (self.random.next(), self.random.next());
        PingUuid::from_random((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
    }

    /// Gives a monitor a ping URL: the one that it has, or a new one where it has none or another is `wanted`. The old one
    /// works no longer.
    pub async fn ping_url(&self, id: &MonitorId, wanted: Url) -> Result<Monitor, ManageError> {
        let mut found = self.store.find(id, self.clock.now()).await?;
        for attempt in 1..=ATTEMPTS {
            let stored = present(found)?;
            let old = stored.monitor.uuid;
            if old.is_some() && wanted == Url::Any {
                return Ok(stored.monitor);
            }
            let (now, uuid) = (self.clock.now(), self.uuid());
            let mut monitor = Monitor { uuid: Some(uuid), ..stored.monitor.clone() };
            monitor.rev = monitor.rev.next();
            let decision = Decision {
                monitor: monitor.clone(),
                transitions: Vec::new(),
                rests_on: RestsOn::Revision,
                notes: Vec::new(),
            };
            let mut change = self.change(stored, decision, now);
            change.keys.push(uuid.key(id, now));
            change.keys.extend(old.map(|old| KeyRecord { revoked_at: Some(now), ..old.key(id, now) }));
            match self.commit(change).await? {
                Committed::Done => return Ok(monitor),
                Committed::Conflict(now_there) => found = self.look_after(attempt, id, now_there).await?,
            }
        }
        Err(ManageError::Contended)
    }

    /// Applies what a person wants to a monitor; answers with the monitor afterwards. History keeps that it was `by` them.
    pub async fn manage(&self, id: &MonitorId, event: &Event, by: Option<&Actor>) -> Result<Monitor, ManageError> {
        let event = &signed(event, by);
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
            let mut change = self.change(stored, decision, now);
            change.rows.iter_mut().for_each(|row| sign(&mut row.happening, event, by));
            match self.commit(change).await? {
                Committed::Done => {
                    self.known.saw(&after);
                    return Ok(after);
                }
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
    pub async fn delete(&self, id: &MonitorId, by: Option<&Actor>) -> Result<(), ManageError> {
        let mut found = self.store.find(id, self.clock.now()).await?;
        for attempt in 1..=ATTEMPTS {
            let stored = present(found)?;
            match self.commit(self.deletion(stored, by)).await? {
                Committed::Done => return Ok(()),
                Committed::Conflict(Found::Deleted | Found::Nothing) if attempt > 1 => return Ok(()),
                Committed::Conflict(now_there) => found = self.look_after(attempt, id, now_there).await?,
            }
        }
        Err(ManageError::Contended)
    }

    fn deletion(&self, before: Stored, by: Option<&Actor>) -> Change {
        let (now, write_id) = (self.clock.now(), self.write_id());
        let (id, uuid, until) = (before.monitor.id.clone(), before.monitor.uuid, now.plus(TOMBSTONE));
        Change {
            rows: vec![Row::new(&id, now, write_id, 0, Happening::Deleted { by: by.cloned() })],
            becomes: Becomes::Deleted { before: Box::new(before), until },
            at: now,
            write_id,
            // While its name is kept, its ping URL is answered: that it was deleted.
            keys: uuid.map(|uuid| KeyRecord { expires_at: Some(until), ..uuid.key(&id, now) }).into_iter().collect(),
            id,
        }
    }
}

/// An edit says in the monitor, too, who made it.
fn signed(event: &Event, by: Option<&Actor>) -> Event {
    let mut event = event.clone();
    if let (Event::Edit(changes), Some(by)) = (&mut event, by) {
        changes.by = Some(by.clone());
    }
    event
}

/// What `event` asked for was done by whoever sent it; what time has done besides was not.
fn sign(happening: &mut Happening, event: &Event, by: Option<&Actor>) {
    if let (Event::Pause { .. }, Happening::Paused { by: done_by })
    | (Event::Resume, Happening::Resumed { by: done_by }) = (event, happening)
    {
        *done_by = by.cloned();
    }
}

fn present(found: Found) -> Result<Stored, ManageError> {
    match found {
        Found::Monitor(stored) => Ok(*stored),
        Found::Deleted => Err(ManageError::Deleted),
        Found::Nothing => Err(ManageError::NotFound),
    }
}
