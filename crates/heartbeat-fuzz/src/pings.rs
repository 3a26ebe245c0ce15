use std::{cell::RefCell, sync::Arc};

use axum::http::Request;
use heartbeat_api::{Api, ApiConfig, Body, Router, router};
use heartbeat_core::{
    Clock, Grace, Interval, Project, Reminders, Store, Timestamp,
    alarm::Alarm,
    clock::SystemClock,
    flow::{Flow, Settings},
    history::{PingLog, Row},
    key::{ApiKey, KeyRecord, Scope},
    random::SystemRandom,
};
use heartbeat_sqlite::{Mode, SqliteStore};
use http_body_util::BodyExt;
use tower::ServiceExt;

/// After so many inputs everything begins anew: a file that grows would make each slower than the one before.
const LIFE: usize = 2_000;
/// What may be asked for; nothing else is a ping.
const DOORS: [&str; 4] = ["/heartbeat/", "/ping/", "/api/push/", "/api/v1/heartbeats"];

/// A request as it stands on the wire: `POST /heartbeat/job/fail?interval=60`, header lines, an empty line, a body. `{key}` and
/// `{uuid}` stand for a real key and a real ping UUID, in the target and in headers.
///
/// No such request is answered with a status of 500 or more, or shown its key. One that is refused has a reason, and nothing of
/// it is in the history; one that is answered 200 or 201 is the newest line of it.
pub fn pings(data: &[u8]) {
    thread_local!(static SITE: RefCell<Option<Site>> = const { RefCell::new(None) });
    SITE.with_borrow_mut(|site| {
        if site.as_ref().is_none_or(|site| site.asked >= LIFE) {
            *site = Some(Site::open());
        }
        if let Some(site) = site {
            site.ask(data);
        }
    });
}

/// An API over a file of its own, with a monitor that has a ping URL.
struct Site {
    runtime: tokio::runtime::Runtime,
    router: Router,
    store: Arc<SqliteStore>,
    key: String,
    uuid: String,
    asked: usize,
    _folder: tempfile::TempDir,
}

/// What came back.
struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Site {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let opened = SqliteStore::open(&folder.path().join("heartbeat.db"), Mode::Serve, Arc::new(Alarm::default()));
        let store = Arc::new(opened.expect("a file can be made"));
        let settings = Settings {
            settle: std::time::Duration::from_secs(4),
            reminders: Reminders::default(),
            interval: Interval::DEFAULT,
            grace: Grace::DEFAULT,
            ping_log: PingLog::All,
        };
        let flow = Flow {
            store: store.clone(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            settings,
            hearing: Arc::default(),
            known: Arc::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
        let key = ApiKey::from_random([7; 32]);
        let put = runtime.block_on(store.put_key(record(&key)));
        put.expect("a key can be stored");
        let router = router(Api::new(flow, ApiConfig::default()));
        let key = key.reveal().to_owned();
        let mut site = Self { runtime, router, store, key, uuid: String::new(), asked: 0, _folder: folder };
        site.uuid = site.define();
        site
    }

    /// Defines the monitor whose ping UUID it answers.
    fn define(&self) -> String {
        let define = b"POST /api/v1/monitors\nContent-Type: application/json\nAuthorization: Bearer {key}\n\n{\"slug\": \"job\"}";
        let request = self.request(define).expect("this is a request");
        let made: serde_json::Value = serde_json::from_slice(&self.send(request).body).unwrap_or_default();
        made.get("uuid").and_then(|uuid| uuid.as_str()).expect("it has a ping UUID").to_owned()
    }

    fn ask(&mut self, data: &[u8]) {
        self.asked += 1;
        let Some(request) = self.request(data) else { return };
        let target = request.uri().path().to_owned();
        if !DOORS.iter().any(|door| target.starts_with(door)) {
            return;
        }
        let (many, before) = (target.starts_with("/api/v1/heartbeats"), self.newest());
        let Answer { status, body } = self.send(request);
        assert!(status < 500, "{target} is answered {status}: {}", String::from_utf8_lossy(&body));
        let shown = body.windows(self.key.len()).any(|part| part == self.key.as_bytes());
        assert!(!shown, "{target} is shown its key");
        if status < 300 {
            assert!(many || self.newest() != before, "{target} is answered {status} and is not in history");
        } else {
            assert!(!body.is_empty(), "{target} is refused with {status} and without a reason");
            assert_eq!(self.newest(), before, "{target} is refused with {status} and is in history");
        }
    }

    /// `None` for what is no request of HTTP.
    fn request(&self, data: &[u8]) -> Option<Request<Body>> {
        let end = data.windows(2).position(|two| two == b"\n\n").unwrap_or(data.len());
        let (head, body) = data.split_at(end);
        let head = str::from_utf8(head).ok()?.replace("{key}", &self.key).replace("{uuid}", &self.uuid);
        let mut lines = head.lines();
        let (method, target) = lines.next()?.split_once(' ')?;
        let is_ping = ["GET", "HEAD", "POST"].contains(&method) && target.starts_with('/');
        let mut request = is_ping.then(|| Request::builder().method(method).uri(target))?;
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            request = request.header(name, value);
        }
        // A HEAD has no answer to look at.
        request.body(Body::from(body.get(2..).unwrap_or_default().to_vec())).ok().filter(|_| method != "HEAD")
    }

    fn send(&self, request: Request<Body>) -> Answer {
        let router = self.router.clone();
        self.runtime.block_on(async move {
            let Ok(response) = router.oneshot(request).await;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.map(|body| body.to_bytes().to_vec());
            Answer { status, body: body.expect("an answer has an end") }
        })
    }

    fn newest(&self) -> Option<Row> {
        let rows = self.runtime.block_on(self.store.project_history(&Project::default(), Timestamp::MAX, 1));
        rows.expect("history can be read").pop()
    }
}

fn record(key: &ApiKey) -> KeyRecord {
    KeyRecord {
        hash: key.hash(),
        project: Project::default(),
        scopes: vec![Scope::Admin],
        monitor: None,
        description: "fuzz".to_owned(),
        created_at: SystemClock.now(),
        expires_at: None,
        revoked_at: None,
    }
}
