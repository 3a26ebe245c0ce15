//! The store port: what the flows ask of a store, and nothing else. It is small because the decisions are in the core.
//!
//! What every store promises, and the contract suite proves:
//! - A write that was answered is durable. A write whose answer was lost is [`StoreError::Unknown`], and doing it again
//!   with the same [`WriteId`] is harmless.
//! - Every write is conditional. A condition that does not hold changes nothing, and the answer carries what is there.
//! - Attributes that this version does not know survive its writes.
//! - What has expired is not there.

use std::num::NonZeroU32;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    channel::ChannelName,
    decide::RestsOn,
    directory::{Entry, Put},
    history::Row,
    interval::{Grace, Interval},
    item::Corrupt,
    key::{KeyHash, KeyRecord},
    monitor::{Monitor, MonitorId, Rev},
    outbox::{Settled, Settlement},
    slug::{Project, Slug},
    time::Timestamp,
};

/// What the caller can do about a store that did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// Nothing was written; try later.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It may or may not have been written: look, or do the same again with the same write id.
    #[error("the store did not say whether it wrote: {0}")]
    Unknown(String),
    /// What is stored cannot be understood: raise an alarm, leave it as it is, go on with the others.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
}

/// A random number that marks a write, so that a writer whose answer was lost recognises its own success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WriteId(pub u64);

/// A monitor as it is stored, with what the store keeps beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The monitor.
    pub monitor: Monitor,
    /// When it is looked at next, as stored.
    pub wake_at: Option<Timestamp>,
    /// Whether [`Store::extend`] may move its deadline without a look, as stored.
    pub ordinary: bool,
    /// When it is forgotten, as stored.
    pub expires_at: Option<Timestamp>,
    /// Which of the store's shards it is due in.
    pub shard: u16,
    /// The last write.
    pub write_id: WriteId,
}

impl Stored {
    /// Whether the two differ at most in their wake time and their last write.
    pub fn is_like(&self, other: &Self) -> bool {
        self.monitor == other.monitor && self.ordinary == other.ordinary && self.expires_at == other.expires_at
    }
}

/// What is there under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A monitor.
    Monitor(Box<Stored>),
    /// A person deleted it not long ago: a late ping must not bring it back.
    Deleted,
    /// Nothing, or something that has expired.
    Nothing,
}

/// The ordinary ping: a plain success that only moves the deadline. One write, no read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extend {
    /// Which monitor.
    pub id: MonitorId,
    /// When the ping was received; of several, the last.
    pub at: Timestamp,
    /// How many pings it counts: those that came together are written together.
    pub pings: NonZeroU32,
    /// The settle time: a deadline passed by less still counts as kept.
    pub settle: std::time::Duration,
    /// How far it moves the deadline.
    pub reach: Reach,
    /// Marks this write.
    pub write_id: WriteId,
    /// What history keeps of it. Best effort where it costs a write of its own; it never decides the answer.
    pub row: Option<Row>,
    /// When it keeps it.
    pub keep: Keep,
}

/// How far an [`Extend`] moves the deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By the stored window: arithmetic, of whoever has an interval.
    Window {
        /// The interval that the ping carries: it must be the stored one.
        interval: Option<Interval>,
        /// The grace that the ping carries: it must be the stored one.
        grace: Option<Grace>,
    },
    /// To an instant that was computed from a cron line that is known, if nothing but pings has come since.
    To(CronRun),
}

/// The run of a cron line that an [`Extend`] counts for. That the stored revision is `rev` says that it is an ordinary
/// monitor with this line: whatever makes it another moves its revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CronRun {
    /// The revision at which the line was seen.
    pub rev: Rev,
    /// What the stored deadline must be.
    pub from: Stands,
    /// What it becomes.
    pub due_at: Timestamp,
    /// When the monitor is forgotten after it; `None` = never.
    pub expires_at: Option<Timestamp>,
}

/// What the deadline must be that an [`Extend`] of a cron line moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// At most this: the ping counts for a run that has been.
    AtMost(Timestamp),
    /// This: the run before has had its ping, and this one counts for the run to come.
    At(Timestamp),
}

impl Stands {
    /// Whether a deadline is so.
    pub fn holds(self, due_at: Timestamp) -> bool {
        match self {
            Self::AtMost(most) => due_at <= most,
            Self::At(at) => due_at == at,
        }
    }
}

/// When history keeps the row of an [`Extend`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Always.
    Always,
    /// When the ping came after the expected moment, in its grace or its settle time.
    IfLate,
}

/// What became of an [`Extend`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extended {
    /// The deadline is moved (by this call, or by an earlier one with the same write id).
    Done,
    /// It needs a look: this is what is there.
    Declined(Found),
}

/// What a [`Change`] makes of what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// A new monitor, where nothing is, or something that has expired.
    Created(Box<Stored>),
    /// The same, where a tombstone may be, too: a person wants it back.
    Defined(Box<Stored>),
    /// `before` becomes `after`: only the attributes that differ are written.
    Changed {
        /// What the decision was made from.
        before: Box<Stored>,
        /// What it made of it.
        after: Box<Stored>,
        /// What must not have changed in between, besides the revision.
        rests_on: RestsOn,
    },
    /// A tombstone until `until`, where revision `before` is.
    Deleted {
        /// What was looked at.
        before: Box<Stored>,
        /// When the name may be used again.
        until: Timestamp,
    },
}

/// A decision, to be stored if what it rests on still holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which monitor.
    pub id: MonitorId,
    /// What becomes of it.
    pub becomes: Becomes,
    /// When it was decided.
    pub at: Timestamp,
    /// Marks this write.
    pub write_id: WriteId,
    /// What history keeps of it.
    pub rows: Vec<Row>,
    /// Keys that are made with it: all of it is stored, or nothing.
    pub keys: Vec<KeyRecord>,
}

/// What became of a [`Change`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is stored (by this call, or by an earlier one with the same write id).
    Done,
    /// What it rests on does not hold: this is what is there.
    Conflict(Found),
}

/// Moves the wake time of something that was seen and not acted on, so that it does not starve the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deferral {
    /// Which monitor.
    pub id: MonitorId,
    /// The wake time that was seen.
    pub seen: Timestamp,
    /// The wake time that it gets; `None` = it need not be looked at.
    pub until: Option<Timestamp>,
}

/// What became of a [`Deferral`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deferred {
    /// It is moved.
    Done,
    /// The wake time is no longer the one that was seen.
    Stale,
}

/// Something that must be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which item. It may be corrupt, or deleted by now.
    pub id: MonitorId,
    /// Since when.
    pub wake_at: Timestamp,
}

/// A part of a listing.
#[derive(Clone, Debug)]
pub struct Page<C> {
    /// The items, each by itself: one that is corrupt hides no other.
    pub items: Vec<Result<Stored, Corrupt>>,
    /// Where the next page starts; `None` when this is the last.
    pub next: Option<C>,
}

/// A part of everything, so that several can be walked beside each other: `number` of `of`, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Which part.
    pub number: u16,
    /// Of how many, at least 1.
    pub of: u16,
}

impl Part {
    /// Everything in one.
    pub const WHOLE: Self = Self { number: 0, of: 1 };

    /// All parts of a walk in `of` parts.
    pub fn all(of: u16) -> impl Iterator<Item = Self> {
        let of = of.max(1);
        (0..of).map(move |number| Self { number, of })
    }
}

/// Which of `shards` a monitor is due in: a hash that every version computes alike.
pub fn shard_of(id: &MonitorId, shards: u16) -> u16 {
    let hash = crc32fast::hash(id.to_string().as_bytes());
    u16::try_from(hash % u32::from(shards.max(1))).unwrap_or(0)
}

/// How far back before `since` a [`Store::feed`] reads: what was written late is found by whoever reads on from there.
pub const FEED_OVERLAP: std::time::Duration = std::time::Duration::from_secs(10);

/// Where monitors, keys, history and the directory are kept.
#[async_trait]
pub trait Store: Send + Sync {
    /// What is there under `id` at `now`; strongly consistent.
    async fn find(&self, id: &MonitorId, now: Timestamp) -> Result<Found, StoreError>;

    /// The ordinary ping: moves the deadline as far as [`Reach`] says, if the stored item is ordinary and `at` is newer and not
    /// too late.
    async fn extend(&self, extend: Extend) -> Result<Extended, StoreError>;

    /// Stores a decision.
    async fn commit(&self, change: Change) -> Result<Committed, StoreError>;

    /// Ends a delivery attempt: guarded by the lease's owner and the entry alone. `rows` go into history with it.
    async fn settle(
        &self,
        id: &MonitorId,
        settlement: Settlement,
        now: Timestamp,
        rows: Vec<Row>,
    ) -> Result<Settled, StoreError>;

    /// Moves the wake time of what was seen and not acted on.
    async fn defer(&self, deferral: Deferral) -> Result<Deferred, StoreError>;

    /// How many shards what is due is divided into, at least 1.
    fn shards(&self) -> u16;

    /// Which shard a monitor is due in that is stored now.
    fn shard_for(&self, id: &MonitorId) -> u16 {
        shard_of(id, self.shards())
    }

    /// What must be looked at in `shard` by `now`, earliest first, at most `limit`.
    async fn due(&self, shard: u16, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError>;

    /// When the next item must be looked at, over all shards; `None` when none must.
    async fn next_wake(&self) -> Result<Option<Timestamp>, StoreError>;

    /// A project's monitors by slug, after `after`, at most `limit`.
    async fn list(
        &self,
        project: &Project,
        after: Option<&Slug>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Slug>, StoreError>;

    /// In how many parts a whole walk goes fastest, at least 1.
    fn sweep_parts(&self) -> u16 {
        1
    }

    /// Every monitor of every project in `part`, after `after`, at most `limit`, in an order of the store's own: what the
    /// auditor walks. Together the parts of one number of parts hold everything once.
    async fn sweep(
        &self,
        part: Part,
        after: Option<&MonitorId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<MonitorId>, StoreError>;

    /// The newest rows of a monitor's history before `before`, newest first, at most `limit`.
    async fn history(&self, id: &MonitorId, before: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError>;

    /// The newest rows of the histories of a project's monitors before `before`, newest first, at most `limit`. Of one instant
    /// they are ordered by their tag and then their slug, the greatest first.
    async fn project_history(&self, project: &Project, before: Timestamp, limit: usize)
    -> Result<Vec<Row>, StoreError>;

    /// What has happened to a project's monitors since [`FEED_OVERLAP`] before `since`, oldest first; of what has happened
    /// since `since` at most `limit`, at least 2. Who reads on from the newest row that they have sees some rows again, and
    /// misses none that was written within the overlap.
    async fn feed(&self, project: &Project, since: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError>;

    /// The newest attempts to deliver on a project's channel before `before`, newest first, at most `limit`: rows of history
    /// that are [`Happening::Delivery`](crate::history::Happening::Delivery).
    async fn deliveries(
        &self,
        project: &Project,
        channel: &ChannelName,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;

    /// The entry of the directory at this place; strongly consistent.
    async fn entry(&self, pk: &str, sk: &str) -> Result<Option<Entry>, StoreError>;

    /// The entries of the directory under `pk`, by `sk`; strongly consistent.
    async fn entries(&self, pk: &str) -> Result<Vec<Entry>, StoreError>;

    /// Stores an entry of the directory, if what is there is of the revision before it: revision 1 where nothing is. The
    /// same entry again is done.
    async fn put_entry(&self, entry: Entry) -> Result<Put, StoreError>;

    /// The key of this hash; strongly consistent.
    async fn find_key(&self, hash: KeyHash) -> Result<Option<KeyRecord>, StoreError>;

    /// Stores a key, over one of the same hash.
    async fn put_key(&self, key: KeyRecord) -> Result<(), StoreError>;

    /// All keys, oldest first.
    async fn keys(&self) -> Result<Vec<KeyRecord>, StoreError>;

    /// Whether the store can be read and written just now.
    async fn ready(&self) -> Result<(), StoreError>;
}
