//! Every variant of the one error type, as it is answered: the table of codes, and no internal word in a 5xx.

use std::{collections::BTreeSet, time::Duration};

use axum::response::IntoResponse;
use heartbeat_api::ApiError;
use heartbeat_core::{Slug, interval::DurationError, key::Scope, slug::SlugError};
use insta::assert_snapshot;

use crate::weather::INTERNAL;

/// One of each. The match keeps it whole: a new variant does not compile until it is here.
fn one_of_each() -> Vec<ApiError> {
    use ApiError as E;
    let slug = Slug::parse("nightly").unwrap();
    let text = || INTERNAL.to_owned();
    let all = vec![
        E::BadRequest,
        E::BadPath,
        E::BadSlug(SlugError::Empty),
        E::BadInterval(DurationError::IntervalRange("1s".to_owned())),
        E::BadGrace(DurationError::GraceRange("400d".to_owned())),
        E::BadQuery("`limit` is a number from 1 to 500".to_owned()),
        E::BadJson("the body is not JSON".to_owned()),
        E::BadPause("give `for` or `until`, not both".to_owned()),
        E::MissingKey,
        E::MalformedKey,
        E::UnknownKey,
        E::RevokedKey,
        E::ExpiredKey,
        E::WrongScope(Scope::Write),
        E::WrongMonitor,
        E::UnknownPath,
        E::UnknownSignal,
        E::UnknownMonitor(slug.clone()),
        E::MethodNotAllowed("POST"),
        E::BodyIncomplete,
        E::DeletedMonitor(slug),
        E::BodyTooLarge(16_384),
        E::UriTooLong,
        E::NotJson,
        E::TooManyFailures(Duration::from_millis(1_001)),
        E::TooManyCalls(Duration::from_millis(1)),
        E::HeadersTooLarge,
        E::Internal(text()),
        E::Corrupt(text()),
        E::StoreUnavailable(text()),
        E::StoreTimeout,
        E::Contended,
        E::Busy,
        E::NotReady(vec!["store", "checker"]),
    ];
    for error in &all {
        match error {
            E::BadRequest
            | E::BadPath
            | E::BadSlug(_)
            | E::BadInterval(_)
            | E::BadGrace(_)
            | E::BadQuery(_)
            | E::BadJson(_)
            | E::BadPause(_)
            | E::MissingKey
            | E::MalformedKey
            | E::UnknownKey
            | E::RevokedKey
            | E::ExpiredKey
            | E::WrongScope(_)
            | E::WrongMonitor
            | E::UnknownPath
            | E::UnknownSignal
            | E::UnknownMonitor(_)
            | E::MethodNotAllowed(_)
            | E::BodyIncomplete
            | E::DeletedMonitor(_)
            | E::BodyTooLarge(_)
            | E::UriTooLong
            | E::NotJson
            | E::TooManyFailures(_)
            | E::TooManyCalls(_)
            | E::HeadersTooLarge
            | E::Internal(_)
            | E::Corrupt(_)
            | E::StoreUnavailable(_)
            | E::StoreTimeout
            | E::Contended
            | E::Busy
            | E::NotReady(_) => {}
        }
    }
    all
}

#[test]
fn the_table_of_codes() {
    let row = |error: &ApiError| {
        let response = error.clone().into_response();
        let retry = response.headers().get("retry-after").map_or("", |value| value.to_str().unwrap());
        format!("| `{}` | {} | {retry} | {error} |", error.code(), error.status().as_u16())
    };
    let rows: Vec<String> = one_of_each().iter().map(row).collect();
    assert_snapshot!(rows.join("\n"), @"");
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
    let codes: BTreeSet<&str> = all.iter().map(ApiError::code).collect();
    assert_eq!(codes.len(), all.len());
    assert!(all.iter().all(|error| error.status().is_client_error() || error.status().is_server_error()));
}
