//! What belongs to the project: its integrations, its badges; and whether we are well.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use heartbeat_core::{channel::definition, key::Scope};
use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use crate::{Shared, badges::Links, json as answer_json};

/// `GET /api/v3/channels/`: the project's channels. Their names are their identifiers.
pub(super) async fn channels(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let caller = api.caller(&head, body, Scope::Write).await?;
    let there = api.in_time(definition::channels(api.flow.store.as_ref(), &caller.key.project)).await?;
    let there = there.map_err(crate::ApiError::from)?;
    let view = |channel: &definition::Defined| json!({ "id": channel.name.as_str(), "name": channel.name.as_str(), "kind": channel.definition.kind });
    let channels: Vec<Value> = there.iter().map(view).collect();
    Ok(answer_json(StatusCode::OK, &json!({ "channels": channels }))?)
}

/// `GET /api/v3/badges/`: their addresses, by tag; `*` is all.
pub(super) async fn badges(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let caller = api.caller(&head, body, Scope::Read).await?;
    let badges = api.badges_by_tag(&head, &caller.key).await?.into_iter().map(|(tag, links)| {
        let Links { svg, json, shields, svg2, json2, shields2 } = links;
        // What they number by three states, we do by two.
        let links = json!({
            "svg": svg2, "svg3": svg, "json": json2, "json3": json, "shields": shields2, "shields3": shields,
        });
        (tag, links)
    });
    let badges: Map<String, Value> = badges.collect();
    Ok(answer_json(StatusCode::OK, &json!({ "badges": badges }))?)
}

/// `GET /api/v3/status/`: whether the store can be asked. Anybody may ask.
pub(super) async fn status(State(api): State<Arc<Shared>>) -> Result<Response, Refusal> {
    api.in_time(api.flow.store.ready()).await?.map_err(crate::ApiError::from)?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "OK").into_response())
}
