//! Which channels may be sent to just now.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use heartbeat_core::Timestamp;

use crate::switchboard::Line;

/// A gate for each line that is in use.
#[derive(Default)]
pub(crate) struct Gates(Mutex<BTreeMap<Line, Gate>>);

#[derive(Clone, Copy, Debug, Default)]
struct Gate {
    /// How many deliveries are under way.
    users: u32,
    /// The channel has asked us to wait until then.
    opens_at: Option<Timestamp>,
}

impl Gates {
    /// Whether something may be claimed for this line now.
    pub(crate) fn is_open(&self, line: &Line, now: Timestamp) -> bool {
        let gate = self.all().get(line).copied().unwrap_or_default();
        gate.users == 0 && gate.opens_at.is_none_or(|at| at <= now)
    }

    /// When a line that asked us to wait may be tried again; `now` when none has.
    pub(crate) fn next_opening(&self, now: Timestamp) -> Timestamp {
        let gates = self.all();
        gates.values().filter_map(|gate| gate.opens_at).filter(|at| *at > now).min().unwrap_or(now)
    }

    /// Marks a line as being sent to until the mark is dropped: what happens meanwhile gathers into one digest.
    pub(crate) fn occupy(self: &Arc<Self>, line: &Line) -> Busy {
        self.all().entry(line.clone()).or_default().users += 1;
        Busy { gates: Arc::clone(self), line: line.clone() }
    }

    /// The channel has asked us to wait.
    pub(crate) fn close_until(&self, line: &Line, at: Timestamp) {
        let mut gates = self.all();
        let opens_at = &mut gates.entry(line.clone()).or_default().opens_at;
        *opens_at = (*opens_at).max(Some(at));
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Line, Gate>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line that is being sent to.
pub(crate) struct Busy {
    gates: Arc<Gates>,
    line: Line,
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut gates = self.gates.all();
        if let Some(gate) = gates.get_mut(&self.line) {
            gate.users = gate.users.saturating_sub(1);
            if gate.users == 0 && gate.opens_at.is_none() {
                gates.remove(&self.line);
            }
        }
    }
}
