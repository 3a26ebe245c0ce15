//! What clients of Uptime Kuma's push monitors send: `GET|POST /api/push/{token}?status=up|down&msg=&ping=`. The token is
//! the UUID of a monitor's ping URL, with or without its hyphens.

use std::{borrow::Cow, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use heartbeat_core::{
    Ping, PingUuid, Signal,
    flow::{Birth, Sender},
    ping::{self, Metadata, Note},
};
use serde_json::json;

use crate::{
    Shared,
    access::in_other_words,
    address::Client,
    error::ApiError,
    json as answer_json, percent,
    percent::{Plus, decode},
    ping::{Arrived, sender},
    query, refuse,
};

/// Where the token stands in `/api/push/{token}`.
const TOKEN: usize = 3;

/// Its route.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/api/push/{token}", get(receive).post(receive).fallback(|| refuse("GET, HEAD, POST")))
}

/// A refusal in Uptime Kuma's words.
struct Pushed(ApiError);

impl From<ApiError> for Pushed {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Pushed {
    fn into_response(self) -> Response {
        use ApiError as E;
        let is_unknown = matches!(&self.0, E::UnknownPingUrl | E::UnknownMonitor(_) | E::DeletedMonitor(_));
        let (said, status) = if is_unknown {
            ("Monitor not found or not active.".to_owned(), StatusCode::NOT_FOUND)
        } else {
            (self.0.to_string(), self.0.status())
        };
        let body = json!({ "ok": false, "msg": said }).to_string();
        in_other_words(self.0, status, "application/json", body.into())
    }
}

async fn receive(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, Pushed> {
    let (head, body) = request.into_parts();
    let client = Client::of(&head.headers, &head.extensions, api.config.trusted_proxies);
    let uuid = token(&percent::segment(&head.uri, TOKEN)?).ok_or(ApiError::UnknownPingUrl)?;
    let (id, _) = api.gate.admit_uuid(uuid, client).await?;
    drain(body, &api).await;
    let (ping, notes) = said(head.uri.query());
    let sender = Sender { birth: Birth::Refused, ..sender(&head.headers, client, notes) };
    api.record(&id, Arrived::stamped(ping, sender, api.flow.clock.now())).await?;
    let mut answer = answer_json(StatusCode::OK, &json!({ "ok": true }))?;
    answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Ok(answer)
}

/// A body says nothing here; it is read, so that the connection can be used again.
async fn drain(body: Body, api: &Shared) {
    drop(crate::body::read_tail(body, api.config.ping_body).await);
}

/// The UUID as it is written, or as 32 digits.
fn token(text: &str) -> Option<PingUuid> {
    let is_bare = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_bare {
        return PingUuid::parse(text);
    }
    let groups: Option<Vec<&str>> = [0..8, 8..12, 12..16, 16..20, 20..32].into_iter().map(|at| text.get(at)).collect();
    PingUuid::parse(&groups?.join("-"))
}

/// What the query says: a status that is not `up` is a failure; what cannot be read of the rest is left out.
fn said(query: Option<&str>) -> (Ping, Vec<Note>) {
    let (mut ping, mut notes) = (Ping::success(), Vec::new());
    for (name, value) in query::pairs(query) {
        let value = decode(value, Plus::Space).unwrap_or(Cow::Borrowed(value));
        match name {
            "status" => ping.signal = if value == "up" { Signal::Success } else { Signal::Fail },
            "msg" => {
                let (body, cut) = ping::Body::from_tail(value.as_bytes());
                ping.body = body;
                notes.extend(cut);
            }
            "ping" => {
                let took = value.parse::<f64>().ok().filter(|took| took.is_finite());
                ping.metadata = took.and_then(|took| Metadata::new(json!({ "ping": took })));
            }
            _ => {}
        }
    }
    (ping, notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_uuid_with_or_without_its_hyphens() {
        let uuid = PingUuid::from_random([7; 16]);
        assert_eq!(token("07070707070747078707070707070707"), Some(uuid));
        assert_eq!(token(&uuid.to_string()), Some(uuid));
        for bad in ["", "0707", "0707070707074707870707070707070", "zz070707070747078707070707070707"] {
            assert_eq!(token(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_status_that_is_empty_or_another_word_than_up_is_a_failure() {
        for (query, signal) in [
            ("", Signal::Success),
            ("status=up&msg=OK&ping=", Signal::Success),
            ("status=down", Signal::Fail),
            ("status=", Signal::Fail),
        ] {
            assert_eq!(said(Some(query)).0.signal, signal, "{query}");
        }
    }
}
