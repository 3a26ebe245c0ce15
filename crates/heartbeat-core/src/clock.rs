//! The one place that knows the time. Everything else is told it.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use async_trait::async_trait;

use crate::time::Timestamp;

/// A step back of less than a minute is a correction, and is waited out; a larger one is obeyed.
const STEP_BACK_US: i64 = 60_000_000;
static LAST: AtomicI64 = AtomicI64::new(i64::MIN / 2);

/// Knows the time, and waits.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);
}

/// The clock of the machine. It never shows the same instant twice, and does not follow small steps back: of two pings
/// of one process, the later has the later stamp.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let machine = Timestamp::EPOCH.plus(since_epoch).as_micros();
        let later = |last: i64| Some(if last - machine < STEP_BACK_US { machine.max(last + 1) } else { machine });
        let shown = LAST.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later).unwrap_or(machine);
        Timestamp::from_micros(later(shown).unwrap_or(machine))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that waits")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_instant_is_shown_twice() {
        let shown: Vec<_> = (0..10_000).map(|_| SystemClock.now()).collect();
        assert!(shown.is_sorted_by(|one, next| one < next));
    }
}
