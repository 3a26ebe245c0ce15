//! The answer to a ping: a line of text, so that cron mail stays readable, with a line for each oddity; JSON for who
//! asks for it.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use heartbeat_core::{
    flow::{Came, Recorded},
    ping::Note,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{error::ApiError, json};

#[derive(Serialize, ToSchema)]
#[schema(as = PingAnswer)]
pub(crate) struct Answer {
    /// `ok`, always: what was not recorded is an error.
    status: &'static str,
    created: bool,
    notes: Vec<NoteView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Note)]
pub(crate) struct NoteView {
    #[schema(value_type = String)]
    code: Note,
    message: &'static str,
}

/// The answer to a ping that was recorded.
pub(crate) fn answer(headers: &HeaderMap, recorded: &Recorded) -> Result<Response, ApiError> {
    let (status, line) = match recorded.came {
        Came::First => (StatusCode::CREATED, "201 Created\n"),
        Came::Again => (StatusCode::OK, "200 OK\n"),
    };
    if wants_json(headers) {
        let view = |note: &Note| NoteView { code: *note, message: note.sentence() };
        let notes = recorded.notes.iter().map(view).collect();
        return json(status, &Answer { status: "ok", created: recorded.came == Came::First, notes });
    }
    let mut response =
        Response::new(if recorded.notes.is_empty() { line.into() } else { noted(line, &recorded.notes) });
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(response)
}

fn noted(line: &str, notes: &[Note]) -> Body {
    let mut text = line.to_owned();
    for note in notes {
        text.push_str("note: ");
        text.push_str(note.sentence());
        text.push('\n');
    }
    text.into()
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|text| text.contains("application/json"))
}
