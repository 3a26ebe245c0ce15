//! Who is told: channels of a project, what they want, who stands in for whom.

use std::{sync::Arc, time::Duration};

use heartbeat_checker::Checker;
use heartbeat_core::{
    Changes, Event, NoticeKind, Project, Signal, Timestamp,
    channel::definition::{ChannelRole, ChannelState},
    delivery::{GIVE_UP_AFTER, Outcome, Reason},
    flow::Own,
    history::{DeliveryRow, Happening},
};

use crate::{
    ledger::Ledger,
    posts::{Posts, add, named, put, state_of, to_ledger},
    town::{Town, id},
};

fn refused() -> Outcome {
    Outcome::Refused { reason: Reason::new("it is gone").with_status(410) }
}

fn down() -> Outcome {
    Outcome::TryAgain { after: None, reason: Reason::new("no answer") }
}

/// A town whose default project has channels to these ledgers, and whose installation tells `house`.
fn town(house: &Arc<Ledger>, ledgers: &[&Arc<Ledger>]) -> (Town, Arc<Checker>) {
    let town = Town::new();
    let checker = Checker::new(town.flow.clone(), vec![Arc::clone(house) as _]).unwrap();
    let checker = Arc::new(checker.with_kinds(Posts::of(ledgers)));
    (town, checker)
}

/// Passes until everything that waits no longer than `span` has been done.
async fn pass_for(town: &Town, checker: &Checker, span: Duration) {
    let end = town.now().plus(span);
    while town.now() < end {
        checker.pass().await.unwrap();
        town.clock.advance(Duration::from_secs(5));
    }
}

async fn deliveries(town: &Town, slug: &str) -> Vec<DeliveryRow> {
    let rows = heartbeat_core::Store::history(&*town.store, &id(slug), Timestamp::MAX, 1_000).await.unwrap();
    let deliveries = rows.into_iter().rev().filter_map(|row| match row.happening {
        Happening::Delivery(delivery) => Some(delivery),
        Happening::Ping(_)
        | Happening::Opened { .. }
        | Happening::Recovered { .. }
        | Happening::Reminded { .. }
        | Happening::Paused { .. }
        | Happening::Resumed { .. }
        | Happening::Edited(_)
        | Happening::Deleted { .. } => None,
    });
    deliveries.collect()
}

#[tokio::test]
async fn a_projects_channels_are_told_what_they_want_and_the_installations_are_not() {
    let (house, pager, mail) = (Ledger::named("house"), Ledger::named("pager"), Ledger::named("mail"));
    let (town, checker) = town(&house, &[&pager, &mail]);
    add(&*town.store, &Project::default(), "pager", &to_ledger(&["down"], ChannelRole::Main)).await;
    add(&*town.store, &Project::default(), "mail", &to_ledger(&[], ChannelRole::Main)).await;
    town.ping("job", Signal::Fail, town.now()).await;
    checker.pass().await.unwrap();
    pass_for(&town, &checker, Duration::from_mins(61)).await;
    town.ping("job", Signal::Success, town.now()).await;
    checker.pass().await.unwrap();
    assert_eq!(pager.kinds(), [NoticeKind::Overdue]);
    assert_eq!(mail.kinds(), [NoticeKind::Overdue, NoticeKind::Reminder, NoticeKind::Recovery]);
    assert_eq!(house.kinds(), []);
    assert!(town.monitor("job").await.outbox.is_empty());
}

#[tokio::test]
async fn a_monitor_may_choose_among_its_projects_channels() {
    let (house, one, two) = (Ledger::named("house"), Ledger::named("one"), Ledger::named("two"));
    let (town, checker) = town(&house, &[&one, &two]);
    for name in ["one", "two"] {
        add(&*town.store, &Project::default(), name, &to_ledger(&[], ChannelRole::Main)).await;
    }
    town.ping("job", Signal::Success, town.now()).await;
    let choice = Changes { channels: Some(Some([named("two")].into())), ..Changes::default() };
    town.flow.manage(&id("job"), &Event::Edit(choice), None).await.unwrap();
    town.clock.advance(Duration::from_secs(1));
    town.ping("job", Signal::Fail, town.now()).await;
    checker.pass().await.unwrap();
    assert_eq!((one.kinds(), two.kinds()), (vec![], vec![NoticeKind::Overdue]));
}

#[tokio::test]
async fn a_channel_that_refuses_is_disabled_visibly_and_the_fallback_is_told_instead() {
    let (house, hook, spare) = (Ledger::named("house"), Ledger::named("hook"), Ledger::named("spare"));
    let (town, checker) = town(&house, &[&hook, &spare]);
    add(&*town.store, &Project::default(), "hook", &to_ledger(&[], ChannelRole::Main)).await;
    add(&*town.store, &Project::default(), "spare", &to_ledger(&[], ChannelRole::Fallback)).await;
    hook.will([refused()]);
    town.ping("job", Signal::Fail, town.now()).await;
    pass_for(&town, &checker, Duration::from_secs(20)).await;
    assert!(matches!(state_of(&*town.store, "hook").await, ChannelState::Disabled { why, .. } if why == "it is gone"));
    assert_eq!((hook.kinds(), spare.kinds()), (vec![], vec![NoticeKind::Overdue]));
    // The operator hears of it, by the installation's own channel.
    let told = house.tellings();
    assert_eq!(told.iter().map(|telling| telling.monitor.clone()).collect::<Vec<_>>(), [Own::Channels.id()]);
    assert!(told[0].excerpt.as_ref().unwrap().contains("default/hook refuses (it is gone)"), "{told:?}");
    let ledger = deliveries(&town, "job").await;
    let shown: Vec<_> = ledger.iter().map(|row| (row.channel.as_str(), row.outcome.as_str(), row.status)).collect();
    assert_eq!(shown, [("hook", "refused", Some(410)), ("spare", "delivered", None)]);
    // Mended, it is told again, and of what it was not told, if a person wants that.
    put(&*town.store, "hook", ChannelState::Enabled).await;
    pass_for(&town, &checker, Duration::from_secs(20)).await;
    let untold = ledger[0].untold.clone().map(|notice| *notice);
    assert!(town.flow.redeliver(&id("job"), &named("hook"), untold).await.unwrap());
    checker.pass().await.unwrap();
    assert_eq!(hook.kinds(), [NoticeKind::Overdue]);
}

#[tokio::test]
async fn what_is_given_up_after_a_day_goes_to_the_fallback_which_hears_the_end_of_it_too() {
    let (house, mail, spare) = (Ledger::named("house"), Ledger::named("mail"), Ledger::named("spare"));
    let (town, checker) = town(&house, &[&mail, &spare]);
    add(&*town.store, &Project::default(), "mail", &to_ledger(&["down", "up"], ChannelRole::Main)).await;
    add(&*town.store, &Project::default(), "spare", &to_ledger(&[], ChannelRole::Fallback)).await;
    mail.will(std::iter::repeat_n(down(), 1_000));
    town.ping("job", Signal::Fail, town.now()).await;
    let changes = Changes { remind_every_s: Some(Some(0)), ..Changes::default() };
    town.flow.manage(&id("job"), &Event::Edit(changes), None).await.unwrap();
    let mut spans = 0;
    while spare.kinds().is_empty() && spans < 200 {
        checker.pass().await.unwrap();
        town.clock.advance(Duration::from_mins(15));
        spans += 1;
    }
    assert_eq!(spare.kinds(), [NoticeKind::Overdue]);
    assert!(Duration::from_mins(15) * spans >= GIVE_UP_AFTER, "{spans}");
    assert!(town.monitor("job").await.outbox.lanes[&named("mail")].gave_up.is_some(), "it is to be seen");
    let ledger = deliveries(&town, "job").await;
    assert_eq!(ledger.iter().filter(|row| row.outcome == "gave_up" && row.untold.is_some()).count(), 1);
    town.ping("job", Signal::Success, town.now()).await;
    pass_for(&town, &checker, Duration::from_secs(30)).await;
    assert_eq!(spare.kinds(), [NoticeKind::Overdue, NoticeKind::Recovery]);
    assert!(house.tellings().iter().any(|telling| telling.monitor == Own::Channels.id()), "the operator hears of it");
}

#[tokio::test]
async fn where_there_is_nobody_to_tell_the_operator_hears_of_it_and_the_news_wait() {
    let (house, only) = (Ledger::named("house"), Ledger::named("only"));
    let (town, checker) = town(&house, &[&only]);
    add(&*town.store, &Project::default(), "only", &to_ledger(&[], ChannelRole::Main)).await;
    put(&*town.store, "only", ChannelState::Disabled { at: town.now(), why: "holidays".to_owned() }).await;
    town.ping("job", Signal::Fail, town.now()).await;
    pass_for(&town, &checker, Duration::from_secs(30)).await;
    assert!(house.tellings()[0].excerpt.as_ref().unwrap().contains("nobody to tell of default/job"));
    assert_eq!(only.kinds(), []);
    put(&*town.store, "only", ChannelState::Enabled).await;
    pass_for(&town, &checker, Duration::from_secs(90)).await;
    assert_eq!(only.kinds(), [NoticeKind::Overdue]);
    checker.audit().await.unwrap();
    checker.pass().await.unwrap();
    assert_eq!(house.kinds().last(), Some(&NoticeKind::Recovery), "and that it is over");
}

#[tokio::test]
async fn a_channel_that_cannot_be_understood_keeps_its_news_and_delays_no_other() {
    let (house, sound) = (Ledger::named("house"), Ledger::named("sound"));
    let (town, checker) = town(&house, &[&sound]);
    for name in ["odd", "sound"] {
        add(&*town.store, &Project::default(), name, &to_ledger(&[], ChannelRole::Main)).await;
    }
    town.ping("job", Signal::Fail, town.now()).await;
    checker.pass().await.unwrap();
    assert_eq!(sound.kinds(), [NoticeKind::Overdue]);
    let waiting = town.monitor("job").await.outbox.lanes[&named("odd")].clone();
    assert!(waiting.head.unwrap().last_error.unwrap().contains("there is none of this name"));
}
