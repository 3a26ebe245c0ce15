//! Many pings in one request: each has its own result, and a bad one refuses only itself.

use heartbeat_core::key::{KeyRecord, Scope};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{
    installation::{Answer, Installation, record},
    weather::{INTERNAL, Sky},
};

const PATH: &str = "/api/v1/heartbeats";

async fn send(api: &Installation, pings: Value) -> Answer {
    api.say("POST", PATH, &json!({ "pings": pings })).await
}

/// `status code`, one for each result.
fn statuses(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer}");
    let results = answer.json()["results"].as_array().unwrap().clone();
    results.iter().map(|one| format!("{} {}", one["status"], one["code"].as_str().unwrap_or("-"))).collect()
}

#[tokio::test]
async fn each_ping_has_its_result_in_its_place() {
    let api = Installation::new().await;
    let uuid = api.say("POST", "/api/v1/monitors", &json!({ "slug": "known" })).await.json()["uuid"].clone();
    let answer = send(
        &api,
        json!([
            { "slug": "new", "interval": "1h", "grace": 300, "body": "done", "metadata": { "rows": 3 } },
            { "slug": "Not A Slug" },
            { "uuid": uuid, "signal": "start", "rid": "a b" },
            { "slug": "new", "exit_code": 3 },
        ]),
    )
    .await;
    assert_snapshot!(answer, @r#"
    200 OK
    content-type: application/json

    {
      "recorded": 3,
      "results": [
        {
          "status": 201
        },
        {
          "code": "bad_slug",
          "message": "a slug has only lowercase letters a-z, digits and hyphens, not 'N'; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup",
          "status": 400
        },
        {
          "notes": [
            {
              "code": "run_id_ignored",
              "message": "the run id (rid) could not be read and is ignored"
            }
          ],
          "status": 200
        },
        {
          "status": 200
        }
      ]
    }
    "#);
    let last = api.last_ping("new").await;
    assert_eq!((last.signal.to_string(), last.from.as_deref()), ("exit 3".to_owned(), Some("192.0.2.7")));
    assert_eq!(api.last_ping("known").await.signal.to_string(), "start");
}

#[tokio::test]
async fn each_refusal_of_a_ping_has_its_code() {
    let api = Installation::new().await;
    let pings = [
        json!("nightly"),
        json!({}),
        json!({ "slug": "a", "uuid": "07070707-0707-4707-8707-070707070707" }),
        json!({ "uuid": "07070707-0707-4707-8707-070707070707" }),
        json!({ "uuid": "nightly" }),
        json!({ "slug": "a", "colour": "red" }),
        json!({ "slug": "a", "signal": "restart" }),
        json!({ "slug": "a", "signal": "fail", "exit_code": 1 }),
        json!({ "slug": "a", "exit_code": "one" }),
        json!({ "slug": "a", "interval": "1s" }),
        json!({ "slug": "a", "grace": "-1" }),
        json!({ "slug": "a", "cron": "* * * *" }),
        json!({ "slug": "a", "cron": "@daily", "interval": "1d" }),
        json!({ "slug": "a", "timezone": "UTC" }),
    ];
    let results = send(&api, json!(pings)).await.json()["results"].clone();
    let line =
        |(ping, one): (&Value, &Value)| format!("{ping}\n  {} {}: {}", one["status"], one["code"], one["message"]);
    let lines: Vec<String> = pings.iter().zip(results.as_array().unwrap()).map(line).collect();
    assert_snapshot!(lines.join("\n"), @r#"
    "nightly"
      400 "bad_json": "a ping is a JSON object, such as {\"slug\": \"nightly-backup\"}"
    {}
      400 "bad_json": "a ping says whose it is: either `slug` or `uuid`"
    {"slug":"a","uuid":"07070707-0707-4707-8707-070707070707"}
      400 "bad_json": "a ping says whose it is: either `slug` or `uuid`"
    {"uuid":"07070707-0707-4707-8707-070707070707"}
      404 "unknown_ping_url": "no monitor has this ping URL: it was copied wrong, or its monitor is gone or has another one now"
    {"uuid":"nightly"}
      404 "unknown_ping_url": "no monitor has this ping URL: it was copied wrong, or its monitor is gone or has another one now"
    {"colour":"red","slug":"a"}
      400 "bad_json": "this ping is not understood: unknown field `colour`, expected one of `slug`, `uuid`, `signal`, `exit_code`, `rid`, `at`, `body`, `metadata`, `interval`, `cron`, `timezone`, `tz`, `grace`"
    {"signal":"restart","slug":"a"}
      404 "unknown_signal": "what follows the slug is not a signal: use start, fail, log, or an exit code in digits; nothing was recorded"
    {"exit_code":1,"signal":"fail","slug":"a"}
      400 "bad_json": "give either `signal` or `exit_code`, not both"
    {"exit_code":"one","slug":"a"}
      400 "bad_json": "this ping is not understood: invalid type: string \"one\", expected i64"
    {"interval":"1s","slug":"a"}
      400 "bad_interval": "an interval is from 30s to 365d, not \"1s\"; nothing was recorded: mend `interval` or leave it out"
    {"grace":"-1","slug":"a"}
      400 "bad_grace": "\"-1\" is not a duration: write 5m, 1h, 2h30m, or seconds such as 300; nothing was recorded: mend `grace` or leave it out"
    {"cron":"* * * *","slug":"a"}
      400 "bad_cron": "a cron line has five fields (minute, hour, day of month, month, day of week), not 4; nothing was recorded: mend `cron` and `tz`, or leave them out"
    {"cron":"@daily","interval":"1d","slug":"a"}
      400 "bad_cron": "give either `interval` or `cron`, not both; nothing was recorded: mend `cron` and `tz`, or leave them out"
    {"slug":"a","timezone":"UTC"}
      400 "bad_cron": "`timezone` goes with `cron`; nothing was recorded: mend `cron` and `tz`, or leave them out"
    "#);
    assert_eq!(api.call("GET", "/monitors").await.json()["monitors"], json!([]));
}

#[tokio::test]
async fn what_is_cosmetic_is_noted_and_not_refused() {
    let api = Installation::new().await;
    let answer = send(
        &api,
        json!([
            { "slug": "a", "at": "tomorrow" },
            { "slug": "b", "at": 99_999_999_999_i64 },
            { "slug": "c", "metadata": [1] },
            { "slug": "d", "body": "x".repeat(10_001) },
            { "slug": "e", "signal": "99999999999999999999" },
        ]),
    )
    .await;
    let results = answer.json()["results"].clone();
    let noted: Vec<&Value> = results.as_array().unwrap().iter().map(|one| &one["notes"][0]["code"]).collect();
    assert_snapshot!(json!(noted), @r#"["time_ignored","time_ignored","metadata_ignored","body_cut","exit_code_clamped"]"#);
    assert_eq!(answer.json()["recorded"], 5);
}

#[tokio::test]
async fn the_pings_of_one_monitor_are_recorded_by_when_they_happened() {
    let api = Installation::new().await;
    let pings = json!([
        { "slug": "a", "signal": "fail", "at": "2026-11-23T02:59:50Z" },
        { "slug": "a", "signal": "success", "at": 1_795_402_795 },
        { "slug": "a", "signal": "start", "rid": "r", "at": "2026-11-23T02:59:40.5Z" },
        { "slug": "a" },
        { "slug": "a", "signal": "fail" },
    ]);
    assert_eq!(statuses(&send(&api, pings).await), ["200 -", "200 -", "201 -", "200 -", "200 -"]);
    let monitor = api.call("GET", "/monitors").await.json()["monitors"][0].clone();
    assert_eq!((&monitor["ping_count"], &monitor["status"]), (&json!(5), &json!("overdue")));
    assert_eq!(api.last_ping("a").await.signal.to_string(), "fail");
}

#[tokio::test]
async fn five_hundred_are_taken_at_once() {
    let api = Installation::new().await;
    let pings: Vec<Value> = (0..500).map(|n| json!({ "slug": format!("m-{}", n % 250) })).collect();
    let answer = send(&api, json!(pings)).await;
    assert_eq!(answer.json()["recorded"], 500);
    assert_eq!(statuses(&answer).iter().filter(|status| *status == "201 -").count(), 250);
}

#[tokio::test]
async fn a_request_that_is_none_is_refused_whole() {
    let api = Installation::new().await;
    let many: Vec<Value> = (0..501).map(|_| json!({ "slug": "a" })).collect();
    let mut seen = Vec::new();
    for body in [json!([]), json!({}), json!({ "pings": [] }), json!({ "pings": many }), json!({ "pings": [], "x": 1 })]
    {
        let answer = api.say("POST", PATH, &body).await;
        seen.push(format!("{} {}", answer.status, answer.json()["error"]["message"]));
    }
    for (method, path) in [("POST", "/api/v1/heartbeats"), ("GET", PATH), ("POST", "/api/v1/heartbeats?x=1")] {
        let answer = api.call(method, path).await;
        seen.push(format!("{} {}", answer.status, answer.json()["error"]["message"]));
    }
    let huge = json!({ "pings": [{ "slug": "a", "body": "x".repeat(8 * 1024 * 1024) }] });
    seen.push(api.say("POST", PATH, &huge).await.code());
    assert_snapshot!(seen.join("\n"), @r#"
    400 Bad Request "the body is not like {\"pings\": [{\"slug\": \"nightly-backup\"}]}: invalid type: sequence, expected a map at line 1 column 0"
    400 Bad Request "the body is not like {\"pings\": [{\"slug\": \"nightly-backup\"}]}: missing field `pings`"
    400 Bad Request "the body is not like {\"pings\": [{\"slug\": \"nightly-backup\"}]}: it has 1 to 500 pings, this one 0"
    400 Bad Request "the body is not like {\"pings\": [{\"slug\": \"nightly-backup\"}]}: it has 1 to 500 pings, this one 501"
    400 Bad Request "the body is not like {\"pings\": [{\"slug\": \"nightly-backup\"}]}: unknown field `x`, expected `pings`"
    400 Bad Request "the body is not like {\"pings\": [{\"slug\": \"nightly-backup\"}]}: there is none"
    405 Method Not Allowed "this path does not take this method: use POST"
    400 Bad Request "there is a parameter that is not known: this call takes no parameter"
    body_too_large
    "#);
    assert_eq!(api.call("GET", "/monitors").await.json()["monitors"], json!([]));
}

#[tokio::test]
async fn a_key_pings_what_it_may_and_nothing_else() {
    let api = Installation::new().await;
    let reader = api.key_for(&[Scope::Read, Scope::Write]).await;
    let asked = json!({ "pings": [{ "slug": "a" }, { "slug": "b" }] });
    assert_eq!(api.say_as(&reader, "POST", PATH, &asked).await.code(), "wrong_scope");
    let limited = api.key_for(&[Scope::Ping]).await;
    let only = heartbeat_core::Slug::parse("a").ok();
    api.put(&KeyRecord { monitor: only, ..record(&limited, &[Scope::Ping]) }).await;
    assert_eq!(statuses(&api.say_as(&limited, "POST", PATH, &asked).await), ["201 -", "403 wrong_monitor"]);
}

#[tokio::test]
async fn while_the_store_is_away_each_is_told_to_come_again() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    api.weather.turn(Sky::Down);
    let answer = send(&api, json!([{ "slug": "a" }, { "slug": "B" }, { "slug": "c" }])).await;
    assert_eq!(statuses(&answer), ["503 store_unavailable", "400 bad_slug", "503 store_unavailable"]);
    assert!(!answer.body.contains(INTERNAL), "{answer}");
    assert_eq!(answer.json()["recorded"], 0);
}
