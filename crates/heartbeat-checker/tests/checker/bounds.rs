//! A pass whose time is up at a known moment: what it has no time for is left for the next, and nothing is lost.

use std::{sync::Arc, time::Duration};

use heartbeat_checker::Bounds;
use heartbeat_core::{Signal, Timestamp, delivery::LEASE};

use crate::{
    ledger::Ledger,
    town::{NOW, SETTLE, Town, WINDOW},
};

/// When all jobs that pinged at `NOW` are missed.
fn missed() -> Timestamp {
    NOW.plus(WINDOW).plus(SETTLE).plus(Duration::from_millis(1))
}

fn until(town: &Town, look: Duration, send: Duration) -> Bounds {
    Bounds { look_until: town.now().plus(look), send_until: town.now().plus(send) }
}

async fn five_missed_jobs() -> (Town, Arc<Ledger>) {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    town.jobs(5).await;
    town.clock.set(missed());
    (town, ledger)
}

#[tokio::test]
async fn within_its_time_a_pass_is_like_any_other_and_tells_what_it_saw() {
    let (town, ledger) = five_missed_jobs().await;
    let bounds = until(&town, Duration::from_secs(50), Duration::from_secs(62));
    let pass = town.checker(&[&ledger]).pass_within(bounds).await.unwrap();
    assert_eq!((pass.looked, pass.flips, pass.sent.delivered, pass.more), (5, 5, 5, false));
    assert_eq!(pass.oldest_due, Some(NOW.plus(WINDOW).plus(SETTLE)));
    assert_eq!(pass.oldest_untold, Some(missed()), "since it was found");
    assert_eq!(ledger.tellings().len(), 5);
}

#[tokio::test]
async fn when_there_is_no_time_to_look_nothing_is_claimed_and_the_next_pass_finds_it_all() {
    let (town, ledger) = five_missed_jobs().await;
    let checker = town.checker(&[&ledger]);
    let pass = checker.pass_within(until(&town, Duration::ZERO, Duration::from_secs(10))).await.unwrap();
    assert_eq!((pass.looked, pass.more), (0, true));
    assert_eq!(pass.oldest_due, Some(NOW.plus(WINDOW).plus(SETTLE)), "it is known to wait");
    assert_eq!(ledger.tellings(), []);
    assert_eq!(checker.pass().await.unwrap().sent.delivered, 5);
}

#[tokio::test]
async fn what_cannot_be_sent_in_time_is_not_begun_and_told_once_when_its_lease_has_ended() {
    let (town, ledger) = five_missed_jobs().await;
    let checker = town.checker(&[&ledger]);
    // Less than one message may take.
    let pass = checker.pass_within(until(&town, Duration::from_secs(50), Duration::from_millis(1))).await.unwrap();
    assert_eq!((pass.looked, pass.sent.delivered), (5, 0));
    assert_eq!(ledger.tellings(), []);
    town.clock.advance(LEASE);
    let pass = checker.pass().await.unwrap();
    assert_eq!((pass.flips, pass.sent.delivered), (0, 5), "what was decided stays decided");
    assert_eq!(ledger.tellings().len(), 5);
}

#[tokio::test]
async fn news_that_could_not_be_told_ages() {
    let (town, ledger) = (Town::new(), Ledger::named("ledger"));
    town.ping("job", Signal::Fail, NOW).await;
    let away = heartbeat_core::delivery::Reason::new("away");
    ledger.will([heartbeat_core::delivery::Outcome::TryAgain { after: None, reason: away }]);
    let checker = town.checker(&[&ledger]);
    assert_eq!(checker.pass().await.unwrap().sent.retried, 1);
    town.clock.advance(Duration::from_secs(20));
    let audit = checker.audit().await.unwrap();
    assert_eq!(audit.oldest_untold, Some(NOW));
    let pass = checker.pass().await.unwrap();
    assert_eq!((pass.oldest_untold, pass.sent.delivered), (Some(NOW), 1));
    assert_eq!(checker.pass().await.unwrap().oldest_untold, None);
}
