//! The directory: an entry is written only over the revision before it, and says what it was told.

use std::sync::Arc;

use futures_util::future::join_all;
use heartbeat_core::directory::{Entry, Put};
use serde_json::json;

use super::Harness;

pub async fn the_first_revision_goes_where_nothing_is_and_each_next_one_over_the_one_before(harness: &dyn Harness) {
    let store = harness.store();
    let first = Entry::first("checker", "audit", &json!({"by": 1}));
    let second = first.next(&json!({"by": 2}));
    let third = second.next(&json!({"by": 3}));
    assert_eq!(store.entry("checker", "audit").await, Ok(None));
    assert_eq!(store.put_entry(second.clone()).await, Ok(Put::Conflict(None)), "nothing is before it");
    assert_eq!(store.put_entry(first.clone()).await, Ok(Put::Done));
    assert_eq!(store.entry("checker", "audit").await, Ok(Some(first.clone())));
    let other = Entry::first("checker", "audit", &json!("another one"));
    assert_eq!(store.put_entry(other).await, Ok(Put::Conflict(Some(first.clone()))));
    assert_eq!(store.put_entry(third.clone()).await, Ok(Put::Conflict(Some(first.clone()))), "it has not seen 2");
    assert_eq!(store.put_entry(second.clone()).await, Ok(Put::Done));
    let outdated = first.next(&json!("another one"));
    assert_eq!(store.put_entry(outdated).await, Ok(Put::Conflict(Some(second))));
    assert_eq!(store.put_entry(third.clone()).await, Ok(Put::Done));
    assert_eq!(store.entry("checker", "audit").await, Ok(Some(third)));
}

pub async fn an_entry_says_what_it_was_told(harness: &dyn Harness) {
    let store = harness.store();
    let values = [
        json!(null),
        json!(""),
        json!({}),
        json!([u64::MAX, i64::MIN, 0.5, true, null, "ü\"\n", [], {}]),
        json!({"parts": [{"after": "default/job", "done": false}, null], "text": "x".repeat(4_000)}),
    ];
    for (number, value) in (0..).zip(&values) {
        let entry = Entry::first("values", &format!("{number}"), value);
        assert_eq!(store.put_entry(entry.clone()).await, Ok(Put::Done));
        assert_eq!(store.entry(&entry.pk, &entry.sk).await, Ok(Some(entry)));
    }
    let reopened = harness.after_a_crash().await;
    let read = reopened.entries("values").await.unwrap();
    assert_eq!(read.into_iter().map(|entry| entry.value).collect::<Vec<_>>(), values);
}

pub async fn entries_are_in_order_and_of_one_owner_alone(harness: &dyn Harness) {
    let store = harness.store();
    let entry = |pk: &str, sk: &str| Entry::first(pk, sk, &json!({"of": pk}));
    for (pk, sk) in [("a", "2"), ("a", "10"), ("ab", "1"), ("a/b", "1"), ("b", "1"), ("a", "1"), ("A", "0")] {
        assert_eq!(store.put_entry(entry(pk, sk)).await, Ok(Put::Done));
    }
    assert_eq!(store.entries("a").await, Ok(vec![entry("a", "1"), entry("a", "10"), entry("a", "2")]));
    assert_eq!(store.entries("nobody").await, Ok(Vec::new()));
    assert_eq!(store.entry("a", "3").await, Ok(None));
    assert_eq!(store.entry("b", "2").await, Ok(None));
}

pub async fn of_twenty_at_once_one_is_stored(harness: &dyn Harness) {
    let store = harness.store();
    let mut newest: Option<Entry> = None;
    for round in 0..5 {
        let puts = (0..20).map(|number| {
            let (store, value) = (Arc::clone(&store), json!([round, number]));
            let entry = newest.as_ref().map_or_else(|| Entry::first("pk", "sk", &value), |before| before.next(&value));
            tokio::spawn(async move { (store.put_entry(entry.clone()).await.unwrap(), entry) })
        });
        let answers: Vec<_> = join_all(puts).await.into_iter().map(Result::unwrap).collect();
        let there = store.entry("pk", "sk").await.unwrap();
        let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.0 == Put::Done);
        assert_eq!(done.iter().map(|answer| Some(&answer.1)).collect::<Vec<_>>(), [there.as_ref()]);
        assert!(refused.iter().all(|answer| answer.0 == Put::Conflict(there.clone())), "{refused:?}");
        newest = there;
    }
}
