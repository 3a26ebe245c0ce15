//! Which pings history keeps, as the setting says, through the real flow over the real store.

#![expect(clippy::unwrap_used, reason = "a test passes or it panics")]

use std::{sync::Arc, time::Duration};

use heartbeat_core::{
    Event, Interval, Ping, Schedule, Signal, Timestamp,
    alarm::Alarm,
    flow::{Flow, Sender},
    history::{Happening, PingLog},
    ping::{Body, Note},
    store::Found,
};
use heartbeat_proof::contract::scene::{NOW, TICK, flow, id, minutes};
use heartbeat_proof::instruments::SetClock;
use heartbeat_sqlite::{Mode, SqliteStore};
use tempfile::TempDir;

struct House {
    flow: Flow,
    clock: Arc<SetClock>,
    _folder: TempDir,
}

impl House {
    fn keeping(ping_log: PingLog) -> Self {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open(&folder.path().join("heartbeat.db"), Mode::Serve, Arc::new(Alarm::default()));
        let (mut flow, clock) = flow(Arc::new(store.unwrap()));
        flow.settings.ping_log = ping_log;
        Self { flow, clock, _folder: folder }
    }

    async fn ping(&self, ping: Ping, at: Timestamp) {
        self.flow.record_ping(&id("job"), ping, Sender::default(), at).await.unwrap();
    }

    /// What history keeps, oldest first: `ping`, `opened`, ... with the minute at which it was.
    async fn history(&self) -> Vec<(u64, &'static str)> {
        let rows = self.flow.store.history(&id("job"), Timestamp::MAX, 1_000).await.unwrap();
        let told = rows.iter().rev().map(|row| (row.at.since(NOW).as_secs() / 60, word(&row.happening)));
        told.collect()
    }
}

fn word(happening: &Happening) -> &'static str {
    match happening {
        Happening::Ping(_) => "ping",
        Happening::Opened { .. } => "opened",
        Happening::Recovered { .. } => "recovered",
        Happening::Reminded { .. } => "reminded",
        Happening::Paused { .. } => "paused",
        Happening::Resumed { .. } => "resumed",
        Happening::Deleted { .. } => "deleted",
        Happening::Edited(_) => "edited",
        Happening::Delivery(_) => "delivery",
    }
}

/// A life that holds each kind of ping, by the minute; the interval is 5 minutes, with a minute of grace.
async fn live(house: &House) {
    let at = |minute| NOW.plus(minutes(minute));
    let body = Ping { body: Body::from_tail(b"done").0, ..Ping::success() };
    for (minute, ping) in [
        (0, Ping::success()),
        (1, Ping::success()),
        (2, Ping::bare(Signal::Exit(0))),
        (3, Ping::bare(Signal::Start)),
        (4, Ping::success()),
        (5, Ping::bare(Signal::Log)),
        (6, body),
        (11, Ping::success()),
        (12, Ping::bare(Signal::Fail)),
        (13, Ping::success()),
    ] {
        house.ping(ping, at(minute)).await;
    }
    let odd = Sender { notes: vec![Note::RunIdIgnored], ..Sender::default() };
    house.flow.record_ping(&id("job"), Ping::success(), odd, at(14)).await.unwrap();
    house.ping(Ping::success(), at(19).plus(TICK)).await;
    house.clock.set(at(20));
    house.flow.manage(&id("job"), &Event::Pause { until: None }, None).await.unwrap();
}

#[tokio::test]
async fn all_keeps_every_ping() {
    let house = House::keeping(PingLog::All);
    live(&house).await;
    let history = house.history().await;
    assert_eq!(history.iter().filter(|row| row.1 == "ping").count(), 12, "{history:?}");
}

#[tokio::test]
async fn notable_keeps_what_says_more_than_that_all_is_well() {
    let house = House::keeping(PingLog::Notable);
    live(&house).await;
    let pings: Vec<u64> = house.history().await.into_iter().filter(|row| row.1 == "ping").map(|row| row.0).collect();
    // The first, the start, the end of the run, the log, the body, the failure, the recovery, the odd one and the late one.
    assert_eq!(pings, [0, 3, 4, 5, 6, 12, 13, 14, 19]);
}

#[tokio::test]
async fn notable_keeps_what_was_odd_only_to_the_decision() {
    let house = House::keeping(PingLog::Notable);
    house.ping(Ping::success(), NOW).await;
    house.ping(Ping::success(), NOW.plus(minutes(2))).await;
    house.ping(Ping::success(), NOW.plus(minutes(1))).await;
    let late_to_arrive = house.history().await;
    assert_eq!(late_to_arrive, [(0, "ping"), (1, "ping")], "the one that was overtaken on its way");
}

#[tokio::test]
async fn notable_keeps_a_late_ping_that_also_changes_the_window() {
    let house = House::keeping(PingLog::Notable);
    house.ping(Ping::success(), NOW).await;
    let longer =
        |minutes: u64| Ping { schedule: Interval::from_secs(minutes * 60).map(Schedule::Every), ..Ping::success() };
    house.ping(longer(7), NOW.plus(minutes(1))).await;
    house.ping(longer(8), NOW.plus(minutes(8)).plus(TICK)).await;
    assert_eq!(house.history().await, [(0, "ping"), (8, "ping")]);
}

#[tokio::test]
async fn none_keeps_no_ping_and_whatever_is_kept_outages_and_people_are() {
    for ping_log in [PingLog::All, PingLog::Notable, PingLog::None] {
        let house = House::keeping(ping_log);
        live(&house).await;
        let history = house.history().await;
        let others: Vec<_> = history.iter().filter(|row| row.1 != "ping").map(|row| row.1).collect();
        assert_eq!(others, ["opened", "recovered", "paused"], "{ping_log:?}");
        assert!(ping_log != PingLog::None || others.len() == history.len(), "{history:?}");
    }
}

#[tokio::test]
async fn whatever_is_kept_the_count_and_the_last_ping_are_exact() {
    for ping_log in [PingLog::All, PingLog::Notable, PingLog::None] {
        let house = House::keeping(ping_log);
        live(&house).await;
        let Found::Monitor(stored) = house.flow.store.find(&id("job"), NOW).await.unwrap() else {
            unreachable!("it was made by a ping")
        };
        let last = NOW.plus(minutes(19)).plus(Duration::from_micros(1));
        assert_eq!((stored.monitor.ping_count, stored.monitor.last_ping_at), (12, Some(last)), "{ping_log:?}");
    }
}
