//! A place to test in: a real store in a folder of its own, a clock that is set, and jobs that ping.

use std::{sync::Arc, time::Duration};

use heartbeat_checker::Checker;
use heartbeat_core::{
    Channel, Grace, Interval, Monitor, MonitorId, Ping, Project, Reminders, Signal, Slug, Store, Timestamp,
    alarm::Alarm,
    flow::{Flow, Sender, Settings},
    history::{Happening, PingLog},
    store::Found,
};
use heartbeat_proof::instruments::{Seeded, SetClock};
use heartbeat_sqlite::{Mode, SqliteStore};

use crate::ledger::Ledger;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_402_800);
pub(crate) const SETTLE: Duration = Duration::from_secs(3);
/// The window of every job: the shortest interval, no grace.
pub(crate) const WINDOW: Duration = Duration::from_secs(30);

pub(crate) struct Town {
    pub(crate) flow: Flow,
    pub(crate) clock: Arc<SetClock>,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) alarm: Arc<Alarm>,
    _folder: tempfile::TempDir,
}

impl Town {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let alarm = Arc::new(Alarm::default());
        let store = SqliteStore::open(&folder.path().join("town.db"), Mode::Serve, Arc::clone(&alarm)).unwrap();
        let (store, clock) = (Arc::new(store), Arc::new(SetClock::at(NOW)));
        let flow = Flow {
            store: Arc::clone(&store) as Arc<dyn Store>,
            clock: Arc::clone(&clock) as Arc<dyn heartbeat_core::Clock>,
            random: Arc::new(Seeded::new(7)),
            settings: Settings {
                settle: SETTLE,
                reminders: Reminders::default(),
                interval: Interval::MIN,
                grace: Grace::ZERO,
                ping_log: PingLog::All,
            },
            hearing: Arc::default(),
            known: Arc::default(),
        };
        Self { flow, clock, store, alarm, _folder: folder }
    }

    pub(crate) fn checker(&self, channels: &[&Arc<Ledger>]) -> Arc<Checker> {
        checker(self.flow.clone(), channels)
    }

    pub(crate) async fn ping(&self, slug: &str, signal: Signal, at: Timestamp) {
        self.flow.record_ping(&id(slug), Ping::bare(signal), Sender::default(), at).await.unwrap();
    }

    /// `count` jobs that ping now.
    pub(crate) async fn jobs(&self, count: usize) {
        for number in 0..count {
            self.ping(&format!("job-{number}"), Signal::Success, NOW).await;
        }
    }

    pub(crate) async fn monitor(&self, slug: &str) -> Monitor {
        match self.store.find(&id(slug), NOW).await.unwrap() {
            Found::Monitor(stored) => stored.monitor,
            other @ (Found::Deleted | Found::Nothing) => panic!("{slug} is {other:?}"),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        heartbeat_core::Clock::now(&*self.clock)
    }

    /// Whether the index will bring it.
    pub(crate) async fn is_seen_by_the_index(&self, slug: &str) -> bool {
        matches!(self.store.find(&id(slug), NOW).await.unwrap(), Found::Monitor(stored) if stored.wake_at.is_some())
    }

    /// Whether the store records the next plain success without a look.
    pub(crate) async fn store_is_ordinary(&self, slug: &str) -> bool {
        matches!(self.store.find(&id(slug), NOW).await.unwrap(), Found::Monitor(stored) if stored.ordinary)
    }

    /// How many incidents history has seen open and end.
    pub(crate) async fn incidents(&self, slug: &str) -> (usize, usize) {
        let rows = self.store.history(&id(slug), Timestamp::MAX, 10_000).await.unwrap();
        let opened = rows.iter().filter(|row| matches!(row.happening, Happening::Opened { .. })).count();
        let ended = rows.iter().filter(|row| matches!(row.happening, Happening::Recovered { .. })).count();
        (opened, ended)
    }
}

pub(crate) fn checker(flow: Flow, channels: &[&Arc<Ledger>]) -> Arc<Checker> {
    let channels = channels.iter().map(|ledger| Arc::clone(ledger) as Arc<dyn Channel>).collect();
    Arc::new(Checker::new(flow, channels).unwrap())
}

pub(crate) fn id(slug: &str) -> MonitorId {
    MonitorId::new(Project::default(), Slug::parse(slug).unwrap())
}
