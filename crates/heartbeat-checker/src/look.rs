//! Looking: everything that is due is re-read, decided and committed, with the leases of what will be sent.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, time::Duration};

use futures_util::{FutureExt, StreamExt, TryStreamExt, future, stream};
use heartbeat_core::{
    Context, Event, Monitor, MonitorId, StoreError, Telling, Timestamp, Transition, decide,
    delivery::{self, LEASE},
    item::Corrupt,
    outbox::{Claim, Lease},
    store::{Becomes, Committed, Deferral, Due, Found, Stored},
};

use crate::{
    Checker,
    meters::Heard,
    switchboard::{Connection, Line},
};

/// How much of what is due one pass takes from a shard; the rest is taken by the next, which follows at once.
pub(crate) const PASS_LIMIT: usize = 5_000;
/// How long a look may take: most of the leases that it takes is for sending.
const LONGEST_LOOK: Duration = Duration::from_secs(LEASE.as_secs() / 3);
/// How many items are looked at at the same time: enough to fill the store's group commits.
pub(crate) const SIDE_BY_SIDE: usize = 128;
/// How many shards are asked at the same time.
const SHARDS_SIDE_BY_SIDE: usize = 8;
/// How often an item is decided again when somebody is quicker, before it is left for the next pass.
const ATTEMPTS: u32 = 8;
/// How long something is left alone that could not be acted on just now.
const HOLD: Duration = Duration::from_secs(1);
/// How long a corrupt item is left alone.
const CORRUPT_HOLD: Duration = Duration::from_mins(10);

/// One message to be: tellings for one channel, all leased to us.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// For whom.
    pub(crate) to: Connection,
    /// What it tells.
    pub(crate) tellings: Vec<Telling>,
    /// Which attempt this is for each telling, from 1.
    pub(crate) attempts: Vec<u32>,
    /// When our leases end.
    pub(crate) until: Timestamp,
}

/// What a look found.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// How many items were looked at.
    pub looked: usize,
    /// How many of them are corrupt.
    pub corrupt: usize,
    /// How many could not be looked at just now: the store is not well.
    pub failed: usize,
    /// Whether there was more than one pass takes, or than there was time for.
    pub more: bool,
    /// How many incidents were opened and closed by what time alone has made true.
    pub flips: usize,
    /// Since when the oldest of what was due has been.
    pub oldest_due: Option<Timestamp>,
    /// Since when the oldest news that was seen has been waiting to be told.
    pub oldest_untold: Option<Timestamp>,
    /// What is to be sent.
    pub parcels: Vec<Parcel>,
}

impl Look {
    /// What is not sent by `deadline` is not ours to send any more: its leases end, and it is claimed again.
    pub fn send_until(&mut self, deadline: Timestamp) {
        for parcel in &mut self.parcels {
            parcel.until = parcel.until.min(deadline);
        }
    }
}

/// What a look is made by.
pub(crate) struct Sight {
    /// What is known of time.
    pub(crate) context: Context,
    /// By then everything is to be sent, where there is a moment by which it must.
    pub(crate) send_until: Option<Timestamp>,
}

impl Sight {
    /// Whether a message may still be sent that starts at `now`.
    fn leaves_time_for(&self, to: &Connection, now: Timestamp) -> bool {
        self.send_until.is_none_or(|until| now.plus(to.channel.time_out()) <= until)
    }
}

/// What came of looking at one item.
#[derive(Default)]
pub(crate) struct Glance {
    pub(crate) claimed: Vec<Claimed>,
    pub(crate) flips: usize,
    pub(crate) oldest_untold: Option<Timestamp>,
    pub(crate) corrupt: bool,
    pub(crate) failed: bool,
}

/// One notification that is leased to us.
pub(crate) struct Claimed {
    to: Connection,
    telling: Telling,
    attempt: u32,
}

impl Checker {
    /// Looks at everything that is due, and takes the leases of what is to be sent.
    pub async fn look(&self) -> Result<Look, StoreError> {
        self.look_until(None, None).await
    }

    /// The same, the oldest first, and nothing more once `deadline` has passed, or so much of a lease that what was claimed
    /// first could not be sent any more. The next look goes on with the rest. Nothing is claimed that might not be sent by
    /// `send_until`: whoever looks next claims it.
    pub async fn look_until(
        &self,
        deadline: Option<Timestamp>,
        send_until: Option<Timestamp>,
    ) -> Result<Look, StoreError> {
        let began = self.flow.clock.now();
        let look = self.look_over(deadline, send_until).await;
        let now = self.flow.clock.now();
        let heard = if self.flow.context(now).outages.open().is_some() { Heard::Perhaps } else { Heard::Yes };
        self.meters.looked(&look, heard, began, now);
        look
    }

    async fn look_over(&self, deadline: Option<Timestamp>, send_until: Option<Timestamp>) -> Result<Look, StoreError> {
        self.flush_unsettled().await;
        let now = self.flow.clock.now();
        let longest = now.plus(LONGEST_LOOK);
        let deadline = deadline.map_or(longest, |deadline| deadline.min(longest));
        let shards = stream::iter(0..self.flow.store.shards());
        let due = shards.map(|shard| self.flow.store.due(shard, now, PASS_LIMIT)).buffered(SHARDS_SIDE_BY_SIDE);
        let (due, ()) = future::join(due.try_collect(), self.canary.call(now)).await;
        let due: Vec<Vec<Due>> = due?;
        let full = due.iter().any(|shard| shard.len() >= PASS_LIMIT);
        let mut due: Vec<Due> = due.into_iter().flatten().collect();
        due.sort_by_key(|due| due.wake_at);
        let (all, oldest_due) = (due.len(), due.first().map(|due| due.wake_at));
        let sight = &Sight { context: self.context_of(&due, now, deadline).await, send_until };
        let in_time = |_: &Due| future::ready(self.flow.clock.now() < deadline);
        let glances = stream::iter(due).take_while(in_time).map(|due| self.look_at_due(due, sight));
        let glances: Vec<Glance> = glances.buffered(SIDE_BY_SIDE).collect().await;
        self.tell_operator_of_troubles().await;
        let more = full || glances.len() < all;
        Ok(Look { more, oldest_due, ..gather(glances, now) })
    }

    /// Looks at one item of the index. What goes wrong with it is said here, and delays no other.
    async fn look_at_due(&self, due: Due, sight: &Sight) -> Glance {
        let looked = AssertUnwindSafe(self.look_at(&due.id, sight)).catch_unwind().await;
        let (hold, glance) = match looked {
            Ok(Ok(Some(glance))) => return glance,
            Ok(Ok(None)) => (None, Glance::default()),
            Ok(Err(StoreError::Corrupt(corrupt))) => {
                report_corrupt(&corrupt);
                self.meters.found_corrupt();
                (Some(CORRUPT_HOLD), Glance { corrupt: true, ..Glance::default() })
            }
            Ok(Err(error)) => {
                tracing::warn!(monitor = %due.id, %error, "could not look at a monitor, will try again");
                self.meters.store_failed(&error);
                (Some(HOLD), Glance { failed: true, ..Glance::default() })
            }
            Err(_) => {
                tracing::error!(monitor = %due.id, "a look at a monitor panicked: a bug of ours, the others go on");
                (Some(CORRUPT_HOLD), Glance { corrupt: true, ..Glance::default() })
            }
        };
        self.defer(&due, hold).await;
        glance
    }

    async fn defer(&self, due: &Due, hold: Option<Duration>) {
        let until = hold.map(|hold| self.flow.clock.now().plus(hold));
        let deferral = Deferral { id: due.id.clone(), seen: due.wake_at, until };
        if let Err(error) = self.flow.store.defer(deferral).await {
            tracing::warn!(monitor = %due.id, %error, "could not defer a monitor");
        }
    }

    /// Decides what time has made of a monitor and claims what can be sent; `None` when there is nothing to look at.
    pub(crate) async fn look_at(&self, id: &MonitorId, sight: &Sight) -> Result<Option<Glance>, StoreError> {
        let mut found = self.flow.store.find(id, self.flow.clock.now()).await?;
        for _ in 0..ATTEMPTS {
            let Found::Monitor(stored) = found else { return Ok(None) };
            match self.act(*stored, sight).await? {
                Acted::Done(glance) => return Ok(Some(glance)),
                Acted::Conflict(now_there) => found = now_there,
            }
        }
        Err(StoreError::Unavailable("others are quicker".to_owned()))
    }

    async fn act(&self, before: Stored, sight: &Sight) -> Result<Acted, StoreError> {
        let now = self.flow.clock.now();
        let context = Context { now, ..sight.context.clone() };
        let mut decision = decide(&before.monitor, &Event::Tick, &context);
        let claimed = self.claim(&mut decision.monitor, sight, now).await;
        if decision.monitor != before.monitor {
            decision.monitor.rev = before.monitor.rev.next();
        }
        let claimed = claimed.into_iter().map(|(to, claim)| Claimed {
            telling: Telling::new(&decision.monitor, &claim.channel, claim.notice),
            to,
            attempt: claim.attempt,
        });
        let claimed = claimed.collect();
        let flips = decision.transitions.iter().filter(|transition| is_flip(transition)).count();
        let oldest_untold = decision.monitor.outbox.oldest();
        let seen = before.wake_at;
        let held_until = decision.monitor.held_until(&context);
        let mut change = self.flow.change(before, decision, now);
        let Becomes::Changed { before, after, .. } = &mut change.becomes else {
            return Ok(Acted::Done(Glance::default()));
        };
        self.hold_back(after, held_until, now);
        // One that the index does not have at all is stored anew: a deferral moves only what is there.
        if before.is_like(after) && (seen.is_some() || after.wake_at.is_none()) {
            self.move_wake(&change.id, seen, after.wake_at).await?;
            return Ok(Acted::Done(Glance { oldest_untold, ..Glance::default() }));
        }
        Ok(match self.flow.commit(change).await? {
            Committed::Done => Acted::Done(Glance { claimed, flips, oldest_untold, ..Glance::default() }),
            Committed::Conflict(found) => Acted::Conflict(found),
        })
    }

    /// Routes what a monitor has to tell, and takes the leases of what can be sent now. Where its channels are not known just
    /// now, it waits: what has happened is stored all the same.
    async fn claim(&self, monitor: &mut Monitor, sight: &Sight, now: Timestamp) -> Vec<(Connection, Claim)> {
        if monitor.outbox.is_empty() {
            return Vec::new();
        }
        let book = match self.switchboard.book(self.flow.store.as_ref(), &monitor.id.project, now).await {
            Ok(book) => book,
            Err(error) => {
                tracing::warn!(monitor = %monitor.id, %error, "the channels of a project cannot be read: its news wait");
                return Vec::new();
            }
        };
        let routing = book.routing.chosen(monitor.channels.as_ref());
        monitor.outbox.route(&routing, now);
        if routing.is_empty() && monitor.outbox.unrouted.is_some() {
            tracing::error!(monitor = %monitor.id, "there is nobody to tell");
            self.troubles.note(format!(
                "There is nobody to tell of {}: its project has no channel that is enabled.",
                monitor.id
            ));
        }
        let lease = Lease { owner: self.owner, until: now.plus(LEASE) };
        let claims = monitor.outbox.claim(lease, now, |channel| {
            let is_open = |to: &Connection| self.gates.is_open(&to.line, now) && sight.leaves_time_for(to, now);
            book.get(channel).is_some_and(is_open) && !self.is_unsettled(&monitor.id, channel)
        });
        claims.into_iter().filter_map(|claim| Some((book.get(&claim.channel)?.clone(), claim))).collect()
    }

    /// What is due but cannot be acted on (its channel is busy, or has asked us to wait; its silence is held) is held back a
    /// moment, so that it does not starve the others.
    fn hold_back(&self, after: &mut Stored, held_until: Option<Timestamp>, now: Timestamp) {
        if let Some(held_until) = held_until {
            after.wake_at = after.monitor.outbox.wake_at().into_iter().chain([held_until]).min();
        }
        if after.wake_at.is_some_and(|at| at <= now) {
            // To the whole second, so that all that is held back comes back together, and goes into one message.
            let hold = Timestamp::from_secs(now.plus(HOLD).as_secs() + 1);
            after.wake_at = Some(self.gates.next_opening(now).min(now.plus(LEASE)).max(hold));
        }
    }

    async fn move_wake(
        &self,
        id: &MonitorId,
        seen: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        if let Some(seen) = seen
            && until != Some(seen)
        {
            self.flow.store.defer(Deferral { id: id.clone(), seen, until }).await?;
        }
        Ok(())
    }
}

/// Groups what was claimed by line, and divides it into messages.
pub(crate) fn gather(glances: Vec<Glance>, now: Timestamp) -> Look {
    let looked = glances.len();
    let corrupt = glances.iter().filter(|glance| glance.corrupt).count();
    let failed = glances.iter().filter(|glance| glance.failed).count();
    let flips = glances.iter().map(|glance| glance.flips).sum();
    let oldest_untold = glances.iter().filter_map(|glance| glance.oldest_untold).min();
    let mut by_line: BTreeMap<Line, (Connection, Vec<Telling>, Vec<u32>)> = BTreeMap::new();
    for Claimed { to, telling, attempt } in glances.into_iter().flat_map(|glance| glance.claimed) {
        let (_, tellings, attempts) = by_line.entry(to.line.clone()).or_insert_with(|| (to, Vec::new(), Vec::new()));
        tellings.push(telling);
        attempts.push(attempt);
    }
    let until = now.plus(LEASE);
    let parcels = by_line.into_values().flat_map(|(to, tellings, attempts)| {
        let ranges = delivery::messages(tellings.len());
        ranges.into_iter().filter_map(move |range| {
            let tellings = tellings.get(range.clone())?.to_vec();
            let attempts = attempts.get(range)?.to_vec();
            Some(Parcel { to: to.clone(), tellings, attempts, until })
        })
    });
    Look { looked, corrupt, failed, flips, oldest_untold, parcels: parcels.collect(), ..Look::default() }
}

/// Whether it is a change between well and not well.
fn is_flip(transition: &Transition) -> bool {
    match transition {
        Transition::Opened { .. } | Transition::Recovered { .. } => true,
        Transition::Reminded { .. } | Transition::Paused | Transition::Resumed => false,
    }
}

enum Acted {
    Done(Glance),
    Conflict(Found),
}

pub(crate) fn report_corrupt(corrupt: &Corrupt) {
    tracing::error!(item = %corrupt.id, reason = %corrupt.reason, "an item cannot be understood and is left as it is");
}
