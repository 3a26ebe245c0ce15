//! How large items are by DynamoDB's own rule: an ordinary monitor well under the kilobyte that a write unit pays for, and
//! none over its bound, whatever happens.

use heartbeat_core::{
    Monitor, MonitorId, Ping, Project, Signal, Slug, Store,
    delivery::Reason,
    dynamo::DynamoStore,
    flow::Flow,
    history::{DeliveryRow, Happening, PingLog, Row},
    store::{Becomes, Change, Committed, Stored, WriteId},
};
use heartbeat_proof::{
    contract::{
        scene::{NOW, SETTLE, channel, flow, minutes, pinged, put, there},
        size::{largest_of, largest_with_all_channels, longest_id, longest_notice},
    },
    dynamo::{Fate, Wired, item_bytes, value_bytes},
};
use serde_json::Value;

use super::till::sender;

/// The most bytes of an ordinary monitor's item.
const ORDINARY: u64 = 500;
/// The most bytes of an item of up to two channels.
const LARGEST: u64 = 4_096;
/// The same, while four alerts that were given up, with what they told, wait for history.
const LARGEST_WITH_UNTOLD: u64 = 5_120;
/// The most bytes of any item: of ten channels with the longest names, each with as much to tell as can be.
const LARGEST_OF_TEN: u64 = 24_576;

fn quiet(store: &std::sync::Arc<DynamoStore>) -> Flow {
    let (mut flow, _) = flow(std::sync::Arc::<DynamoStore>::clone(store));
    flow.settings.ping_log = PingLog::None;
    flow
}

#[test]
fn an_ordinary_monitor_is_at_most_500_bytes() {
    let wired = Wired::new();
    let (store, _) = wired.open();
    let flow = quiet(&store);
    for slug in ["job", "nightly-backup", "eu-north-1-postgres-nightly-base-backup"] {
        let id = MonitorId::new(Project::parse("production").unwrap(), Slug::parse(slug).unwrap());
        wired.run(async {
            for number in 0..20 {
                flow.record_ping(&id, Ping::success(), sender(), NOW.plus(minutes(number))).await.unwrap();
            }
        });
        let item = wired.past(async |ground| ground.item(&id).await).unwrap();
        let bytes = item_bytes(&item);
        assert!(bytes <= ORDINARY, "{bytes} bytes: {:?}", by_size(&item));
    }
}

/// Rows wait in the item for as long as the events table takes nothing.
#[test]
fn no_monitor_is_larger_than_four_kilobytes_even_when_history_is_down() {
    let mut largest = (0, Vec::new());
    for seed in 0..40 {
        let (bytes, parts) = with_a_full_journal(&Wired::new(), seed);
        if bytes > largest.0 {
            largest = (bytes, parts);
        }
    }
    assert!(largest.0 > 2_500, "only {} bytes: these prove too little", largest.0);
    assert!(largest.0 <= LARGEST, "{} bytes: {:?}", largest.0, largest.1);
}

fn with_a_full_journal(wired: &Wired, seed: u64) -> (u64, Vec<(u64, String)>) {
    let (store, wire) = wired.open();
    let (flow, id) = (quiet(&store), longest_id());
    wired.run(async {
        put(&*store, Monitor { id: id.clone(), ..pinged("job") }).await;
        wire.from_now_on("BatchWriteItem", Fate::Refused(500, "InternalServerError"));
        // Failures and recoveries, until the journal is full and beyond.
        for number in 1..8 {
            let event = if number % 2 == 1 { Ping::bare(Signal::Exit(i64::MIN)) } else { Ping::success() };
            flow.record_ping(&id, event, sender(), NOW.plus(minutes(number))).await.unwrap();
        }
        grow(&store, &id, largest_of(seed), Vec::new()).await;
    });
    measured(wired, &id)
}

/// What is in the item, which has a journal.
fn measured(wired: &Wired, id: &MonitorId) -> (u64, Vec<(u64, String)>) {
    let item = wired.past(async |ground| ground.item(id).await).unwrap();
    assert!(item.get("journal").is_some(), "nothing waits: it proves too little");
    (item_bytes(&item), by_size(&item))
}

/// Attempts to deliver wait there, too: four that were given up at length, and channels that still have as much to be told.
#[test]
fn no_monitor_is_larger_than_five_kilobytes_when_alerts_that_were_given_up_wait_for_history() {
    let mut over = Vec::new();
    for (what, letter) in
        [("letters", "x"), ("quotation marks", "\""), ("emoji", "😀"), ("control characters", "\u{1}")]
    {
        let mut largest = (0, Vec::new());
        for seed in 0..6 {
            largest = largest.max(with_failed_attempts(largest_of(seed), letter));
        }
        if largest.0 > LARGEST_WITH_UNTOLD {
            over.push((what, largest));
        }
    }
    assert!(over.is_empty(), "over {LARGEST_WITH_UNTOLD} bytes: {over:#?}");
}

#[test]
fn no_monitor_of_ten_channels_is_larger_than_its_bound_whatever_waits() {
    for letter in ["x", "\"", "😀", "\u{1}"] {
        let (bytes, parts) = with_failed_attempts(largest_with_all_channels(letter), letter);
        assert!(bytes > LARGEST, "only {bytes} bytes: it proves too little");
        assert!(bytes <= LARGEST_OF_TEN, "{bytes} bytes: {parts:?}");
    }
}

fn with_failed_attempts(monitor: Monitor, letter: &str) -> (u64, Vec<(u64, String)>) {
    let (wired, id) = (Wired::new(), longest_id());
    let (store, wire) = wired.open();
    wired.run(async {
        put(&*store, Monitor { id: id.clone(), ..pinged("job") }).await;
        wire.from_now_on("BatchWriteItem", Fate::Refused(500, "InternalServerError"));
        grow(&store, &id, monitor, failed_attempts(&id, letter)).await;
    });
    measured(&wired, &id)
}

/// Four alerts could not be delivered, at length, while history was down: as many rows as a journal has room for.
fn failed_attempts(id: &MonitorId, letter: &str) -> Vec<Row> {
    let (telegram, notice) = (channel(&"t".repeat(64)), longest_notice());
    let attempt = |number: u64| {
        let delivery = DeliveryRow {
            notification: notice.id(id, &telegram).to_string(),
            channel: telegram.clone(),
            attempt: u32::MAX,
            outcome: "gave_up".to_owned(),
            reason: Some(Reason::new(&letter.repeat(1_000)).as_str().to_owned()),
            status: Some(u16::MAX),
            took_ms: 10_000,
            next_at: None,
            untold: Some(Box::new(notice.clone())),
        };
        Row { monitor: id.clone(), at: NOW, tag: u64::MAX - number, happening: Happening::Delivery(delivery) }
    };
    (0..4).map(attempt).collect()
}

/// Makes it as `largest`, leaves what waits in it, and has `rows` wait as well.
async fn grow(store: &DynamoStore, id: &MonitorId, largest: Monitor, rows: Vec<Row>) {
    let before = there(store, id).await;
    let monitor = Monitor { id: id.clone(), rev: before.monitor.rev.next(), ..largest };
    let write_id = WriteId(u64::MAX);
    let after = Stored::new(monitor, 0, SETTLE, write_id);
    let becomes = Becomes::Changed {
        before: Box::new(before),
        after: Box::new(after),
        rests_on: heartbeat_core::RestsOn::Revision,
    };
    let change = Change { id: id.clone(), becomes, at: NOW.plus(minutes(9)), write_id, rows, keys: Vec::new() };
    assert_eq!(store.commit(change).await, Ok(Committed::Done));
}

/// The attributes by their bytes, the largest first.
fn by_size(item: &Value) -> Vec<(u64, String)> {
    let attributes = item.as_object().into_iter().flatten();
    let mut sizes: Vec<_> = attributes.map(|(name, value)| (value_bytes(value), name.clone())).collect();
    sizes.sort_by(|one, other| other.cmp(one));
    sizes.truncate(6);
    sizes
}
