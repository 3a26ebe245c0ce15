//! API and checker in this process, over one file, with a clock that is set: some of everything happens, and is counted.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use heartbeat_api::{Api, ApiConfig, Check, Limits};
use heartbeat_checker::Checker;
use heartbeat_core::{
    Channel, ChannelName, Grace, Interval, Project, Reminders, Store, Telling, Timestamp,
    alarm::Alarm,
    delivery::Outcome,
    flow::{Flow, Settings},
    history::PingLog,
    key::{ApiKey, KeyRecord, Scope},
    metric::{self, Kind},
};
use heartbeat_proof::instruments::{Seeded, SetClock};
use heartbeat_sqlite::{Mode, SqliteStore};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};
use reqwest::Method;
use tokio::{net::TcpListener, sync::oneshot};

use crate::caller::Caller;

const NOW: Timestamp = Timestamp::from_secs(1_795_402_800);

/// A channel that takes what it is told.
struct Taker(ChannelName);

#[async_trait]
impl Channel for Taker {
    fn name(&self) -> &ChannelName {
        &self.0
    }

    fn time_out(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn send(&self, _: &[Telling]) -> Outcome {
        Outcome::Delivered
    }

    async fn test(&self) -> Outcome {
        Outcome::Delivered
    }
}

/// Everything in one process.
pub(crate) struct Scene {
    flow: Flow,
    clock: Arc<SetClock>,
    key: ApiKey,
    _folder: tempfile::TempDir,
}

impl Scene {
    /// What the operator's key is shown after all of it.
    pub(crate) async fn with_traffic() -> String {
        let recorder = recorder();
        let handle = recorder.handle();
        // On this thread alone, which is all that this test has.
        let _counting = metrics::set_default_local_recorder(&recorder);
        let scene = Self::open().await;
        let channel = Taker(ChannelName::parse("terminal").unwrap());
        let checker = Checker::new(scene.flow.clone(), vec![Arc::new(channel)]).unwrap();
        let never_well = Check::new("checker", || Err("it is not well".to_owned()));
        let api = Api::new(scene.flow.clone(), ApiConfig::default()).with_check(never_well);
        let router = heartbeat_api::router(api.with_figures(move || handle.render()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { drop(stopped.await) };
        let serving = tokio::spawn(heartbeat_api::serve(listener, router, stopped, Limits::default()));
        let text = scene.play(&Caller::new(&address, scene.key.reveal()), &checker).await;
        drop(stop);
        serving.await.unwrap();
        text
    }

    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store =
            SqliteStore::open(&folder.path().join("scene.db"), Mode::Serve, Arc::new(Alarm::default())).unwrap();
        let (clock, key) = (Arc::new(SetClock::at(NOW)), ApiKey::from_random([1; 32]));
        store.put_key(record(&key)).await.unwrap();
        let settings = Settings {
            settle: Duration::from_secs(3),
            reminders: Reminders::default(),
            interval: Interval::DEFAULT,
            grace: Grace::DEFAULT,
            ping_log: PingLog::All,
        };
        let (store, random) = (Arc::new(store) as Arc<dyn Store>, Arc::new(Seeded::new(1)));
        let flow = Flow {
            store,
            clock: Arc::clone(&clock) as _,
            random,
            settings,
            hearing: Arc::default(),
            known: Arc::default(),
        };
        Self { flow, clock, key, _folder: folder }
    }

    /// A run, a failure that is told, something late, something refused; a look and an audit.
    async fn play(&self, caller: &Caller, checker: &Checker) -> String {
        for (path, status) in
            [("a/start", 201), ("a", 200), ("b/fail", 201), ("B", 400), ("c?interval=30s&grace=0", 201)]
        {
            assert_eq!(caller.ping(path).await, status, "{path}");
            self.clock.advance(Duration::from_secs(1));
        }
        self.clock.advance(Duration::from_mins(1));
        assert_eq!(caller.ask(Method::GET, "/readyz").await.status, 503);
        assert_eq!(checker.pass().await.unwrap().flips, 1);
        assert_eq!(checker.audit().await.unwrap().active, 3);
        let answer = caller.ask(Method::GET, "/metrics").await;
        assert_eq!(answer.status, 200);
        for sample in [
            r#"heartbeat_monitors{status="overdue"} 2"#,
            r#"heartbeat_monitors{status="ok"} 1"#,
            r#"heartbeat_monitors{status="paused"} 0"#,
            r#"heartbeat_deliveries_total{kind="terminal",outcome="delivered"} 2"#,
            r#"heartbeat_transitions_total{kind="opened"} 2"#,
            r#"heartbeat_passes_total{end="complete"} 1"#,
            "heartbeat_last_pass_timestamp_seconds 1795402865",
            "heartbeat_last_audit_timestamp_seconds 1795402865",
            "heartbeat_oldest_due_age_seconds 63",
            "heartbeat_outage_open 0",
        ] {
            assert!(answer.text.lines().any(|line| line == sample), "no {sample} in\n{}", answer.text);
        }
        answer.text
    }
}

fn recorder() -> PrometheusRecorder {
    let mut builder = PrometheusBuilder::new();
    for listed in &metric::ALL {
        if let Kind::Histogram(buckets) = listed.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(listed.name.to_owned()), buckets).unwrap();
        }
    }
    let recorder = builder.build_recorder();
    metric::describe(&recorder);
    recorder
}

/// The operator's key.
fn record(key: &ApiKey) -> KeyRecord {
    KeyRecord {
        hash: key.hash(),
        project: Project::operator(),
        scopes: Scope::ALL.to_vec(),
        monitor: None,
        description: "test".to_owned(),
        created_at: NOW,
        expires_at: None,
        revoked_at: None,
    }
}
