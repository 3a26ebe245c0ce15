//! Over a socket, where bytes matter: heads that are too large, bodies that never end, clients that stop, shutdown.

use std::{net::SocketAddr, time::Duration};

use heartbeat_api::{ApiConfig, BodyLimits, Ending, Limits, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use crate::installation::Installation;

struct Served {
    api: Installation,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ending: JoinHandle<Ending>,
}

/// How long the server waits for its clients.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// As long as it does by itself: for clients that go on.
    Usual,
    /// Hardly: for clients that stop.
    Short,
}

async fn served(patience: Patience) -> Served {
    let usual = ApiConfig::default();
    let mut config = ApiConfig { ping_body: BodyLimits { bytes: 1 << 20, ..usual.ping_body }, ..usual };
    let mut limits = Limits::default();
    if patience == Patience::Short {
        config.ping_body.time = Duration::from_millis(30);
        config.json_body.time = Duration::from_millis(30);
        limits = Limits { head_time: Duration::from_millis(100), drain: Duration::from_secs(1), ..limits };
    }
    let api = Installation::with(config).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async { stopped.await.unwrap_or_default() };
    let ending = tokio::spawn(serve(listener, api.router.clone(), stopped, limits));
    Served { api, address, stop, ending }
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    fn head(&self, line: &str) -> String {
        format!(
            "{line} HTTP/1.1\r\nhost: x\r\nx-request-id: r-1\r\nauthorization: Bearer {}\r\n",
            self.api.key.reveal()
        )
    }

    /// Sends `bytes` and reads until the server closes.
    async fn all_of(&self, bytes: &[u8]) -> String {
        let (mut reading, mut writing) = self.connect().await.into_split();
        let bytes = bytes.to_owned();
        let sender = tokio::spawn(async move {
            // The server may stop reading.
            let _ = writing.write_all(&bytes).await;
            writing
        });
        let mut answer = Vec::new();
        let read = reading.read_to_end(&mut answer).await;
        drop(sender.await.unwrap());
        assert!(read.is_ok(), "{read:?}: {}", String::from_utf8_lossy(&answer));
        String::from_utf8(answer).unwrap()
    }
}

/// Reads one answer with a `content-length`.
async fn one_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        answer.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8(answer.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if count == 0 || body.len() == length.parse::<usize>().unwrap() {
            return text;
        }
    }
}

#[tokio::test]
async fn one_connection_carries_many_pings_of_every_method() {
    let served = served(Patience::Usual).await;
    let mut stream = served.connect().await;
    for (line, status) in
        [("GET /heartbeat/a", "201 Created"), ("POST /heartbeat/a", "200 OK"), ("GET /heartbeat/A", "400 Bad")]
    {
        served.api.advance(1);
        stream.write_all(format!("{}\r\n", served.head(line)).as_bytes()).await.unwrap();
        let answer = one_answer(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert!(
            answer.contains("x-content-type-options: nosniff\r\ncache-control: no-store\r\nx-request-id: r-1"),
            "{answer}"
        );
    }
    let ping = served.api.last_ping("a").await;
    assert_eq!(ping.from.as_deref(), Some("127.0.0.1"));
}

#[tokio::test]
async fn head_is_answered_without_a_body() {
    let served = served(Patience::Usual).await;
    let answer =
        served.all_of(format!("{}connection: close\r\n\r\n", served.head("HEAD /heartbeat/a")).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert!(answer.contains("content-length: 12\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn floods_of_headers_and_odd_bytes_are_refused_in_our_own_words() {
    let served = served(Patience::Usual).await;
    let many = "x: y\r\n".repeat(1_000);
    let large = format!("x: {}\r\n", "y".repeat(1 << 20));
    let long = format!("GET /heartbeat/a?x={}", "y".repeat(70_000));
    let line = served.head("GET /heartbeat/a");
    for (sent, status, code) in [
        (format!("{line}{many}\r\n").into_bytes(), "431", "headers_too_large"),
        (format!("{line}{large}\r\n").into_bytes(), "431", "headers_too_large"),
        (format!("{}\r\n", served.head(&long)).into_bytes(), "414", "uri_too_long"),
        (b"GET /heartbeat/\xFF\xFE HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(), "400", "bad_request"),
        (b"GET /heartbeat/a b HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(), "400", "bad_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03 is TLS\r\n\r\n".to_vec(), "400", "bad_request"),
    ] {
        let answer = served.all_of(&sent).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains(&format!(r#"{{"error":{{"code":"{code}","message":""#)), "{answer}");
        assert!(answer.contains("x-request-id: connection-"), "{answer}");
    }
}

#[tokio::test]
async fn a_raw_letter_that_is_utf8_is_a_bad_slug() {
    let served = served(Patience::Usual).await;
    let answer =
        served.all_of(format!("{}connection: close\r\n\r\n", served.head("GET /heartbeat/ü")).as_bytes()).await;
    assert!(answer.contains("bad_slug"), "{answer}");
}

#[tokio::test]
async fn a_huge_body_is_a_ping_and_its_answer_arrives() {
    let served = served(Patience::Usual).await;
    for size in [900_000, 30_000_000] {
        let head = format!("{}connection: close\r\ncontent-length: {size}\r\n\r\n", served.head("POST /heartbeat/a"));
        let answer = served.all_of(&[head.into_bytes(), vec![b'z'; size]].concat()).await;
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
        assert!(answer.contains("note: the body was too long, its last 10 kB are kept\n"), "{answer}");
        assert_eq!(answer.contains("note: the body did not arrive whole\n"), size > 1 << 20, "{answer}");
        served.api.advance(1);
    }
}

#[tokio::test]
async fn a_client_that_stops_in_its_body_has_pinged() {
    let served = served(Patience::Short).await;
    let mut stream = served.connect().await;
    let head = served.head("POST /heartbeat/a/fail");
    stream.write_all(format!("{head}content-length: 100\r\n\r\nhalf of it").as_bytes()).await.unwrap();
    let answer = one_answer(&mut stream).await;
    assert!(answer.ends_with("201 Created\nnote: the body did not arrive whole\n"), "{answer}");
    assert_eq!(served.api.last_ping("a").await.body, "half of it");
}

#[tokio::test]
async fn a_management_body_that_stops_changes_nothing() {
    let served = served(Patience::Short).await;
    served.api.call("GET", "/heartbeat/a").await;
    let mut stream = served.connect().await;
    let head = served.head("POST /monitors/a/pause");
    stream.write_all(format!("{head}content-length: 100\r\n\r\n{{").as_bytes()).await.unwrap();
    let answer = one_answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body_incomplete"), "{answer}");
    assert_eq!(served.api.call("GET", "/monitors").await.json()["monitors"][0]["status"], "ok");
}

#[tokio::test]
async fn a_client_that_stops_in_its_head_is_hung_up_on() {
    let served = served(Patience::Short).await;
    assert_eq!(served.all_of(b"GET /heartbeat/a HTTP/1.1\r\nhost: x\r\n").await, "");
}

#[tokio::test]
async fn a_shutdown_finishes_what_was_accepted_and_hangs_up_on_the_idle() {
    let served = served(Patience::Usual).await;
    let (mut idle, mut busy) = (served.connect().await, served.connect().await);
    idle.write_all(format!("{}\r\n", served.head("GET /heartbeat/a")).as_bytes()).await.unwrap();
    one_answer(&mut idle).await;
    busy.write_all(format!("{}content-length: 4\r\n\r\nha", served.head("POST /heartbeat/b")).as_bytes())
        .await
        .unwrap();
    // The server has the head of the busy one when a later connection has been answered.
    let mut later = served.connect().await;
    later.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    one_answer(&mut later).await;
    served.stop.send(()).unwrap();
    assert_eq!(idle.read(&mut [0; 9]).await.unwrap(), 0);
    busy.write_all(b"lf").await.unwrap();
    let answer = one_answer(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 201 Created"), "{answer}");
    assert_eq!(served.ending.await.unwrap(), Ending { cut_off: 0 });
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let served = served(Patience::Short).await;
    served.api.call("GET", "/heartbeat/a").await;
    served.api.weather.turn(crate::weather::Sky::Silent);
    let mut stuck = served.connect().await;
    stuck.write_all(format!("{}\r\n", served.head("GET /heartbeat/a")).as_bytes()).await.unwrap();
    let mut later = served.connect().await;
    later.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    one_answer(&mut later).await;
    served.stop.send(()).unwrap();
    assert_eq!(served.ending.await.unwrap(), Ending { cut_off: 1 });
}
