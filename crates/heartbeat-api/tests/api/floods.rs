//! Floods: of keys that nobody knows, and of jobs that all ping at midnight.

use futures_util::future::join_all;
use heartbeat_api::{ApiConfig, KeyLimits};
use heartbeat_core::key::{ApiKey, Scope};
use insta::assert_snapshot;

use crate::{
    installation::{Installation, SOON, record, request},
    weather::Sky,
};

fn random_key(number: u32) -> ApiKey {
    let mut bits = [200; 32];
    bits[..4].copy_from_slice(&number.to_be_bytes());
    ApiKey::from_random(bits)
}

#[tokio::test]
async fn a_flood_of_random_keys_costs_no_more_reads_than_the_bucket_holds() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/known").await;
    let before = api.weather.key_reads();
    for number in 0..500 {
        let answer = api.call_as(&random_key(number), "GET", "/heartbeat/a").await;
        assert_eq!(answer.code(), if number < 30 { "unknown_key" } else { "too_many_failures" });
    }
    assert_eq!(api.weather.key_reads() - before, 30);
    assert_snapshot!(api.call_as(&random_key(999), "GET", "/heartbeat/a").await, @r#"
    429 Too Many Requests
    content-type: application/json
    retry-after: 2

    {
      "error": {
        "code": "too_many_failures",
        "message": "too many unknown API keys or badges were asked for from this address: wait as long as Retry-After says",
        "request_id": "r-1"
      }
    }
    "#);

    // The known key behind the same address is not limited, now and when it is asked for again.
    assert_eq!(api.call("GET", "/heartbeat/known").await.status, 200);
    api.advance(60);
    for number in 0..100 {
        api.call_as(&random_key(10_000 + number), "GET", "/heartbeat/a").await;
    }
    assert_eq!(api.call("GET", "/heartbeat/known").await.status, 200);
}

#[tokio::test]
async fn the_bucket_is_the_addresss_own_and_fills_again() {
    let api = Installation::new().await;
    for number in 0..31 {
        api.call_as(&random_key(number), "GET", "/heartbeat/a").await;
    }
    let late = ApiKey::from_random([80; 32]);
    api.put(&record(&late, &[Scope::Ping])).await;
    assert_eq!(api.call_as(&late, "GET", "/heartbeat/a").await.code(), "too_many_failures");
    let mut elsewhere = request("GET", "/heartbeat/a", Some(&random_key(32))).body(axum::body::Body::empty()).unwrap();
    let address = std::net::SocketAddr::from(([198, 51, 100, 1], 1));
    elsewhere.extensions_mut().insert(axum::extract::ConnectInfo(address));
    assert_eq!(api.send(elsewhere).await.code(), "unknown_key");
    api.advance(2);
    assert_eq!(api.call_as(&late, "GET", "/heartbeat/a").await.status, 201);
}

#[tokio::test]
async fn a_malformed_key_costs_no_read_however_often_it_comes() {
    let api = Installation::new().await;
    let bad = random_key(1).reveal().replace("c8c8", "c8c9");
    for _ in 0..200 {
        let asked = request("GET", "/heartbeat/a", None).header("authorization", format!("Bearer {bad}"));
        assert_eq!(api.send(asked.body(axum::body::Body::empty()).unwrap()).await.code(), "malformed_key");
    }
    assert_eq!(api.weather.key_reads(), 0);
}

#[tokio::test]
async fn over_the_cap_of_look_ups_strangers_are_told_to_come_again() {
    let keys = KeyLimits { look_ups: 4, look_up_time: SOON, ..KeyLimits::default() };
    let api = Installation::with(ApiConfig { keys, ..ApiConfig::default() }).await;
    api.weather.turn(Sky::Silent);
    let strangers: Vec<ApiKey> = (0..20).map(random_key).collect();
    let answers = join_all(strangers.iter().map(|key| api.call_as(key, "GET", "/heartbeat/a"))).await;
    let busy: Vec<_> = answers.iter().filter(|answer| answer.code() == "busy").collect();
    assert_eq!((busy.len(), api.weather.key_reads()), (16, 4));
    assert_snapshot!(busy[0], @r#"
    503 Service Unavailable
    content-type: application/json
    retry-after: 1

    {
      "error": {
        "code": "busy",
        "message": "too many API keys are being looked up at once: send it again after Retry-After",
        "request_id": "r-1"
      }
    }
    "#);
    api.weather.turn(Sky::Clear);
    assert_eq!(api.call("GET", "/heartbeat/a").await.status, 201);
}

#[tokio::test]
async fn a_thousand_jobs_behind_one_key_and_one_address_all_count() {
    let api = Installation::new().await;
    for expected in [201, 200] {
        let paths: Vec<String> = (0..1_000).map(|n| format!("/heartbeat/job-{n}")).collect();
        let answers = join_all(paths.iter().map(|path| api.call("GET", path))).await;
        assert!(answers.iter().all(|answer| answer.status.as_u16() == expected));
        api.advance(1);
    }
    assert_eq!(api.weather.key_reads(), 1);
}
