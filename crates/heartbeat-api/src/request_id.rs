//! The id of a request: the client's own if it is sane, else one that we make. It is in the answer's header, in the body
//! of every error, and in the log.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use heartbeat_core::Random;

/// Where it travels.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// The longest that a client's own is taken; a key is longer, so one that strays here is never repeated.
const MAX_LENGTH: usize = 64;

/// A request's id.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The id of the request with these headers.
    pub(crate) fn of(headers: &HeaderMap, random: &dyn Random) -> Self {
        let theirs = headers.get(HEADER).filter(|value| is_sane(value.as_bytes()));
        Self(theirs.cloned().unwrap_or_else(|| made(random.next())))
    }

    /// As text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// As a header's value.
    pub(crate) fn into_value(self) -> HeaderValue {
        self.0
    }
}

fn is_sane(bytes: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-');
    (1..=MAX_LENGTH).contains(&bytes.len()) && bytes.iter().all(plain)
}

fn made(number: u64) -> HeaderValue {
    HeaderValue::from_maybe_shared(axum::body::Bytes::from(format!("{number:016x}")))
        .unwrap_or(HeaderValue::from_static("-"))
}
