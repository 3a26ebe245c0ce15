//! What cannot be done is said to be so in time, and what may have been done is never said not to have been.

use std::time::Duration;

use heartbeat_core::{
    Store, StoreError, Timestamp,
    store::{Change, Committed, Extended},
};
use heartbeat_proof::{
    contract::scene::{NOW, creation, id, key, minutes, ping, pinged, put, there},
    dynamo::{Fate, Scripted, Wired},
};
use tokio::time::Instant;

const LATER: Timestamp = Timestamp::from_secs(NOW.as_secs() + 60);
const THROTTLED: Fate = Fate::Refused(400, "ThrottlingException");
/// `Patience::default().operation`, and what a clock of whole milliseconds adds.
const IN_TIME: Duration = Duration::from_millis(3_010);

/// Sends a ping over a wire that fails so; answers with what came of it. All is well afterwards.
async fn ping_over(
    store: &dyn Store,
    wire: &Scripted,
    fates: &[Fate],
    from_then_on: Fate,
) -> Result<Extended, StoreError> {
    wire.is_well();
    wire.next("UpdateItem", fates.iter().cloned());
    wire.from_now_on("UpdateItem", from_then_on);
    let began = Instant::now();
    let answer = store.extend(ping("job", LATER, 2)).await;
    assert!(began.elapsed() <= IN_TIME, "it took {:?}", began.elapsed());
    wire.is_well();
    answer
}

/// What becomes of a ping over such a wire, how often it then counts, and how often when it is sent again.
fn becomes(fates: &[Fate], from_then_on: Fate) -> (Result<Extended, StoreError>, u64, u64) {
    let wired = Wired::new();
    let (store, wire) = wired.open();
    wired.run(async {
        put(&*store, pinged("job")).await;
        let answer = ping_over(&*store, &wire, fates, from_then_on).await;
        let then = there(&*store, &id("job")).await.monitor.ping_count - 1;
        assert_eq!(store.extend(ping("job", LATER, 2)).await, Ok(Extended::Done));
        (answer, then, there(&*store, &id("job")).await.monitor.ping_count - 1)
    })
}

fn is_unknown(answer: &Result<Extended, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unknown(_)))
}

#[test]
fn what_was_carried_out_and_never_answered_is_unknown_and_asked_again_it_is_done_once() {
    for from_then_on in [Fate::TimesOut, Fate::BreaksOff, Fate::Hangs, Fate::FailsAfter, Fate::Vanishes, THROTTLED] {
        let (answer, then, again) = becomes(&[Fate::TimesOut], from_then_on);
        assert!(is_unknown(&answer), "{answer:?}");
        assert_eq!((then, again), (1, 1));
    }
}

#[test]
fn what_may_have_been_carried_out_is_unknown() {
    for from_then_on in [Fate::RequestLost, Fate::Vanishes, Fate::Refused(500, "InternalServerError")] {
        let (answer, then, again) = becomes(&[], from_then_on);
        assert!(is_unknown(&answer), "{answer:?}");
        assert_eq!((then, again), (0, 1));
    }
    let (answer, ..) = becomes(&[Fate::Vanishes], THROTTLED);
    assert!(is_unknown(&answer), "the first attempt may land yet: {answer:?}");
}

#[test]
fn what_was_refused_each_time_was_not_written() {
    for code in ["ThrottlingException", "ProvisionedThroughputExceededException", "TransactionConflictException"] {
        let (answer, then, again) = becomes(&[], Fate::Refused(400, code));
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{code}: {answer:?}");
        assert_eq!((then, again), (0, 1));
    }
}

#[test]
fn throttling_that_passes_is_waited_for() {
    let (answer, then, again) = becomes(&[THROTTLED, THROTTLED, THROTTLED, THROTTLED], Fate::BreaksOff);
    assert!(is_unknown(&answer), "{answer:?}");
    assert_eq!((then, again), (1, 1));
    let wired = Wired::new();
    let (store, wire) = wired.open();
    wired.run(async {
        put(&*store, pinged("job")).await;
        wire.next("UpdateItem", std::iter::repeat_n(THROTTLED, 5));
        assert_eq!(store.extend(ping("job", LATER, 2)).await, Ok(Extended::Done));
    });
}

#[test]
fn a_network_that_never_answers_is_given_up_in_time() {
    let wired = Wired::new();
    let (store, wire) = wired.open();
    wired.run(async {
        put(&*store, pinged("job")).await;
        wire.from_now_on("*", Fate::Vanishes);
        let began = Instant::now();
        assert!(matches!(store.find(&id("job"), NOW).await, Err(StoreError::Unavailable(_))));
        assert!(began.elapsed() <= IN_TIME, "{:?}", began.elapsed());
        let began = Instant::now();
        let made = store.commit(creation(pinged("new"), NOW, 2)).await;
        assert!(matches!(made, Err(StoreError::Unknown(_))), "{made:?}");
        assert!(began.elapsed() <= IN_TIME, "{:?}", began.elapsed());
        let began = Instant::now();
        assert!(matches!(store.ready().await, Err(StoreError::Unavailable(_))));
        assert!(began.elapsed() <= IN_TIME * 2, "{:?}", began.elapsed());
    });
}

#[test]
fn a_transaction_that_meets_another_writes_nothing_and_may_be_made_again() {
    let wired = Wired::new();
    let (store, wire) = wired.open();
    wired.run(async {
        wire.from_now_on("TransactWriteItems", Fate::Refused(400, "TransactionCanceledException"));
        let change = Change { keys: vec![key(1)], ..creation(pinged("new"), NOW, 2) };
        let made = store.commit(change.clone()).await;
        assert!(matches!(made, Err(StoreError::Unavailable(_))), "{made:?}");
        wire.is_well();
        assert_eq!(store.keys().await, Ok(Vec::new()));
        assert_eq!(store.commit(change).await, Ok(Committed::Done));
    });
}

#[test]
fn a_list_that_comes_in_parts_is_whole() {
    let wired = Wired::new();
    let (store, wire) = wired.open();
    wired.run(async {
        let slugs: Vec<String> = (10..30).map(|number| format!("job-{number}")).collect();
        for slug in &slugs {
            put(&*store, pinged(slug)).await;
        }
        wire.is_well();
        wire.from_now_on("BatchGetItem", Fate::Half);
        let page = store.list(&id("job").project, None, 100, NOW.plus(minutes(1))).await.unwrap();
        let listed: Vec<String> =
            page.items.into_iter().map(|item| item.unwrap().monitor.id.slug.as_str().to_owned()).collect();
        assert_eq!(listed, slugs);
        assert!(wire.sent("BatchGetItem") > 3);
    });
}
