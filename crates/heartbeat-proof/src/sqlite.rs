//! The simulator over the SQLite store, in a scratch file.

use std::{path::PathBuf, sync::Arc};

use heartbeat_core::alarm::Alarm;
use heartbeat_sqlite::{Mode, SqliteStore};

use crate::simulator::{Pace, Plan, Premises, Verdict, simulate};

/// Lives through the world of `seed` over a SQLite file of its own, and judges it.
///
/// # Panics
///
/// When there is no place for a scratch file, or no thread to be had: then nothing can be proven here.
#[expect(clippy::expect_used, reason = "an instrument of tests: without a scratch file there is nothing to prove")]
pub fn simulate_on_sqlite(seed: u64, plan: Plan) -> Verdict {
    let runtime = Arc::new(tokio::runtime::Builder::new_current_thread().build().expect("a runtime"));
    let directory = tempfile::tempdir_in(scratch()).expect("a scratch directory");
    let path = directory.path().join("simulated.db");
    let store = SqliteStore::open(&path, Mode::Serve, Arc::new(Alarm::default())).expect("an empty store");
    simulate(seed, plan, &runtime, |_| Premises { store: Arc::new(store), pace: Pace::Instant })
}

/// Memory, where there is such a place: the simulated crashes are of processes, and need no disk to be survived.
fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}
