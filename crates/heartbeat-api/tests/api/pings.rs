//! Pings: every form, and everything odd that is taken all the same.

use axum::body::{Body, Bytes};
use futures_util::stream;
use heartbeat_core::ping::Note;
use insta::assert_snapshot;

use crate::installation::{Installation, request};

#[tokio::test]
async fn the_first_ping_makes_the_monitor_and_the_next_is_ok() {
    let api = Installation::new().await;
    assert_snapshot!(api.call("GET", "/heartbeat/nightly-backup?interval=1h&grace=5m").await, @r"
    201 Created
    content-type: text/plain; charset=utf-8

    201 Created
    ");
    api.advance(1);
    assert_snapshot!(api.call("POST", "/heartbeat/nightly-backup").await, @r"
    200 OK
    content-type: text/plain; charset=utf-8

    200 OK
    ");
    assert_snapshot!(api.call("GET", "/monitors").await, @r#"
    200 OK
    content-type: application/json

    {
      "monitors": [
        {
          "channels": null,
          "cron": null,
          "grace": "5m",
          "incident": null,
          "interval": "1h",
          "last_duration_ms": null,
          "last_ping_at": "2026-11-23T03:00:01.000000Z",
          "late": false,
          "next_due_at": "2026-11-23T04:05:01.000000Z",
          "paused_until": null,
          "ping_count": 2,
          "run": null,
          "running": false,
          "schedule": "every 1h",
          "since": "2026-11-23T03:00:00.000000Z",
          "slug": "nightly-backup",
          "status": "ok",
          "timezone": null
        }
      ],
      "next_cursor": null
    }
    "#);
}

#[tokio::test]
async fn head_counts_as_a_ping_and_has_no_body() {
    let api = Installation::new().await;
    assert_snapshot!(api.call("HEAD", "/heartbeat/a").await, @r"
    201 Created
    content-type: text/plain; charset=utf-8
    content-length: 12
    ");
    assert_snapshot!(api.call("HEAD", "/heartbeat/-a").await, @r"
    400 Bad Request
    content-type: application/json
    content-length: 157
    ");
    assert_eq!(api.call("GET", "/monitors").await.json()["monitors"][0]["ping_count"], 1);
}

#[tokio::test]
async fn every_signal_has_its_path() {
    let api = Installation::new().await;
    let mut seen = Vec::new();
    for path in ["a", "a/start", "a/0", "a/log", "a/fail", "a/3", "a/-1", "a/0?rid=x", "a/", "a/fail/"] {
        api.advance(1);
        let answer = api.call("POST", &format!("/heartbeat/{path}")).await;
        let status = api.call("GET", "/monitors").await.json()["monitors"][0]["status"].clone();
        seen.push(format!("{path}: {} {} -> {status}", answer.status, api.last_ping("a").await.signal));
    }
    assert_snapshot!(seen.join("\n"), @r#"
    a: 201 Created success -> "ok"
    a/start: 200 OK start -> "running"
    a/0: 200 OK exit 0 -> "ok"
    a/log: 200 OK log -> "ok"
    a/fail: 200 OK fail -> "overdue"
    a/3: 200 OK exit 3 -> "overdue"
    a/-1: 200 OK exit -1 -> "overdue"
    a/0?rid=x: 200 OK exit 0 -> "ok"
    a/: 200 OK success -> "ok"
    a/fail/: 200 OK fail -> "overdue"
    "#);
}

#[tokio::test]
async fn who_asks_for_json_gets_it() {
    let api = Installation::new().await;
    let ask = || {
        request("GET", "/heartbeat/a/99999999999999999999?rid=a%20b", Some(&api.key))
            .header("accept", "application/json")
    };
    assert_snapshot!(api.send(ask().body(Body::empty()).unwrap()).await, @r#"
    201 Created
    content-type: application/json

    {
      "created": true,
      "notes": [
        {
          "code": "run_id_ignored",
          "message": "the run id (rid) could not be read and is ignored"
        },
        {
          "code": "exit_code_clamped",
          "message": "the exit code does not fit 64 bits and was clamped"
        }
      ],
      "status": "ok"
    }
    "#);
}

#[tokio::test]
async fn oddities_are_noted_and_never_refused() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    api.advance(1);
    let odd = request("POST", "/heartbeat/a/-99999999999999999999?rid=%FF&rid=%zz&colour=%zz&=&&x", Some(&api.key))
        .header("x-forwarded-for", "somewhere")
        .header("user-agent", "x".repeat(1_000))
        .header("accept", &b"\xFF"[..]);
    assert_snapshot!(api.send(odd.body(Body::from(&b"\xFF\xFE out of tape"[..])).unwrap()).await, @r"
    200 OK
    content-type: text/plain; charset=utf-8

    200 OK
    note: the run id (rid) could not be read and is ignored
    note: the forwarded address could not be read and is ignored
    note: the exit code does not fit 64 bits and was clamped
    note: the body is not UTF-8, unreadable bytes were replaced
    ");
    let ping = api.last_ping("a").await;
    assert_eq!(ping.body, "\u{FFFD}\u{FFFD} out of tape");
    assert_eq!(ping.from.as_deref(), Some("192.0.2.7"));
    assert_eq!(ping.agent.map(|agent| agent.len()), Some(100));
    assert_eq!(ping.signal, heartbeat_core::Signal::Exit(i64::MIN));
}

#[tokio::test]
async fn of_a_huge_body_the_tail_is_kept() {
    let api = Installation::new().await;
    let chunks = (0..1_000).map(|n| Ok::<_, std::io::Error>(Bytes::from(format!("{n:01000}"))));
    let huge = request("POST", "/heartbeat/a", Some(&api.key)).body(Body::from_stream(stream::iter(chunks))).unwrap();
    assert_snapshot!(api.send(huge).await, @r"
    201 Created
    content-type: text/plain; charset=utf-8

    201 Created
    note: the body was too long, its last 10 kB are kept
    ");
    let ping = api.last_ping("a").await;
    assert_eq!((ping.body.len(), ping.notes), (10_000, vec![Note::BodyCut]));
    assert!(ping.body.ends_with("0999"));
}

#[tokio::test]
async fn a_body_beyond_every_measure_still_counts() {
    let api = Installation::new().await;
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'a'; 100_000])));
    let endless = request("POST", "/heartbeat/a", Some(&api.key)).body(Body::from_stream(endless)).unwrap();
    assert_snapshot!(api.send(endless).await, @r"
    201 Created
    content-type: text/plain; charset=utf-8

    201 Created
    note: the body was too long, its last 10 kB are kept
    note: the body did not arrive whole
    ");
}

#[tokio::test]
async fn a_body_that_breaks_off_still_counts() {
    let api = Installation::new().await;
    let broken = stream::iter([Ok(Bytes::from("half")), Err(std::io::Error::other("gone"))]);
    let broken = request("POST", "/heartbeat/a", Some(&api.key)).body(Body::from_stream(broken)).unwrap();
    assert_snapshot!(api.send(broken).await, @r"
    201 Created
    content-type: text/plain; charset=utf-8

    201 Created
    note: the body did not arrive whole
    ");
    assert_eq!(api.last_ping("a").await.body, "half");
}

#[tokio::test]
async fn the_client_behind_our_proxy_is_the_one_who_pinged() {
    let config = heartbeat_api::ApiConfig { trusted_proxies: 1, ..Default::default() };
    let api = Installation::with(config).await;
    let forwarded = request("GET", "/heartbeat/a", Some(&api.key)).header("x-forwarded-for", "6.6.6.6, 198.51.100.9");
    api.send(forwarded.body(Body::empty()).unwrap()).await;
    assert_eq!(api.last_ping("a").await.from.as_deref(), Some("198.51.100.9"));
}

#[tokio::test]
async fn a_ping_to_a_paused_monitor_is_taken_and_says_so() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    api.call("POST", "/monitors/a/pause").await;
    api.advance(1);
    assert_snapshot!(api.call("GET", "/heartbeat/a").await, @r"
    200 OK
    content-type: text/plain; charset=utf-8

    200 OK
    note: the monitor is paused: the ping is recorded and changes nothing
    ");
}

#[tokio::test]
async fn a_changed_interval_holds_from_the_ping_that_carries_it() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    api.advance(1);
    api.call("GET", "/heartbeat/a?interval=2h+30m&grace=0&interval=9000").await;
    let monitor = &api.call("GET", "/monitors").await.json()["monitors"][0];
    assert_eq!((&monitor["interval"], &monitor["grace"]), (&"2h30m".into(), &"0s".into()));
}

#[tokio::test]
async fn a_ping_is_stamped_when_its_body_has_been_read() {
    let api = Installation::new().await;
    let clock = api.clock.clone();
    let slow = stream::once(async move {
        clock.advance(std::time::Duration::from_secs(3));
        Ok::<_, std::io::Error>(Bytes::from("done"))
    });
    let slow = request("POST", "/heartbeat/a", Some(&api.key)).body(Body::from_stream(slow)).unwrap();
    api.send(slow).await;
    let monitor = &api.call("GET", "/monitors").await.json()["monitors"][0];
    assert_eq!(monitor["last_ping_at"], "2026-11-23T03:00:03.000000Z");
}

#[tokio::test]
async fn a_request_id_is_the_clients_own_if_it_is_sane() {
    let api = Installation::new().await;
    for (theirs, kept) in [("job-7:1.b_c", true), ("", false), ("a b", false), (&*"x".repeat(65), false)] {
        let asked = axum::http::Request::builder().uri("/nowhere").header("x-request-id", theirs);
        let answer = api.send(asked.body(Body::empty()).unwrap()).await;
        let given = answer.header("x-request-id").unwrap().to_owned();
        assert_eq!(given == theirs, kept, "{theirs}");
        assert_eq!(answer.json()["error"]["request_id"], given.as_str());
    }
}
