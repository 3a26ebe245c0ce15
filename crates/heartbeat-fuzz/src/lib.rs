//! What must hold whatever bytes arrive, as functions of bytes: [`pings`] of a request that says that it is one, [`cron`] of a
//! schedule, [`documents`] of what somebody imports. Each panics when it does not hold.
//!
//! `scripts/fuzz.sh` lets libFuzzer look for such bytes, led by the code that they reach; the tests replay its corpus, which has
//! every input that ever reached something new, and every one that ever failed.
#![allow(clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "to panic is how a fuzzer is told")]

mod cron;
mod documents;
mod pings;

pub use cron::cron;
pub use documents::documents;
pub use pings::pings;
