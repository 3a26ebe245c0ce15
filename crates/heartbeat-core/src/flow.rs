//! The flows: look, decide, store, and look again when somebody was quicker. They join the pure core to the store port;
//! the API, the checker and the simulator all go through them.

mod hearing;
mod import;
mod known;
mod manage;
mod own;
mod ping;
mod tally;

use std::{sync::Arc, time::Duration};

pub use hearing::{Crowd, Hearing};
pub use import::Imported;
pub use known::Known;
pub use manage::{Defined, ManageError, Url};
pub use own::Own;
pub use ping::{Birth, Came, PingError, Recorded, Sender, Together};
pub use tally::TRANSITIONS;

use crate::{
    clock::Clock,
    decide::{Context, Decision, Transition},
    definition::Definition,
    history::{Happening, PingLog, Row},
    interval::{Grace, Interval},
    monitor::{Monitor, MonitorId},
    outage::Outages,
    random::Random,
    reminder::Reminders,
    store::{Becomes, Change, Committed, Found, Store, StoreError, Stored, WriteId},
    time::Timestamp,
};

/// How often a flow looks again after somebody was quicker, or asks again after an answer was lost.
const ATTEMPTS: u32 = 24;
/// The first conflicts are answered at once; from this one on, each waits a little, by chance.
const PATIENT_ATTEMPTS: u32 = 3;

/// The number of an edit's row among the rows of its write: after all transitions.
const EDITED: u64 = 1_000;

/// What API and checker must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long past due a checker waits, so that a ping on its way is not overtaken. Longer than a ping's write may
    /// take before the API gives up on it: that gap is what makes a false alert impossible.
    pub settle: Duration,
    /// How reminders repeat where the monitor does not say.
    pub reminders: Reminders,
    /// The interval of a monitor whose first ping carries none.
    pub interval: Interval,
    /// The grace of a monitor whose first ping carries none.
    pub grace: Grace,
    /// Which pings history keeps.
    pub ping_log: PingLog,
}

impl Settings {
    /// What is known of time at `now`, where nothing is known of outages of ours.
    pub fn context(&self, now: Timestamp) -> Context {
        Context { now, settle: self.settle, reminders: self.reminders, outages: Outages::default() }
    }
}

/// What every flow needs.
#[derive(Clone)]
pub struct Flow {
    /// Where monitors are kept.
    pub store: Arc<dyn Store>,
    /// Knows the time.
    pub clock: Arc<dyn Clock>,
    /// Gives write ids and jitter.
    pub random: Arc<dyn Random>,
    /// What API and checker must agree on.
    pub settings: Settings,
    /// What is known of outages of ours.
    pub hearing: Arc<Hearing>,
    /// What is known of cron lines.
    pub known: Arc<Known>,
}

impl Flow {
    /// A new mark for a write.
    pub fn write_id(&self) -> WriteId {
        WriteId(self.random.next())
    }

    /// What is known of time at `now` that a decision about `monitor` needs: of outages of ours only where it is silent.
    pub async fn context_for(&self, monitor: &Monitor, now: Timestamp) -> Context {
        let is_settled = monitor.settled_at(&self.settings.context(now)).due_at().is_none();
        let is_silent = monitor.due_at().is_some() && is_settled;
        if is_silent { self.context_of_silence(now).await } else { self.context(now) }
    }

    /// Commits, asking again with the same write id while the answer is lost.
    pub async fn commit(&self, change: Change) -> Result<Committed, StoreError> {
        let mut lost = 0;
        loop {
            match self.store.commit(change.clone()).await {
                Err(StoreError::Unknown(_)) if lost < ATTEMPTS => lost += 1,
                answer => {
                    if answer == Ok(Committed::Done) {
                        tally::stored(&change.rows);
                    }
                    return answer;
                }
            }
            self.pause_after(lost).await;
        }
    }

    /// The change that stores `decision`, made from `before` at `at`.
    pub fn change(&self, before: Stored, decision: Decision, at: Timestamp) -> Change {
        let write_id = self.write_id();
        let rows = transition_rows(&decision, at, write_id);
        let after = Stored::new(decision.monitor, before.shard, self.settings.settle, write_id);
        let mut rows = rows;
        rows.extend(edit_row(&before.monitor, &after.monitor, at, write_id));
        Change {
            id: after.monitor.id.clone(),
            becomes: Becomes::Changed { before: Box::new(before), after: Box::new(after), rests_on: decision.rests_on },
            at,
            write_id,
            rows,
            keys: Vec::new(),
        }
    }

    /// Waits a little, by chance, when somebody has been quicker `attempt` times; answers whether it did.
    async fn pause_after(&self, attempt: u32) -> bool {
        let is_patient = attempt >= PATIENT_ATTEMPTS;
        if is_patient {
            let micros = self.random.next() % (u64::from(attempt) * 1_000);
            self.clock.sleep(Duration::from_micros(micros)).await;
        }
        is_patient
    }

    /// What to decide from after somebody has been quicker `attempt` times, where `seen` is what the conflict showed: who
    /// had to wait looks again, because a job that pings without a pause has pinged meanwhile.
    async fn look_after(&self, attempt: u32, id: &MonitorId, seen: Found) -> Result<Found, StoreError> {
        if self.pause_after(attempt).await { self.store.find(id, self.clock.now()).await } else { Ok(seen) }
    }
}

/// The row that history keeps of what a person has edited.
fn edit_row(before: &Monitor, after: &Monitor, at: Timestamp, write_id: WriteId) -> Option<Row> {
    let deed = after.changed.as_ref().filter(|_| before.changed != after.changed)?;
    let edit = Definition::of(after).edit_of(&Definition::of(before), Some(deed.by.clone()))?;
    Some(Row::new(&after.id, at, write_id, EDITED, Happening::Edited(edit)))
}

/// The rows that history keeps of a decision's transitions.
fn transition_rows(decision: &Decision, at: Timestamp, write_id: WriteId) -> Vec<Row> {
    let happening = |transition: &Transition| match *transition {
        Transition::Opened { since, cause, unconfirmed } => Happening::Opened { since, cause, unconfirmed },
        Transition::Recovered { since, .. } => Happening::Recovered { since },
        Transition::Reminded { since, number } => Happening::Reminded { since, number },
        Transition::Paused => Happening::Paused { by: None },
        Transition::Resumed => Happening::Resumed { by: None },
    };
    let numbered = decision.transitions.iter().zip(1..);
    numbered.map(|(t, index)| Row::new(&decision.monitor.id, at, write_id, index, happening(t))).collect()
}
