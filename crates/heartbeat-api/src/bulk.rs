//! Many pings in one request: `POST /api/v1/heartbeats`. Each has its own result, in the order in which they came, and a
//! bad one refuses only itself.
//!
//! The pings of one monitor are recorded one after the other, by when they happened; those of different monitors at the same
//! time, so that a file's group commit takes them together.

pub(crate) mod element;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
    routing::post,
};
use element::{Element, Whose};
use futures_util::{StreamExt, stream};
use heartbeat_core::{
    MonitorId, Timestamp,
    flow::{Birth, Came, Recorded, Sender},
    key::{KeyRecord, Scope},
    ping::Note,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    Shared,
    address::Client,
    auth::check_monitor,
    body::read_json,
    error::ApiError,
    json,
    ping::{self, Arrived},
    query, refuse,
};

/// The most pings of one request.
const MOST: usize = 500;

/// Its route.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/api/v1/heartbeats", post(receive).fallback(|| refuse("POST")))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Bulk)]
pub(crate) struct Bulk {
    #[schema(value_type = Vec<element::Fields>, min_items = 1, max_items = 500)]
    pings: Vec<Value>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = BulkResult)]
pub(crate) struct BulkView {
    /// How many were recorded.
    recorded: usize,
    /// One for each ping, in their order.
    results: Vec<ResultView>,
}

#[derive(Clone, Serialize, ToSchema)]
#[schema(as = PingResult)]
pub(crate) struct ResultView {
    status: u16,
    /// Of what was not recorded: the stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<NoteView>,
}

#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Note)]
pub(crate) struct NoteView {
    #[schema(value_type = String)]
    code: Note,
    message: &'static str,
}

/// A ping of the bulk whose monitor is known.
struct Addressed {
    /// Its place in the request.
    place: usize,
    birth: Birth,
    element: Element,
}

/// `POST /api/v1/heartbeats`.
async fn receive(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let client = Client::of(&head.headers, &head.extensions, api.config.trusted_proxies);
    let key = api.gate.admit(&head.headers, client, Scope::Ping).await?;
    query::expect_none(head.uri.query())?;
    let body = read_json(&head.headers, body, api.config.bulk_body).await?;
    let pings = parse(body.as_deref())?;
    let sender = ping::sender(&head.headers, client, Vec::new());
    let results = api.record_all(&key, client, &sender, pings).await;
    let recorded = results.iter().filter(|result| result.status < 300).count();
    json(StatusCode::OK, &BulkView { recorded, results })
}

fn parse(body: Option<&[u8]>) -> Result<Vec<Value>, ApiError> {
    let refuse = |said: &str| {
        ApiError::BadJson(format!(r#"the body is not like {{"pings": [{{"slug": "nightly-backup"}}]}}: {said}"#))
    };
    let body = body.ok_or_else(|| refuse("there is none"))?;
    // By way of a map: a struct would also be read from an array.
    let map: Map<String, Value> = serde_json::from_slice(body).map_err(|error| refuse(&error.to_string()))?;
    let bulk = Bulk::deserialize(Value::Object(map)).map_err(|error| refuse(&error.to_string()))?;
    let count = bulk.pings.len();
    if (1..=MOST).contains(&count) {
        Ok(bulk.pings)
    } else {
        Err(refuse(&format!("it has 1 to {MOST} pings, this one {count}")))
    }
}

impl Shared {
    async fn record_all(&self, key: &KeyRecord, client: Client, sender: &Sender, pings: Vec<Value>) -> Vec<ResultView> {
        let count = pings.len();
        let (mut results, mut queues) = (BTreeMap::new(), BTreeMap::<MonitorId, Vec<Addressed>>::new());
        for (place, value) in pings.into_iter().enumerate() {
            match self.addressed(key, client, place, value).await {
                Ok((id, addressed)) => queues.entry(id).or_default().push(addressed),
                Err(error) => drop(results.insert(place, ResultView::refused(&error))),
            }
        }
        let queues = queues.into_iter().map(|(id, queue)| self.record_queue(id, sender, queue));
        let mut done = stream::iter(queues).buffer_unordered(self.config.bulk_at_once.max(1));
        while let Some(queue) = done.next().await {
            results.extend(queue);
        }
        (0..count).filter_map(|place| results.remove(&place)).collect()
    }

    async fn addressed(
        &self,
        key: &KeyRecord,
        client: Client,
        place: usize,
        value: Value,
    ) -> Result<(MonitorId, Addressed), ApiError> {
        let element = Element::parse(value)?;
        let (id, birth) = match &element.whose {
            Whose::Slug(slug) => {
                check_monitor(key, slug)?;
                (Self::id(key, slug.clone()), Birth::Allowed)
            }
            Whose::Uuid(uuid) => (self.gate.admit_uuid(*uuid, client).await?.0, Birth::Refused),
        };
        Ok((id, Addressed { place, birth, element }))
    }

    /// Records the pings of one monitor, by when they happened. Each is stamped when its turn comes: what lies between stamp
    /// and durable write is one write, as it is for a ping that comes alone.
    async fn record_queue(
        &self,
        id: MonitorId,
        sender: &Sender,
        mut queue: Vec<Addressed>,
    ) -> Vec<(usize, ResultView)> {
        queue.sort_by_key(|one| (one.element.ping.at.unwrap_or(Timestamp::MAX), one.place));
        let (mut results, mut last) = (Vec::with_capacity(queue.len()), None);
        for Addressed { place, birth, element } in queue {
            let Element { ping, notes, .. } = element;
            let sender = Sender { notes: [sender.notes.clone(), notes].concat(), birth, ..sender.clone() };
            let now = after(last, self.flow.clock.now());
            last = Some(now);
            let result = match self.record_alone(&id, Arrived::stamped(ping, sender, now)).await {
                Ok(recorded) => ResultView::recorded(&recorded),
                Err(error) => ResultView::refused(&error),
            };
            results.push((place, result));
        }
        results
    }
}

/// `now`, or else the next instant after `last`: of two pings of one monitor the second is the newer one.
fn after(last: Option<Timestamp>, now: Timestamp) -> Timestamp {
    last.map_or(now, |last| now.max(last.plus(Duration::from_micros(1))))
}

impl ResultView {
    fn recorded(recorded: &Recorded) -> Self {
        let status = match recorded.came {
            Came::First => StatusCode::CREATED,
            Came::Again => StatusCode::OK,
        };
        let view = |note: &Note| NoteView { code: *note, message: note.sentence() };
        Self { status: status.as_u16(), code: None, message: None, notes: recorded.notes.iter().map(view).collect() }
    }

    fn refused(error: &ApiError) -> Self {
        if let Some(detail) = error.detail() {
            tracing::error!(code = error.code(), detail, "a ping of a bulk was not recorded");
        }
        let status = error.status().as_u16();
        Self { status, code: Some(error.code()), message: Some(error.to_string()), notes: Vec::new() }
    }
}
