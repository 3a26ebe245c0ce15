//! Settling: the end of a delivery attempt belongs to the holder of the lease, whatever else happens to the monitor.

use std::time::Duration;

use heartbeat_core::{
    ChannelName, Event, Monitor, Notice, Ping, RestsOn, Signal, Store, Timestamp,
    channel::definition::Wants,
    decide,
    delivery::{Reason, Verdict},
    outbox::{GaveUp, Outbox, Owner, Routing, Settled, Settlement},
    store::{Becomes, Change, Committed, Extended, Stored, WriteId},
};

use super::{
    Harness,
    scene::{NOW, channel, context, delivery, happen, id, lease, minutes, ping, pinged, put, stored, there},
};

/// When the job of these clauses fails, and checker 1 claims what there is to tell.
const FAILED: Timestamp = Timestamp::from_secs(NOW.as_secs() + 60);
/// When an attempt has ended.
const SENT: Timestamp = Timestamp::from_secs(FAILED.as_secs() + 1);

fn telegram() -> ChannelName {
    channel("telegram")
}

/// A monitor that has failed, with its notice claimed by checker 1 for Telegram.
fn claimed() -> (Monitor, Notice) {
    let mut monitor = decide(&pinged("job"), &Event::Ping(Ping::bare(Signal::Fail)), &context(FAILED)).monitor;
    monitor.outbox.route(&Routing::to(&[telegram()]), FAILED);
    let claim = monitor.outbox.claim(lease(1, FAILED), FAILED, |_| true).pop().unwrap();
    (monitor, claim.notice)
}

async fn put_claimed(store: &dyn Store) -> (Stored, Notice) {
    let (monitor, notice) = claimed();
    (put(store, monitor).await, notice)
}

fn end(notice: &Notice, verdict: Verdict) -> Settlement {
    Settlement { channel: telegram(), entry: notice.id(&id("job"), &telegram()), owner: Owner(1), verdict }
}

pub async fn a_delivered_entry_leaves_the_outbox(harness: &dyn Harness) {
    let store = harness.store();
    let (before, notice) = put_claimed(&*store).await;
    let row = delivery(&id("job"), &telegram(), SENT, 9);
    let settled = store.settle(&id("job"), end(&notice, Verdict::Done), SENT, vec![row.clone()]).await;
    assert_eq!(settled, Ok(Settled::Done));
    let after = there(&*store, &id("job")).await;
    assert!(after.monitor.outbox.is_empty());
    assert_eq!(after.monitor.rev, before.monitor.rev.next(), "whoever decided from the old outbox must look again");
    assert_eq!(store.history(&id("job"), Timestamp::MAX, 10).await, Ok(vec![row]));
    let again = store.settle(&id("job"), end(&notice, Verdict::Done), SENT, Vec::new()).await;
    assert_eq!(again, Ok(Settled::Stale));
}

pub async fn only_the_owner_of_the_lease_settles_its_entry(harness: &dyn Harness) {
    let store = harness.store();
    let (before, notice) = put_claimed(&*store).await;
    let ours = end(&notice, Verdict::Done);
    let mut other_entry = notice.clone();
    other_entry.rev = notice.rev.next();
    let strangers = [
        Settlement { owner: Owner(2), ..ours.clone() },
        Settlement { channel: channel("ops-mail"), ..ours.clone() },
        end(&other_entry, Verdict::Done),
    ];
    let row = super::scene::row(&id("job"), SENT, 9);
    for stranger in strangers {
        assert_eq!(store.settle(&id("job"), stranger, SENT, vec![row.clone()]).await, Ok(Settled::Stale));
    }
    assert_eq!(store.settle(&id("nobody"), ours, SENT, Vec::new()).await, Ok(Settled::Stale));
    assert_eq!(there(&*store, &id("job")).await, before);
    assert_eq!(store.history(&id("job"), Timestamp::MAX, 10).await, Ok(Vec::new()));
}

pub async fn a_retry_keeps_the_entry_and_says_when(harness: &dyn Harness) {
    let store = harness.store();
    let (_, notice) = put_claimed(&*store).await;
    let at = SENT.plus(Duration::from_secs(15));
    let retry = Verdict::Retry { at, reason: Reason::new("429") };
    assert_eq!(store.settle(&id("job"), end(&notice, retry), SENT, Vec::new()).await, Ok(Settled::Done));
    let outbox = there(&*store, &id("job")).await.monitor.outbox;
    let head = outbox.lanes.get(&telegram()).and_then(|lane| lane.head.clone()).unwrap();
    assert_eq!((head.attempts, head.next_at, head.lease), (1, at, None));
    assert_eq!(head.last_error.as_deref(), Some("429"));
}

pub async fn what_is_given_up_stays_visible_and_is_kept_until_it_is_routed(harness: &dyn Harness) {
    let store = harness.store();
    let (_, notice) = put_claimed(&*store).await;
    let give_up = end(&notice, Verdict::GiveUp { reason: Reason::new("blocked") });
    assert_eq!(store.settle(&id("job"), give_up.clone(), SENT, Vec::new()).await, Ok(Settled::Done));
    let as_told = |untold: Option<Notice>| {
        Some(GaveUp { at: SENT, reason: "blocked".to_owned(), count: 1, untold: untold.map(Box::new) })
    };
    let before = there(&*store, &id("job")).await;
    assert_eq!(gave_up(&before), as_told(Some(notice.clone())));
    assert!(!before.monitor.outbox.is_idle(), "it is still to be told by somebody");
    assert_eq!(before.wake_at, Some(SENT), "somebody looks, and routes it");
    assert_eq!(store.settle(&id("job"), give_up, SENT, Vec::new()).await, Ok(Settled::Stale));
    assert_eq!(there(&*store, &id("job")).await, before);

    let fallback = channel("ops-mail");
    let routing = Routing::new([(telegram(), Wants::ALL)], Some((fallback.clone(), Wants::ALL)));
    let after = change_outbox(&*store, before, 20, |outbox| outbox.route(&routing, SENT)).await;
    assert_eq!(gave_up(&after), as_told(None), "what is visible stays");
    let head = after.monitor.outbox.lanes.get(&fallback).and_then(|lane| lane.head.clone());
    assert_eq!(head.map(|head| head.notice), Some(notice));
}

fn gave_up(stored: &Stored) -> Option<GaveUp> {
    stored.monitor.outbox.lanes.get(&telegram()).and_then(|lane| lane.gave_up.clone())
}

/// Stores the monitor with its outbox as `change` makes it.
async fn change_outbox(store: &dyn Store, before: Stored, write_id: u64, change: impl FnOnce(&mut Outbox)) -> Stored {
    let mut monitor = before.monitor.clone();
    monitor.rev = monitor.rev.next();
    change(&mut monitor.outbox);
    let after = Stored { write_id: WriteId(write_id), ..stored(monitor, write_id) };
    let becomes = Becomes::Changed { before: Box::new(before), after: Box::new(after), rests_on: RestsOn::Revision };
    let (id, rows, keys) = (id("job"), Vec::new(), Vec::new());
    let change = Change { id: id.clone(), becomes, at: SENT, write_id: WriteId(write_id), rows, keys };
    assert_eq!(store.commit(change).await, Ok(Committed::Done));
    there(store, &id).await
}

pub async fn what_was_given_up_is_sent_again_by_hand_and_settled(harness: &dyn Harness) {
    let store = harness.store();
    let (_, notice) = put_claimed(&*store).await;
    let give_up = end(&notice, Verdict::GiveUp { reason: Reason::new("blocked") });
    assert_eq!(store.settle(&id("job"), give_up, SENT, Vec::new()).await, Ok(Settled::Done));
    let before = there(&*store, &id("job")).await;
    let routing = Routing::to(&[telegram()]);
    let untold = change_outbox(&*store, before, 21, |outbox| outbox.route(&routing, SENT)).await;
    assert!(untold.monitor.outbox.is_idle(), "without a fallback it stays untold");

    let again = |outbox: &mut Outbox| assert!(outbox.redeliver(&telegram(), Some(notice.clone()), SENT));
    let waits = change_outbox(&*store, untold, 22, again).await;
    assert_eq!((waits.wake_at, waits.ordinary), (Some(SENT), false));
    change_outbox(&*store, waits, 23, |outbox| {
        let claims = outbox.claim(lease(1, SENT), SENT, |_| true);
        assert_eq!(claims.into_iter().map(|claim| claim.notice).collect::<Vec<_>>(), std::slice::from_ref(&notice));
    })
    .await;
    let row = delivery(&id("job"), &telegram(), SENT, 24);
    let settled = store.settle(&id("job"), end(&notice, Verdict::Done), SENT, vec![row.clone()]).await;
    assert_eq!(settled, Ok(Settled::Done));
    assert!(there(&*store, &id("job")).await.monitor.outbox.is_empty(), "the channel works again");
    let told = store.deliveries(&id("job").project, &telegram(), Timestamp::MAX, 10).await;
    assert_eq!(told, Ok(vec![row]));
}

pub async fn a_lease_survives_pings(harness: &dyn Harness) {
    let store = harness.store();
    let (mut before, notice) = put_claimed(&*store).await;
    for number in 1..=5 {
        let at = FAILED.plus(Duration::from_millis(number * 10));
        assert!(matches!(store.extend(ping("job", at, 100 + number)).await, Ok(Extended::Declined(_))));
        before = happen(&*store, &before, &Event::Ping(Ping::success()), at, 200 + number).await;
    }
    let answer = store.settle(&id("job"), end(&notice, Verdict::Done), SENT, Vec::new()).await;
    assert_eq!(answer, Ok(Settled::Done));
    let outbox = there(&*store, &id("job")).await.monitor.outbox;
    let lane = outbox.lanes.get(&telegram());
    let waits = outbox.unrouted.is_some() || lane.is_some_and(|lane| lane.pending.is_some());
    assert!(waits, "the recovery is still to be told: {outbox:?}");
}

pub async fn what_was_settled_is_looked_at_at_once_and_ordinary_only_after_a_look(harness: &dyn Harness) {
    let store = harness.store();
    let mut monitor = decide(&claimed().0, &Event::Ping(Ping::success()), &context(SENT)).monitor;
    monitor.outbox.unrouted = None;
    put(&*store, monitor).await;
    let notice = claimed().1;
    let settled = store.settle(&id("job"), end(&notice, Verdict::Done), SENT, Vec::new()).await;
    assert_eq!(settled, Ok(Settled::Done));
    let before = there(&*store, &id("job")).await;
    assert!(before.monitor.outbox.is_empty());
    assert_eq!(before.wake_at, Some(SENT));
    let at = SENT.plus(minutes(1));
    assert!(matches!(store.extend(ping("job", at, 5)).await, Ok(Extended::Declined(_))));
    look(&*store, before).await;
    assert_eq!(harness.attribute(&id("job"), "ordinary").await, Some(true.into()));
    assert!(harness.attribute(&id("job"), "expires_at").await.is_some());
    assert_eq!(store.extend(ping("job", at, 7)).await, Ok(Extended::Done));
}

/// Commits what a look has found to be so: nothing has changed but what follows from it.
async fn look(store: &dyn Store, before: Stored) {
    let (at, write_id) = (SENT, WriteId(6));
    let decided = decide(&before.monitor, &Event::Tick, &context(at));
    assert_eq!(decided.monitor, before.monitor);
    let after = Stored { write_id, ..stored(decided.monitor, 6) };
    let becomes = Becomes::Changed { before: Box::new(before), after: Box::new(after), rests_on: decided.rests_on };
    let change = Change { id: id("job"), becomes, at, write_id, rows: Vec::new(), keys: Vec::new() };
    assert_eq!(store.commit(change).await, Ok(Committed::Done));
}
