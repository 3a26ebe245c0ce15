//! The store of a world, and how fast it is.

use std::{sync::Arc, time::Duration};

use heartbeat_core::Store;

/// How long the store takes, in simulated time, besides what the weather adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// No time.
    Instant,
    /// As long as on the runtime's clock, which is paused: only what waits on purpose takes time there.
    ByPausedClock,
}

/// Below this, what passes on a paused clock is the jitter of retries, which no seed decides.
const JITTER: Duration = Duration::from_millis(100);

impl Pace {
    pub(super) fn of(self, took: Duration) -> Duration {
        match self {
            Self::Instant => Duration::ZERO,
            Self::ByPausedClock => {
                let steps = took.as_millis() / JITTER.as_millis();
                JITTER * u32::try_from(steps).unwrap_or(u32::MAX)
            }
        }
    }
}

/// The store of a world.
pub struct Premises {
    /// The store, empty.
    pub store: Arc<dyn Store>,
    /// How long it takes.
    pub pace: Pace,
}
