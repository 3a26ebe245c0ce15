//! The protocol of Healthchecks: its pings, its management, its words.

mod pings;

use axum::{body::Body, http::Request};
use heartbeat_core::key::{ApiKey, KeyRecord, Scope};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{
    installation::{Answer, Installation, record, request},
    weather::Sky,
};

const CHECKS: &str = "/api/v3/checks/";

async fn ping(api: &Installation, method: &str, path: &str) -> Answer {
    api.send(request(method, path, None).body(Body::empty()).unwrap()).await
}

/// A management call as its clients send it: the key in a header of its own, JSON that is not called JSON.
async fn call_as(api: &Installation, key: &ApiKey, method: &str, path: &str, body: Option<Value>) -> Answer {
    let asked = request(method, path, None).header("x-api-key", key.reveal()).header("host", "heartbeat.example");
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    api.send(asked.body(body).unwrap()).await
}

async fn call(api: &Installation, method: &str, path: &str, body: Option<Value>) -> Answer {
    call_as(api, &api.key, method, path, body).await
}

/// A new check; its UUID.
async fn check(api: &Installation, spec: Value) -> String {
    let made = call(api, "POST", CHECKS, Some(spec)).await;
    assert_eq!(made.status, 201, "{made}");
    made.json()["uuid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_check_is_made_and_shown_as_theirs() {
    let api = Installation::new().await;
    let spec = json!({
        "name": "Nightly Backup", "tags": "db prod", "desc": "of all tables", "timeout": 3600, "grace": 900,
        "channels": "*", "methods": "POST", "subject": "ok", "filter_subject": true, "tz": "UTC",
    });
    assert_snapshot!(call(&api, "POST", CHECKS, Some(spec)).await, @r#"
    201 Created
    content-type: application/json

    {
      "channels": "",
      "desc": "of all tables",
      "failure_kw": "",
      "filter_body": false,
      "filter_subject": false,
      "grace": 900,
      "last_ping": null,
      "manual_resume": false,
      "methods": "",
      "n_pings": 0,
      "name": "Nightly Backup",
      "next_ping": null,
      "pause_url": "http://heartbeat.example/api/v3/checks/b0f4d125-cc0d-494a-ad8f-c15a3248c9da/pause",
      "ping_url": "http://heartbeat.example/ping/b0f4d125-cc0d-494a-ad8f-c15a3248c9da",
      "resume_url": "http://heartbeat.example/api/v3/checks/b0f4d125-cc0d-494a-ad8f-c15a3248c9da/resume",
      "slug": "nightly-backup",
      "start_kw": "",
      "started": false,
      "status": "new",
      "subject": "",
      "subject_fail": "",
      "success_kw": "",
      "tags": "db prod",
      "timeout": 3600,
      "update_url": "http://heartbeat.example/api/v3/checks/b0f4d125-cc0d-494a-ad8f-c15a3248c9da",
      "uuid": "b0f4d125-cc0d-494a-ad8f-c15a3248c9da"
    }
    "#);
    let cron = json!({ "name": "Cron", "schedule": "15 5 * * *", "tz": "Europe/Riga", "manual_resume": true });
    let cron = call(&api, "POST", CHECKS, Some(cron)).await.json();
    assert_eq!(
        (&cron["schedule"], &cron["tz"], &cron["timeout"]),
        (&json!("15 5 * * *"), &json!("Europe/Riga"), &Value::Null)
    );
    assert_eq!((&cron["manual_resume"], &cron["grace"]), (&json!(true), &json!(3600)));
}

#[tokio::test]
async fn read_only_keys_see_neither_uuid_nor_urls() {
    let api = Installation::new().await;
    let uuid = check(&api, json!({ "name": "Nightly Backup" })).await;
    let reader = api.key_for(&[Scope::Read]).await;
    let listed = call_as(&api, &reader, "GET", CHECKS, None).await;
    assert_snapshot!(listed, @r#"
    200 OK
    content-type: application/json

    {
      "checks": [
        {
          "desc": "",
          "failure_kw": "",
          "filter_body": false,
          "filter_subject": false,
          "grace": 3600,
          "last_ping": null,
          "manual_resume": false,
          "methods": "",
          "n_pings": 0,
          "name": "Nightly Backup",
          "next_ping": null,
          "slug": "nightly-backup",
          "start_kw": "",
          "started": false,
          "status": "new",
          "subject": "",
          "subject_fail": "",
          "success_kw": "",
          "tags": "",
          "timeout": 86400,
          "unique_key": "cc5756da9d124eb9f4a6c3da1f97e94b96c62f12"
        }
      ]
    }
    "#);
    assert!(!listed.body.contains(&uuid));
    let unique_key = listed.json()["checks"][0]["unique_key"].as_str().unwrap().to_owned();
    let one = call_as(&api, &reader, "GET", &format!("{CHECKS}{unique_key}"), None).await;
    assert_eq!(one.json(), listed.json()["checks"][0]);
    assert_eq!(
        call_as(&api, &reader, "GET", &format!("{CHECKS}{unique_key}/flips/"), None).await.json()["flips"],
        json!([])
    );
    for (method, path) in [
        ("POST", CHECKS.to_owned()),
        ("POST", format!("{CHECKS}{uuid}")),
        ("DELETE", format!("{CHECKS}{uuid}")),
        ("POST", format!("{CHECKS}{uuid}/pause")),
        ("GET", format!("{CHECKS}{uuid}/pings/")),
        ("GET", "/api/v3/channels/".to_owned()),
    ] {
        let answer = call_as(&api, &reader, method, &path, None).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]),
            (401, &json!("wrong api key: it lacks the scope `write`"))
        );
    }
}

#[tokio::test]
async fn version_one_has_no_uuid_and_calls_a_running_check_started() {
    let api = Installation::new().await;
    let uuid = check(&api, json!({ "name": "a" })).await;
    ping(&api, "GET", &format!("/ping/{uuid}/start")).await;
    let seen = |version: &str| {
        let (api, path) = (&api, format!("/api/{version}/checks/{uuid}"));
        async move {
            let check = call(api, "GET", &path, None).await.json();
            format!("{} {} {}", check["status"], check["started"], check["uuid"].is_string())
        }
    };
    assert_eq!(seen("v1").await, r#""started" null false"#);
    assert_eq!(seen("v2").await, r#""up" true true"#);
    assert_eq!(seen("v3").await, r#""up" true true"#);
}

#[tokio::test]
async fn the_status_has_their_words_all_along() {
    let api = Installation::new().await;
    let uuid = check(&api, json!({ "name": "a", "timeout": 60, "grace": 60 })).await;
    let path = format!("{CHECKS}{uuid}");
    let status = || async { call(&api, "GET", &path, None).await.json()["status"].as_str().unwrap().to_owned() };
    let mut seen = vec![status().await];
    ping(&api, "GET", &format!("/ping/{uuid}")).await;
    seen.push(status().await);
    for seconds in [61, 66] {
        api.advance(seconds);
        seen.push(status().await);
    }
    assert_eq!(call(&api, "POST", &format!("{path}/pause"), None).await.status, 200);
    seen.push(status().await);
    assert_eq!(call(&api, "POST", &format!("{path}/resume"), None).await.status, 200);
    seen.push(status().await);
    assert_eq!(seen, ["new", "up", "grace", "down", "paused", "up"]);
    let again = call(&api, "POST", &format!("{path}/resume"), None).await;
    assert_eq!((again.status.as_u16(), again.body.as_str()), (409, "check is not paused"));
}

#[tokio::test]
async fn unique_finds_the_check_that_is_meant() {
    let api = Installation::new().await;
    let spec = json!({ "name": "Backup", "tags": "b a", "unique": ["name", "tags"] });
    let mut seen = Vec::new();
    for (spec, change) in [
        (&spec, json!({ "timeout": 600 })),
        (&spec, json!({ "timeout": 900, "tags": "a b" })),
        (&spec, json!({ "tags": "a" })),
        (&json!({ "name": "Backup" }), json!({})),
        (&json!({ "slug": "backup" }), json!({ "unique": ["slug"] })),
        (&json!({ "timeout": 900 }), json!({ "unique": ["timeout"] })),
        (&json!({ "timeout": 1200 }), json!({ "unique": ["timeout", "grace"] })),
    ] {
        let mut asked = spec.clone();
        asked.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = call(&api, "POST", CHECKS, Some(asked)).await;
        let check = answer.json();
        let slug = check["slug"].as_str().unwrap();
        let slug = if slug.starts_with("check-") { "check-…" } else { slug };
        seen.push(format!("{} {slug} {} {}", answer.status, check["timeout"], check["tags"]));
    }
    assert_snapshot!(seen.join("\n"), @r#"
    201 Created backup 600 "a b"
    200 OK backup 900 "a b"
    201 Created backup-2 86400 "a"
    201 Created backup-3 86400 ""
    200 OK backup 900 "a b"
    200 OK backup 900 "a b"
    201 Created check-… 1200 ""
    "#);
}

#[tokio::test]
async fn an_update_changes_what_is_given_and_nothing_else() {
    let api = Installation::new().await;
    let uuid = check(&api, json!({ "name": "Backup", "tags": "a", "timeout": 600 })).await;
    let path = format!("{CHECKS}{uuid}");
    let changed =
        call(&api, "POST", &path, Some(json!({ "schedule": "0 3 * * *", "tz": "UTC", "desc": "x" }))).await.json();
    assert_eq!(
        (&changed["schedule"], &changed["name"], &changed["tags"]),
        (&json!("0 3 * * *"), &json!("Backup"), &json!("a"))
    );
    let changed = call(&api, "POST", &path, Some(json!({ "tz": "Europe/Riga" }))).await.json();
    assert_eq!((&changed["schedule"], &changed["tz"]), (&json!("0 3 * * *"), &json!("Europe/Riga")));
    let changed = call(&api, "POST", &path, Some(json!({ "timeout": 60, "tz": "UTC", "name": "" }))).await.json();
    assert_eq!((&changed["timeout"], &changed["schedule"], &changed["name"]), (&json!(60), &Value::Null, &json!("")));
    let deleted = call(&api, "DELETE", &path, None).await;
    assert_eq!((deleted.status.as_u16(), &deleted.json()["uuid"]), (200, &json!(uuid)));
    assert_eq!(call(&api, "GET", &path, None).await.status, 404);
}

#[tokio::test]
async fn each_field_that_is_wrong_is_refused_in_their_words() {
    let api = Installation::new().await;
    let uuid = check(&api, json!({ "slug": "a" })).await;
    let mut seen = Vec::new();
    for spec in [
        json!({ "name": 1 }),
        json!({ "name": "x".repeat(101) }),
        json!({ "slug": "___" }),
        json!({ "timeout": 59 }),
        json!({ "timeout": 31_536_001 }),
        json!({ "grace": "1h" }),
        json!({ "schedule": "* * *" }),
        json!({ "schedule": "0 3 * * *", "tz": "Mars/Base" }),
        json!({ "tags": "a,b" }),
        json!({ "manual_resume": "yes" }),
        json!({ "methods": "PUT" }),
        json!({ "subject": 1 }),
        json!({ "filter_body": "" }),
        json!({ "channels": "nobody" }),
        json!({ "unique": "name" }),
        json!({ "unique": ["colour"] }),
        json!({ "desc": null }),
        json!([]),
    ] {
        for path in [CHECKS.to_owned(), format!("{CHECKS}{uuid}")] {
            let answer = call(&api, "POST", &path, Some(spec.clone())).await;
            let line = format!("{spec}: {} {}", answer.status.as_u16(), answer.json()["error"].as_str().unwrap());
            if seen.last() != Some(&line) {
                seen.push(line);
            }
        }
    }
    seen[1] = seen[1].replace(&"x".repeat(101), "x…");
    assert_snapshot!(seen.join("\n"), @r#"
    {"name":1}: 400 json validation error: name is not a string
    {"name":"x…"}: 400 json validation error: name is too long
    {"slug":"___"}: 400 json validation error: slug does not match pattern
    {"timeout":59}: 400 json validation error: timeout is too small
    {"timeout":31536001}: 400 json validation error: timeout is too large
    {"grace":"1h"}: 400 json validation error: grace is not a number
    {"schedule":"* * *"}: 400 json validation error: a cron line has five fields (minute, hour, day of month, month, day of week), not 3
    {"schedule":"0 3 * * *","tz":"Mars/Base"}: 400 json validation error: "Mars/Base" is not a time zone: write a name such as Europe/Berlin or UTC
    {"tags":"a,b"}: 400 json validation error: a tag has 1 to 32 characters, and neither blanks nor commas
    {"manual_resume":"yes"}: 400 json validation error: manual_resume is not a boolean
    {"methods":"PUT"}: 400 json validation error: methods has unexpected value
    {"subject":1}: 400 json validation error: subject is not a string
    {"filter_body":""}: 400 json validation error: filter_body is not a boolean
    {"channels":"nobody"}: 400 invalid channel identifier: nobody
    {"unique":"name"}: 400 json validation error: unique is not an array
    {"unique":["colour"]}: 400 json validation error: an item in 'unique' has unexpected value
    {"desc":null}: 400 json validation error: desc has unexpected value
    []: 400 json validation error: value is not an object
    "#);
    assert_eq!(call(&api, "GET", CHECKS, None).await.json()["checks"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn who_has_no_key_or_a_wrong_one_is_told_so() {
    let api = Installation::new().await;
    let uuid = check(&api, json!({ "slug": "a" })).await;
    let unknown = ApiKey::from_random([9; 32]);
    let mut seen = Vec::new();
    let mut note = |what: &str, answer: Answer| seen.push(format!("{what}: {} {}", answer.status, answer.body));
    note("none", ping(&api, "GET", CHECKS).await);
    note("unknown", call_as(&api, &unknown, "GET", CHECKS, None).await);
    let asked = |body: String| -> Request<Body> { request("POST", CHECKS, None).body(Body::from(body)).unwrap() };
    note("malformed", api.send(asked(json!({ "api_key": "x" }).to_string())).await);
    note("no json", api.send(asked("{".to_owned())).await);
    note("unknown uuid", call(&api, "GET", &format!("{CHECKS}07070707-0707-4707-8707-070707070707"), None).await);
    note("unknown unique key", call(&api, "GET", &format!("{CHECKS}{}", "0".repeat(40)), None).await);
    let limited = api.key_for(&[Scope::Write, Scope::Read]).await;
    let only = heartbeat_core::Slug::parse("b").ok();
    api.put(&KeyRecord { monitor: only, ..record(&limited, &[Scope::Write, Scope::Read]) }).await;
    note("another monitor", call_as(&api, &limited, "GET", &format!("{CHECKS}{uuid}"), None).await);
    api.weather.turn(Sky::Down);
    note("away", call(&api, "GET", &format!("{CHECKS}{uuid}"), None).await);
    assert_snapshot!(seen.join("\n"), @r#"
    none: 401 Unauthorized {"error":"missing api key"}
    unknown: 401 Unauthorized {"error":"wrong api key"}
    malformed: 401 Unauthorized {"error":"wrong api key"}
    no json: 400 Bad Request {"error":"could not parse request body"}
    unknown uuid: 404 Not Found {"error":"not found"}
    unknown unique key: 404 Not Found {"error":"not found"}
    another monitor: 403 Forbidden {"error":"this API key is limited to one monitor, and this is not it: use the key of this monitor"}
    away: 503 Service Unavailable {"error":"the store is not available, so nothing is promised: send it again after Retry-After"}
    "#);
}

#[tokio::test]
async fn the_key_may_stand_in_the_body() {
    let api = Installation::new().await;
    let body = json!({ "api_key": api.key.reveal(), "name": "Backup" }).to_string();
    let made = api.send(request("POST", "/api/v1/checks/", None).body(Body::from(body)).unwrap()).await;
    assert_eq!((made.status.as_u16(), &made.json()["slug"]), (201, &json!("backup")));
}

#[tokio::test]
async fn a_list_is_filtered_by_slug_and_by_all_of_its_tags() {
    let api = Installation::new().await;
    for (name, tags) in [("One Thing", "a b"), ("two", "a"), ("three", "b")] {
        check(&api, json!({ "name": name, "tags": tags })).await;
    }
    let slugs = |query: &str| {
        let (api, path) = (&api, format!("{CHECKS}?{query}"));
        async move {
            let checks = call(api, "GET", &path, None).await.json()["checks"].clone();
            checks
                .as_array()
                .unwrap()
                .iter()
                .map(|check| check["slug"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(slugs("tag=a").await, ["one-thing", "two"]);
    assert_eq!(slugs("tag=a&tag=b").await, ["one-thing"]);
    assert_eq!(slugs("slug=one_thing").await, ["one-thing"]);
    assert_eq!(slugs("tag=ab").await, [""; 0]);
}

#[tokio::test]
async fn a_monitor_that_a_ping_made_gets_its_url_when_who_may_write_asks() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    let reader = api.key_for(&[Scope::Read]).await;
    assert_eq!(
        call_as(&api, &reader, "GET", CHECKS, None).await.json()["checks"][0]["unique_key"].as_str().unwrap().len(),
        40
    );
    let checks = call(&api, "GET", CHECKS, None).await.json();
    let url = checks["checks"][0]["ping_url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix("http://heartbeat.example").unwrap();
    assert_eq!(ping(&api, "GET", path).await.status, 200);
    assert_eq!(call(&api, "GET", CHECKS, None).await.json()["checks"][0]["ping_url"], json!(url));
}

#[tokio::test]
async fn pings_their_bodies_and_flips_are_listed() {
    let api = Installation::new().await;
    let uuid = check(&api, json!({ "slug": "a", "timeout": 60, "grace": 60 })).await;
    let path = format!("{CHECKS}{uuid}");
    ping(&api, "GET", &format!("/ping/{uuid}/start?rid=728b3763-ad80-4113-9fc0-f38b31f2cb2b")).await;
    api.advance(2);
    let asked = request("POST", &format!("/ping/{uuid}/3?rid=728b3763-ad80-4113-9fc0-f38b31f2cb2b"), None);
    api.send(asked.header("user-agent", "curl/8").body(Body::from("disk full")).unwrap()).await;
    api.advance(5);
    ping(&api, "GET", &format!("/ping/{uuid}")).await;
    let pings = call(&api, "GET", &format!("{path}/pings/"), None).await;
    assert_snapshot!(pings.body.replace(&uuid, "<uuid>").replace("},{", "},\n{"), @r#"
    {"pings":[{"type":"success","date":"2026-11-23T03:00:07.000000+00:00","n":3,"scheme":"","remote_addr":"192.0.2.7","method":"","ua":"","rid":null,"body_url":null},
    {"type":"fail","date":"2026-11-23T03:00:02.000000+00:00","n":2,"scheme":"","remote_addr":"192.0.2.7","method":"","ua":"curl/8","rid":"728b3763-ad80-4113-9fc0-f38b31f2cb2b","duration":2.0,"body_url":"http://heartbeat.example/api/v3/checks/<uuid>/pings/2/body"},
    {"type":"start","date":"2026-11-23T03:00:00.000000+00:00","n":1,"scheme":"","remote_addr":"192.0.2.7","method":"","ua":"","rid":"728b3763-ad80-4113-9fc0-f38b31f2cb2b","body_url":null}]}
    "#);
    let body = call(&api, "GET", &format!("{path}/pings/2/body"), None).await;
    assert_eq!((body.header("content-type"), body.body.as_str()), (Some("text/plain; charset=utf-8"), "disk full"));
    for n in ["1", "4", "x"] {
        assert_eq!(call(&api, "GET", &format!("{path}/pings/{n}/body"), None).await.status, 404, "{n}");
    }
    assert_snapshot!(call(&api, "GET", &format!("{path}/flips/"), None).await.body, @r#"{"flips":[{"timestamp":"2026-11-23T03:00:07+00:00","up":1},{"timestamp":"2026-11-23T03:00:02+00:00","up":0}]}"#);
    let since = call(&api, "GET", &format!("{path}/flips/?seconds=3"), None).await.json()["flips"].clone();
    assert_eq!(since, json!([{ "timestamp": "2026-11-23T03:00:07+00:00", "up": 1 }]));
    assert_eq!(call(&api, "GET", &format!("{path}/flips/?start=1795402807&end=x"), None).await.status, 400);
}

#[tokio::test]
async fn a_project_has_its_channels_its_badges_and_a_status() {
    let api = Installation::new().await;
    let ops = json!({ "name": "ops", "kind": "post", "config": { "url": "https://a" } });
    let made = api.say("POST", "/api/v1/channels", &ops).await;
    assert_eq!(made.status, 201, "{made}");
    assert_snapshot!(call(&api, "GET", "/api/v3/channels/", None).await.body, @r#"{"channels":[{"id":"ops","kind":"post","name":"ops"}]}"#);
    let tagged = json!({ "slug": "job", "tags": ["nightly"] });
    assert_eq!(api.say("POST", "/api/v1/monitors", &tagged).await.status, 201);
    let badges = call(&api, "GET", "/api/v3/badges/", None).await.json()["badges"].clone();
    assert_eq!(badges.as_object().unwrap().keys().collect::<Vec<_>>(), ["*", "nightly"]);
    for (badge, status) in [("json3", "up"), ("json", "up")] {
        let url = badges["nightly"][badge].as_str().unwrap();
        assert_eq!(ping(&api, "GET", &url[url.find("/badge/").unwrap()..]).await.json()["status"], status, "{url}");
    }
    let suffixes =
        ["svg", "svg3", "shields"].map(|name| badges["*"][name].as_str().unwrap().rsplit_once('/').unwrap().1.len());
    assert_eq!(suffixes, [48 + 2 + 4, 48 + 4, 48 + 2 + 8]);
    let status = ping(&api, "GET", "/api/v3/status/").await;
    assert_eq!((status.status.as_u16(), status.body.as_str()), (200, "OK"));
    let preflight = ping(&api, "OPTIONS", CHECKS).await;
    assert_eq!((preflight.status.as_u16(), preflight.header("access-control-allow-headers")), (204, Some("X-Api-Key")));
}
