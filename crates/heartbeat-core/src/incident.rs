//! An incident: from a missed deadline or a failure to the recovery.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Why a monitor is overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// No ping came by the due time.
    Missed,
    /// The job said that it failed, with its exit code if it gave one.
    Failed {
        /// The exit code, never 0.
        exit: Option<i64>,
    },
    /// A run started and did not finish within the monitor's `max_runtime`.
    Overran,
}

/// An open incident. It lives in [`crate::Status::Overdue`] and ends with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// When it began: the deadline that was missed, not the moment at which somebody looked.
    pub since: Timestamp,
    /// Why.
    pub cause: Cause,
    /// The end of what the failing job printed, at most [`crate::ping::MAX_EXCERPT`] bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// How many reminders it has had.
    #[serde(default)]
    pub reminders: u32,
    /// Set while we do not know whether we could have heard the job: when to see whether that is known by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_at: Option<Timestamp>,
    /// When the next reminder is due; `None` = never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_reminder_at: Option<Timestamp>,
}
