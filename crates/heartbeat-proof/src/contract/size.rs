//! The size of an item: what a ping costs where storage is paid by the kilobyte, and what bounds a row.

use heartbeat_core::{
    Event, Monitor, MonitorId, Ping, Project, RunId, Signal, Slug, Timestamp, decide,
    delivery::{Reason, Verdict},
    history::Happening,
    item::encode,
    outbox::{Owner, Settlement},
    ping::{Body, MAX_BODY},
    store::{Becomes, Change, Committed, Extend, Extended, Stored, WriteId},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    Harness,
    scene::{NOW, channel, context, lease, minutes, ping, pinged, put, row, stored, there},
};

/// How long the lives of these clauses are.
const STEPS: u64 = 200;

fn size(monitor: &Monitor) -> usize {
    serde_json::to_vec(&encode(&stored(monitor.clone(), u64::MAX))).unwrap().len()
}

#[cfg(test)]
#[test]
fn an_ordinary_monitor_is_under_500_bytes() {
    let mut monitor = pinged(&"a".repeat(24));
    monitor.ping_count = 1_000_000;
    assert!(size(&monitor) < 500, "{} bytes", size(&monitor));
}

#[cfg(test)]
#[test]
fn no_life_makes_an_item_of_two_channels_larger_than_four_kilobytes() {
    let mut largest = 0;
    for seed in 0..60 {
        largest = largest.max(size(&largest_of(seed)));
    }
    assert!(largest <= 4_096, "{largest} bytes");
    assert!(largest > 1_500, "only {largest} bytes: these lives prove too little");
}

/// The monitor of this seed's life when it was largest.
pub fn largest_of(seed: u64) -> Monitor {
    let mut random = StdRng::seed_from_u64(seed);
    let mut monitor = Monitor { id: longest_id(), ..pinged("job") };
    let mut largest = monitor.clone();
    for step in 1..STEPS {
        live(&mut random, &mut monitor, step);
        if size(&monitor) > size(&largest) {
            largest = monitor.clone();
        }
    }
    largest
}

/// A monitor whose names are as long as names may be.
pub fn longest_id() -> MonitorId {
    MonitorId::new(Project::parse(&"p".repeat(64)).unwrap(), Slug::parse(&"a".repeat(64)).unwrap())
}

pub async fn the_largest_monitors_are_stored_as_they_are(harness: &dyn Harness) {
    let store = harness.store();
    for seed in 0..6 {
        let slug = format!("{}-{seed}", "a".repeat(62));
        let id = MonitorId::new(longest_id().project, Slug::parse(&slug).unwrap());
        let largest = Monitor { id: id.clone(), ..largest_of(seed) };
        assert!(size(&largest) > 1_500, "only {} bytes: it proves too little", size(&largest));
        let before = put(&*store, Monitor { id: id.clone(), ..pinged("job") }).await;
        let after = Stored { write_id: WriteId(2), ..stored(Monitor { rev: before.monitor.rev.next(), ..largest }, 2) };
        let becomes = Becomes::Changed {
            before: Box::new(before),
            after: Box::new(after.clone()),
            rests_on: heartbeat_core::RestsOn::Revision,
        };
        let (write_id, rows, keys) = (WriteId(2), Vec::new(), Vec::new());
        let change = Change { id: id.clone(), becomes, at: NOW, write_id, rows, keys };
        assert_eq!(store.commit(change).await, Ok(Committed::Done));
        assert_eq!(there(&*store, &id).await, after);
    }
}

pub async fn the_longest_names_and_the_largest_body_are_stored_as_they_are(harness: &dyn Harness) {
    let (store, id) = (harness.store(), longest_id());
    put(&*store, Monitor { id: id.clone(), ..pinged("job") }).await;
    let bodies = ["x".repeat(MAX_BODY), "\u{1}".repeat(MAX_BODY), "😀".repeat(MAX_BODY / 4)];
    let mut rows = Vec::new();
    for (number, body) in (1..).zip(bodies) {
        assert_eq!(body.len(), MAX_BODY);
        let at = NOW.plus(minutes(number));
        let mut row = row(&id, at, number + 1);
        if let Happening::Ping(ping) = &mut row.happening {
            ping.body = body;
            ping.run = Some("r".repeat(64));
            ping.agent = Some("ü".repeat(100));
        }
        let extend = Extend { id: id.clone(), row: Some(row.clone()), ..ping("job", at, number + 1) };
        assert_eq!(store.extend(extend).await, Ok(Extended::Done));
        rows.push(row);
    }
    assert_eq!(store.feed(&id.project, NOW, 10).await, Ok(rows.clone()));
    rows.reverse();
    assert_eq!(store.history(&id, Timestamp::MAX, 10).await, Ok(rows));
    let listed = store.list(&id.project, None, 10, NOW).await.unwrap().items;
    let listed: Vec<_> = listed.into_iter().map(|item| item.unwrap().monitor.id).collect();
    assert_eq!(listed, std::slice::from_ref(&id));
    let due = store.due(0, NOW.plus(minutes(60)), 10).await.unwrap();
    assert_eq!(due.into_iter().map(|due| due.id).collect::<Vec<_>>(), [id]);
}

/// One more thing that happens to it, at its longest.
fn live(random: &mut StdRng, monitor: &mut Monitor, step: u64) {
    let now = NOW.plus(minutes(step * 3));
    let channels = [channel(&"t".repeat(64)), channel(&"m".repeat(64))];
    let ping = |signal| {
        let body = Body::from_tail("\"ü".repeat(5_000).as_bytes()).0;
        Event::Ping(Ping { run: RunId::parse(&"r".repeat(64)), body, ..Ping::bare(signal) })
    };
    let event = match random.random_range(0..6) {
        0 => ping(Signal::Success),
        1 => ping(Signal::Start),
        2 | 3 => ping(Signal::Exit(i64::MIN)),
        _ => Event::Tick,
    };
    *monitor = decide(monitor, &event, &context(now)).monitor;
    monitor.outbox.route(&channels, now);
    if random.random() {
        let claims = monitor.outbox.claim(lease(u64::MAX, now), now, |_| true);
        for claim in claims {
            let reason = Reason::new(&"\"ü".repeat(200));
            let verdict = match random.random_range(0..4) {
                0 => Verdict::Done,
                1 => Verdict::GiveUp { reason },
                2 => Verdict::Retry { at: now.plus(minutes(5)), reason },
                _ => continue,
            };
            let entry = claim.notice.id(&monitor.id, &claim.channel);
            let settlement = Settlement { channel: claim.channel, entry, owner: Owner(u64::MAX), verdict };
            let id = monitor.id.clone();
            monitor.outbox.settle(&id, &settlement, now);
        }
    }
}
