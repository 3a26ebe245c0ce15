//! Delivery: digests, waits, order, reminders, recovery, giving up.

use std::time::Duration;

use heartbeat_core::{
    Event, NoticeKind, Signal, Timestamp,
    delivery::{Outcome, Reason},
    outbox::GaveUp,
};

use crate::{
    ledger::Ledger,
    town::{NOW, SETTLE, Town, WINDOW, id},
};

fn later() -> Timestamp {
    NOW.plus(WINDOW).plus(SETTLE).plus(Duration::from_millis(1))
}

fn try_again(after_s: Option<u64>) -> Outcome {
    Outcome::TryAgain { after: after_s.map(Duration::from_secs), reason: Reason::new("not now") }
}

#[tokio::test]
async fn three_that_fall_together_get_their_own_message_and_five_hundred_share_one() {
    for (jobs, messages) in [(3, 3), (4, 1), (500, 1)] {
        let (town, ledger) = (Town::new(), Ledger::named("ledger"));
        town.jobs(jobs).await;
        town.clock.set(later());
        let pass = town.checker(&[&ledger]).pass().await.unwrap();
        assert_eq!((pass.sent.messages, pass.sent.delivered), (messages, jobs));
        assert_eq!(ledger.messages().len(), messages);
    }
}

#[tokio::test]
async fn an_overdue_monitor_is_told_reminded_every_hour_and_told_well_once() {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    town.jobs(1).await;
    let checker = town.checker(&[&ledger]);
    town.clock.set(later());
    for _ in 0..3 {
        checker.pass().await.unwrap();
        // Looking again tells nobody again.
        checker.pass().await.unwrap();
        town.clock.advance(Duration::from_hours(1));
    }
    let back = later().plus(Duration::from_hours(3));
    town.ping("job-0", Signal::Success, back).await;
    checker.pass().await.unwrap();
    checker.pass().await.unwrap();
    assert_eq!(ledger.kinds(), [NoticeKind::Overdue, NoticeKind::Reminder, NoticeKind::Reminder, NoticeKind::Recovery]);
    assert!(town.store_is_ordinary("job-0").await, "a ping costs one write again");
}

#[tokio::test]
async fn a_channels_wish_to_wait_holds_for_all_its_messages_and_nothing_is_lost() {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    town.jobs(3).await;
    ledger.will([try_again(Some(35))]);
    let checker = town.checker(&[&ledger]);
    town.clock.set(later());
    assert_eq!(checker.pass().await.unwrap().sent.retried, 3, "the two behind it are not sent into the wall");
    town.ping("other", Signal::Fail, later()).await;
    for _ in 0..34 {
        town.clock.advance(Duration::from_secs(1));
        checker.pass().await.unwrap();
        assert_eq!(ledger.messages().len(), 0);
    }
    town.clock.advance(Duration::from_secs(2));
    checker.pass().await.unwrap();
    assert_eq!(ledger.messages().len(), 1, "what gathered meanwhile is one message");
    assert_eq!(ledger.tellings().len(), 4);
}

#[tokio::test]
async fn a_recovery_before_the_alert_was_delivered_is_one_message_that_tells_both() {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    town.jobs(1).await;
    ledger.will([try_again(None)]);
    let checker = town.checker(&[&ledger]);
    town.clock.set(later());
    checker.pass().await.unwrap();
    town.ping("job-0", Signal::Success, later().plus(Duration::from_secs(1))).await;
    town.clock.advance(Duration::from_secs(10));
    checker.pass().await.unwrap();
    assert_eq!(ledger.kinds(), [NoticeKind::LateButFine]);
}

#[tokio::test]
async fn what_cannot_be_delivered_for_a_day_is_given_up_for_all_to_see_until_the_channel_works() {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    town.ping("job", Signal::Fail, NOW).await;
    ledger.will((0..200).map(|_| Outcome::Refused { reason: Reason::new("the bot was blocked") }));
    let checker = town.checker(&[&ledger]);
    let mut gave_up = 0;
    for _ in 0..110 {
        gave_up += checker.pass().await.unwrap().sent.gave_up;
        town.clock.advance(Duration::from_mins(15));
    }
    assert_eq!(gave_up, 2, "the alert, after 24 h, and what the operator was to hear of the channel");
    let lane = town.monitor("job").await.outbox.lanes.into_values().next().unwrap();
    let GaveUp { reason, count, .. } = lane.gave_up.unwrap();
    assert_eq!((reason.as_str(), count), ("the bot was blocked", 1));
    ledger.will_work();
    for _ in 0..30 {
        checker.pass().await.unwrap();
        town.clock.advance(Duration::from_hours(1));
    }
    assert!(ledger.kinds().contains(&NoticeKind::Reminder), "it goes on being repeated");
    assert!(town.monitor("job").await.outbox.lanes.is_empty());
}

#[tokio::test]
async fn who_pauses_is_told_nothing_more_and_a_lapsed_pause_watches_again() {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    town.jobs(1).await;
    let checker = town.checker(&[&ledger]);
    let until = NOW.plus(Duration::from_hours(2));
    town.flow.manage(&id("job-0"), &Event::Pause { until: Some(until) }, None).await.unwrap();
    town.clock.set(until.minus(Duration::from_secs(1)));
    checker.pass().await.unwrap();
    assert_eq!(ledger.tellings(), []);
    town.clock.set(until);
    checker.pass().await.unwrap();
    assert_eq!(town.monitor("job-0").await.due_at(), Some(until.plus(WINDOW)));
    town.clock.set(until.plus(WINDOW).plus(SETTLE).plus(Duration::from_secs(1)));
    checker.pass().await.unwrap();
    assert_eq!(ledger.kinds(), [NoticeKind::Overdue]);
}
