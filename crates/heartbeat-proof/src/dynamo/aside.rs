//! Time that only passes where somebody waits on purpose: the store runs on a paused clock, and its requests are carried to
//! the engine on threads of their own, while which that clock stands still. So real time-outs and back-offs cost nothing,
//! and a slow machine changes nothing.

use std::sync::Arc;

use heartbeat_core::dynamo::wire::{Answer, Lost, Onward};
use tokio::runtime::{Builder, Handle, Runtime};

/// Carries requests on threads of its own.
#[derive(Clone, Debug)]
pub(super) struct Aside(Handle);

impl Aside {
    pub(super) fn of(threads: &Runtime) -> Self {
        Self(threads.handle().clone())
    }

    /// Sends it on. A clock that is paused does not move meanwhile: it waits for work on other threads.
    pub(super) async fn send(&self, onward: &Arc<Onward>, body: Vec<u8>) -> Result<Answer, Lost> {
        let (threads, onward) = (self.0.clone(), Arc::clone(onward));
        let sent = tokio::task::spawn_blocking(move || threads.block_on(onward.send(&body)));
        sent.await.unwrap_or(Err(Lost::Broken))
    }
}

/// Threads for what takes real time.
#[expect(clippy::expect_used, reason = "an instrument of tests: without threads there is nothing to prove")]
pub(super) fn threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

/// A runtime whose clock is paused.
#[expect(clippy::expect_used, reason = "an instrument of tests: without a runtime there is nothing to prove")]
pub(super) fn paused() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime")
}
