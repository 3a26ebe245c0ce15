//! One audit for all checkers over a store: claimed, marked, gone on with, and never lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use heartbeat_checker::{Audit, Checker, End, Turn};
use heartbeat_core::{
    Clock, Monitor, MonitorId, Status, Store, Timestamp,
    directory::{Entry, Put},
    flow::Flow,
    store::{Becomes, Change, Deferral, Found, Stored, WriteId},
};
use heartbeat_proof::instruments::{Breaking, Moment};
use serde_json::json;

use crate::{
    ledger::Ledger,
    town::{NOW, SETTLE, Town, checker, id},
    unwritable::Unwritable,
};

const EVERY: Duration = Duration::from_mins(10);
const STALE: Duration = Duration::from_mins(2);
/// More pages than lie between two marks of how far an audit has come.
const MANY: usize = 3_100;

/// `count` monitors that have pinged [`NOW`] and are not due for as long as any of these tests plays, as many as there are
/// at a time in one commit.
async fn crowd(town: &Town, count: usize) {
    let made = (0..count).map(|number| {
        let monitor = heartbeat_proof::contract::scene::pinged(&format!("job-{number:05}"));
        let status = Status::Ok { since: NOW, due_at: NOW.plus(Duration::from_hours(24 * 30)) };
        let stored = Stored::new(Monitor { created_at: NOW, status, ..monitor }, 0, SETTLE, WriteId(1));
        let (id, becomes, rows, keys) = (stored.monitor.id.clone(), Becomes::Created(Box::new(stored)), vec![], vec![]);
        town.store.commit(Change { id, becomes, at: NOW, write_id: WriteId(1), rows, keys })
    });
    assert!(join_all(made).await.iter().all(Result::is_ok));
}

/// Hides a monitor from the index.
async fn hide(town: &Town, id: &MonitorId) {
    let Found::Monitor(stored) = town.store.find(id, NOW).await.unwrap() else { panic!("{id} is not there") };
    let seen = stored.wake_at.unwrap();
    town.store.defer(Deferral { id: id.clone(), seen, until: None }).await.unwrap();
}

async fn audit(checker: &Checker) -> Audit {
    match checker.audit_until(None).await {
        Turn::Taken(audit) => audit,
        Turn::Later(at) => panic!("it is not our turn before {at}"),
    }
}

async fn later(checker: &Checker) -> Timestamp {
    match checker.audit_until(None).await {
        Turn::Later(at) => at,
        Turn::Taken(audit) => panic!("it was not our turn: {audit:?}"),
    }
}

#[tokio::test]
async fn of_several_checkers_one_audits_every_ten_minutes() {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    town.jobs(3).await;
    let checkers: Vec<_> = (0..4).map(|_| town.checker(&[&ledger])).collect();
    for round in 0..3 {
        let turns = join_all(checkers.iter().map(|checker| checker.audit_until(None))).await;
        let taken: Vec<_> = turns.into_iter().filter(|turn| matches!(turn, Turn::Taken(_))).collect();
        let [Turn::Taken(audit)] = taken.as_slice() else { panic!("round {round}: {taken:?}") };
        assert_eq!((audit.active, &audit.end), (3, &End::Complete));
        let next = NOW.plus(EVERY * (round + 1));
        town.clock.set(next.minus(Duration::from_micros(1)));
        for checker in &checkers {
            assert_eq!(later(checker).await, next);
        }
        town.clock.set(next);
    }
}

/// A clock that goes on by a second whenever somebody looks at it.
struct Ticking(AtomicI64);

#[async_trait]
impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        NOW.plus(Duration::from_secs(self.0.fetch_add(1, Ordering::SeqCst).cast_unsigned()))
    }

    async fn sleep(&self, _: Duration) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_audit_whose_time_is_up_is_gone_on_with_by_the_next_who_asks() {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    crowd(&town, MANY).await;
    let flow = Flow { clock: Arc::new(Ticking(AtomicI64::new(0))), ..town.flow.clone() };
    let (mut lives, mut active) = (0, 0);
    loop {
        lives += 1;
        let checker = checker(flow.clone(), &[&ledger]);
        let deadline = flow.clock.now().plus(Duration::from_secs(7));
        let Turn::Taken(audit) = checker.audit_until(Some(deadline)).await else { panic!("it is nobody's turn") };
        assert!(audit.active > active, "life {lives} came no further: {audit:?}");
        active = audit.active;
        if audit.end == End::Complete {
            break;
        }
        assert_eq!(audit.end, End::Deadline);
    }
    assert_eq!(active, MANY, "each monitor once");
    assert!((3..20).contains(&lives), "in {lives} lives");
    let next = later(&checker(flow, &[&ledger])).await;
    assert!(next.since(NOW) < EVERY + Duration::from_secs(20), "counted from its first start: {next}");
}

#[tokio::test]
async fn an_audit_that_dies_at_any_step_is_gone_on_with_when_its_claim_is_stale() {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    crowd(&town, MANY).await;
    let heir = town.checker(&[&ledger]);
    let mut deaths = 0;
    for moment in [Moment::Before, Moment::After] {
        for n in 0.. {
            hide(&town, &id(&format!("job-{:05}", MANY - 1))).await;
            let breaking = Arc::new(Breaking::at(Arc::clone(&town.flow.store), n, moment));
            let doomed = checker(Flow { store: Arc::clone(&breaking) as _, ..town.flow.clone() }, &[&ledger]);
            breaking.until_death(async { drop(doomed.audit_until(None).await) }).await;
            if !breaking.has_broken() {
                town.clock.advance(EVERY);
                break;
            }
            deaths += 1;
            if matches!(heir.audit_until(None).await, Turn::Later(at) if at == town.now().plus(STALE)) {
                town.clock.advance(STALE);
                let audit = audit(&heir).await;
                assert_eq!(
                    (audit.active, audit.end),
                    (MANY, End::Complete),
                    "each monitor once, dead at {n} {moment:?}"
                );
            }
            assert!(town.is_seen_by_the_index(&format!("job-{:05}", MANY - 1)).await, "dead at {n} {moment:?}");
            town.clock.advance(EVERY);
        }
    }
    assert!(deaths > 20, "only {deaths} deaths");
}

#[tokio::test]
async fn an_auditor_that_was_overtaken_goes_no_further() {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    crowd(&town, MANY).await;
    let slow = Flow { clock: Arc::new(Ticking(AtomicI64::new(0))), ..town.flow.clone() };
    let (slow, quick) = (checker(slow, &[&ledger]), town.checker(&[&ledger]));
    let mut walk = Box::pin(slow.audit_until(None));
    // It has claimed, and waits for its first page.
    while town.store.entry("checker", "audit").await.unwrap().is_none() {
        assert!(futures_util::poll!(&mut walk).is_pending());
    }
    town.clock.advance(STALE * 2);
    assert_eq!(audit(&quick).await.active, MANY);
    let Turn::Taken(overtaken) = walk.await else { panic!("it was its turn") };
    assert_eq!(overtaken.end, End::Overtaken);
    assert!(overtaken.active < MANY);
    later(&quick).await;
}

#[tokio::test]
async fn a_claim_that_is_no_claim_or_from_the_future_keeps_nobody_from_auditing() {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    town.jobs(2).await;
    let far = NOW.plus(Duration::from_hours(9_000));
    let future = |by| json!({"started_at": far, "seen_at": far, "by": by, "parts": [{"done": by == 0, "active": 0, "missed": 0}]});
    let other_parts = json!({"started_at": NOW, "seen_at": NOW, "by": null, "parts": [{"done": true, "active": 7, "missed": 0}, {"done": false, "active": 0, "missed": 0}]});
    for (number, value) in [json!("garbage"), json!(null), future(0), future(9), other_parts].iter().enumerate() {
        let there = town.store.entry("checker", "audit").await.unwrap();
        let entry = there.map_or_else(|| Entry::first("checker", "audit", value), |there| there.next(value));
        assert_eq!(town.store.put_entry(entry).await, Ok(Put::Done));
        let audit = audit(&town.checker(&[&ledger])).await;
        assert_eq!((audit.active, audit.end), (2, End::Complete), "claim {number}");
    }
}

#[tokio::test]
async fn a_directory_that_fails_keeps_nobody_from_auditing() {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    crowd(&town, MANY).await;
    for fails_from in 0..8 {
        let store = Arc::new(Unwritable::from(Arc::clone(&town.flow.store), fails_from));
        let auditor = checker(Flow { store: Arc::clone(&store) as _, ..town.flow.clone() }, &[&ledger]);
        let audit = audit(&auditor).await;
        assert_eq!((audit.active, audit.end), (MANY, End::Complete), "its directory fails from call {fails_from} on");
        town.clock.advance(EVERY);
    }
}

#[tokio::test]
async fn a_sweep_that_fails_gives_the_turn_back() {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    crowd(&town, MANY).await;
    let store = Arc::new(Unwritable::without_sweeps_after(Arc::clone(&town.flow.store), 3));
    let unlucky = checker(Flow { store: Arc::clone(&store) as _, ..town.flow.clone() }, &[&ledger]);
    let broken_off = audit(&unlucky).await;
    assert!(matches!(broken_off.end, End::Failed(_)), "{broken_off:?}");
    assert!(broken_off.active > 0);
    let sound = Arc::new(Unwritable::from(Arc::clone(&town.flow.store), usize::MAX));
    let heir = checker(Flow { store: Arc::clone(&sound) as _, ..town.flow.clone() }, &[&ledger]);
    let rest = audit(&heir).await;
    assert_eq!((rest.active, rest.end), (MANY, End::Complete), "at once, and each monitor once");
}

#[tokio::test]
async fn the_last_pass_is_written_down_once_a_minute() {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    let (one, other) = (town.checker(&[&ledger]), town.checker(&[&ledger]));
    let rev = async || town.store.entry("checker", "pass").await.unwrap().map_or(0, |entry| entry.rev);
    assert_eq!(rev().await, 0);
    for minute in 1..=3 {
        for _ in 0..2 {
            one.record_pass().await;
            other.record_pass().await;
            assert_eq!(rev().await, minute);
            town.clock.advance(Duration::from_secs(30));
        }
    }
    let entry = town.store.entry("checker", "pass").await.unwrap().unwrap();
    assert_eq!(entry.value["at"], json!(NOW.plus(Duration::from_mins(2))));
}
