//! What one request of ours has asked of the store, and how that went.

use std::sync::atomic::{AtomicU32, Ordering};

/// What one request of ours has asked of the store.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Tally {
    pub(super) requests: AtomicU32,
    pub(super) failed: AtomicU32,
    pub(super) slow: AtomicU32,
}

impl Tally {
    /// How many requests it took; `None` where one of them failed.
    pub(in crate::simulator) fn requests(&self) -> Option<u32> {
        (self.failed.load(Ordering::SeqCst) == 0).then(|| self.requests.load(Ordering::SeqCst))
    }

    /// How many of them failed.
    pub(in crate::simulator) fn failures(&self) -> u32 {
        self.failed.load(Ordering::SeqCst)
    }

    /// Whether none of them failed, or took longer than usual.
    pub(in crate::simulator) fn is_undisturbed(&self) -> bool {
        self.failed.load(Ordering::SeqCst) == 0 && self.slow.load(Ordering::SeqCst) == 0
    }
}
