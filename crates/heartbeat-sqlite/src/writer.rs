//! Group commit: one thread takes what has queued up, runs it in one transaction, commits, and only then answers each
//! caller. No outcome, a failed condition included, leaves before the commit.
//!
//! An error of the batch, a panic included, is everybody's: nothing of it is written, or nobody knows. The connection is
//! opened anew unless it is known to be well. The thread ends only when the store is closed.

mod setback;
#[cfg(test)]
mod tests;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};

use heartbeat_core::{StoreError, Timestamp, alarm::Alarm, item::Corrupt};
use rusqlite::Connection;
use tokio::sync::oneshot;

use self::setback::{End, Setback};
use crate::open::{OpenError, Use, connect};

/// The most writes in one commit.
const MAX_BATCH: usize = 512;
/// The most writes that wait: a third of a second's worth. Who comes then had better try again later.
const MAX_WAITING: usize = 16_384;

/// What a write came to, to be told after the commit.
pub(crate) struct Outcome<T> {
    /// The caller's answer.
    pub(crate) answer: T,
    /// When what it wrote must be looked at.
    pub(crate) wake_at: Option<Timestamp>,
}

impl<T> Outcome<T> {
    /// An answer that wakes nobody.
    pub(crate) fn quiet(answer: T) -> Self {
        Self { answer, wake_at: None }
    }
}

/// Why a write came to nothing.
pub(crate) enum Failure {
    /// The item is to blame: only this write fails.
    Item(Corrupt),
    /// The database is to blame: the batch fails.
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Corrupt> for Failure {
    fn from(corrupt: Corrupt) -> Self {
        Self::Item(corrupt)
    }
}

/// A write that waits for its turn, and for its commit.
trait Job: Send {
    /// Does the work and keeps the answer; says when what it wrote must be looked at.
    fn run(&mut self, db: &Connection) -> rusqlite::Result<Option<Timestamp>>;

    /// Tells the caller, now that the batch is committed or has failed.
    fn answer(self: Box<Self>, failed: Option<&StoreError>);
}

struct Waiting<T, W> {
    work: Option<W>,
    outcome: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W> Job for Waiting<T, W>
where
    T: Send,
    W: FnOnce(&Connection) -> Result<Outcome<T>, Failure> + Send,
{
    fn run(&mut self, db: &Connection) -> rusqlite::Result<Option<Timestamp>> {
        let Some(work) = self.work.take() else { return Ok(None) };
        match work(db) {
            Ok(Outcome { answer, wake_at }) => {
                self.outcome = Some(Ok(answer));
                Ok(wake_at)
            }
            Err(Failure::Item(corrupt)) => {
                self.outcome = Some(Err(corrupt.into()));
                Ok(None)
            }
            Err(Failure::Sql(error)) => Err(error),
        }
    }

    fn answer(self: Box<Self>, failed: Option<&StoreError>) {
        let outcome = match failed {
            Some(error) => Err(error.clone()),
            None => self.outcome.unwrap_or_else(|| Err(StoreError::Unknown("it was not run".to_owned()))),
        };
        // A caller that has given up does not want to know.
        let _ = self.caller.send(outcome);
    }
}

enum Message {
    Write(Box<dyn Job>),
    Close,
}

/// The way to the writer's thread.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: SyncSender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread, on the file at `path`.
    pub(crate) fn start(path: &Path, alarm: Arc<Alarm>) -> Result<Self, OpenError> {
        let cannot = |reason| OpenError::cannot_open(path, reason);
        let db = connect(path, Use::Write).map_err(|error| cannot(error.to_string()))?;
        let (queue, waiting) = sync_channel(MAX_WAITING);
        let desk = Desk { path: path.to_owned(), db: Some(db), waiting, alarm, health: Health::Working };
        let builder = std::thread::Builder::new().name("heartbeat-writer".to_owned());
        let thread = builder.spawn(move || desk.work()).map_err(|error| cannot(error.to_string()))?;
        Ok(Self { queue, thread: Mutex::new(Some(thread)) })
    }

    /// Has `work` done, and returns after the commit.
    pub(crate) async fn write<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<Outcome<T>, Failure> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let job = Waiting { work: Some(work), outcome: None, caller };
        match self.queue.try_send(Message::Write(Box::new(job))) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                return Err(StoreError::Unavailable("too many writes are waiting".to_owned()));
            }
            Err(TrySendError::Disconnected(_)) => return Err(closed()),
        }
        answer.await.unwrap_or_else(|_| Err(StoreError::Unknown("the store was closed meanwhile".to_owned())))
    }

    /// Finishes what was accepted, and ends the thread. Further writes are refused.
    pub(crate) fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // Both fail only when the thread has ended, which is what is wanted.
            let _ = self.queue.send(Message::Close);
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

/// Where the writer works.
struct Desk {
    path: PathBuf,
    /// `None` after an error, until it is opened anew.
    db: Option<Connection>,
    waiting: Receiver<Message>,
    alarm: Arc<Alarm>,
    health: Health,
}

/// How the last batch went. Only its changes are worth a line in the log: a full disk fails hundreds of batches a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Working,
    Failing,
}

/// Whether the thread goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    Close,
}

impl Desk {
    fn work(mut self) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        loop {
            let next = self.gather(&mut batch);
            if !batch.is_empty() {
                self.carry_out(&mut batch);
            }
            if next == Next::Close {
                break;
            }
        }
        self.refuse_the_rest();
        // The last connection that goes copies the WAL into the file.
    }

    /// Waits for a write, and takes all that have queued up behind it.
    fn gather(&self, batch: &mut Vec<Box<dyn Job>>) -> Next {
        let Ok(first) = self.waiting.recv() else { return Next::Close };
        for message in std::iter::once(first).chain(self.waiting.try_iter()).take(MAX_BATCH) {
            match message {
                Message::Write(job) => batch.push(job),
                Message::Close => return Next::Close,
            }
        }
        Next::GoOn
    }

    /// Writes the batch, then answers everybody in it.
    fn carry_out(&mut self, batch: &mut Vec<Box<dyn Job>>) {
        let written = self.transact(batch);
        self.health = self.health.after(written.as_ref().err(), batch.len());
        if let Ok(Some(wake_at)) = written {
            self.alarm.ring_if_before(wake_at);
        }
        let failed = written.as_ref().err();
        for job in batch.drain(..) {
            job.answer(failed);
        }
    }

    /// One transaction; says when the earliest of what it wrote must be looked at.
    fn transact(&mut self, batch: &mut [Box<dyn Job>]) -> Result<Option<Timestamp>, StoreError> {
        let opened = self.db.take().map_or_else(|| connect(&self.path, Use::Write), Ok);
        let db = opened.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let setback = match attempt(&db, batch) {
            Ok(earliest) => {
                self.db = Some(db);
                return Ok(earliest);
            }
            Err(setback) => setback,
        };
        let end = End::of(&db);
        // One that is dropped rolls back what it may still hold.
        self.db = setback.leaves_well(end).then_some(db);
        Err(setback.into_error(end))
    }

    /// What came after the store was closed.
    fn refuse_the_rest(&self) {
        for message in self.waiting.try_iter() {
            match message {
                Message::Write(job) => job.answer(Some(&closed())),
                Message::Close => {}
            }
        }
    }
}

impl Health {
    /// Says so when writes begin to fail and when they work again.
    fn after(self, failed: Option<&StoreError>, writes: usize) -> Self {
        match (self, failed) {
            (Self::Working, None) => Self::Working,
            (Self::Working, Some(error)) => {
                tracing::error!(%error, writes, "a batch of writes has failed; more that fail are told at debug level");
                Self::Failing
            }
            (Self::Failing, Some(error)) => {
                tracing::debug!(%error, writes, "a batch of writes has failed again");
                Self::Failing
            }
            (Self::Failing, None) => {
                tracing::info!("writes work again");
                Self::Working
            }
        }
    }
}

/// Runs the batch in a transaction and commits it.
fn attempt(db: &Connection, batch: &mut [Box<dyn Job>]) -> Result<Option<Timestamp>, Setback> {
    db.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute([])).map_err(Setback::Refused)?;
    // After a panic nothing of what the jobs have touched is used again: their answers are thrown away, and the
    // connection with them.
    let ran = catch_unwind(AssertUnwindSafe(|| run(db, batch)));
    let earliest = ran.map_err(|panic| Setback::panicked(panic.as_ref()))?.map_err(Setback::Refused)?;
    db.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([])).map_err(Setback::NotCommitted)?;
    Ok(earliest)
}

fn run(db: &Connection, batch: &mut [Box<dyn Job>]) -> rusqlite::Result<Option<Timestamp>> {
    let mut earliest: Option<Timestamp> = None;
    for job in batch {
        earliest = earliest.into_iter().chain(job.run(db)?).min();
    }
    Ok(earliest)
}
