//! Walking everything: the auditor's way, and the `sweep` detector's, where reading all costs less than moving an index
//! entry with every ping.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::try_join_all;

use super::{
    DynamoStore,
    expression::Expression,
    journal::Told,
    look::{present, start_behind},
    request::{Failure, read},
    shape::{DELETED_UNTIL, Item, WAKE_AT, id_of, instant, is_expired, micros, number, stored},
    shared::{Detector, MAX_SHARDS, Shared},
};
use crate::{
    monitor::MonitorId,
    store::{Due, Page, Part, StoreError},
    time::Timestamp,
};

/// Past this far behind its time an unreadable item is due: at once, and again after each deferral.
const ALWAYS: Timestamp = Timestamp::EPOCH;

impl DynamoStore {
    pub(super) async fn sweep_page(
        &self,
        part: Part,
        after: Option<&MonitorId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<MonitorId>, StoreError> {
        let (items, next) = self.scan(part, after, Some(limit)).await?;
        for item in &items {
            self.heal(item).await;
        }
        let computed = self.computes_wake_times();
        let items = items.into_iter().filter_map(|item| present(item, now, computed));
        Ok(Page { items: items.collect(), next })
    }

    /// Hands over what an interrupted write has left for history.
    async fn heal(&self, item: &Item) {
        if let Some(id) = id_of(item) {
            let waiting = Told::of(&id, item);
            if !waiting.is_empty() {
                self.drain(&id, waiting).await;
            }
        }
    }

    /// One page of a walk, and where the next starts.
    async fn scan(
        &self,
        part: Part,
        after: Option<&MonitorId>,
        limit: Option<usize>,
    ) -> Result<(Vec<Item>, Option<MonitorId>), StoreError> {
        let mut request = self
            .client
            .scan()
            .table_name(&self.tables.monitors)
            .set_limit(limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
            .set_exclusive_start_key(start_behind(after));
        if part.of > 1 {
            request = request.segment(part.number.into()).total_segments(part.of.into());
        }
        let page = read(self.monitors("Scan"), request.send()).await?;
        Ok((page.items.unwrap_or_default(), page.last_evaluated_key.as_ref().and_then(id_of)))
    }

    /// What is due in `part`, by reading all of it.
    pub(super) async fn due_by_sweep(&self, part: Part, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        let mut waking = self.waking(part, now).await?;
        let next = waking.iter().map(|due| due.wake_at).filter(|wake_at| *wake_at > now).min();
        self.horizon.note(part, next);
        waking.retain(|due| due.wake_at <= now);
        waking.sort_by(|one, other| (one.wake_at, &one.id).cmp(&(other.wake_at, &other.id)));
        waking.truncate(limit);
        Ok(waking)
    }

    /// When the first item must be looked at: as the last pass saw it, else by reading everything.
    pub(super) async fn earliest_by_sweep(&self) -> Result<Option<Timestamp>, StoreError> {
        if let Some(next) = self.horizon.take(self.segments) {
            return Ok(next);
        }
        let now = self.clock.now();
        let parts = try_join_all(Part::all(self.segments).map(|part| self.waking(part, now))).await?;
        Ok(parts.into_iter().flatten().map(|due| due.wake_at).min())
    }

    /// When everything in `part` must be looked at.
    async fn waking(&self, part: Part, now: Timestamp) -> Result<Vec<Due>, StoreError> {
        let settle = self.shared().settle();
        let (mut waking, mut after) = (Vec::new(), None);
        loop {
            let (items, next) = self.scan(part, after.as_ref(), None).await?;
            waking.extend(items.into_iter().filter_map(|item| wake(item, settle, now)));
            after = next;
            if after.is_none() {
                return Ok(waking);
            }
        }
    }

    /// Divides what is due into more shards. It only grows; writers follow when every reader knows.
    pub async fn grow_shards(&self, shards: u16) -> Result<Shared, StoreError> {
        let now = self.clock.now();
        self.change_shared(|shared| {
            if shards < shared.shards || shards > MAX_SHARDS {
                let text = format!("the number of shards only grows: from {} up to {MAX_SHARDS}", shared.shards);
                return Err(StoreError::Unavailable(text));
            }
            Ok(shared.grown(shards, now))
        })
        .await
    }

    /// Finds what is due by reading everything from now on; writers leave wake times out when every reader knows.
    pub async fn enter_sweep(&self) -> Result<Shared, StoreError> {
        let now = self.clock.now();
        self.change_shared(|shared| match shared.detector {
            Detector::Index | Detector::Leaving => Ok(shared.sweeping(now)),
            Detector::Sweep => Ok(shared),
        })
        .await
    }

    /// Starts to leave `sweep`: wake times are written again, and everything is still read. To be finished by
    /// [`Self::finish_leaving_sweep`] when everybody knows.
    pub async fn start_leaving_sweep(&self) -> Result<Shared, StoreError> {
        let now = self.clock.now();
        self.change_shared(|shared| match shared.detector {
            Detector::Sweep => Ok(shared.leaving(now)),
            Detector::Index | Detector::Leaving => Ok(shared),
        })
        .await
    }

    /// Writes the wake times that are missing, and trusts the index from then on. Answers how many were missing.
    pub async fn finish_leaving_sweep(&self) -> Result<u64, StoreError> {
        let shared = self.shared();
        match shared.detector {
            Detector::Index => return Ok(0),
            Detector::Sweep => return Err(StoreError::Unavailable("leaving has not been started".to_owned())),
            Detector::Leaving => {}
        }
        if self.clock.now() < shared.writers_follow_at {
            let left = shared.writers_follow_at.since(self.clock.now()).as_secs();
            let text = format!("not everybody writes wake times yet: try again in {left} s");
            return Err(StoreError::Unavailable(text));
        }
        let parts = Part::all(self.segments).map(|part| self.backfill(part, shared.settle()));
        let written = try_join_all(parts).await?.into_iter().sum();
        self.change_shared(|shared| Ok(Shared { detector: Detector::Index, ..shared })).await?;
        Ok(written)
    }

    async fn backfill(&self, part: Part, settle: Duration) -> Result<u64, StoreError> {
        let (mut written, mut after) = (0, None);
        loop {
            let (items, next) = self.scan(part, after.as_ref(), None).await?;
            for item in items {
                written += u64::from(self.write_wake_time(item, settle).await?);
            }
            after = next;
            if after.is_none() {
                return Ok(written);
            }
        }
    }

    /// Writes a wake time that is missing; whoever writes the item in between writes it, too.
    async fn write_wake_time(&self, item: Item, settle: Duration) -> Result<bool, StoreError> {
        if item.contains_key(WAKE_AT) || item.contains_key(DELETED_UNTIL) {
            return Ok(false);
        }
        let Some(id) = id_of(&item) else { return Ok(false) };
        let (wake_at, shard) = match stored(item) {
            Ok(stored) => (stored.monitor.wake_at(settle), stored.shard),
            // It stays in sight, so that the alarm is raised.
            Err(_) => (Some(ALWAYS), 0),
        };
        let Some(wake_at) = wake_at else { return Ok(false) };
        let mut expression = Expression::default();
        let missing = expression.name(WAKE_AT);
        expression.require(format!("attribute_not_exists({missing})"));
        let id_name = expression.name(super::tables::ID);
        expression.require(format!("attribute_exists({id_name})"));
        expression.set(WAKE_AT, micros(wake_at));
        expression.set("shard", number(shard));
        match self.update(id, &expression).await {
            Ok(_) => Ok(true),
            Err(Failure::Declined(_)) => Ok(false),
            Err(Failure::Store(error)) => Err(error),
        }
    }
}

/// When an item must be looked at, if it ever must.
fn wake(item: Item, settle: Duration, now: Timestamp) -> Option<Due> {
    if item.contains_key(DELETED_UNTIL) || is_expired(&item, now) {
        return None;
    }
    let id = id_of(&item)?;
    let wake_at = match instant(&item, WAKE_AT) {
        Some(wake_at) => wake_at,
        None => stored(item).map_or(Some(ALWAYS), |stored| stored.monitor.wake_at(settle))?,
    };
    Some(Due { id, wake_at })
}

/// What the last pass saw to come, part by part: so that asking for it does not mean to read everything again.
#[derive(Debug, Default)]
pub(super) struct Horizon(Mutex<BTreeMap<u16, Option<Timestamp>>>);

impl Horizon {
    fn note(&self, part: Part, next: Option<Timestamp>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(part.number, next);
    }

    /// What comes first, if every part was seen since this was last asked.
    #[expect(clippy::option_option, reason = "not seen, or seen that nothing comes")]
    fn take(&self, parts: u16) -> Option<Option<Timestamp>> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = std::mem::take(&mut *seen);
        (seen.len() == usize::from(parts)).then(|| seen.into_values().flatten().min())
    }
}
