//! The byte stream under hyper, with three things that hyper leaves out.
//!
//! - What hyper refuses by itself (a head that is too large or unreadable) it answers without a body: here it gets ours,
//!   with a code and a sentence.
//! - A client that does not read its answer does not keep its connection for ever.
//! - A client that is still sending when we close is given a moment to read our answer: closing on unread bytes would
//!   take it back.

use std::{
    future::Pending,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use tokio::time::{Timeout, timeout};

use crate::error::ApiError;

/// How long a client that is still sending may take to read our last answer.
const LINGER: Duration = Duration::from_secs(2);
/// How many reads in a row before others get their turn.
const READS: usize = 32;

/// The byte stream of one connection.
pub(crate) struct Wire<T> {
    io: T,
    number: u64,
    stall: Duration,
    rewrite: Option<Rewrite>,
    stalled: Option<Pin<Box<Timeout<Pending<()>>>>>,
    closing: Closing,
}

/// Bytes that are sent instead of others.
struct Rewrite {
    bytes: Vec<u8>,
    sent: usize,
    instead_of: usize,
}

enum Closing {
    Open,
    SaidGoodbye,
    Lingering(Pin<Box<Timeout<Pending<()>>>>),
}

impl<T> Wire<T> {
    /// The stream of the connection with this number.
    pub(crate) fn new(io: T, number: u64, stall: Duration) -> Self {
        Self { io, number, stall, rewrite: None, stalled: None, closing: Closing::Open }
    }
}

impl<T: Write + Unpin> Wire<T> {
    fn write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.unless_stalled(cx, written)
    }

    /// Ends the wait for a client that does not read.
    fn unless_stalled<R>(&mut self, cx: &mut Context<'_>, progress: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if progress.is_ready() {
            self.stalled = None;
            return progress;
        }
        let stall = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(timeout(stall, std::future::pending())));
        ready!(stalled.as_mut().poll(cx)).ok();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: Read + Unpin> Read for Wire<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buf)
    }
}

impl<T: Read + Write + Unpin> Write for Wire<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.rewrite.is_none() {
            this.rewrite = own_refusal(bytes, this.number);
        }
        let Some(mut rewrite) = this.rewrite.take() else { return this.write(cx, bytes) };
        while let Some(rest) = rewrite.bytes.get(rewrite.sent..).filter(|rest| !rest.is_empty()) {
            match this.write(cx, rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => rewrite.sent += count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    this.rewrite = Some(rewrite);
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(rewrite.instead_of))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.io).poll_flush(cx);
        this.unless_stalled(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if matches!(this.closing, Closing::Open) {
            let closed = Pin::new(&mut this.io).poll_shutdown(cx);
            ready!(this.unless_stalled(cx, closed))?;
            this.closing = Closing::SaidGoodbye;
        }
        this.poll_linger(cx)
    }
}

impl<T: Read + Unpin> Wire<T> {
    /// Reads away what the client is still sending. One that is silent is not waited for.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scratch = [0; 4096];
        for _ in 0..READS {
            let mut buffer = ReadBuf::new(&mut scratch);
            let Poll::Ready(read) = Pin::new(&mut self.io).poll_read(cx, buffer.unfilled()) else {
                return self.poll_patience(cx);
            };
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            if !matches!(self.closing, Closing::Lingering(_)) {
                self.closing = Closing::Lingering(Box::pin(timeout(LINGER, std::future::pending())));
            }
        }
        // There is more to read: come back when the others have had their turn.
        cx.waker().wake_by_ref();
        self.poll_patience(cx)
    }

    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.closing {
            Closing::Open | Closing::SaidGoodbye => Poll::Ready(Ok(())),
            Closing::Lingering(patience) => {
                ready!(patience.as_mut().poll(cx)).ok();
                Poll::Ready(Ok(()))
            }
        }
    }
}

/// What is sent instead of `bytes`, if they are a refusal that hyper made by itself: ours always carry a request id.
fn own_refusal(bytes: &[u8], number: u64) -> Option<Rewrite> {
    let error = match bytes.strip_prefix(b"HTTP/1.")?.get(2..5)? {
        b"400" => ApiError::BadRequest,
        b"414" => ApiError::UriTooLong,
        b"431" => ApiError::HeadersTooLarge,
        _ => return None,
    };
    let head = str::from_utf8(bytes).ok()?;
    if head.contains("x-request-id") || !head.contains("content-length: 0\r\n") {
        return None;
    }
    tracing::debug!(connection = number, code = error.code(), "a request could not be read");
    Some(Rewrite { bytes: answer(&error, number), sent: 0, instead_of: bytes.len() })
}

fn answer(error: &ApiError, number: u64) -> Vec<u8> {
    let id = format!("connection-{number}");
    let body = error.body(&id);
    let head = format!(
        "HTTP/1.1 {}\r\ncontent-type: application/json\r\nx-content-type-options: nosniff\r\n\
         cache-control: no-store\r\nx-request-id: {id}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        error.status(),
        body.len()
    );
    [head.into_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;

    use super::*;

    async fn write(wire: &mut Wire<TokioIo<tokio::io::DuplexStream>>, bytes: &[u8]) -> io::Result<usize> {
        std::future::poll_fn(|cx| Pin::new(&mut *wire).poll_write(cx, bytes)).await
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_given_up() {
        let (ours, _theirs) = tokio::io::duplex(8);
        let mut wire = Wire::new(TokioIo::new(ours), 1, Duration::from_millis(10));
        assert_eq!(write(&mut wire, b"12345678").await.unwrap(), 8);
        assert_eq!(write(&mut wire, b"9").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn only_what_hyper_refuses_by_itself_is_rewritten_however_small_the_pieces() {
        let ours = b"HTTP/1.1 400 Bad Request\r\nx-request-id: 1\r\ncontent-length: 0\r\n\r\n";
        assert!(own_refusal(ours, 1).is_none());
        let hypers = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n";
        let (ours, mut theirs) = tokio::io::duplex(7);
        let mut wire = Wire::new(TokioIo::new(ours), 1, Duration::from_secs(10));
        let reading = async {
            let mut text = String::new();
            tokio::io::AsyncReadExt::read_to_string(&mut theirs, &mut text).await.unwrap();
            text
        };
        let writing = async {
            let count = write(&mut wire, hypers).await.unwrap();
            drop(wire);
            count
        };
        let (text, count) = tokio::join!(reading, writing);
        assert_eq!(count, hypers.len());
        assert!(text.starts_with("HTTP/1.1 431 ") && text.ends_with(r#""request_id":"connection-1"}}"#), "{text}");
    }
}
