//! The size of an item: what a ping costs where storage is paid by the kilobyte, and what bounds a row.

use heartbeat_core::{
    Event, Monitor, Ping, RunId, Signal, decide,
    delivery::{Reason, Verdict},
    item::encode,
    outbox::{Owner, Settlement},
    ping::Body,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::scene::{NOW, channel, context, lease, minutes, pinged, stored};

fn size(monitor: &Monitor) -> usize {
    serde_json::to_vec(&encode(&stored(monitor.clone(), u64::MAX))).unwrap().len()
}

#[test]
fn an_ordinary_monitor_is_under_500_bytes() {
    let mut monitor = pinged(&"a".repeat(24));
    monitor.ping_count = 1_000_000;
    assert!(size(&monitor) < 500, "{} bytes", size(&monitor));
}

#[test]
fn no_life_makes_an_item_of_two_channels_larger_than_four_kilobytes() {
    let mut largest = 0;
    for seed in 0..60 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut monitor = pinged(&"a".repeat(64));
        for step in 1..200 {
            live(&mut random, &mut monitor, step);
            largest = largest.max(size(&monitor));
        }
    }
    assert!(largest <= 4_096, "{largest} bytes");
    assert!(largest > 1_500, "only {largest} bytes: these lives prove too little");
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
