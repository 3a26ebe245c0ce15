//! Uptime of a monitor by day and by month, in the time zone that is asked for.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use heartbeat_core::{
    Monitor, Status, StoreError, Timestamp,
    chronicle::{
        Chronicle,
        calendar::Period,
        uptime::{Known, Timeline},
    },
    key::Scope,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Of, asked::UptimeQuery};
use crate::{Shared, error::ApiError, json};

/// How many rows are read: a month of a ping a minute, and a little.
const MAX_SCANNED: usize = 50_000;
/// How many at once: what they tell is mostly passed over.
const AT_ONCE: usize = 5_000;
/// How much later than it happened a recovery may be told: by a ping that waited in a spool.
const LATE: Duration = Duration::from_hours(24);

#[derive(Serialize, ToSchema)]
#[schema(as = Uptime)]
pub(crate) struct UptimeView {
    monitor: String,
    timezone: String,
    /// From when on all is known; what was before counts as unknown.
    known_from: String,
    days: Vec<PeriodView>,
    months: Vec<PeriodView>,
}

/// A day or a month, or what of it has been.
#[derive(Serialize, ToSchema)]
#[schema(as = Period)]
pub(crate) struct PeriodView {
    period: String,
    from: String,
    until: String,
    up_s: u64,
    down_s: u64,
    unknown_s: u64,
    /// Up, of what is known; `null` where nothing is.
    ratio: Option<f64>,
    /// How many incidents began.
    incidents: usize,
}

/// `GET /api/v1/monitors/{slug}/uptime?days=&months=&tz=`.
pub(super) async fn of_monitor(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Read).await?;
    let asked = UptimeQuery::parse(head.uri.query())?;
    let monitor = api.named(&head, &key).await?;
    let now = api.flow.clock.now();
    let (days, months) = (asked.calendar.days(now, asked.days), asked.calendar.months(now, asked.months));
    let first = days.last().into_iter().chain(months.last()).map(|period| period.from).min().unwrap_or(now);
    let (timeline, known_from) = api.in_time(api.timeline(&monitor, first, now)).await??;
    let shown = |periods: Vec<Period>| periods.iter().map(|period| view(period, &timeline, now)).collect();
    let view = UptimeView {
        monitor: monitor.id.slug.to_string(),
        timezone: asked.calendar.zone().to_owned(),
        known_from: known_from.to_string(),
        days: shown(days),
        months: shown(months),
    };
    json(StatusCode::OK, &view)
}

fn view(period: &Period, timeline: &Timeline, now: Timestamp) -> PeriodView {
    let until = period.until.min(now);
    let uptime = timeline.between(period.from, until);
    PeriodView {
        period: period.name.clone(),
        from: period.from.to_string(),
        until: until.to_string(),
        up_s: uptime.up_s,
        down_s: uptime.down_s,
        unknown_s: uptime.unknown_s,
        ratio: uptime.ratio(),
        incidents: uptime.incidents,
    }
}

impl Shared {
    /// A monitor's time from `first` on, and from when on all of it is known.
    async fn timeline(
        &self,
        monitor: &Monitor,
        first: Timestamp,
        now: Timestamp,
    ) -> Result<(Timeline, Timestamp), StoreError> {
        let context = self.flow.context_of_silence(now).await;
        let settled = monitor.settled_at(&context);
        let first = first.max(self.history_from(now)).max(settled.created_at);
        let mut walk = self.walk(Of::Monitor(settled.id.clone()), unchanged_since(&settled), None, AT_ONCE);
        let rows = walk.back_to(first, MAX_SCANNED).await?;
        let from = walk.reached(first);
        let chronicle = Chronicle::of(&rows).with_monitor(Some(&settled), now);
        let known = Known { monitor: &settled, now, from, outages: context.outages.windows() };
        Ok((Timeline::of(&chronicle, &known), from))
    }
}

/// Since when nothing can have happened to a monitor that it does not tell itself: rows from here on need not be read.
fn unchanged_since(settled: &Monitor) -> Timestamp {
    match &settled.status {
        Status::New => settled.created_at,
        Status::Ok { since, .. } | Status::Paused { since, .. } => since.plus(LATE),
        Status::Overdue { incident } => incident.since.plus(LATE),
    }
}
