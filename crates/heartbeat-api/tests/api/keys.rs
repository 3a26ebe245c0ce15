//! What is remembered of keys, for how long, and what happens when the store cannot be asked.

use std::time::Duration;

use futures_util::future::{join, join_all};
use heartbeat_api::{ApiConfig, KeyLimits};
use heartbeat_core::key::{ApiKey, KeyRecord, Scope};

use crate::{
    installation::{Installation, NOW, SOON, record},
    weather::Sky,
};

fn hasty() -> ApiConfig {
    let keys = KeyLimits { look_up_time: SOON, ..KeyLimits::default() };
    ApiConfig { give_up: SOON * 2, keys, ..ApiConfig::default() }
}

async fn code_of(api: &Installation, key: &ApiKey) -> String {
    let answer = api.call_as(key, "DELETE", "/monitors/nobody").await;
    answer.code()
}

#[tokio::test]
async fn a_known_key_is_asked_for_once_a_minute() {
    let api = Installation::new().await;
    for second in 0..180 {
        api.call("GET", "/heartbeat/a").await;
        assert_eq!(api.weather.key_reads(), 1 + second / 60, "second {second}");
        api.advance(1);
    }
}

#[tokio::test]
async fn an_unknown_key_is_asked_for_every_half_minute_and_works_once_it_is_made() {
    let api = Installation::new().await;
    let key = ApiKey::from_random([70; 32]);
    assert_eq!(code_of(&api, &key).await, "unknown_key");
    api.put(&record(&key, &[Scope::Admin])).await;
    api.advance(29);
    assert_eq!(code_of(&api, &key).await, "unknown_key");
    assert_eq!(api.weather.key_reads(), 1);
    api.advance(1);
    assert_eq!(code_of(&api, &key).await, "unknown_monitor");
    assert_eq!(api.weather.key_reads(), 2);
}

#[tokio::test]
async fn a_revoked_key_works_no_longer_than_a_minute() {
    let api = Installation::new().await;
    assert_eq!(code_of(&api, &api.key).await, "unknown_monitor");
    api.put(&KeyRecord { revoked_at: Some(NOW), ..record(&api.key, &[Scope::Admin]) }).await;
    api.advance(59);
    assert_eq!(code_of(&api, &api.key).await, "unknown_monitor");
    api.advance(1);
    assert_eq!(code_of(&api, &api.key).await, "revoked_key");
}

#[tokio::test]
async fn a_key_that_expires_while_it_is_remembered_stops_at_once() {
    let api = Installation::new().await;
    let key = ApiKey::from_random([71; 32]);
    let expires_at = Some(NOW.plus(Duration::from_secs(10)));
    api.put(&KeyRecord { expires_at, ..record(&key, &[Scope::Admin]) }).await;
    assert_eq!(code_of(&api, &key).await, "unknown_monitor");
    api.advance(10);
    assert_eq!(code_of(&api, &key).await, "expired_key");
}

#[tokio::test]
async fn all_who_come_with_one_key_at_once_cost_one_look_up() {
    let api = Installation::new().await;
    let paths: Vec<String> = (0..200).map(|n| format!("/heartbeat/{n}")).collect();
    let answers = join_all(paths.iter().map(|path| api.call("GET", path))).await;
    assert!(answers.iter().all(|answer| answer.status.is_success()));
    assert_eq!(api.weather.key_reads(), 1);
}

#[tokio::test]
async fn a_failed_look_up_is_never_remembered_as_unknown() {
    for sky in [Sky::Down, Sky::Silent] {
        let api = Installation::with(hasty()).await;
        api.weather.turn(sky);
        let answer = api.call("GET", "/heartbeat/a").await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, Some("5")));
        api.weather.turn(Sky::Clear);
        assert_eq!(api.call("GET", "/heartbeat/a").await.status, 201);
    }
}

#[tokio::test]
async fn a_known_key_keeps_working_for_a_day_while_the_store_cannot_be_asked() {
    for sky in [Sky::Down, Sky::Silent] {
        let api = Installation::with(hasty()).await;
        api.call("GET", "/heartbeat/a").await;
        // That a key is let in shows without the store where it lacks a scope.
        let pinger = api.key_for(&[Scope::Ping]).await;
        let opens = async || api.call_as(&pinger, "GET", "/monitors").await.code() == "wrong_scope";
        assert!(opens().await);
        api.weather.turn(sky);
        for seconds in [0, 60, 3_600, 82_739] {
            api.advance(seconds);
            let (let_in, refused) = join(opens(), api.call("GET", "/heartbeat/a")).await;
            assert!(let_in, "{seconds} s later");
            assert!(["store_unavailable", "store_timeout"].contains(&&*refused.code()), "{refused}");
        }
        api.advance(1);
        assert!(!opens().await);
        api.weather.turn(Sky::Clear);
        assert_eq!(api.call("GET", "/heartbeat/a").await.status, 200);
    }
}

#[tokio::test]
async fn while_the_store_is_down_it_is_asked_again_every_five_seconds() {
    let api = Installation::with(hasty()).await;
    api.call("GET", "/heartbeat/a").await;
    api.advance(60);
    api.weather.turn(Sky::Down);
    for _ in 0..50 {
        api.call("GET", "/heartbeat/a").await;
    }
    assert_eq!(api.weather.key_reads(), 2);
    api.advance(5);
    api.call("GET", "/heartbeat/a").await;
    assert_eq!(api.weather.key_reads(), 3);
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_keep_a_key_for_ever() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    api.clock.set(NOW.minus(Duration::from_hours(1)));
    api.call("GET", "/heartbeat/b").await;
    assert_eq!(api.weather.key_reads(), 2);
}
