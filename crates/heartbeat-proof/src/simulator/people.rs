//! People: they pause, resume, edit and delete.

use std::{sync::Arc, time::Duration};

use heartbeat_core::{Changes, Clock, Event, Interval, MonitorId, Schedule, Timestamp, flow::ManageError};

use super::{
    executor::{Chance, SimClock},
    journal::Journal,
    process::Process,
    runs::Runs,
};

/// Somebody who cannot leave a monitor alone.
pub(super) struct Meddler {
    pub(super) id: MonitorId,
    pub(super) api: Arc<Process>,
    pub(super) clock: SimClock,
    pub(super) chance: Chance,
    pub(super) journal: Arc<Journal>,
}

impl Meddler {
    /// Meddles until `end`.
    pub(super) async fn run(self, end: Timestamp) {
        loop {
            self.clock.sleep(Duration::from_secs(self.chance.between(30, 2_400))).await;
            if self.clock.now() >= end {
                return;
            }
            if self.chance.happens(40) {
                self.delete().await;
                continue;
            }
            let outcome = self.api.flow().manage(&self.id, &self.event(), None).await;
            if let Err(ManageError::Contended) = outcome {
                self.journal.offence(format!("a person was starved by pings on {}", self.id));
            }
        }
    }

    fn event(&self) -> Event {
        let until = self.clock.now().plus(Duration::from_secs(self.chance.between(10, 3_000)));
        match self.chance.below(6) {
            0 => Event::Pause { until: None },
            1 => Event::Pause { until: Some(until) },
            2 | 3 => Event::Resume,
            4 => Event::Edit(Changes {
                schedule: Runs::each(1 + self.chance.below(2), &self.chance).schedule(),
                ..Changes::default()
            }),
            _ => Event::Edit(Changes {
                schedule: Interval::from_secs(self.chance.between(30, 900)).map(Schedule::Every),
                failure_threshold: Some(1 + u32::try_from(self.chance.below(3)).unwrap_or(0)),
                max_runtime_s: Some(self.chance.happens(500).then(|| self.chance.between(30, 600))),
                resume_on_ping: Some(self.chance.happens(300)),
                ..Changes::default()
            }),
        }
    }

    async fn delete(&self) {
        if self.api.flow().delete(&self.id, None).await.is_ok() {
            self.journal.record().deleted.insert(self.id.clone(), self.clock.now());
            self.journal.trouble("deleted");
        }
    }
}
