//! What the operator is told of Heartbeat's own troubles: that a channel refuses, that an alert was given up, that there is
//! nobody to tell. It goes the way of all alerts, by a monitor of the operator's own project.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use heartbeat_core::{Signal, Status, flow::Own, store::Found};

use crate::Checker;

/// The most troubles that are told in one breath.
const MOST: usize = 5;

/// Troubles that the operator has not been told of.
#[derive(Default)]
pub(crate) struct Troubles(Mutex<BTreeSet<String>>);

impl Troubles {
    pub(crate) fn note(&self, trouble: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(trouble);
    }

    fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Checker {
    /// Tells the operator of what has gone wrong since they were last told.
    pub(crate) async fn tell_operator_of_troubles(&self) {
        let troubles = self.troubles.take();
        if troubles.is_empty() {
            return;
        }
        let more = troubles.len().saturating_sub(MOST);
        let mut said: Vec<String> = troubles.into_iter().take(MOST).collect();
        if more > 0 {
            said.push(format!("And {more} more."));
        }
        self.flow.tell_operator(Own::Channels, Signal::Fail, said.join("\n")).await;
    }

    /// After everything was walked: where nobody is in trouble any more, the operator hears of it, too.
    pub(crate) async fn tell_operator_of_peace(&self, in_trouble: usize) {
        let now = self.flow.clock.now();
        let is_crowded = self.flow.context(now).outages.open().is_some();
        for (own, is_over) in [(Own::Channels, in_trouble == 0), (Own::Crowd, !is_crowded)] {
            if is_over && self.is_overdue(own).await {
                self.flow.tell_operator(own, Signal::Success, String::new()).await;
            }
        }
    }

    async fn is_overdue(&self, own: Own) -> bool {
        match self.flow.store.find(&own.id(), self.flow.clock.now()).await {
            Ok(Found::Monitor(stored)) => matches!(stored.monitor.status, Status::Overdue { .. }),
            Ok(Found::Deleted | Found::Nothing) | Err(_) => false,
        }
    }
}
