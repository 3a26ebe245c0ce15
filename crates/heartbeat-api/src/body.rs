//! Reading bodies in bounded memory and time: of a ping's body the tail counts and nothing is refused; a JSON body is
//! whole or refused.

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderMap, header},
};
use heartbeat_core::ping::{self, MAX_BODY, Note};
use http_body_util::BodyExt;

use crate::{config::BodyLimits, error::ApiError};

/// The tail of a ping's body. What is too long, too slow or broken off is noted, never refused.
pub(crate) async fn read_tail(mut body: Body, limits: BodyLimits) -> (ping::Body, Vec<Note>) {
    if body.is_end_stream() {
        return (ping::Body::default(), Vec::new());
    }
    let mut tail = Tail::default();
    let end = tokio::time::timeout(limits.time, tail.fill(&mut body, limits.bytes)).await.unwrap_or(End::Broken);
    let (kept, mut notes) = ping::Body::from_tail(&tail.bytes);
    match end {
        End::Whole => {}
        End::Broken | End::TooLong => notes.push(Note::BodyIncomplete),
    }
    (kept, notes)
}

enum End {
    Whole,
    Broken,
    TooLong,
}

/// The last bytes of what came: more than [`MAX_BODY`] of them only if something before was dropped or would have to be,
/// so that [`ping::Body::from_tail`] sees the cut.
#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
}

impl Tail {
    async fn fill(&mut self, body: &mut Body, most: usize) -> End {
        let mut seen = 0_usize;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return End::Broken };
            let Ok(data) = frame.into_data() else { continue };
            self.push(&data);
            seen = seen.saturating_add(data.len());
            if seen > most {
                return End::TooLong;
            }
        }
        End::Whole
    }

    fn push(&mut self, data: &[u8]) {
        let newest = data.get(data.len().saturating_sub(MAX_BODY + 1)..).unwrap_or(data);
        self.bytes.extend_from_slice(newest);
        // Moving the tail to the front only once it has doubled costs each byte one move.
        if self.bytes.len() > 2 * (MAX_BODY + 1) {
            self.bytes.drain(..self.bytes.len() - (MAX_BODY + 1));
        }
    }
}

/// A JSON body, whole; `None` when none came.
pub(crate) async fn read_json(headers: &HeaderMap, body: Body, limits: BodyLimits) -> Result<Option<Bytes>, ApiError> {
    match read_whole(headers, body, limits).await? {
        Some(_) if !is_json(headers) => Err(ApiError::NotJson),
        whole => Ok(whole),
    }
}

/// A body, whole, whatever it is called; `None` when none came.
pub(crate) async fn read_whole(
    headers: &HeaderMap,
    mut body: Body,
    limits: BodyLimits,
) -> Result<Option<Bytes>, ApiError> {
    if body.is_end_stream() {
        return Ok(None);
    }
    if declared_length(headers).is_some_and(|length| length > limits.bytes) {
        return Err(ApiError::BodyTooLarge(limits.bytes));
    }
    let whole = tokio::time::timeout(limits.time, gather(&mut body, limits.bytes)).await;
    let bytes = whole.unwrap_or(Err(ApiError::BodyIncomplete))?;
    Ok((!bytes.is_empty()).then(|| bytes.into()))
}

async fn gather(body: &mut Body, most: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| ApiError::BodyIncomplete)?.into_data() else { continue };
        if bytes.len() + data.len() > most {
            return Err(ApiError::BodyTooLarge(most));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}
