//! What has happened to a check: its pings, what they printed, and its flips.

use std::{borrow::Cow, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use heartbeat_core::{
    Monitor, MonitorId, Signal, Timestamp,
    history::{Happening, PingRow, Row},
    key::Scope,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    check::{Version, instant},
    refusal::Refusal,
};
use crate::{Shared, error::ApiError, json, percent, percent::Plus, query};

/// How many pings are shown: what Healthchecks keeps of a free account.
const PINGS: usize = 100;
/// How many rows of history are read to find them: besides pings there are deliveries and edits.
const ROWS: usize = 300;
/// How many rows are read at once, and how often, to find flips.
const PAGE: usize = 500;
const PAGES: usize = 20;
/// Where the number of a ping stands in `/api/v3/checks/{id}/pings/{n}/body`.
const NUMBER: usize = 6;

#[derive(Serialize, ToSchema)]
#[schema(as = CheckPings)]
pub(crate) struct PingsView {
    pings: Vec<PingView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CheckPing)]
pub(crate) struct PingView {
    #[serde(rename = "type")]
    kind: &'static str,
    date: String,
    n: u64,
    /// How it came is not kept.
    scheme: &'static str,
    remote_addr: Option<String>,
    method: &'static str,
    ua: String,
    rid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<f64>,
    body_url: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CheckFlip)]
pub(crate) struct FlipView {
    timestamp: String,
    up: u8,
}

/// A ping of history, with its number.
struct Numbered {
    n: u64,
    at: Timestamp,
    ping: PingRow,
}

/// `GET /api/v3/checks/{id}/pings/`: the newest first.
pub(super) async fn pings(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let caller = api.caller(&head, body, Scope::Write).await?;
    let monitor = api.check(&head.uri, &caller.key).await?;
    let base = format!("{}{}", api.sees(&head, &caller.key).base, head.uri.path().trim_end_matches('/'));
    let has_bodies = Version::of(head.uri.path()) > Version::V1;
    let view = |one: Numbered| {
        let body_url = (has_bodies && !one.ping.body.is_empty()).then(|| format!("{base}/{}/body", one.n));
        PingView::new(one, body_url)
    };
    let pings = api.numbered_pings(&monitor).await?.into_iter().map(view).collect();
    Ok(json(StatusCode::OK, &PingsView { pings })?)
}

/// `GET /api/v3/checks/{id}/pings/{n}/body`: what the job printed.
pub(super) async fn body(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let caller = api.caller(&head, body, Scope::Write).await?;
    let monitor = api.check(&head.uri, &caller.key).await?;
    let n = percent::segment(&head.uri, NUMBER)?.parse().unwrap_or(0);
    let one = api.numbered_pings(&monitor).await?.into_iter().find(|one: &Numbered| one.n == n);
    let text = one.map(|one| one.ping.body).filter(|body| !body.is_empty()).ok_or(ApiError::UnknownPath)?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// `GET /api/v3/checks/{id}/flips/?seconds=&start=&end=`: the newest first.
pub(super) async fn flips(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let caller = api.caller(&head, body, Scope::Read).await?;
    let monitor = api.check(&head.uri, &caller.key).await?;
    let (from, until) = span(&head.uri, api.flow.clock.now())?;
    let flips: Vec<FlipView> = api.flips(&monitor.id, from, until).await?.into_iter().map(FlipView::from).collect();
    // They document an array, and answer with an object.
    Ok(json(StatusCode::OK, &serde_json::json!({ "flips": flips }))?)
}

impl PingView {
    fn new(one: Numbered, body_url: Option<String>) -> Self {
        let Numbered { n, at, ping } = one;
        Self {
            kind: match ping.signal {
                Signal::Success | Signal::Exit(0) => "success",
                Signal::Fail | Signal::Exit(_) => "fail",
                Signal::Start => "start",
                Signal::Log => "log",
            },
            date: at.format_utc("%Y-%m-%dT%H:%M:%S.%6f+00:00"),
            n,
            scheme: "",
            remote_addr: ping.from,
            method: "",
            ua: ping.agent.unwrap_or_default(),
            rid: ping.run,
            duration: ping.took_ms.map(|took| Duration::from_millis(took).as_secs_f64()),
            body_url,
        }
    }
}

/// A moment at which an incident began, or ended.
struct Flip {
    at: Timestamp,
    up: u8,
}

impl Flip {
    fn of(row: &Row) -> Option<Self> {
        match &row.happening {
            Happening::Opened { since, .. } => Some(Self { at: *since, up: 0 }),
            Happening::Recovered { .. } => Some(Self { at: row.at, up: 1 }),
            Happening::Ping(_)
            | Happening::Reminded { .. }
            | Happening::Paused { .. }
            | Happening::Resumed { .. }
            | Happening::Deleted { .. }
            | Happening::Edited(_)
            | Happening::Delivery(_) => None,
        }
    }
}

impl From<Flip> for FlipView {
    fn from(flip: Flip) -> Self {
        Self { timestamp: instant(flip.at), up: flip.up }
    }
}

/// From when and until when flips are asked for.
fn span(uri: &Uri, now: Timestamp) -> Result<(Timestamp, Timestamp), ApiError> {
    let (mut from, mut until) = (Timestamp::EPOCH, Timestamp::MAX);
    for (name, value) in query::pairs(uri.query()) {
        let value = percent::decode(value, Plus::Space).unwrap_or(Cow::Borrowed(value));
        let number = || value.parse::<u32>().map_err(|_| ApiError::BadQuery(format!("`{name}` is not a number")));
        match name {
            "seconds" => from = from.max(now.minus(Duration::from_secs(number()?.into()))),
            "start" => from = from.max(Timestamp::from_secs(number()?.into())),
            "end" => until = Timestamp::from_secs(number()?.into()),
            _ => {}
        }
    }
    Ok((from, until))
}

impl Shared {
    /// The newest pings of a check, with their numbers: the newest has the number of all, and so on down. They are exact where
    /// history keeps every ping.
    async fn numbered_pings(&self, monitor: &Monitor) -> Result<Vec<Numbered>, ApiError> {
        let rows = self.in_time(self.flow.store.history(&monitor.id, Timestamp::MAX, ROWS)).await??;
        let pings = rows.into_iter().filter_map(|row| match row.happening {
            Happening::Ping(ping) => Some((row.at, ping)),
            Happening::Opened { .. }
            | Happening::Recovered { .. }
            | Happening::Reminded { .. }
            | Happening::Paused { .. }
            | Happening::Resumed { .. }
            | Happening::Deleted { .. }
            | Happening::Edited(_)
            | Happening::Delivery(_) => None,
        });
        let number = |(before, (at, ping))| Numbered { n: monitor.ping_count.saturating_sub(before), at, ping };
        Ok((0_u64..).zip(pings).take(PINGS).map(number).collect())
    }

    async fn flips(&self, id: &MonitorId, from: Timestamp, until: Timestamp) -> Result<Vec<Flip>, ApiError> {
        let (mut flips, mut before) = (Vec::new(), Timestamp::MAX);
        for _ in 0..PAGES {
            let rows = self.in_time(self.flow.store.history(id, before, PAGE)).await??;
            let asked = |flip: &Flip| flip.at >= from && flip.at < until;
            flips.extend(rows.iter().filter_map(Flip::of).filter(asked));
            match rows.last() {
                Some(last) if rows.len() == PAGE && last.at >= from => before = last.at,
                Some(_) | None => break,
            }
        }
        Ok(flips)
    }
}
