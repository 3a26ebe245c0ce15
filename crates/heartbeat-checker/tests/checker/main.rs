//! The checker over the real store: races, isolation, digests, and a crash after every single step.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test cannot do without fails it")]

mod amnesty;
mod bounds;
mod crashes;
mod delivery;
mod hearsay;
mod isolation;
mod ledger;
mod named;
mod posts;
mod races;
mod routing;
mod town;
mod turn;
mod unwritable;
