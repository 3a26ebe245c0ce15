//! History: what a write tells of is never lost, and never in the way of an alert.

use std::time::Duration;

use heartbeat_core::{
    Cause, Event, MonitorId, Ping, Signal, Store, Timestamp,
    dynamo::DynamoStore,
    history::{Happening, Row},
    store::{Change, Committed, Part, WriteId},
};
use heartbeat_proof::{
    contract::scene::{NOW, channel, decision, delivery, id, pinged, put, swept, there},
    dynamo::{Fate, Scripted, Wired},
};
use serde_json::{Value, json};

/// The most bytes that an item may ever have.
const MAX_ITEM: usize = 4_096;
/// More than an item has room for.
const MANY: u64 = 8;

fn at(second: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(second))
}

/// What the decision of this second tells.
fn told(second: u64) -> Row {
    let cause = Cause::Failed { exit: Some(1) };
    let happening = Happening::Opened { since: at(second), cause, unconfirmed: false };
    Row::new(&id("job"), at(second), WriteId(second), 0, happening)
}

/// Commits a decision of this second, and what it tells.
async fn commit(store: &dyn Store, second: u64) {
    let before = there(store, &id("job")).await;
    let change = decision(&before, &Event::Ping(Ping::bare(Signal::Log)), at(second), second);
    let done = store.commit(Change { rows: vec![told(second)], ..change }).await;
    assert_eq!(done, Ok(Committed::Done), "at {second}");
}

/// The rows of the job's stream in the events table, past the store: how many.
fn rows_in_table(wired: &Wired) -> usize {
    wired.past(async |ground| {
        let request = json!({
            "TableName": ground.tables().events,
            "KeyConditionExpression": "#stream = :stream",
            "ExpressionAttributeNames": {"#stream": "stream"},
            "ExpressionAttributeValues": {":stream": {"S": "monitor/default/job"}},
        });
        ground.call("Query", &request).await.get("Items").and_then(Value::as_array).map_or(0, Vec::len)
    })
}

fn journal(wired: &Wired) -> usize {
    let journal = wired.past(async |ground| ground.attribute(&id("job"), "journal").await);
    journal.as_ref().and_then(Value::as_array).map_or(0, Vec::len)
}

fn size(wired: &Wired, id: &MonitorId) -> usize {
    wired.past(async |ground| ground.item(id).await.unwrap().to_string().len())
}

async fn seconds(store: &DynamoStore) -> Vec<Timestamp> {
    let rows = store.history(&id("job"), Timestamp::MAX, 100).await.unwrap();
    rows.into_iter().rev().map(|row| row.at).collect()
}

/// A store with a monitor, and its wire.
fn scene() -> (Wired, std::sync::Arc<DynamoStore>, std::sync::Arc<Scripted>) {
    let wired = Wired::new();
    let (store, wire) = wired.open();
    wired.run(put(&*store, pinged("job")));
    (wired, store, wire)
}

#[test]
fn while_history_is_down_rows_wait_in_the_monitor_and_are_seen() {
    for trouble in
        [Fate::Vanishes, Fate::Refused(500, "InternalServerError"), Fate::Refused(400, "ThrottlingException")]
    {
        let (wired, store, wire) = scene();
        wire.from_now_on("BatchWriteItem", trouble);
        wired.run(async {
            for second in 1..=3 {
                commit(&*store, second).await;
            }
            assert_eq!(seconds(&store).await, [at(1), at(2), at(3)]);
        });
        assert_eq!((rows_in_table(&wired), journal(&wired)), (0, 3));
        wire.is_well();
        wired.run(commit(&*store, 4));
        assert_eq!((rows_in_table(&wired), journal(&wired)), (4, 0), "the next write takes them along");
        assert_eq!(wired.run(seconds(&store)), [at(1), at(2), at(3), at(4)]);
    }
}

#[test]
fn the_auditor_hands_over_what_waits() {
    let (wired, store, wire) = scene();
    wire.from_now_on("BatchWriteItem", Fate::RequestLost);
    wired.run(async {
        commit(&*store, 1).await;
        commit(&*store, 2).await;
        wire.is_well();
        swept(&*store, Part::WHOLE, 10, NOW).await;
        assert_eq!(seconds(&store).await, [at(1), at(2)]);
    });
    assert_eq!((rows_in_table(&wired), journal(&wired)), (2, 0));
}

#[test]
fn history_that_is_down_for_long_stops_no_write_and_fills_no_item() {
    let (wired, store, wire) = scene();
    wire.from_now_on("BatchWriteItem", Fate::Refused(500, "InternalServerError"));
    for second in 1..=MANY {
        wired.run(commit(&*store, second));
        assert!(journal(&wired) <= 4);
        let bytes = size(&wired, &id("job"));
        assert!(bytes <= MAX_ITEM, "{bytes} bytes");
    }
    wire.is_well();
    wired.run(async {
        commit(&*store, MANY + 1).await;
        let seen = seconds(&store).await;
        assert_eq!(seen.last(), Some(&at(MANY + 1)));
        assert!(seen.is_sorted() && seen.contains(&at(MANY)), "the newest are kept: {seen:?}");
    });
}

#[test]
fn a_process_that_dies_between_a_write_and_its_history_loses_nothing() {
    for dies_at in ["BatchWriteItem", "UpdateItem"] {
        let (wired, store, wire) = scene();
        wire.is_well();
        if dies_at == "UpdateItem" {
            // The first is the write itself, the second would take from the item what history has been told.
            let through = Fate::Meanwhile(std::sync::Arc::new(|| Box::pin(std::future::pending())));
            wire.next("BatchWriteItem", [through]);
        } else {
            wire.from_now_on("BatchWriteItem", Fate::Vanishes);
        }
        wired.run(async {
            let dies = tokio::time::timeout(Duration::from_millis(100), commit(&*store, 1)).await;
            assert!(dies.is_err(), "it lived on");
        });
        assert_eq!(journal(&wired), 1);
        let (another, _) = wired.open();
        wired.run(async {
            assert_eq!(seconds(&another).await, [at(1)]);
            swept(&*another, Part::WHOLE, 10, NOW).await;
            swept(&*another, Part::WHOLE, 10, NOW).await;
            assert_eq!(another.history(&id("job"), Timestamp::MAX, 10).await, Ok(vec![told(1)]));
        });
        assert_eq!((rows_in_table(&wired), journal(&wired)), (1, 0));
    }
}

#[test]
fn rows_that_a_batch_leaves_are_sent_again() {
    let (wired, store, wire) = scene();
    wire.next("BatchWriteItem", [Fate::Half, Fate::Half, Fate::Half]);
    wired.run(async {
        commit(&*store, 1).await;
        assert_eq!(seconds(&store).await, [at(1)]);
    });
    assert_eq!((rows_in_table(&wired), journal(&wired)), (1, 0));
}

#[test]
fn an_attempt_that_waited_reaches_every_stream_that_it_belongs_to() {
    let (wired, store, wire) = scene();
    let telegram = channel("telegram");
    let row = delivery(&id("job"), &telegram, at(1), 9);
    let told = async || store.deliveries(&id("job").project, &telegram, Timestamp::MAX, 10).await.unwrap();
    wire.from_now_on("BatchWriteItem", Fate::Refused(500, "InternalServerError"));
    wired.run(async {
        let before = there(&*store, &id("job")).await;
        let change = decision(&before, &Event::Ping(Ping::bare(Signal::Log)), at(1), 1);
        assert_eq!(store.commit(Change { rows: vec![row.clone()], ..change }).await, Ok(Committed::Done));
        assert_eq!(store.history(&id("job"), Timestamp::MAX, 10).await, Ok(vec![row.clone()]));
        assert_eq!(told().await, [], "only a walk finds what waits");
        // Half of it arrives, and then nothing until the next walk.
        wire.is_well();
        wire.next("BatchWriteItem", [Fate::Half]);
        wire.from_now_on("BatchWriteItem", Fate::Refused(500, "InternalServerError"));
        swept(&*store, Part::WHOLE, 10, NOW).await;
    });
    assert_eq!(journal(&wired), 1, "it waits until all of it has arrived");
    wire.is_well();
    wired.run(async {
        swept(&*store, Part::WHOLE, 10, NOW).await;
        assert_eq!(told().await, std::slice::from_ref(&row));
    });
    let items = wired.past(async |ground| ground.events(&id("job")).await);
    assert_eq!((items.len(), journal(&wired)), (3, 0), "its monitor's stream, its project's and its channel's");
}
