//! Channels: added, shown without their secrets, changed, tried, removed; and which of them a monitor uses.

use axum::body::Body;
use heartbeat_api::{Api, ApiConfig, router};
use heartbeat_core::{
    ChannelName, Project, Slug,
    channel::definition,
    key::{ApiKey, KeyRecord, Scope},
};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::installation::{Answer, Installation, record, request};

const CHANNELS: &str = "/api/v1/channels";
/// In everything that nobody may see.
const HIDDEN: &str = "hunter2";

async fn add(api: &Installation, body: Value) -> Answer {
    api.say("POST", CHANNELS, &body).await
}

/// A channel `ops` with secrets of all sorts.
async fn with_ops(api: &Installation) -> Answer {
    let config = json!({
        "url": "https://well",
        "secret": HIDDEN,
        "headers": {"Authorization": format!("Bearer {HIDDEN}"), "X-Token": "env:HEARTBEAT_SECRET_X"},
    });
    add(api, json!({"name": "ops", "kind": "post", "config": config, "events": ["down", "up"]})).await
}

/// What is stored of `ops`.
async fn stored(api: &Installation) -> Value {
    let name = ChannelName::parse("ops").unwrap();
    let there = definition::channel(api.weather.as_ref(), &Project::default(), &name).await.unwrap();
    there.definition.config
}

#[tokio::test]
async fn a_new_channel_is_shown_without_its_secrets() {
    let api = Installation::new().await;
    assert_snapshot!(with_ops(&api).await, @r#"
    201 Created
    content-type: application/json

    {
      "config": {
        "headers": {
          "Authorization": "(set)",
          "X-Token": "env:HEARTBEAT_SECRET_X"
        },
        "secret": "(set)",
        "url": "https://well"
      },
      "created_at": "2026-11-23T03:00:00.000000Z",
      "disabled_at": null,
      "disabled_why": null,
      "enabled": true,
      "events": [
        "down",
        "up"
      ],
      "kind": "post",
      "last_delivered_at": null,
      "last_error": null,
      "name": "ops",
      "role": "main"
    }
    "#);
    let one = api.call("GET", "/api/v1/channels/ops").await.json();
    assert_eq!(api.call("GET", CHANNELS).await.json(), json!({ "channels": [one] }));
    assert_eq!(stored(&api).await["secret"], json!({"value": HIDDEN}));
}

#[tokio::test]
async fn what_is_not_said_is_everything_and_no_fallback() {
    let api = Installation::new().await;
    let plain = add(&api, json!({"name": "a", "kind": "post", "config": {"url": "https://a"}})).await.json();
    assert_eq!((&plain["events"], &plain["role"]), (&json!(["down", "up", "reminders", "late"]), &json!("main")));
    let fallback =
        add(&api, json!({"name": "b", "kind": "post", "config": {"url": "https://b"}, "fallback": true})).await.json();
    assert_eq!(fallback["role"], "fallback");
}

#[tokio::test]
async fn a_bad_channel_says_what_to_mend_and_changes_nothing() {
    let api = Installation::new().await;
    with_ops(&api).await;
    let plain = |config: Value| json!({"name": "a", "kind": "post", "config": config});
    let with = |name: &str, value: Value| {
        let mut body = plain(json!({"url": "https://a"}));
        body[name] = value;
        body
    };
    let mut seen = Vec::new();
    for body in [
        with("name", json!("Ops_Mail")),
        with("name", json!("ops")),
        with("kind", json!("pigeon")),
        with("config", json!("https://a")),
        with("events", json!(["down", "nigh"])),
        with("events", json!([])),
        with("fallback", json!("yes")),
        with("colour", json!("red")),
        plain(json!({"url": "a"})),
        plain(json!({"url": "https://a", "to": "b"})),
        plain(json!({"url": "https://a", "secret": "env:PATH"})),
        plain(json!({"url": "https://a", "headers": {"X-Token": "(set)"}})),
        plain(json!({"url": "https://a", "note": "x".repeat(9_000)})),
        json!({"name": "a"}),
        json!([]),
    ] {
        let answer = add(&api, body).await;
        seen.push(format!("{} {}", answer.status.as_u16(), answer.json()["error"]["message"].as_str().unwrap()));
    }
    let none = api.send(request("POST", CHANNELS, Some(&api.key)).body(Body::empty()).unwrap()).await;
    seen.push(format!("{} {}", none.status.as_u16(), none.json()["error"]["message"].as_str().unwrap()));
    assert_snapshot!(seen.join("\n"), @r#"
    400 a slug has only lowercase letters a-z, digits and hyphens, not 'O'; the name of a channel is 1 to 64 of a-z, 0-9 and -, such as ops-mail
    409 there is a channel `ops` already: change it, or choose another name
    400 kind: there is no kind of channel "pigeon": use one of post
    400 config: it is an object, with the fields of its kind
    400 events: a channel can be told of down, up, reminders and late, not of `nigh`
    400 events: a channel must want to be told of something: down, up, reminders, late
    400 the body is not like {"name": "ops", "kind": "webhook", "config": {"url": "https://…"}}: invalid type: string "yes", expected a boolean
    400 the body is not like {"name": "ops", "kind": "webhook", "config": {"url": "https://…"}}: unknown field `colour`, expected one of `name`, `kind`, `config`, `events`, `fallback`
    400 url: write it as https://…
    400 to: a post has no such field
    400 secret: an environment variable that a channel names begins with HEARTBEAT_SECRET_
    400 headers.X-Token: `(set)` and `?…` stand for what is stored and not shown: give the value itself
    400 config: it has 9029 bytes as JSON, and at most 8192 are kept: shorten it
    400 the body is not like {"name": "ops", "kind": "webhook", "config": {"url": "https://…"}}: missing field `kind`
    400 the body is not like {"name": "ops", "kind": "webhook", "config": {"url": "https://…"}}: invalid type: sequence, expected a map at line 1 column 0
    400 the body is not like {"name": "ops", "kind": "webhook", "config": {"url": "https://…"}}: there is none
    "#);
    assert_eq!(api.call("GET", CHANNELS).await.json()["channels"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_template_may_be_as_long_as_what_is_kept_and_a_body_no_longer_than_it_can_be() {
    let api = Installation::new().await;
    let note =
        |length| json!({"name": "a", "kind": "post", "config": {"url": "https://a", "note": "\u{1}".repeat(length)}});
    assert_eq!(add(&api, note(1_300)).await.status, 201);
    assert_eq!(add(&api, note(8_000)).await.code(), "bad_channel");
    assert_eq!(add(&api, note(12_000)).await.code(), "body_too_large");
}

#[tokio::test]
async fn limits_are_named() {
    let api = Installation::new().await;
    let channel = |n: usize, fallback: bool| json!({"name": format!("c{n}"), "kind": "post", "config": {"url": "https://a"}, "fallback": fallback});
    assert_eq!(add(&api, channel(0, true)).await.status, 201);
    assert_eq!(add(&api, channel(1, true)).await.code(), "second_fallback");
    for n in 1..10 {
        assert_eq!(add(&api, channel(n, false)).await.status, 201);
    }
    assert_eq!(add(&api, channel(10, false)).await.code(), "too_many_channels");
    let second = api.say("PATCH", "/api/v1/channels/c1", &json!({"fallback": true})).await;
    assert_eq!(second.code(), "second_fallback");
    assert_eq!(api.call("DELETE", "/api/v1/channels/c0").await.json(), json!({"deleted": "c0"}));
    assert_eq!(api.say("PATCH", "/api/v1/channels/c1", &json!({"fallback": true})).await.json()["role"], "fallback");
    assert_eq!(add(&api, channel(0, false)).await.status, 201, "the name may be used again");
}

#[tokio::test]
async fn a_shown_configuration_can_be_sent_back() {
    let api = Installation::new().await;
    with_ops(&api).await;
    let before = stored(&api).await;
    let mut config = api.call("GET", "/api/v1/channels/ops").await.json()["config"].clone();
    let same = api.say("PATCH", "/api/v1/channels/ops", &json!({"config": config})).await;
    assert_eq!((same.status.as_u16(), stored(&api).await), (200, before));

    config["note"] = json!("new");
    config["headers"]["X-Token"] = json!(format!("new {HIDDEN}"));
    let changed = api.say("PATCH", "/api/v1/channels/ops", &json!({"config": config, "events": ["late"]})).await.json();
    assert_eq!((&changed["config"]["note"], &changed["events"]), (&json!("new"), &json!(["late"])));
    assert_eq!(
        stored(&api).await,
        json!({
            "url": "https://well", "note": "new", "secret": {"value": HIDDEN},
            "headers": {"Authorization": {"value": format!("Bearer {HIDDEN}")}, "X-Token": {"value": format!("new {HIDDEN}")}},
        })
    );
}

#[tokio::test]
async fn what_is_stored_goes_to_no_other_place() {
    let api = Installation::new().await;
    with_ops(&api).await;
    let moved = json!({"config": {"url": "https://elsewhere", "secret": "(set)"}});
    assert_snapshot!(api.say("PATCH", "/api/v1/channels/ops", &moved).await, @r#"
    400 Bad Request
    content-type: application/json

    {
      "error": {
        "code": "bad_channel",
        "message": "secret: give the value again, since `url` changes: what is stored goes to no other place",
        "request_id": "r-1"
      }
    }
    "#);
    let anew = json!({"config": {"url": "https://elsewhere", "secret": "another"}});
    assert_eq!(api.say("PATCH", "/api/v1/channels/ops", &anew).await.status, 200);
}

#[tokio::test]
async fn a_channel_is_disabled_with_a_reason_and_enabled_again() {
    let api = Installation::new().await;
    with_ops(&api).await;
    let state =
        |answer: &Value| [&answer["enabled"], &answer["disabled_at"], &answer["disabled_why"]].map(Clone::clone);
    let off =
        api.say("POST", "/api/v1/channels/ops/disable", &json!({"why": " the server\u{7}\n moves "})).await.json();
    assert_eq!(state(&off), [json!(false), json!("2026-11-23T03:00:00.000000Z"), json!("the server moves")]);
    api.advance(60);
    let again = api.call("POST", "/api/v1/channels/ops/disable").await.json();
    assert_eq!(state(&again), state(&off), "it was disabled before");
    let on = api.call("POST", "/api/v1/channels/ops/enable").await.json();
    assert_eq!(state(&on), [json!(true), Value::Null, Value::Null]);
    let off = api.say("PATCH", "/api/v1/channels/ops", &json!({"enabled": false})).await.json();
    assert_eq!(state(&off)[2], "disabled by hand");
    let on = api.say("PATCH", "/api/v1/channels/ops", &json!({"enabled": true})).await.json();
    assert_eq!(on["enabled"], true);
    let long = json!({"why": "x".repeat(201)});
    assert_eq!(api.say("POST", "/api/v1/channels/ops/disable", &long).await.code(), "bad_channel");
    assert_eq!(api.say("PATCH", "/api/v1/channels/ops", &json!({"name": "a"})).await.code(), "bad_json");
}

#[tokio::test]
async fn a_test_says_what_became_of_it() {
    let api = Installation::new().await;
    let mut seen = Vec::new();
    for word in ["well", "busy", "gone", "silent"] {
        let config = json!({"url": format!("https://{word}")});
        assert_eq!(add(&api, json!({"name": word, "kind": "post", "config": config})).await.status, 201);
        let answer = api.call("POST", &format!("/api/v1/channels/{word}/test")).await;
        seen.push(format!("{} {}", answer.status.as_u16(), answer.body));
    }
    assert_snapshot!(seen.join("\n"), @r#"
    200 {"outcome":"delivered","reason":null,"status":null,"took_ms":0}
    200 {"outcome":"retry","reason":"it is busy","status":503,"took_ms":0}
    200 {"outcome":"refused","reason":"it is gone","status":410,"took_ms":0}
    200 {"outcome":"retry","reason":"there was no answer within 20ms","status":null,"took_ms":0}
    "#);
}

#[tokio::test]
async fn what_is_removed_is_gone_with_its_secrets() {
    let api = Installation::new().await;
    with_ops(&api).await;
    assert_eq!(api.call("DELETE", "/api/v1/channels/ops").await.status, 200);
    for (method, path) in [("GET", ""), ("DELETE", ""), ("POST", "/test"), ("POST", "/enable")] {
        let answer = api.call(method, &format!("/api/v1/channels/ops{path}")).await;
        assert_eq!(answer.code(), "unknown_channel", "{method} {path}");
    }
    let entries = heartbeat_core::Store::entries(api.weather.as_ref(), "channels/default").await.unwrap();
    assert!(!format!("{entries:?}").contains(HIDDEN), "{entries:?}");
}

#[tokio::test]
async fn who_may_not_sees_and_changes_nothing() {
    let api = Installation::new().await;
    with_ops(&api).await;
    api.call("GET", "/heartbeat/a").await;
    let (reader, limited, stranger) =
        (api.key_for(&[Scope::Read]).await, ApiKey::from_random([60; 32]), ApiKey::from_random([61; 32]));
    let monitor = Some(Slug::parse("a").unwrap());
    api.put(&KeyRecord { monitor, ..record(&limited, &[Scope::Admin]) }).await;
    let project = Project::parse("elsewhere").unwrap();
    api.put(&KeyRecord { project, ..record(&stranger, &[Scope::Admin]) }).await;

    let looks = [("GET", ""), ("GET", "/ops")];
    let changes =
        [("POST", ""), ("PATCH", "/ops"), ("DELETE", "/ops"), ("POST", "/ops/test"), ("POST", "/ops/disable")];
    for (method, path) in looks {
        assert_eq!(api.call_as(&reader, method, &format!("{CHANNELS}{path}")).await.status, 200);
    }
    for (method, path) in changes {
        let path = format!("{CHANNELS}{path}");
        assert_eq!(api.call_as(&reader, method, &path).await.code(), "wrong_scope", "{method} {path}");
        assert_eq!(api.call_as(&limited, method, &path).await.code(), "limited_key", "{method} {path}");
    }
    assert_eq!(api.call_as(&limited, "GET", CHANNELS).await.code(), "limited_key");
    let pinger = api.key_for(&[Scope::Ping]).await;
    assert_eq!(api.call_as(&pinger, "GET", CHANNELS).await.code(), "wrong_scope");
    assert_eq!(api.call_as(&stranger, "GET", CHANNELS).await.json(), json!({"channels": []}));
    assert_eq!(api.call_as(&stranger, "DELETE", "/api/v1/channels/ops").await.code(), "unknown_channel");
    let keyless = request("GET", CHANNELS, None).body(Body::empty()).unwrap();
    assert_eq!(api.send(keyless).await.code(), "missing_key");
    for (method, path, allowed) in
        [("DELETE", "", "GET, HEAD, POST"), ("PUT", "/ops", "GET, HEAD, PATCH, DELETE"), ("GET", "/ops/test", "POST")]
    {
        let answer = api.call(method, &format!("{CHANNELS}{path}")).await;
        assert_eq!((answer.code().as_str(), answer.header("allow")), ("method_not_allowed", Some(allowed)));
    }
    assert_eq!(api.call("GET", "/api/v1/channels/Ops").await.code(), "bad_channel_name");
    assert_eq!(api.call("GET", "/api/v1/channels?x=1").await.code(), "bad_query");
}

#[tokio::test]
async fn without_kinds_nothing_is_known_of_channels_and_pings_are_taken() {
    let api = Installation::new().await;
    let plain = router(Api::new(api.flow.clone(), ApiConfig::default()));
    let ask = async |path| {
        let asked = request("GET", path, Some(&api.key)).body(Body::empty()).unwrap();
        plain.clone().oneshot(asked).await.unwrap().status().as_u16()
    };
    assert_eq!((ask(CHANNELS).await, ask("/api/v1/channels/ops").await), (501, 501));
    assert_eq!(ask("/heartbeat/a").await, 201);
    assert_eq!(ask("/api/v1/deliveries?channel=ops").await, 200);
}

#[tokio::test]
async fn no_answer_and_no_line_of_the_log_has_a_secret() {
    let api = Installation::new().await;
    with_ops(&api).await;
    let moved = json!({"config": {"url": "https://b", "secret": HIDDEN, "headers": {"X": HIDDEN}, "hunter": HIDDEN}});
    let answers = [
        with_ops(&api).await,
        api.call("GET", CHANNELS).await,
        api.call("GET", "/api/v1/channels/ops").await,
        api.say("PATCH", "/api/v1/channels/ops", &moved).await,
        api.say("PATCH", "/api/v1/channels/ops", &json!({"config": HIDDEN})).await,
        api.call("POST", "/api/v1/channels/ops/test").await,
        api.call("POST", "/api/v1/channels/ops/disable").await,
    ];
    for answer in answers {
        assert!(!answer.body.contains(HIDDEN), "{answer}");
    }
}

#[tokio::test]
async fn a_monitor_uses_all_channels_or_those_that_are_chosen() {
    let api = Installation::new().await;
    with_ops(&api).await;
    api.call("GET", "/heartbeat/a").await;
    let path = "/api/v1/monitors/a/channels";
    assert_eq!(api.call("GET", path).await.json(), json!({"monitor": "a", "channels": null}));
    let chosen = api.say("PUT", path, &json!({"channels": ["ops", "ops"]})).await;
    assert_eq!((chosen.status.as_u16(), chosen.json()), (200, json!({"monitor": "a", "channels": ["ops"]})));
    assert_eq!(api.call("GET", path).await.json(), chosen.json());
    assert_eq!(api.call("GET", "/monitors").await.json()["monitors"][0]["channels"], json!(["ops"]));
    let unknown = api.say("PUT", path, &json!({"channels": ["ops", "nobody"]})).await;
    assert_eq!((unknown.status.as_u16(), unknown.code().as_str()), (404, "unknown_channel"));
    for (body, code) in [
        (json!({"channels": []}), "bad_channel"),
        (json!({"channels": ["A"]}), "bad_channel_name"),
        (json!({"channels": "ops"}), "bad_json"),
        (json!({}), "bad_json"),
        (json!({"channels": null, "x": 1}), "bad_json"),
    ] {
        assert_eq!(api.say("PUT", path, &body).await.code(), code, "{body}");
    }
    assert_eq!(api.call("PUT", path).await.code(), "bad_json");
    assert_eq!(api.call("GET", path).await.json()["channels"], json!(["ops"]));
    assert_eq!(api.say("PUT", path, &json!({"channels": null})).await.json()["channels"], Value::Null);
    assert_eq!(api.call("GET", "/api/v1/monitors/b/channels").await.code(), "unknown_monitor");
    assert_eq!(
        api.say("PUT", "/api/v1/monitors/b/channels", &json!({"channels": null})).await.code(),
        "unknown_monitor"
    );
    let reader = api.key_for(&[Scope::Read]).await;
    assert_eq!(api.say_as(&reader, "PUT", path, &json!({"channels": null})).await.code(), "wrong_scope");
    assert_eq!(api.call_as(&reader, "GET", path).await.status, 200);
}
