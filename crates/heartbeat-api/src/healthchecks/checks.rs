//! Checks: list, show, create, update, delete, pause, resume.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use heartbeat_core::{
    Actor, ChannelName, Event, Monitor, MonitorId, Shown, Tag,
    channel::definition,
    flow::Url,
    key::{KeyRecord, Scope},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    check::{CheckView, Showing, Version},
    name::slug_of,
    refusal::Refusal,
    spec::Spec,
};
use crate::{
    Shared,
    error::ApiError,
    json,
    percent::{Plus, decode},
    query,
};

/// How many monitors get their ping URL at once.
const AT_ONCE: usize = 32;

#[derive(Serialize, ToSchema)]
#[schema(as = Checks)]
pub(crate) struct ChecksView {
    checks: Vec<CheckView>,
}

/// `GET /api/v3/checks/?slug=&tag=`.
pub(super) async fn list(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let caller = api.caller(&head, body, Scope::Read).await?;
    let wanted = Wanted::parse(head.uri.query());
    let monitors = api.all_of(&caller.key).await?.into_iter().filter(|monitor| wanted.includes(monitor));
    let showing = api.showing(&head, &caller.key).await?;
    let with_urls = stream::iter(monitors).map(|monitor| api.with_url(monitor, &showing));
    let monitors: Vec<Monitor> = with_urls.buffered(AT_ONCE).try_collect().await?;
    let checks = monitors.iter().map(|monitor| CheckView::new(monitor, &showing)).collect();
    Ok(json(StatusCode::OK, &ChecksView { checks })?)
}

/// `GET /api/v3/checks/{id}`: by UUID or unique key.
pub(super) async fn show(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let caller = api.caller(&head, body, Scope::Read).await?;
    let monitor = api.check(&head.uri, &caller.key).await?;
    api.answer(&head, &caller.key, monitor, StatusCode::OK).await
}

/// `POST /api/v3/checks/`: a new check, or with `unique` the one that is meant.
pub(super) async fn create(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let caller = api.caller(&head, body, Scope::Write).await?;
    let spec = Spec::parse(&caller.body)?;
    api.refuse_unknown(&caller.key, &spec).await?;
    if let Some(monitor) = api.meant(&caller.key, &spec).await? {
        let monitor = api.changed(&caller.key, &monitor, &spec).await?;
        return api.answer(&head, &caller.key, monitor, StatusCode::OK).await;
    }
    let monitor = api.created(&caller.key, &spec).await?;
    api.answer(&head, &caller.key, monitor, StatusCode::CREATED).await
}

/// `POST /api/v3/checks/{id}`: changes what is given.
pub(super) async fn update(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let caller = api.caller(&head, body, Scope::Write).await?;
    let spec = Spec::parse(&caller.body)?;
    let monitor = api.check(&head.uri, &caller.key).await?;
    api.refuse_unknown(&caller.key, &spec).await?;
    let monitor = api.changed(&caller.key, &monitor, &spec).await?;
    api.answer(&head, &caller.key, monitor, StatusCode::OK).await
}

/// `DELETE /api/v3/checks/{id}`: answers with what it was.
pub(super) async fn delete(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let caller = api.caller(&head, body, Scope::Write).await?;
    let monitor = api.check(&head.uri, &caller.key).await?;
    let deleted = api.in_time(api.flow.delete(&monitor.id, Some(&Actor::of_key(&caller.key)))).await?;
    deleted.map_err(|error| ApiError::of_manage(error, monitor.id.slug.clone()))?;
    let showing = api.showing(&head, &caller.key).await?;
    Ok(json(StatusCode::OK, &CheckView::new(&monitor, &showing))?)
}

/// `POST /api/v3/checks/{id}/pause`.
pub(super) async fn pause(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let caller = api.caller(&head, body, Scope::Write).await?;
    let monitor = api.check(&head.uri, &caller.key).await?;
    let monitor = api.managed(&caller.key, &monitor.id, &Event::Pause { until: None }).await?;
    api.answer(&head, &caller.key, monitor, StatusCode::OK).await
}

/// `POST /api/v3/checks/{id}/resume`.
pub(super) async fn resume(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let caller = api.caller(&head, body, Scope::Write).await?;
    let monitor = api.check(&head.uri, &caller.key).await?;
    let context = api.flow.context(api.flow.clock.now());
    if monitor.status_at(&context) != Shown::Paused {
        return Ok((StatusCode::CONFLICT, "check is not paused").into_response());
    }
    let monitor = api.managed(&caller.key, &monitor.id, &Event::Resume).await?;
    api.answer(&head, &caller.key, monitor, StatusCode::OK).await
}

/// Which checks a list is to have.
struct Wanted {
    slug: Option<String>,
    tags: Vec<String>,
}

impl Wanted {
    fn parse(query: Option<&str>) -> Self {
        let value = |name: &str| {
            let named = query::pairs(query).filter(move |(given, _)| *given == name);
            named.filter_map(|(_, value)| decode(value, Plus::Space)).map(String::from).collect::<Vec<_>>()
        };
        Self { slug: value("slug").into_iter().find(|slug| !slug.is_empty()), tags: value("tag") }
    }

    fn includes(&self, monitor: &Monitor) -> bool {
        let has_slug = |slug: &String| slug_of(slug).as_ref() == Ok(&monitor.id.slug);
        let has_tag = |tag: &String| monitor.about.tags.iter().map(Tag::as_str).any(|there| there == tag);
        self.slug.as_ref().is_none_or(has_slug) && self.tags.iter().all(has_tag)
    }
}

impl Shared {
    /// The monitor with a ping URL, where it is shown: one that a ping has made gets its own when a key asks that may write.
    async fn with_url(&self, monitor: Monitor, showing: &Showing) -> Result<Monitor, ApiError> {
        if monitor.uuid.is_some() || !showing.writes {
            return Ok(monitor);
        }
        let given = self.in_time(self.flow.ping_url(&monitor.id, Url::Any)).await?;
        given.map_err(|error| ApiError::of_manage(error, monitor.id.slug))
    }

    async fn showing(&self, head: &Parts, key: &KeyRecord) -> Result<Showing, ApiError> {
        let (sees, now) = (self.sees(head, key), self.flow.clock.now());
        let channels = self.channel_names(key).await?;
        let context = self.flow.context_of_silence(now).await;
        Ok(Showing { version: Version::of(head.uri.path()), context, base: sees.base, writes: sees.writes, channels })
    }

    pub(super) async fn channel_names(&self, key: &KeyRecord) -> Result<Vec<ChannelName>, ApiError> {
        let there = self.in_time(definition::channels(self.flow.store.as_ref(), &key.project)).await??;
        Ok(there.into_iter().map(|channel| channel.name).collect())
    }

    async fn answer(
        &self,
        head: &Parts,
        key: &KeyRecord,
        monitor: Monitor,
        status: StatusCode,
    ) -> Result<Response, Refusal> {
        let showing = self.showing(head, key).await?;
        let monitor = self.with_url(monitor, &showing).await?;
        Ok(json(status, &CheckView::new(&monitor, &showing))?)
    }

    pub(super) async fn managed(&self, key: &KeyRecord, id: &MonitorId, event: &Event) -> Result<Monitor, ApiError> {
        let managed = self.in_time(self.flow.manage(id, event, Some(&Actor::of_key(key)))).await?;
        managed.map_err(|error| ApiError::of_manage(error, id.slug.clone()))
    }
}
