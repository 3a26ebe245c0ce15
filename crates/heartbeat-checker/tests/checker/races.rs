//! Races between pings, people and several checkers.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use heartbeat_core::{
    Changes, Event, Grace, Ping, Signal, Status, Timestamp,
    flow::{PingError, Sender},
};

use tokio::sync::oneshot;

use crate::{
    ledger::Ledger,
    town::{NOW, SETTLE, Town, WINDOW, id},
};

const DUE: Timestamp = Timestamp::from_secs(NOW.as_secs() + 30);

#[tokio::test(flavor = "multi_thread")]
async fn a_late_ping_against_four_checkers_makes_exactly_one_incident_that_is_told_once() {
    for _ in 0..25 {
        let (town, ledger) = (Town::new(), Ledger::named("ledger"));
        town.jobs(1).await;
        let late = DUE.plus(SETTLE).plus(Duration::from_millis(1));
        town.clock.set(late);
        let checkers: Vec<_> = (0..4).map(|_| town.checker(&[&ledger])).collect();
        let passes = checkers.iter().cloned().map(|checker| tokio::spawn(async move { checker.pass().await.unwrap() }));
        let passes: Vec<_> = passes.collect();
        town.ping("job-0", Signal::Success, late).await;
        join_all(passes).await;
        // The leases of the race end, and the job stays well.
        for _ in 0..3 {
            town.clock.advance(Duration::from_secs(21));
            town.ping("job-0", Signal::Success, town_now(&town)).await;
        }
        for checker in &checkers {
            checker.pass().await.unwrap();
        }
        assert_eq!(town.incidents("job-0").await, (1, 1));
        let told = ledger.tellings();
        let outages: u32 = told.iter().map(|telling| telling.notice.outages).sum();
        let recoveries: u32 = told.iter().map(|telling| telling.notice.recoveries).sum();
        assert_eq!((outages, recoveries), (1, 1), "{told:#?}");
        assert!(town.monitor("job-0").await.outbox.is_idle());
    }
}

fn town_now(town: &Town) -> Timestamp {
    heartbeat_core::Clock::now(&*town.clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_in_time_is_never_overtaken_while_the_settle_time_lasts() {
    for _ in 0..25 {
        let (town, ledger) = (Town::new(), Ledger::named("ledger"));
        town.jobs(1).await;
        // The last moment at which four checkers may look, and the ping of the last moment is still on its way.
        town.clock.set(DUE.plus(SETTLE));
        let passes = (0..4).map(|_| {
            let checker = town.checker(&[&ledger]);
            tokio::spawn(async move { checker.pass().await.unwrap() })
        });
        let passes: Vec<_> = passes.collect();
        town.ping("job-0", Signal::Success, DUE).await;
        join_all(passes).await;
        town.checker(&[&ledger]).pass().await.unwrap();
        assert_eq!(town.incidents("job-0").await, (0, 0));
        assert_eq!(ledger.tellings(), []);
        assert_eq!(town.monitor("job-0").await.due_at(), Some(DUE.plus(WINDOW)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_at_the_very_edge_races_four_checkers_and_always_ends_well() {
    for _ in 0..100 {
        let (town, ledger) = (Town::new(), Ledger::named("ledger"));
        town.jobs(1).await;
        // The store still takes the ping as it is, the checkers already see an outage: who is first decides.
        let edge = DUE.plus(SETTLE).minus(Duration::from_micros(1));
        town.clock.set(edge.plus(Duration::from_micros(2)));
        let passes = (0..4).map(|_| {
            let checker = town.checker(&[&ledger]);
            tokio::spawn(async move { checker.pass().await.unwrap() })
        });
        let passes: Vec<_> = passes.collect();
        town.ping("job-0", Signal::Success, edge).await;
        join_all(passes).await;
        let monitor = town.monitor("job-0").await;
        assert_eq!(monitor.due_at(), Some(edge.plus(WINDOW)), "the ping was answered: {:?}", monitor.status);
        let (opened, ended) = town.incidents("job-0").await;
        assert!(opened <= 1 && opened == ended, "{opened} incidents, {ended} ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_pings_without_a_pause_starves_neither_its_recovery_nor_people() {
    let (town, ledger) = (Town::new(), Ledger::hanging("ledger"));
    town.jobs(1).await;
    town.ping("job-0", Signal::Fail, NOW.plus(Duration::from_secs(1))).await;
    let (pinged, has_pinged) = oneshot::channel();
    let chatter = tokio::spawn({
        let flow = town.flow.clone();
        async move {
            let mut pinged = Some(pinged);
            for number in 1.. {
                let at = NOW.plus(Duration::from_secs(2)).plus(Duration::from_micros(number));
                match flow.record_ping(&id("job-0"), Ping::success(), Sender::default(), at).await {
                    Ok(_) => pinged.take().map_or(Ok(()), |pinged| pinged.send(())).unwrap(),
                    Err(PingError::Deleted) => return number,
                    Err(error) => panic!("ping {number}: {error}"),
                }
            }
            0
        }
    });
    has_pinged.await.unwrap();
    town.clock.set(NOW.plus(Duration::from_secs(5)));
    let checker = town.checker(&[&ledger]);
    let pass = tokio::spawn({
        let checker = Arc::clone(&checker);
        async move { checker.pass().await.unwrap() }
    });
    ledger.release();
    ledger.has_told(1).await;
    assert_eq!(pass.await.unwrap().sent.delivered, 1);
    let grace = Grace::from_secs(90);
    town.flow.manage(&id("job-0"), &Event::Edit(Changes { grace, ..Changes::default() }), None).await.unwrap();
    town.flow.manage(&id("job-0"), &Event::Pause { until: None }, None).await.unwrap();
    assert!(matches!(town.monitor("job-0").await.status, Status::Paused { .. }));
    town.flow.delete(&id("job-0"), None).await.unwrap();
    assert!(chatter.await.unwrap() > 1);
}
