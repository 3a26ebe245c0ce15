//! The last completed pass, written into the directory for those who watch the watcher: at most once a minute, best effort.

use std::time::Duration;

use heartbeat_core::{StoreError, Timestamp, directory::Entry, outbox::Owner};
use serde::{Deserialize, Serialize};

use crate::Checker;

const PK: &str = "checker";
const SK: &str = "pass";
/// How often it is written down.
const EVERY: Duration = Duration::from_mins(1);

/// What the directory says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LastPass {
    at: Timestamp,
    by: Owner,
}

impl Checker {
    /// Writes down that a pass was completed, if that was not done within the last minute, by us or by another.
    pub async fn record_pass(&self) {
        let now = self.flow.clock.now();
        if self.is_pass_to_be_recorded(now) {
            self.write_pass(now).await;
        }
    }

    /// Whether we have not written it down within the last minute; from then on we have.
    pub(crate) fn is_pass_to_be_recorded(&self, now: Timestamp) -> bool {
        let mut recorded_at = self.recorded_at();
        let is_recent = recorded_at.is_some_and(|at| is_recent(at, now));
        if !is_recent {
            *recorded_at = Some(now);
        }
        !is_recent
    }

    pub(crate) async fn write_pass(&self, now: Timestamp) {
        if let Err(error) = self.put_pass(now).await {
            tracing::warn!(%error, "could not write down that a pass was completed");
        }
    }

    async fn put_pass(&self, now: Timestamp) -> Result<(), StoreError> {
        let store = self.flow.store.as_ref();
        let (there, pass) = (store.entry(PK, SK).await?, LastPass { at: now, by: self.owner });
        let last = there.as_ref().and_then(|there| there.read::<LastPass>().ok());
        if last.is_none_or(|last| !is_recent(last.at, now)) {
            let next = there.map_or_else(|| Entry::first(PK, SK, &pass), |there| there.next(&pass));
            // Whoever was quicker has said the same.
            store.put_entry(next).await?;
        }
        Ok(())
    }
}

/// Less than a minute before `now`, or just as little after it: one from further in the future was written by a wrong clock.
fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.since(at).max(at.since(now)) < EVERY
}
