//! One corrupt item among a thousand, damaged in the file itself, while a checker works.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use heartbeat_checker::Checker;
use heartbeat_core::{
    Channel, ChannelName, Grace, Interval, MonitorId, Ping, Project, Reminders, Slug, Store, Telling, Timestamp,
    alarm::Alarm,
    delivery::Outcome,
    flow::{Flow, Sender, Settings},
    history::PingLog,
};
use heartbeat_proof::instruments::{Seeded, SetClock};
use heartbeat_sqlite::{Mode, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

const NOW: Timestamp = Timestamp::from_secs(1_795_402_800);
const SETTLE: Duration = Duration::from_secs(3);

/// Counts messages and what they tell.
struct Counter {
    name: ChannelName,
    messages: AtomicUsize,
    tellings: AtomicUsize,
}

#[async_trait]
impl Channel for Counter {
    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn time_out(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn send(&self, tellings: &[Telling]) -> Outcome {
        self.messages.fetch_add(1, Ordering::SeqCst);
        self.tellings.fetch_add(tellings.len(), Ordering::SeqCst);
        Outcome::Delivered
    }

    async fn test(&self) -> Outcome {
        Outcome::Delivered
    }
}

fn flow(store: Arc<dyn Store>, clock: Arc<SetClock>) -> Flow {
    let settings = Settings {
        settle: SETTLE,
        reminders: Reminders::default(),
        interval: Interval::MIN,
        grace: Grace::ZERO,
        ping_log: PingLog::All,
    };
    Flow { store, clock, random: Arc::new(Seeded::new(1)), settings, hearing: Arc::default(), known: Arc::default() }
}

#[tokio::test]
async fn one_corrupt_item_among_a_thousand_delays_none_of_the_others() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("heartbeat.db");
    let store = Arc::new(SqliteStore::open(&path, Mode::Serve, Arc::new(Alarm::default())).unwrap());
    let clock = Arc::new(SetClock::at(NOW));
    let flow = flow(store, Arc::clone(&clock));
    for number in 0..1_000 {
        let id = MonitorId::new(Project::default(), Slug::parse(&format!("job-{number}")).unwrap());
        flow.record_ping(&id, Ping::success(), Sender::default(), NOW).await.unwrap();
    }
    let beside = Connection::open(&path).unwrap();
    beside.execute("UPDATE monitor SET rest = '{' WHERE id = 'default/job-500'", []).unwrap();
    clock.set(NOW.plus(Duration::from_secs(30)).plus(SETTLE).plus(Duration::from_millis(1)));
    let name = ChannelName::parse("counter").unwrap();
    let counter = Arc::new(Counter { name, messages: AtomicUsize::new(0), tellings: AtomicUsize::new(0) });
    let checker = Checker::new(flow, vec![Arc::<Counter>::clone(&counter)]).unwrap();

    let pass = checker.pass().await.unwrap();
    assert_eq!((pass.looked, pass.corrupt, pass.sent.delivered), (1_000, 1, 999));
    let told = (counter.messages.load(Ordering::SeqCst), counter.tellings.load(Ordering::SeqCst));
    assert_eq!(told, (1, 999), "999 monitors that fall together are one message");
    assert_eq!(checker.pass().await.unwrap().looked, 999, "they are tidied up, and the corrupt one is left alone");
    assert_eq!(checker.pass().await.unwrap().looked, 0, "it does not stand in anybody's way");
    assert_eq!(checker.audit().await.unwrap().look.corrupt, 1, "the auditor goes on saying so");
}
