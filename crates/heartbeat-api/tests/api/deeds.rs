//! Who paused, resumed, changed and deleted a monitor, in its history, whichever way they came.

use axum::body::Body;
use heartbeat_core::key::{ApiKey, KeyRecord, Scope};
use serde_json::{Value, json};

use crate::installation::{Answer, Installation, record, request};

const OF_A: &str = "/api/v1/monitors/a";

/// The kinds of the newest events of what people do, each with who did it.
async fn deeds(api: &Installation) -> Vec<String> {
    let events = api.call("GET", &format!("{OF_A}/events?kind=paused,resumed,edited,deleted")).await.json();
    let deed = |event: &Value| {
        let by = event["by"]["name"].as_str().unwrap_or("nobody").to_owned();
        format!("{} by {by}", event["kind"].as_str().unwrap())
    };
    events["events"].as_array().unwrap().iter().map(deed).collect()
}

async fn key_of(api: &Installation, name: &str, bits: u8) -> ApiKey {
    let key = ApiKey::from_random([bits; 32]);
    api.put(&KeyRecord { description: name.to_owned(), ..record(&key, &[Scope::Admin]) }).await;
    key
}

/// A call as the clients of Healthchecks make it.
async fn call_theirs(api: &Installation, key: &ApiKey, path: &str, body: &Value) -> Answer {
    let asked = request("POST", path, None).header("x-api-key", key.reveal().to_string());
    api.send(asked.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn history_says_who_did_what() {
    let api = Installation::new().await;
    let (ada, bob) = (key_of(&api, "Ada", 7).await, key_of(&api, "Bob", 8).await);
    let made = api.say_as(&ada, "POST", "/api/v1/monitors", &json!({"slug": "a", "interval": "10m"})).await.json();
    let uuid = made["ping_url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let check = format!("/api/v3/checks/{uuid}");
    for (key, path) in [
        (&ada, "/monitors/a/pause".to_owned()),
        (&bob, "/monitors/a/unpause".to_owned()),
        (&bob, format!("{OF_A}/pause")),
        (&ada, format!("{OF_A}/resume")),
    ] {
        api.advance(1);
        let answer = api.call_as(key, "POST", &path).await;
        assert_eq!(answer.status, 200, "{path}: {answer}");
    }
    for (key, path) in [(&bob, format!("{check}/pause")), (&ada, format!("{check}/resume"))] {
        api.advance(1);
        let answer = call_theirs(&api, key, &path, &json!({})).await;
        assert_eq!(answer.status, 200, "{path}: {answer}");
    }
    let by_both =
        ["resumed by Ada", "paused by Bob", "resumed by Ada", "paused by Bob", "resumed by Bob", "paused by Ada"];
    assert_eq!(deeds(&api).await[..6], by_both);

    api.advance(1);
    assert_eq!(call_theirs(&api, &bob, &check, &json!({"name": "a", "tags": "x"})).await.status, 200);
    api.advance(1);
    assert_eq!(api.call_as(&ada, "DELETE", OF_A).await.status, 200);
    assert_eq!(deeds(&api).await[..2], ["deleted by Ada", "edited by Bob"]);
}

#[tokio::test]
async fn what_nobody_did_is_nobodys() {
    let api = Installation::new().await;
    api.say("POST", "/api/v1/monitors", &json!({"slug": "a", "resume_on_ping": true})).await;
    api.advance(1);
    api.say("POST", &format!("{OF_A}/pause"), &json!({"for": "10m"})).await;
    api.advance(601);
    api.call("POST", "/heartbeat/a").await;
    api.advance(1);
    api.call("POST", &format!("{OF_A}/pause")).await;
    api.advance(1);
    api.call("POST", "/heartbeat/a").await;
    let all = ["resumed by nobody", "paused by test", "resumed by nobody", "paused by test", "edited by test"];
    assert_eq!(deeds(&api).await, all);
}

#[tokio::test]
async fn whoever_chooses_the_channels_of_a_monitor_is_known() {
    let api = Installation::new().await;
    let ada = key_of(&api, "Ada", 7).await;
    api.say("POST", "/api/v1/monitors", &json!({"slug": "a"})).await;
    let ops = json!({"name": "ops", "kind": "post", "config": {"url": "https://well"}});
    assert_eq!(api.say("POST", "/api/v1/channels", &ops).await.status, 201);
    api.advance(1);
    let chosen = api.say_as(&ada, "PUT", &format!("{OF_A}/channels"), &json!({"channels": ["ops"]})).await;
    assert_eq!(chosen.status, 200, "{chosen}");
    assert_eq!(deeds(&api).await, ["edited by Ada", "edited by test"]);
    let newest = api.call("GET", &format!("{OF_A}/events?kind=edited&limit=1")).await.json()["events"][0].clone();
    assert_eq!((&newest["before"], &newest["after"]), (&json!({"channels": null}), &json!({"channels": ["ops"]})));
}
