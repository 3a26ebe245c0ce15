//! Ctrl-C: what was accepted is finished, and the next start knows all of it.

use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    task::JoinSet,
};

use crate::{
    bot_api::{BotApi, Weather},
    caller::Caller,
    installation::Installation,
    patience::{SOON, within},
    server::Server,
};

const STOPPING: &str = "stopping: finishing what was accepted";

/// A ping whose head has been read by a handler that waits for its body.
struct Halfway(TcpStream);

impl Halfway {
    /// Sends the head, and waits until the server asks for the body.
    async fn to(server: &Server, key: &str, slug: &str) -> Self {
        let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap();
        let head = format!(
            "POST /heartbeat/{slug} HTTP/1.1\r\nHost: heartbeat\r\nAuthorization: Bearer {key}\r\n\
             Content-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 25];
        within(SOON, "the wish for a body", stream.read_exact(&mut answer)).await.unwrap();
        assert_eq!(answer, *b"HTTP/1.1 100 Continue\r\n\r\n");
        Self(stream)
    }

    /// Sends the body; the whole answer, until the server closes the connection.
    async fn finish(mut self) -> String {
        self.0.write_all(b"done").await.unwrap();
        let mut answer = String::new();
        within(SOON, "an answer", self.0.read_to_string(&mut answer)).await.unwrap();
        answer
    }
}

/// Pings until there is no answer any more, and says so at the first; how many were answered.
async fn ping_until_refused(caller: Caller, slug: String, at_it: mpsc::Sender<()>) -> (String, u64) {
    let mut answered = 0;
    while let Ok(answer) = caller.try_ask(Method::GET, &format!("/heartbeat/{slug}")).await {
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        answered += 1;
        if answered == 1 {
            at_it.send(()).await.unwrap();
        }
    }
    (slug, answered)
}

#[tokio::test]
async fn ctrl_c_finishes_what_was_accepted() {
    let installation = Installation::fresh();
    let mut server = installation.serve().await;
    let key = server.first_key().await;
    let mut halfway = Vec::new();
    for number in 0..8 {
        halfway.push(Halfway::to(&server, &key, &format!("halfway-{number}")).await);
    }
    let mut busy = JoinSet::new();
    let (at_it, mut everybody) = mpsc::channel(8);
    for number in 0..8 {
        busy.spawn(ping_until_refused(server.caller(&key), format!("busy-{number}"), at_it.clone()));
    }
    for _ in 0..8 {
        within(SOON, "the first answer to each", everybody.recv()).await.unwrap();
    }
    server.interrupt().await;
    server.logged.until(STOPPING).await;

    for ping in halfway {
        let answer = ping.finish().await;
        assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    }
    let answered = within(SOON, "the last answers", busy.join_all()).await;
    server.end_well().await;

    let server = installation.serve().await;
    let monitors = server.caller(&key).monitors().await;
    for number in 0..8 {
        assert_eq!(monitors[&format!("halfway-{number}")]["ping_count"], 1);
    }
    for (slug, answered) in answered {
        // Not one more, either: whatever was carried out was also answered.
        assert_eq!(monitors[&slug]["ping_count"], answered, "{slug}");
    }
    assert!(!server.said.text().contains("hb_"), "a second first key:\n{}", server.said.text());
    server.stop().await;
}

#[tokio::test]
async fn ctrl_c_finishes_the_message_that_is_being_sent_so_that_nobody_is_told_twice() {
    let bot_api = BotApi::open().await;
    let installation = Installation::fresh().telling(&bot_api);
    let mut server = installation.serve().await;
    let key = server.first_key().await;
    bot_api.turn(Weather::Withheld);
    assert_eq!(server.caller(&key).ping("nightly-backup/fail").await, 201);
    bot_api.message(SOON, "nightly-backup", "🔴").await;
    server.interrupt().await;
    server.logged.until(STOPPING).await;
    bot_api.turn(Weather::Fair);
    server.end_well().await;

    let server = installation.serve().await;
    let caller = server.caller(&key);
    assert!(caller.monitors().await["nightly-backup"]["undelivered"].is_null());
    assert_eq!(caller.ping("another/fail").await, 201);
    bot_api.message(SOON, "another", "🔴").await;
    assert_eq!(bot_api.arrived().len(), 2, "{:?}", bot_api.arrived());
    server.stop().await;
}

#[tokio::test]
async fn an_alert_that_could_not_be_sent_before_the_end_is_sent_after_the_next_start() {
    let bot_api = BotApi::open().await;
    let installation = Installation::fresh().telling(&bot_api);
    let server = installation.serve().await;
    let key = server.first_key().await;
    bot_api.turn(Weather::Busy);
    // The first message of this weather is refused, with the wish for a rest.
    assert_eq!(server.caller(&key).ping("nightly-backup/fail").await, 201);
    bot_api.message(SOON, "nightly-backup", "🔴").await;
    server.stop().await;
    bot_api.turn(Weather::Fair);

    let server = installation.serve().await;
    bot_api.until(SOON, "the message", |all| all.iter().any(|message| message.taken)).await;
    assert_eq!(bot_api.told_of("nightly-backup").len(), 1);
    assert_eq!(server.caller(&key).monitors().await["nightly-backup"]["status"], "overdue");
    server.stop().await;
}
