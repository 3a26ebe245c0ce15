//! The channels of a checker, and which of them may be sent to just now.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use heartbeat_core::{Channel, ChannelName, Timestamp};

/// At least one channel, each with its gate.
pub(crate) struct Channels {
    by_name: BTreeMap<ChannelName, Arc<dyn Channel>>,
    names: Vec<ChannelName>,
    gates: Mutex<BTreeMap<ChannelName, Gate>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Gate {
    /// How many deliveries are under way.
    users: u32,
    /// The channel has asked us to wait until then.
    opens_at: Option<Timestamp>,
}

impl Channels {
    /// `None` when there is no channel at all.
    pub(crate) fn new(channels: Vec<Arc<dyn Channel>>) -> Option<Self> {
        let by_name: BTreeMap<_, _> = channels.into_iter().map(|c| (c.name().clone(), c)).collect();
        let names: Vec<_> = by_name.keys().cloned().collect();
        (!names.is_empty()).then(|| Self { by_name, names, gates: Mutex::default() })
    }

    pub(crate) fn names(&self) -> &[ChannelName] {
        &self.names
    }

    pub(crate) fn get(&self, name: &ChannelName) -> Option<&Arc<dyn Channel>> {
        self.by_name.get(name)
    }

    /// Whether something may be claimed for this channel now.
    pub(crate) fn is_open(&self, name: &ChannelName, now: Timestamp) -> bool {
        let gate = self.gates().get(name).copied().unwrap_or_default();
        gate.users == 0 && gate.opens_at.is_none_or(|at| at <= now)
    }

    /// When a channel that asked us to wait may be tried again; `now` when none has.
    pub(crate) fn next_opening(&self, now: Timestamp) -> Timestamp {
        let gates = self.gates();
        gates.values().filter_map(|gate| gate.opens_at).filter(|at| *at > now).min().unwrap_or(now)
    }

    /// Marks a channel as being sent to until the mark is dropped: what happens meanwhile gathers into one digest.
    pub(crate) fn occupy(self: &Arc<Self>, name: &ChannelName) -> Busy {
        self.gates().entry(name.clone()).or_default().users += 1;
        Busy { channels: Arc::clone(self), name: name.clone() }
    }

    /// The channel has asked us to wait.
    pub(crate) fn close_until(&self, name: &ChannelName, at: Timestamp) {
        let mut gates = self.gates();
        let opens_at = &mut gates.entry(name.clone()).or_default().opens_at;
        *opens_at = (*opens_at).max(Some(at));
    }

    fn gates(&self) -> MutexGuard<'_, BTreeMap<ChannelName, Gate>> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A channel that is being sent to.
pub(crate) struct Busy {
    channels: Arc<Channels>,
    name: ChannelName,
}

impl Busy {
    pub(crate) fn channel(&self) -> &ChannelName {
        &self.name
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(gate) = self.channels.gates().get_mut(&self.name) {
            gate.users = gate.users.saturating_sub(1);
        }
    }
}
