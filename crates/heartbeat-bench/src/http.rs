//! Just enough HTTP/1.1: one request, one whole answer, over a connection that is kept.

use std::{io, net::SocketAddr};

use anyhow::bail;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The longest answer that is waited for.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// What a program such as curl sends to ping `slug`.
pub(crate) fn ping(address: SocketAddr, key: &str, slug: &str) -> Vec<u8> {
    format!(
        "GET /heartbeat/{slug} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: heartbeat-bench/1\r\nAccept: */*\r\n\
         Authorization: Bearer {key}\r\n\r\n"
    )
    .into_bytes()
}

/// A management call, as if it came from address `from` behind a proxy: calls are limited for each address.
pub(crate) fn call(address: SocketAddr, key: &str, path: &str, from: u16) -> Vec<u8> {
    let [high, low] = from.to_be_bytes();
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nX-Forwarded-For: 10.0.{high}.{low}\r\nAccept: */*\r\n\
         Authorization: Bearer {key}\r\n\r\n"
    )
    .into_bytes()
}

/// JSON that is posted.
pub(crate) fn post(address: SocketAddr, key: &str, path: &str, json: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Authorization: Bearer {key}\r\n\r\n{json}",
        json.len()
    )
    .into_bytes()
}

/// A request without a key, for the health paths.
pub(crate) fn get(address: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").into_bytes()
}

/// A connection that is kept.
pub(crate) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(1_024) })
    }

    /// Sends `request`, reads the whole answer, and says its status.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> anyhow::Result<u16> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                bail!("the server hung up before its answer was whole");
            }
            if let Some(Answer { status, length }) = Answer::parse(&self.answer) {
                match self.answer.len() {
                    so_far if so_far < length => {}
                    whole if whole == length => return Ok(status),
                    more => bail!("the server sent {} bytes that were not asked for", more - length),
                }
            }
            if self.answer.len() > MAX_ANSWER {
                bail!("the answer has no end");
            }
        }
    }
}

/// The head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    /// Of head and body.
    length: usize,
}

impl Answer {
    /// `None` while the head is not whole, or when it is none that says the length of its body.
    fn parse(bytes: &[u8]) -> Option<Self> {
        const END: &[u8] = b"\r\n\r\n";
        let head_length = bytes.windows(END.len()).position(|four| four == END)?;
        let head = str::from_utf8(bytes.get(..head_length)?).ok()?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        let body_length = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        })?;
        Some(Self { status, length: head_length + END.len() + body_length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_its_status_and_where_it_ends() {
        let text = b"HTTP/1.1 201 Created\r\nx-request-id: 1\r\nContent-Length: 12\r\n\r\n201 Created\n";
        assert_eq!(Answer::parse(text), Some(Answer { status: 201, length: text.len() }));
        assert_eq!(Answer::parse(&text[..40]), None);
        assert_eq!(Answer::parse(b"HTTP/1.1 200 OK\r\n\r\n"), None);
        assert_eq!(Answer::parse(b"garbage\r\n\r\n"), None);
    }
}
