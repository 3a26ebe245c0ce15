//! What is around a function: Lambda's Runtime API, SSM and the Bot API, in one server on the loopback that answers at
//! once and says when it was asked.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use heartbeat_core::{Clock, clock::SystemClock};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

use crate::stopwatch::Stopwatch;

/// The names of the secrets in SSM.
pub(super) const TOKEN_PARAM: &str = "/heartbeat/telegram-bot-token";
pub(super) const CHAT_PARAM: &str = "/heartbeat/telegram-chat-id";
const ARN: &str = "arn:aws:lambda:eu-north-1:123456789012:function:bench";

/// An event, and the good answer to it.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// What the function gets.
    pub(super) body: Value,
    /// How long it has for it.
    pub(super) time: Duration,
    /// A field of a good answer, and its value.
    pub(super) expected: (&'static str, Value),
}

/// When the function did what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    /// It asked for its first event.
    pub(super) asked: Duration,
    /// It answered that.
    pub(super) at: Duration,
}

/// The server. It ends with this.
pub(super) struct Around {
    /// Where it listens.
    pub(super) address: SocketAddr,
    expected: (&'static str, Value),
    happened: UnboundedReceiver<Happened>,
    serving: JoinHandle<()>,
}

/// What the function did, since the server was made.
enum Happened {
    Asked(Duration),
    Answered(Duration, Bytes),
    Failed(Bytes),
}

struct Shared {
    event: Event,
    /// Whether somebody has it.
    given: AtomicBool,
    running: Stopwatch,
    happened: UnboundedSender<Happened>,
}

impl Around {
    /// Listens, and measures from now on: the function is to be started at once.
    pub(super) async fn listen(event: Event) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr()?;
        let (happened, receiver) = unbounded_channel();
        let expected = event.expected.clone();
        let given = AtomicBool::new(false);
        let router = routes(Arc::new(Shared { event, given, running: Stopwatch::start(), happened }));
        let serving = tokio::spawn(async move {
            // It ends when it is aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, expected, happened: receiver, serving })
    }

    /// Waits until the function has answered well.
    pub(super) async fn answered(&mut self) -> anyhow::Result<Answered> {
        let mut asked = None;
        loop {
            match self.happened.recv().await.context("the server is gone")? {
                Happened::Asked(at) => asked = asked.or(Some(at)),
                Happened::Failed(why) => bail!("it failed: {}", String::from_utf8_lossy(&why)),
                Happened::Answered(at, body) => {
                    let (field, value) = &self.expected;
                    let answer: Value = serde_json::from_slice(&body).context("its answer is no JSON")?;
                    if answer.get(field) != Some(value) {
                        bail!("it answered {answer}, without {field} {value}");
                    }
                    return Ok(Answered { asked: asked.context("it answered unasked")?, at });
                }
            }
        }
    }
}

impl Drop for Around {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(error))
        .route("/", post(parameters))
        .fallback(bot)
        .with_state(shared)
}

/// The first event; there is no second one.
async fn next(State(shared): State<Arc<Shared>>) -> Response {
    // Fails when nobody measures any more.
    let _ = shared.happened.send(Happened::Asked(shared.running.elapsed()));
    if shared.given.swap(true, Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
    let deadline = SystemClock.now().plus(shared.event.time).as_micros() / 1_000;
    let mut headers = HeaderMap::new();
    headers.insert("lambda-runtime-aws-request-id", HeaderValue::from_static("8476a536-e9f4-11e8-9739-2dfe598c3fcd"));
    headers.insert("lambda-runtime-deadline-ms", HeaderValue::from(deadline));
    headers.insert("lambda-runtime-invoked-function-arn", HeaderValue::from_static(ARN));
    (headers, shared.event.body.to_string()).into_response()
}

async fn response(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    let _ = shared.happened.send(Happened::Answered(shared.running.elapsed(), body));
    StatusCode::ACCEPTED
}

async fn error(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    let _ = shared.happened.send(Happened::Failed(body));
    StatusCode::ACCEPTED
}

/// SSM: both parameters, whatever they are called.
async fn parameters(body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let names = asked.get("Names").and_then(Value::as_array).cloned().unwrap_or_default();
    let of = |name: &Value| {
        let value = if *name == json!(TOKEN_PARAM) { "123456:AAbenchmarkbenchmarkbenchmarkbench" } else { "-1001" };
        json!({"Name": name, "Type": "SecureString", "Value": value, "Version": 1})
    };
    let found: Vec<Value> = names.iter().map(of).collect();
    let answer = json!({"Parameters": found, "InvalidParameters": []});
    ([("content-type", "application/x-amz-json-1.1")], answer.to_string()).into_response()
}

/// The Bot API: it knows the bot and the chat.
async fn bot(uri: Uri) -> Response {
    let result = if uri.path().to_ascii_lowercase().ends_with("/getme") {
        json!({"id": 123_456, "is_bot": true, "first_name": "Heartbeat", "username": "bench_bot"})
    } else {
        json!({"id": -1001, "type": "supergroup", "title": "On call"})
    };
    ([("content-type", "application/json")], json!({"ok": true, "result": result}).to_string()).into_response()
}
