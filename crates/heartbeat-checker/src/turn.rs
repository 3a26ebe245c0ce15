//! The turn to audit: of all checkers over one store, one at a time walks everything, and writes into the directory how far
//! it has come, so that another can go on where it was broken off.
//!
//! What is written saves work and nothing else rests on it: a claim goes stale, a claim that cannot be read is none, and
//! where the directory fails everybody audits by themselves.

use std::{sync::PoisonError, time::Duration};

use futures_util::lock::Mutex;
use heartbeat_core::{
    MonitorId, Store, StoreError, Timestamp,
    directory::{Entry, Put},
    outbox::Owner,
    store::Part,
};
use serde::{Deserialize, Serialize};

use crate::{Audit, Checker, census::Census};

/// How often everything is walked, whatever the index says.
pub(crate) const AUDIT_EVERY: Duration = Duration::from_mins(10);
/// How long nothing need be heard of an auditor before another goes on in its place: many times what a few pages take.
const STALE: Duration = Duration::from_mins(2);
/// How many pages are walked between two marks of how far it has come.
const PAGES_A_MARK: usize = 4;
/// How often something is written whose answer was lost.
const ATTEMPTS: u32 = 3;

const PK: &str = "checker";
const SK: &str = "audit";

/// What became of asking for the turn.
#[derive(Clone, Debug)]
pub enum Turn {
    /// It is not due, or another checker has it: ask again at this moment.
    Later(Timestamp),
    /// It was ours: this is what we found.
    Taken(Audit),
}

/// What the directory says of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    started_at: Timestamp,
    /// Who is at it; nobody when it was broken off in good order.
    by: Option<Owner>,
    /// When they last said so.
    seen_at: Timestamp,
    parts: Vec<Progress>,
    /// How many monitors were active when everything was last walked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    active: Option<usize>,
}

/// How far a part has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The last monitor that was seen; none = it starts at the beginning.
    after: Option<String>,
    pub(crate) done: bool,
    pub(crate) active: usize,
    pub(crate) missed: usize,
    /// Monitors by status.
    #[serde(default, skip_serializing_if = "Census::is_empty")]
    pub(crate) census: Census,
}

impl Progress {
    pub(crate) fn after(&self) -> Option<MonitorId> {
        self.after.as_deref().and_then(MonitorId::parse)
    }

    /// A page is done, and the next one starts at `next`.
    pub(crate) fn go_on(&mut self, next: Option<MonitorId>) {
        self.done = next.is_none();
        self.after = next.map(|id| id.to_string());
    }
}

impl Claim {
    pub(crate) fn new(now: Timestamp, by: Owner, parts: u16) -> Self {
        let parts = vec![Progress::default(); usize::from(parts.max(1))];
        Self { started_at: now, by: Some(by), seen_at: now, parts, active: None }
    }

    fn is_done(&self) -> bool {
        self.parts.iter().all(|part| part.done)
    }

    /// How many monitors were active when everything was last walked.
    fn last_active(&self) -> Option<usize> {
        let walked = self.is_done().then(|| self.parts.iter().map(|part| part.active).sum());
        walked.or(self.active)
    }

    /// When somebody else may take it. One that is from the future was written by a wrong clock and binds nobody.
    fn free_at(&self, now: Timestamp) -> Timestamp {
        let (since, bound) = match (self.is_done(), self.by) {
            (true, _) => (self.started_at, AUDIT_EVERY),
            (false, Some(_)) => (self.seen_at, STALE),
            (false, None) => return now,
        };
        if since > now.plus(STALE) { now } else { since.plus(bound) }
    }

    /// The claim of `by` after this one: what is left of it, or everything anew.
    fn taken_over(self, now: Timestamp, by: Owner, parts: u16) -> Self {
        if self.is_done() || self.parts.len() != usize::from(parts.max(1)) {
            return Self { active: self.last_active(), ..Self::new(now, by, parts) };
        }
        tracing::warn!(started_at = %self.started_at.to_rfc3339_seconds(), "going on with an audit that was broken off");
        Self { by: Some(by), seen_at: now, ..self }
    }
}

/// Who has the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Us,
    Another,
}

/// How far an audit of ours has come, and what the directory says of it.
pub(crate) struct Book(Mutex<Written>);

struct Written {
    claim: Claim,
    /// As it was last written; none where nobody else is told.
    entry: Option<Entry>,
    pages: usize,
    holder: Holder,
}

impl Book {
    /// An audit that nobody else is told of.
    pub(crate) fn of_nobody_else(claim: Claim) -> Self {
        Self::new(claim, None)
    }

    fn new(claim: Claim, entry: Option<Entry>) -> Self {
        Self(Mutex::new(Written { claim, entry, pages: 0, holder: Holder::Us }))
    }

    pub(crate) async fn parts(&self) -> u16 {
        u16::try_from(self.0.lock().await.claim.parts.len()).unwrap_or(u16::MAX)
    }

    pub(crate) async fn progress(&self, part: Part) -> Progress {
        self.0.lock().await.claim.parts.get(usize::from(part.number)).cloned().unwrap_or_default()
    }

    /// Monitors by status, those counted by who was broken off included.
    pub(crate) async fn census(&self) -> Census {
        self.0.lock().await.claim.parts.iter().map(|part| part.census).fold(Census::default(), Census::and)
    }

    /// How many monitors are active and how many were missed, those found by who was broken off included.
    pub(crate) async fn counts(&self) -> (usize, usize) {
        let written = self.0.lock().await;
        let parts = &written.claim.parts;
        (parts.iter().map(|part| part.active).sum(), parts.iter().map(|part| part.missed).sum())
    }

    /// A page of `part` is done; now and then that is marked. Says who goes on.
    pub(crate) async fn turn_page(&self, part: Part, progress: Progress, store: &dyn Store, now: Timestamp) -> Holder {
        let mut written = self.0.lock().await;
        if let Some(mark) = written.claim.parts.get_mut(usize::from(part.number)) {
            *mark = progress;
        }
        written.pages += 1;
        if written.pages.is_multiple_of(PAGES_A_MARK) {
            written.mark(store, now).await;
        }
        written.holder
    }

    /// We go on no further: it is done, or anybody may go on.
    pub(crate) async fn close(&self, store: &dyn Store, now: Timestamp) {
        let mut written = self.0.lock().await;
        let owner = written.claim.by.take();
        if written.holder == Holder::Us {
            written.write(store, now, owner).await;
        }
    }
}

impl Written {
    async fn mark(&mut self, store: &dyn Store, now: Timestamp) {
        let owner = self.claim.by;
        self.write(store, now, owner).await;
    }

    /// Writes the claim over ours, the claim of `owner`. A directory that fails is no reason to end.
    async fn write(&mut self, store: &dyn Store, now: Timestamp, owner: Option<Owner>) {
        self.claim.seen_at = now;
        for _ in 0..ATTEMPTS {
            let Some(before) = &self.entry else { return };
            let next = before.next(&self.claim);
            match put(store, &next).await {
                Ok(Put::Done) => {
                    self.entry = Some(next);
                    return;
                }
                // A mark of ours whose answer was lost has been stored after all.
                Ok(Put::Conflict(Some(there))) if is_of(&there, owner, self.claim.started_at) => {
                    self.entry = Some(there);
                }
                Ok(Put::Conflict(_)) => {
                    self.holder = Holder::Another;
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "could not mark how far the audit has come");
                    return;
                }
            }
        }
    }
}

fn is_of(entry: &Entry, owner: Option<Owner>, started_at: Timestamp) -> bool {
    entry.read::<Claim>().is_ok_and(|claim| claim.by == owner && claim.started_at == started_at)
}

/// Stores `entry`, again while the answer is lost.
async fn put(store: &dyn Store, entry: &Entry) -> Result<Put, StoreError> {
    let mut attempts = 1;
    loop {
        match store.put_entry(entry.clone()).await {
            Err(StoreError::Unknown(_)) if attempts < ATTEMPTS => attempts += 1,
            Ok(Put::Conflict(Some(there))) if there == *entry => return Ok(Put::Done),
            answer => return answer,
        }
    }
}

impl Checker {
    /// Audits if it is due and no other checker over this store does; goes on where one was broken off. Ends at `deadline`,
    /// if there is one, and leaves the rest to the next who asks for the turn.
    pub async fn audit_until(&self, deadline: Option<Timestamp>) -> Turn {
        match self.take_turn().await {
            Ok(book) => Turn::Taken(self.walk(&book, deadline).await),
            Err(later) => Turn::Later(later),
        }
    }

    /// How many monitors are active, as they were last counted, by us or by another; `None` = nobody ever has.
    pub(crate) async fn active(&self) -> Option<usize> {
        let counted = *self.active.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.is_some() {
            return counted;
        }
        let entry = self.flow.store.entry(PK, SK).await.ok().flatten()?;
        entry.read::<Claim>().ok()?.last_active()
    }

    pub(crate) fn count_active(&self, active: usize) {
        *self.active.lock().unwrap_or_else(PoisonError::into_inner) = Some(active);
    }

    /// The turn, or when to ask for it again.
    async fn take_turn(&self) -> Result<Book, Timestamp> {
        let (store, now, parts) = (self.flow.store.as_ref(), self.flow.clock.now(), self.flow.store.sweep_parts());
        let anew = Claim::new(now, self.owner, parts);
        let there = match store.entry(PK, SK).await {
            Ok(there) => there,
            Err(error) => return Ok(by_ourselves(anew, &error)),
        };
        let claim = match there.as_ref().map(Entry::read::<Claim>) {
            Some(Ok(claim)) if claim.free_at(now) > now => return Err(claim.free_at(now)),
            Some(Ok(claim)) => claim.taken_over(now, self.owner, parts),
            Some(Err(error)) => {
                tracing::error!(%error, "a claim of the audit cannot be understood, auditing anew");
                anew.clone()
            }
            None => anew.clone(),
        };
        let entry = there.map_or_else(|| Entry::first(PK, SK, &claim), |there| there.next(&claim));
        match put(store, &entry).await {
            Ok(Put::Done) => Ok(Book::new(claim, Some(entry))),
            Ok(Put::Conflict(_)) => Err(now.plus(STALE)),
            Err(error) => Ok(by_ourselves(anew, &error)),
        }
    }
}

fn by_ourselves(claim: Claim, error: &StoreError) -> Book {
    tracing::warn!(%error, "the directory cannot be used: auditing whether others do or not");
    Book::of_nobody_else(claim)
}
