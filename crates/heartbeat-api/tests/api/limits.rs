//! Limits that callers see, and limits that jobs never see: pings that come too fast are written together.

use std::{fmt::Write, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{body::Body, http::Request};
use futures_util::{
    future::{join_all, maybe_done},
    poll,
};
use heartbeat_api::{ApiConfig, Check, Gathering, KeyLimits, Rate};
use heartbeat_core::{
    Clock, Monitor, MonitorId, Project, Random, Slug, Store, Timestamp, history::Happening, key::ApiKey, store::Found,
};
use heartbeat_proof::instruments::{Seeded, SetClock};
use insta::assert_snapshot;

use crate::{
    installation::{Answer, Installation, NOW, request},
    weather::Sky,
};

/// How long pings wait for one another.
const GATHER: Duration = Duration::from_millis(250);
/// All but the first are gathered.
const RARELY: Rate = Rate { burst: 1, refill: Duration::from_hours(24) };
const MILLISECOND: Duration = Duration::from_millis(1);

fn limits(answers: &[Answer]) -> String {
    answers.iter().fold(String::new(), |mut text, answer| {
        let said = ["ratelimit-policy", "ratelimit", "retry-after"].map(|name| answer.header(name).unwrap_or("-"));
        writeln!(text, "{} {}", answer.status.as_u16(), said.join(" ")).unwrap();
        text
    })
}

#[tokio::test]
async fn every_answer_to_a_limited_call_says_what_is_left() {
    let api = Installation::new().await;
    let missing = [api.call("GET", "/monitors").await, api.call("GET", "/api/v1/monitors/none").await];
    for _ in 0..97 {
        api.call("GET", "/monitors").await;
    }
    let rest = [api.call("GET", "/monitors").await, api.call("GET", "/monitors").await];
    api.advance(4);
    let hc = request("GET", "/api/v3/channels/", None).header("x-api-key", api.key.reveal().to_string());
    let later = [api.call("POST", "/monitors/none/pause").await, api.send(hc.body(Body::empty()).unwrap()).await];
    assert_snapshot!(limits(&[missing, rest, later].into_iter().flatten().collect::<Vec<_>>()), @r#"
    200 "calls";q=100;w=10 "calls";r=99;t=1 -
    404 "calls";q=100;w=10 "calls";r=98;t=1 -
    200 "calls";q=100;w=10 "calls";r=0;t=10 -
    429 "calls";q=100;w=10 "calls";r=0;t=10 1
    404 "calls";q=100;w=10 "calls";r=39;t=7 -
    200 "calls";q=100;w=10 "calls";r=38;t=7 -
    "#);
}

#[tokio::test]
async fn what_is_not_limited_says_nothing_of_limits() {
    let api = Installation::new().await;
    let paths = ["/heartbeat/a", "/heartbeat/a", "/heartbeat/UPPER", "/healthz", "/readyz", "/none"];
    for path in paths {
        let answer = api.call("GET", path).await;
        assert_eq!((answer.header("ratelimit"), answer.header("ratelimit-policy")), (None, None), "{path}");
    }
    let nobody = api.send(request("GET", "/monitors", None).body(Body::empty()).unwrap()).await;
    assert_eq!((nobody.status.as_u16(), nobody.header("ratelimit")), (401, None));
}

#[tokio::test]
async fn who_guesses_keys_is_told_until_when_to_wait() {
    let api = Installation::new().await;
    let key = |number: u8| ApiKey::from_random([number; 32]);
    let mut last = Vec::new();
    for number in 200..231 {
        last = vec![api.call_as(&key(number), "GET", "/monitors").await];
    }
    assert_snapshot!(limits(&last), @r#"
    429 "failures";q=30;w=60 "failures";r=0;t=60 2
    "#);
}

/// The clock that is set; who waits for others on it waits until it shows so.
struct Patient(Arc<SetClock>);

#[async_trait]
impl Clock for Patient {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.now().plus(duration);
        // What waits for less is jitter after a conflict, and nobody moves the clock for it.
        let waits_for_others = duration >= GATHER;
        tokio::task::yield_now().await;
        while waits_for_others && self.now() < until {
            tokio::task::yield_now().await;
        }
    }
}

impl Installation {
    async fn patient(gathering: Option<Gathering>) -> Self {
        // The key stays known: no ping waits for it.
        let keys = KeyLimits { known_for: Duration::from_hours(24), ..KeyLimits::default() };
        let config = ApiConfig { gathering, keys, ..ApiConfig::default() };
        Self::by_clock(config, Check::new("checker", || Ok(())), |clock| Arc::new(Patient(clock))).await
    }

    /// Sends all at once, one a millisecond, and lets time pass until they are answered.
    async fn burst(&self, requests: impl IntoIterator<Item = Request<Body>>) -> Vec<Answer> {
        let mut sent = Vec::new();
        for request in requests {
            self.clock.advance(MILLISECOND);
            let mut answer = Box::pin(maybe_done(self.send(request)));
            let _ = poll!(&mut answer);
            sent.push(answer);
        }
        self.clock.advance(GATHER);
        join_all(sent.iter_mut()).await;
        sent.iter_mut().map(|answer| answer.as_mut().take_output().unwrap()).collect()
    }

    fn ping(&self, path: &str) -> Request<Body> {
        request("GET", path, Some(&self.key)).body(Body::empty()).unwrap()
    }

    async fn monitor(&self, slug: &str) -> Monitor {
        let id = MonitorId::new(Project::default(), Slug::parse(slug).unwrap());
        match self.weather.find(&id, self.flow.clock.now()).await.unwrap() {
            Found::Monitor(stored) => stored.monitor,
            other @ (Found::Deleted | Found::Nothing) => panic!("{other:?}"),
        }
    }

    async fn happenings(&self, slug: &str) -> Vec<Happening> {
        let id = MonitorId::new(Project::default(), Slug::parse(slug).unwrap());
        let rows = self.weather.history(&id, Timestamp::MAX, 5_000).await.unwrap();
        rows.into_iter().map(|row| row.happening).collect()
    }
}

#[tokio::test]
async fn a_chatty_job_makes_few_writes_and_each_of_its_pings_counts() {
    let api = Installation::patient(Some(Gathering::default())).await;
    assert_eq!(api.call("GET", "/heartbeat/chatty?interval=5m&grace=1m").await.status, 201);
    let before = api.weather.writes();
    let answers = api.burst((0..1_000).map(|_| api.ping("/heartbeat/chatty"))).await;
    assert!(answers.iter().all(|answer| answer.status.as_u16() == 200 && answer.body == "200 OK\n"));
    let writes = api.weather.writes() - before;
    assert!((60..80).contains(&writes), "{writes} writes");
    let monitor = api.monitor("chatty").await;
    let last = NOW.plus(Duration::from_secs(1));
    assert_eq!((monitor.ping_count, monitor.last_ping_at), (1_001, Some(last)));
    assert_eq!(monitor.due_at(), Some(last.plus(Duration::from_mins(6))));
    // What history keeps is one row a write.
    assert_eq!(api.happenings("chatty").await.len(), 1 + writes as usize);
}

#[tokio::test]
async fn a_ping_that_says_more_is_written_by_itself_however_chatty_the_job() {
    let api = Installation::patient(Some(Gathering::default())).await;
    api.call("GET", "/heartbeat/chatty").await;
    let says_more = ["/fail", "/start", "/log", "/0", "?interval=5m", "?grace=1m", "?rid=one", "?unknown=1"];
    let requests = (0..400).map(|number| match says_more.get(number % 50) {
        Some(more) if number > 200 => api.ping(&format!("/heartbeat/chatty{more}")),
        Some(_) | None => api.ping("/heartbeat/chatty"),
    });
    let answers = api.burst(requests).await;
    assert!(answers.iter().all(|answer| answer.status.as_u16() == 200));
    let with_body = request("POST", "/heartbeat/chatty", Some(&api.key)).body(Body::from("it said")).unwrap();
    api.burst([with_body]).await;
    assert_eq!(api.last_ping("chatty").await.body, "it said");

    let rows = api.happenings("chatty").await;
    let signals = |wanted: &str| {
        let is_wanted =
            |row: &&Happening| matches!(row, Happening::Ping(ping) if format!("{:?}", ping.signal) == wanted);
        rows.iter().filter(is_wanted).count()
    };
    assert_eq!(["Fail", "Start", "Log", "Exit(0)"].map(signals), [3, 4, 4, 4]);
    assert_eq!(api.monitor("chatty").await.ping_count, 402);
}

#[tokio::test]
async fn a_failure_after_a_thousand_successes_is_what_stays() {
    let api = Installation::patient(Some(Gathering::default())).await;
    api.call("GET", "/heartbeat/chatty").await;
    let paths = (0..1_000).map(|_| "/heartbeat/chatty").chain(["/heartbeat/chatty/fail"]);
    let answers = api.burst(paths.map(|path| api.ping(path))).await;
    assert!(answers.iter().all(|answer| answer.status.as_u16() == 200));
    assert_eq!(api.call("GET", "/monitors").await.json()["monitors"][0]["status"], "overdue");
    assert_eq!(api.monitor("chatty").await.ping_count, 1_002);
}

#[tokio::test]
async fn a_chatty_job_holds_up_no_neighbour() {
    let api = Installation::patient(Some(Gathering::default())).await;
    let jobs: Vec<String> = (0..1_000).map(|n| format!("/heartbeat/job-{n}")).collect();
    api.burst(jobs.iter().map(|path| api.ping(path))).await;
    let chatty = (0..500).map(|_| "/heartbeat/job-0");
    let before = api.weather.writes();
    let answers = api.burst(chatty.chain(jobs.iter().map(String::as_str)).map(|path| api.ping(path))).await;
    assert!(answers.iter().all(|answer| answer.status.as_u16() == 200));
    let writes = api.weather.writes() - before;
    assert!((999 + 60..999 + 80).contains(&writes), "{writes} writes");
    for (number, count) in [(0, 502), (1, 2), (999, 2)] {
        assert_eq!(api.monitor(&format!("job-{number}")).await.ping_count, count);
    }
}

#[tokio::test]
async fn pings_that_were_gathered_are_refused_when_their_write_is() {
    let api = Installation::patient(Some(Gathering::default())).await;
    api.call("GET", "/heartbeat/chatty").await;
    api.burst((0..100).map(|_| api.ping("/heartbeat/chatty"))).await;
    api.weather.turn(Sky::Down);
    let answers = api.burst((0..100).map(|_| api.ping("/heartbeat/chatty"))).await;
    assert!(answers.iter().all(|answer| answer.code() == "store_unavailable"));
    api.weather.turn(Sky::Clear);
    assert_eq!(api.monitor("chatty").await.ping_count, 101);
    assert_eq!(api.burst([api.ping("/heartbeat/chatty")]).await[0].status, 200);
    assert_eq!(api.monitor("chatty").await.ping_count, 102);
}

#[tokio::test]
async fn who_leaves_before_the_write_takes_nobodys_ping_along() {
    let api = Installation::patient(Some(Gathering { rate: RARELY, ..Gathering::default() })).await;
    api.call("GET", "/heartbeat/chatty").await;
    for _ in 0..3 {
        let (one, other) = (api.ping("/heartbeat/chatty"), api.ping("/heartbeat/chatty"));
        let mut leaves = Box::pin(api.send(one));
        assert!(poll!(&mut leaves).is_pending());
        api.clock.advance(MILLISECOND);
        let mut stays = Box::pin(api.send(other));
        assert!(poll!(&mut stays).is_pending());
        drop(leaves);
        api.clock.advance(GATHER);
        assert_eq!(stays.await.status, 200);
    }
    // Where nobody stays, nothing is left behind that later ones would wait for.
    let mut leaves = Box::pin(api.send(api.ping("/heartbeat/chatty")));
    assert!(poll!(&mut leaves).is_pending());
    drop(leaves);
    assert_eq!(api.burst([api.ping("/heartbeat/chatty")]).await[0].status, 200);
    assert_eq!(api.monitor("chatty").await.ping_count, 1 + 3 * 2 + 1);
}

/// Whatever became of the monitor meanwhile, pings that were gathered leave it as pings one after another do.
#[tokio::test]
async fn gathered_pings_leave_what_pings_by_themselves_leave() {
    let random = Seeded::new(6);
    let pick = |of: u64| usize::try_from(random.next() % of).unwrap();
    let mut saved = 0;
    for first in ["/heartbeat/job?interval=30s&grace=0", "/heartbeat/job", "/heartbeat/job?cron=*+*+*+*+*&grace=20s"] {
        let always = Gathering { rate: RARELY, ..Gathering::default() };
        let together = Installation::patient(Some(always)).await;
        let alone = Installation::patient(None).await;
        for api in [&together, &alone] {
            assert_eq!(api.call("GET", first).await.status, 201);
        }
        for round in 0..40 {
            let gap = [1, 2, 9, 20, 29, 30, 31, 34, 59, 60, 64, 365][pick(12)];
            let pings = 2 + random.next() % 4;
            let between = ["/heartbeat/job/fail", "/heartbeat/job/start", "/monitors/job/pause"];
            let between = between.get(pick(12)).copied().unwrap_or_default();
            for api in [&together, &alone] {
                api.clock.advance(Duration::from_millis(gap * 1_000 - pings / 2));
                let method = if between.ends_with("pause") { "POST" } else { "GET" };
                if !between.is_empty() {
                    api.call(method, between).await;
                }
            }
            let before = [&together, &alone].map(|api| api.weather.writes());
            together.burst((0..pings).map(|_| together.ping("/heartbeat/job"))).await;
            for _ in 0..pings {
                alone.clock.advance(MILLISECOND);
                alone.call("GET", "/heartbeat/job").await;
            }
            alone.clock.set(together.clock.now());
            saved += u32::from(together.weather.writes() - before[0] < alone.weather.writes() - before[1]);
            let left = async |api: &Installation| {
                let there = api.monitor("job").await;
                let shown = api.call("GET", "/monitors").await.json()["monitors"][0]["status"].clone();
                (shown, there.due_at(), there.last_ping_at, there.ping_count, there.runs)
            };
            assert_eq!(left(&together).await, left(&alone).await, "{first}: round {round}, {gap} s, {pings} {between}");
            if between.ends_with("pause") {
                for api in [&together, &alone] {
                    api.call("POST", "/monitors/job/unpause").await;
                }
            }
        }
    }
    assert!(saved > 20, "only {saved} rounds saved a write: it proves too little");
}
