//! A store that is down, silent or mad: 503 with `Retry-After` or 500, never 200, never 404, and no word of why but in
//! `/readyz`, for those who have to mend it.

use futures_util::future::join_all;
use heartbeat_api::{ApiConfig, Check};
use insta::assert_snapshot;

use crate::{
    installation::{Installation, SOON},
    weather::{INTERNAL, Sky},
};

const CALLS: [(&str, &str); 7] = [
    ("GET", "/heartbeat/a"),
    ("POST", "/heartbeat/a/fail"),
    ("POST", "/heartbeat/new"),
    ("GET", "/monitors"),
    ("DELETE", "/monitors/a"),
    ("POST", "/monitors/a/pause"),
    ("POST", "/monitors/a/unpause"),
];

async fn outage(sky: Sky) -> (Installation, Vec<crate::installation::Answer>) {
    let api = Installation::with(ApiConfig { give_up: SOON * 2, ..ApiConfig::default() }).await;
    assert_eq!(api.call("GET", "/heartbeat/a").await.status, 201);
    api.weather.turn(sky);
    let answers = join_all(CALLS.map(|(method, path)| api.call(method, path))).await;
    for answer in &answers {
        assert!(!answer.body.contains(INTERNAL) && !answer.body.contains("panicked"), "{answer}");
    }
    (api, answers)
}

#[tokio::test]
async fn a_store_that_is_down_is_503_everywhere() {
    let (api, answers) = outage(Sky::Down).await;
    assert!(answers.iter().all(|answer| answer.code() == "store_unavailable"));
    assert_snapshot!(answers[0], @r#"
    503 Service Unavailable
    content-type: application/json
    retry-after: 5

    {
      "error": {
        "code": "store_unavailable",
        "message": "the store is not available, so nothing is promised: send it again after Retry-After",
        "request_id": "r-1"
      }
    }
    "#);
    assert_snapshot!(api.call("GET", "/readyz").await, @r#"
    503 Service Unavailable
    content-type: application/json
    retry-after: 5

    {
      "error": {
        "code": "not_ready",
        "message": "not ready: store: disk I/O error in /srv/heartbeat.db",
        "request_id": "r-1"
      }
    }
    "#);
    assert_eq!(api.call("GET", "/healthz").await.status, 200);
    api.weather.turn(Sky::Clear);
    api.advance(1);
    assert_eq!(api.call("GET", "/heartbeat/a").await.status, 200);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_given_up_in_time() {
    let (api, answers) = outage(Sky::Silent).await;
    assert!(answers.iter().all(|answer| answer.code() == "store_timeout"));
    assert_snapshot!(answers[0], @r#"
    503 Service Unavailable
    content-type: application/json
    retry-after: 5

    {
      "error": {
        "code": "store_timeout",
        "message": "the store did not answer in time, so nothing is promised: send it again after Retry-After",
        "request_id": "r-1"
      }
    }
    "#);
    let unready = api.call("GET", "/readyz").await;
    assert!(unready.body.contains("not ready: store: it has not answered within "), "{unready}");
}

#[tokio::test]
async fn a_handler_that_panics_answers_all_the_same() {
    let (api, answers) = outage(Sky::Mad).await;
    assert!(answers.iter().all(|answer| answer.code() == "internal"));
    assert_snapshot!(answers[0], @r#"
    500 Internal Server Error
    content-type: application/json

    {
      "error": {
        "code": "internal",
        "message": "something went wrong on our side: try again, and report the request id if it stays",
        "request_id": "r-1"
      }
    }
    "#);
    api.weather.turn(Sky::Clear);
    api.advance(1);
    assert_eq!(api.call("GET", "/heartbeat/a").await.status, 200);
}

#[tokio::test]
async fn what_else_is_needed_makes_us_unready_with_its_reason() {
    let check = Check::new("checker", || Err("it last looked 61 s ago".to_owned()));
    let api = Installation::with_check(ApiConfig::default(), check).await;
    assert_snapshot!(api.call("GET", "/readyz").await, @r#"
    503 Service Unavailable
    content-type: application/json
    retry-after: 5

    {
      "error": {
        "code": "not_ready",
        "message": "not ready: checker: it last looked 61 s ago",
        "request_id": "r-1"
      }
    }
    "#);
}
