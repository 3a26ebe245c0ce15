//! A stub of Telegram's Bot API: it keeps every message with its time, and treats its callers as its weather is.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use heartbeat_core::{Clock, Timestamp, clock::SystemClock};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};

use crate::tidings::{Tiding, tidings};

/// The bot's token, which nobody may ever see.
pub(crate) const TOKEN: &str = "123456:a-Very_secret-token";
/// The chat that is told.
pub(crate) const CHAT: i64 = -100_200_300;

/// How the Bot API treats its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Every message is taken.
    Fair,
    /// Of three messages one is refused with 500, and one breaks the connection.
    Stormy,
    /// Of three messages one is refused with 429 and a wish for a second's rest.
    Busy,
    /// Messages arrive and are not answered until the weather changes.
    Withheld,
}

/// A message that has arrived.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) at: Timestamp,
    pub(crate) chat: Value,
    pub(crate) text: String,
    /// Whether its sender was told at once that the chat shows it.
    pub(crate) taken: bool,
}

/// The stub, for as long as its test's runtime lives.
pub(crate) struct BotApi {
    pub(crate) url: String,
    arrived: watch::Receiver<Vec<Message>>,
    weather: watch::Sender<Weather>,
}

#[derive(Clone)]
struct Desk {
    arrived: watch::Sender<Vec<Message>>,
    weather: watch::Receiver<Weather>,
}

impl BotApi {
    /// Listens in fair weather.
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, arrived) = watch::channel(Vec::new());
        let (weather, seen) = watch::channel(Weather::Fair);
        let app = Router::new().fallback(answer).with_state(Desk { arrived: tell, weather: seen });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, arrived, weather }
    }

    /// Changes the weather.
    pub(crate) fn turn(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Everything that has arrived.
    pub(crate) fn arrived(&self) -> Vec<Message> {
        self.arrived.borrow().clone()
    }

    /// What the chat has been told of `slug`, in order.
    pub(crate) fn told_of(&self, slug: &str) -> Vec<Tiding> {
        tidings(&self.arrived()).into_iter().filter(|tiding| tiding.slug == slug).collect()
    }

    /// Waits until what has arrived is as `wanted`.
    pub(crate) async fn until(&self, patience: Duration, what: &str, wanted: impl Fn(&[Message]) -> bool) {
        let came = self.until_or_late(patience, wanted).await;
        assert!(came, "waited {} s in vain for {what}; this came: {:#?}", patience.as_secs(), self.arrived());
    }

    /// Waits until what has arrived is as `wanted`, or `patience` ends; whether it came to be.
    pub(crate) async fn until_or_late(&self, patience: Duration, wanted: impl Fn(&[Message]) -> bool) -> bool {
        let mut arrived = self.arrived.clone();
        tokio::time::timeout(patience, arrived.wait_for(|messages| wanted(messages))).await.is_ok()
    }

    /// The first message that tells of `slug` and contains `words`.
    pub(crate) async fn message(&self, patience: std::time::Duration, slug: &str, words: &str) -> Message {
        let named = format!("<b>{slug}</b>");
        let fits = |message: &Message| message.text.contains(&named) && message.text.contains(words);
        self.until(patience, &format!("a message that {slug} is {words}"), |all| all.iter().any(fits)).await;
        self.arrived().into_iter().find(fits).unwrap()
    }
}

async fn answer(State(desk): State<Desk>, uri: Uri, body: String) -> Response {
    let Some(method) = uri.path().strip_prefix(&format!("/bot{TOKEN}/")) else {
        return refusal(401, "Unauthorized", &json!({}));
    };
    match method {
        "GetMe" => taken(&json!({"id": 123_456, "is_bot": true, "first_name": "Heartbeat", "username": "hb_bot"})),
        "SendMessage" => desk.receive(&serde_json::from_str(&body).unwrap()).await,
        other => refusal(404, &format!("no method {other}"), &json!({})),
    }
}

impl Desk {
    async fn receive(mut self, body: &Value) -> Response {
        let number = self.arrived.borrow().len();
        let treatment = Treatment::of(number, *self.weather.borrow());
        let (chat, text) = (body["chat_id"].clone(), body["text"].as_str().unwrap().to_owned());
        let message = Message { at: SystemClock.now(), chat, text, taken: treatment == Treatment::Take };
        self.arrived.send_modify(|messages| messages.push(message));
        match treatment {
            Treatment::Take => taken(&json!({"message_id": number})),
            Treatment::Fail => refusal(500, "Internal Server Error", &json!({})),
            Treatment::HangUp => broken_off(),
            Treatment::SlowDown => refusal(429, "Too Many Requests: retry after 1", &json!({"retry_after": 1})),
            Treatment::Withhold => {
                let _ = self.weather.wait_for(|weather| *weather != Weather::Withheld).await;
                taken(&json!({"message_id": number}))
            }
        }
    }
}

/// What becomes of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    Take,
    Fail,
    HangUp,
    SlowDown,
    Withhold,
}

impl Treatment {
    /// What becomes of the `number`-th message.
    fn of(number: usize, weather: Weather) -> Self {
        match (weather, number % 3) {
            (Weather::Withheld, _) => Self::Withhold,
            (Weather::Stormy, 0) => Self::Fail,
            (Weather::Stormy, 1) => Self::HangUp,
            (Weather::Busy, 0) => Self::SlowDown,
            (Weather::Fair | Weather::Stormy | Weather::Busy, _) => Self::Take,
        }
    }
}

fn taken(result: &Value) -> Response {
    (StatusCode::OK, json!({"ok": true, "result": result}).to_string()).into_response()
}

fn refusal(code: u16, description: &str, parameters: &Value) -> Response {
    let body = json!({"ok": false, "error_code": code, "description": description, "parameters": parameters});
    (StatusCode::from_u16(code).unwrap(), body.to_string()).into_response()
}

/// An answer that breaks off: hyper closes the connection when a body fails.
fn broken_off() -> Response {
    let broken = stream::iter([Ok::<_, std::io::Error>("{\"ok\":"), Err(std::io::ErrorKind::ConnectionReset.into())]);
    Response::new(Body::from_stream(broken))
}
