//! Somebody else's program that takes webhooks: it keeps every request, and answers as it is told to.

use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch};

/// A request that has arrived.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Call {
    /// Whether it tells of the monitor `slug`.
    pub(crate) fn tells_of(&self, slug: &str) -> bool {
        let told = self.body["data"]["notifications"].as_array();
        told.is_some_and(|told| told.iter().any(|one| one["monitor"] == slug))
    }
}

/// The receiver, for as long as its test's runtime lives.
pub(crate) struct Receiver {
    pub(crate) url: String,
    arrived: watch::Receiver<Vec<Call>>,
    answers: watch::Sender<StatusCode>,
}

#[derive(Clone)]
struct Desk {
    arrived: watch::Sender<Vec<Call>>,
    answers: watch::Receiver<StatusCode>,
}

impl Receiver {
    /// Listens, and takes everything.
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (tell, arrived) = watch::channel(Vec::new());
        let (answers, seen) = watch::channel(StatusCode::OK);
        let app = Router::new().fallback(take).with_state(Desk { arrived: tell, answers: seen });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, arrived, answers }
    }

    /// Answers with `status` from now on.
    pub(crate) fn answer(&self, status: u16) {
        self.answers.send_replace(StatusCode::from_u16(status).unwrap());
    }

    /// Everything that has arrived.
    pub(crate) fn arrived(&self) -> Vec<Call> {
        self.arrived.borrow().clone()
    }

    /// The first call that is as `wanted`, now or within `patience`.
    pub(crate) async fn call(&self, patience: Duration, wanted: impl Fn(&Call) -> bool) -> Option<Call> {
        let mut arrived = self.arrived.clone();
        let found = tokio::time::timeout(patience, arrived.wait_for(|calls| calls.iter().any(&wanted))).await;
        found.ok()?.ok()?.iter().find(|call| wanted(call)).cloned()
    }
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    desk.arrived.send_modify(|calls| calls.push(Call { headers, body }));
    *desk.answers.borrow()
}
