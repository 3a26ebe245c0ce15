//! Monitors as people define them: `/api/v1/monitors`. A monitor is named by its slug, or by the UUID of its ping URL.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderName, StatusCode, header, request::Parts},
    response::Response,
};
use heartbeat_core::{
    Actor, Event, Monitor, MonitorId, PingUuid, Slug,
    definition::{FieldError, Fields},
    flow::Url,
    key::{KeyRecord, Scope},
    store::Found,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    Shared,
    auth::check_monitor,
    body::read_json,
    error::ApiError,
    json, pause, percent,
    query::{self, ScheduleQuery},
    view::{DefinedView, Sees},
};

/// Where the slug stands in `/api/v1/monitors/{slug}`.
const SLUG: usize = 4;

/// What a new monitor is to be.
#[derive(Deserialize)]
struct NewBody {
    slug: String,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Runs)]
pub(crate) struct RunsView {
    schedule: String,
    /// When pings are expected next; of an interval, counted from the last ping.
    runs: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PingUrlWish)]
pub(crate) struct UrlBody {
    #[serde(default)]
    rotate: bool,
}

/// `POST /api/v1/monitors`.
pub(crate) async fn create(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let key = api.manager(&head, Scope::Write).await?;
    query::expect_none(head.uri.query())?;
    let body = read_json(&head.headers, body, api.config.json_body).await?;
    let NewBody { slug, fields } = read(body.as_deref())?;
    let fields: Fields = read(Some(&serde_json::to_vec(&fields).unwrap_or_default()))?;
    let id = own(&key, Slug::parse(&slug).map_err(ApiError::BadSlug)?)?;
    let definition = fields.definition().map_err(ApiError::BadDefinition)?;
    let monitor = api.in_time(api.flow.define(&id, &definition, &Actor::of_key(&key))).await?;
    let monitor = monitor.map_err(|error| ApiError::of_manage(error, id.slug.clone()))?;
    let mut answer = api.shown(&head, &key, &monitor, StatusCode::CREATED)?;
    if let Ok(place) = format!("/api/v1/monitors/{}", id.slug).parse() {
        answer.headers_mut().insert(header::LOCATION, place);
    }
    Ok(answer)
}

/// `GET /api/v1/monitors/{slug}`.
pub(crate) async fn show(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Read).await?;
    query::expect_none(head.uri.query())?;
    let monitor = api.named(&head, &key).await?;
    api.shown(&head, &key, &monitor, StatusCode::OK)
}

/// `PUT /api/v1/monitors/{slug}`: makes it, or makes it what the body says. The same again changes nothing.
pub(crate) async fn replace(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let key = api.manager(&head, Scope::Write).await?;
    query::expect_none(head.uri.query())?;
    let id = api.id_named(&head, &key).await?;
    let body = read_json(&head.headers, body, api.config.json_body).await?;
    let fields: Fields = read(body.as_deref())?;
    let definition = fields.definition().map_err(ApiError::BadDefinition)?;
    let defined = api.in_time(api.flow.replace(&id, &definition, &Actor::of_key(&key))).await?;
    let defined = defined.map_err(|error| ApiError::of_manage(error, id.slug.clone()))?;
    let status = if defined.is_new { StatusCode::CREATED } else { StatusCode::OK };
    api.shown(&head, &key, &defined.monitor, status)
}

/// `PATCH /api/v1/monitors/{slug}`: changes the fields that are given.
pub(crate) async fn change(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let key = api.manager(&head, Scope::Write).await?;
    query::expect_none(head.uri.query())?;
    let body = read_json(&head.headers, body, api.config.json_body).await?;
    let fields: Fields = read(body.as_deref())?;
    let before = api.named(&head, &key).await?;
    let changes = fields.changes(Some(&before.schedule)).map_err(ApiError::BadDefinition)?;
    let (edit, by) = (Event::Edit(changes), Actor::of_key(&key));
    let monitor = api.in_time(api.flow.manage(&before.id, &edit, Some(&by))).await?;
    let monitor = monitor.map_err(|error| ApiError::of_manage(error, before.id.slug))?;
    api.shown(&head, &key, &monitor, StatusCode::OK)
}

/// `DELETE /api/v1/monitors/{slug}`.
pub(crate) async fn delete(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Write).await?;
    query::expect_none(head.uri.query())?;
    let id = api.id_named(&head, &key).await?;
    let deleted = api.in_time(api.flow.delete(&id, Some(&Actor::of_key(&key)))).await?;
    deleted.map_err(|error| ApiError::of_manage(error, id.slug.clone()))?;
    json(StatusCode::OK, &super::DeletedView { deleted: &id.slug })
}

/// `POST /api/v1/monitors/{slug}/pause`, perhaps with an end.
pub(crate) async fn pause(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let key = api.manager(&head, Scope::Write).await?;
    query::expect_none(head.uri.query())?;
    let body = read_json(&head.headers, body, api.config.json_body).await?;
    let until = pause::parse(body.as_deref(), api.flow.clock.now())?;
    api.apply(&head, &key, Event::Pause { until }).await
}

/// `POST /api/v1/monitors/{slug}/resume`.
pub(crate) async fn resume(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Write).await?;
    query::expect_none(head.uri.query())?;
    api.apply(&head, &key, Event::Resume).await
}

/// `GET /api/v1/monitors/{slug}/schedule?count=`: when pings are expected next.
pub(crate) async fn schedule(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Read).await?;
    let asked = ScheduleQuery::parse(head.uri.query())?;
    let monitor = api.named(&head, &key).await?;
    let runs = monitor.upcoming(api.flow.clock.now(), asked.count);
    let runs = runs.iter().map(ToString::to_string).collect();
    json(StatusCode::OK, &RunsView { schedule: monitor.schedule.to_string(), runs })
}

/// `POST /api/v1/monitors/{slug}/ping-url`: gives it one, or another one.
pub(crate) async fn ping_url(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let key = api.manager(&head, Scope::Write).await?;
    query::expect_none(head.uri.query())?;
    let body = read_json(&head.headers, body, api.config.json_body).await?;
    let asked = body.as_deref().map_or(Ok(UrlBody { rotate: false }), |body| read(Some(body)))?;
    let id = api.id_named(&head, &key).await?;
    let wanted = if asked.rotate { Url::New } else { Url::Any };
    let monitor = api.in_time(api.flow.ping_url(&id, wanted)).await?;
    let monitor = monitor.map_err(|error| ApiError::of_manage(error, id.slug))?;
    api.shown(&head, &key, &monitor, StatusCode::OK)
}

/// Reads the JSON of a definition; what is unknown or of another type is refused with its place.
fn read<T: for<'de> Deserialize<'de>>(body: Option<&[u8]>) -> Result<T, ApiError> {
    let body =
        body.ok_or_else(|| ApiError::BadJson("send the definition as JSON, such as {\"interval\": \"5m\"}".into()))?;
    // By way of a map: a struct would also be read from an array.
    let map = serde_json::from_slice::<Map<String, Value>>(body);
    let read = map.and_then(|map| T::deserialize(Value::Object(map)));
    read.map_err(|error| ApiError::BadJson(format!("the body is not understood: {error}")))
}

fn own(key: &KeyRecord, slug: Slug) -> Result<MonitorId, ApiError> {
    check_monitor(key, &slug)?;
    Ok(Shared::id(key, slug))
}

impl Shared {
    /// The monitor that the path names, by slug or UUID, if the key may be used for it.
    pub(crate) async fn id_named(&self, head: &Parts, key: &KeyRecord) -> Result<MonitorId, ApiError> {
        let text = percent::segment(&head.uri, SLUG)?;
        self.id_called(&text, key).await
    }

    /// The monitor that is called so: by its slug, or by the UUID of its ping URL.
    pub(crate) async fn id_called(&self, text: &str, key: &KeyRecord) -> Result<MonitorId, ApiError> {
        if let Some(uuid) = PingUuid::parse(text)
            && let Some(record) = self.in_time(self.flow.store.find_key(uuid.hash())).await??
            && record.project == key.project
            && let Some(slug) = record.monitor
        {
            return own(key, slug);
        }
        own(key, Slug::parse(text).map_err(ApiError::BadSlug)?)
    }

    /// The same, as it stands.
    pub(crate) async fn named(&self, head: &Parts, key: &KeyRecord) -> Result<Monitor, ApiError> {
        let id = self.id_named(head, key).await?;
        self.there(&id).await
    }

    /// The monitor that is there.
    pub(crate) async fn there(&self, id: &MonitorId) -> Result<Monitor, ApiError> {
        match self.in_time(self.flow.store.find(id, self.flow.clock.now())).await?? {
            Found::Monitor(stored) => Ok(stored.monitor),
            Found::Deleted => Err(ApiError::DeletedMonitor(id.slug.clone())),
            Found::Nothing => Err(ApiError::UnknownMonitor(id.slug.clone())),
        }
    }

    async fn apply(&self, head: &Parts, key: &KeyRecord, event: Event) -> Result<Response, ApiError> {
        let id = self.id_named(head, key).await?;
        let monitor = self.in_time(self.flow.manage(&id, &event, Some(&Actor::of_key(key)))).await?;
        let monitor = monitor.map_err(|error| ApiError::of_manage(error, id.slug))?;
        self.shown(head, key, &monitor, StatusCode::OK)
    }

    fn shown(
        &self,
        head: &Parts,
        key: &KeyRecord,
        monitor: &Monitor,
        status: StatusCode,
    ) -> Result<Response, ApiError> {
        let context = self.flow.context(self.flow.clock.now());
        json(status, &DefinedView::new(monitor, &context, &self.sees(head, key)))
    }

    /// What who comes with this key sees of a monitor besides what everybody does.
    pub(crate) fn sees(&self, head: &Parts, key: &KeyRecord) -> Sees {
        let base = self.base_url.clone().unwrap_or_else(|| {
            let text = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
            let is_secure = text(HeaderName::from_static("x-forwarded-proto")) == Some("https");
            let scheme = if is_secure { "https" } else { "http" };
            text(header::HOST).map_or_else(String::new, |host| format!("{scheme}://{host}"))
        });
        Sees { base, writes: key.allows(Scope::Write) }
    }
}

impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> Self {
        Self::BadDefinition(error)
    }
}
