//! The door for pings: understand the request, read its body, stamp it, and answer after the durable write.
//!
//! A ping is stamped as received when its body has been read, not when its head arrived. The settle time must outlast
//! what lies between stamp and durable write, or a checker could call a monitor overdue while a ping from before its
//! deadline is on its way. From here that is at most `give_up`; a slow body would make it seconds more. The price: a job
//! that is still sending its output at its deadline pings when it has sent it.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    response::Response,
};
use heartbeat_core::{Ping, Signal, Slug, flow::Sender, key::Scope, ping::Note};

use crate::{
    Shared,
    address::{Client, Forwarded},
    answer::answer,
    auth::check_monitor,
    body::read_tail,
    error::ApiError,
    percent::{Plus, decode},
    query::PingQuery,
};

/// The most characters kept of a client's program.
const MAX_AGENT: usize = 100;

/// `GET|POST|HEAD /heartbeat/{slug}[/{signal}]`.
pub(crate) async fn receive(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let client = Client::of(&head.headers, &head.extensions, api.config.trusted_proxies);
    let key = api.gate.admit(&head.headers, client, Scope::Ping).await?;
    let Target { slug, signal, note } = Target::parse(head.uri.path())?;
    check_monitor(&key, &slug)?;
    let PingQuery { interval, grace, run, notes } = PingQuery::parse(head.uri.query())?;
    let mut sender = sender(&head.headers, client, notes);
    sender.notes.extend(note);
    let (body, notes) = read_tail(body, api.config.ping_body).await;
    sender.notes.extend(notes);
    let ping = Ping { signal, run, interval, grace, body };
    let id = Shared::id(&key, slug);
    let at = api.flow.clock.now();
    let recorded = api.in_time(api.flow.record_ping(&id, ping, sender, at)).await;
    let recorded = recorded.and_then(|recorded| recorded.map_err(|error| ApiError::of_ping(error, id.slug)));
    api.meters.ping(signal, recorded.as_ref());
    answer(&head.headers, &recorded?)
}

fn sender(headers: &HeaderMap, client: Client, mut notes: Vec<Note>) -> Sender {
    if client.forwarded == Forwarded::Unreadable {
        notes.push(Note::ForwardedAddressIgnored);
    }
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let from = client.address.as_ref().map(IpAddr::to_string);
    Sender { from, agent: agent.map(|text| text.chars().take(MAX_AGENT).collect()), notes }
}

/// What a ping's path says.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    slug: Slug,
    signal: Signal,
    note: Option<Note>,
}

impl Target {
    /// Parses `/heartbeat/{slug}` and `/heartbeat/{slug}/{signal}`; a slash at the end is nothing.
    fn parse(path: &str) -> Result<Self, ApiError> {
        let rest = path.strip_prefix("/heartbeat/").ok_or(ApiError::UnknownPath)?;
        let (slug, signal) = rest.split_once('/').unwrap_or((rest, ""));
        let slug = Slug::parse(&decode(slug, Plus::Plus).ok_or(ApiError::BadPath)?).map_err(ApiError::BadSlug)?;
        let signal = decode(signal.strip_suffix('/').unwrap_or(signal), Plus::Plus).ok_or(ApiError::BadPath)?;
        let (signal, note) = parse_signal(&signal)?;
        Ok(Self { slug, signal, note })
    }
}

fn parse_signal(text: &str) -> Result<(Signal, Option<Note>), ApiError> {
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
        assert_eq!(Target::parse("/heartbeat/a/"), Target::parse("/heartbeat/a"));
        assert_eq!(Target::parse("/heartbeat/a/fail/"), Target::parse("/heartbeat/a/fail"));
        assert_eq!(Target::parse("/heartbeat/a/fail/x"), Err(ApiError::UnknownSignal));
        assert_eq!(Target::parse("/heartbeat/a//"), Target::parse("/heartbeat/a"));
    }
}
