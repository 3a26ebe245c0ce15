//! How long the runs of a monitor took.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use heartbeat_core::{
    Timestamp,
    chronicle::runtime::Runtime,
    history::{Happening, Row},
    key::Scope,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Of, asked::RuntimeQuery};
use crate::{Shared, error::ApiError, json};

/// How many rows are read: those of a run a minute in ten days.
const MAX_SCANNED: usize = 30_000;
/// How many at once.
const AT_ONCE: usize = 5_000;
const DAY: Duration = Duration::from_hours(24);

#[derive(Serialize, ToSchema)]
#[schema(as = Runtime)]
pub(crate) struct RuntimeView {
    monitor: String,
    /// From when on all runs are seen that history keeps: later than asked for, where history is shorter, or there are too
    /// many rows.
    from: String,
    until: String,
    /// How many rows of history were looked at.
    rows: usize,
    count: usize,
    min_ms: Option<u64>,
    mean_ms: Option<u64>,
    p95_ms: Option<u64>,
    max_ms: Option<u64>,
    last_ms: Option<u64>,
    /// When the last of them ended.
    last_at: Option<String>,
}

/// `GET /api/v1/monitors/{slug}/runtime?days=`.
pub(super) async fn of_monitor(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Read).await?;
    let asked = RuntimeQuery::parse(head.uri.query())?;
    let monitor = api.named(&head, &key).await?;
    let now = api.flow.clock.now();
    let from = now.minus(DAY.saturating_mul(asked.days.into())).max(api.history_from(now)).max(monitor.created_at);
    let mut walk = api.walk(Of::Monitor(monitor.id.clone()), Timestamp::MAX, None, AT_ONCE);
    let rows = api.in_time(walk.back_to(from, MAX_SCANNED)).await??;
    let runs: Vec<(Timestamp, u64)> = rows.iter().filter_map(run).collect();
    let runtime = Runtime::of(&runs.iter().map(|(_, took_ms)| *took_ms).collect::<Vec<_>>());
    let view = RuntimeView {
        monitor: monitor.id.slug.to_string(),
        from: walk.reached(from).to_string(),
        until: now.to_string(),
        rows: rows.len(),
        count: runs.len(),
        min_ms: runtime.map(|runtime| runtime.min),
        mean_ms: runtime.map(|runtime| runtime.mean),
        p95_ms: runtime.map(|runtime| runtime.p95),
        max_ms: runtime.map(|runtime| runtime.max),
        last_ms: runtime.map(|runtime| runtime.last),
        last_at: runs.first().map(|(at, _)| at.to_string()),
    };
    json(StatusCode::OK, &view)
}

/// When a run ended, and how long it took.
fn run(row: &Row) -> Option<(Timestamp, u64)> {
    if let Happening::Ping(ping) = &row.happening { Some((row.at, ping.took_ms?)) } else { None }
}
