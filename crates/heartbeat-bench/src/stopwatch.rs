//! The one place of the benchmark that reads the clock: spans are measured, instants are nobody's business.

use std::time::{Duration, Instant};

/// Runs from the moment it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts.
    #[expect(clippy::disallowed_methods, reason = "measuring time is what a benchmark is for")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// How long it has been running.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// How long it has been running, and starts again from here: no time is lost between two laps.
    pub(crate) fn lap(&mut self) -> Duration {
        let now = Self::start();
        let lap = now.0.duration_since(self.0);
        *self = now;
        lap
    }
}
