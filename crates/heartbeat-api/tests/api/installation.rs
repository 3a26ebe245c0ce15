//! An API over a real store in a folder of its own, with a clock that stands still.

use std::{
    fmt::{self, Write},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, StatusCode},
};
use heartbeat_api::{Api, ApiConfig, Check, router};
use heartbeat_core::{
    Clock, Grace, Interval, MonitorId, Project, Reminders, Slug, Store, Timestamp,
    alarm::Alarm,
    flow::{Flow, Settings},
    history::{Happening, PingLog, PingRow},
    key::{ApiKey, KeyRecord, Scope},
};
use heartbeat_proof::instruments::{Seeded, SetClock};
use heartbeat_sqlite::{Mode, SqliteStore};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::{posts::Posts, weather::Weather};

/// 2026-11-23T03:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_402_800);
/// How long tests wait for what never comes, where the same limit must let pass what does come on a busy machine.
pub(crate) const SOON: Duration = Duration::from_millis(500);

/// An API with everything under it.
pub(crate) struct Installation {
    pub(crate) router: Router,
    pub(crate) clock: Arc<SetClock>,
    pub(crate) weather: Arc<Weather>,
    /// A key with every scope.
    pub(crate) key: ApiKey,
    pub(crate) flow: Flow,
    _folder: tempfile::TempDir,
}

/// An answer, shown as a person would note it down.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Installation {
    pub(crate) async fn new() -> Self {
        Self::with(ApiConfig::default()).await
    }

    pub(crate) async fn with(config: ApiConfig) -> Self {
        Self::with_check(config, Check::new("checker", || Ok(()))).await
    }

    pub(crate) async fn with_check(config: ApiConfig, check: Check) -> Self {
        Self::by_clock(config, check, |clock| clock).await
    }

    /// As `with_check`, where the API reads `clock_over` the clock that is set.
    pub(crate) async fn by_clock(
        config: ApiConfig,
        check: Check,
        clock_over: impl FnOnce(Arc<SetClock>) -> Arc<dyn Clock>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("heartbeat.db"), Mode::Serve, Arc::new(Alarm::default()));
        let weather = Arc::new(Weather::over(store.unwrap()));
        let clock = Arc::new(SetClock::at(NOW));
        let settings = Settings {
            settle: Duration::from_secs(4),
            reminders: Reminders::default(),
            interval: Interval::DEFAULT,
            grace: Grace::DEFAULT,
            ping_log: PingLog::All,
        };
        let (store, random) = (weather.clone(), Arc::new(Seeded::new(1)));
        let clock_read = clock_over(clock.clone());
        let flow = Flow { store, clock: clock_read, random, settings, hearing: Arc::default(), known: Arc::default() };
        let api = Api::new(flow.clone(), config).with_check(check).with_kinds(Arc::new(Posts));
        let router = router(api);
        let key = ApiKey::from_random([1; 32]);
        let installation = Self { router, clock, weather, key, flow, _folder: folder };
        installation.put(&record(&installation.key, &[Scope::Admin])).await;
        installation
    }

    pub(crate) async fn put(&self, record: &KeyRecord) {
        self.weather.put_key(record.clone()).await.unwrap();
    }

    /// A new key with these scopes.
    pub(crate) async fn key_for(&self, scopes: &[Scope]) -> ApiKey {
        let bits = scopes.iter().fold(100, |bits, scope| bits + 1 + *scope as u8);
        let key = ApiKey::from_random([bits; 32]);
        self.put(&record(&key, scopes)).await;
        key
    }

    /// Sends a request with the key that may do everything.
    pub(crate) async fn call(&self, method: &str, path: &str) -> Answer {
        self.send(request(method, path, Some(&self.key)).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn call_as(&self, key: &ApiKey, method: &str, path: &str) -> Answer {
        self.send(request(method, path, Some(key)).body(Body::empty()).unwrap()).await
    }

    /// Sends a request with a JSON body.
    pub(crate) async fn say(&self, method: &str, path: &str, body: &serde_json::Value) -> Answer {
        self.say_as(&self.key, method, path, body).await
    }

    pub(crate) async fn say_as(&self, key: &ApiKey, method: &str, path: &str, body: &serde_json::Value) -> Answer {
        let asked = request(method, path, Some(key)).header("content-type", "application/json");
        self.send(asked.body(Body::from(body.to_string())).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status, headers: head.headers, body: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// What history keeps of the last ping of `slug`.
    pub(crate) async fn last_ping(&self, slug: &str) -> PingRow {
        let id = MonitorId::new(Project::default(), Slug::parse(slug).unwrap());
        let rows = self.weather.history(&id, Timestamp::MAX, 10).await.unwrap();
        let mut pings = rows
            .into_iter()
            .filter_map(|row| if let Happening::Ping(ping) = row.happening { Some(ping) } else { None });
        pings.next().unwrap()
    }
}

/// A request that says its own id, from a client at 192.0.2.7.
pub(crate) fn request(method: &str, path: &str, key: Option<&ApiKey>) -> axum::http::request::Builder {
    let builder = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    let builder =
        builder.header("x-request-id", "r-1").extension(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 4711))));
    match key {
        Some(key) => builder.header("authorization", format!("Bearer {}", key.reveal())),
        None => builder,
    }
}

pub(crate) fn record(key: &ApiKey, scopes: &[Scope]) -> KeyRecord {
    KeyRecord {
        hash: key.hash(),
        project: Project::default(),
        scopes: scopes.to_vec(),
        monitor: None,
        description: "test".to_owned(),
        created_at: NOW,
        expires_at: None,
        revoked_at: None,
    }
}

impl Answer {
    /// The stable code of a refusal.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Status, the headers that say something, and the body; JSON is laid out.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        for name in ["content-type", "content-length", "allow", "www-authenticate", "retry-after"] {
            if let Some(value) = self.header(name).filter(|_| name != "content-length" || self.body.is_empty()) {
                writeln!(f, "{name}: {value}")?;
            }
        }
        f.write_char('\n')?;
        match serde_json::from_str::<serde_json::Value>(&self.body) {
            Ok(value) => write!(f, "{value:#}"),
            Err(_) => f.write_str(&self.body),
        }
    }
}
