//! An onlooker: looks at monitors now and then, as somebody does who opens a page, and writes down what was shown.

use std::{sync::Arc, time::Duration};

use heartbeat_core::{Clock, MonitorId, Timestamp, store::Found};

use super::{
    executor::{Chance, SimClock},
    journal::{Journal, Look},
    process::Process,
};

pub(super) struct Onlooker {
    pub(super) process: Arc<Process>,
    pub(super) clock: SimClock,
    pub(super) chance: Chance,
    pub(super) journal: Arc<Journal>,
    /// Whom to look at.
    pub(super) ids: Vec<MonitorId>,
}

impl Onlooker {
    /// Looks until `end`.
    pub(super) async fn run(self, end: Timestamp) {
        loop {
            self.clock.sleep(Duration::from_secs(self.chance.between(20, 300))).await;
            if self.clock.now() >= end {
                return;
            }
            let pick = usize::try_from(self.chance.below(self.ids.len() as u64)).unwrap_or(0);
            let Some(id) = self.ids.get(pick) else { return };
            self.look(id).await;
        }
    }

    async fn look(&self, id: &MonitorId) {
        let (flow, began, now) = (self.process.flow(), self.clock.now(), self.process.now());
        let Ok(Found::Monitor(stored)) = flow.store.find(id, now).await else { return };
        let ended = self.clock.now();
        let shown = stored.monitor.status_at(&flow.context_of_silence(now).await);
        self.journal.looked(id, Look { began, ended, now, shown });
    }
}
