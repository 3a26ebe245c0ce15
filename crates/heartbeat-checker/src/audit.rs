//! The auditor: walks everything, whatever the index says, and looks at what the index has missed.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::{FutureExt, future::join_all};
use heartbeat_core::{
    Context, Event, Monitor, MonitorId, Status, StoreError, Timestamp, decide,
    delivery::LEASE,
    item::Corrupt,
    store::{Page, Part, Stored},
};

use crate::{
    Checker,
    look::{Glance, Look, Sight, gather, report_corrupt},
    turn::{Book, Claim, Holder, Progress},
};

/// How many items are read at a time.
const PAGE: usize = 500;
/// The longest that something due is held back on purpose: until a channel opens, at most a lease, by a clock that may
/// differ from ours by 5 s. (Above that an instance is not ready.)
const HELD: Duration = Duration::from_secs(LEASE.as_secs() + 5);

/// What an audit found.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// How many monitors there are that could become overdue, or are.
    pub active: usize,
    /// How many items the index would not have brought in time. Each is a bug or a damaged store.
    pub missed: usize,
    /// Since when the oldest news has been waiting to be told, of all that this checker walked.
    pub oldest_untold: Option<Timestamp>,
    /// What was found to tell, by this checker.
    pub look: Look,
    /// How it ended.
    pub end: End,
}

/// How an audit ended. What is left of one that is broken off is done by the next who takes the turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// Everything was walked.
    #[default]
    Complete,
    /// Its time was up.
    Deadline,
    /// It took so long that another checker goes on with it.
    Overtaken,
    /// The store failed.
    Failed(StoreError),
}

impl Checker {
    /// Walks everything now, whoever else does, and looks at what the index has missed.
    pub async fn audit(&self) -> Result<Audit, StoreError> {
        let claim = Claim::new(self.flow.clock.now(), self.owner, self.flow.store.sweep_parts());
        let audit = self.walk(&Book::of_nobody_else(claim), None).await;
        match audit.end {
            End::Failed(error) => Err(error),
            End::Complete | End::Deadline | End::Overtaken => Ok(audit),
        }
    }

    /// Walks what `book` says is left, its parts beside each other, and looks at what the index has missed.
    pub(crate) async fn walk(&self, book: &Book, deadline: Option<Timestamp>) -> Audit {
        self.flush_unsettled().await;
        if let Err(error) = self.flow.assess_hearing(false).await {
            tracing::warn!(%error, "it cannot be seen whether pings are received: what was known of it holds");
        }
        let (_, missed_before) = book.counts().await;
        let parts = Part::all(book.parts().await).map(|part| self.walk_part(part, book, deadline));
        let walked = join_all(parts).await;
        let now = self.flow.clock.now();
        book.close(self.flow.store.as_ref(), now).await;
        let (active, missed) = book.counts().await;
        let found_at = walked.iter().filter_map(|part| part.found_at).min().unwrap_or(now);
        let oldest_untold = walked.iter().filter_map(|part| part.oldest_untold).min();
        let walked_in_trouble = walked.iter().map(|part| part.in_trouble).sum();
        let (mut glances, mut end) = (Vec::new(), End::Complete);
        for part in walked {
            glances.extend(part.glances);
            end = end.or(part.end);
        }
        if end == End::Complete {
            self.count_active(active);
            self.tell_operator_of_peace(walked_in_trouble).await;
        }
        let audit = Audit { active, missed, oldest_untold, look: gather(glances, found_at), end };
        self.meters.audited(&audit, book.census().await, missed.saturating_sub(missed_before), now);
        audit
    }

    async fn walk_part(&self, part: Part, book: &Book, deadline: Option<Timestamp>) -> Walked {
        let (mut walked, mut progress) = (Walked::default(), book.progress(part).await);
        while !progress.done {
            let now = self.flow.clock.now();
            if deadline.is_some_and(|deadline| now >= deadline) {
                walked.end = End::Deadline;
                break;
            }
            let page = match self.flow.store.sweep(part, progress.after().as_ref(), PAGE, now).await {
                Ok(page) => page,
                Err(error) => {
                    walked.end = End::Failed(error);
                    break;
                }
            };
            self.audit_page(page, &mut progress, &mut walked).await;
            let now = self.flow.clock.now();
            if book.turn_page(part, progress.clone(), self.flow.store.as_ref(), now).await == Holder::Another {
                walked.end = End::Overtaken;
                break;
            }
        }
        walked
    }

    async fn audit_page(&self, page: Page<MonitorId>, progress: &mut Progress, walked: &mut Walked) {
        // What was read is as old as this at most: nothing in it was held back from a later moment.
        let now = self.flow.clock.now();
        // As all others know it by now: what they have put off because of an outage of ours was not missed.
        let context = self.flow.context_of_silence(now).await;
        for item in page.items {
            let untold = item.as_ref().ok().and_then(|stored| stored.monitor.outbox.oldest());
            walked.oldest_untold = walked.oldest_untold.into_iter().chain(untold).min();
            walked.in_trouble += usize::from(item.as_ref().is_ok_and(|stored| is_in_trouble(stored, now)));
            let audited = AssertUnwindSafe(self.audit_item(item, &context, progress)).catch_unwind().await;
            let glance = audited.unwrap_or_else(|_| {
                tracing::error!("the audit of a monitor panicked: a bug of ours, the others go on");
                Some(Glance { corrupt: true, ..Glance::default() })
            });
            if let Some(glance) = glance {
                walked.found_at.get_or_insert(now);
                walked.glances.push(glance);
            }
        }
        progress.go_on(page.next);
    }

    async fn audit_item(
        &self,
        item: Result<Stored, Corrupt>,
        context: &Context,
        progress: &mut Progress,
    ) -> Option<Glance> {
        let stored = match item {
            Ok(stored) => stored,
            Err(corrupt) => {
                report_corrupt(&corrupt);
                self.meters.found_corrupt();
                return Some(Glance { corrupt: true, ..Glance::default() });
            }
        };
        progress.census.count(&stored.monitor, context.now);
        progress.active += usize::from(is_active(&stored.monitor.status));
        let id = &stored.monitor.id;
        match self.missed(&stored, context).await {
            Missed::Surely => {
                progress.missed += 1;
                tracing::error!(monitor = %id, "the index has missed a monitor, looking at it now");
            }
            Missed::Perhaps(error) => {
                tracing::warn!(monitor = %id, %error, "the index may have missed a monitor, looking at it now");
            }
            Missed::No if is_behind(&stored, context.now) => {
                tracing::warn!(monitor = %id, "nobody has looked at a monitor in time, looking at it now");
            }
            Missed::No => return None,
        }
        self.look_at(id, &Sight { context: context.clone(), send_until: None }).await.unwrap_or_else(|error| {
            tracing::warn!(monitor = %id, %error, "could not look at a missed monitor");
            None
        })
    }

    /// Whether the index missed it, also by what is known just now: somebody else may have put it off in the last seconds,
    /// knowing of the end of an outage of ours. Where that cannot be asked, it is looked at, and nobody is blamed.
    async fn missed(&self, stored: &Stored, context: &Context) -> Missed {
        if !self.is_missed(stored, context) {
            return Missed::No;
        }
        match self.flow.assess_hearing(false).await {
            Ok(context) if self.is_missed(stored, &context) => Missed::Surely,
            Ok(_) => Missed::No,
            Err(error) => Missed::Perhaps(error),
        }
    }

    /// Whether the index would bring it later than it must be looked at, by any clock: who put it off may have known of a
    /// later moment than this one.
    fn is_missed(&self, stored: &Stored, context: &Context) -> bool {
        let ahead = Context { now: context.now.plus(HELD), ..context.clone() };
        let decision = decide(&stored.monitor, &Event::Tick, &ahead);
        let should = if decision.monitor == stored.monitor {
            let held = stored.monitor.held_until(&ahead);
            let outbox = stored.monitor.outbox.wake_at();
            held.map_or_else(
                || stored.monitor.wake_at(self.flow.settings.settle),
                |held| outbox.into_iter().chain([held]).min(),
            )
        } else {
            Some(ahead.now)
        };
        should.is_some_and(|should| stored.wake_at.is_none_or(|at| at > should.max(ahead.now)))
    }
}

/// Whether the index would have brought an item in time.
enum Missed {
    No,
    /// What is known of outages of ours could not be asked.
    Perhaps(StoreError),
    Surely,
}

/// Whether it should have been looked at by now: passes are behind, or an index does not show what is in its table.
fn is_behind(stored: &Stored, now: Timestamp) -> bool {
    stored.wake_at.is_some_and(|at| at.plus(HELD) < now)
}

/// What came of walking a part.
#[derive(Default)]
struct Walked {
    glances: Vec<Glance>,
    /// When the first of them was: no lease in them began earlier.
    found_at: Option<Timestamp>,
    oldest_untold: Option<Timestamp>,
    /// How many monitors have news that somebody could not be told.
    in_trouble: usize,
    end: End,
}

impl End {
    /// How two parts ended together: what went wrong is told before what ran out of time.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Failed(error), _) | (_, Self::Failed(error)) => Self::Failed(error),
            (Self::Overtaken, _) | (_, Self::Overtaken) => Self::Overtaken,
            (Self::Deadline, _) | (_, Self::Deadline) => Self::Deadline,
            (Self::Complete, Self::Complete) => Self::Complete,
        }
    }
}

/// Whether somebody could not be told of it: a channel has given up, or there is nobody to tell. The operator's own does not
/// count: it is how they hear of the others.
fn is_in_trouble(stored: &Stored, now: Timestamp) -> bool {
    let Monitor { id, outbox, .. } = &stored.monitor;
    let waits_for_nobody = outbox.unrouted.as_ref().is_some_and(|notice| now.since(notice.at) > HELD);
    let gave_up = outbox.lanes.values().any(|lane| lane.gave_up.is_some());
    !id.project.is_operator() && (waits_for_nobody || gave_up)
}

fn is_active(status: &Status) -> bool {
    match status {
        Status::Ok { .. } | Status::Overdue { .. } => true,
        Status::New | Status::Paused { .. } => false,
    }
}
