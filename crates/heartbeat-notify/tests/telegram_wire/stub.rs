//! A stub Bot API: it records every request, and plays the answers that it was given, in order.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use heartbeat_notify::telegram::ApiUrl;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// One answer.
pub(crate) enum Play {
    /// This status and body.
    Answer(u16, String),
    /// None, ever.
    Silence,
}

/// What arrived: the method's path and the body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Arrived {
    pub(crate) path: String,
    pub(crate) body: Value,
}

#[derive(Clone, Default)]
struct Script {
    plays: Arc<Mutex<VecDeque<Play>>>,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

/// The server, for as long as its test's runtime lives.
pub(crate) struct Stub {
    pub(crate) url: ApiUrl,
    script: Script,
}

impl Stub {
    pub(crate) async fn playing(plays: impl IntoIterator<Item = Play>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = ApiUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let script = Script { plays: Arc::new(Mutex::new(plays.into_iter().collect())), ..Script::default() };
        let app = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, script }
    }

    /// Everything that has arrived.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.script.arrived.lock().unwrap().clone()
    }

    /// The chats that were addressed, in order.
    pub(crate) fn chats(&self) -> Vec<Value> {
        self.arrived().into_iter().map(|arrived| arrived.body["chat_id"].clone()).collect()
    }
}

async fn answer(State(script): State<Script>, uri: Uri, body: String) -> Response {
    let body = serde_json::from_str(&body).unwrap();
    script.arrived.lock().unwrap().push(Arrived { path: uri.path().to_owned(), body });
    let play = script.plays.lock().unwrap().pop_front();
    match play {
        Some(Play::Answer(status, body)) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Some(Play::Silence) | None => std::future::pending().await,
    }
}

/// The message was taken.
pub(crate) fn taken() -> Play {
    Play::Answer(200, json!({"ok": true, "result": {"message_id": 7, "a_field_of": "next year"}}).to_string())
}

/// The Bot API refuses.
pub(crate) fn refused(code: u16, description: &str) -> Play {
    Play::Answer(code, json!({"ok": false, "error_code": code, "description": description}).to_string())
}

/// The Bot API refuses and says what to do.
pub(crate) fn refused_with(code: u16, description: &str, parameters: &Value) -> Play {
    let body = json!({"ok": false, "error_code": code, "description": description, "parameters": parameters});
    Play::Answer(code, body.to_string())
}
