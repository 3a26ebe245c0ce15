//! The alarm that a sleeping checker sets and a writing store rings: only a write that must be looked at before the
//! checker would wake anyway disturbs it.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

use crate::time::Timestamp;

/// Shared by one checker and the store in its process.
#[derive(Debug)]
pub struct Alarm {
    set_for: AtomicI64,
    rung: Notify,
}

impl Default for Alarm {
    /// Not set: nothing rings until a checker goes to sleep.
    fn default() -> Self {
        Self { set_for: AtomicI64::new(i64::MIN), rung: Notify::new() }
    }
}

impl Alarm {
    /// The checker will sleep until `at`. To be called before it looks for what is due, so that no write in between is
    /// missed: an early ring is kept until [`Alarm::rung`] is awaited.
    pub fn set(&self, at: Timestamp) {
        self.set_for.store(at.as_micros(), Ordering::SeqCst);
    }

    /// Something must be looked at, at `wake_at`: rings when that is before the checker would wake.
    pub fn ring_if_before(&self, wake_at: Timestamp) {
        if wake_at.as_micros() < self.set_for.load(Ordering::SeqCst) {
            self.rung.notify_one();
        }
    }

    /// Returns when it has rung since this was last awaited.
    pub async fn rung(&self) {
        self.rung.notified().await;
    }
}
