//! Deleting: a tombstone keeps the name from being made anew by a late ping, and passes.

use heartbeat_core::{
    Event, Timestamp,
    store::{Becomes, Change, Committed, Extended, Found, WriteId},
};

use super::{
    Harness,
    scene::{NOW, TICK, creation, decision, deletion, happen, id, minutes, ping, pinged, put, stored, there},
};

/// When the tombstones of these clauses pass.
const UNTIL: Timestamp = Timestamp::from_secs(NOW.as_secs() + 86_400);

pub async fn what_was_deleted_is_deleted_until_the_tombstone_has_passed(harness: &dyn Harness) {
    let store = harness.store();
    let before = put(&*store, pinged("job")).await;
    assert_eq!(store.commit(deletion(&before, NOW, UNTIL, 2)).await, Ok(Committed::Done));
    assert_eq!(store.find(&id("job"), NOW).await, Ok(Found::Deleted));
    assert_eq!(store.find(&id("job"), UNTIL.minus(TICK)).await, Ok(Found::Deleted));
    assert_eq!(store.find(&id("job"), UNTIL).await, Ok(Found::Nothing));
    assert_eq!(store.due(0, Timestamp::MAX, 10).await, Ok(Vec::new()), "nobody looks at a tombstone");
    let too_early = store.commit(creation(pinged("job"), UNTIL.minus(TICK), 3)).await;
    assert_eq!(too_early, Ok(Committed::Conflict(Found::Deleted)));
    assert_eq!(store.commit(creation(pinged("job"), UNTIL, 4)).await, Ok(Committed::Done));
}

pub async fn a_late_ping_does_not_bring_it_back(harness: &dyn Harness) {
    let store = harness.store();
    let before = put(&*store, pinged("job")).await;
    store.commit(deletion(&before, NOW, UNTIL, 2)).await.unwrap();
    let late = store.extend(ping("job", NOW.plus(minutes(1)), 3)).await;
    assert_eq!(late, Ok(Extended::Declined(Found::Deleted)));
    let resumed = store.commit(decision(&before, &Event::Pause { until: None }, NOW, 4)).await;
    assert_eq!(resumed, Ok(Committed::Conflict(Found::Deleted)));
}

pub async fn a_person_who_defines_it_brings_it_back(harness: &dyn Harness) {
    let store = harness.store();
    let before = put(&*store, pinged("job")).await;
    store.commit(deletion(&before, NOW, UNTIL, 2)).await.unwrap();
    let made = stored(pinged("job"), 3);
    let define = Change { becomes: Becomes::Defined(Box::new(made.clone())), ..creation(pinged("job"), NOW, 3) };
    for _ in 0..2 {
        assert_eq!(store.commit(define.clone()).await, Ok(Committed::Done));
    }
    assert_eq!(there(&*store, &id("job")).await, made);
    let again = store.commit(Change { write_id: WriteId(4), ..define }).await;
    assert_eq!(again, Ok(Committed::Conflict(Found::Monitor(Box::new(made)))), "what is there is not made again");
}

pub async fn the_same_deletion_again_is_done(harness: &dyn Harness) {
    let store = harness.store();
    let before = put(&*store, pinged("job")).await;
    for _ in 0..2 {
        assert_eq!(store.commit(deletion(&before, NOW, UNTIL, 2)).await, Ok(Committed::Done));
    }
    let another = store.commit(deletion(&before, NOW, UNTIL, 3)).await;
    assert_eq!(another, Ok(Committed::Conflict(Found::Deleted)));
}

pub async fn a_deletion_conflicts_with_a_decision_that_came_between(harness: &dyn Harness) {
    let store = harness.store();
    let before = put(&*store, pinged("job")).await;
    let paused = happen(&*store, &before, &Event::Pause { until: None }, NOW, 2).await;
    let late = store.commit(deletion(&before, NOW, UNTIL, 3)).await;
    assert_eq!(late, Ok(Committed::Conflict(Found::Monitor(Box::new(paused)))));
    let nobody = stored(pinged("nobody"), 1);
    assert_eq!(store.commit(deletion(&nobody, NOW, UNTIL, 4)).await, Ok(Committed::Conflict(Found::Nothing)));
}
