//! Management: what is listed, and what people do to monitors.

use axum::body::Body;
use heartbeat_core::{
    Slug,
    key::{ApiKey, Scope},
};
use insta::assert_snapshot;

use crate::installation::{Answer, Installation, NOW, record, request};

async fn pause(api: &Installation, body: &'static str) -> Answer {
    let asked =
        request("POST", "/monitors/a/pause", Some(&api.key)).header("content-type", "application/json; charset=utf-8");
    api.send(asked.body(Body::from(body)).unwrap()).await
}

fn slugs(answer: &Answer) -> Vec<String> {
    let json = answer.json();
    let monitors = json["monitors"].as_array().unwrap();
    monitors.iter().map(|monitor| monitor["slug"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_overdue_monitor_shows_before_any_checker_has_looked() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a?interval=1m&grace=30s").await;
    api.advance(61);
    let late = api.call("GET", "/monitors").await.json();
    assert_eq!((&late["monitors"][0]["status"], &late["monitors"][0]["late"]), (&"late".into(), &true.into()));
    api.advance(34);
    assert_snapshot!(api.call("GET", "/monitors").await, @r#"
    200 OK
    content-type: application/json

    {
      "monitors": [
        {
          "channels": null,
          "cron": null,
          "grace": "30s",
          "incident": {
            "cause": "missed",
            "excerpt": null,
            "exit_code": null,
            "since": "2026-11-23T03:01:30.000000Z"
          },
          "interval": "1m",
          "last_duration_ms": null,
          "last_ping_at": "2026-11-23T03:00:00.000000Z",
          "late": false,
          "next_due_at": null,
          "paused_until": null,
          "ping_count": 1,
          "run": null,
          "running": false,
          "schedule": "every 1m",
          "since": "2026-11-23T03:01:30.000000Z",
          "slug": "a",
          "status": "overdue",
          "timezone": null
        }
      ],
      "next_cursor": null
    }
    "#);
}

#[tokio::test]
async fn a_failure_shows_its_code_its_words_and_what_is_undelivered() {
    let api = Installation::new().await;
    let failed = request("POST", "/heartbeat/a/3", Some(&api.key)).body(Body::from("disk full\n")).unwrap();
    api.send(failed).await;
    api.advance(5);
    api.call("GET", "/heartbeat/a/start?rid=run-2").await;
    assert_snapshot!(api.call("GET", "/monitors").await, @r#"
    200 OK
    content-type: application/json

    {
      "monitors": [
        {
          "channels": null,
          "cron": null,
          "grace": "1m",
          "incident": {
            "cause": "failed",
            "excerpt": "disk full",
            "exit_code": 3,
            "since": "2026-11-23T03:00:00.000000Z"
          },
          "interval": "5m",
          "last_duration_ms": null,
          "last_ping_at": "2026-11-23T03:00:05.000000Z",
          "late": false,
          "next_due_at": null,
          "paused_until": null,
          "ping_count": 2,
          "run": {
            "due_at": null,
            "rid": "run-2",
            "started_at": "2026-11-23T03:00:05.000000Z"
          },
          "running": true,
          "schedule": "every 5m",
          "since": "2026-11-23T03:00:00.000000Z",
          "slug": "a",
          "status": "overdue",
          "timezone": null,
          "undelivered": [
            {
              "attempts": 0,
              "last_error": null,
              "next_attempt_at": null,
              "since": "2026-11-23T03:00:00.000000Z"
            }
          ]
        }
      ],
      "next_cursor": null
    }
    "#);
}

#[tokio::test]
async fn a_pause_may_have_an_end_or_none() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    assert_snapshot!(api.call("POST", "/monitors/a/pause").await, @r#"
    200 OK
    content-type: application/json

    {
      "channels": null,
      "cron": null,
      "grace": "1m",
      "incident": null,
      "interval": "5m",
      "last_duration_ms": null,
      "last_ping_at": "2026-11-23T03:00:00.000000Z",
      "late": false,
      "next_due_at": null,
      "paused_until": null,
      "ping_count": 1,
      "run": null,
      "running": false,
      "schedule": "every 5m",
      "since": "2026-11-23T03:00:00.000000Z",
      "slug": "a",
      "status": "paused",
      "timezone": null
    }
    "#);
    let until = |answer: Answer| answer.json()["paused_until"].clone();
    assert_eq!(until(pause(&api, r#"{"for":"2h"}"#).await), "2026-11-23T05:00:00.000000Z");
    assert_eq!(until(pause(&api, r#"{"until":"2026-11-24T08:00:00+01:00"}"#).await), "2026-11-24T07:00:00.000000Z");
    assert!(until(pause(&api, "{}").await).is_null());
    assert_snapshot!(api.call("POST", "/monitors/a/unpause").await, @r#"
    200 OK
    content-type: application/json

    {
      "channels": null,
      "cron": null,
      "grace": "1m",
      "incident": null,
      "interval": "5m",
      "last_duration_ms": null,
      "last_ping_at": "2026-11-23T03:00:00.000000Z",
      "late": false,
      "next_due_at": "2026-11-23T03:06:00.000000Z",
      "paused_until": null,
      "ping_count": 1,
      "run": null,
      "running": false,
      "schedule": "every 5m",
      "since": "2026-11-23T03:00:00.000000Z",
      "slug": "a",
      "status": "ok",
      "timezone": null
    }
    "#);
}

#[tokio::test]
async fn a_deleted_monitor_is_gone_and_stays_gone_for_a_day() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    assert_snapshot!(api.call("DELETE", "/monitors/a").await, @r#"
    200 OK
    content-type: application/json

    {
      "deleted": "a"
    }
    "#);
    assert_snapshot!(api.call("GET", "/heartbeat/a").await, @r#"
    410 Gone
    content-type: application/json

    {
      "error": {
        "code": "deleted_monitor",
        "message": "monitor `a` was deleted, and pings do not bring it back for a day: stop the job that pings it, or use another slug",
        "request_id": "r-1"
      }
    }
    "#);
    assert_eq!(api.call("DELETE", "/monitors/a").await.code(), "deleted_monitor");
    assert_eq!(slugs(&api.call("GET", "/monitors").await), [""; 0]);
    api.advance(24 * 3_600);
    assert_eq!(api.call("GET", "/heartbeat/a").await.status, 201);
}

#[tokio::test]
async fn pages_follow_their_cursor_and_filter_by_status() {
    let api = Installation::new().await;
    for slug in ["a", "b", "c", "d", "e"] {
        api.call("GET", &format!("/heartbeat/{slug}")).await;
    }
    for slug in ["b", "e"] {
        api.call("POST", &format!("/monitors/{slug}/pause")).await;
    }
    let (mut path, mut pages) = ("/monitors?limit=2".to_owned(), Vec::new());
    loop {
        let page = api.call("GET", &path).await;
        pages.push(slugs(&page).join(""));
        let Some(cursor) = page.json()["next_cursor"].as_str().map(str::to_owned) else { break };
        path = format!("/monitors?limit=2&cursor={cursor}");
    }
    assert_eq!(pages.concat(), "abcde");
    assert_eq!(slugs(&api.call("GET", "/monitors?status=paused").await), ["b", "e"]);
    assert_eq!(slugs(&api.call("GET", "/monitors?status=ok&limit=2").await), ["a", "c"]);
    let rest = api.call("GET", "/monitors?status=ok&limit=2&cursor=c").await;
    assert_eq!((slugs(&rest), &rest.json()["next_cursor"]), (vec!["d".to_owned()], &serde_json::Value::Null));
}

#[tokio::test]
async fn a_project_sees_its_own_monitors_and_a_limited_key_its_one() {
    let api = Installation::new().await;
    for slug in ["a", "b"] {
        api.call("GET", &format!("/heartbeat/{slug}")).await;
    }
    let (stranger, limited) = (ApiKey::from_random([50; 32]), ApiKey::from_random([51; 32]));
    let project = heartbeat_core::Project::parse("elsewhere").unwrap();
    api.put(&heartbeat_core::key::KeyRecord { project, ..record(&stranger, &[Scope::Admin]) }).await;
    let monitor = Some(Slug::parse("b").unwrap());
    api.put(&heartbeat_core::key::KeyRecord { monitor, ..record(&limited, &[Scope::Admin]) }).await;

    assert_eq!(slugs(&api.call_as(&stranger, "GET", "/monitors").await), [""; 0]);
    assert_eq!(api.call_as(&stranger, "DELETE", "/monitors/a").await.code(), "unknown_monitor");
    assert_eq!(slugs(&api.call_as(&limited, "GET", "/monitors").await), ["b"]);
    assert_eq!(slugs(&api.call_as(&limited, "GET", "/monitors?cursor=b").await), [""; 0]);
    assert_eq!(api.call_as(&limited, "GET", "/heartbeat/b").await.status, 200);
    for (method, path) in [("GET", "/heartbeat/a"), ("POST", "/monitors/a/pause"), ("DELETE", "/monitors/a")] {
        assert_eq!(api.call_as(&limited, method, path).await.code(), "wrong_monitor");
    }
}

#[tokio::test]
async fn a_bad_pause_says_what_to_mend_and_changes_nothing() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    let mut seen = Vec::new();
    for body in [
        r#"{"for":"soon"}"#,
        r#"{"for":"0"}"#,
        r#"{"for":"366d"}"#,
        r#"{"for":7}"#,
        r#"{"until":"tomorrow"}"#,
        r#"{"until":"2026-11-23T02:59:59Z"}"#,
        r#"{"for":"1h","until":"2026-11-24T00:00:00Z"}"#,
        r#"{"fro":"1h"}"#,
        "[]",
        "{",
        "\u{0}",
    ] {
        let json = pause(&api, body).await.json();
        seen.push(format!(
            "{body:?}: {} {}",
            json["error"]["code"].as_str().unwrap(),
            json["error"]["message"].as_str().unwrap()
        ));
    }
    assert_snapshot!(seen.join("\n"), @r#"
    "{\"for\":\"soon\"}": bad_pause `for`: "soon" is not a duration: write 5m, 1h, 2h30m, or seconds such as 300
    "{\"for\":\"0\"}": bad_pause the pause would end before it begins: give a time to come
    "{\"for\":\"366d\"}": bad_pause a pause that has an end lasts at most 365 days: give less, or no end
    "{\"for\":7}": bad_json the body is not {"for": "2h"} or {"until": "2026-11-24T08:00:00Z"}: invalid type: integer `7`, expected a string
    "{\"until\":\"tomorrow\"}": bad_pause `until` is an instant such as 2026-11-24T08:00:00Z
    "{\"until\":\"2026-11-23T02:59:59Z\"}": bad_pause the pause would end before it begins: give a time to come
    "{\"for\":\"1h\",\"until\":\"2026-11-24T00:00:00Z\"}": bad_pause give `for` or `until`, not both
    "{\"fro\":\"1h\"}": bad_json the body is not {"for": "2h"} or {"until": "2026-11-24T08:00:00Z"}: unknown field `fro`, expected `for` or `until`
    "[]": bad_json the body is not {"for": "2h"} or {"until": "2026-11-24T08:00:00Z"}: invalid type: sequence, expected a map at line 1 column 0
    "{": bad_json the body is not {"for": "2h"} or {"until": "2026-11-24T08:00:00Z"}: EOF while parsing an object at line 1 column 1
    "\0": bad_json the body is not {"for": "2h"} or {"until": "2026-11-24T08:00:00Z"}: expected value at line 1 column 1
    "#);
    assert_eq!(api.call("GET", "/monitors").await.json()["monitors"][0]["status"], "ok");
    assert_eq!(heartbeat_core::Clock::now(&*api.clock), NOW);
}

#[tokio::test]
async fn management_bodies_are_json_and_bounded() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    let form = request("POST", "/monitors/a/pause", Some(&api.key)).body(Body::from("for=2h")).unwrap();
    assert_snapshot!(api.send(form).await, @r#"
    415 Unsupported Media Type
    content-type: application/json

    {
      "error": {
        "code": "not_json",
        "message": "send the body as JSON, with `Content-Type: application/json`, or send none",
        "request_id": "r-1"
      }
    }
    "#);
    let large = request("POST", "/monitors/a/pause", Some(&api.key)).body(Body::from(vec![b' '; 20_000])).unwrap();
    assert_snapshot!(api.send(large).await, @r#"
    413 Payload Too Large
    content-type: application/json

    {
      "error": {
        "code": "body_too_large",
        "message": "the body is too large: at most 16384 bytes are read here",
        "request_id": "r-1"
      }
    }
    "#);
    let declared = request("POST", "/monitors/a/pause", Some(&api.key)).header("content-length", "99999999");
    assert_eq!(api.send(declared.body(Body::from("x")).unwrap()).await.status, 413);
}

#[tokio::test]
async fn health_and_readiness_need_no_key() {
    let api = Installation::new().await;
    let ask = |path| request("GET", path, None).body(Body::empty()).unwrap();
    assert_snapshot!(api.send(ask("/healthz")).await, @r#"
    200 OK
    content-type: application/json

    {
      "status": "ok"
    }
    "#);
    assert_snapshot!(api.send(ask("/readyz")).await, @r#"
    200 OK
    content-type: application/json

    {
      "status": "ready"
    }
    "#);
}

#[tokio::test]
async fn management_calls_are_limited_per_key_and_address() {
    let api = Installation::new().await;
    for _ in 0..100 {
        assert_eq!(api.call("GET", "/monitors").await.status, 200);
    }
    assert_snapshot!(api.call("GET", "/monitors").await, @r#"
    429 Too Many Requests
    content-type: application/json
    retry-after: 1

    {
      "error": {
        "code": "too_many_calls",
        "message": "too many calls with this API key from this address: wait as long as Retry-After says",
        "request_id": "r-1"
      }
    }
    "#);
    let other = api.key_for(&[Scope::Read]).await;
    assert_eq!(api.call_as(&other, "GET", "/monitors").await.status, 200);
    assert_eq!(api.call("GET", "/heartbeat/a").await.status, 201);
    api.advance(1);
    assert_eq!(api.call("GET", "/monitors").await.status, 200);
}
