//! What must be looked at: everything that is due, earliest first, and nothing that starves the rest.

use heartbeat_core::{
    Status, Store, Timestamp,
    store::{Deferral, Deferred},
};

use super::{
    Harness,
    scene::{NOW, TICK, id, minutes, pinged, put, there},
};

/// A monitor whose wake time is `wake_at`.
async fn put_waking(store: &dyn Store, slug: &str, wake_at: Timestamp) {
    let mut monitor = pinged(slug);
    monitor.status = Status::Paused { since: NOW, until: Some(wake_at) };
    put(store, monitor).await;
}

async fn due(store: &dyn Store, now: Timestamp, limit: usize) -> Vec<String> {
    let due = store.due(0, now, limit).await.unwrap();
    due.iter().map(|due| due.id.slug.to_string()).collect()
}

pub async fn what_is_due_comes_earliest_first_and_no_more_than_asked_for(harness: &dyn Harness) {
    let store = harness.store();
    assert_eq!(due(&*store, Timestamp::MAX, 10).await, [""; 0]);
    for (slug, minute) in [("third", 3), ("first", 1), ("fourth", 4), ("second", 2)] {
        put_waking(&*store, slug, NOW.plus(minutes(minute))).await;
    }
    let mut silent = pinged("silent");
    silent.status = Status::New;
    put(&*store, silent).await;
    assert_eq!(due(&*store, NOW.plus(minutes(3)), 10).await, ["first", "second", "third"]);
    assert_eq!(due(&*store, NOW.plus(minutes(3)).minus(TICK), 10).await, ["first", "second"]);
    assert_eq!(due(&*store, Timestamp::MAX, 3).await, ["first", "second", "third"]);
    let first = store.due(0, Timestamp::MAX, 1).await.unwrap();
    assert_eq!(first.first().map(|due| due.wake_at), Some(NOW.plus(minutes(1))));
}

pub async fn the_next_wake_is_the_earliest_of_all(harness: &dyn Harness) {
    let store = harness.store();
    assert_eq!(store.next_wake().await, Ok(None));
    for (slug, minute) in [("b", 2), ("a", 1)] {
        put_waking(&*store, slug, NOW.plus(minutes(minute))).await;
    }
    assert_eq!(store.next_wake().await, Ok(Some(NOW.plus(minutes(1)))));
}

pub async fn a_deferral_moves_only_what_it_has_seen(harness: &dyn Harness) {
    let store = harness.store();
    let (seen, later) = (NOW.plus(minutes(1)), NOW.plus(minutes(9)));
    put_waking(&*store, "held", seen).await;
    let deferral = |seen, until| Deferral { id: id("held"), seen, until };
    assert_eq!(store.defer(deferral(seen.plus(TICK), Some(later))).await, Ok(Deferred::Stale));
    assert_eq!(store.defer(deferral(seen, Some(later))).await, Ok(Deferred::Done));
    assert_eq!(there(&*store, &id("held")).await.wake_at, Some(later));
    assert_eq!(store.defer(deferral(seen, None)).await, Ok(Deferred::Stale));
    let nobody = Deferral { id: id("nobody"), seen, until: None };
    assert_eq!(store.defer(nobody).await, Ok(Deferred::Stale));
    assert_eq!(store.next_wake().await, Ok(Some(later)));
}

pub async fn what_need_not_be_looked_at_is_put_out_of_sight(harness: &dyn Harness) {
    let (store, seen) = (harness.store(), NOW.plus(minutes(1)));
    let mut silent = pinged("silent");
    silent.status = Status::New;
    put(&*store, silent).await;
    harness.set_attribute(&id("silent"), "wake_at", seen.as_micros().into()).await;
    assert_eq!(due(&*store, seen, 10).await, ["silent"]);
    assert_eq!(store.defer(Deferral { id: id("silent"), seen, until: None }).await, Ok(Deferred::Done));
    assert_eq!(due(&*store, seen, 10).await, [""; 0]);
    assert_eq!(store.next_wake().await, Ok(None));
}

pub async fn a_corrupt_item_can_be_deferred(harness: &dyn Harness) {
    let store = harness.store();
    let (seen, later) = (NOW.plus(minutes(1)), NOW.plus(minutes(9)));
    put_waking(&*store, "broken", seen).await;
    harness.corrupt(&id("broken")).await;
    assert_eq!(due(&*store, seen, 10).await, ["broken"]);
    let deferral = Deferral { id: id("broken"), seen, until: Some(later) };
    assert_eq!(store.defer(deferral).await, Ok(Deferred::Done));
    assert_eq!(due(&*store, seen, 10).await, [""; 0]);
}
