//! Trouble: a write that fails is said to have failed, leaves nothing of itself behind, and may be done again.

use std::sync::Arc;

use futures_util::future::join_all;
use heartbeat_core::{
    Event, MonitorId, Ping, Signal, Store, StoreError, Timestamp,
    delivery::Verdict,
    directory::{Entry, Put},
    history::Row,
    key::KeyRecord,
    outbox::{Owner, Routing, Settled, Settlement},
    store::{Change, Committed, Deferral, Deferred, Extended, Found},
};
use serde_json::json;

use super::{
    Harness,
    scene::{NOW, channel, context, creation, decision, deletion, id, key, lease, minutes, ping, pinged, put, row},
};

/// Everything that a write may change.
#[derive(Debug, PartialEq)]
struct Everything {
    found: Found,
    history: Vec<Row>,
    keys: Vec<KeyRecord>,
}

async fn everything(store: &dyn Store, id: &MonitorId) -> Everything {
    Everything {
        found: store.find(id, NOW).await.unwrap(),
        history: store.history(id, Timestamp::MAX, 100).await.unwrap(),
        keys: store.keys().await.unwrap(),
    }
}

/// Does `write` while the store fails, which must say so and change nothing, and then again.
async fn fails_and_then_works<T>(harness: &dyn Harness, write: impl AsyncFn() -> Result<T, StoreError>) -> T {
    let store = harness.store();
    let before = everything(&*store, &id("job")).await;
    harness.fail_next_writes(1).await;
    assert!(has_failed(&write().await), "it must say that it failed");
    assert_eq!(everything(&*store, &id("job")).await, before);
    let done = write().await.unwrap();
    assert_ne!(everything(&*store, &id("job")).await, before);
    done
}

/// Whether it was not stored, or may not have been: what was asked for is asked for again.
fn has_failed<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_) | StoreError::Unknown(_)))
}

pub async fn a_decision_that_fails_changes_nothing_and_may_be_made_again(harness: &dyn Harness) {
    let store = harness.store();
    let commit = async |change: &Change| {
        let done = fails_and_then_works(harness, async || store.commit(change.clone()).await).await;
        assert_eq!(done, Committed::Done);
    };
    let told =
        |change: Change, tag| Change { rows: vec![row(&id("job"), NOW, tag), row(&id("job"), NOW, tag + 1)], ..change };
    let made = Change { keys: vec![key(1), key(2)], ..told(creation(pinged("job"), NOW, 1), 10) };
    commit(&made).await;
    let before = super::scene::there(&*store, &id("job")).await;
    commit(&told(decision(&before, &Event::Ping(Ping::bare(Signal::Fail)), NOW.plus(minutes(1)), 2), 20)).await;
    let before = super::scene::there(&*store, &id("job")).await;
    commit(&told(deletion(&before, NOW, NOW.plus(minutes(60)), 3), 30)).await;
    assert_eq!(store.history(&id("job"), Timestamp::MAX, 100).await.unwrap().len(), 6);
}

pub async fn a_ping_that_fails_changes_nothing_and_may_be_sent_again(harness: &dyn Harness) {
    let store = harness.store();
    put(&*store, pinged("job")).await;
    let ping = ping("job", NOW.plus(minutes(1)), 2);
    let done = fails_and_then_works(harness, async || store.extend(ping.clone()).await).await;
    assert_eq!(done, Extended::Done);
    assert_eq!(super::scene::there(&*store, &id("job")).await.monitor.ping_count, 2);
    assert_eq!(store.history(&id("job"), Timestamp::MAX, 100).await, Ok(vec![row(&id("job"), ping.at, 2)]));
}

pub async fn a_settlement_or_a_deferral_that_fails_changes_nothing_and_may_be_made_again(harness: &dyn Harness) {
    let store = harness.store();
    let at = NOW.plus(minutes(1));
    let failed = Event::Ping(Ping::bare(Signal::Fail));
    let mut monitor = heartbeat_core::decide(&pinged("job"), &failed, &context(at)).monitor;
    monitor.outbox.route(&Routing::to(&[channel("telegram")]), at);
    let claim = monitor.outbox.claim(lease(1, at), at, |_| true).pop().unwrap();
    let wake_at = put(&*store, monitor).await.wake_at.unwrap();
    let entry = claim.notice.id(&id("job"), &claim.channel);
    let settlement = Settlement { channel: claim.channel, entry, owner: Owner(1), verdict: Verdict::Done };
    let rows = vec![row(&id("job"), at, 9)];
    let settled =
        fails_and_then_works(harness, async || store.settle(&id("job"), settlement.clone(), at, rows.clone()).await);
    assert_eq!(settled.await, Settled::Done);
    let seen = super::scene::there(&*store, &id("job")).await.wake_at.unwrap();
    let until = Some(wake_at.plus(minutes(5)));
    let deferral = Deferral { id: id("job"), seen, until };
    let deferred = fails_and_then_works(harness, async || store.defer(deferral.clone()).await);
    assert_eq!(deferred.await, Deferred::Done);
}

pub async fn a_key_or_an_entry_that_fails_is_not_there_and_may_be_put_again(harness: &dyn Harness) {
    let store = harness.store();
    fails_and_then_works(harness, async || store.put_key(key(1)).await).await;
    let first = Entry::first("pk", "sk", &json!(1));
    for (entry, before) in [(first.clone(), None), (first.next(&json!(2)), Some(first))] {
        harness.fail_next_writes(1).await;
        assert!(has_failed(&store.put_entry(entry.clone()).await));
        assert_eq!(store.entry("pk", "sk").await, Ok(before));
        assert_eq!(store.put_entry(entry.clone()).await, Ok(Put::Done));
        assert_eq!(store.entry("pk", "sk").await, Ok(Some(entry)));
    }
}

/// How many at once.
const MANY: u64 = 90;

async fn create(store: Arc<dyn Store>, number: u64) -> (Change, Result<Committed, StoreError>) {
    let slug = format!("job-{number}");
    let rows = vec![row(&id(&slug), NOW, number)];
    let change = Change { rows, ..creation(pinged(&slug), NOW, number + 1) };
    let answer = store.commit(change.clone()).await;
    (change, answer)
}

pub async fn of_many_writes_at_once_of_which_some_fail_exactly_the_answered_are_there(harness: &dyn Harness) {
    let store = harness.store();
    let early = (0..MANY / 2).map(|number| tokio::spawn(create(Arc::clone(&store), number)));
    let early: Vec<_> = early.collect();
    harness.fail_next_writes(u32::try_from(MANY / 3).unwrap()).await;
    let late = (MANY / 2..MANY).map(|number| tokio::spawn(create(Arc::clone(&store), number)));
    let answers = join_all(early.into_iter().chain(late.collect::<Vec<_>>())).await;
    let mut failures = 0;
    for (change, answer) in answers.into_iter().map(Result::unwrap) {
        let found = store.find(&change.id, NOW).await.unwrap();
        let told = store.history(&change.id, Timestamp::MAX, 10).await.unwrap();
        if answer == Ok(Committed::Done) {
            assert!(matches!(found, Found::Monitor(_)), "{} was answered", change.id);
            assert_eq!(told, change.rows);
        } else {
            assert!(has_failed(&answer), "{answer:?}");
            assert_eq!((found, told), (Found::Nothing, Vec::new()), "{} was refused", change.id);
            failures += 1;
            assert_eq!(store.commit(change).await, Ok(Committed::Done));
        }
    }
    assert!(failures >= MANY / 3, "only {failures} failed");
}
