//! What lies between a process and its tables: it carries every request to the engine, or refuses it as AWS does.

use std::collections::BTreeSet;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::{net::TcpListener, sync::watch};

/// How requests are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// Each is carried to the engine.
    Flows,
    /// Nothing works over there.
    Outage,
    /// The policy allows nothing.
    Denied,
    /// Nobody knows these credentials.
    Unrecognized,
}

/// The wire, for as long as its test's runtime lives.
pub(crate) struct Wire {
    pub(crate) url: String,
    traffic: watch::Sender<Traffic>,
    asked: watch::Receiver<BTreeSet<String>>,
}

#[derive(Clone)]
struct Line {
    engine: String,
    client: reqwest::Client,
    traffic: watch::Receiver<Traffic>,
    asked: watch::Sender<BTreeSet<String>>,
}

impl Wire {
    /// To the engine at `engine`.
    pub(crate) async fn to(engine: &str, traffic: Traffic) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (traffic, seen) = watch::channel(traffic);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let (note, asked) = watch::channel(BTreeSet::new());
        let line = Line { engine: engine.to_owned(), client, traffic: seen, asked: note };
        let app = Router::new().fallback(carry).with_state(line);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, traffic, asked }
    }

    /// To nowhere.
    pub(crate) async fn refusing(traffic: Traffic) -> Self {
        Self::to("http://127.0.0.1:9", traffic).await
    }

    pub(crate) fn turn(&self, traffic: Traffic) {
        self.traffic.send_replace(traffic);
    }

    /// What has been asked for so far, as policies name it.
    pub(crate) fn asked(&self) -> BTreeSet<String> {
        self.asked.borrow().clone()
    }
}

async fn carry(State(line): State<Line>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers["x-amz-target"].to_str().unwrap();
    let action = target.rsplit('.').next().unwrap().to_owned();
    line.asked.send_modify(|asked| {
        asked.insert(action);
    });
    let traffic = *line.traffic.borrow();
    match traffic {
        Traffic::Flows => line.forward(&headers, body).await,
        Traffic::Outage => refusal(500, "InternalServerError", "The request processing has failed"),
        Traffic::Denied => refusal(
            400,
            "AccessDeniedException",
            "User: arn:aws:iam::123456789012:user/heartbeat is not authorized to perform this action",
        ),
        Traffic::Unrecognized => {
            refusal(400, "UnrecognizedClientException", "The security token included in the request is invalid.")
        }
    }
}

impl Line {
    async fn forward(&self, headers: &HeaderMap, body: Bytes) -> Response {
        let mut request = self.client.post(&self.engine).body(body);
        for name in ["x-amz-target", "content-type", "x-amz-date", "authorization"] {
            request = request.header(name, headers[name].clone());
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        (status, [("content-type", "application/x-amz-json-1.0")], text).into_response()
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Response {
    let body = json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": message});
    let status = StatusCode::from_u16(status).unwrap();
    (status, [("content-type", "application/x-amz-json-1.0")], body.to_string()).into_response()
}
