//! The list of bad input: every refusal has its code and its sentence, and nothing is half-written.

use std::fmt::Write;

use axum::body::Body;
use heartbeat_core::key::{ApiKey, KeyRecord, Scope};
use insta::assert_snapshot;

use crate::installation::{Answer, Installation, NOW, record, request};

/// `method path: status code: message`, a line each.
async fn refusals(api: &Installation, asked: &[(&str, &str)]) -> String {
    let mut seen = String::new();
    for (method, path) in asked {
        write_refusal(&mut seen, &format!("{method} {path}"), &api.call(method, path).await);
    }
    seen
}

fn write_refusal(seen: &mut String, asked: &str, answer: &Answer) {
    assert_eq!(answer.header("content-type"), Some("application/json"), "{asked}");
    let json = answer.json();
    assert_eq!(json["error"]["request_id"], "r-1", "{asked}");
    let (code, message) = (answer.code(), json["error"]["message"].as_str().unwrap().to_owned());
    writeln!(seen, "{asked}\n  {} {code}: {message}", answer.status.as_u16()).unwrap();
}

async fn nothing_was_written(api: &Installation) {
    assert_eq!(api.call("GET", "/monitors").await.json()["monitors"], serde_json::json!([]));
}

#[tokio::test]
async fn each_rule_of_a_slug_has_its_sentence() {
    let api = Installation::new().await;
    let long = format!("/heartbeat/{}", "a".repeat(65));
    let asked = [
        ("GET", "/heartbeat/"),
        ("GET", "/heartbeat//fail"),
        ("GET", &long),
        ("GET", "/heartbeat/Nightly"),
        ("GET", "/heartbeat/a_b"),
        ("GET", "/heartbeat/a%20b"),
        ("GET", "/heartbeat/a%2Fstart"),
        ("GET", "/heartbeat/%C3%BC"),
        ("GET", "/heartbeat/%00"),
        ("GET", "/heartbeat/-a"),
        ("GET", "/heartbeat/a-"),
        ("DELETE", "/monitors/A"),
        ("POST", "/monitors/-/pause"),
    ];
    assert_snapshot!(refusals(&api, &asked).await, @r"
    GET /heartbeat/
      400 bad_slug: a slug needs at least one character; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup
    GET /heartbeat//fail
      400 bad_slug: a slug needs at least one character; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup
    GET /heartbeat/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
      400 bad_slug: a slug has at most 64 characters, this one has 65; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup
    GET /heartbeat/Nightly
      400 bad_slug: a slug has only lowercase letters a-z, digits and hyphens, not 'N'; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup
    GET /heartbeat/a_b
      400 bad_slug: a slug has only lowercase letters a-z, digits and hyphens, not '_'; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup
    GET /heartbeat/a%20b
      400 bad_slug: a slug has only lowercase letters a-z, digits and hyphens, not ' '; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup
    GET /heartbeat/a%2Fstart
      400 bad_slug: a slug has only lowercase letters a-z, digits and hyphens, not '/'; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup
    GET /heartbeat/%C3%BC
      400 bad_slug: a slug has only lowercase letters a-z, digits and hyphens, not 'ü'; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup
    GET /heartbeat/%00
      400 bad_slug: a slug has only lowercase letters a-z, digits and hyphens, not '\0'; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup
    GET /heartbeat/-a
      400 bad_slug: a slug must not start with a hyphen; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup
    GET /heartbeat/a-
      400 bad_slug: a slug must not end with a hyphen; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup
    DELETE /monitors/A
      400 bad_slug: a slug has only lowercase letters a-z, digits and hyphens, not 'A'; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup
    POST /monitors/-/pause
      400 bad_slug: a slug must not start with a hyphen; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup
    ");
    nothing_was_written(&api).await;
}

#[tokio::test]
async fn an_interval_or_grace_that_is_wrong_is_refused() {
    let api = Installation::new().await;
    let asked = [
        ("GET", "/heartbeat/a?interval=29"),
        ("GET", "/heartbeat/a?interval=366d"),
        ("GET", "/heartbeat/a?interval=99999999999999999999999"),
        ("GET", "/heartbeat/a?interval=soon"),
        ("GET", "/heartbeat/a?interval="),
        ("GET", "/heartbeat/a?interval"),
        ("GET", "/heartbeat/a?interval=-5m"),
        ("GET", "/heartbeat/a?interval=30500ms"),
        ("GET", "/heartbeat/a?interval=%FF"),
        ("GET", "/heartbeat/a?interval=5m&interval=1h"),
        ("GET", "/heartbeat/a?grace=366d"),
        ("GET", "/heartbeat/a?grace=much"),
        ("POST", "/heartbeat/a/fail?grace=%zz"),
    ];
    assert_snapshot!(refusals(&api, &asked).await, @r#"
    GET /heartbeat/a?interval=29
      400 bad_interval: an interval is from 30s to 365d, not "29"; nothing was recorded: mend `interval` or leave it out
    GET /heartbeat/a?interval=366d
      400 bad_interval: an interval is from 30s to 365d, not "366d"; nothing was recorded: mend `interval` or leave it out
    GET /heartbeat/a?interval=99999999999999999999999
      400 bad_interval: an interval is from 30s to 365d, not "99999999999999999999999"; nothing was recorded: mend `interval` or leave it out
    GET /heartbeat/a?interval=soon
      400 bad_interval: "soon" is not a duration: write 5m, 1h, 2h30m, or seconds such as 300; nothing was recorded: mend `interval` or leave it out
    GET /heartbeat/a?interval=
      400 bad_interval: "" is not a duration: write 5m, 1h, 2h30m, or seconds such as 300; nothing was recorded: mend `interval` or leave it out
    GET /heartbeat/a?interval
      400 bad_interval: "" is not a duration: write 5m, 1h, 2h30m, or seconds such as 300; nothing was recorded: mend `interval` or leave it out
    GET /heartbeat/a?interval=-5m
      400 bad_interval: "-5m" is not a duration: write 5m, 1h, 2h30m, or seconds such as 300; nothing was recorded: mend `interval` or leave it out
    GET /heartbeat/a?interval=30500ms
      400 bad_interval: "30500ms" is not a whole number of seconds; nothing was recorded: mend `interval` or leave it out
    GET /heartbeat/a?interval=%FF
      400 bad_query: `interval` is not percent-encoded UTF-8: write % as %25
    GET /heartbeat/a?interval=5m&interval=1h
      400 bad_query: `interval` is given twice with different values: give it once
    GET /heartbeat/a?grace=366d
      400 bad_grace: a grace is from 0 to 365d, not "366d"; nothing was recorded: mend `grace` or leave it out
    GET /heartbeat/a?grace=much
      400 bad_grace: "much" is not a duration: write 5m, 1h, 2h30m, or seconds such as 300; nothing was recorded: mend `grace` or leave it out
    POST /heartbeat/a/fail?grace=%zz
      400 bad_query: `grace` is not percent-encoded UTF-8: write % as %25
    "#);
    nothing_was_written(&api).await;
}

#[tokio::test]
async fn odd_paths_and_unknown_ones_are_refused_in_our_own_words() {
    let api = Installation::new().await;
    let asked = [
        ("GET", "/heartbeat/%FF"),
        ("GET", "/heartbeat/%zz"),
        ("GET", "/heartbeat/a/%FF"),
        ("DELETE", "/monitors/%ff"),
        ("POST", "/monitors/%2/pause"),
        ("GET", "/heartbeat/a/failed"),
        ("GET", "/heartbeat/a/1.5"),
        ("GET", "/heartbeat/a/start/x"),
        ("GET", "/heartbeat"),
        ("GET", "/"),
        ("GET", "/monitors/"),
        ("GET", "/%FF%00"),
        ("POST", "/monitors/a/snooze"),
    ];
    assert_snapshot!(refusals(&api, &asked).await, @r"
    GET /heartbeat/%FF
      400 bad_path: the path is not percent-encoded UTF-8: write each byte that is not a letter or digit as % and two hex digits
    GET /heartbeat/%zz
      400 bad_path: the path is not percent-encoded UTF-8: write each byte that is not a letter or digit as % and two hex digits
    GET /heartbeat/a/%FF
      400 bad_path: the path is not percent-encoded UTF-8: write each byte that is not a letter or digit as % and two hex digits
    DELETE /monitors/%ff
      400 bad_path: the path is not percent-encoded UTF-8: write each byte that is not a letter or digit as % and two hex digits
    POST /monitors/%2/pause
      400 bad_path: the path is not percent-encoded UTF-8: write each byte that is not a letter or digit as % and two hex digits
    GET /heartbeat/a/failed
      404 unknown_signal: what follows the slug is not a signal: use start, fail, log, or an exit code in digits; nothing was recorded
    GET /heartbeat/a/1.5
      404 unknown_signal: what follows the slug is not a signal: use start, fail, log, or an exit code in digits; nothing was recorded
    GET /heartbeat/a/start/x
      404 unknown_signal: what follows the slug is not a signal: use start, fail, log, or an exit code in digits; nothing was recorded
    GET /heartbeat
      404 unknown_path: there is nothing at this path: pings go to /heartbeat/{slug}, management to /monitors and /api/v1
    GET /
      404 unknown_path: there is nothing at this path: pings go to /heartbeat/{slug}, management to /monitors and /api/v1
    GET /monitors/
      404 unknown_path: there is nothing at this path: pings go to /heartbeat/{slug}, management to /monitors and /api/v1
    GET /%FF%00
      404 unknown_path: there is nothing at this path: pings go to /heartbeat/{slug}, management to /monitors and /api/v1
    POST /monitors/a/snooze
      404 unknown_path: there is nothing at this path: pings go to /heartbeat/{slug}, management to /monitors and /api/v1
    ");
    nothing_was_written(&api).await;
}

#[tokio::test]
async fn a_wrong_method_says_which_are_right() {
    let api = Installation::new().await;
    assert_snapshot!(api.call("PUT", "/heartbeat/a").await, @r#"
    405 Method Not Allowed
    content-type: application/json
    allow: GET, HEAD, POST

    {
      "error": {
        "code": "method_not_allowed",
        "message": "this path does not take this method: use GET, HEAD, POST",
        "request_id": "r-1"
      }
    }
    "#);
    let mut allowed = Vec::new();
    for path in [
        "/heartbeat/a/fail",
        "/monitors",
        "/monitors/a",
        "/monitors/a/pause",
        "/monitors/a/unpause",
        "/healthz",
        "/readyz",
    ] {
        let answer = api.call("PATCH", path).await;
        allowed.push(format!("{path}: {} {}", answer.code(), answer.header("allow").unwrap()));
    }
    assert_snapshot!(allowed.join("\n"), @r"
    /heartbeat/a/fail: method_not_allowed GET, HEAD, POST
    /monitors: method_not_allowed GET, HEAD
    /monitors/a: method_not_allowed DELETE
    /monitors/a/pause: method_not_allowed POST
    /monitors/a/unpause: method_not_allowed POST
    /healthz: method_not_allowed GET, HEAD
    /readyz: method_not_allowed GET, HEAD
    ");
}

#[tokio::test]
async fn a_management_query_is_known_or_refused() {
    let api = Installation::new().await;
    let asked = [
        ("GET", "/monitors?colour=red"),
        ("GET", "/monitors?limit=0"),
        ("GET", "/monitors?limit=501"),
        ("GET", "/monitors?limit=many"),
        ("GET", "/monitors?cursor=-"),
        ("GET", "/monitors?status=sad"),
        ("GET", "/monitors?status=%FF"),
        ("GET", "/monitors?limit=1&limit=2"),
        ("DELETE", "/monitors/a?force"),
        ("POST", "/monitors/a/pause?for=2h"),
        ("POST", "/monitors/a/unpause?x=1"),
    ];
    assert_snapshot!(refusals(&api, &asked).await, @r"
    GET /monitors?colour=red
      400 bad_query: there is a parameter that is not known: this call takes cursor, limit, status, tag and q
    GET /monitors?limit=0
      400 bad_query: `limit` is a number from 1 to 500
    GET /monitors?limit=501
      400 bad_query: `limit` is a number from 1 to 500
    GET /monitors?limit=many
      400 bad_query: `limit` is a number from 1 to 500
    GET /monitors?cursor=-
      400 bad_query: `cursor` is not the `next_cursor` of an earlier page: copy it unchanged
    GET /monitors?status=sad
      400 bad_query: `status` is one of new, ok, running, late, overdue, paused
    GET /monitors?status=%FF
      400 bad_query: `status` is not percent-encoded UTF-8: write % as %25
    GET /monitors?limit=1&limit=2
      400 bad_query: `limit` is given twice with different values: give it once
    DELETE /monitors/a?force
      400 bad_query: there is a parameter that is not known: this call takes no parameter
    POST /monitors/a/pause?for=2h
      400 bad_query: there is a parameter that is not known: this call takes no parameter
    POST /monitors/a/unpause?x=1
      400 bad_query: there is a parameter that is not known: this call takes no parameter
    ");
}

#[tokio::test]
async fn a_monitor_that_is_not_there_is_unknown() {
    let api = Installation::new().await;
    let asked = [("DELETE", "/monitors/a"), ("POST", "/monitors/a/pause"), ("POST", "/monitors/a/unpause")];
    assert_snapshot!(refusals(&api, &asked).await, @r"
    DELETE /monitors/a
      404 unknown_monitor: there is no monitor `a` in this project: a first ping to /heartbeat/a makes it
    POST /monitors/a/pause
      404 unknown_monitor: there is no monitor `a` in this project: a first ping to /heartbeat/a makes it
    POST /monitors/a/unpause
      404 unknown_monitor: there is no monitor `a` in this project: a first ping to /heartbeat/a makes it
    ");
}

#[tokio::test]
async fn every_way_to_have_no_right_key_is_told_apart() {
    let api = Installation::new().await;
    let (revoked, expired, unknown) =
        (ApiKey::from_random([60; 32]), ApiKey::from_random([61; 32]), ApiKey::from_random([62; 32]));
    api.put(&KeyRecord { revoked_at: Some(NOW), ..record(&revoked, &[Scope::Admin]) }).await;
    api.put(&KeyRecord { expires_at: Some(NOW), ..record(&expired, &[Scope::Admin]) }).await;
    let bearer = |key: &ApiKey| format!("Bearer {}", key.reveal());
    let broken = bearer(&unknown).replace("3e3e", "3e3f");
    let basic = "Basic aGI6aGI=".to_owned();
    let mut seen = String::new();
    for (what, value) in [
        ("nothing", None),
        ("another scheme", Some(basic)),
        ("no key", Some("Bearer ".to_owned())),
        ("a typo", Some(broken)),
        ("a stranger's", Some(bearer(&unknown))),
        ("a revoked one", Some(bearer(&revoked))),
        ("an expired one", Some(bearer(&expired))),
    ] {
        let asked = request("GET", "/heartbeat/a", None);
        let asked = if let Some(value) = value { asked.header("authorization", value) } else { asked };
        let answer = api.send(asked.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        write_refusal(&mut seen, what, &answer);
    }
    assert_snapshot!(seen, @r"
    nothing
      401 missing_key: send an API key as `Authorization: Bearer hb_…`; `heartbeat add-api-key` makes one
    another scheme
      401 missing_key: send an API key as `Authorization: Bearer hb_…`; `heartbeat add-api-key` makes one
    no key
      401 malformed_key: this is not a Heartbeat API key: one starts with hb_ and has 75 characters; check that it was copied whole
    a typo
      401 malformed_key: this is not a Heartbeat API key: one starts with hb_ and has 75 characters; check that it was copied whole
    a stranger's
      401 unknown_key: this API key is not known: check that it belongs to this installation, or make a new one
    a revoked one
      401 revoked_key: this API key was revoked: make a new one
    an expired one
      401 expired_key: this API key has expired: make a new one
    ");
    nothing_was_written(&api).await;
}

#[tokio::test]
async fn a_scheme_in_any_case_is_bearer() {
    let api = Installation::new().await;
    let asked = request("GET", "/heartbeat/a", None).header("authorization", format!("bEARER  {}", api.key.reveal()));
    assert_eq!(api.send(asked.body(Body::empty()).unwrap()).await.status, 201);
}

#[tokio::test]
async fn each_call_names_the_scope_that_it_needs() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    let (ping, read, write) =
        (api.key_for(&[Scope::Ping]).await, api.key_for(&[Scope::Read]).await, api.key_for(&[Scope::Write]).await);
    assert_snapshot!(api.call_as(&ping, "GET", "/monitors").await, @r#"
    403 Forbidden
    content-type: application/json

    {
      "error": {
        "code": "wrong_scope",
        "message": "this API key lacks the scope `read`: use a key that has it",
        "request_id": "r-1"
      }
    }
    "#);
    for (key, method, path, needs) in [
        (&read, "GET", "/heartbeat/a", "ping"),
        (&write, "POST", "/heartbeat/a/fail", "ping"),
        (&write, "GET", "/monitors", "read"),
        (&read, "DELETE", "/monitors/a", "write"),
        (&ping, "POST", "/monitors/a/pause", "write"),
        (&read, "POST", "/monitors/a/unpause", "write"),
    ] {
        let answer = api.call_as(key, method, path).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (403, "wrong_scope".to_owned()));
        assert!(answer.body.contains(&format!("`{needs}`")), "{answer}");
    }
    assert_eq!(api.call_as(&ping, "GET", "/heartbeat/b").await.status, 201);
    assert_eq!(api.call_as(&read, "GET", "/monitors").await.status, 200);
    assert_eq!(api.call_as(&write, "POST", "/monitors/a/pause").await.status, 200);
}
