//! Which of its project's channels a monitor uses: `GET` and `PUT /api/v1/monitors/{slug}/channels`.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{StatusCode, request::Parts},
    response::Response,
};
use heartbeat_core::{
    Actor, Changes, ChannelName, Event, Monitor, MonitorId, Project, channel::definition, flow::ManageError,
    key::Scope, store::Found,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Shared, slug_of};
use crate::{auth::check_monitor, body::read_json, error::ApiError, json, query};

/// What is chosen, as JSON.
#[derive(Serialize, ToSchema)]
#[schema(as = ChosenChannels)]
pub(crate) struct ChosenView<'a> {
    monitor: &'a str,
    /// `null` = all that the project has.
    #[schema(value_type = Option<Vec<String>>)]
    channels: Option<&'a BTreeSet<ChannelName>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChannelChoice)]
pub(crate) struct ChosenBody {
    /// `null` = all that the project has.
    #[schema(required = true, min_items = 1)]
    channels: Option<Vec<String>>,
}

/// `GET /api/v1/monitors/{slug}/channels`.
pub(crate) async fn show(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let (id, _) = api.monitor_of(&head, Scope::Read).await?;
    match api.in_time(api.flow.store.find(&id, api.flow.clock.now())).await?? {
        Found::Monitor(stored) => answer(&stored.monitor),
        Found::Deleted => Err(ApiError::of_manage(ManageError::Deleted, id.slug)),
        Found::Nothing => Err(ApiError::of_manage(ManageError::NotFound, id.slug)),
    }
}

/// `PUT /api/v1/monitors/{slug}/channels`: `{"channels": ["ops"]}`, or `null` for all.
pub(crate) async fn choose(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let (id, by) = api.monitor_of(&head, Scope::Write).await?;
    let body = read_json(&head.headers, body, api.config.json_body).await?;
    let chosen = parse(body.as_deref())?;
    let monitor = api.in_time(choose_for(&api, (&id, &by), chosen)).await??;
    answer(&monitor)
}

fn answer(monitor: &Monitor) -> Result<Response, ApiError> {
    json(StatusCode::OK, &ChosenView { monitor: monitor.id.slug.as_str(), channels: monitor.channels.as_ref() })
}

async fn choose_for(
    api: &Shared,
    (id, by): (&MonitorId, &Actor),
    chosen: Option<BTreeSet<ChannelName>>,
) -> Result<Monitor, ApiError> {
    if let Some(chosen) = &chosen {
        refuse_unknown(api, &id.project, chosen).await?;
    }
    let event = Event::Edit(Changes { channels: Some(chosen), ..Changes::default() });
    let chosen = api.flow.manage(id, &event, Some(by)).await;
    chosen.map_err(|error| ApiError::of_manage(error, id.slug.clone()))
}

async fn refuse_unknown(api: &Shared, project: &Project, chosen: &BTreeSet<ChannelName>) -> Result<(), ApiError> {
    let there = definition::channels(api.flow.store.as_ref(), project).await?;
    let unknown = chosen.iter().find(|name| there.iter().all(|channel| channel.name != **name));
    unknown.map_or(Ok(()), |name| Err(ApiError::UnknownChannel(name.clone())))
}

fn parse(body: Option<&[u8]>) -> Result<Option<BTreeSet<ChannelName>>, ApiError> {
    let refuse = |said: &str| {
        ApiError::BadJson(format!(r#"the body is not like {{"channels": ["ops"]}}, or null for all: {said}"#))
    };
    let map: Map<String, Value> = match body {
        Some(body) => serde_json::from_slice(body).map_err(|error| refuse(&error.to_string()))?,
        None => return Err(refuse("there is none")),
    };
    if !map.contains_key("channels") {
        return Err(refuse("it does not say `channels`"));
    }
    let ChosenBody { channels } =
        ChosenBody::deserialize(Value::Object(map)).map_err(|error| refuse(&error.to_string()))?;
    let Some(names) = channels else { return Ok(None) };
    if names.is_empty() {
        let text =
            "channels: name at least one, or give null for all; a monitor that nobody is to be told of is paused";
        return Err(ApiError::BadChannel(text.to_owned()));
    }
    names
        .iter()
        .map(|name| ChannelName::parse(name).map_err(ApiError::BadChannelName))
        .collect::<Result<_, _>>()
        .map(Some)
}

impl Shared {
    /// The monitor in a path below `/api/v1/monitors`, if the key opens it.
    async fn monitor_of(&self, head: &Parts, scope: Scope) -> Result<(MonitorId, Actor), ApiError> {
        let key = self.manager(head, scope).await?;
        query::expect_none(head.uri.query())?;
        let slug = slug_of(&head.uri, 4)?;
        check_monitor(&key, &slug)?;
        Ok((Self::id(&key, slug), Actor::of_key(&key)))
    }
}
