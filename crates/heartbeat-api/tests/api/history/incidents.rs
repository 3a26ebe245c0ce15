//! Incidents: when, why, and who was told.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{OF_A, each, fail_and_recover, get, unhurried, walk};
use crate::{
    deliveries::{attempt, note},
    installation::Installation,
};

#[tokio::test]
async fn an_incident_says_when_why_and_who_was_told() {
    let api = Installation::new().await;
    fail_and_recover(&api, "a").await;
    assert_snapshot!(format!("{:#}", get(&api, &format!("{OF_A}/incidents")).await), @r#"
    {
      "incidents": [
        {
          "cause": "failed",
          "duration_s": 120,
          "ended_at": "2026-11-23T03:02:00.000000Z",
          "ended_by": "recovered",
          "exit_code": 3,
          "monitor": "a",
          "reminders": 0,
          "started_at": "2026-11-23T03:00:00.000000Z",
          "status": "closed",
          "told": [
            {
              "channel": "mail",
              "delivered_at": null,
              "deliveries": 0,
              "failures": 1,
              "lost": {
                "at": "2026-11-23T03:00:05.000000Z",
                "outcome": "refused",
                "reason": "it is busy"
              }
            },
            {
              "channel": "ops",
              "delivered_at": "2026-11-23T03:00:10.000000Z",
              "deliveries": 1,
              "failures": 1,
              "lost": null
            }
          ],
          "unconfirmed": false
        }
      ],
      "next_cursor": null
    }
    "#);
    let closed = get(&api, "/api/v1/incidents?status=closed").await;
    assert_eq!(closed, get(&api, &format!("{OF_A}/incidents")).await, "the project's list tells the same");
}

#[tokio::test]
async fn an_incident_is_open_before_anybody_has_noticed_it() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a?interval=1m&grace=30s").await;
    api.call("GET", "/heartbeat/well?interval=1h").await;
    api.advance(200);
    let of_a = get(&api, &format!("{OF_A}/incidents")).await;
    let open = &of_a["incidents"][0];
    assert_eq!((&open["status"], &open["started_at"]), (&json!("open"), &json!("2026-11-23T03:01:30.000000Z")));
    assert_eq!((&open["ended_at"], &open["duration_s"], &open["cause"]), (&Value::Null, &json!(110), &json!("missed")));
    assert_eq!(get(&api, "/api/v1/incidents").await, of_a);
    assert_eq!(get(&api, "/api/v1/incidents?status=open").await, of_a);
    assert_eq!(each(&get(&api, "/api/v1/incidents?status=closed").await, "incidents", "monitor"), [""; 0]);
    api.call("GET", "/heartbeat/a").await;
    assert_eq!(each(&get(&api, "/api/v1/incidents").await, "incidents", "monitor"), [""; 0]);
    let of_a = get(&api, &format!("{OF_A}/incidents?status=closed")).await;
    assert_eq!(each(&of_a, "incidents", "ended_by"), ["recovered"]);
    assert_eq!(get(&api, "/api/v1/incidents?status=closed").await, of_a);
}

#[tokio::test]
async fn an_open_incident_is_told_with_its_deliveries() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    api.advance(1);
    api.call("POST", "/heartbeat/a/fail").await;
    api.advance(1);
    note(&api, "a", vec![attempt("a", "ops", 1, "delivered")]).await;
    for path in ["/api/v1/incidents", &format!("{OF_A}/incidents?status=open")] {
        let told = &get(&api, path).await["incidents"][0]["told"];
        assert_eq!((&told[0]["channel"], &told[0]["deliveries"]), (&json!("ops"), &json!(1)), "{path}");
    }
}

#[tokio::test]
async fn incidents_are_paged_newest_first_and_whole() {
    let api = unhurried().await;
    for slug in ["a", "b"] {
        for _ in 0..5 {
            fail_and_recover(&api, slug).await;
            api.advance(60);
        }
    }
    api.call("POST", "/heartbeat/a/fail").await;
    for limit in [1, 2, 5, 6, 100] {
        let starts = walk(&api, &format!("{OF_A}/incidents"), "incidents", "started_at", limit).await;
        assert_eq!(starts.len(), 6, "{limit}");
        assert!(starts.is_sorted_by(|newer, older| newer > older), "{starts:?}");
        let told = walk(&api, &format!("{OF_A}/incidents?status=closed"), "incidents", "told", limit).await;
        assert!(told.len() == 5 && told.iter().all(|told| told.contains("delivered_at")), "{limit}: {told:?}");
        let ends = walk(&api, "/api/v1/incidents?status=closed", "incidents", "ended_at", limit).await;
        assert_eq!(ends.len(), 10, "{limit}");
        assert!(ends.is_sorted_by(|newer, older| newer > older), "{ends:?}");
    }
    api.call("POST", "/heartbeat/b/fail").await;
    for limit in [1, 2, 3] {
        assert_eq!(walk(&api, "/api/v1/incidents", "incidents", "monitor", limit).await, ["a", "b"], "{limit}");
    }
}

#[tokio::test]
async fn who_pauses_or_deletes_a_monitor_ends_its_incident() {
    let api = Installation::new().await;
    for (slug, method, path) in [("a", "POST", "/monitors/a/pause"), ("b", "DELETE", "/monitors/b")] {
        api.call("POST", &format!("/heartbeat/{slug}/fail")).await;
        api.advance(30);
        api.call(method, path).await;
        api.advance(30);
    }
    // There is nothing to end.
    api.call("GET", "/heartbeat/c").await;
    api.call("POST", "/monitors/c/pause").await;
    let closed = get(&api, "/api/v1/incidents?status=closed").await;
    assert_eq!(each(&closed, "incidents", "ended_by"), ["deleted", "paused"]);
    assert_eq!(each(&closed, "incidents", "duration_s"), ["30", "30"]);
    for slug in ["a", "b"] {
        let of_one = get(&api, &format!("/api/v1/monitors/{slug}/incidents")).await;
        assert_eq!(each(&of_one, "incidents", "duration_s"), ["30"], "{slug}");
    }
    let deleted = get(&api, "/api/v1/monitors/b/events?limit=1").await;
    assert_eq!(each(&deleted, "events", "kind"), ["deleted"], "one that was deleted has its history");
}
