//! Every variant of the one error type, as it is answered: the table of codes, and no internal word in a 5xx.

use std::{collections::BTreeSet, time::Duration};

use axum::response::IntoResponse;
use heartbeat_api::ApiError as E;
use heartbeat_core::{
    ChannelName, Slug,
    definition::{FieldError, document::DocumentError},
    interval::DurationError,
    key::Scope,
    slug::SlugError,
};
use insta::assert_snapshot;

use crate::weather::INTERNAL;

/// One of each, as [`ask_for_it_to_be_added`] makes sure.
fn one_of_each() -> Vec<E> {
    let slug = Slug::parse("nightly").unwrap();
    let channel = ChannelName::parse("ops").unwrap();
    let text = || INTERNAL.to_owned();
    vec![
        E::BadRequest,
        E::BadPath,
        E::BadSlug(SlugError::Empty),
        E::BadInterval(DurationError::IntervalRange("1s".to_owned())),
        E::BadGrace(DurationError::GraceRange("400d".to_owned())),
        E::BadCron(FieldError::ZoneAlone),
        E::BadDefinition(FieldError::TwoSchedules),
        E::BadQuery("`limit` is a number from 1 to 500".to_owned()),
        E::BadJson("the body is not JSON".to_owned()),
        E::BadDocument(DocumentError::TooLarge(9_000_000)),
        E::BadPause("give `for` or `until`, not both".to_owned()),
        E::BadChannelName(SlugError::BadCharacter('_')),
        E::BadChannel("url: write it as https://…".to_owned()),
        E::MissingKey,
        E::MalformedKey,
        E::UnknownKey,
        E::RevokedKey,
        E::ExpiredKey,
        E::WrongScope(Scope::Write),
        E::WrongMonitor,
        E::LimitedKey,
        E::UnknownPath,
        E::UnknownSignal,
        E::UnknownMonitor(slug.clone()),
        E::UnknownPingUrl,
        E::UnknownBadge,
        E::UnknownChannel(channel.clone()),
        E::UnknownDelivery,
        E::MethodNotAllowed("POST"),
        E::BodyIncomplete,
        E::MonitorExists(slug.clone()),
        E::ChannelExists(channel.clone()),
        E::TooManyChannels,
        E::SecondFallback(channel),
        E::AlreadyDelivered,
        E::NothingToRetry,
        E::DeletedMonitor(slug),
        E::BodyTooLarge(16_384),
        E::UriTooLong,
        E::NotJson,
        E::NoDocument,
        E::TooManyFailures(Duration::from_millis(1_001)),
        E::TooManyCalls(Duration::from_millis(1)),
        E::HeadersTooLarge,
        E::Internal(text()),
        E::Corrupt(text()),
        E::StoreUnavailable(text()),
        E::StoreTimeout,
        E::Contended,
        E::Busy,
        E::NoKinds,
        E::NotReady(vec!["store: its disk is full".to_owned(), "checker: it has not looked yet".to_owned()]),
    ]
}

/// A new variant does not compile until it is here; then it belongs into [`one_of_each`] as well.
fn ask_for_it_to_be_added(error: &E) {
    match error {
        E::BadRequest
        | E::BadPath
        | E::BadSlug(_)
        | E::BadInterval(_)
        | E::BadGrace(_)
        | E::BadCron(_)
        | E::BadDefinition(_)
        | E::BadQuery(_)
        | E::BadJson(_)
        | E::BadDocument(_)
        | E::BadPause(_)
        | E::BadChannelName(_)
        | E::BadChannel(_)
        | E::MissingKey
        | E::MalformedKey
        | E::UnknownKey
        | E::RevokedKey
        | E::ExpiredKey
        | E::WrongScope(_)
        | E::WrongMonitor
        | E::LimitedKey
        | E::UnknownPath
        | E::UnknownSignal
        | E::UnknownMonitor(_)
        | E::UnknownPingUrl
        | E::UnknownBadge
        | E::UnknownChannel(_)
        | E::UnknownDelivery
        | E::MethodNotAllowed(_)
        | E::BodyIncomplete
        | E::MonitorExists(_)
        | E::ChannelExists(_)
        | E::TooManyChannels
        | E::SecondFallback(_)
        | E::AlreadyDelivered
        | E::NothingToRetry
        | E::DeletedMonitor(_)
        | E::BodyTooLarge(_)
        | E::UriTooLong
        | E::NotJson
        | E::NoDocument
        | E::TooManyFailures(_)
        | E::TooManyCalls(_)
        | E::HeadersTooLarge
        | E::Internal(_)
        | E::Corrupt(_)
        | E::StoreUnavailable(_)
        | E::StoreTimeout
        | E::Contended
        | E::Busy
        | E::NoKinds
        | E::NotReady(_) => {}
    }
}

#[test]
fn the_table_of_codes() {
    let row = |error: &E| {
        let response = error.clone().into_response();
        let retry = response.headers().get("retry-after").map_or("", |value| value.to_str().unwrap());
        format!("| `{}` | {} | {retry} | {error} |", error.code(), error.status().as_u16())
    };
    let rows: Vec<String> = one_of_each().iter().map(row).collect();
    assert_snapshot!(rows.join("\n"), @r#"
    | `bad_request` | 400 |  | the request could not be read: check its first line and its headers, and percent-encode odd bytes in the path |
    | `bad_path` | 400 |  | the path is not percent-encoded UTF-8: write each byte that is not a letter or digit as % and two hex digits |
    | `bad_slug` | 400 |  | a slug needs at least one character; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup |
    | `bad_interval` | 400 |  | an interval is from 30s to 365d, not "1s"; nothing was recorded: mend `interval` or leave it out |
    | `bad_grace` | 400 |  | a grace is from 0 to 365d, not "400d"; nothing was recorded: mend `grace` or leave it out |
    | `bad_cron` | 400 |  | `timezone` goes with `cron`; nothing was recorded: mend `cron` and `tz`, or leave them out |
    | `bad_definition` | 400 |  | give either `interval` or `cron`, not both; nothing was changed |
    | `bad_query` | 400 |  | `limit` is a number from 1 to 500 |
    | `bad_json` | 400 |  | the body is not JSON |
    | `bad_document` | 400 |  | the document is refused, and nothing was changed: it has 9000000 bytes, and at most 8388608 are read: split it |
    | `bad_pause` | 400 |  | give `for` or `until`, not both |
    | `bad_channel_name` | 400 |  | a slug has only lowercase letters a-z, digits and hyphens, not '_'; the name of a channel is 1 to 64 of a-z, 0-9 and -, such as ops-mail |
    | `bad_channel` | 400 |  | url: write it as https://… |
    | `missing_key` | 401 |  | send an API key as `Authorization: Bearer hb_…`; `heartbeat add-api-key` makes one |
    | `malformed_key` | 401 |  | this is not a Heartbeat API key: one starts with hb_ and has 75 characters; check that it was copied whole |
    | `unknown_key` | 401 |  | this API key is not known: check that it belongs to this installation, or make a new one |
    | `revoked_key` | 401 |  | this API key was revoked: make a new one |
    | `expired_key` | 401 |  | this API key has expired: make a new one |
    | `wrong_scope` | 403 |  | this API key lacks the scope `write`: use a key that has it |
    | `wrong_monitor` | 403 |  | this API key is limited to one monitor, and this is not it: use the key of this monitor |
    | `limited_key` | 403 |  | this API key is limited to one monitor, and this is about the whole project: use a key without a limit |
    | `unknown_path` | 404 |  | there is nothing at this path: pings go to /heartbeat/{slug}, management to /monitors and /api/v1 |
    | `unknown_signal` | 404 |  | what follows the slug is not a signal: use start, fail, log, or an exit code in digits; nothing was recorded |
    | `unknown_monitor` | 404 |  | there is no monitor `nightly` in this project: a first ping to /heartbeat/nightly makes it |
    | `unknown_ping_url` | 404 |  | no monitor has this ping URL: it was copied wrong, or its monitor is gone or has another one now |
    | `unknown_badge` | 404 |  | there is no badge at this address: it was copied wrong, it was changed, or what it showed is gone |
    | `unknown_channel` | 404 |  | there is no channel `ops` in this project: see which there are, or add it |
    | `unknown_delivery` | 404 |  | there is no delivery of this id, or history has forgotten it: the list of deliveries shows their ids |
    | `method_not_allowed` | 405 |  | this path does not take this method: use POST |
    | `body_incomplete` | 408 |  | the body did not arrive whole in time, and nothing was changed: send it again |
    | `monitor_exists` | 409 |  | there is a monitor `nightly` already: PUT replaces and PATCH changes it |
    | `channel_exists` | 409 |  | there is a channel `ops` already: change it, or choose another name |
    | `too_many_channels` | 409 |  | a project has at most 10 channels: remove one first |
    | `second_fallback` | 409 |  | `ops` is the project's fallback already, and there is at most one: make that one an ordinary channel first |
    | `already_delivered` | 409 |  | the channel has taken this message: there is nothing to try again |
    | `nothing_to_retry` | 409 |  | nothing of it waits to be told any more: a later attempt has told it, or there was nobody to tell |
    | `deleted_monitor` | 410 |  | monitor `nightly` was deleted, and pings do not bring it back for a day: stop the job that pings it, or use another slug |
    | `body_too_large` | 413 |  | the body is too large: at most 16384 bytes are read here |
    | `uri_too_long` | 414 |  | the address of the request is too long: shorten its query |
    | `not_json` | 415 |  | send the body as JSON, with `Content-Type: application/json`, or send none |
    | `no_document` | 415 |  | send the document of an import as the body, with `Content-Type: application/json` or `application/yaml` |
    | `too_many_failures` | 429 | 2 | too many unknown API keys or badges were asked for from this address: wait as long as Retry-After says |
    | `too_many_calls` | 429 | 1 | too many calls with this API key from this address: wait as long as Retry-After says |
    | `headers_too_large` | 431 |  | the headers of the request are too many or too large: send fewer |
    | `internal` | 500 |  | something went wrong on our side: try again, and report the request id if it stays |
    | `corrupt_monitor` | 500 |  | what is stored under this name cannot be read: the operator finds the reason in the log by the request id |
    | `store_unavailable` | 503 | 5 | the store is not available, so nothing is promised: send it again after Retry-After |
    | `store_timeout` | 503 | 5 | the store did not answer in time, so nothing is promised: send it again after Retry-After |
    | `contended` | 503 | 1 | too many others change this at once, and nothing was written: send it again after Retry-After |
    | `busy` | 503 | 1 | too many API keys are being looked up at once: send it again after Retry-After |
    | `no_kinds` | 501 |  | this API knows no kinds of channel: ask one that was started as `heartbeat serve` or `heartbeat-api` |
    | `not_ready` | 503 | 5 | not ready: store: its disk is full; checker: it has not looked yet |
    "#);
}

#[test]
fn the_documented_table_has_every_code_with_its_status_and_no_other() {
    let document = include_str!("../../../../docs/errors.md");
    let documented: BTreeSet<(&str, &str)> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .map(|(code, rest)| (code, rest.split(' ').next().unwrap_or_default()))
        .collect();
    let errors = one_of_each();
    let statuses: Vec<String> = errors.iter().map(|error| error.status().as_u16().to_string()).collect();
    let known: BTreeSet<(&str, &str)> = errors.iter().map(E::code).zip(statuses.iter().map(String::as_str)).collect();
    assert_eq!(documented, known);
}

#[test]
fn no_server_error_carries_internal_text() {
    for error in one_of_each().iter().filter(|error| error.status().is_server_error()) {
        assert!(!error.to_string().contains(INTERNAL), "{error:?}");
    }
}

#[test]
fn each_refusal_has_a_code_of_its_own_and_a_client_error_or_server_error_status() {
    let all = one_of_each();
    let codes: BTreeSet<&str> = all.iter().map(E::code).collect();
    assert_eq!(codes.len(), all.len());
    all.iter().for_each(ask_for_it_to_be_added);
    assert!(all.iter().all(|error| error.status().is_client_error() || error.status().is_server_error()));
}
