//! Uptime and run times.

use std::time::Duration;

use heartbeat_api::ApiConfig;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{OF_A, each, fail_and_recover, get};
use crate::installation::Installation;

#[tokio::test]
async fn uptime_divides_days_and_months_into_up_down_and_unknown() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a?interval=1d").await;
    api.advance(3_600);
    fail_and_recover(&api, "a").await;
    api.advance(86_400);
    api.call("GET", "/heartbeat/a").await;
    assert_snapshot!(format!("{:#}", get(&api, &format!("{OF_A}/uptime?days=2&months=1&tz=Europe/Berlin")).await), @r#"
    {
      "days": [
        {
          "down_s": 0,
          "from": "2026-11-23T23:00:00.000000Z",
          "incidents": 0,
          "period": "2026-11-24",
          "ratio": 1.0,
          "unknown_s": 0,
          "until": "2026-11-24T04:02:00.000000Z",
          "up_s": 18120
        },
        {
          "down_s": 120,
          "from": "2026-11-22T23:00:00.000000Z",
          "incidents": 1,
          "period": "2026-11-23",
          "ratio": 0.9983333333333332,
          "unknown_s": 14400,
          "until": "2026-11-23T23:00:00.000000Z",
          "up_s": 71880
        }
      ],
      "known_from": "2026-11-23T03:00:00.000000Z",
      "monitor": "a",
      "months": [
        {
          "down_s": 120,
          "from": "2026-10-31T23:00:00.000000Z",
          "incidents": 1,
          "period": "2026-11",
          "ratio": 0.9986684420772304,
          "unknown_s": 1915200,
          "until": "2026-11-24T04:02:00.000000Z",
          "up_s": 90000
        }
      ],
      "timezone": "Europe/Berlin"
    }
    "#);
    let whole = get(&api, &format!("{OF_A}/uptime")).await;
    let count = |list: &str| whole[list].as_array().unwrap().len();
    assert_eq!((count("days"), count("months"), &whole["timezone"]), (30, 3, &json!("UTC")));
    assert_eq!(whole["days"][29]["ratio"], Value::Null, "there was no monitor");
}

#[tokio::test]
async fn what_history_does_not_keep_is_unknown() {
    let config = ApiConfig { history: Duration::from_hours(24), ..ApiConfig::default() };
    let api = Installation::with(config).await;
    api.call("GET", "/heartbeat/a?interval=30d").await;
    api.advance(3 * 86_400);
    let uptime = get(&api, &format!("{OF_A}/uptime?days=4&months=1")).await;
    assert_eq!(uptime["known_from"], "2026-11-25T03:00:00.000000Z");
    assert_eq!(each(&uptime, "days", "up_s"), ["10800", "75600", "0", "0"]);
    assert_eq!(each(&uptime, "days", "unknown_s"), ["0", "10800", "86400", "86400"]);
}

#[tokio::test]
async fn run_times_are_counted_over_the_days_that_are_asked_for() {
    let api = Installation::new().await;
    for seconds in [100, 20, 10] {
        api.call("GET", "/heartbeat/a/start?interval=30d").await;
        api.advance(seconds);
        api.call("GET", "/heartbeat/a").await;
        api.advance(86_400);
    }
    assert_snapshot!(format!("{:#}", get(&api, &format!("{OF_A}/runtime")).await), @r#"
    {
      "count": 3,
      "from": "2026-11-23T03:00:00.000000Z",
      "last_at": "2026-11-25T03:02:10.000000Z",
      "last_ms": 10000,
      "max_ms": 100000,
      "mean_ms": 43333,
      "min_ms": 10000,
      "monitor": "a",
      "p95_ms": 100000,
      "rows": 6,
      "until": "2026-11-26T03:02:10.000000Z"
    }
    "#);
    let two = get(&api, &format!("{OF_A}/runtime?days=3")).await;
    assert_eq!(
        (&two["count"], &two["max_ms"], &two["from"]),
        (&json!(2), &json!(20_000), &json!("2026-11-23T03:02:10.000000Z"))
    );
    api.call("GET", "/heartbeat/b").await;
    let none = get(&api, "/api/v1/monitors/b/runtime").await;
    assert_eq!((&none["count"], &none["p95_ms"]), (&json!(0), &Value::Null));
}
