//! History by API: events, incidents, uptime and run times, in pages that skip nothing.

mod incidents;
mod measures;

use std::{collections::HashSet, time::Duration};

use heartbeat_api::{ApiConfig, Rate};
use heartbeat_core::{
    Project, Slug,
    key::{ApiKey, KeyRecord, Scope},
};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{
    deliveries::{attempt, note},
    installation::{Answer, Installation, record},
};

const OF_A: &str = "/api/v1/monitors/a";

/// An API that is called more often than one may be in a minute.
async fn unhurried() -> Installation {
    let calls = Rate { burst: 10_000, refill: Duration::from_micros(1) };
    Installation::with(ApiConfig { calls, ..ApiConfig::default() }).await
}

async fn get(api: &Installation, path: &str) -> Value {
    let answer = api.call("GET", path).await;
    assert_eq!(answer.status.as_u16(), 200, "{path}: {answer}");
    answer.json()
}

/// Without what is random.
fn without_ids(mut answer: Value) -> Value {
    for event in answer["events"].as_array_mut().unwrap() {
        let id = event["id"].take();
        assert!(id.as_str().is_some_and(|id| id.contains(".17954")), "{id}");
    }
    answer
}

/// A field of everything on a page.
fn each(page: &Value, list: &str, field: &str) -> Vec<String> {
    let items = page[list].as_array().unwrap_or_else(|| panic!("{page:#}"));
    items.iter().map(|item| item[field].as_str().map_or_else(|| item[field].to_string(), ToOwned::to_owned)).collect()
}

/// A field of everything, page by page.
async fn walk(api: &Installation, path: &str, list: &str, field: &str, limit: usize) -> Vec<String> {
    let sign = if path.contains('?') { '&' } else { '?' };
    let (mut next, mut all) = (format!("{path}{sign}limit={limit}"), Vec::new());
    loop {
        let page = get(api, &next).await;
        let part = each(&page, list, field);
        assert!(part.len() <= limit);
        all.extend(part);
        let Some(cursor) = page["next_cursor"].as_str() else { return all };
        next = format!("{path}{sign}limit={limit}&cursor={cursor}");
    }
}

/// A job that fails, is told of, and recovers after two minutes.
async fn fail_and_recover(api: &Installation, slug: &str) {
    api.call("POST", &format!("/heartbeat/{slug}/3")).await;
    api.advance(5);
    note(api, slug, vec![attempt(slug, "ops", 1, "retry"), attempt(slug, "mail", 1, "refused")]).await;
    api.advance(5);
    note(api, slug, vec![attempt(slug, "ops", 2, "delivered")]).await;
    api.advance(110);
    api.call("GET", &format!("/heartbeat/{slug}")).await;
}

/// A monitor that a person makes, changes and pauses, and that fails in between.
async fn make_and_change(api: &Installation) {
    api.say("PUT", OF_A, &json!({"interval": "5m", "grace": "1m"})).await;
    api.advance(1);
    api.say("PATCH", OF_A, &json!({"interval": "10m", "name": "Nightly"})).await;
    api.advance(1);
    api.call("POST", "/heartbeat/a/3").await;
    api.advance(1);
    api.call("POST", &format!("{OF_A}/pause")).await;
}

#[tokio::test]
async fn events_tell_what_happened_newest_first() {
    let api = Installation::new().await;
    make_and_change(&api).await;
    let events = get(&api, &format!("{OF_A}/events?kind=paused,opened,ping")).await;
    assert_snapshot!(format!("{:#}", without_ids(events)), @r#"
    {
      "events": [
        {
          "at": "2026-11-23T03:00:03.000000Z",
          "by": {
            "key": "ee0983e4683d",
            "name": "test"
          },
          "id": null,
          "kind": "paused",
          "monitor": "a"
        },
        {
          "at": "2026-11-23T03:00:02.000000Z",
          "cause": "failed",
          "exit_code": 3,
          "id": null,
          "kind": "opened",
          "monitor": "a",
          "since": "2026-11-23T03:00:02.000000Z",
          "unconfirmed": false
        },
        {
          "agent": null,
          "at": "2026-11-23T03:00:02.000000Z",
          "body": "",
          "exit_code": 3,
          "from": "192.0.2.7",
          "happened_at": null,
          "id": null,
          "kind": "ping",
          "metadata": null,
          "monitor": "a",
          "notes": [],
          "rid": null,
          "signal": "exit",
          "took_ms": null
        }
      ],
      "next_cursor": null
    }
    "#);
    assert_eq!(
        each(&get(&api, "/api/v1/events").await, "events", "kind"),
        ["paused", "opened", "ping", "edited", "edited"]
    );
}

#[tokio::test]
async fn an_edit_says_who_made_it_and_what_was_before_and_after() {
    let api = Installation::new().await;
    make_and_change(&api).await;
    let edits = without_ids(get(&api, &format!("{OF_A}/events?kind=edited")).await);
    assert_snapshot!(format!("{:#}", edits["events"][0]), @r#"
    {
      "after": {
        "interval": "10m",
        "name": "Nightly"
      },
      "at": "2026-11-23T03:00:01.000000Z",
      "before": {
        "interval": "5m",
        "name": null
      },
      "by": {
        "key": "ee0983e4683d",
        "name": "test"
      },
      "id": null,
      "kind": "edited",
      "monitor": "a"
    }
    "#);
    let made = &edits["events"][1];
    assert_eq!((&made["before"], &made["after"]["interval"]), (&json!({}), &json!("5m")));
}

#[tokio::test]
async fn events_are_chosen_by_kind_and_by_time() {
    let api = Installation::new().await;
    fail_and_recover(&api, "a").await;
    let kinds = async |query: &str| each(&get(&api, &format!("{OF_A}/events{query}")).await, "events", "kind");
    assert_eq!(kinds("").await, ["recovered", "ping", "delivery", "delivery", "delivery", "opened", "ping"]);
    assert_eq!(kinds("?kind=opened,recovered").await, ["recovered", "opened"]);
    assert_eq!(kinds("?kind=opened&kind=ping").await, ["ping", "opened", "ping"]);
    assert_eq!(kinds("?since=2026-11-23T03:00:05Z&until=2026-11-23T03:00:10Z").await, ["delivery", "delivery"]);
    assert_eq!(kinds("?since=1795402810&kind=delivery").await, ["delivery"]);
    assert_eq!(kinds("?until=2026-11-23T03:00:00Z").await, [""; 0]);
    let delivery = get(&api, &format!("{OF_A}/events?kind=delivery&limit=1")).await["events"][0]["id"].clone();
    let ledger = get(&api, "/api/v1/deliveries?monitor=a").await["deliveries"][0]["id"].clone();
    assert_eq!(delivery, ledger, "a delivery has one id");
}

#[tokio::test]
async fn events_of_one_instant_are_none_of_them_skipped_where_a_page_ends() {
    let api = unhurried().await;
    for slug in ["a", "b", "c"] {
        for _ in 0..15 {
            api.call("GET", &format!("/heartbeat/{slug}/log")).await;
        }
    }
    api.advance(1);
    api.call("GET", "/heartbeat/a").await;
    for (path, count) in [(&*format!("{OF_A}/events"), 16), ("/api/v1/events", 46), ("/api/v1/events?kind=ping", 46)] {
        let all = walk(&api, path, "events", "id", 500).await;
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), count, "{path}");
        for limit in [1, 2, 7, 15, 16, 45, 46] {
            assert_eq!(walk(&api, path, "events", "id", limit).await, all, "{path}, {limit} at a time");
        }
    }
}

#[tokio::test]
async fn a_page_that_finds_little_among_much_is_short_and_goes_on() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    for number in 0..5 {
        api.advance(1);
        note(&api, "a", (0..500).map(|n| attempt("a", "ops", number * 500 + n, "retry")).collect()).await;
    }
    for path in [&*format!("{OF_A}/events?kind=ping"), "/api/v1/events?kind=ping"] {
        let first = get(&api, path).await;
        assert_eq!(each(&first, "events", "kind"), [""; 0], "{path}");
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = get(&api, &format!("{path}&cursor={cursor}")).await;
        assert_eq!(each(&second, "events", "kind"), ["ping"], "{path}");
        assert_eq!(second["next_cursor"], Value::Null);
    }
}

#[tokio::test]
async fn what_is_not_understood_is_refused() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    for (path, code) in [
        ("/api/v1/events?kind=pings", "bad_query"),
        ("/api/v1/events?kind=", "bad_query"),
        ("/api/v1/events?since=yesterday", "bad_query"),
        ("/api/v1/events?since=10&until=10", "bad_query"),
        ("/api/v1/events?limit=501", "bad_query"),
        ("/api/v1/events?cursor=a", "bad_query"),
        ("/api/v1/events?monitor=a", "bad_query"),
        ("/api/v1/incidents?status=new", "bad_query"),
        ("/api/v1/incidents?limit=101", "bad_query"),
        ("/api/v1/incidents?cursor=A", "bad_query"),
        ("/api/v1/incidents?status=closed&cursor=a", "bad_query"),
        ("/api/v1/monitors/a/incidents?cursor=a", "bad_query"),
        ("/api/v1/monitors/a/incidents?x=1", "bad_query"),
        ("/api/v1/monitors/a/uptime?tz=Europe/Berln", "bad_query"),
        ("/api/v1/monitors/a/uptime?days=367", "bad_query"),
        ("/api/v1/monitors/a/uptime?months=0", "bad_query"),
        ("/api/v1/monitors/a/uptime?x=1", "bad_query"),
        ("/api/v1/monitors/a/runtime?days=-1", "bad_query"),
        ("/api/v1/monitors/a/runtime?x=1", "bad_query"),
        ("/api/v1/monitors/A/events", "bad_slug"),
        ("/api/v1/monitors/nobody/events", "unknown_monitor"),
        ("/api/v1/monitors/nobody/incidents", "unknown_monitor"),
        ("/api/v1/monitors/nobody/uptime", "unknown_monitor"),
        ("/api/v1/monitors/nobody/runtime", "unknown_monitor"),
    ] {
        assert_eq!(api.call("GET", path).await.code(), code, "{path}");
    }
    let refusal = api.call("GET", "/api/v1/monitors/a/uptime?tz=Europe/Berln").await;
    assert!(refusal.body.contains("Europe/Berlin"), "{refusal}");
    assert_eq!(api.call("POST", "/api/v1/events").await.code(), "method_not_allowed");
    api.call("DELETE", "/monitors/a").await;
    assert_eq!(api.call("GET", "/api/v1/monitors/a/uptime").await.code(), "deleted_monitor");
}

/// Every path of history.
const PATHS: [&str; 6] = [
    "/api/v1/events",
    "/api/v1/incidents",
    "/api/v1/monitors/a/events",
    "/api/v1/monitors/a/incidents",
    "/api/v1/monitors/a/uptime",
    "/api/v1/monitors/a/runtime",
];

#[tokio::test]
async fn only_who_may_read_sees_history() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    let (pinger, reader) = (api.key_for(&[Scope::Ping]).await, api.key_for(&[Scope::Read]).await);
    for path in PATHS {
        assert_eq!(api.call_as(&pinger, "GET", path).await.code(), "wrong_scope", "{path}");
        assert_eq!(api.call_as(&reader, "GET", path).await.status.as_u16(), 200, "{path}");
    }
}

#[tokio::test]
async fn nobody_sees_the_history_of_another_project() {
    let api = Installation::new().await;
    for slug in ["a", "b"] {
        fail_and_recover(&api, slug).await;
        api.advance(1);
        api.call("POST", &format!("/heartbeat/{slug}/fail")).await;
    }
    let stranger = ApiKey::from_random([63; 32]);
    let project = Project::parse("elsewhere").unwrap();
    api.put(&KeyRecord { project, ..record(&stranger, &[Scope::Admin]) }).await;
    let cursor = get(&api, "/api/v1/events?limit=1").await["next_cursor"].as_str().unwrap().to_owned();
    for query in ["", &format!("?cursor={cursor}")] {
        let seen = api.call_as(&stranger, "GET", &format!("/api/v1/events{query}")).await.json();
        assert_eq!(seen, json!({"events": [], "next_cursor": null}));
    }
    for query in ["", "?status=closed", "?status=open&cursor=0", &format!("?status=closed&cursor={cursor}")] {
        let seen = api.call_as(&stranger, "GET", &format!("/api/v1/incidents{query}")).await.json();
        assert_eq!(seen, json!({"incidents": [], "next_cursor": null}), "{query}");
    }
    for path in PATHS.into_iter().filter(|path| path.contains("/a/")) {
        assert_eq!(api.call_as(&stranger, "GET", path).await.code(), "unknown_monitor", "{path}");
    }
}

#[tokio::test]
async fn a_limited_key_sees_its_own_monitor_only() {
    let api = Installation::new().await;
    for slug in ["a", "b"] {
        fail_and_recover(&api, slug).await;
        api.advance(1);
        api.call("POST", &format!("/heartbeat/{slug}/fail")).await;
    }
    let limited = ApiKey::from_random([62; 32]);
    let monitor = Some(Slug::parse("b").unwrap());
    api.put(&KeyRecord { monitor, ..record(&limited, &[Scope::Read]) }).await;
    let monitors = async |path: &str, list: &str| {
        let answer: Answer = api.call_as(&limited, "GET", path).await;
        let mut seen = each(&answer.json(), list, "monitor");
        seen.dedup();
        seen
    };
    assert_eq!(monitors("/api/v1/events", "events").await, ["b"]);
    assert_eq!(monitors("/api/v1/incidents", "incidents").await, ["b"]);
    assert_eq!(monitors("/api/v1/incidents?cursor=b", "incidents").await, [""; 0]);
    assert_eq!(monitors("/api/v1/incidents?status=closed", "incidents").await, ["b"]);
    assert_eq!(monitors("/api/v1/monitors/b/events", "events").await, ["b"]);
    for path in PATHS.into_iter().filter(|path| path.contains("/a/")) {
        assert_eq!(api.call_as(&limited, "GET", path).await.code(), "wrong_monitor", "{path}");
    }
}
