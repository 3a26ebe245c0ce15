//! Finding: what was put is there as it was, what has expired is not, and what cannot be understood stands alone.

use heartbeat_core::{
    Event, Store, StoreError,
    store::{Deferral, Deferred, Extended, Found, Part},
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::Value;

use super::{
    Harness,
    scene::{NOW, TICK, any_monitor, creation, decision, id, ping, pinged, put, stored, swept, there},
};

pub async fn nothing_is_found_where_nothing_was_put(harness: &dyn Harness) {
    assert_eq!(harness.store().find(&id("nobody"), NOW).await, Ok(Found::Nothing));
}

pub async fn a_monitor_is_found_as_it_was_created(harness: &dyn Harness) {
    let (store, mut random) = (harness.store(), StdRng::seed_from_u64(1));
    for number in 0..100 {
        let monitor = any_monitor(&mut random, &format!("any-{number}"));
        let write_id = u64::MAX - number;
        let created = stored(monitor.clone(), write_id);
        store.commit(creation(monitor, NOW, write_id)).await.unwrap();
        assert_eq!(there(&*store, &created.monitor.id).await, created);
    }
}

pub async fn what_has_expired_is_not_there(harness: &dyn Harness) {
    let store = harness.store();
    let expires_at = put(&*store, pinged("job")).await.monitor.expires_at().unwrap();
    assert!(matches!(store.find(&id("job"), expires_at.minus(TICK)).await, Ok(Found::Monitor(_))));
    assert_eq!(store.find(&id("job"), expires_at).await, Ok(Found::Nothing));
}

pub async fn an_unknown_version_is_refused_and_left_as_it_is(harness: &dyn Harness) {
    let store = harness.store();
    let before = put(&*store, pinged("job")).await;
    harness.set_attribute(&id("job"), "v", 99.into()).await;
    assert!(is_corrupt(&store.find(&id("job"), NOW).await));
    assert!(is_corrupt(&store.extend(ping("job", NOW.plus(TICK), 2)).await));
    assert!(is_corrupt(&store.commit(decision(&before, &Event::Pause { until: None }, NOW, 3)).await));
    for (name, value) in [("v", 99.into()), ("ping_count", 1.into()), ("status", Value::from("ok"))] {
        assert_eq!(harness.attribute(&id("job"), name).await, Some(value), "{name}");
    }
    let deferral = Deferral { id: id("job"), seen: before.wake_at.unwrap(), until: None };
    assert_eq!(store.defer(deferral).await, Ok(Deferred::Done));
}

pub async fn a_corrupt_item_hides_no_other(harness: &dyn Harness) {
    let store = harness.store();
    for slug in ["a", "broken", "c"] {
        put(&*store, pinged(slug)).await;
    }
    harness.corrupt(&id("broken")).await;
    assert!(is_corrupt(&store.find(&id("broken"), NOW).await));
    let project = id("broken").project;
    let listed = store.list(&project, None, 10, NOW).await.unwrap();
    let swept = swept(&*store, Part::WHOLE, 10, NOW).await;
    for items in [listed.items, swept] {
        let mut read: Vec<String> = items.iter().flatten().map(|item| item.monitor.id.slug.to_string()).collect();
        // A sweep goes in an order of the store's own.
        read.sort_unstable();
        assert_eq!(read, ["a", "c"]);
        assert!(items.iter().any(|item| matches!(item, Err(corrupt) if corrupt.id == "default/broken")));
    }
    assert_eq!(store.due(0, NOW.plus(super::scene::minutes(10)), 10).await.unwrap().len(), 3);
    let together = futures_util::future::join(broken_pings(&*store), store.extend(ping("a", NOW.plus(TICK), 9)));
    assert_eq!(together.await.1, Ok(Extended::Done));
}

/// Pings of what is broken may be refused or counted; they must only not harm others.
async fn broken_pings(store: &dyn Store) {
    for number in 0..20 {
        let _ = store.extend(ping("broken", NOW.plus(TICK * number), u64::from(number) + 100)).await;
    }
}

pub async fn a_ready_store_says_so(harness: &dyn Harness) {
    assert_eq!(harness.store().ready().await, Ok(()));
}

fn is_corrupt<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Corrupt(_)))
}
