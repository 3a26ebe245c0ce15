//! Two versions of the program over one table: what one does not know it leaves alone, and what it cannot know it refuses
//! loudly, and delays nobody with.

use std::sync::Arc;

use heartbeat_checker::Checker;
use heartbeat_core::{
    Channel, Event, Ping, Signal, Store, StoreError,
    dynamo::{DynamoStore, Options},
    store::{Committed, Deferral, Deferred, Extended},
};
use heartbeat_proof::{
    contract::scene::{NOW, decision, flow, id, minutes, ping, pinged, put, there},
    dynamo::Wired,
};
use serde_json::{Value, json};

use crate::channel::Ear;

#[test]
fn an_item_of_a_newer_version_is_refused_loudly_and_delays_nobody() {
    let wired = Wired::new();
    let (store, _) = wired.open();
    wired.run(async {
        for slug in ["a-newer", "b-job"] {
            put(&*store, pinged(slug)).await;
        }
    });
    wired.past(async |ground| ground.set_attribute(&id("a-newer"), "v", &2.into()).await);
    let before = wired.past(async |ground| ground.item(&id("a-newer")).await);
    wired.run(async {
        let found = store.find(&id("a-newer"), NOW).await;
        assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
        let extended = store.extend(ping("a-newer", NOW.plus(minutes(1)), 2)).await;
        assert!(matches!(extended, Err(StoreError::Corrupt(_))), "{extended:?}");
    });
    assert_eq!(wired.past(async |ground| ground.item(&id("a-newer")).await), before);
    let ear = Arc::new(Ear::new());
    wired.run(one_pass(&store, &ear));
    assert_eq!(ear.heard(), ["default/b-job"]);
    let wake_at = |item: &Value| item.pointer("/wake_at/N").and_then(Value::as_str).map(str::to_owned);
    let after = wired.past(async |ground| ground.item(&id("a-newer")).await);
    assert_ne!(after.as_ref().and_then(wake_at), before.as_ref().and_then(wake_at), "it is deferred");
    let without = |item: Option<Value>| {
        let mut item = item.unwrap();
        item.as_object_mut().unwrap().remove("wake_at");
        item
    };
    assert_eq!(without(after), without(before), "and else left alone");
}

/// A checker's pass when everything is overdue.
async fn one_pass(store: &Arc<DynamoStore>, ear: &Arc<Ear>) {
    let (flow, clock) = flow(Arc::<DynamoStore>::clone(store));
    clock.advance(minutes(30));
    let checker = Checker::new(flow, vec![Arc::<Ear>::clone(ear) as Arc<dyn Channel>]).unwrap();
    checker.pass().await.unwrap();
}

/// Attributes of kinds that JSON has not, as the protocol spells them.
fn odd() -> Vec<(&'static str, Value)> {
    vec![
        ("x_binary", json!({"B": "aGVhcnRiZWF0"})),
        ("x_texts", json!({"SS": ["one", "two"]})),
        ("x_numbers", json!({"NS": ["7"]})),
        ("x_binaries", json!({"BS": ["aGVhcnRiZWF0"]})),
        ("x_map", json!({"M": {"deep": {"L": [{"B": "aGVhcnRiZWF0"}, {"NULL": true}]}}})),
        ("x_precise", json!({"N": "0.12345678901234567890123456789012345678"})),
    ]
}

fn give_odd_attributes(wired: &Wired) {
    wired.past(async |ground| {
        for (name, value) in odd() {
            let request = json!({
                "TableName": ground.tables().monitors,
                "Key": {"id": {"S": "default/job"}},
                "UpdateExpression": "SET #name = :value",
                "ExpressionAttributeNames": {"#name": name},
                "ExpressionAttributeValues": {":value": value},
            });
            ground.call("UpdateItem", &request).await;
        }
    });
}

fn odd_attributes(wired: &Wired) -> Vec<(&'static str, Value)> {
    let item = wired.past(async |ground| ground.item(&id("job")).await).unwrap();
    odd()
        .into_iter()
        .map(|(name, _)| {
            let mut value = item.get(name).cloned().unwrap_or_default();
            if let Some(texts) = value.get_mut("SS").and_then(Value::as_array_mut) {
                texts.sort_by_key(ToString::to_string);
            }
            (name, value)
        })
        .collect()
}

#[test]
fn attributes_of_kinds_that_we_never_write_survive_every_verb() {
    let wired = Wired::new();
    let (store, _) = wired.open_with(|options| Options { segments: 1, ..options });
    wired.run(put(&*store, pinged("job")));
    give_odd_attributes(&wired);
    wired.run(async {
        let extended = store.extend(ping("job", NOW.plus(minutes(1)), 2)).await;
        assert_eq!(extended, Ok(Extended::Done));
    });
    assert_eq!(odd_attributes(&wired), odd(), "after an ordinary ping");
    let wake_at = wired.run(async {
        let before = there(&*store, &id("job")).await;
        let change = decision(&before, &Event::Ping(Ping::bare(Signal::Fail)), NOW.plus(minutes(2)), 3);
        assert_eq!(store.commit(change).await, Ok(Committed::Done));
        there(&*store, &id("job")).await.wake_at.unwrap()
    });
    assert_eq!(odd_attributes(&wired), odd(), "after a decision");
    wired.run(async {
        let deferral = Deferral { id: id("job"), seen: wake_at, until: Some(NOW.plus(minutes(3))) };
        assert_eq!(store.defer(deferral).await, Ok(Deferred::Done));
    });
    assert_eq!(odd_attributes(&wired), odd(), "after a deferral");
    let ear = Arc::new(Ear::new());
    wired.run(one_pass(&store, &ear));
    assert_eq!(ear.heard(), ["default/job"]);
    assert_eq!(odd_attributes(&wired), odd(), "after an alert was claimed, sent and settled");
}
