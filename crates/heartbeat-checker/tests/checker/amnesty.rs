//! Our outage is not yours (promise P4): what is silent while we may be deaf is held, and every hold is bounded.

use std::{sync::Arc, time::Duration};

use heartbeat_checker::Checker;
use heartbeat_core::{
    NoticeKind, Signal, Status, Store,
    flow::{Flow, Hearing, Own},
    outage::HOLD,
};

use crate::{
    ledger::Ledger,
    town::{Town, checker, id},
};

/// A town with amnesty, and the API of another process, which proves that pings are received.
pub(crate) fn town() -> (Town, Flow, Arc<Ledger>, Arc<Checker>) {
    let mut town = Town::new();
    town.flow.hearing = Arc::new(Hearing::new(HOLD));
    let ledger = Ledger::named("telegram");
    let checker = checker(town.flow.clone(), &[&ledger]);
    let api = anew(&town.flow);
    (town, api, ledger, checker)
}

/// The same of a new process, which knows nothing but what is written.
pub(crate) fn anew(flow: &Flow) -> Flow {
    Flow { hearing: Arc::new(Hearing::new(HOLD)), ..flow.clone() }
}

/// Everybody lives on for `span`: those of `jobs` ping, we prove that we hear if we do, and the checker passes.
pub(crate) async fn live(town: &Town, api: &Flow, checker: &Checker, jobs: &[&str], hears: bool, span: Duration) {
    let end = town.now().plus(span);
    while town.now() < end {
        town.clock.advance(Duration::from_secs(10));
        if hears {
            api.prove_hearing().await.unwrap();
            for job in jobs {
                town.ping(job, Signal::Success, town.now()).await;
            }
        }
        checker.pass().await.unwrap();
    }
}

/// What was told of a job, in order: its kind, and whether it is unconfirmed.
pub(crate) fn told(ledger: &Ledger, slug: &str) -> Vec<(NoticeKind, bool)> {
    let of = |slug: &str| {
        ledger.tellings().into_iter().filter(move |telling| telling.monitor.slug.as_str() == slug).collect::<Vec<_>>()
    };
    of(slug).iter().map(|telling| (telling.notice.kind(), telling.notice.unconfirmed)).collect()
}

const SHORT: Duration = Duration::from_mins(10);

#[tokio::test]
async fn a_short_time_without_hearing_alarms_nobody_but_the_operator() {
    let (town, api, ledger, checker) = town();
    live(&town, &api, &checker, &["job"], true, SHORT).await;
    live(&town, &api, &checker, &["job"], false, SHORT).await;
    assert_eq!(told(&ledger, "ingest"), [(NoticeKind::Overdue, false)], "the operator is told at once");
    assert!(matches!(town.monitor("job").await.status, Status::Ok { .. }));
    live(&town, &api, &checker, &["job"], true, SHORT).await;
    assert_eq!(told(&ledger, "job"), []);
    assert_eq!(told(&ledger, "ingest"), [(NoticeKind::Overdue, false), (NoticeKind::Recovery, false)]);
    assert_eq!(town.incidents("job").await, (0, 0));
}

#[tokio::test]
async fn a_job_that_died_meanwhile_is_told_soon_after() {
    let (town, api, ledger, checker) = town();
    live(&town, &api, &checker, &["job", "doomed"], true, SHORT).await;
    live(&town, &api, &checker, &[], false, SHORT).await;
    live(&town, &api, &checker, &["job"], true, Duration::from_mins(2)).await;
    assert_eq!(told(&ledger, "doomed"), [(NoticeKind::Overdue, false)]);
    assert_eq!(told(&ledger, "job"), []);
}

#[tokio::test]
async fn what_nobody_knows_for_long_is_told_as_unconfirmed_and_confirmed_when_it_is_known() {
    let (town, api, ledger, checker) = town();
    live(&town, &api, &checker, &["job", "doomed"], true, SHORT).await;
    live(&town, &api, &checker, &[], false, Duration::from_hours(2)).await;
    for job in ["job", "doomed"] {
        assert_eq!(told(&ledger, job)[0], (NoticeKind::Overdue, true), "{job}");
    }
    let confirmed_after =
        |ledger: &Ledger| told(ledger, "doomed").iter().filter(|(_, unconfirmed)| !unconfirmed).count();
    assert_eq!(confirmed_after(&ledger), 0, "nothing is known yet, reminders included");
    live(&town, &api, &checker, &["job"], true, Duration::from_mins(8)).await;
    assert_eq!(told(&ledger, "job").last(), Some(&(NoticeKind::Recovery, false)));
    assert_eq!(told(&ledger, "doomed").last(), Some(&(NoticeKind::Reminder, false)));
    assert_eq!(confirmed_after(&ledger), 1);
}

#[tokio::test]
async fn after_our_own_downtime_nothing_is_flipped_before_it_is_known() {
    let (town, api, ledger, _) = town();
    let lived = checker(town.flow.clone(), &[&ledger]);
    live(&town, &api, &lived, &["job", "doomed"], true, SHORT).await;
    town.clock.advance(Duration::from_hours(2));
    // A new process, which knows nothing but what is written.
    let mut born = town;
    born.flow = anew(&born.flow);
    let checker = checker(born.flow.clone(), &[&ledger]);
    // The job is quicker than anybody who would find out.
    born.ping("job", Signal::Success, born.now()).await;
    assert_eq!(born.incidents("job").await, (0, 0));
    live(&born, &api, &checker, &["job"], true, Duration::from_mins(2)).await;
    assert_eq!(told(&ledger, "job"), []);
    assert_eq!(told(&ledger, "doomed"), [(NoticeKind::Overdue, false)]);
}

#[tokio::test]
async fn where_nobody_ever_proved_anything_silence_is_silence() {
    let (town, api, ledger, checker) = town();
    town.ping("job", Signal::Success, town.now()).await;
    live(&town, &api, &checker, &[], false, Duration::from_mins(1)).await;
    assert_eq!(told(&ledger, "job"), [(NoticeKind::Overdue, false)], "on time");
}

#[tokio::test]
async fn a_crash_loop_does_not_postpone_an_alert_beyond_the_bound() {
    let (town, api, ledger, _) = town();
    let first = checker(town.flow.clone(), &[&ledger]);
    live(&town, &api, &first, &["doomed"], true, SHORT).await;
    let died_at = town.now();
    while told(&ledger, "doomed").is_empty() && town.now().since(died_at) < Duration::from_hours(3) {
        town.clock.advance(Duration::from_secs(90));
        let flow = anew(&town.flow);
        let reborn = checker(flow.clone(), &[&ledger]);
        flow.prove_hearing().await.unwrap();
        reborn.pass().await.unwrap();
    }
    assert_eq!(told(&ledger, "doomed"), [(NoticeKind::Overdue, false)]);
    let bound = Duration::from_mins(2) + Duration::from_mins(15) + Duration::from_mins(2);
    assert!(town.now().since(died_at) <= bound, "{:?}", town.now().since(died_at));
}

#[tokio::test]
async fn a_crowd_that_falls_silent_at_once_is_held_and_the_operator_is_told_at_once() {
    let (town, api, ledger, checker) = town();
    let names: Vec<String> = (0..60).map(|number| format!("job-{number}")).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    live(&town, &api, &checker, &all, true, SHORT).await;
    checker.audit().await.unwrap();
    // Somebody proves that the store is written to, and no job gets through.
    live(&town, &api, &checker, &[], true, Duration::from_mins(1)).await;
    assert_eq!(told(&ledger, "crowd"), [(NoticeKind::Overdue, false)]);
    assert_eq!(told(&ledger, "job-0"), [], "held");
    // All but five come back.
    live(&town, &api, &checker, &all[5..], true, Duration::from_mins(20)).await;
    assert_eq!(told(&ledger, "job-7"), []);
    assert_eq!(told(&ledger, "job-1")[0], (NoticeKind::Overdue, true), "after the hold, as what it is");
    let told_at = ledger.tellings().iter().find(|telling| telling.monitor == id("job-1")).unwrap().notice.at;
    let crowd_at = ledger.tellings().iter().find(|telling| telling.monitor == Own::Crowd.id()).unwrap().notice.at;
    assert!(told_at.since(crowd_at) <= HOLD + Duration::from_secs(45), "{:?}", told_at.since(crowd_at));
    assert!(town.store.ready().await.is_ok());
}
