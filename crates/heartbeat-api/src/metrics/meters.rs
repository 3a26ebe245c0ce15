//! What the API counts. Handles are made once: an ordinary ping adds to two counters and one histogram, and neither hashes
//! a label nor allocates.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
    time::Duration,
};

use ::metrics::{Counter, Histogram};
use axum::http::{Method, StatusCode};
use heartbeat_core::{
    Signal,
    flow::{Came, Recorded, TRANSITIONS},
    metric,
};

use crate::error::ApiError;

/// The route of pings, as the router has it.
const PING_ROUTE: &str = "/heartbeat/{*rest}";

/// What the API counts.
pub(crate) struct Meters {
    pings: Pings,
    usual: Usual,
    routes: RwLock<HashMap<Box<str>, Route>>,
    refusals: Refusals,
}

impl Meters {
    /// Handles of the recorder that is installed by now.
    pub(crate) fn new() -> Self {
        for kind in TRANSITIONS {
            metric::TRANSITIONS.counter([kind]).increment(0);
        }
        Self { pings: Pings::new(), usual: Usual::new(), routes: RwLock::default(), refusals: Refusals::new() }
    }

    /// A ping that was understood was answered.
    pub(crate) fn ping(&self, signal: Signal, answer: Result<&Recorded, &ApiError>) {
        let answers = self.pings.of(signal);
        let counter = match answer {
            Ok(Recorded { came: Came::Again, .. }) => &answers.recorded,
            Ok(Recorded { came: Came::First, .. }) => &answers.created,
            Err(error) if error.status().is_server_error() => &answers.failed,
            Err(_) => &answers.refused,
        };
        counter.increment(1);
    }

    /// A request was answered.
    pub(crate) fn answered(
        &self,
        route: &str,
        method: &Method,
        status: StatusCode,
        error: Option<&ApiError>,
        took: Duration,
    ) {
        if let Some(error) = error {
            self.refusals.count(error);
        } else if route == PING_ROUTE && self.usual.count(method, status, took) {
            return;
        }
        self.count(route, word(method), status, took);
    }

    fn count(&self, route: &str, method: &'static str, status: StatusCode, took: Duration) {
        {
            let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = routes.get(route)
                && let Some(counter) = known.answers.get(&(method, status))
            {
                counter.increment(1);
                known.duration.record(took);
                return;
            }
        }
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        let known = routes.entry(route.into()).or_insert_with(|| Route::new(route));
        known.duration.record(took);
        known.answers.entry((method, status)).or_insert_with(|| requests(route, method, status)).increment(1);
    }
}

/// The method as a label: a stranger may invent others.
fn word(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.into_iter().find(|word| *word == method.as_str()).unwrap_or("other")
}

fn requests(route: &str, method: &'static str, status: StatusCode) -> Counter {
    metric::HTTP_REQUESTS.counter([route.to_owned(), method.to_owned(), status.as_str().to_owned()])
}

fn duration(route: &str) -> Histogram {
    metric::HTTP_DURATION.histogram([route.to_owned()])
}

/// What a route has answered. There are as many as the router has routes, and one for all other paths.
struct Route {
    duration: Histogram,
    answers: HashMap<(&'static str, StatusCode), Counter>,
}

impl Route {
    fn new(route: &str) -> Self {
        Self { duration: duration(route), answers: HashMap::new() }
    }
}

/// What pings are answered as a rule.
struct Usual {
    duration: Histogram,
    get: Good,
    head: Good,
    post: Good,
}

struct Good {
    ok: Counter,
    created: Counter,
}

impl Good {
    fn new(method: &'static str) -> Self {
        let counter = |status| requests(PING_ROUTE, method, status);
        Self { ok: counter(StatusCode::OK), created: counter(StatusCode::CREATED) }
    }
}

impl Usual {
    fn new() -> Self {
        Self { duration: duration(PING_ROUTE), get: Good::new("GET"), head: Good::new("HEAD"), post: Good::new("POST") }
    }

    /// Counts an answer to a ping, if it is a usual one.
    fn count(&self, method: &Method, status: StatusCode, took: Duration) -> bool {
        let good = match *method {
            Method::GET => &self.get,
            Method::HEAD => &self.head,
            Method::POST => &self.post,
            _ => return false,
        };
        let counter = match status {
            StatusCode::OK => &good.ok,
            StatusCode::CREATED => &good.created,
            _ => return false,
        };
        counter.increment(1);
        self.duration.record(took);
        true
    }
}

/// What pings were answered, by signal.
struct Pings {
    success: Answers,
    start: Answers,
    fail: Answers,
    log: Answers,
    exit: Answers,
}

struct Answers {
    recorded: Counter,
    created: Counter,
    refused: Counter,
    failed: Counter,
}

impl Answers {
    fn new(signal: &'static str) -> Self {
        let counter = |answer| metric::PINGS.counter([signal, answer]);
        Self {
            recorded: counter("recorded"),
            created: counter("created"),
            refused: counter("refused"),
            failed: counter("failed"),
        }
    }
}

impl Pings {
    fn new() -> Self {
        Self {
            success: Answers::new("success"),
            start: Answers::new("start"),
            fail: Answers::new("fail"),
            log: Answers::new("log"),
            exit: Answers::new("exit"),
        }
    }

    fn of(&self, signal: Signal) -> &Answers {
        match signal {
            Signal::Success => &self.success,
            Signal::Start => &self.start,
            Signal::Fail => &self.fail,
            Signal::Log => &self.log,
            Signal::Exit(_) => &self.exit,
        }
    }
}

/// What was refused for a reason that an operator wants to see.
struct Refusals {
    unavailable: Counter,
    timeout: Counter,
    corrupt: Counter,
    failures: Counter,
    calls: Counter,
    look_ups: Counter,
}

impl Refusals {
    fn new() -> Self {
        let store = |kind| metric::STORE_ERRORS.counter(["api", kind]);
        let limit = |limit| metric::RATE_LIMITED.counter([limit]);
        Self {
            unavailable: store("unavailable"),
            timeout: store("timeout"),
            corrupt: store("corrupt"),
            failures: limit("failures"),
            calls: limit("calls"),
            look_ups: limit("look_ups"),
        }
    }

    fn count(&self, error: &ApiError) {
        let counters = [
            (matches!(error, ApiError::StoreUnavailable(_)), &self.unavailable),
            (matches!(error, ApiError::StoreTimeout), &self.timeout),
            (matches!(error, ApiError::Corrupt(_)), &self.corrupt),
            (matches!(error, ApiError::TooManyFailures(_)), &self.failures),
            (matches!(error, ApiError::TooManyCalls(_)), &self.calls),
            (matches!(error, ApiError::Busy), &self.look_ups),
        ];
        if let Some((_, counter)) = counters.into_iter().find(|(is_it, _)| *is_it) {
            counter.increment(1);
        }
    }
}
