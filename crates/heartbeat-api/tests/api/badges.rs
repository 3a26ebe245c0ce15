//! Badges: addresses that show one thing, and nothing else, to whoever has them.

use axum::body::Body;
use heartbeat_core::{
    Slug,
    key::{ApiKey, KeyRecord, Scope},
};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{
    installation::{Answer, Installation, record, request},
    weather::Sky,
};

impl Installation {
    /// Asks without a key.
    async fn look(&self, url: &str) -> Answer {
        let path = url.find("/badge/").map_or(url, |at| &url[at..]);
        self.send(request("GET", path, None).header("host", "hb.example").body(Body::empty()).unwrap()).await
    }

    async fn badges(&self) -> Value {
        let answer = self.call("GET", "/api/v1/badges").await;
        assert_eq!(answer.status, 200, "{answer}");
        answer.json()
    }

    /// Monitors that are well, late and down, all with one tag, and one that is paused, with another.
    async fn many() -> Self {
        let api = Self::new().await;
        for (slug, tags) in [("well", "db"), ("late", "db"), ("down", "db,a b"), ("rests", "ü/<&>")] {
            let tags: Vec<_> = tags.split([',', ' ']).collect();
            let body = json!({ "slug": slug, "tags": tags, "interval": "5m", "grace": "10m" });
            let made = api.say("POST", "/api/v1/monitors", &body).await;
            assert_eq!(made.status, 201, "{made}");
        }
        api.call("GET", "/heartbeat/late").await;
        api.call("GET", "/heartbeat/rests").await;
        api.call("POST", "/monitors/rests/pause").await;
        api.advance(400);
        api.call("GET", "/heartbeat/well").await;
        api.call("GET", "/heartbeat/down/fail").await;
        api
    }
}

fn text<'a>(badges: &'a Value, path: &str) -> &'a str {
    badges.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("{path} in {badges:#}"))
}

#[tokio::test]
async fn a_project_learns_the_addresses_of_its_badges() {
    let api = Installation::new().await;
    let body = json!({ "slug": "job", "tags": ["night ly"] });
    assert_eq!(api.say("POST", "/api/v1/monitors", &body).await.status, 400);
    let body = json!({ "slug": "job", "tags": ["ü/1"] });
    assert_eq!(api.say("POST", "/api/v1/monitors", &body).await.status, 201);
    let asked = request("GET", "/api/v1/badges", Some(&api.key)).header("host", "hb.example");
    assert_snapshot!(api.send(asked.body(Body::empty()).unwrap()).await, @r#"
    200 OK
    content-type: application/json

    {
      "all": {
        "json": "http://hb.example/badge/2cf33517376425d381e90fbd1ea7011e9d00199c0265c974.json",
        "json2": "http://hb.example/badge/2cf33517376425d381e90fbd1ea7011e9d00199c0265c974-2.json",
        "shields": "http://hb.example/badge/2cf33517376425d381e90fbd1ea7011e9d00199c0265c974.shields",
        "shields2": "http://hb.example/badge/2cf33517376425d381e90fbd1ea7011e9d00199c0265c974-2.shields",
        "svg": "http://hb.example/badge/2cf33517376425d381e90fbd1ea7011e9d00199c0265c974.svg",
        "svg2": "http://hb.example/badge/2cf33517376425d381e90fbd1ea7011e9d00199c0265c974-2.svg"
      },
      "monitors": {
        "job": {
          "json": "http://hb.example/badge/2cf33517376425d325d77fbbf1eca14608e22ea78997cf4c/job.json",
          "json2": "http://hb.example/badge/2cf33517376425d325d77fbbf1eca14608e22ea78997cf4c-2/job.json",
          "shields": "http://hb.example/badge/2cf33517376425d325d77fbbf1eca14608e22ea78997cf4c/job.shields",
          "shields2": "http://hb.example/badge/2cf33517376425d325d77fbbf1eca14608e22ea78997cf4c-2/job.shields",
          "svg": "http://hb.example/badge/2cf33517376425d325d77fbbf1eca14608e22ea78997cf4c/job.svg",
          "svg2": "http://hb.example/badge/2cf33517376425d325d77fbbf1eca14608e22ea78997cf4c-2/job.svg"
        }
      },
      "tags": {
        "ü/1": {
          "json": "http://hb.example/badge/2cf33517376425d314e77def6bdbb7eb6c5b74aba6b1549b/%C3%BC%2F1.json",
          "json2": "http://hb.example/badge/2cf33517376425d314e77def6bdbb7eb6c5b74aba6b1549b-2/%C3%BC%2F1.json",
          "shields": "http://hb.example/badge/2cf33517376425d314e77def6bdbb7eb6c5b74aba6b1549b/%C3%BC%2F1.shields",
          "shields2": "http://hb.example/badge/2cf33517376425d314e77def6bdbb7eb6c5b74aba6b1549b-2/%C3%BC%2F1.shields",
          "svg": "http://hb.example/badge/2cf33517376425d314e77def6bdbb7eb6c5b74aba6b1549b/%C3%BC%2F1.svg",
          "svg2": "http://hb.example/badge/2cf33517376425d314e77def6bdbb7eb6c5b74aba6b1549b-2/%C3%BC%2F1.svg"
        }
      }
    }
    "#);
    // They stay what they are.
    assert_eq!(api.badges().await, api.badges().await);
}

#[tokio::test]
async fn a_badge_is_a_picture_or_json_or_for_shields() {
    let api = Installation::many().await;
    let badges = api.badges().await;
    let picture = api.look(text(&badges, "/monitors/well/svg")).await;
    assert_snapshot!(picture, @r##"
    200 OK
    content-type: image/svg+xml

    <svg xmlns="http://www.w3.org/2000/svg" width="56" height="20" role="img" aria-label="well: up">
    <title>well: up</title>
    <linearGradient id="s" x2="0" y2="100%"><stop offset="0" stop-color="#bbb" stop-opacity=".1"/><stop offset="1" stop-opacity=".1"/></linearGradient>
    <clipPath id="r"><rect width="56" height="20" rx="3" fill="#fff"/></clipPath>
    <g clip-path="url(#r)"><rect width="32" height="20" fill="#555"/><rect x="32" width="24" height="20" fill="#4c1"/><rect width="56" height="20" fill="url(#s)"/></g>
    <g fill="#fff" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">
    <g aria-hidden="true" fill="#010101" fill-opacity=".3"><text x="5" y="15" textLength="22">well</text><text x="37" y="15" textLength="14">up</text></g>
    <text x="5" y="14" textLength="22">well</text><text x="37" y="14" textLength="14">up</text>
    </g>
    </svg>
    "##);
    let said = ["cache-control", "content-security-policy", "x-content-type-options", "access-control-allow-origin"];
    assert_snapshot!(said.map(|name| picture.header(name).unwrap()).join("\n"), @r"
    public, max-age=10
    default-src 'none'
    nosniff
    *
    ");
    assert_snapshot!(api.look(text(&badges, "/tags/db/json")).await, @r#"
    200 OK
    content-type: application/json

    {
      "down": 1,
      "grace": 1,
      "status": "down",
      "total": 3
    }
    "#);
    assert_snapshot!(api.look(text(&badges, "/tags/db/shields")).await, @r#"
    200 OK
    content-type: application/json

    {
      "color": "critical",
      "label": "db",
      "message": "down",
      "schemaVersion": 1
    }
    "#);
    assert_snapshot!(api.look(text(&badges, "/all/shields2")).await, @r#"
    200 OK
    content-type: application/json

    {
      "color": "critical",
      "label": "heartbeat",
      "message": "down",
      "schemaVersion": 1
    }
    "#);
}

#[tokio::test]
async fn each_state_has_its_word_and_two_states_know_up_and_down() {
    let api = Installation::many().await;
    let body = json!({ "slug": "fresh" });
    assert_eq!(api.say("POST", "/api/v1/monitors", &body).await.status, 201);
    let badges = api.badges().await;
    for (name, three, two) in [
        ("/monitors/well", "up", "up"),
        ("/monitors/late", "late", "up"),
        ("/monitors/down", "down", "down"),
        ("/monitors/rests", "paused", "up"),
        ("/monitors/fresh", "new", "up"),
        ("/tags/db", "down", "down"),
        ("/tags/a", "down", "down"),
        ("/tags/ü~1<&>", "up", "up"),
        ("/all", "down", "down"),
    ] {
        let words = [("json", "json2", "status"), ("shields", "shields2", "message")];
        for (of_three, of_two, word) in words {
            let at =
                async |format: &str| api.look(text(&badges, &format!("{name}/{format}"))).await.json()[word].clone();
            assert_eq!((at(of_three).await, at(of_two).await), (json!(three), json!(two)), "{name}");
        }
        let drawn = api.look(text(&badges, &format!("{name}/svg"))).await;
        assert!(drawn.body.contains(&format!(": {three}</title>")), "{drawn}");
    }
    let drawn = api.look(text(&badges, "/tags/ü~1<&>/svg")).await.body;
    assert!(drawn.contains("ü/&lt;&amp;&gt;") && !drawn.contains("<&>"), "{drawn}");
}

#[tokio::test]
async fn a_badge_never_lags_the_truth_by_more_than_ten_seconds() {
    let api = Installation::many().await;
    let badges = api.badges().await;
    let (one, all) = (text(&badges, "/monitors/well/json"), text(&badges, "/tags/db/json"));
    assert_eq!(api.look(one).await.json()["status"], "up");
    api.advance(1);
    api.call("GET", "/heartbeat/down").await;
    assert_eq!(api.look(all).await.json()["status"], "late");
    api.call("GET", "/heartbeat/well/fail").await;
    api.advance(10);
    assert_eq!(
        (api.look(one).await.json()["status"].clone(), api.look(all).await.json()["down"].clone()),
        (json!("down"), json!(1))
    );
}

#[tokio::test]
async fn the_address_of_a_badge_cannot_be_made_into_that_of_another() {
    let api = Installation::many().await;
    let badge = json!({ "slug": "db" });
    assert_eq!(api.say("POST", "/api/v1/monitors", &badge).await.status, 201);
    let badges = api.badges().await;
    let well = text(&badges, "/monitors/well/json");
    assert_eq!(api.look(well).await.status, 200);
    let token = well.split('/').rev().nth(1).unwrap();
    let missing = format!("/badge/{token}/gone.json");
    let refusal = api.look(&missing).await;
    assert_snapshot!(refusal, @r#"
    404 Not Found
    content-type: application/json

    {
      "error": {
        "code": "unknown_badge",
        "message": "there is no badge at this address: it was copied wrong, it was changed, or what it showed is gone",
        "request_id": "r-1"
      }
    }
    "#);
    let wrong = [
        format!("/badge/{token}/down.json"),
        format!("/badge/{token}/db.json"),
        format!("/badge/{token}.json"),
        format!("/badge/{token}/well.png"),
        format!("/badge/{token}/well"),
        format!("/badge/{token}-3/well.json"),
        format!("/badge/{}/well.json", token.to_uppercase()),
        format!("/badge/{}/well.json", &token[..47]),
        format!("/badge/{token}0/well.json"),
        format!("/badge/{}/well.json", "0".repeat(48)),
        "/badge/x.svg".to_owned(),
        "/badge/%FF/%FF.svg".to_owned(),
    ];
    for path in &wrong {
        let answer = api.look(path).await;
        assert_eq!((answer.status, &answer.body), (refusal.status, &refusal.body), "{path}");
    }
    for digit in 0..48 {
        let mut other = token.to_owned();
        let flipped = if &token[digit..=digit] == "0" { "1" } else { "0" };
        other.replace_range(digit..=digit, flipped);
        let code = api.look(&format!("/badge/{other}/well.json")).await.code();
        assert_eq!(code, "unknown_badge", "{digit}");
        api.advance(2);
    }
    // A tag and a monitor of one name are two things.
    let of = |kind: &str| text(&badges, &format!("/{kind}/db/json")).to_owned();
    assert_ne!(of("tags"), of("monitors"));
    assert_eq!(
        (api.look(&of("tags")).await.json()["total"].clone(), api.look(&of("monitors")).await.json()["total"].clone()),
        (json!(3), json!(1))
    );
}

#[tokio::test]
async fn what_is_gone_is_answered_as_what_never_was() {
    let api = Installation::many().await;
    let badges = api.badges().await;
    let (monitor, tag) = (text(&badges, "/monitors/down/svg"), text(&badges, "/tags/a/svg"));
    assert_eq!(api.call("DELETE", "/monitors/down").await.status, 200);
    let never = api.look("/badge/none.svg").await;
    for url in [monitor, tag] {
        assert_eq!(api.look(url).await.to_string(), never.to_string());
    }
}

#[tokio::test]
async fn new_addresses_end_the_old_ones() {
    let api = Installation::many().await;
    let old = api.badges().await;
    let rotated = api.call("POST", "/api/v1/badges/rotate").await;
    assert_eq!(rotated.status, 200, "{rotated}");
    assert_eq!(rotated.json(), api.badges().await);
    assert_eq!(api.look(text(&old, "/monitors/well/svg")).await.code(), "unknown_badge");
    assert_eq!(api.look(text(&rotated.json(), "/monitors/well/svg")).await.status, 200);
}

#[tokio::test]
async fn who_may_read_sees_addresses_and_who_may_write_changes_them() {
    let api = Installation::many().await;
    let (pings, reads) = (api.key_for(&[Scope::Ping]).await, api.key_for(&[Scope::Read]).await);
    assert_eq!(api.call_as(&pings, "GET", "/api/v1/badges").await.code(), "wrong_scope");
    assert_eq!(api.call_as(&reads, "GET", "/api/v1/badges").await.status, 200);
    assert_eq!(api.call_as(&reads, "POST", "/api/v1/badges/rotate").await.code(), "wrong_scope");
    assert_eq!(api.look("/api/v1/badges").await.code(), "missing_key");
    assert_eq!(api.call("GET", "/api/v1/badges?x=1").await.code(), "bad_query");
    assert_eq!(api.call("POST", "/api/v1/badges").await.header("allow"), Some("GET, HEAD"));
    assert_eq!(api.call("GET", "/api/v1/badges/rotate").await.header("allow"), Some("POST"));

    let limited = ApiKey::from_random([61; 32]);
    let only = KeyRecord { monitor: Slug::parse("well").ok(), ..record(&limited, &[Scope::Admin]) };
    api.put(&only).await;
    let seen = api.call_as(&limited, "GET", "/api/v1/badges").await.json();
    assert_eq!((&seen["all"], &seen["tags"]), (&json!(null), &json!({})));
    assert_eq!(seen["monitors"].as_object().unwrap().keys().collect::<Vec<_>>(), ["well"]);
    assert_eq!(api.call_as(&limited, "POST", "/api/v1/badges/rotate").await.code(), "limited_key");
}

#[tokio::test]
async fn who_guesses_addresses_is_held_up_and_no_job_with_them() {
    let api = Installation::many().await;
    let badges = api.badges().await;
    let guess = |number: u32| format!("/badge/{number:048x}/well.svg");
    for number in 0..31 {
        let code = api.look(&guess(number)).await.code();
        assert_eq!(code, if number < 30 { "unknown_badge" } else { "too_many_failures" });
    }
    assert_eq!(api.look(text(&badges, "/monitors/well/svg")).await.status, 200);
    let late = ApiKey::from_random([62; 32]);
    api.put(&record(&late, &[Scope::Ping])).await;
    assert_eq!(api.call_as(&late, "GET", "/heartbeat/well").await.status, 200);
}

#[tokio::test]
async fn a_badge_needs_the_store() {
    let api = Installation::many().await;
    let badges = api.badges().await;
    api.weather.turn(Sky::Down);
    assert_eq!(api.look(text(&badges, "/monitors/well/svg")).await.code(), "store_unavailable");
    assert_eq!(api.call("POST", "/api/v1/badges/rotate").await.code(), "store_unavailable");
    api.weather.turn(Sky::Clear);
    assert_eq!(api.look(text(&badges, "/monitors/well/svg")).await.status, 200);
    // Another process knows them, too.
    let entries = api.flow.store.entries("badges").await.unwrap();
    assert_eq!(entries.len(), 2);
}
