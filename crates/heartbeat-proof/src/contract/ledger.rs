//! The ledger: every attempt to deliver on a channel, newest first, whichever monitor it told of.

use std::time::Duration;

use futures_util::future::join_all;
use heartbeat_core::{
    ChannelName, Event, Monitor, MonitorId, Notice, Ping, Project, Signal, Slug, Store, Timestamp, decide,
    delivery::Verdict,
    history::{Happening, Row},
    outbox::{Routing, Settled, Settlement},
    store::{Change, Committed},
};

use super::{
    Harness,
    scene::{
        NOW, TICK, channel, context, creation, decision, delivery, id, incident, lease, minutes, pinged, put, row,
        there,
    },
};

fn second(second: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(second))
}

fn of(project: &str, slug: &str) -> MonitorId {
    MonitorId::new(Project::parse(project).unwrap(), Slug::parse(slug).unwrap())
}

fn telegram() -> ChannelName {
    channel("telegram")
}

/// Creates a monitor of this name.
async fn make(store: &dyn Store, id: &MonitorId) {
    let monitor = Monitor { id: id.clone(), ..pinged("job") };
    assert_eq!(store.commit(creation(monitor, NOW, 1)).await, Ok(Committed::Done));
}

/// Commits a decision of `at` that tells `row`.
async fn tell(store: &dyn Store, at: Timestamp, row: &Row) {
    let before = there(store, &row.monitor).await;
    let change = decision(&before, &Event::Ping(Ping::bare(Signal::Log)), at, row.tag);
    assert_eq!(store.commit(Change { rows: vec![row.clone()], ..change }).await, Ok(Committed::Done));
}

async fn told(store: &dyn Store, project: &Project, before: Timestamp, limit: usize) -> Vec<Row> {
    store.deliveries(project, &telegram(), before, limit).await.unwrap()
}

pub async fn deliveries_are_newest_first_and_of_one_channel_of_one_project_alone(harness: &dyn Harness) {
    let store = harness.store();
    let (one, two) = (of("team", "one"), of("team", "two"));
    let others = [of("tea", "one"), of("team-2", "one"), of("team0", "one")];
    for id in others.iter().chain([&one, &two]) {
        make(&*store, id).await;
    }
    let mut expected = Vec::new();
    for number in 1..=6 {
        let (id, at) = (if number % 2 == 0 { &one } else { &two }, second(number));
        let ours = delivery(id, &telegram(), at, 10 * number);
        tell(&*store, at, &ours).await;
        expected.insert(0, ours);
        for other in &others {
            tell(&*store, at, &delivery(other, &telegram(), at, 10 * number)).await;
        }
        for (more, other) in (1..).zip(["telegram-2", "telegra", "ops-mail"]) {
            let at = at.plus(TICK * more);
            tell(&*store, at, &delivery(id, &channel(other), at, 10 * number + u64::from(more))).await;
        }
        tell(&*store, at.plus(TICK * 4), &row(id, at.plus(TICK * 4), 10 * number + 4)).await;
    }
    let project = &one.project;
    assert_eq!(told(&*store, project, Timestamp::MAX, 100).await, expected);
    assert_eq!(told(&*store, project, Timestamp::MAX, 2).await, expected.get(..2).unwrap());
    assert_eq!(told(&*store, project, second(4), 100).await, expected.get(3..).unwrap(), "before, not at");
    assert_eq!(told(&*store, project, second(4).plus(TICK), 1).await, expected.get(2..3).unwrap());
    assert_eq!(told(&*store, project, second(1), 100).await, []);
    assert_eq!(told(&*store, &of("nobody", "x").project, Timestamp::MAX, 100).await, []);
    assert_eq!(store.deliveries(project, &channel("nobody"), Timestamp::MAX, 9).await, Ok(Vec::new()));
    let of_one: Vec<Row> = expected.into_iter().filter(|row| row.monitor == one).collect();
    let history = store.history(&one, Timestamp::MAX, 100).await.unwrap();
    assert!(of_one.iter().all(|row| history.contains(row)), "a monitor's history has them, too");
}

pub async fn deliveries_are_read_page_by_page(harness: &dyn Harness) {
    let store = harness.store();
    put(&*store, pinged("job")).await;
    let mut expected = Vec::new();
    for number in 1..=25 {
        let row = delivery(&id("job"), &telegram(), second(number), number + 1);
        tell(&*store, second(number), &row).await;
        expected.insert(0, row);
    }
    for limit in [1, 7, 25, 100] {
        let (mut read, mut before) = (Vec::new(), Timestamp::MAX);
        loop {
            let page = told(&*store, &id("job").project, before, limit).await;
            assert!(page.len() <= limit);
            let Some(oldest) = page.last() else { break };
            before = oldest.at;
            read.extend(page);
        }
        assert_eq!(read, expected, "{limit} at a time");
    }
}

/// A monitor that has failed, with what there is to tell claimed by checker 1 for Telegram, and the end of that attempt.
fn claimed(id: &MonitorId) -> (Monitor, Notice, Settlement) {
    let failed = Event::Ping(Ping::bare(Signal::Fail));
    let mut monitor = decide(&Monitor { id: id.clone(), ..pinged("job") }, &failed, &context(second(1))).monitor;
    monitor.outbox.route(&Routing::to(&[telegram()]), second(1));
    let claim = monitor.outbox.claim(lease(1, second(1)), second(1), |_| true).pop().unwrap();
    let entry = claim.notice.id(id, &telegram());
    let owner = lease(1, second(1)).owner;
    (monitor, claim.notice, Settlement { channel: telegram(), entry, owner, verdict: Verdict::Done })
}

pub async fn an_attempt_that_is_settled_twice_is_one_row(harness: &dyn Harness) {
    let (store, id) = (harness.store(), id("job"));
    let (monitor, _, settlement) = claimed(&id);
    put(&*store, monitor).await;
    let row = delivery(&id, &telegram(), second(2), 9);
    for settled in [Settled::Done, Settled::Stale, Settled::Stale] {
        assert_eq!(store.settle(&id, settlement.clone(), second(2), vec![row.clone()]).await, Ok(settled));
    }
    assert_eq!(told(&*store, &id.project, Timestamp::MAX, 10).await, std::slice::from_ref(&row));
    assert_eq!(store.history(&id, Timestamp::MAX, 10).await, Ok(vec![row]));
}

pub async fn an_attempt_is_told_with_everything_that_is_known_of_it(harness: &dyn Harness) {
    let (store, id) = (harness.store(), of(&"p".repeat(64), &"a".repeat(64)));
    let longest = channel(&"t".repeat(64));
    let monitor = Monitor { id: id.clone(), ..pinged("job") };
    let notice = Notice::opened(&incident(NOW), Some(NOW), monitor.rev, NOW);
    assert_eq!(store.commit(creation(monitor, NOW, 1)).await, Ok(Committed::Done));
    let mut row = delivery(&id, &longest, second(1), u64::MAX);
    if let Happening::Delivery(delivery) = &mut row.happening {
        delivery.attempt = u32::MAX;
        "refused".clone_into(&mut delivery.outcome);
        delivery.reason = Some("410 \"Gone\"".to_owned());
        delivery.status = Some(410);
        delivery.took_ms = u64::MAX;
        delivery.next_at = Some(second(9));
        delivery.untold = Some(Box::new(notice));
    }
    tell(&*store, second(1), &row).await;
    let read = store.deliveries(&id.project, &longest, Timestamp::MAX, 10).await;
    assert_eq!(read, Ok(vec![row.clone()]));
    assert_eq!(store.feed(&id.project, NOW, 10).await, Ok(vec![row]));
}

pub async fn an_attempt_that_cannot_be_understood_hides_no_other(harness: &dyn Harness) {
    let store = harness.store();
    let (sound, damaged) = (id("sound"), id("damaged"));
    let mut expected = Vec::new();
    for id in [&sound, &damaged] {
        put(&*store, pinged(id.slug.as_str())).await;
    }
    for number in 1..=8 {
        let id = if number % 2 == 0 { &sound } else { &damaged };
        let row = delivery(id, &telegram(), second(number), number + 1);
        tell(&*store, second(number), &row).await;
        if id == &sound {
            expected.insert(0, row);
        }
    }
    harness.damage_history(&damaged).await;
    assert_eq!(told(&*store, &sound.project, Timestamp::MAX, 100).await, expected);
    assert_eq!(told(&*store, &sound.project, Timestamp::MAX, 3).await, expected.get(..3).unwrap());
    assert_eq!(store.history(&damaged, Timestamp::MAX, 100).await, Ok(Vec::new()));
}

pub async fn what_is_settled_late_is_read_in_its_place(harness: &dyn Harness) {
    let store = harness.store();
    put(&*store, pinged("job")).await;
    // The store took nothing for ten minutes, and the checker remembered what it had sent.
    for (number, at) in (1..).zip([1_u64, 3, 603, 2]) {
        tell(&*store, second(600 + number), &delivery(&id("job"), &telegram(), second(at), number + 1)).await;
    }
    let read = async |before, limit| {
        let rows = told(&*store, &id("job").project, before, limit).await;
        rows.iter().map(|row| row.at.since(NOW).as_secs()).collect::<Vec<_>>()
    };
    assert_eq!(read(Timestamp::MAX, 10).await, [603, 3, 2, 1]);
    assert_eq!(read(Timestamp::MAX, 2).await, [603, 3]);
    assert_eq!(read(second(3), 10).await, [2, 1]);
}

pub async fn many_monitors_that_are_told_in_one_message_are_all_there(harness: &dyn Harness) {
    const MONITORS: u64 = 120;
    let store = harness.store();
    let attempts: Vec<_> = (0..MONITORS).map(|number| (number, id(&format!("job-{number}")))).collect();
    for (_, id) in &attempts {
        let (monitor, _, _) = claimed(id);
        assert_eq!(store.commit(creation(monitor, NOW, 1)).await, Ok(Committed::Done));
    }
    // All ended at one instant.
    let at = NOW.plus(minutes(1));
    let settled = join_all(attempts.iter().map(|(number, id)| {
        let row = delivery(id, &telegram(), at, number / 2);
        store.settle(id, claimed(id).2, at, vec![row])
    }));
    assert!(settled.await.into_iter().all(|settled| settled == Ok(Settled::Done)));
    let mut all = told(&*store, &id("job").project, Timestamp::MAX, 200).await;
    let first = told(&*store, &id("job").project, Timestamp::MAX, 50).await;
    assert_eq!(first, all.get(..50).unwrap(), "always in one order");
    all.sort_by(|one, other| one.monitor.cmp(&other.monitor));
    all.dedup();
    assert_eq!(all.len(), attempts.len());
}
