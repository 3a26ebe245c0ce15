//! The pinging API: `/ping/{uuid}[/signal]` and `/ping/{ping key}/{slug}[/signal]`.
//!
//! The ping key stands in the path and is a secret: of a request only the route's template is logged.

use std::{borrow::Cow, sync::Arc};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use heartbeat_core::{
    Grace, Interval, MonitorId, PingUuid, Schedule,
    flow::{Birth, Came, Recorded},
    key::{ApiKey, Scope},
    ping::MAX_BODY,
};

use super::{
    define::{GRACE_S, TIMEOUT_S},
    name::slug_of,
    refusal::PingRefusal,
};
use crate::{
    Shared,
    address::Client,
    auth::check_monitor,
    error::ApiError,
    percent::{Plus, decode},
    ping::{Arrived, Call, parse_signal},
    query::{self, PingQuery},
};

/// What a path says.
struct Target {
    whose: Whose,
    signal: String,
}

enum Whose {
    Uuid(PingUuid),
    Slug(Result<ApiKey, ApiError>, String),
}

/// `GET|POST|HEAD /ping/…?rid=&create=1`.
pub(super) async fn receive(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, PingRefusal> {
    let (head, body) = request.into_parts();
    let client = Client::of(&head.headers, &head.extensions, api.config.trusted_proxies);
    let target = Target::parse(head.uri.path())?;
    let may_create = matches!(target.whose, Whose::Slug(..)) && creates(head.uri.query());
    let id = api.check_pinged(target.whose, client).await?;
    let (signal, note) = parse_signal(&target.signal)?;
    let mut call = Call::new(&head, client, PingQuery::parse(head.uri.query())?, Birth::Refused).into_text();
    call.sender.notes.extend(note);
    let arrived = api.take_in(signal, call, body).await;
    let recorded = match api.record(&id, arrived.clone()).await {
        Err(ApiError::UnknownMonitor(_)) if may_create => api.record(&id, born(arrived)).await?,
        recorded => recorded?,
    };
    Ok(answer(&recorded))
}

fn creates(query: Option<&str>) -> bool {
    query::pairs(query).any(|pair| pair == ("create", "1"))
}

/// The same, which makes its check as Healthchecks would. Only where there is none: the schedule of one that is there is not
/// to be changed by a ping that says nothing of it.
fn born(mut arrived: Arrived) -> Arrived {
    arrived.sender.birth = Birth::Allowed;
    let ping = &mut arrived.ping;
    if ping.schedule.is_none() {
        ping.schedule = Interval::from_secs(TIMEOUT_S).map(Schedule::Every);
        ping.grace = ping.grace.or_else(|| Grace::from_secs(GRACE_S));
    }
    arrived
}

fn answer(recorded: &Recorded) -> Response {
    let (status, said) = match recorded.came {
        Came::First => (StatusCode::CREATED, "Created"),
        Came::Again => (StatusCode::OK, "OK"),
    };
    let mut response = Response::new(Body::from(said));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert("ping-body-limit", HeaderValue::from(MAX_BODY));
    response
}

impl Target {
    fn parse(path: &str) -> Result<Self, ApiError> {
        let rest = path.strip_prefix("/ping/").ok_or(ApiError::UnknownPath)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let part = |text: &str| decode(text, Plus::Plus).map(Cow::into_owned).ok_or(ApiError::BadPath);
        let (first, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let first = part(first)?;
        if let Some(uuid) = PingUuid::parse(&first) {
            return Ok(Self { whose: Whose::Uuid(uuid), signal: part(rest)? });
        }
        let (slug, signal) = rest.split_once('/').unwrap_or((rest, ""));
        let key = ApiKey::parse(&first).map_err(|_| ApiError::MalformedKey);
        Ok(Self { whose: Whose::Slug(key, part(slug)?), signal: part(signal)? })
    }
}

impl Shared {
    async fn check_pinged(&self, whose: Whose, client: Client) -> Result<MonitorId, ApiError> {
        match whose {
            Whose::Uuid(uuid) => Ok(self.gate.admit_uuid(uuid, client).await?.0),
            Whose::Slug(key, slug) => {
                let key = self.gate.admit_key(&key?, client, Scope::Ping).await?;
                let slug = slug_of(&slug).map_err(ApiError::BadSlug)?;
                check_monitor(&key, &slug)?;
                Ok(Self::id(&key, slug))
            }
        }
    }
}
