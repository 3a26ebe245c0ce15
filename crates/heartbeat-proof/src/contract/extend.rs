//! The ordinary ping: one write that is exactly what `decide` would have made of it, or none.

use std::{num::NonZeroU32, time::Duration};

use heartbeat_core::{
    Event, Grace, Interval, Monitor, Ping, Schedule, Store, Timestamp, decide,
    item::encode,
    store::{Extend, Extended, Found, Keep, Reach, Stored, WriteId},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    Harness,
    scene::{NOW, SETTLE, TICK, any_monitor, context, creation, id, minutes, ping, pinged, put, stored, there},
};

/// Enough that every kind of monitor meets every side of every boundary.
const MONITORS: usize = 400;

pub async fn an_ordinary_ping_is_what_decide_makes_of_it(harness: &dyn Harness) {
    let mut random = StdRng::seed_from_u64(2);
    let mut extended = 0;
    for number in 0..MONITORS {
        let monitor = any_monitor(&mut random, &format!("any-{number}"));
        harness.store().commit(creation(monitor.clone(), NOW, 1)).await.unwrap();
        let before = stored(monitor, 1);
        for (write_id, at) in (2..).zip(boundaries(&before.monitor)) {
            let carried = carried(&mut random, &before.monitor);
            if extends_as_decided(harness, &before, at, carried, write_id).await == Came::Through {
                extended += 1;
                break;
            }
        }
    }
    assert!(extended > MONITORS / 10, "only {extended} of {MONITORS} were ordinary: the clause proves too little");
}

/// Both sides of every instant at which something changes, the earliest last, so that a monitor meets several before it
/// is extended.
fn boundaries(monitor: &Monitor) -> Vec<Timestamp> {
    let due = monitor.due_at();
    let instants = [
        due.map(|due| due.plus(SETTLE)),
        due,
        due.map(|due| due.minus(SETTLE)),
        monitor.last_ping_at,
        monitor.last_remark_at,
        Some(NOW),
    ];
    let instants = instants.into_iter().flatten().chain(monitor.expires_at());
    let mut sides: Vec<_> = instants.flat_map(|at| [at.minus(TICK), at, at.plus(TICK)]).collect();
    sides.sort_by_key(|at| std::cmp::Reverse(at.as_micros()));
    sides
}

/// What a ping may carry: mostly nothing, else the stored window or another one.
fn carried(random: &mut StdRng, monitor: &Monitor) -> (Option<Interval>, Option<Grace>) {
    let interval = monitor.schedule.interval().unwrap();
    let (other_interval, other_grace) = (Interval::from_secs(86_400).unwrap(), Grace::from_secs(86_400).unwrap());
    match random.random_range(0..6) {
        0 => (Some(interval), None),
        1 => (Some(interval), Some(monitor.grace)),
        2 => (Some(other_interval), None),
        3 => (None, Some(other_grace)),
        _ => (None, None),
    }
}

#[derive(PartialEq, Eq)]
enum Came {
    Through,
    Back,
}

async fn extends_as_decided(
    harness: &dyn Harness,
    before: &Stored,
    at: Timestamp,
    (interval, grace): (Option<Interval>, Option<Grace>),
    write_id: u64,
) -> Came {
    let (store, id) = (harness.store(), &before.monitor.id);
    let event = Event::Ping(Ping { schedule: interval.map(Schedule::Every), grace, ..Ping::success() });
    let decided = decide(&before.monitor, &event, &context(at));
    let extend = Extend {
        id: id.clone(),
        at,
        pings: NonZeroU32::MIN,
        settle: SETTLE,
        reach: Reach::Window { interval, grace },
        write_id: WriteId(write_id),
        row: None,
        keep: Keep::Always,
    };
    let answer = store.extend(extend).await.unwrap();
    if answer != Extended::Done {
        assert!(!must_extend(&before.monitor, at, interval, grace), "{at} was declined: {before:?}");
        let expired = before.monitor.expires_at().is_some_and(|expires_at| expires_at <= at);
        let found = if expired { Found::Nothing } else { Found::Monitor(Box::new(before.clone())) };
        assert_eq!(answer, Extended::Declined(found));
        return Came::Back;
    }
    assert!(
        decided.transitions.is_empty() && decided.notes.is_empty(),
        "{at} says more than that it is well: {before:?}"
    );
    let after = stored(Monitor { rev: before.monitor.rev, ..decided.monitor }, write_id);
    assert_eq!(there(&*store, id).await, after, "at {at}");
    for name in ["ordinary", "wake_at", "expires_at", "due_at"] {
        assert_eq!(harness.attribute(id, name).await.as_ref(), encode(&after).get(name), "{name} at {at}");
    }
    Came::Through
}

/// When an ordinary ping may not be declined, for the price of a second write.
fn must_extend(monitor: &Monitor, at: Timestamp, interval: Option<Interval>, grace: Option<Grace>) -> bool {
    let stored = monitor.schedule.interval().unwrap();
    monitor.is_ordinary()
        && monitor.due_at().is_some_and(|due| at < due.plus(SETTLE))
        && monitor.last_ping_at.is_some_and(|last| last < at)
        && monitor.last_remark_at.is_none_or(|last| last <= at)
        && interval.is_none_or(|interval| interval == stored)
        && grace.is_none_or(|grace| grace == monitor.grace)
        && monitor.expires_at().is_none_or(|expires_at| expires_at > at)
}

pub async fn a_ping_that_carries_another_window_is_declined(harness: &dyn Harness) {
    let store = harness.store();
    let before = put(&*store, pinged("job")).await;
    let at = NOW.plus(minutes(1));
    let declined = Ok(Extended::Declined(Found::Monitor(Box::new(before))));
    let other_interval =
        Extend { reach: Reach::Window { interval: Interval::from_secs(60), grace: None }, ..ping("job", at, 2) };
    assert_eq!(store.extend(other_interval).await, declined);
    let other_grace =
        Extend { reach: Reach::Window { interval: None, grace: Grace::from_secs(61) }, ..ping("job", at, 3) };
    assert_eq!(store.extend(other_grace).await, declined);
    let the_same = Extend {
        reach: Reach::Window { interval: Some(Interval::DEFAULT), grace: Some(Grace::DEFAULT) },
        ..ping("job", at, 4)
    };
    assert_eq!(store.extend(the_same).await, Ok(Extended::Done));
}

pub async fn the_same_ping_again_counts_once(harness: &dyn Harness) {
    let store = harness.store();
    put(&*store, pinged("job")).await;
    let extend = ping("job", NOW.plus(minutes(1)), u64::MAX);
    for _ in 0..3 {
        assert_eq!(store.extend(extend.clone()).await, Ok(Extended::Done));
    }
    assert_eq!(there(&*store, &id("job")).await.monitor.ping_count, 2);
    assert_eq!(store.history(&id("job"), Timestamp::MAX, 10).await.unwrap().len(), 1);
}

pub async fn pings_that_came_together_all_count(harness: &dyn Harness) {
    let store = harness.store();
    put(&*store, pinged("job")).await;
    let together = Extend { pings: NonZeroU32::new(1_000).unwrap(), ..ping("job", NOW.plus(minutes(1)), 2) };
    for _ in 0..2 {
        assert_eq!(store.extend(together.clone()).await, Ok(Extended::Done));
    }
    let after = there(&*store, &id("job")).await.monitor;
    assert_eq!((after.ping_count, after.last_ping_at), (1_001, Some(NOW.plus(minutes(1)))));
    assert_eq!(store.history(&id("job"), Timestamp::MAX, 10).await.unwrap().len(), 1);
}

pub async fn a_row_for_late_pings_is_kept_after_the_expected_moment_alone(harness: &dyn Harness) {
    let store = harness.store();
    let expected = NOW.plus(minutes(5));
    let moments = [
        ("early", expected.minus(minutes(1)), Vec::new()),
        ("punctual", expected, Vec::new()),
        ("late", expected.plus(TICK), vec![2]),
        ("due", expected.plus(minutes(1)), vec![2]),
        ("settling", expected.plus(minutes(1)).plus(SETTLE).minus(TICK), vec![2]),
    ];
    for (slug, at, kept) in moments {
        put(&*store, pinged(slug)).await;
        let extend = Extend { keep: Keep::IfLate, ..ping(slug, at, 2) };
        for _ in 0..2 {
            assert_eq!(store.extend(extend.clone()).await, Ok(Extended::Done), "{slug}");
        }
        assert_eq!(there(&*store, &id(slug)).await.monitor.ping_count, 2, "{slug}");
        let tags = async || {
            let rows = store.history(&id(slug), Timestamp::MAX, 10).await.unwrap();
            rows.iter().map(|row| row.tag).collect::<Vec<_>>()
        };
        assert_eq!(tags().await, kept, "{slug}");
        // What was not kept leaves no gap.
        assert_eq!(store.extend(ping(slug, at.plus(TICK), 3)).await, Ok(Extended::Done));
        assert_eq!(tags().await, [vec![3], kept].concat(), "{slug}");
    }
}

pub async fn a_ping_for_nobody_is_declined(harness: &dyn Harness) {
    let answer = harness.store().extend(ping("nobody", NOW, 1)).await;
    assert_eq!(answer, Ok(Extended::Declined(Found::Nothing)));
}

pub async fn of_pings_at_once_every_one_counts(harness: &dyn Harness) {
    const PINGS: u32 = 500;
    let store = harness.store();
    put(&*store, pinged("job")).await;
    let pings =
        (1..=PINGS).map(|number| settle_for_any(&*store, NOW.plus(Duration::from_millis(number.into())), number));
    let counted: u64 = futures_util::future::join_all(pings).await.into_iter().sum();
    let after = there(&*store, &id("job")).await.monitor;
    assert_eq!(after.ping_count, 1 + counted);
    assert!(after.last_ping_at > Some(NOW));
}

/// How many pings were counted: one, or none when a newer one had been there before.
async fn settle_for_any(store: &dyn Store, at: Timestamp, number: u32) -> u64 {
    match store.extend(ping("job", at, u64::from(number) + 1)).await.unwrap() {
        Extended::Done => 1,
        Extended::Declined(_) => 0,
    }
}
