//! The life of a ping: one conditional write when it is ordinary, else look, decide, store. It is answered only after
//! the durable write.

use std::{num::NonZeroU32, time::Duration};

use thiserror::Error;

use super::{ATTEMPTS, Flow, Settings};
use crate::{
    decide::{Event, decide},
    history::{Happening, PingLog, PingRow, Row},
    monitor::{Monitor, MonitorId, Origin},
    ping::{Note, Ping, Verdict},
    schedule::Schedule,
    store::{Becomes, Change, Committed, Extend, Extended, Found, Keep, Reach, StoreError, Stored, WriteId},
    time::Timestamp,
};

/// What became of a ping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Whether it made the monitor.
    pub came: Came,
    /// Oddities, for the one who sent it.
    pub notes: Vec<Note>,
}

/// Whether a ping made its monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// The first: it made the monitor.
    First,
    /// The monitor was there.
    Again,
}

/// Whether a ping makes its monitor where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Birth {
    /// It does.
    #[default]
    Allowed,
    /// It is refused: [`PingError::Unknown`].
    Refused,
}

/// What became of pings that came together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Together {
    /// They are written, and each counts.
    Written,
    /// Nothing was: to this monitor they may say more than that all is well, so each has to be recorded by itself.
    Apart,
}

/// Why a ping was not recorded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PingError {
    /// There is no such monitor, and this ping must not make one.
    #[error("there is no such monitor")]
    Unknown,
    /// A person deleted the monitor not long ago: the ping must not bring it back.
    #[error("the monitor was deleted")]
    Deleted,
    /// Too many others changed the monitor at the same time; nothing was recorded.
    #[error("the monitor is changed by too many at once")]
    Contended,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who sent a ping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sender {
    /// From where.
    pub from: Option<String>,
    /// With which program.
    pub agent: Option<String>,
    /// What was odd about it already at the door.
    pub notes: Vec<Note>,
    /// Whether they may make a monitor by it.
    pub birth: Birth,
}

impl Flow {
    /// Records `ping`, received at `at`.
    pub async fn record_ping(
        &self,
        id: &MonitorId,
        ping: Ping,
        sender: Sender,
        at: Timestamp,
    ) -> Result<Recorded, PingError> {
        let arrival = Arrival { id, ping, sender, at, pings: NonZeroU32::MIN, write_id: self.write_id() };
        let found = match self.reach(&arrival) {
            Some(reach) => match self.extend(&arrival, reach).await? {
                Extended::Done => return Ok(Recorded { came: Came::Again, notes: arrival.sender.notes }),
                Extended::Declined(found) => found,
            },
            None => self.store.find(id, at).await?,
        };
        // On the heap: the ordinary ping, which needs none of it, would carry it about.
        Box::pin(self.decide_ping(arrival, found)).await
    }

    /// Records several plain successes, of which the last was received at `last` from `sender`, by one write: what is
    /// there afterwards is what each by itself would have left, and each counts. Only an ordinary monitor takes them so.
    pub async fn record_together(
        &self,
        id: &MonitorId,
        pings: NonZeroU32,
        sender: Sender,
        last: Timestamp,
    ) -> Result<Together, StoreError> {
        let arrival = Arrival { id, ping: Ping::success(), sender, at: last, pings, write_id: self.write_id() };
        let Some(reach) = self.reach(&arrival) else { return Ok(Together::Apart) };
        Ok(match self.extend(&arrival, reach).await? {
            Extended::Done => Together::Written,
            Extended::Declined(_) => Together::Apart,
        })
    }

    /// How far a ping that is only a plain success moves the deadline, as far as is known without a look.
    fn reach(&self, arrival: &Arrival<'_>) -> Option<Reach> {
        let Ping { signal, schedule, grace, at, .. } = &arrival.ping;
        let is_of_now = at.is_none_or(|at| at >= arrival.at);
        if signal.verdict() != Verdict::Well || !is_of_now {
            return None;
        }
        if let Some(run) = self.known.run(arrival.id, arrival.at, (schedule.as_ref(), *grace)) {
            return Some(Reach::To(run));
        }
        let interval = schedule.as_ref().map(Schedule::interval);
        match interval {
            Some(None) => None,
            Some(Some(_)) | None => Some(Reach::Window { interval: interval.flatten(), grace: *grace }),
        }
    }

    /// Extends, asking again with the same write id while the answer is lost.
    async fn extend(&self, arrival: &Arrival<'_>, reach: Reach) -> Result<Extended, StoreError> {
        let mut lost = 0;
        loop {
            match self.store.extend(arrival.extend(reach.clone(), &self.settings)).await {
                Err(StoreError::Unknown(_)) if lost < ATTEMPTS => lost += 1,
                answer => return answer,
            }
            self.pause_after(lost).await;
        }
    }

    async fn decide_ping(&self, arrival: Arrival<'_>, mut found: Found) -> Result<Recorded, PingError> {
        for attempt in 1..=ATTEMPTS {
            let (came, change, notes) = match found {
                Found::Deleted => return Err(PingError::Deleted),
                Found::Nothing if arrival.sender.birth == Birth::Refused => return Err(PingError::Unknown),
                Found::Nothing => self.create(&arrival).await,
                Found::Monitor(stored) => self.apply_ping(&arrival, *stored).await,
            };
            let after = after(&change);
            match self.commit(change).await? {
                Committed::Done => {
                    if let Some(monitor) = after {
                        self.known.saw(&monitor);
                    }
                    return Ok(Recorded { came, notes });
                }
                Committed::Conflict(now_there) => found = self.look_after(attempt, arrival.id, now_there).await?,
            }
            // Whoever was quicker may have left it ordinary: then nobody has to be the quickest any more.
            if let Some(reach) = self.reach_of(&arrival, &found) {
                match self.extend(&arrival, reach).await? {
                    Extended::Done => return Ok(Recorded { came: Came::Again, notes: arrival.sender.notes }),
                    Extended::Declined(now_there) => found = now_there,
                }
            }
        }
        Err(PingError::Contended)
    }

    /// How far it moves the deadline of what is there, if it looks as if it did nothing else.
    fn reach_of(&self, arrival: &Arrival<'_>, found: &Found) -> Option<Reach> {
        let Found::Monitor(stored) = found else { return None };
        let is_newest = stored.monitor.last_ping_at < Some(arrival.at);
        self.known.saw(&stored.monitor);
        let reach = self.reach(arrival).filter(|_| is_newest && stored.monitor.is_ordinary())?;
        // Arithmetic is for those who have a window.
        let fits = stored.ordinary || matches!(reach, Reach::To(_));
        fits.then_some(reach)
    }

    async fn create(&self, arrival: &Arrival<'_>) -> (Came, Change, Vec<Note>) {
        let usual = || Schedule::Every(self.settings.interval);
        let schedule = arrival.ping.schedule.clone().unwrap_or_else(usual);
        let grace = arrival.ping.grace.unwrap_or(self.settings.grace);
        let unborn = Monitor::new(arrival.id.clone(), Origin::Ping, schedule, grace, arrival.at);
        let shard = self.store.shard_for(arrival.id);
        let before = Stored::new(unborn, shard, self.settings.settle, arrival.write_id);
        let (mut change, notes) = self.ping_change(arrival, before).await;
        if let Becomes::Changed { after, .. } = change.becomes {
            change.becomes = Becomes::Created(after);
        }
        self.keep_row(arrival, &mut change, &notes, true);
        (Came::First, change, notes)
    }

    async fn apply_ping(&self, arrival: &Arrival<'_>, before: Stored) -> (Came, Change, Vec<Note>) {
        let late = before.monitor.is_late_at(arrival.at);
        let (mut change, notes) = self.ping_change(arrival, before).await;
        let notable = late || !change.rows.is_empty();
        self.keep_row(arrival, &mut change, &notes, notable);
        (Came::Again, change, notes)
    }

    async fn ping_change(&self, arrival: &Arrival<'_>, before: Stored) -> (Change, Vec<Note>) {
        let event = Event::Ping(arrival.ping.clone());
        let context = self.context_for(&before.monitor, arrival.at).await;
        let decision = decide(&before.monitor, &event, &context);
        let mut notes = arrival.sender.notes.clone();
        notes.extend(decision.notes.iter().copied());
        (self.change(before, decision, arrival.at), notes)
    }

    /// Adds the ping's own row, where history keeps it.
    fn keep_row(&self, arrival: &Arrival<'_>, change: &mut Change, notes: &[Note], notable: bool) {
        let took = ended_run(change);
        let kept = match self.settings.ping_log {
            PingLog::All => true,
            PingLog::Notable => notable || took.is_some() || !notes.is_empty() || arrival.is_notable(),
            PingLog::None => false,
        };
        if kept {
            change.rows.push(arrival.row(change.write_id, notes.to_vec(), took));
        }
    }
}

/// How long the run took that a change has ended.
fn ended_run(change: &Change) -> Option<Duration> {
    let Becomes::Changed { before, after, .. } = &change.becomes else { return None };
    let (before, after) = (&before.monitor, &after.monitor);
    after.last_duration.filter(|_| after.runs.len() < before.runs.len())
}

/// The monitor that a change leaves behind.
fn after(change: &Change) -> Option<Monitor> {
    match &change.becomes {
        Becomes::Created(after) | Becomes::Defined(after) | Becomes::Changed { after, .. } => {
            Some(after.monitor.clone())
        }
        Becomes::Deleted { .. } => None,
    }
}

struct Arrival<'a> {
    id: &'a MonitorId,
    ping: Ping,
    sender: Sender,
    at: Timestamp,
    pings: NonZeroU32,
    write_id: WriteId,
}

impl Arrival<'_> {
    fn extend(&self, reach: Reach, settings: &Settings) -> Extend {
        let notable = self.is_notable();
        let kept = settings.ping_log != PingLog::None;
        Extend {
            id: self.id.clone(),
            at: self.at,
            pings: self.pings,
            settle: settings.settle,
            reach,
            write_id: self.write_id,
            row: kept.then(|| self.row(self.write_id, self.sender.notes.clone(), None)),
            keep: if settings.ping_log == PingLog::All || notable { Keep::Always } else { Keep::IfLate },
        }
    }

    /// Whether it says more than that all is well, whatever it comes to.
    fn is_notable(&self) -> bool {
        self.ping.signal.verdict() != Verdict::Well
            || !self.ping.body.as_str().is_empty()
            || self.ping.metadata.is_some()
            || !self.sender.notes.is_empty()
    }

    fn row(&self, write_id: WriteId, notes: Vec<Note>, took: Option<Duration>) -> Row {
        let happening = Happening::Ping(PingRow {
            signal: self.ping.signal,
            from: self.sender.from.clone(),
            agent: self.sender.agent.clone(),
            run: self.ping.run.as_ref().map(|run| run.as_str().to_owned()),
            took_ms: took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            happened_at: self.ping.at.filter(|at| *at < self.at),
            metadata: self.ping.metadata.clone(),
            body: self.ping.body.as_str().to_owned(),
            notes,
        });
        Row::new(self.id, self.at, write_id, 0, happening)
    }
}
