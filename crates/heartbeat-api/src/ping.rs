//! The door for pings: understand the request, read its body, stamp it, and answer after the durable write.
//!
//! A ping is stamped as received when its body has been read, not when its head arrived. The settle time must outlast
//! what lies between stamp and durable write, or a checker could call a monitor overdue while a ping from before its
//! deadline is on its way. From here that is at most `give_up`; a slow body would make it seconds more. The price: a job
//! that is still sending its output at its deadline pings when it has sent it.

use std::{net::IpAddr, sync::Arc};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, header, request::Parts},
    response::Response,
};
use heartbeat_core::{
    MonitorId, Ping, PingUuid, Signal, Slug, Timestamp,
    flow::{Birth, Came, PingError, Recorded, Sender, Together},
    key::Scope,
    ping::{Metadata, Note},
    slug::SlugError,
};

use crate::{
    Shared,
    address::{Client, Forwarded},
    answer::answer,
    auth::check_monitor,
    body::read_tail,
    error::ApiError,
    gather::Trip,
    percent::{Plus, decode},
    query::PingQuery,
};

/// The most characters kept of a client's program.
const MAX_AGENT: usize = 100;

/// `GET|POST|HEAD /heartbeat/{slug}[/{signal}]`.
pub(crate) async fn receive(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let client = Client::of(&head.headers, &head.extensions, api.config.trusted_proxies);
    let target = Target::parse(head.uri.path(), &head.headers)?;
    let (id, birth) = api.pinged(target.whose, &head.headers, client).await?;
    let (signal, note) = parse_signal(&target.signal)?;
    let mut call = Call::new(&head, client, PingQuery::parse(head.uri.query())?, birth);
    call.sender.notes.extend(note);
    let recorded = api.receive(&id, signal, call, body).await?;
    answer(&head.headers, &recorded)
}

/// What came with a ping besides its signal and its body.
pub(crate) struct Call {
    pub(crate) query: PingQuery,
    pub(crate) sender: Sender,
    is_json: bool,
}

impl Call {
    /// What `head` and its query say.
    pub(crate) fn new(head: &Parts, client: Client, mut query: PingQuery, birth: Birth) -> Self {
        let sender = Sender { birth, ..sender(&head.headers, client, std::mem::take(&mut query.notes)) };
        Self { query, sender, is_json: says_json(&head.headers) }
    }

    /// The same, whose body is what the job printed, whatever it is called.
    pub(crate) fn into_text(self) -> Self {
        Self { is_json: false, ..self }
    }
}

/// A ping that has come in whole, stamped with when.
#[derive(Clone)]
pub(crate) struct Arrived {
    pub(crate) ping: Ping,
    pub(crate) sender: Sender,
    pub(crate) at: Timestamp,
}

impl Shared {
    /// Reads what came with a ping of `id`, stamps it, and records it.
    pub(crate) async fn receive(
        &self,
        id: &MonitorId,
        signal: Signal,
        call: Call,
        body: Body,
    ) -> Result<Recorded, ApiError> {
        let arrived = self.take_in(signal, call, body).await;
        self.record(id, arrived).await
    }

    /// Reads what came with a ping, and stamps it.
    pub(crate) async fn take_in(&self, signal: Signal, call: Call, body: Body) -> Arrived {
        let Call { query, mut sender, is_json } = call;
        let (mut body, notes) = read_tail(body, self.config.ping_body).await;
        sender.notes.extend(notes);
        let mut metadata = None;
        if is_json && !body.is_empty() {
            metadata = serde_json::from_str(body.as_str()).ok().and_then(Metadata::new);
            match metadata {
                // It is all that the body says.
                Some(_) => body = heartbeat_core::ping::Body::default(),
                None => sender.notes.push(Note::MetadataIgnored),
            }
        }
        let PingQuery { schedule, grace, run, at, .. } = query;
        let ping = Ping { signal, run, schedule, grace, body, metadata, at };
        Arrived::stamped(ping, sender, self.flow.clock.now())
    }

    /// Records what has come in; answered after the durable write. Pings that come faster than any job needs are written
    /// together.
    pub(crate) async fn record(&self, id: &MonitorId, arrived: Arrived) -> Result<Recorded, ApiError> {
        let Some(trip) = self.gatherer.as_ref().and_then(|gatherer| gatherer.gather(&self.flow, id, &arrived)) else {
            return self.record_alone(id, arrived).await;
        };
        // On the heap: the ordinary ping, which needs none of it, would carry it about.
        Box::pin(self.record_together(id, arrived, trip)).await
    }

    /// Records what has come in by a write of its own.
    pub(crate) async fn record_alone(&self, id: &MonitorId, arrived: Arrived) -> Result<Recorded, ApiError> {
        let Arrived { ping, sender, at } = arrived;
        let signal = ping.signal;
        let recorded = self.in_time(self.flow.record_ping(id, ping, sender, at)).await;
        self.tell(id, signal, recorded)
    }

    /// Records it by the write that `trip` ends with, or by one of its own; both in the time that a ping has from its
    /// stamp on.
    async fn record_together(&self, id: &MonitorId, arrived: Arrived, trip: Trip) -> Result<Recorded, ApiError> {
        let Arrived { ping, sender, at } = arrived;
        let signal = ping.signal;
        let recorded = async {
            match trip.await? {
                Together::Written => Ok(Recorded { came: Came::Again, notes: Vec::new() }),
                Together::Apart => self.flow.record_ping(id, ping, sender, at).await,
            }
        };
        let recorded = self.in_time(recorded).await;
        self.tell(id, signal, recorded)
    }

    /// What became of a ping, as the API tells and counts it.
    fn tell(
        &self,
        id: &MonitorId,
        signal: Signal,
        recorded: Result<Result<Recorded, PingError>, ApiError>,
    ) -> Result<Recorded, ApiError> {
        let recorded =
            recorded.and_then(|recorded| recorded.map_err(|error| ApiError::of_ping(error, id.slug.clone())));
        self.meters.ping(signal, recorded.as_ref());
        recorded
    }

    async fn pinged(&self, whose: Whose, headers: &HeaderMap, client: Client) -> Result<(MonitorId, Birth), ApiError> {
        match whose {
            Whose::Slug(slug) => {
                let key = self.gate.admit(headers, client, Scope::Ping).await?;
                let slug = slug.map_err(ApiError::BadSlug)?;
                check_monitor(&key, &slug)?;
                Ok((Self::id(&key, slug), Birth::Allowed))
            }
            Whose::Uuid(uuid) => Ok((self.gate.admit_uuid(uuid, client).await?.0, Birth::Refused)),
        }
    }
}

impl Arrived {
    /// A ping that is received `now`; a time that it claims counts only where it is earlier.
    pub(crate) fn stamped(mut ping: Ping, mut sender: Sender, now: Timestamp) -> Self {
        if ping.at.is_some_and(|at| at > now) {
            sender.notes.push(Note::TimeIgnored);
        }
        ping.at = ping.at.filter(|at| *at < now);
        Self { ping, sender, at: now }
    }
}

fn says_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("application/json"))
}

/// Who sent it, as its headers say.
pub(crate) fn sender(headers: &HeaderMap, client: Client, mut notes: Vec<Note>) -> Sender {
    if client.forwarded == Forwarded::Unreadable {
        notes.push(Note::ForwardedAddressIgnored);
    }
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let from = client.address.as_ref().map(IpAddr::to_string);
    Sender { from, agent: agent.map(|text| text.chars().take(MAX_AGENT).collect()), notes, birth: Birth::Allowed }
}

/// Whose ping it is.
#[derive(Debug, PartialEq, Eq)]
enum Whose {
    /// A monitor of the project whose key came with it. A slug that is none is refused once the key is known.
    Slug(Result<Slug, SlugError>),
    /// The monitor of this ping URL.
    Uuid(PingUuid),
}

/// What a ping's path says.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    whose: Whose,
    /// What follows it, without a slash at the end: understood once it is known whose ping it is.
    signal: String,
}

impl Target {
    /// Parses `/heartbeat/{slug}` and `/heartbeat/{slug}/{signal}`; a slash at the end is nothing.
    fn parse(path: &str, headers: &HeaderMap) -> Result<Self, ApiError> {
        let rest = path.strip_prefix("/heartbeat/").ok_or(ApiError::UnknownPath)?;
        let (slug, signal) = rest.split_once('/').unwrap_or((rest, ""));
        let slug = decode(slug, Plus::Plus).ok_or(ApiError::BadPath)?;
        // Without a key the segment is a UUID and the secret; with one it is a slug.
        let uuid = PingUuid::parse(&slug).filter(|_| !headers.contains_key(header::AUTHORIZATION));
        let whose = uuid.map_or_else(|| Whose::Slug(Slug::parse(&slug)), Whose::Uuid);
        let signal = decode(signal.strip_suffix('/').unwrap_or(signal), Plus::Plus).ok_or(ApiError::BadPath)?;
        Ok(Self { whose, signal: signal.into_owned() })
    }
}

/// What a signal in a path says.
pub(crate) fn parse_signal(text: &str) -> Result<(Signal, Option<Note>), ApiError> {
    Ok(match text {
        "" => (Signal::Success, None),
        "start" => (Signal::Start, None),
        "fail" => (Signal::Fail, None),
        "log" => (Signal::Log, None),
        code => {
            let (code, note) = parse_exit(code).ok_or(ApiError::UnknownSignal)?;
            (Signal::Exit(code), note)
        }
    })
}

/// An exit code: digits, perhaps with a minus; clamped to 64 bits.
fn parse_exit(text: &str) -> Option<(i64, Option<Note>)> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nearest = if text.len() > digits.len() { i64::MIN } else { i64::MAX };
    Some(text.parse().map_or((nearest, Some(Note::ExitCodeClamped)), |code| (code, None)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_of_digits_is_an_exit_code() {
        let clamped = Some(Note::ExitCodeClamped);
        for (text, exit) in [
            ("0", Some((0, None))),
            ("-0", Some((0, None))),
            ("007", Some((7, None))),
            ("-1", Some((-1, None))),
            ("9223372036854775807", Some((i64::MAX, None))),
            ("9223372036854775808", Some((i64::MAX, clamped))),
            ("-99999999999999999999999", Some((i64::MIN, clamped))),
            ("-", None),
            ("+1", None),
            ("--1", None),
            ("1.5", None),
            ("٣", None),
        ] {
            assert_eq!(parse_exit(text), exit, "{text}");
        }
    }

    #[test]
    fn a_slash_at_the_end_is_nothing() {
        let parse = |path: &str| Target::parse(path, &HeaderMap::new()).unwrap();
        assert_eq!(parse("/heartbeat/a/"), parse("/heartbeat/a"));
        assert_eq!(parse("/heartbeat/a/fail/"), parse("/heartbeat/a/fail"));
        assert_eq!(parse_signal(&parse("/heartbeat/a/fail/x").signal), Err(ApiError::UnknownSignal));
        assert_eq!(parse("/heartbeat/a//"), parse("/heartbeat/a"));
    }

    #[test]
    fn without_a_key_a_uuid_is_the_secret_and_with_one_it_is_a_slug() {
        let path = "/heartbeat/07070707-0707-4707-8707-070707070707/fail";
        let mut headers = HeaderMap::new();
        assert!(matches!(Target::parse(path, &headers).unwrap().whose, Whose::Uuid(_)));
        headers.insert(header::AUTHORIZATION, axum::http::HeaderValue::from_static("Bearer hb_"));
        assert!(matches!(Target::parse(path, &headers).unwrap().whose, Whose::Slug(Ok(_))));
    }
}
