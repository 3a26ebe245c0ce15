//! A crash between any two steps: the n-th call of the store breaks the process, for every n, before it does anything and
//! after it has done it; then somebody else goes on, and nothing is lost.

use std::{sync::Arc, time::Duration};

use heartbeat_core::{Signal, flow::Flow, outbox::Outbox};
use heartbeat_proof::instruments::{Breaking, Moment};

use crate::{
    ledger::Ledger,
    town::{NOW, SETTLE, Town, WINDOW, checker, id},
};

/// Lives through an outage and its recovery, with a process that dies at the `n`-th call; false when it did not die.
async fn survives_death_at(n: usize, moment: Moment) -> bool {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    town.jobs(2).await;
    town.clock.set(NOW.plus(WINDOW).plus(SETTLE).plus(Duration::from_millis(1)));
    let breaking = Arc::new(Breaking::at(Arc::clone(&town.flow.store), n, moment));
    let mortal = Flow { store: Arc::clone(&breaking) as _, ..town.flow.clone() };
    let doomed = checker(mortal.clone(), &[&ledger]);
    let work = async {
        let _ = doomed.pass().await;
        let ping = heartbeat_core::Ping::bare(Signal::Success);
        let sender = heartbeat_core::flow::Sender::default();
        let now = heartbeat_core::Clock::now(&*mortal.clock);
        let _ = mortal.record_ping(&id("job-0"), ping, sender, now).await;
        let _ = doomed.pass().await;
    };
    breaking.until_death(work).await;
    recover(&town, &ledger).await;
    breaking.has_broken()
}

/// A new process, after every lease has ended: everything that is owed is told, and nothing is stuck.
async fn recover(town: &Town, ledger: &Arc<Ledger>) {
    let heir = town.checker(&[ledger]);
    for _ in 0..3 {
        town.clock.advance(Duration::from_secs(61));
        heir.pass().await.unwrap();
    }
    let now = heartbeat_core::Clock::now(&*town.clock);
    town.ping("job-0", Signal::Success, now).await;
    town.ping("job-1", Signal::Success, now).await;
    heir.pass().await.unwrap();
    for slug in ["job-0", "job-1"] {
        let monitor = town.monitor(slug).await;
        assert_eq!(monitor.outbox, Outbox::default());
        let told: Vec<_> = ledger.tellings().into_iter().filter(|telling| telling.monitor == id(slug)).collect();
        let (opened, ended) = town.incidents(slug).await;
        let outages: u32 = told.iter().map(|telling| telling.notice.outages).sum();
        let recoveries: u32 = told.iter().map(|telling| telling.notice.recoveries).sum();
        assert!(outages as usize >= opened && opened >= 1, "{slug}: {told:#?}");
        assert!(recoveries as usize >= ended && ended == opened, "{slug}: {told:#?}");
    }
}

#[tokio::test]
async fn whatever_step_a_process_dies_at_nothing_is_lost() {
    for moment in [Moment::Before, Moment::After] {
        let mut n = 0;
        while survives_death_at(n, moment).await {
            n += 1;
        }
        assert!(n > 8, "it died only at {n} steps");
    }
}
