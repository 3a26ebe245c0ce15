//! What Heartbeat on AWS costs, what limits it meets, and what to switch when: [`document`] is `docs/scale.md`.
//!
//! The document is a pure function of this crate's sources: prices and assumptions are data, the simulation is seeded,
//! and nothing reads a clock. A test fails when the file that is committed differs.

mod bill;
mod container;
mod crossover;
mod document;
mod limits;
mod partition;
mod price;
mod random;
mod spike;
mod table;
mod traffic;
mod usage;
mod workload;

pub use document::document;
