//! What all processes over one set of tables agree on: one entry of the directory, read by all of them.
//!
//! A change is seen by others within [`REFRESH`]. What would lose an alert if a writer followed before every reader knows
//! of it waits for [`FOLLOW`]: readers look at new shards at once, writers use them later; while `sweep` is being left,
//! writers write wake times again before anybody relies on them.

use std::{
    sync::{PoisonError, RwLock},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::time::Timestamp;

/// How old what a process knows of the settings may be.
pub const REFRESH: Duration = Duration::from_secs(30);
/// How long after a change everybody knows of it, those included whose refresh failed a few times.
pub const FOLLOW: Duration = Duration::from_mins(5);
/// The most shards: a pass asks each of them.
pub const MAX_SHARDS: u16 = 1_024;
/// After a failed refresh, how long until the next.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Where it is in the directory.
pub(super) const PK: &str = "settings";
pub(super) const SK: &str = "shared";

/// How what is due is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detector {
    /// By the index: 3 write units a ping, and a pass costs next to nothing.
    #[default]
    Index,
    /// By reading everything in each pass: 1 write unit a ping.
    Sweep,
    /// By reading everything, while wake times are written again: on the way from `sweep` to `index`.
    Leaving,
}

impl Detector {
    /// Whether passes read everything.
    pub fn sweeps(self) -> bool {
        match self {
            Self::Index => false,
            Self::Sweep | Self::Leaving => true,
        }
    }
}

/// What all processes agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// How what is due is found.
    pub detector: Detector,
    /// Into how many shards what is due is divided. It only grows.
    pub shards: u16,
    /// How many there were before.
    pub shards_before: u16,
    /// From when on writers use all of them.
    pub writers_follow_at: Timestamp,
    /// How long past due a checker waits, in seconds: longer than the API takes to give up on a ping, and clocks may differ.
    pub settle_s: u64,
}

impl Default for Shared {
    /// DESIGN: 16 shards, found by the index; settle time 10 s.
    fn default() -> Self {
        Self {
            detector: Detector::Index,
            shards: 16,
            shards_before: 16,
            writers_follow_at: Timestamp::EPOCH,
            settle_s: 10,
        }
    }
}

impl Shared {
    /// How long past due a checker waits.
    pub fn settle(&self) -> Duration {
        Duration::from_secs(self.settle_s)
    }

    /// How many shards a writer uses at `now`.
    pub(super) fn shards_to_write(&self, now: Timestamp) -> u16 {
        let shards = if now < self.writers_follow_at { self.shards_before } else { self.shards };
        shards.max(1)
    }

    /// Whether a writer writes an ordinary monitor's wake time at `now`.
    pub(super) fn writes_wake_times(&self, now: Timestamp) -> bool {
        match self.detector {
            Detector::Index | Detector::Leaving => true,
            // Until every reader reads everything.
            Detector::Sweep => now < self.writers_follow_at,
        }
    }

    /// Found by reading everything, from `now` on for readers.
    #[must_use]
    pub(super) fn sweeping(self, now: Timestamp) -> Self {
        self.followed(Self { detector: Detector::Sweep, ..self }, now)
    }

    /// On the way from `sweep` to `index`, from `now` on for writers; readers rely on it after [`FOLLOW`].
    #[must_use]
    pub(super) fn leaving(self, now: Timestamp) -> Self {
        self.followed(Self { detector: Detector::Leaving, ..self }, now)
    }

    fn followed(self, next: Self, now: Timestamp) -> Self {
        Self { shards_before: self.shards_to_write(now), writers_follow_at: now.plus(FOLLOW), ..next }
    }

    /// With more shards, from `now` on for readers.
    #[must_use]
    pub(super) fn grown(self, shards: u16, now: Timestamp) -> Self {
        self.followed(Self { shards, ..self }, now)
    }
}

/// What a process knows of it.
#[derive(Debug)]
pub(super) struct View {
    known: RwLock<Known>,
    /// Held by the one who is asking.
    asking: Mutex<()>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    shared: Shared,
    told_at: Timestamp,
    ask_again_at: Timestamp,
}

impl Known {
    fn told(shared: Shared, now: Timestamp) -> Self {
        Self { shared, told_at: now, ask_again_at: now.plus(REFRESH) }
    }
}

impl View {
    pub(super) fn of(shared: Shared, now: Timestamp) -> Self {
        Self { known: RwLock::new(Known::told(shared, now)), asking: Mutex::new(()) }
    }

    pub(super) fn get(&self) -> Shared {
        self.known.read().unwrap_or_else(PoisonError::into_inner).shared
    }

    /// Asks again where it is time, one at a time; others meanwhile go by what is known.
    pub(super) async fn refresh<E: std::fmt::Display>(
        &self,
        now: Timestamp,
        ask: impl AsyncFnOnce() -> Result<Option<Shared>, E>,
    ) {
        let known = *self.known.read().unwrap_or_else(PoisonError::into_inner);
        if now < known.ask_again_at {
            return;
        }
        let Ok(_asking) = self.asking.try_lock() else { return };
        let next = match ask().await {
            Ok(Some(shared)) => Known::told(shared, now),
            Ok(None) => {
                tracing::warn!("the shared settings are gone from the directory, going by the last ones");
                Known { ask_again_at: now.plus(AFTER_FAILURE), ..known }
            }
            Err(error) => {
                tracing::warn!(%error, "the shared settings could not be read again, going by the last ones");
                Known { ask_again_at: now.plus(AFTER_FAILURE), ..known }
            }
        };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = next;
    }

    /// Takes what has just been written.
    pub(super) fn set(&self, shared: Shared, now: Timestamp) {
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known::told(shared, now);
    }

    /// For how long nothing has been heard of them, if that is too long: others may have moved on.
    pub(super) fn out_of_touch(&self, now: Timestamp) -> Option<Duration> {
        let silent = now.since(self.known.read().unwrap_or_else(PoisonError::into_inner).told_at);
        (silent > FOLLOW / 2).then_some(silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_795_402_800);

    #[test]
    fn readers_see_new_shards_before_any_writer_uses_them() {
        let grown = Shared::default().grown(64, NOW);
        assert_eq!(grown.shards, 64);
        assert_eq!(grown.shards_to_write(NOW), 16);
        assert_eq!(grown.shards_to_write(NOW.plus(FOLLOW)), 64);
        let again = grown.grown(256, NOW.plus(REFRESH));
        assert_eq!(again.shards_to_write(NOW.plus(REFRESH)), 16, "nobody follows half-way");
    }

    #[test]
    fn writers_leave_wake_times_out_only_when_every_reader_reads_everything() {
        let sweeping = Shared::default().sweeping(NOW);
        assert!(sweeping.detector.sweeps());
        assert!(sweeping.writes_wake_times(NOW) && !sweeping.writes_wake_times(NOW.plus(FOLLOW)));
        let leaving = sweeping.leaving(NOW.plus(FOLLOW));
        assert!(leaving.detector.sweeps() && leaving.writes_wake_times(NOW.plus(FOLLOW)));
    }

    #[test]
    fn everybody_knows_of_a_change_long_before_writers_follow() {
        assert!(REFRESH * 4 < FOLLOW);
    }
}
