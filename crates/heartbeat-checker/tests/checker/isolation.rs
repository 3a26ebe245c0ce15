//! Nothing poisons its neighbour: neither a channel that hangs, nor one that has gone, nor an index that forgets.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use heartbeat_checker::{Checker, Pulse};
use heartbeat_core::{
    Clock, NoticeKind, Ping, Signal, Store,
    clock::SystemClock,
    flow::{Flow, Own, Sender},
    store::Deferral,
};
use tokio::sync::oneshot;

use crate::{
    ledger::Ledger,
    town::{NOW, SETTLE, Town, WINDOW, checker, id},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_hangs_delays_no_other_and_is_told_when_it_answers_again() {
    let town = Town::new();
    let (stuck, quick) = (Ledger::hanging("stuck"), Ledger::named("quick"));
    // The loop lives in real time.
    let flow = Flow { clock: Arc::new(SystemClock), ..town.flow.clone() };
    let checker: Arc<Checker> = checker(flow.clone(), &[&stuck, &quick]);
    let (stop, stopped) = oneshot::channel::<()>();
    let (alarm, pulse) = (Arc::clone(&town.alarm), Arc::new(Pulse::default()));
    let running = tokio::spawn(async move {
        let stopped = async move { drop(stopped.await) };
        // It would sleep for an hour: only a write's ring wakes it.
        checker.run(&alarm, Duration::from_hours(1), &pulse, stopped).await;
    });
    for number in 0..12 {
        // Each waits for the one before: while `stuck` hangs in its first message, `quick` hears of all.
        let fail = Ping::bare(Signal::Fail);
        flow.record_ping(&id(&format!("job-{number}")), fail, Sender::default(), SystemClock.now()).await.unwrap();
        quick.has_told(number + 1).await;
    }
    assert_eq!(stuck.tellings(), []);
    stuck.release();
    stuck.has_told(12).await;
    assert!(stuck.messages().len() < 12, "what gathered while it hung goes together");
    stop.send(()).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn a_channel_that_panics_delays_no_other_and_is_tried_again() {
    let (town, broken, sound) = (Town::new(), Ledger::named("broken"), Ledger::named("sound"));
    broken.will([Ledger::panics()]);
    town.ping("job", Signal::Fail, NOW).await;
    let checker = town.checker(&[&broken, &sound]);
    let pass = checker.pass().await.unwrap();
    assert_eq!((pass.sent.delivered, pass.sent.retried, sound.tellings().len()), (1, 1, 1));
    town.clock.advance(Duration::from_secs(30));
    assert_eq!(checker.pass().await.unwrap().sent.delivered, 1);
    assert_eq!((broken.tellings().len(), sound.tellings().len()), (1, 1));
}

#[tokio::test]
async fn what_waits_for_a_channel_that_is_gone_is_told_on_those_that_are_there() {
    let (town, gone, there) = (Town::new(), Ledger::named("terminal"), Ledger::named("telegram"));
    town.ping("job", Signal::Fail, NOW).await;
    gone.will([heartbeat_core::delivery::Outcome::Refused { reason: heartbeat_core::delivery::Reason::new("no") }]);
    town.checker(&[&gone]).pass().await.unwrap();
    town.clock.advance(Duration::from_hours(1));
    town.checker(&[&there]).pass().await.unwrap();
    let told = there.tellings().into_iter().map(|telling| (telling.monitor, telling.notice.kind()));
    let operators = (Own::Channels.id(), NoticeKind::Overdue);
    assert_eq!(told.collect::<BTreeSet<_>>(), [(id("job"), NoticeKind::Overdue), operators].into());
    assert!(town.monitor("job").await.outbox.is_idle());
}

#[tokio::test]
async fn the_auditor_finds_what_the_index_would_not_have_brought() {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    town.jobs(600).await;
    let hidden = town.store.due(0, NOW.plus(WINDOW).plus(SETTLE), 600).await.unwrap().remove(0);
    let far = NOW.plus(Duration::from_hours(1_000));
    for until in [Some(far), None] {
        let seen = town.store.due(0, far, 600).await.unwrap();
        let seen = seen.into_iter().find(|due| due.id == hidden.id).unwrap().wake_at;
        town.store.defer(Deferral { id: hidden.id.clone(), seen, until }).await.unwrap();
    }
    town.clock.set(NOW.plus(WINDOW).plus(SETTLE).plus(Duration::from_millis(1)));
    let checker = town.checker(&[&ledger]);
    assert_eq!(checker.pass().await.unwrap().sent.delivered, 599);
    let audit = checker.audit().await.unwrap();
    assert_eq!((audit.active, audit.missed), (600, 1));
    checker.deliver_all(audit.look.parcels).await;
    assert_eq!(ledger.tellings().len(), 600);
    assert_eq!(checker.audit().await.unwrap().missed, 0);
}
