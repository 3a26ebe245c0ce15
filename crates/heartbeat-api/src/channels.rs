//! Channels: which a project has, how they are set up, and whether they work. A key that is limited to one monitor has no
//! business here: channels belong to the whole project.

pub(crate) mod define;
pub(crate) mod trial;
pub(crate) mod view;

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{StatusCode, request::Parts},
    response::Response,
};
use heartbeat_core::{
    ChannelName, Project,
    channel::definition::{self, ChannelState, Defined, Definition, Kinds},
    key::{KeyRecord, Scope},
};
use serde::Serialize;
use serde_json::Value;

pub(crate) use self::define::why_not;
pub use self::{
    define::{Edit, Wanted},
    trial::{Trial, try_out},
};
use self::{
    trial::TrialView,
    view::{ChannelView, ListView},
};
use crate::{Shared, body::read_json, error::ApiError, json, ledger::Condition, percent, query};

#[derive(Serialize)]
struct DeletedView<'a> {
    deleted: &'a str,
}

/// `GET /api/v1/channels`.
pub(crate) async fn list(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.project_key(&head, Scope::Read).await?;
    query::expect_none(head.uri.query())?;
    let kinds = api.kinds()?;
    let channels = api.in_time(definition::channels(api.flow.store.as_ref(), &key.project)).await??;
    let mut conditions = Vec::with_capacity(channels.len());
    for one in channels {
        let condition = api.condition(&key.project, &one.name).await?;
        conditions.push((one, condition));
    }
    json(StatusCode::OK, &ListView::new(&conditions, kinds))
}

/// `POST /api/v1/channels`.
pub(crate) async fn add(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let key = api.project_key(&head, Scope::Write).await?;
    query::expect_none(head.uri.query())?;
    let kinds = api.kinds()?;
    let body = read_json(&head.headers, body, api.config.channel_body).await?;
    let wanted = Wanted::parse(body.as_deref())?;
    let definition = wanted.define(kinds, api.flow.clock.now())?;
    let (store, name) = (api.flow.store.as_ref(), wanted.name);
    api.in_time(definition::add_channel(store, &key.project, &name, &definition)).await??;
    json(StatusCode::CREATED, &ChannelView::new(&name, &definition, kinds))
}

/// `GET /api/v1/channels/{name}`.
pub(crate) async fn show(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.project_key(&head, Scope::Read).await?;
    let kinds = api.kinds()?;
    let Defined { name, definition, .. } = api.channel(&key.project, &named(&head)?).await?;
    let condition = api.condition(&key.project, &name).await?;
    json(StatusCode::OK, &ChannelView::new(&name, &definition, kinds).in_condition(&condition))
}

/// `PATCH /api/v1/channels/{name}`.
pub(crate) async fn change(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let key = api.project_key(&head, Scope::Write).await?;
    let body = read_json(&head.headers, body, api.config.channel_body).await?;
    api.edit(&key, &head, &Edit::parse(body.as_deref())?).await
}

/// `POST /api/v1/channels/{name}/enable`.
pub(crate) async fn enable(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.project_key(&head, Scope::Write).await?;
    api.edit(&key, &head, &Edit::enabling()).await
}

/// `POST /api/v1/channels/{name}/disable`, perhaps with the reason: `{"why": "…"}`.
pub(crate) async fn disable(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let key = api.project_key(&head, Scope::Write).await?;
    let body = read_json(&head.headers, body, api.config.json_body).await?;
    api.edit(&key, &head, &Edit::disabling(why_not(body.as_deref())?.as_deref())?).await
}

/// `DELETE /api/v1/channels/{name}`.
pub(crate) async fn remove(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.project_key(&head, Scope::Write).await?;
    let name = named(&head)?;
    api.in_time(remove_channel(&api, &key.project, &name)).await??;
    json(StatusCode::OK, &DeletedView { deleted: name.as_str() })
}

async fn remove_channel(api: &Shared, project: &Project, name: &ChannelName) -> Result<Defined, ApiError> {
    let at = api.flow.clock.now();
    let gone = |there: &Defined| Some(removed(&there.definition, at));
    Ok(definition::change_channel(api.flow.store.as_ref(), project, name, gone).await?)
}

/// What is left of a channel that a person removes: its secrets are gone with its configuration.
pub fn removed(definition: &Definition, at: heartbeat_core::Timestamp) -> Definition {
    Definition { config: Value::Null, state: ChannelState::Removed { at }, ..definition.clone() }
}

/// `POST /api/v1/channels/{name}/test`: whether a message arrives is the answer, whatever it is.
pub(crate) async fn test(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.project_key(&head, Scope::Write).await?;
    let kinds = api.kinds()?;
    let Defined { name, definition, .. } = api.channel(&key.project, &named(&head)?).await?;
    let trial = match kinds.open(&name, &definition.kind, &definition.config) {
        Ok(channel) => try_out(channel.as_ref(), api.flow.clock.as_ref()).await,
        Err(error) => Trial::refused(&error.to_string()),
    };
    json(StatusCode::OK, &TrialView::from(&trial))
}

/// The channel's name in a path.
fn named(head: &Parts) -> Result<ChannelName, ApiError> {
    query::expect_none(head.uri.query())?;
    let segment = percent::segment(&head.uri, 4)?;
    ChannelName::parse(&segment).map_err(ApiError::BadChannelName)
}

impl Shared {
    /// The kinds of channel that there are.
    fn kinds(&self) -> Result<&dyn Kinds, ApiError> {
        self.kinds.as_deref().ok_or(ApiError::NoKinds)
    }

    /// A key of the whole project, with `scope`.
    pub(crate) async fn project_key(&self, head: &Parts, scope: Scope) -> Result<Arc<KeyRecord>, ApiError> {
        let key = self.manager(head, scope).await?;
        if key.monitor.is_some() { Err(ApiError::LimitedKey) } else { Ok(key) }
    }

    async fn channel(&self, project: &Project, name: &ChannelName) -> Result<Defined, ApiError> {
        Ok(self.in_time(definition::channel(self.flow.store.as_ref(), project, name)).await??)
    }

    /// How a channel does.
    async fn condition(&self, project: &Project, name: &ChannelName) -> Result<Condition, ApiError> {
        Ok(self.in_time(Condition::of(self.flow.store.as_ref(), project, name)).await??)
    }

    async fn edit(&self, key: &KeyRecord, head: &Parts, edit: &Edit) -> Result<Response, ApiError> {
        let (kinds, name) = (self.kinds()?, named(head)?);
        let edited = edit.carry_out(self.flow.store.as_ref(), kinds, &key.project, &name, self.flow.clock.now());
        let Defined { name, definition, .. } = self.in_time(edited).await??;
        let condition = self.condition(&key.project, &name).await?;
        json(StatusCode::OK, &ChannelView::new(&name, &definition, kinds).in_condition(&condition))
    }
}
