//! The size of an item: what a ping costs where storage is paid by the kilobyte, and what bounds a row.

use heartbeat_core::{
    Cause, ChannelName, Event, Incident, Monitor, MonitorId, Notice, Outbox, Ping, Project, Rev, RunId, Signal, Slug,
    Timestamp,
    channel::definition::MAX_CHANNELS,
    decide,
    delivery::{Reason, Verdict},
    history::Happening,
    item::encode,
    outbox::{Entry, GaveUp, Lane, Owner, Routing, Settled, Settlement},
    ping::{Body, MAX_BODY},
    store::{Becomes, Change, Committed, Extend, Extended, Stored, WriteId},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{
    Harness,
    scene::{NOW, channel, context, incident, lease, minutes, ping, pinged, put, row, stored, there},
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

#[cfg(test)]
#[test]
fn no_item_of_ten_channels_is_larger_than_forty_kilobytes() {
    let largest = ["x", "\"", "😀", "\u{1}"].map(|letter| size(&largest_with_all_channels(letter)));
    let largest = largest.into_iter().max().unwrap();
    assert!(largest <= 40_960, "{largest} bytes");
    assert!(largest > 20_000, "only {largest} bytes: these prove too little");
}

/// The monitor of this seed's life when it was largest.
pub fn largest_of(seed: u64) -> Monitor {
    let mut random = StdRng::seed_from_u64(seed);
    let channels = Some(longest_channels(2).into_iter().collect());
    let mut monitor = Monitor { id: longest_id(), channels, ..pinged("job") };
    let mut largest = monitor.clone();
    for step in 1..STEPS {
        live(&mut random, &mut monitor, step);
        if size(&monitor) > size(&largest) {
            largest = monitor.clone();
        }
    }
    largest
}

/// So many channels, whose names are as long as names may be.
fn longest_channels(count: usize) -> Vec<ChannelName> {
    (0..count).map(|number| channel(&format!("{number}{}", "t".repeat(63)))).collect()
}

/// A monitor that has as much to tell as can be, on as many channels as can be, all of which it has chosen: each has an
/// attempt under way, something that waits, and something that was given up. Reasons are made of `letter`.
pub fn largest_with_all_channels(letter: &str) -> Monitor {
    let channels = longest_channels(MAX_CHANNELS);
    let notice = longest_notice();
    let reason = Reason::new(&letter.repeat(1_000)).as_str().to_owned();
    let lane = Lane {
        head: Some(Entry {
            notice: notice.clone(),
            next_at: NOW,
            attempts: u32::MAX,
            lease: Some(lease(u64::MAX, NOW)),
            last_error: Some(reason.clone()),
        }),
        pending: Some(notice.clone()),
        gave_up: Some(GaveUp { at: NOW, reason, count: u32::MAX, untold: Some(Box::new(notice.clone())) }),
    };
    let lanes = channels.iter().map(|channel| (channel.clone(), lane.clone())).collect();
    let outbox = Outbox { unrouted: Some(notice), lanes };
    Monitor { channels: Some(channels.into_iter().collect()), outbox, ..largest_of(0) }
}

/// What takes as many bytes to tell as can be.
pub fn longest_notice() -> Notice {
    let cause = Cause::Failed { exit: Some(i64::MIN) };
    let incident = Incident { cause, reminders: u32::MAX, confirm_at: Some(NOW), ..incident(NOW) };
    let notice = Notice::opened(&incident, Some(NOW), Rev(u64::MAX), NOW);
    let (up_at, reminder, most) = (Some(NOW), u32::MAX, u32::MAX);
    Notice { up_at, outages: most, recoveries: most, reminder, unconfirmed: true, ..notice }
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

pub async fn a_monitor_with_as_much_to_tell_as_can_be_is_stored_as_it_is(harness: &dyn Harness) {
    let store = harness.store();
    for (number, letter) in (0..).zip(["\"", "😀", "\u{1}"]) {
        let id = MonitorId::new(longest_id().project, Slug::parse(&format!("{}-{number}", "a".repeat(62))).unwrap());
        let largest = Monitor { id: id.clone(), ..largest_with_all_channels(letter) };
        assert!(size(&largest) > 10_000, "only {} bytes: it proves too little", size(&largest));
        assert_eq!(put(&*store, largest.clone()).await.monitor, largest);
        let channel = longest_channels(MAX_CHANNELS).pop().unwrap();
        let entry = longest_notice().id(&id, &channel);
        let settlement = Settlement { channel, entry, owner: Owner(u64::MAX), verdict: Verdict::Done };
        assert_eq!(store.settle(&id, settlement.clone(), NOW, Vec::new()).await, Ok(Settled::Done));
        let mut expected = largest.outbox.clone();
        expected.settle(&id, &settlement, NOW);
        assert_eq!(there(&*store, &id).await.monitor.outbox, expected);
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
    let (now, channels) = (NOW.plus(minutes(step * 3)), longest_channels(2));
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
    monitor.outbox.route(&Routing::to(&channels), now);
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
