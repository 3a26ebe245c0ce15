//! The nights that people tell each other about.

use std::{sync::Arc, time::Duration};

use heartbeat_checker::Checker;
use heartbeat_core::{
    MonitorId, NoticeKind, Project, Signal, Telling, Timestamp,
    channel::definition::ChannelRole,
    delivery::{Outcome, Reason},
    flow::{Flow, Hearing, Own},
    outage::HOLD,
};

use crate::{
    ledger::Ledger,
    posts::{Posts, add, to_ledger},
    town::{Town, checker, id},
};

const STEP: Duration = Duration::from_secs(30);

fn no_answer() -> Outcome {
    Outcome::TryAgain { after: None, reason: Reason::new("no answer") }
}

#[tokio::test]
async fn smtp_is_down_for_an_hour_while_telegram_works() {
    let (house, telegram, mail) = (Ledger::named("house"), Ledger::named("telegram"), Ledger::named("mail"));
    let town = Town::new();
    let checker = Checker::new(town.flow.clone(), vec![Arc::clone(&house) as _]).unwrap();
    let checker = checker.with_kinds(Posts::of(&[&telegram, &mail]));
    for name in ["telegram", "mail"] {
        add(&*town.store, &Project::default(), name, &to_ledger(&["down", "up"], ChannelRole::Main)).await;
    }
    mail.will(std::iter::repeat_n(no_answer(), 1_000));
    town.ping("job", Signal::Fail, town.now()).await;
    let failed_at = town.now();
    checker.pass().await.unwrap();
    assert_eq!(telegram.kinds(), [NoticeKind::Overdue], "at once");
    while town.now().since(failed_at) < Duration::from_hours(1) {
        town.clock.advance(STEP);
        checker.pass().await.unwrap();
    }
    mail.will_work();
    while town.now().since(failed_at) < Duration::from_mins(80) {
        town.clock.advance(STEP);
        checker.pass().await.unwrap();
    }
    assert_eq!((telegram.kinds(), mail.kinds()), (vec![NoticeKind::Overdue], vec![NoticeKind::Overdue]), "once each");
}

#[tokio::test]
async fn a_job_recovers_and_pings_every_30_s_while_telegram_is_down() {
    let (town, telegram) = (Town::new(), Ledger::named("telegram"));
    let checker = town.checker(&[&telegram]);
    town.ping("job", Signal::Fail, town.now()).await;
    checker.pass().await.unwrap();
    telegram.will(std::iter::repeat_n(no_answer(), 1_000));
    let steps = Duration::from_hours(2).as_secs() / STEP.as_secs();
    for step in 0..steps {
        if step == steps / 2 {
            telegram.will_work();
        }
        town.clock.advance(STEP);
        town.ping("job", Signal::Success, town.now()).await;
        checker.pass().await.unwrap();
    }
    assert_eq!(
        telegram.kinds(),
        [NoticeKind::Overdue, NoticeKind::Recovery],
        "no ping starves it, and it is told once"
    );
    assert!(town.store_is_ordinary("job").await, "and its pings are one write again");
}

/// Two hours in which no ping is received, over a thousand monitors of which three have died.
#[tokio::test]
async fn a_two_hour_ingest_outage_over_a_thousand_monitors() {
    let mut town = Town::new();
    town.flow.hearing = Arc::new(Hearing::new(HOLD));
    let api = Flow { hearing: Arc::new(Hearing::new(HOLD)), ..town.flow.clone() };
    let telegram = Ledger::named("telegram");
    let checker = checker(town.flow.clone(), &[&telegram]);
    let jobs: Vec<String> = (0..1_000).map(|number| format!("job-{number}")).collect();
    let mut all: Vec<&str> = jobs.iter().map(String::as_str).collect();
    let live = async |jobs: &[&str], hears: bool, span: Duration| {
        let end = town.now().plus(span);
        while town.now() < end {
            town.clock.advance(STEP * 2);
            if hears {
                api.prove_hearing().await.unwrap();
                for job in jobs {
                    let query = heartbeat_core::Ping {
                        schedule: heartbeat_core::Interval::from_secs(300).map(heartbeat_core::Schedule::Every),
                        ..heartbeat_core::Ping::success()
                    };
                    town.flow
                        .record_ping(&id(job), query, heartbeat_core::flow::Sender::default(), town.now())
                        .await
                        .unwrap();
                }
            }
            checker.pass().await.unwrap();
        }
    };
    live(&all, true, Duration::from_mins(2)).await;
    let deaf_since = town.now();
    live(&[], false, Duration::from_hours(2)).await;
    let told = |of: &MonitorId| -> Vec<Telling> {
        telegram.tellings().into_iter().filter(|telling| telling.monitor == *of).collect()
    };
    let operator: Vec<Timestamp> = told(&Own::Ingest.id()).iter().map(|telling| telling.notice.at).collect();
    assert!(operator[0].since(deaf_since) <= Duration::from_mins(2), "the operator is told at once");
    let of_jobs =
        || telegram.tellings().into_iter().filter(|telling| !telling.monitor.project.is_operator()).collect::<Vec<_>>();
    assert!(of_jobs().iter().all(|telling| telling.notice.unconfirmed), "unknown is told as unknown");
    assert!(of_jobs().iter().all(|telling| telling.notice.at.since(deaf_since) >= HOLD), "and not before the hold");
    let heard_since = town.now();
    let dead = all.split_off(997);
    live(&all, true, Duration::from_mins(16)).await;
    for job in dead {
        let confirmed: Vec<Telling> =
            told(&id(job)).into_iter().filter(|telling| !telling.notice.unconfirmed).collect();
        assert!(!confirmed.is_empty() && confirmed[0].notice.at.since(heard_since) <= HOLD, "{job}: {confirmed:?}");
    }
    for job in &all {
        let alarming =
            |telling: &&Telling| !telling.notice.unconfirmed && telling.notice.kind() != NoticeKind::Recovery;
        assert_eq!(told(&id(job)).iter().filter(alarming).count(), 0, "a false alert of {job}");
    }
}
