//! The ordinary ping of a monitor with a cron line: one write, to the deadline that `decide` gives it.

use std::time::Duration;

use heartbeat_core::{
    Cron, Event, Grace, Monitor, Origin, Ping, Schedule, Timestamp, decide,
    flow::Known,
    store::{Extend, Extended, Found, Keep, Reach, Stored},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{
    Harness,
    scene::{NOW, SETTLE, context, happen, id, minutes, ping, pinged, put, stored, there},
};

const LINES: [(&str, &str); 4] = [
    ("*/5 * * * *", "UTC"),
    ("0 * * * *", "Europe/Berlin"),
    ("30 2 * * *", "America/New_York"),
    ("0 9 * * 1-5", "Asia/Tokyo"),
];

/// A monitor with a cron line that has been pinged, and when its next ping is expected.
fn watched(random: &mut StdRng, slug: &str) -> (Monitor, Timestamp) {
    let (line, zone) = *LINES.choose(random).unwrap();
    let grace = Grace::from_secs(random.random_range(0..400)).unwrap();
    let origin = if random.random() { Origin::Ping } else { Origin::Person };
    let schedule = Schedule::Cron(Cron::parse(line, zone).unwrap());
    let unborn = Monitor::new(id(slug), origin, schedule, grace, NOW);
    let monitor = decide(&unborn, &Event::Ping(Ping::success()), &context(NOW)).monitor;
    let expected = monitor.due_at().unwrap().minus(grace.duration());
    (monitor, expected)
}

fn extend_to(monitor: &Monitor, at: Timestamp, write_id: u64) -> Extend {
    let known = Known::default();
    known.saw(monitor);
    let run = known.run(&monitor.id, at, (None, None)).unwrap();
    Extend { reach: Reach::To(run), row: None, keep: Keep::Always, ..ping(monitor.id.slug.as_str(), at, write_id) }
}

pub async fn a_cron_ping_is_what_decide_does_or_is_declined(harness: &dyn Harness) {
    let (store, mut random) = (harness.store(), StdRng::seed_from_u64(11));
    let (mut through, mut back) = (0, 0);
    for number in 0..60 {
        let (monitor, expected) = watched(&mut random, &format!("cron-{number}"));
        let mut before = put(&*store, monitor).await;
        let mut at = expected.minus(Duration::from_secs(random.random_range(0..900)));
        for step in 0..4 {
            let write_id = number * 100 + step + 2;
            if at <= before.monitor.last_ping_at.unwrap() {
                break;
            }
            let decided = decide(&before.monitor, &Event::Ping(Ping::success()), &context(at));
            match store.extend(extend_to(&before.monitor, at, write_id)).await.unwrap() {
                Extended::Done => {
                    assert_eq!((decided.transitions, decided.notes), (vec![], vec![]), "{at}: {before:?}");
                    let after = stored(Monitor { rev: before.monitor.rev, ..decided.monitor }, write_id);
                    assert_eq!(there(&*store, &before.monitor.id).await, after, "{at}: {before:?}");
                    (before, through) = (after, through + 1);
                }
                Extended::Declined(found) => {
                    assert_eq!(found, Found::Monitor(Box::new(before.clone())), "nothing was written");
                    back += 1;
                    break;
                }
            }
            at = at.plus(Duration::from_secs(random.random_range(1..1_200)));
        }
    }
    assert!(through > 80 && back > 5, "both ways are tried: {through} through, {back} back");
}

pub async fn a_cron_ping_counts_only_for_the_line_that_was_seen(harness: &dyn Harness) {
    let store = harness.store();
    let (monitor, expected) = watched(&mut StdRng::seed_from_u64(3), "job");
    let before: Stored = put(&*store, monitor).await;
    let known = extend_to(&before.monitor, expected.plus(Duration::from_secs(1)), 7);
    let paused = happen(&*store, &before, &Event::Pause { until: None }, NOW.plus(minutes(1)), 2).await;
    let declined = Extended::Declined(Found::Monitor(Box::new(paused)));
    assert_eq!(store.extend(known).await, Ok(declined), "its revision is another");
}

pub async fn a_cron_ping_that_was_not_answered_is_done_once(harness: &dyn Harness) {
    let store = harness.store();
    let (monitor, expected) = watched(&mut StdRng::seed_from_u64(5), "job");
    let before = put(&*store, monitor).await;
    let extend = extend_to(&before.monitor, expected.plus(Duration::from_secs(1)), 9);
    for _ in 0..2 {
        assert_eq!(store.extend(extend.clone()).await, Ok(Extended::Done));
    }
    assert_eq!(there(&*store, &before.monitor.id).await.monitor.ping_count, before.monitor.ping_count + 1);
}

pub async fn arithmetic_is_not_for_a_cron_line(harness: &dyn Harness) {
    let store = harness.store();
    let (monitor, expected) = watched(&mut StdRng::seed_from_u64(6), "job");
    let before = put(&*store, monitor).await;
    let declined = Extended::Declined(Found::Monitor(Box::new(before)));
    assert_eq!(store.extend(ping("job", expected, 4)).await, Ok(declined));
    let interval = put(&*store, pinged("other")).await;
    assert_eq!(store.extend(ping("other", NOW.plus(SETTLE), 4)).await, Ok(Extended::Done), "{interval:?}");
}
