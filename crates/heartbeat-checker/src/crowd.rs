//! Whether so many monitors fall silent at once that it is rather we who cannot hear.

use futures_util::{StreamExt, future, stream};
use heartbeat_core::{
    Context, MonitorId, Timestamp,
    flow::{Crowd, Own},
    outage::{CROWD, EARLY, STALE},
    store::{Due, Found},
};

use crate::{Checker, look::SIDE_BY_SIDE};

impl Checker {
    /// The context to judge what is due in: before anything is flipped, it is seen whether we may be deaf.
    pub(crate) async fn context_of(&self, due: &[Due], now: Timestamp, deadline: Timestamp) -> Context {
        let context = match self.flow.assess_hearing(!due.is_empty()).await {
            Ok(context) => context,
            Err(error) => {
                tracing::warn!(%error, "it cannot be seen whether pings are received: what was known of it holds");
                self.flow.context_of_old(now)
            }
        };
        if due.len() <= CROWD || !self.flow.hearing.is_on() || context.outages.open().is_some() {
            return context;
        }
        match self.crowd_of(due, &context, deadline).await {
            Some(crowd) if !self.has_canary_passed(now).await => match self.flow.suspect_crowd(crowd).await {
                Ok(_) => self.flow.context(now),
                Err(error) => {
                    tracing::error!(%error, "a crowd fell silent, and it cannot be written down: nothing is held");
                    context
                }
            },
            Some(_) | None => context,
        }
    }

    /// Those of what is due that are about to be called silent; `None` where it is not known how many there are in all.
    async fn crowd_of(&self, due: &[Due], context: &Context, deadline: Timestamp) -> Option<Crowd> {
        let active = self.active().await?;
        let ids: Vec<MonitorId> = due.iter().map(|due| due.id.clone()).collect();
        let in_time = |_: &MonitorId| future::ready(self.flow.clock.now() < deadline);
        let expected = stream::iter(ids).take_while(in_time).map(|id| self.fell_silent(id, context));
        let expected: Vec<Option<Timestamp>> = expected.buffer_unordered(SIDE_BY_SIDE).collect().await;
        let expected: Vec<Timestamp> = expected.into_iter().flatten().collect();
        Some(Crowd { silent: expected.len(), active, since: expected.iter().min().copied()? })
    }

    /// When a monitor that is about to be called silent was first expected.
    async fn fell_silent(&self, id: MonitorId, context: &Context) -> Option<Timestamp> {
        if id.project.is_operator() {
            return None;
        }
        let Ok(Found::Monitor(stored)) = self.flow.store.find(&id, context.now).await else { return None };
        let due = stored.monitor.due_at()?;
        let is_silent = stored.monitor.settled_at(context).due_at().is_none();
        let grace = stored.monitor.grace;
        let period = stored.monitor.schedule.awaited(due, grace).period;
        is_silent.then(|| due.minus(grace.duration()).minus(EARLY.min(period / 10)))
    }

    async fn has_canary_passed(&self, now: Timestamp) -> bool {
        let heard = self.flow.last_evidence_of(Own::Canary, now).await;
        heard.is_ok_and(|heard| heard.is_some_and(|at| now.since(at) <= STALE))
    }
}
