//! What others know of outages of ours by now: a process that cannot ask, or asks while it changes, alarms nobody for it.

use std::{sync::Arc, time::Duration};

use heartbeat_checker::Checker;
use heartbeat_core::{
    Interval, MonitorId, NoticeKind, Ping, Schedule, Signal, Store,
    flow::{Flow, Hearing, Sender},
    history::Happening,
    outage::HOLD,
    store::Found,
};
use heartbeat_proof::instruments::{Breaking, Moment};

use crate::{
    amnesty::{anew, live, told, town},
    ledger::Ledger,
    town::{Town, checker, id},
    unwritable::Unwritable,
};

const MINUTE: Duration = Duration::from_mins(1);

/// A process that knows how it was before the last hour, the outage of ours at its end included, and can ask no more.
async fn cut_off(town: &Town, api: &Flow, others: &Checker, ledger: &Arc<Ledger>) -> (Flow, Arc<Checker>) {
    let store = Arc::new(Unwritable::from(Arc::clone(&town.flow.store), usize::MAX));
    let flow = Flow { store: Arc::clone(&store) as _, hearing: Arc::new(Hearing::new(HOLD)), ..town.flow.clone() };
    let checker = checker(flow.clone(), &[ledger]);
    live(town, api, others, &["job"], true, MINUTE * 10).await;
    checker.pass().await.unwrap();
    // It falls silent in the outage, too, and is put off for long.
    let rare = Ping { schedule: Some(Schedule::Every(Interval::parse("52m").unwrap())), ..Ping::bare(Signal::Success) };
    api.record_ping(&id("rare"), rare, Sender::default(), town.now()).await.unwrap();
    live(town, api, others, &["job"], true, MINUTE * 50).await;
    live(town, api, others, &[], false, MINUTE * 10).await;
    api.prove_hearing().await.unwrap();
    others.pass().await.unwrap();
    store.lose_the_directory();
    (flow, checker)
}

/// Whether the incidents of a job were unconfirmed, the oldest first.
async fn incidents(town: &Town, id: &MonitorId) -> Vec<bool> {
    let rows = town.store.history(id, town.now().plus(MINUTE), 10_000).await.unwrap();
    let unconfirmed = |happening: &Happening| {
        if let Happening::Opened { unconfirmed, .. } = happening { Some(*unconfirmed) } else { None }
    };
    rows.iter().rev().filter_map(|row| unconfirmed(&row.happening)).collect()
}

#[tokio::test]
async fn a_ping_that_ends_a_silence_opens_no_incident_where_nobody_can_be_asked() {
    let (town, api, ledger, others) = town();
    let (ignorant, _) = cut_off(&town, &api, &others, &ledger).await;
    ignorant.record_ping(&id("job"), Ping::bare(Signal::Success), Sender::default(), town.now()).await.unwrap();
    assert_eq!(incidents(&town, &id("job")).await, [false; 0]);
}

#[tokio::test]
async fn a_silence_that_is_longer_than_any_hold_is_an_incident_and_unconfirmed_where_nobody_can_be_asked() {
    let (town, api, ledger, others) = town();
    let (ignorant, _) = cut_off(&town, &api, &others, &ledger).await;
    town.clock.advance(HOLD);
    ignorant.record_ping(&id("job"), Ping::bare(Signal::Success), Sender::default(), town.now()).await.unwrap();
    assert_eq!(incidents(&town, &id("job")).await, [true]);
}

#[tokio::test]
async fn a_pass_that_cannot_ask_tells_nothing_that_others_know_better() {
    let (town, api, ledger, others) = town();
    let (_, ignorant) = cut_off(&town, &api, &others, &ledger).await;
    for _ in 0..4 {
        town.clock.advance(Duration::from_secs(5));
        api.prove_hearing().await.unwrap();
        ignorant.pass().await.unwrap();
        assert_eq!(told(&ledger, "job"), []);
    }
    live(&town, &api, &others, &["job"], true, MINUTE).await;
    assert_eq!(incidents(&town, &id("job")).await, [false; 0]);
}

#[tokio::test]
async fn a_pass_that_can_never_ask_tells_of_the_dead_after_the_hold_as_unconfirmed() {
    let (town, api, ledger, others) = town();
    let (_, ignorant) = cut_off(&town, &api, &others, &ledger).await;
    let end = town.now().plus(HOLD + MINUTE);
    while town.now() < end {
        town.clock.advance(Duration::from_secs(5));
        api.prove_hearing().await.unwrap();
        ignorant.pass().await.unwrap();
    }
    assert_eq!(told(&ledger, "job"), [(NoticeKind::Overdue, true)]);
}

#[tokio::test]
async fn an_audit_that_cannot_ask_blames_no_index() {
    let (town, api, ledger, others) = town();
    let (_, ignorant) = cut_off(&town, &api, &others, &ledger).await;
    live(&town, &api, &others, &["job"], true, MINUTE).await;
    let put_off_to = town.store.find(&id("rare"), town.now()).await.unwrap();
    assert!(matches!(&put_off_to, Found::Monitor(stored) if stored.wake_at.unwrap().since(town.now()) > MINUTE * 5));
    let audit = ignorant.audit().await.unwrap();
    assert_eq!((audit.missed, told(&ledger, "job"), told(&ledger, "rare")), (0, vec![], vec![]));
    assert_eq!(others.audit().await.unwrap().missed, 0, "and has moved nothing");
}

#[tokio::test]
async fn who_asks_while_another_ends_an_outage_sees_it_or_its_end() {
    for n in 1.. {
        let (town, api, _, others) = town();
        live(&town, &api, &others, &["job"], true, MINUTE * 10).await;
        town.clock.advance(MINUTE * 120);
        let breaking = Arc::new(Breaking::at(Arc::clone(&town.flow.store), n, Moment::Before));
        let slow = anew(&Flow { store: Arc::clone(&breaking) as _, ..town.flow.clone() });
        let job = id("job");
        let mut ping = Box::pin(async {
            slow.record_ping(&job, Ping::bare(Signal::Success), Sender::default(), town.now()).await.unwrap();
        });
        breaking.until_death(ping.as_mut()).await;
        if !breaking.has_broken() {
            assert!(n > 4, "it asked nobody");
            return;
        }
        anew(&town.flow).prove_hearing().await.unwrap();
        breaking.mend();
        ping.await;
        assert_eq!(incidents(&town, &job).await, [false; 0], "slow at call {n}");
    }
}
