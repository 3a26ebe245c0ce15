//! The store port on one `SQLite` file: the embedded default of Heartbeat.
//!
//! One writer thread commits what has queued up in groups and answers each caller after the commit that carries its
//! write, so that an answered write is on the disk; several readers look at the last commit beside it.
//! WAL with `synchronous=FULL`: what was answered survives `kill -9` and, by `SQLite`'s promise, power loss.
//!
//! | Module | Holds |
//! |---|---|
//! | `schema` | the tables, and how a file gets to their newest version |
//! | `row` | a monitor's attributes as columns |
//! | `verbs` | the write verbs, inside the writer's transaction |
//! | `look` | what is read |
//! | `writer` | group commit |
//! | `reader` | the readers |
//! | `directory` | the directory's entries |
//! | `forget` | what is swept away |
//! | `archive` | everything as records, for those who move it |
//! | `steady` | whether the clock is to be believed before anything is |
//!
//! `cargo run --release --example extend_rate` measures the store alone: ordinary pings a second and the CPU time of each,
//! from tasks of the same process. `heartbeat-bench` measures the whole product, through HTTP.

mod archive;
mod backup;
mod directory;
mod forget;
mod history;
mod key;
mod lock;
mod look;
mod open;
mod reader;
mod row;
mod schema;
mod steady;
mod store;
mod verbs;
mod writer;

pub use backup::BackupError;
pub use open::{Mode, OpenError};
pub use store::SqliteStore;
