//! The readers: a few connections that each look at the last commit, beside the writer. They work on the runtime's
//! blocking threads; a connection that met an error is not used again.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use heartbeat_core::StoreError;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{
    open::{Use, connect},
    writer::Failure,
};

/// How many look at once.
const READERS: usize = 4;

/// The connections that read.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    /// Readers of the file at `path`; each connection is opened when it is first needed.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, idle: Arc::default(), turns: Arc::new(Semaphore::new(READERS)) }
    }

    /// Has `look` look at the last commit.
    pub(crate) async fn read<T, L>(&self, look: L) -> Result<T, StoreError>
    where
        T: Send + 'static,
        L: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(unavailable)?;
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle));
        let looking = tokio::task::spawn_blocking(move || {
            let seen = with_connection(&path, &idle, look);
            drop(turn);
            seen
        });
        looking.await.map_err(unavailable)?
    }

    /// The same for a look of several statements: it sees one commit throughout, and the file is locked once, not for each.
    pub(crate) async fn read_at_once<T, L>(&self, look: L) -> Result<T, StoreError>
    where
        T: Send + 'static,
        L: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.read(move |db| {
            let _one_commit = db.unchecked_transaction()?;
            look(db)
        })
        .await
    }

    /// The file that they read.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the connections.
    pub(crate) fn close(&self) {
        self.turns.close();
        lock(&self.idle).clear();
    }
}

fn with_connection<T>(
    path: &Path,
    idle: &Mutex<Vec<Connection>>,
    look: impl FnOnce(&Connection) -> Result<T, Failure>,
) -> Result<T, StoreError> {
    let kept = lock(idle).pop();
    let db = match kept {
        Some(db) => db,
        None => connect(path, Use::Read).map_err(unavailable)?,
    };
    match look(&db) {
        Err(Failure::Sql(error)) => Err(unavailable(error)),
        Err(Failure::Item(corrupt)) => {
            lock(idle).push(db);
            Err(corrupt.into())
        }
        Ok(seen) => {
            lock(idle).push(db);
            Ok(seen)
        }
    }
}

fn lock(idle: &Mutex<Vec<Connection>>) -> std::sync::MutexGuard<'_, Vec<Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn unavailable(error: impl ToString) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
