//! The ledger of deliveries: by monitor and by channel, in pages that skip nothing, and another try by hand.

use std::time::Duration;

use heartbeat_core::{
    ChannelName, MonitorId, Project, Slug, Store,
    history::{DeliveryRow, Happening, Row},
    key::{ApiKey, KeyRecord, Scope},
    store::{Becomes, Change, Found},
};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::installation::{Answer, Installation, NOW, record};

const DELIVERIES: &str = "/api/v1/deliveries";

fn id_of(slug: &str) -> MonitorId {
    MonitorId::new(Project::default(), Slug::parse(slug).unwrap())
}

pub(crate) fn attempt(slug: &str, channel: &str, number: u32, outcome: &str) -> DeliveryRow {
    let failed = outcome != "delivered";
    DeliveryRow {
        notification: format!("default/{slug}/1/overdue/{channel}"),
        channel: ChannelName::parse(channel).unwrap(),
        attempt: number,
        outcome: outcome.to_owned(),
        reason: failed.then(|| "it is busy".to_owned()),
        status: failed.then_some(503),
        took_ms: 12,
        next_at: (outcome == "retry").then(|| NOW.plus(Duration::from_secs(5))),
        untold: None,
    }
}

/// Notes attempts at the clock's time, as a checker does.
pub(crate) async fn note(api: &Installation, slug: &str, attempts: Vec<DeliveryRow>) {
    let id = id_of(slug);
    let Found::Monitor(before) = api.weather.find(&id, NOW).await.unwrap() else { panic!("there is no {slug}") };
    let mut after = before.clone();
    after.monitor.rev = after.monitor.rev.next();
    let (at, write_id) = (heartbeat_core::Clock::now(api.clock.as_ref()), api.flow.write_id());
    after.write_id = write_id;
    let rows = attempts.into_iter().zip(0..);
    let rows = rows.map(|(row, index)| Row::new(&id, at, write_id, index, Happening::Delivery(row))).collect();
    let becomes = Becomes::Changed { before, after, rests_on: heartbeat_core::RestsOn::Revision };
    let change = Change { id, becomes, at, write_id, rows, keys: Vec::new() };
    assert_eq!(api.weather.commit(change).await.unwrap(), heartbeat_core::store::Committed::Done);
}

/// The field of each delivery on a page.
fn each(answer: &Answer, field: &str) -> Vec<String> {
    let json = answer.json();
    let deliveries = json["deliveries"].as_array().unwrap_or_else(|| panic!("{answer}"));
    deliveries.iter().map(|one| one[field].as_str().map_or_else(|| one[field].to_string(), ToOwned::to_owned)).collect()
}

/// A field of everything, page by page.
async fn walk(api: &Installation, whose: &str, limit: usize, field: &str) -> Vec<String> {
    let (mut path, mut all) = (format!("{DELIVERIES}?{whose}&limit={limit}"), Vec::new());
    loop {
        let page = api.call("GET", &path).await;
        assert!(each(&page, field).len() <= limit);
        all.extend(each(&page, field));
        let Some(cursor) = page.json()["next_cursor"].as_str().map(ToOwned::to_owned) else { return all };
        path = format!("{DELIVERIES}?{whose}&limit={limit}&cursor={cursor}");
    }
}

#[tokio::test]
async fn an_attempt_says_what_was_told_whom_and_what_became_of_it() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    note(&api, "a", vec![attempt("a", "ops", 1, "retry")]).await;
    api.advance(5);
    note(&api, "a", vec![attempt("a", "ops", 2, "delivered")]).await;
    let mut answer = api.call("GET", "/api/v1/deliveries?monitor=a").await.json();
    for delivery in answer["deliveries"].as_array_mut().unwrap() {
        let id = delivery["id"].take();
        assert!(id.as_str().unwrap().starts_with("a.17954028"), "{id}");
    }
    assert_snapshot!(format!("{answer:#}"), @r#"
    {
      "deliveries": [
        {
          "at": "2026-11-23T03:00:05.000000Z",
          "attempt": 2,
          "channel": "ops",
          "id": null,
          "monitor": "a",
          "next_at": null,
          "notification": "default/a/1/overdue/ops",
          "outcome": "delivered",
          "reason": null,
          "status": null,
          "took_ms": 12
        },
        {
          "at": "2026-11-23T03:00:00.000000Z",
          "attempt": 1,
          "channel": "ops",
          "id": null,
          "monitor": "a",
          "next_at": "2026-11-23T03:00:05.000000Z",
          "notification": "default/a/1/overdue/ops",
          "outcome": "retry",
          "reason": "it is busy",
          "status": 503,
          "took_ms": 12
        }
      ],
      "next_cursor": null
    }
    "#);
    assert_eq!(api.call("GET", "/api/v1/deliveries?channel=ops&limit=1").await.json()["deliveries"][0]["attempt"], 2);
}

/// A secret that cannot be read is such a failure: whoever sends has written down why.
#[tokio::test]
async fn a_channel_shows_why_it_last_failed_and_when_it_last_worked() {
    let api = Installation::new().await;
    let config = json!({"url": "https://well", "secret": "env:HEARTBEAT_SECRET_GONE"});
    let ops = json!({"name": "ops", "kind": "post", "config": config});
    assert_eq!(api.say("POST", "/api/v1/channels", &ops).await.status, 201);
    api.call("GET", "/heartbeat/a").await;
    let lacks = DeliveryRow {
        reason: Some("secret: the variable HEARTBEAT_SECRET_GONE is not set".to_owned()),
        status: None,
        ..attempt("a", "ops", 1, "retry")
    };
    note(&api, "a", vec![lacks]).await;
    assert_snapshot!(api.call("GET", "/api/v1/channels/ops").await, @r#"
    200 OK
    content-type: application/json

    {
      "config": {
        "secret": "env:HEARTBEAT_SECRET_GONE",
        "url": "https://well"
      },
      "created_at": "2026-11-23T03:00:00.000000Z",
      "disabled_at": null,
      "disabled_why": null,
      "enabled": true,
      "events": [
        "down",
        "up",
        "reminders",
        "late"
      ],
      "kind": "post",
      "last_delivered_at": null,
      "last_error": {
        "at": "2026-11-23T03:00:00.000000Z",
        "reason": "secret: the variable HEARTBEAT_SECRET_GONE is not set"
      },
      "name": "ops",
      "role": "main"
    }
    "#);
    api.advance(5);
    note(&api, "a", vec![attempt("a", "ops", 2, "delivered")]).await;
    let one = api.call("GET", "/api/v1/channels/ops").await.json();
    assert_eq!(one["last_delivered_at"], "2026-11-23T03:00:05.000000Z", "{one:#}");
    assert_eq!(one["last_error"]["at"], "2026-11-23T03:00:00.000000Z", "{one:#}");
    assert_eq!(api.call("GET", "/api/v1/channels").await.json(), json!({ "channels": [one] }));
    // Of what others were told it says nothing.
    let other = json!({"name": "other", "kind": "post", "config": {"url": "https://well"}});
    let other = api.say("POST", "/api/v1/channels", &other).await.json();
    assert_eq!((&other["last_delivered_at"], &other["last_error"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn pings_between_attempts_hide_none() {
    let api = Installation::new().await;
    for number in 1..=4 {
        for _ in 0..150 {
            api.call("GET", "/heartbeat/a").await;
            api.advance(1);
        }
        note(&api, "a", vec![attempt("a", "ops", number, "retry")]).await;
    }
    for limit in [1, 2, 3, 100] {
        assert_eq!(walk(&api, "monitor=a", limit, "attempt").await, ["4", "3", "2", "1"], "{limit}");
    }
}

#[tokio::test]
async fn of_one_message_that_told_many_none_is_skipped_where_a_page_ends() {
    let api = Installation::new().await;
    for n in 0..23 {
        api.call("GET", &format!("/heartbeat/m{n}")).await;
        note(&api, &format!("m{n}"), vec![attempt("m", "ops", 1, "retry"), attempt("m", "mail", 1, "retry")]).await;
    }
    for limit in [1, 2, 5, 22, 23, 100] {
        let mut monitors = walk(&api, "channel=ops", limit, "monitor").await;
        assert_eq!(monitors.len(), 23, "{limit}");
        monitors.sort();
        monitors.dedup();
        assert_eq!(monitors.len(), 23, "{limit}");
    }
    assert_eq!(walk(&api, "channel=nobody", 5, "id").await, [""; 0]);
}

/// The ids of the attempts on `slug`, newest first.
async fn ids(api: &Installation, slug: &str) -> Vec<String> {
    walk(api, &format!("monitor={slug}"), 100, "id").await
}

async fn retry(api: &Installation, id: &str) -> Answer {
    api.call("POST", &format!("{DELIVERIES}/{id}/retry")).await
}

#[tokio::test]
async fn what_waits_or_was_given_up_is_sent_after_all() {
    let api = Installation::new().await;
    api.call("POST", "/heartbeat/a/fail").await;
    let Found::Monitor(stored) = api.weather.find(&id_of("a"), NOW).await.unwrap() else { panic!() };
    let untold = stored.monitor.outbox.unrouted.clone().map(Box::new);
    assert!(untold.is_some());
    note(&api, "a", vec![DeliveryRow { untold, ..attempt("a", "ops", 9, "gave_up") }]).await;
    let given_up = ids(&api, "a").await.remove(0);
    let answer = retry(&api, &given_up).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["retrying"]["id"]), (202, &json!(given_up)), "{answer}");
    let waits = api.call("GET", "/monitors").await.json()["monitors"][0]["undelivered"].clone();
    assert!(waits.as_array().unwrap().iter().any(|one| one["channel"] == "ops"), "{waits:#}");
}

#[tokio::test]
async fn what_cannot_be_tried_again_is_refused_with_the_reason() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/a").await;
    note(&api, "a", vec![attempt("a", "ops", 1, "delivered"), attempt("a", "mail", 1, "retry")]).await;
    let all = api.call("GET", "/api/v1/deliveries?monitor=a").await;
    for (id, outcome) in each(&all, "id").iter().zip(each(&all, "outcome")) {
        let code = if outcome == "delivered" { "already_delivered" } else { "nothing_to_retry" };
        let answer = retry(&api, id).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (409, code));
    }
    for unknown in ["a.1.2", "b.1795402800000000.2a", "nonsense", "%2e%2e"] {
        assert_eq!(retry(&api, unknown).await.code(), "unknown_delivery", "{unknown}");
    }
    let known = ids(&api, "a").await.remove(0);
    api.call("DELETE", "/monitors/a").await;
    assert!(["deleted_monitor", "already_delivered"].contains(&&*retry(&api, &known).await.code()));
}

#[tokio::test]
async fn a_query_names_one_monitor_or_one_channel() {
    let api = Installation::new().await;
    for (query, code) in [
        ("", "bad_query"),
        ("?monitor=a&channel=b", "bad_query"),
        ("?monitor=a&monitor=b", "bad_query"),
        ("?monitor=A", "bad_slug"),
        ("?channel=A", "bad_channel_name"),
        ("?monitor=a&limit=0", "bad_query"),
        ("?monitor=a&cursor=a", "bad_query"),
        ("?monitor=a&x=1", "bad_query"),
    ] {
        assert_eq!(api.call("GET", &format!("{DELIVERIES}{query}")).await.code(), code, "{query}");
    }
    assert_eq!(api.call("GET", "/api/v1/deliveries?monitor=nobody").await.json()["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_limited_key_sees_and_retries_its_own_monitor_only() {
    let api = Installation::new().await;
    for slug in ["a", "b"] {
        api.call("GET", &format!("/heartbeat/{slug}")).await;
        note(&api, slug, vec![attempt(slug, "ops", 1, "retry")]).await;
    }
    let (limited, stranger) = (ApiKey::from_random([62; 32]), ApiKey::from_random([63; 32]));
    let monitor = Some(Slug::parse("a").unwrap());
    api.put(&KeyRecord { monitor, ..record(&limited, &[Scope::Admin]) }).await;
    let project = Project::parse("elsewhere").unwrap();
    api.put(&KeyRecord { project, ..record(&stranger, &[Scope::Admin]) }).await;

    assert_eq!(each(&api.call_as(&limited, "GET", "/api/v1/deliveries?monitor=a").await, "monitor"), ["a"]);
    assert_eq!(api.call_as(&limited, "GET", "/api/v1/deliveries?monitor=b").await.code(), "wrong_monitor");
    assert_eq!(api.call_as(&limited, "GET", "/api/v1/deliveries?channel=ops").await.code(), "limited_key");
    let others = format!("{DELIVERIES}/{}/retry", ids(&api, "b").await[0]);
    assert_eq!(api.call_as(&limited, "POST", &others).await.code(), "wrong_monitor");
    assert_eq!(api.call_as(&stranger, "POST", &others).await.code(), "unknown_delivery");
    for whose in ["monitor=a", "channel=ops"] {
        let seen = api.call_as(&stranger, "GET", &format!("{DELIVERIES}?{whose}")).await;
        assert_eq!(each(&seen, "id"), [""; 0]);
    }
    let reader = api.key_for(&[Scope::Read]).await;
    assert_eq!(api.call_as(&reader, "POST", &others).await.code(), "wrong_scope");
}
