//! What a checker does besides: it proves from outside that pings are received, and it proves to others that it is alive.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use heartbeat_core::Timestamp;

/// How often at most: passes may follow each other within milliseconds.
const EVERY: Duration = Duration::from_secs(30);

/// Somebody who is called now and then. Bounded in time, and says by itself what goes wrong.
#[async_trait]
pub trait Call: Send + Sync {
    /// Calls.
    async fn call(&self);
}

/// Nobody is called.
pub(crate) struct Nobody;

#[async_trait]
impl Call for Nobody {
    async fn call(&self) {}
}

/// Calls no more often than [`EVERY`].
pub(crate) struct Paced {
    call: Box<dyn Call>,
    called_at: Mutex<Option<Timestamp>>,
}

impl Paced {
    pub(crate) fn new(call: Box<dyn Call>) -> Self {
        Self { call, called_at: Mutex::default() }
    }

    /// Calls, if the last call is long enough ago.
    pub(crate) async fn call(&self, now: Timestamp) {
        if self.is_due(now) {
            *self.called_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
            self.call.call().await;
        }
    }

    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        let called_at = *self.called_at.lock().unwrap_or_else(PoisonError::into_inner);
        called_at.is_none_or(|at| now.since(at).max(at.since(now)) >= EVERY)
    }
}
