//! Trying a channel out: one message that nobody need heed, and what became of it.

use std::time::Duration;

use heartbeat_core::{
    Channel, Clock,
    delivery::{Outcome, Reason},
};
use serde::Serialize;
use utoipa::ToSchema;

/// What became of a test message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// What it came to.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

impl Trial {
    /// It was not even sent: a person must mend something first.
    pub fn refused(why: &str) -> Self {
        Self { outcome: Outcome::Refused { reason: Reason::new(why) }, took: Duration::ZERO }
    }
}

/// Sends one test message through `channel`, and waits no longer than the channel's own time-out.
pub async fn try_out(channel: &dyn Channel, clock: &dyn Clock) -> Trial {
    let began_at = clock.now();
    let time_out = channel.time_out();
    let tried = tokio::time::timeout(time_out, channel.test()).await;
    let outcome = tried.unwrap_or_else(|_| {
        let reason = Reason::new(&format!("there was no answer within {time_out:?}"));
        Outcome::TryAgain { after: None, reason }
    });
    Trial { outcome, took: clock.now().since(began_at) }
}

/// A trial, as JSON.
#[derive(Serialize, ToSchema)]
#[schema(as = Trial)]
pub(crate) struct TrialView {
    outcome: &'static str,
    reason: Option<String>,
    status: Option<u16>,
    took_ms: u64,
}

impl From<&Trial> for TrialView {
    fn from(Trial { outcome, took }: &Trial) -> Self {
        let (outcome, reason) = match outcome {
            Outcome::Delivered => ("delivered", None),
            Outcome::TryAgain { reason, .. } => ("retry", Some(reason)),
            Outcome::Refused { reason } => ("refused", Some(reason)),
        };
        Self {
            outcome,
            reason: reason.map(|reason| reason.as_str().to_owned()),
            status: reason.and_then(Reason::status),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
