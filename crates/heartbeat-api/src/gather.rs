//! Pings of a job that pings without a pause are gathered, and written together.
//!
//! A ping is never refused and never answered without a durable write that covers it; a limit can only make it wait. So a
//! plain success of a monitor that has used up its rate waits a moment for others of its kind, and one write carries the time
//! of the last and the count of all. It is written like this only where the store finds an ordinary monitor whose deadline the
//! last of them still keeps: then all before it kept it, too, and what is left is what each by itself would have left. In
//! every other case nothing was written, and each goes its own way. Whatever says more than that all is well, such as a
//! failure or a body, is never gathered.
//!
//! What a monitor has used up is kept in a table of fixed size. Two that meet in one place of it share nothing: the one with
//! the larger debt stays, and the other is not limited meanwhile.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use heartbeat_core::{
    MonitorId, Signal, StoreError, Timestamp,
    flow::{Flow, Sender, Together},
};

use crate::{
    bucket::{PAID, Taking},
    config::Gathering,
    ping::Arrived,
};

/// How many monitors' debts are kept: 96 kB.
const PLACES: usize = 4_096;

type Answer = Result<Together, StoreError>;
/// The way to the write of those that gathered.
pub(crate) type Trip = Shared<BoxFuture<'static, Answer>>;
type Waiting = Mutex<HashMap<MonitorId, Party>>;

/// Gathers.
pub(crate) struct Gatherer {
    /// Well inside the time in which a ping is given up, which runs on meanwhile.
    wait: Duration,
    taking: Taking,
    hasher: RandomState,
    places: Box<[Mutex<Place>]>,
    waiting: Arc<Waiting>,
}

/// The debt of one monitor.
#[derive(Clone, Copy)]
struct Place {
    of: u64,
    paid_at: Timestamp,
}

/// Pings of one monitor that wait to be written. Whoever waits keeps its trip going; when nobody does, it ends.
struct Party {
    trip: WeakShared<BoxFuture<'static, Answer>>,
    gathered: Gathered,
}

struct Gathered {
    /// Tells it from one before it.
    number: u64,
    pings: NonZeroU32,
    sender: Sender,
    last: Timestamp,
}

impl Gatherer {
    /// Nobody has pinged yet.
    pub(crate) fn new(setting: Gathering, give_up: Duration) -> Self {
        let places = (0..PLACES).map(|_| Mutex::new(Place { of: 0, paid_at: PAID })).collect();
        Self {
            wait: setting.wait.min(give_up / 4),
            taking: Taking::new(setting.rate),
            hasher: RandomState::new(),
            places,
            waiting: Arc::default(),
        }
    }

    /// What a ping waits for that is not to be written by itself.
    pub(crate) fn gather(&self, flow: &Flow, id: &MonitorId, arrived: &Arrived) -> Option<Trip> {
        (is_plain(arrived) && self.is_beyond_rate(id, arrived.at)).then(|| self.join(flow, id, arrived))
    }

    /// Whether the monitor has used up its rate; else it has a little more afterwards.
    fn is_beyond_rate(&self, id: &MonitorId, now: Timestamp) -> bool {
        let of = self.hasher.hash_one(id);
        let place = usize::try_from(of).unwrap_or(usize::MAX).checked_rem(self.places.len());
        let Some(place) = place.and_then(|place| self.places.get(place)) else { return false };
        let mut there = lock(place);
        let is_its_own = there.of == of;
        let mut paid_at = if is_its_own { there.paid_at } else { PAID };
        let is_beyond = self.taking.take(&mut paid_at, now).is_err();
        if is_its_own || paid_at > there.paid_at {
            *there = Place { of, paid_at };
        }
        is_beyond
    }

    fn join(&self, flow: &Flow, id: &MonitorId, arrived: &Arrived) -> Trip {
        let mut waiting = lock(&self.waiting);
        if let Some(party) = waiting.get_mut(id)
            && let Some(trip) = party.trip.upgrade()
        {
            party.gathered.add(arrived);
            return trip;
        }
        let number = flow.random.next();
        let ticket = Ticket { id: id.clone(), number, waiting: Arc::clone(&self.waiting) };
        let (flow, wait) = (flow.clone(), self.wait);
        let trip = async move {
            flow.clock.sleep(wait).await;
            let Some(Gathered { pings, sender, last, .. }) = ticket.close() else { return Ok(Together::Apart) };
            flow.record_together(&ticket.id, pings, sender, last).await
        };
        let trip = trip.boxed().shared();
        if let Some(weak) = trip.downgrade() {
            let gathered =
                Gathered { number, pings: NonZeroU32::MIN, sender: arrived.sender.clone(), last: arrived.at };
            waiting.insert(id.clone(), Party { trip: weak, gathered });
        }
        trip
    }
}

impl Gathered {
    fn add(&mut self, arrived: &Arrived) {
        self.pings = self.pings.saturating_add(1);
        if arrived.at > self.last {
            (self.last, self.sender) = (arrived.at, arrived.sender.clone());
        }
    }
}

/// Takes a party off the list before it is written, or when nobody waits for it any more.
struct Ticket {
    id: MonitorId,
    number: u64,
    waiting: Arc<Waiting>,
}

impl Ticket {
    /// What has gathered; whoever comes later gathers anew.
    fn close(&self) -> Option<Gathered> {
        let mut waiting = lock(&self.waiting);
        waiting.get(&self.id).filter(|party| party.gathered.number == self.number)?;
        waiting.remove(&self.id).map(|party| party.gathered)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.close();
    }
}

/// Whether it says that all is well, and nothing else.
fn is_plain(Arrived { ping, sender, .. }: &Arrived) -> bool {
    ping.signal == Signal::Success
        && ping.run.is_none()
        && ping.schedule.is_none()
        && ping.grace.is_none()
        && ping.at.is_none()
        && ping.metadata.is_none()
        && ping.body.as_str().is_empty()
        && sender.notes.is_empty()
}

fn lock<T>(there: &Mutex<T>) -> MutexGuard<'_, T> {
    there.lock().unwrap_or_else(PoisonError::into_inner)
}
