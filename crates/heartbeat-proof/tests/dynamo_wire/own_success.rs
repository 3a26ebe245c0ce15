//! A write whose answer is lost on the way is repeated by the SDK, finds itself, and is done: once.

use std::sync::Arc;

use futures_util::{FutureExt, future::BoxFuture};
use heartbeat_core::{
    Event, Notice, Ping, Signal, Store, Timestamp, decide,
    delivery::Verdict,
    directory::{Entry, Put},
    dynamo::DynamoStore,
    history::{Happening, Row},
    outbox::{Owner, Routing, Settled, Settlement},
    store::{Change, Committed, Extended, Found, WriteId},
};
use heartbeat_proof::{
    contract::scene::{
        NOW, channel, context, creation, decision, deletion, id, key, lease, minutes, ping, pinged, put, there,
    },
    dynamo::{Fate, Wired},
};

const LATER: Timestamp = Timestamp::from_secs(NOW.as_secs() + 60);

/// Every way to lose the answer of what was carried out.
fn losses() -> [Fate; 4] {
    [Fate::TimesOut, Fate::BreaksOff, Fate::Hangs, Fate::FailsAfter]
}

fn opened(tag: u64) -> Row {
    let cause = heartbeat_core::Cause::Failed { exit: None };
    Row::new(&id("job"), LATER, WriteId(tag), 0, Happening::Opened { since: LATER, cause, unconfirmed: false })
}

/// Does `write` once for each loss of the answer to `action`, each time on a monitor of its own.
fn with_every_loss(action: &str, write: impl AsyncFn(&dyn Store) + Copy) {
    for loss in losses() {
        let wired = Wired::new();
        let (store, wire) = wired.open();
        wired.run(async {
            put(&*store, pinged("job")).await;
            wire.is_well();
            wire.next(action, [loss.clone()]);
            write(&*store).await;
            assert!(wire.sent(action) >= 2, "{loss:?} of {action} was not met");
        });
    }
}

#[test]
fn a_ping_counts_once() {
    with_every_loss("UpdateItem", async |store| {
        assert_eq!(store.extend(ping("job", LATER, 2)).await, Ok(Extended::Done));
        assert_eq!(there(store, &id("job")).await.monitor.ping_count, 2);
        assert_eq!(store.history(&id("job"), Timestamp::MAX, 10).await.unwrap().len(), 1);
    });
}

#[test]
fn a_failure_opens_one_incident() {
    with_every_loss("UpdateItem", async |store| {
        let before = there(store, &id("job")).await;
        let change = decision(&before, &Event::Ping(Ping::bare(Signal::Fail)), LATER, 2);
        let change = Change { rows: vec![opened(2)], ..change };
        assert_eq!(store.commit(change.clone()).await, Ok(Committed::Done));
        assert_eq!(store.commit(change).await, Ok(Committed::Done), "and asked again it is done as well");
        assert_eq!(there(store, &id("job")).await.monitor.ping_count, 2);
        assert_eq!(store.history(&id("job"), Timestamp::MAX, 10).await, Ok(vec![opened(2)]));
    });
}

/// Stores a monitor whose failure a checker is telling; answers with how that ends.
async fn put_claimed(store: &dyn Store, slug: &str) -> Settlement {
    let mut monitor = decide(&pinged(slug), &Event::Ping(Ping::bare(Signal::Fail)), &context(LATER)).monitor;
    monitor.outbox.route(&Routing::to(&[channel("telegram")]), LATER);
    let notice: Notice = monitor.outbox.claim(lease(1, LATER), LATER, |_| true).pop().unwrap().notice;
    put(store, monitor).await;
    Settlement {
        channel: channel("telegram"),
        entry: notice.id(&id(slug), &channel("telegram")),
        owner: Owner(1),
        verdict: Verdict::Done,
    }
}

#[test]
fn a_settlement_is_made_once() {
    with_every_loss("UpdateItem", async |store| {
        let settlement = put_claimed(store, "told").await;
        assert_eq!(store.settle(&id("told"), settlement, LATER, Vec::new()).await, Ok(Settled::Done));
        assert!(there(store, &id("told")).await.monitor.outbox.is_empty());
    });
}

#[test]
fn a_decision_behind_which_a_settlement_came_is_made_once_and_so_is_the_settlement() {
    let wired = Wired::new();
    let ((store, wire), (theirs, their_wire)) = (wired.open(), wired.open());
    wired.run(async {
        let settlement = put_claimed(&*store, "told").await;
        let before = there(&*store, &id("told")).await;
        let at = LATER.plus(minutes(1));
        let settles = move || {
            let (theirs, their_wire, settlement) = (Arc::clone(&theirs), Arc::clone(&their_wire), settlement.clone());
            async move {
                their_wire.next("UpdateItem", [Fate::TimesOut]);
                let settled = theirs.settle(&id("told"), settlement, at, Vec::new()).await;
                assert_eq!(settled, Ok(Settled::Done));
            }
            .boxed()
        };
        wire.next("UpdateItem", [Fate::Meanwhile(Arc::new(settles))]);
        let change = decision(&before, &Event::Ping(Ping::bare(Signal::Fail)), at, 2);
        assert_eq!(store.commit(change).await, Ok(Committed::Done));
        assert_eq!(there(&*store, &id("told")).await.monitor.ping_count, before.monitor.ping_count + 1);
    });
}

#[test]
fn a_monitor_is_made_once() {
    with_every_loss("PutItem", async |store| {
        assert_eq!(store.commit(creation(pinged("new"), NOW, 2)).await, Ok(Committed::Done));
        assert_eq!(there(store, &id("new")).await.write_id, WriteId(2));
    });
}

#[test]
fn a_monitor_is_made_once_with_its_keys() {
    with_every_loss("TransactWriteItems", async |store| {
        let change = Change { keys: vec![key(1), key(2)], ..creation(pinged("new"), NOW, 2) };
        assert_eq!(store.commit(change.clone()).await, Ok(Committed::Done));
        assert_eq!(store.commit(change).await, Ok(Committed::Done));
        assert_eq!(store.keys().await, Ok(vec![key(1), key(2)]));
    });
}

#[test]
fn a_monitor_is_deleted_once() {
    with_every_loss("PutItem", async |store| {
        let before = there(store, &id("job")).await;
        let change = deletion(&before, LATER, LATER.plus(minutes(60)), 2);
        assert_eq!(store.commit(change).await, Ok(Committed::Done));
        assert_eq!(store.find(&id("job"), LATER).await, Ok(Found::Deleted));
    });
}

#[test]
fn an_entry_of_the_directory_is_written_once() {
    with_every_loss("PutItem", async |store| {
        let first = Entry::first("checker", "turn", &"mine");
        assert_eq!(store.put_entry(first.clone()).await, Ok(Put::Done));
        assert_eq!(store.put_entry(first.next(&"yours")).await, Ok(Put::Done));
    });
}

/// Loses the answer to one update, and meanwhile another process does `other` to the same monitor.
fn while_another(
    other: impl Fn(Arc<DynamoStore>) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    mine: impl AsyncFnOnce(&dyn Store),
) {
    let wired = Wired::new();
    let ((store, wire), (theirs, _)) = (wired.open(), wired.open());
    wired.run(async {
        put(&*store, pinged("job")).await;
        wire.is_well();
        wire.next("UpdateItem", [Fate::Meanwhile(Arc::new(move || other(Arc::clone(&theirs))))]);
        mine(&*store).await;
        assert!(wire.sent("UpdateItem") >= 2, "nothing was lost");
    });
}

/// A ping a second later.
async fn one_more(store: Arc<DynamoStore>) {
    let at = LATER.plus(std::time::Duration::from_secs(1));
    assert_eq!(store.extend(ping("job", at, 70)).await, Ok(Extended::Done));
}

/// A decision a second later.
async fn a_remark(store: Arc<DynamoStore>) {
    let at = LATER.plus(std::time::Duration::from_secs(1));
    let before = there(&*store, &id("job")).await;
    let change = decision(&before, &Event::Ping(Ping::bare(Signal::Log)), at, 71);
    assert_eq!(store.commit(change).await, Ok(Committed::Done));
}

#[test]
fn a_ping_behind_which_another_came_counts_once() {
    while_another(
        |store| one_more(store).boxed(),
        async |store| {
            assert_eq!(store.extend(ping("job", LATER, 2)).await, Ok(Extended::Done));
            assert_eq!(there(store, &id("job")).await.monitor.ping_count, 3);
        },
    );
}

#[test]
fn a_ping_behind_which_something_else_was_decided_counts_once() {
    while_another(
        |store| a_remark(store).boxed(),
        async |store| {
            assert_eq!(store.extend(ping("job", LATER, 2)).await, Ok(Extended::Done));
            assert_eq!(there(store, &id("job")).await.monitor.ping_count, 3);
        },
    );
}

#[test]
fn a_decision_behind_which_a_ping_came_is_made_once() {
    while_another(
        |store| one_more(store).boxed(),
        async |store| {
            let before = there(store, &id("job")).await;
            let change = decision(&before, &Event::Ping(Ping::success()), LATER, 2);
            assert_eq!(store.commit(change).await, Ok(Committed::Done));
            assert_eq!(there(store, &id("job")).await.monitor.ping_count, 3);
        },
    );
}

#[test]
fn a_decision_behind_which_something_else_was_decided_is_made_once() {
    while_another(
        |store| a_remark(store).boxed(),
        async |store| {
            let before = there(store, &id("job")).await;
            let change = decision(&before, &Event::Ping(Ping::bare(Signal::Start)), LATER, 2);
            assert_eq!(store.commit(change).await, Ok(Committed::Done));
            assert_eq!(there(store, &id("job")).await.monitor.ping_count, 3);
        },
    );
}

#[test]
fn a_decision_behind_which_much_has_happened_is_made_once() {
    with_every_loss("BatchWriteItem", async |store| {
        let before = there(store, &id("job")).await;
        let change = decision(&before, &Event::Ping(Ping::bare(Signal::Start)), LATER, 2);
        let change = Change { rows: vec![opened(2)], ..change };
        assert_eq!(store.commit(change.clone()).await, Ok(Committed::Done));
        for number in 1..=4 {
            let at = LATER.plus(minutes(number));
            let before = there(store, &id("job")).await;
            let other = decision(&before, &Event::Ping(Ping::bare(Signal::Log)), at, 70 + number);
            assert_eq!(store.commit(other).await, Ok(Committed::Done));
        }
        assert_eq!(store.commit(change).await, Ok(Committed::Done), "it was: history tells of it");
        assert_eq!(there(store, &id("job")).await.monitor.ping_count, 6);
    });
}
