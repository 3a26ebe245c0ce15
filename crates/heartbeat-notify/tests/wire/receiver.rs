//! A stub of a receiver of webhooks: it records every request, and plays the answers that it was given, byte by byte.
#![allow(unreachable_pub, reason = "a part of test binaries")]

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// One answer.
#[derive(Clone)]
pub enum Play {
    /// These bytes, and the end of the connection.
    Bytes(Vec<u8>),
    /// None, ever.
    Silence,
}

/// An answer of this status and these header lines.
pub fn status(status: u16, headers: &str) -> Play {
    Play::Bytes(
        format!("HTTP/1.1 {status} x\r\n{headers}content-length: 2\r\nconnection: close\r\n\r\nok").into_bytes(),
    )
}

/// A redirect.
pub fn redirect(code: u16, location: &str) -> Play {
    status(code, &format!("location: {location}\r\n"))
}

/// What arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub line: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Arrived {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// The server, for as long as its test's runtime lives.
pub struct Receiver {
    pub port: u16,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Receiver {
    pub async fn playing(plays: impl IntoIterator<Item = Play>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let plays: Arc<Mutex<VecDeque<Play>>> = Arc::new(Mutex::new(plays.into_iter().collect()));
        let arrived: Arc<Mutex<Vec<Arrived>>> = Arc::default();
        let heard = Arc::clone(&arrived);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&plays), Arc::clone(&heard)));
            }
        });
        Self { port, arrived }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook/path-secret?token=query-secret", self.port)
    }

    /// Everything that has arrived.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }
}

async fn answer(stream: TcpStream, plays: Arc<Mutex<VecDeque<Play>>>, heard: Arc<Mutex<Vec<Arrived>>>) {
    let mut stream = BufReader::new(stream);
    let Some(arrived) = request(&mut stream).await else { return };
    heard.lock().unwrap().push(arrived);
    let play = plays.lock().unwrap().pop_front();
    match play {
        Some(Play::Bytes(bytes)) => {
            // One that hangs up before the end has heard enough.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Some(Play::Silence) | None => std::future::pending().await,
    }
}

async fn request(stream: &mut BufReader<TcpStream>) -> Option<Arrived> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let pairs = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<String, String> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Arrived { line: lines[0].clone(), headers, body: String::from_utf8(body).unwrap() })
}
