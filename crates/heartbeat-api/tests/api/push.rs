//! Uptime Kuma's clients: they push to a token.

use axum::{body::Body, http::Request};
use insta::assert_snapshot;
use serde_json::json;

use crate::{
    installation::{Answer, Installation, request},
    weather::Sky,
};

async fn monitor(api: &Installation) -> String {
    let made = api.say("POST", "/api/v1/monitors", &json!({ "slug": "a" })).await;
    made.json()["uuid"].as_str().unwrap().to_owned()
}

async fn push(api: &Installation, method: &str, path: &str) -> Answer {
    let asked: Request<Body> = request(method, path, None).body(Body::empty()).unwrap();
    api.send(asked).await
}

#[tokio::test]
async fn a_push_is_a_ping_with_its_message_and_its_time() {
    let api = Installation::new().await;
    let uuid = monitor(&api).await;
    let path = format!("/api/push/{}?status=up&msg=all%20well&ping=12.5", uuid.replace('-', ""));
    let answer = push(&api, "GET", &path).await;
    assert_snapshot!(answer, @r#"
    200 OK
    content-type: application/json

    {
      "ok": true
    }
    "#);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let last = api.last_ping("a").await;
    let metadata = serde_json::to_value(&last.metadata).unwrap();
    assert_eq!((last.body.as_str(), metadata), ("all well", json!({ "ping": 12.5 })));
}

#[tokio::test]
async fn down_is_a_failure_and_the_token_may_have_hyphens() {
    let api = Installation::new().await;
    let uuid = monitor(&api).await;
    assert_eq!(push(&api, "POST", &format!("/api/push/{uuid}?status=down&msg=disk+full&ping=")).await.status, 200);
    let status = || async { api.call("GET", "/monitors").await.json()["monitors"][0]["status"].clone() };
    assert_eq!(status().await, "overdue");
    assert_eq!(api.last_ping("a").await.body, "disk full");
    api.advance(1);
    assert_eq!(push(&api, "GET", &format!("/api/push/{uuid}")).await.status, 200);
    assert_eq!(status().await, "ok");
}

#[tokio::test]
async fn what_is_refused_is_said_in_their_words() {
    let api = Installation::new().await;
    let uuid = monitor(&api).await;
    let mut seen = Vec::new();
    for path in ["/api/push/07070707070747078707070707070707", "/api/push/short?status=up", "/api/push/%FF"] {
        seen.push(push(&api, "GET", path).await.to_string());
    }
    seen.push(push(&api, "DELETE", &format!("/api/push/{uuid}")).await.status.to_string());
    api.call("DELETE", "/api/v1/monitors/a").await;
    seen.push(push(&api, "GET", &format!("/api/push/{uuid}")).await.to_string());
    api.weather.turn(Sky::Down);
    seen.push(push(&api, "GET", &format!("/api/push/{uuid}")).await.to_string());
    assert_snapshot!(seen.join("\n\n"), @r#"
    404 Not Found
    content-type: application/json

    {
      "msg": "Monitor not found or not active.",
      "ok": false
    }

    404 Not Found
    content-type: application/json

    {
      "msg": "Monitor not found or not active.",
      "ok": false
    }

    400 Bad Request
    content-type: application/json

    {
      "msg": "the path is not percent-encoded UTF-8: write each byte that is not a letter or digit as % and two hex digits",
      "ok": false
    }

    405 Method Not Allowed

    404 Not Found
    content-type: application/json

    {
      "msg": "Monitor not found or not active.",
      "ok": false
    }

    503 Service Unavailable
    content-type: application/json
    retry-after: 5

    {
      "msg": "the store is not available, so nothing is promised: send it again after Retry-After",
      "ok": false
    }
    "#);
}
