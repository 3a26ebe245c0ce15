//! Monitors as people define them: made, replaced, changed, previewed, paused, deleted, found again; by slug and by UUID.

use heartbeat_core::{
    MonitorId, Project, Slug, Timestamp,
    history::Happening,
    key::{ApiKey, KeyRecord, Scope},
};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::installation::{Answer, Installation, record};

const MONITORS: &str = "/api/v1/monitors";

async fn make(api: &Installation, body: Value) -> Answer {
    api.say("POST", MONITORS, &body).await
}

/// A monitor of every field, and its UUID.
async fn with_backup(api: &Installation) -> String {
    let made = make(
        api,
        json!({"slug": "backup", "name": "Nightly backup", "description": "See the runbook.", "tags": ["db", "prod"],
            "cron": "30 2 * * *", "timezone": "Europe/Berlin", "grace": "30m", "max_runtime": "1h", "failure_threshold": 2,
            "remind_every": "6h", "resume_on_ping": true, "channels": []}),
    );
    made.await.json()["uuid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_monitor_is_made_with_every_field_and_shown() {
    let api = Installation::new().await;
    with_backup(&api).await;
    assert_snapshot!(api.call("GET", "/api/v1/monitors/backup").await, @r#"
    200 OK
    content-type: application/json

    {
      "channels": [],
      "created_at": "2026-11-23T03:00:00.000000Z",
      "created_by": {
        "at": "2026-11-23T03:00:00.000000Z",
        "key": "ee0983e4683d",
        "name": "test"
      },
      "cron": "30 2 * * *",
      "defined": true,
      "description": "See the runbook.",
      "expires_at": null,
      "failure_threshold": 2,
      "grace": "30m",
      "incident": null,
      "interval": null,
      "last_duration_ms": null,
      "last_ping_at": null,
      "late": false,
      "max_runtime": "1h",
      "name": "Nightly backup",
      "next_due_at": null,
      "paused_until": null,
      "ping_count": 0,
      "ping_url": "/ping/b0f4d125-cc0d-494a-ad8f-c15a3248c9da",
      "project": "default",
      "remind_every": "6h",
      "resume_on_ping": true,
      "run": null,
      "running": false,
      "runs": [],
      "schedule": "cron 30 2 * * * in Europe/Berlin",
      "since": "2026-11-23T03:00:00.000000Z",
      "slug": "backup",
      "status": "new",
      "tags": [
        "db",
        "prod"
      ],
      "timezone": "Europe/Berlin",
      "updated_by": null,
      "uuid": "b0f4d125-cc0d-494a-ad8f-c15a3248c9da"
    }
    "#);
}

#[tokio::test]
async fn what_is_left_out_is_as_it_is_without_it_and_the_place_is_said() {
    let api = Installation::new().await;
    let made = make(&api, json!({"slug": "plain"})).await;
    assert_eq!(made.header("location"), Some("/api/v1/monitors/plain"));
    assert_snapshot!(made, @r#"
    201 Created
    content-type: application/json

    {
      "channels": null,
      "created_at": "2026-11-23T03:00:00.000000Z",
      "created_by": {
        "at": "2026-11-23T03:00:00.000000Z",
        "key": "ee0983e4683d",
        "name": "test"
      },
      "cron": null,
      "defined": true,
      "description": null,
      "expires_at": null,
      "failure_threshold": 1,
      "grace": "1m",
      "incident": null,
      "interval": "5m",
      "last_duration_ms": null,
      "last_ping_at": null,
      "late": false,
      "max_runtime": null,
      "name": null,
      "next_due_at": null,
      "paused_until": null,
      "ping_count": 0,
      "ping_url": "/ping/b0f4d125-cc0d-494a-ad8f-c15a3248c9da",
      "project": "default",
      "remind_every": null,
      "resume_on_ping": false,
      "run": null,
      "running": false,
      "runs": [],
      "schedule": "every 5m",
      "since": "2026-11-23T03:00:00.000000Z",
      "slug": "plain",
      "status": "new",
      "tags": [],
      "timezone": null,
      "updated_by": null,
      "uuid": "b0f4d125-cc0d-494a-ad8f-c15a3248c9da"
    }
    "#);
}

#[tokio::test]
async fn a_monitor_is_named_by_its_uuid_as_well_and_pinged_by_it_without_a_key() {
    let api = Installation::new().await;
    let uuid = with_backup(&api).await;
    let by_uuid = api.call("GET", &format!("{MONITORS}/{uuid}")).await;
    assert_eq!(by_uuid.json()["slug"], "backup");
    let pinged = api.send(
        crate::installation::request("POST", &format!("/heartbeat/{uuid}"), None)
            .body(axum::body::Body::empty())
            .unwrap(),
    );
    assert_snapshot!(pinged.await, @r"
    200 OK
    content-type: text/plain; charset=utf-8

    200 OK
    ");
    let shown = api.call("GET", "/api/v1/monitors/backup").await.json();
    assert_eq!((&shown["ping_count"], &shown["status"]), (&json!(1), &json!("ok")));
    // 02:30 in Berlin is 01:30 UTC; it is 03:00 UTC now.
    assert_eq!(shown["next_due_at"], "2026-11-24T02:00:00.000000Z");
    let failed = format!("/heartbeat/{}/fail", uuid.to_uppercase());
    let failed =
        api.send(crate::installation::request("GET", &failed, None).body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(failed.status, 200, "{failed}");
}

#[tokio::test]
async fn a_uuid_that_nobody_has_is_not_found_and_makes_nothing() {
    let api = Installation::new().await;
    let path = "/heartbeat/07070707-0707-4707-8707-070707070707";
    let unknown = api.send(crate::installation::request("POST", path, None).body(axum::body::Body::empty()).unwrap());
    assert_snapshot!(unknown.await, @r#"
    404 Not Found
    content-type: application/json

    {
      "error": {
        "code": "unknown_ping_url",
        "message": "no monitor has this ping URL: it was copied wrong, or its monitor is gone or has another one now",
        "request_id": "r-1"
      }
    }
    "#);
    assert_eq!(api.call("GET", MONITORS).await.json()["monitors"], json!([]));
}

#[tokio::test]
async fn a_new_ping_url_ends_the_old_one_and_none_of_a_deleted_monitor_brings_it_back() {
    let api = Installation::new().await;
    let old = with_backup(&api).await;
    let same = api.call("POST", "/api/v1/monitors/backup/ping-url").await.json();
    assert_eq!(same["uuid"], old.as_str(), "there is one");
    let new = api.say("POST", "/api/v1/monitors/backup/ping-url", &json!({"rotate": true})).await.json();
    let new = new["uuid"].as_str().unwrap();
    assert_ne!(new, old);
    let ping = async |uuid: &str| {
        let ping = crate::installation::request("GET", &format!("/heartbeat/{uuid}"), None);
        api.send(ping.body(axum::body::Body::empty()).unwrap()).await
    };
    assert_eq!((ping(new).await.status.as_u16(), ping(&old).await.code().as_str()), (200, "unknown_ping_url"));
    assert_eq!(api.call("DELETE", &format!("{MONITORS}/{new}")).await.status, 200);
    assert_eq!(ping(new).await.code(), "deleted_monitor");
    api.advance(86_400);
    assert_eq!(ping(new).await.code(), "unknown_ping_url");
}

#[tokio::test]
async fn a_first_ping_may_carry_the_whole_schedule() {
    let api = Installation::new().await;
    let pinged = api.call("GET", "/heartbeat/nightly?cron=0+9+*+*+1-5&tz=Asia/Tokyo&grace=10m").await;
    assert_eq!(pinged.status, 201);
    let shown = api.call("GET", "/api/v1/monitors/nightly").await.json();
    let told = ["schedule", "cron", "timezone", "interval", "next_due_at", "defined"].map(|name| shown[name].clone());
    assert_snapshot!(json!(told), @r#"
    ["cron 0 9 * * 1-5 in Asia/Tokyo","0 9 * * 1-5","Asia/Tokyo",null,"2026-11-24T00:10:00.000000Z",false]
    "#);
    let refused = api.call("GET", "/heartbeat/other?cron=0+9+*+*").await;
    assert_snapshot!(refused, @r#"
    400 Bad Request
    content-type: application/json

    {
      "error": {
        "code": "bad_cron",
        "message": "a cron line has five fields (minute, hour, day of month, month, day of week), not 4; nothing was recorded: mend `cron` and `tz`, or leave them out",
        "request_id": "r-1"
      }
    }
    "#);
}

#[tokio::test]
async fn put_makes_and_replaces_and_the_same_again_changes_nothing() {
    let api = Installation::new().await;
    let put = async |body: Value| api.say("PUT", "/api/v1/monitors/job", &body).await;
    assert_eq!(put(json!({"interval": "10m", "name": "Job"})).await.status, 201);
    let before = api.flow.store.find(&id("job"), api.flow.clock.now()).await.unwrap();
    assert_eq!(put(json!({"interval": "10m", "name": "Job"})).await.status, 200);
    assert_eq!(api.flow.store.find(&id("job"), api.flow.clock.now()).await.unwrap(), before);
    let replaced = put(json!({"interval": "20m"})).await.json();
    assert_eq!((&replaced["interval"], &replaced["name"]), (&json!("20m"), &Value::Null), "what is absent goes back");
}

#[tokio::test]
async fn patch_changes_what_is_given_and_history_tells_who_and_what() {
    let api = Installation::new().await;
    with_backup(&api).await;
    let body = json!({"grace": 600, "timezone": "UTC", "name": null});
    let patched = api.say("PATCH", "/api/v1/monitors/backup", &body).await.json();
    let told = ["name", "cron", "timezone", "grace", "updated_by", "description"].map(|name| patched[name].clone());
    assert_snapshot!(format!("{:#}", json!(told)), @r#"
    [
      null,
      "30 2 * * *",
      "UTC",
      "10m",
      {
        "at": "2026-11-23T03:00:00.000000Z",
        "key": "ee0983e4683d",
        "name": "test"
      },
      "See the runbook."
    ]
    "#);
    let rows = api.flow.store.history(&id("backup"), Timestamp::MAX, 10).await.unwrap();
    let edits = rows.into_iter().filter_map(|row| {
        let Happening::Edited(edit) = row.happening else { return None };
        Some(json!({"by": edit.by, "before": edit.before, "after": edit.after}))
    });
    let edits: Vec<Value> = edits.collect();
    assert_eq!(edits.len(), 2);
    assert_snapshot!(format!("{:#}", edits[0]), @r#"
    {
      "after": {
        "channels": [],
        "cron": "30 2 * * *",
        "description": "See the runbook.",
        "failure_threshold": 2,
        "grace": "30m",
        "max_runtime": "1h",
        "name": "Nightly backup",
        "remind_every": "6h",
        "resume_on_ping": true,
        "tags": [
          "db",
          "prod"
        ],
        "timezone": "Europe/Berlin"
      },
      "before": {},
      "by": {
        "key": "ee0983e4683d",
        "name": "test"
      }
    }
    "#);
}

#[tokio::test]
async fn the_next_runs_are_previewed() {
    let api = Installation::new().await;
    with_backup(&api).await;
    assert_snapshot!(api.call("GET", "/api/v1/monitors/backup/schedule?count=3").await, @r#"
    200 OK
    content-type: application/json

    {
      "runs": [
        "2026-11-24T01:30:00.000000Z",
        "2026-11-25T01:30:00.000000Z",
        "2026-11-26T01:30:00.000000Z"
      ],
      "schedule": "cron 30 2 * * * in Europe/Berlin"
    }
    "#);
    make(&api, json!({"slug": "plain", "interval": "1h"})).await;
    api.call("GET", "/heartbeat/plain").await;
    assert_snapshot!(api.call("GET", "/api/v1/monitors/plain/schedule?count=2").await, @r#"
    200 OK
    content-type: application/json

    {
      "runs": [
        "2026-11-23T04:00:00.000000Z",
        "2026-11-23T05:00:00.000000Z"
      ],
      "schedule": "every 1h"
    }
    "#);
}

#[tokio::test]
async fn monitors_are_found_by_status_tag_and_text() {
    let api = Installation::new().await;
    with_backup(&api).await;
    make(&api, json!({"slug": "mail", "tags": ["prod"], "description": "Sends the NEWSLETTER"})).await;
    api.call("GET", "/heartbeat/mail").await;
    let found = async |query: &str| {
        let list = api.call("GET", &format!("{MONITORS}?{query}")).await.json();
        let slugs = list["monitors"].as_array().unwrap().iter().map(|one| one["slug"].as_str().unwrap().to_owned());
        slugs.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(found("").await, "backup mail");
    assert_eq!(found("tag=prod").await, "backup mail");
    assert_eq!(found("tag=prod&tag=db").await, "backup");
    assert_eq!(found("q=newsletter").await, "mail");
    assert_eq!(found("status=new").await, "backup");
    assert_eq!(found("status=ok&tag=db").await, "");
}

#[tokio::test]
async fn a_pause_with_an_end_and_a_resumption() {
    let api = Installation::new().await;
    with_backup(&api).await;
    let paused = api.say("POST", "/api/v1/monitors/backup/pause", &json!({"for": "2h"})).await.json();
    assert_eq!((&paused["status"], &paused["paused_until"]), (&json!("paused"), &json!("2026-11-23T05:00:00.000000Z")));
    assert_eq!(api.call("POST", "/api/v1/monitors/backup/resume").await.json()["status"], "new");
}

#[tokio::test]
async fn a_spooled_ping_and_metadata_are_understood_and_odd_ones_noted() {
    let api = Installation::new().await;
    make(&api, json!({"slug": "job", "interval": "1h"})).await;
    let spooled = api.call("GET", "/heartbeat/job?at=2026-11-23T02:50:00Z").await;
    assert_snapshot!(spooled, @r"
    200 OK
    content-type: text/plain; charset=utf-8

    200 OK
    note: it happened earlier: it is recorded, and opens no incident
    ");
    let due = async || api.call("GET", "/api/v1/monitors/job").await.json()["next_due_at"].clone();
    assert_eq!(due().await, "2026-11-23T03:51:00.000000Z");
    assert_snapshot!(api.call("GET", "/heartbeat/job?at=yesterday").await, @r"
    200 OK
    content-type: text/plain; charset=utf-8

    200 OK
    note: the time (at) could not be read or is in the future, the time of receipt counts
    ");
    api.advance(1);
    assert_eq!(api.say("POST", "/heartbeat/job", &json!({"rows": 17})).await.body, "200 OK\n");
    let kept = api.last_ping("job").await;
    assert_eq!((json!(kept.metadata), kept.body.as_str()), (json!({"rows": 17}), ""));
    api.advance(1);
    assert_snapshot!(api.say("POST", "/heartbeat/job", &json!([1, 2])).await, @r"
    200 OK
    content-type: text/plain; charset=utf-8

    200 OK
    note: the metadata is no JSON object of at most 4 kB, and is ignored
    ");
    assert_eq!(api.last_ping("job").await.body, "[1,2]");
}

#[tokio::test]
async fn every_refusal_says_what_to_do() {
    let api = Installation::new().await;
    make(&api, json!({"slug": "there"})).await;
    let mut lines = Vec::new();
    let asked: [(&str, &str, Value); 12] = [
        ("POST", "", json!({"slug": "there"})),
        ("POST", "", json!({"slug": "No Slug"})),
        ("POST", "", json!({"interval": "5m"})),
        ("POST", "", json!({"slug": "a", "interval": "5s"})),
        ("POST", "", json!({"slug": "a", "interval": "5m", "cron": "@daily"})),
        ("POST", "", json!({"slug": "a", "cron": "31 2 30 2 *"})),
        ("POST", "", json!({"slug": "a", "cron": "@daily", "timezone": "Berlin"})),
        ("POST", "", json!({"slug": "a", "tags": ["two words"]})),
        ("POST", "", json!({"slug": "a", "channels": ["Not A Name"]})),
        ("POST", "", json!({"slug": "a", "colour": "red"})),
        ("PATCH", "/nobody", json!({"grace": "5m"})),
        ("PUT", "/there", json!(["interval"])),
    ];
    for (method, path, body) in asked {
        let answer = api.say(method, &format!("{MONITORS}{path}"), &body).await;
        lines.push(format!("{method} {path} {body}\n  {} {}", answer.status, answer.json()["error"]["message"]));
    }
    assert_snapshot!(lines.join("\n"), @r#"
    POST  {"slug":"there"}
      409 Conflict "there is a monitor `there` already: PUT replaces and PATCH changes it"
    POST  {"slug":"No Slug"}
      400 Bad Request "a slug has only lowercase letters a-z, digits and hyphens, not 'N'; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup"
    POST  {"interval":"5m"}
      400 Bad Request "the body is not understood: missing field `slug`"
    POST  {"interval":"5s","slug":"a"}
      400 Bad Request "an interval is from 30s to 365d, not \"5s\"; nothing was changed"
    POST  {"cron":"@daily","interval":"5m","slug":"a"}
      400 Bad Request "give either `interval` or `cron`, not both; nothing was changed"
    POST  {"cron":"31 2 30 2 *","slug":"a"}
      400 Bad Request "\"31 2 30 2 *\" never runs: there is no such day; nothing was changed"
    POST  {"cron":"@daily","slug":"a","timezone":"Berlin"}
      400 Bad Request "\"Berlin\" is not a time zone: did you mean Europe/Berlin?; nothing was changed"
    POST  {"slug":"a","tags":["two words"]}
      400 Bad Request "a tag has 1 to 32 characters, and neither blanks nor commas; nothing was changed"
    POST  {"channels":["Not A Name"],"slug":"a"}
      400 Bad Request "\"Not A Name\" is no name of a channel; nothing was changed"
    POST  {"colour":"red","slug":"a"}
      400 Bad Request "the body is not understood: unknown field `colour`, expected one of `name`, `description`, `tags`, `interval`, `cron`, `timezone`, `grace`, `max_runtime`, `failure_threshold`, `remind_every`, `resume_on_ping`, `channels`"
    PATCH /nobody {"grace":"5m"}
      404 Not Found "there is no monitor `nobody` in this project: a first ping to /heartbeat/nobody makes it"
    PUT /there ["interval"]
      400 Bad Request "the body is not understood: invalid type: sequence, expected a map at line 1 column 0"
    "#);
    for (method, path) in
        [("GET", "/nobody"), ("GET", "/nobody/schedule"), ("POST", "/nobody/resume"), ("DELETE", "/nobody")]
    {
        assert_eq!(api.call(method, &format!("{MONITORS}{path}")).await.code(), "unknown_monitor", "{method} {path}");
    }
    assert_eq!(api.call("GET", "/api/v1/monitors/there/schedule?count=0").await.code(), "bad_query");
    assert_eq!(api.call("GET", "/api/v1/monitors?colour=red").await.code(), "bad_query");
    assert_eq!(api.call("PUT", "/api/v1/monitors/there").await.code(), "bad_json");
    assert_eq!(api.call("DELETE", MONITORS).await.code(), "method_not_allowed");
}

#[tokio::test]
async fn each_call_needs_its_scope_and_nobody_sees_another_ones() {
    let api = Installation::new().await;
    let uuid = with_backup(&api).await;
    let (reader, pinger) = (api.key_for(&[Scope::Read]).await, api.key_for(&[Scope::Ping]).await);
    let shown = api.call_as(&reader, "GET", "/api/v1/monitors/backup").await;
    assert_eq!(shown.status, 200);
    assert!(!shown.body.contains(&uuid), "who may not change it does not see its ping URL");
    assert!(!api.call_as(&reader, "GET", MONITORS).await.body.contains(&uuid));
    let calls = [
        ("POST", ""),
        ("PUT", "/backup"),
        ("PATCH", "/backup"),
        ("DELETE", "/backup"),
        ("POST", "/backup/pause"),
        ("POST", "/backup/resume"),
        ("POST", "/backup/ping-url"),
    ];
    for (method, path) in calls {
        let answer = api.say_as(&reader, method, &format!("{MONITORS}{path}"), &json!({"slug": "x"})).await;
        assert_eq!(answer.code(), "wrong_scope", "{method} {path}");
    }
    for path in ["", "/backup", "/backup/schedule"] {
        assert_eq!(api.call_as(&pinger, "GET", &format!("{MONITORS}{path}")).await.code(), "wrong_scope", "{path}");
    }
    let stranger = key_of(&api, "others", None).await;
    for path in ["/backup".to_owned(), format!("/{uuid}")] {
        let answer = api.call_as(&stranger, "GET", &format!("{MONITORS}{path}")).await;
        assert_eq!(answer.code(), "unknown_monitor", "{path}");
    }
    let limited = key_of(&api, "default", Some("mail")).await;
    assert_eq!(api.call_as(&limited, "GET", "/api/v1/monitors/backup").await.code(), "wrong_monitor");
    assert_eq!(api.say_as(&limited, "POST", MONITORS, &json!({"slug": "else"})).await.code(), "wrong_monitor");
}

async fn key_of(api: &Installation, project: &str, monitor: Option<&str>) -> ApiKey {
    let key = ApiKey::from_random([42 + u8::from(monitor.is_some()); 32]);
    let project = Project::parse(project).unwrap();
    let monitor = monitor.map(|slug| Slug::parse(slug).unwrap());
    api.put(&KeyRecord { project, monitor, ..record(&key, &[Scope::Admin]) }).await;
    key
}

fn id(slug: &str) -> MonitorId {
    MonitorId::new(Project::default(), Slug::parse(slug).unwrap())
}
