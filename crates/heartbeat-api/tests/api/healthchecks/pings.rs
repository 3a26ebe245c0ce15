//! Their pings.

use axum::body::Body;
use heartbeat_core::key::{ApiKey, KeyRecord, Scope};
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{CHECKS, call, check, ping};
use crate::{
    installation::{Installation, record, request},
    weather::Sky,
};

#[tokio::test]
async fn a_uuid_is_pinged_with_every_signal() {
    let api = Installation::new().await;
    let uuid = check(&api, json!({ "name": "Nightly Backup" })).await;
    let mut seen = Vec::new();
    for (method, end) in [
        ("GET", ""),
        ("HEAD", ""),
        ("POST", "/"),
        ("GET", "/start?rid=728b3763-ad80-4113-9fc0-f38b31f2cb2b"),
        ("POST", "/0?rid=728b3763-ad80-4113-9fc0-f38b31f2cb2b"),
        ("GET", "/log"),
        ("GET", "/fail"),
        ("GET", "/255"),
    ] {
        api.advance(1);
        let answer = ping(&api, method, &format!("/ping/{uuid}{end}")).await;
        assert_eq!(answer.header("ping-body-limit"), Some("10000"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        let signal = api.last_ping("nightly-backup").await.signal;
        seen.push(format!("{method} {end}: {} {:?} {signal}", answer.status, answer.body));
    }
    assert_snapshot!(seen.join("\n"), @r#"
    GET : 200 OK "OK" success
    HEAD : 200 OK "" success
    POST /: 200 OK "OK" success
    GET /start?rid=728b3763-ad80-4113-9fc0-f38b31f2cb2b: 200 OK "OK" start
    POST /0?rid=728b3763-ad80-4113-9fc0-f38b31f2cb2b: 200 OK "OK" exit 0
    GET /log: 200 OK "OK" log
    GET /fail: 200 OK "OK" fail
    GET /255: 200 OK "OK" exit 255
    "#);
}

#[tokio::test]
async fn a_slug_is_pinged_with_the_ping_key_in_the_path() {
    let api = Installation::new().await;
    let key = api.key_for(&[Scope::Ping]).await;
    let base = format!("/ping/{}", key.reveal());
    let mut seen = Vec::new();
    for end in ["/DB_Backup", "/DB_Backup/start?create=1", "/db-backup", "/db_backup/fail", "/other?create=0"] {
        api.advance(1);
        let answer = ping(&api, "GET", &format!("{base}{end}")).await;
        seen.push(format!("{end}: {} {}", answer.status, answer.body));
    }
    assert_snapshot!(seen.join("\n"), @r"
    /DB_Backup: 404 Not Found not found
    /DB_Backup/start?create=1: 201 Created Created
    /db-backup: 200 OK OK
    /db_backup/fail: 200 OK OK
    /other?create=0: 404 Not Found not found
    ");
    let made = api.call("GET", "/api/v1/monitors/db-backup").await.json();
    assert_eq!((&made["interval"], &made["grace"], &made["ping_count"]), (&json!("1d"), &json!("1h"), &json!(3)));
}

#[tokio::test]
async fn create_leaves_the_schedule_of_what_is_there_and_takes_one_that_is_given() {
    let api = Installation::new().await;
    let base = format!("/ping/{}", api.key.reveal());
    api.call("GET", "/heartbeat/there?interval=5m&grace=30s").await;
    api.advance(1);
    assert_eq!(ping(&api, "GET", &format!("{base}/there?create=1")).await.status, 200);
    assert_eq!(ping(&api, "GET", &format!("{base}/new?create=1&cron=0+3+*+*+*&tz=Europe/Riga")).await.status, 201);
    let monitors = api.call("GET", "/monitors").await.json()["monitors"].clone();
    let schedules: Vec<&Value> = monitors.as_array().unwrap().iter().map(|one| &one["schedule"]).collect();
    assert_eq!(json!(schedules), json!(["cron 0 3 * * * in Europe/Riga", "every 5m"]));
}

#[tokio::test]
async fn the_body_is_kept_as_text_whatever_it_is_called() {
    let api = Installation::new().await;
    let uuid = check(&api, json!({ "slug": "a" })).await;
    let asked = request("POST", &format!("/ping/{uuid}"), None).header("content-type", "application/json");
    api.send(asked.body(Body::from(r#"{"rows":3}"#)).unwrap()).await;
    assert_eq!(api.last_ping("a").await.body, r#"{"rows":3}"#);
}

#[tokio::test]
async fn each_ping_that_is_refused_is_told_in_their_words() {
    let api = Installation::new().await;
    let uuid = check(&api, json!({ "slug": "a" })).await;
    let key = api.key.reveal().to_owned();
    let reader = api.key_for(&[Scope::Read]).await;
    let limited = api.key_for(&[Scope::Ping]).await;
    let only = heartbeat_core::Slug::parse("b").ok();
    api.put(&KeyRecord { monitor: only, ..record(&limited, &[Scope::Ping]) }).await;
    let unknown = ApiKey::from_random([9; 32]);
    let mut seen = Vec::new();
    for (what, path) in [
        ("unknown uuid", "/ping/07070707-0707-4707-8707-070707070707".to_owned()),
        ("unknown signal", format!("/ping/{uuid}/restart")),
        ("two signals", format!("/ping/{uuid}/fail/1")),
        ("broken path", format!("/ping/{uuid}/%FF")),
        ("no slug", format!("/ping/{key}")),
        ("no slug left", format!("/ping/{key}/___?create=1")),
        ("unknown slug", format!("/ping/{key}/b")),
        ("no key", "/ping/some-key/a".to_owned()),
        ("unknown key", format!("/ping/{}/a", unknown.reveal())),
        ("wrong scope", format!("/ping/{}/a", reader.reveal())),
        ("another monitor", format!("/ping/{}/a", limited.reveal())),
    ] {
        let answer = ping(&api, "GET", &path).await;
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"), "{what}");
        seen.push(format!("{what}: {} {}", answer.status, answer.body));
    }
    seen.push(format!("method: {}", ping(&api, "DELETE", &format!("/ping/{uuid}")).await.status));
    call(&api, "DELETE", &format!("{CHECKS}{uuid}"), None).await;
    let answer = ping(&api, "GET", &format!("/ping/{uuid}")).await;
    seen.push(format!("deleted: {} {}", answer.status, answer.body));
    api.weather.turn(Sky::Down);
    let answer = ping(&api, "GET", &format!("/ping/{uuid}")).await;
    seen.push(format!("away: {} {:?} {}", answer.status, answer.header("retry-after"), answer.body));
    assert_snapshot!(seen.join("\n"), @r#"
    unknown uuid: 404 Not Found not found
    unknown signal: 400 Bad Request invalid url format
    two signals: 400 Bad Request invalid url format
    broken path: 400 Bad Request invalid url format
    no slug: 404 Not Found not found
    no slug left: 404 Not Found not found
    unknown slug: 404 Not Found not found
    no key: 404 Not Found not found
    unknown key: 404 Not Found not found
    wrong scope: 403 Forbidden this API key lacks the scope `ping`: use a key that has it
    another monitor: 404 Not Found not found
    method: 405 Method Not Allowed
    deleted: 410 Gone monitor `a` was deleted, and pings do not bring it back for a day: stop the job that pings it, or use another slug
    away: 503 Service Unavailable Some("5") the store is not available, so nothing is promised: send it again after Retry-After
    "#);
}
