//! `/api/v1/deliveries`: what was tried to tell whom, and another try by hand.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{StatusCode, request::Parts},
    response::Response,
};
use heartbeat_core::{
    ChannelName, Slug,
    key::{KeyRecord, Scope},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Shared,
    auth::check_monitor,
    error::ApiError,
    json,
    ledger::{self, Deliveries, Delivery, DeliveryId, Of},
    percent,
    query::{self, DeliveriesQuery, Whose},
};

#[derive(Serialize, ToSchema)]
#[schema(as = Deliveries)]
pub(crate) struct ListView {
    deliveries: Vec<DeliveryView>,
    next_cursor: Option<String>,
}

/// An attempt to deliver, as JSON.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryView {
    id: String,
    at: String,
    #[schema(value_type = String)]
    monitor: Slug,
    #[schema(value_type = String)]
    channel: ChannelName,
    notification: String,
    attempt: u32,
    outcome: String,
    reason: Option<String>,
    status: Option<u16>,
    took_ms: u64,
    next_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Retried)]
pub(crate) struct RetriedView {
    /// What is tried again.
    retrying: DeliveryView,
}

impl From<Delivery> for DeliveryView {
    fn from(Delivery { id, at, row }: Delivery) -> Self {
        Self {
            id: id.to_string(),
            at: at.to_string(),
            monitor: id.slug().clone(),
            channel: row.channel,
            notification: row.notification,
            attempt: row.attempt,
            outcome: row.outcome,
            reason: row.reason,
            status: row.status,
            took_ms: row.took_ms,
            next_at: row.next_at.map(|at| at.to_string()),
        }
    }
}

/// `GET /api/v1/deliveries?monitor=|channel=&cursor=&limit=`.
pub(crate) async fn list(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Read).await?;
    let DeliveriesQuery { whose, after, limit } = DeliveriesQuery::parse(head.uri.query())?;
    let of = whose_of(&key, whose)?;
    let page = api.in_time(Deliveries::page(api.flow.store.as_ref(), &of, after, limit)).await??;
    let view = ListView {
        deliveries: page.deliveries.into_iter().map(DeliveryView::from).collect(),
        next_cursor: page.next.map(|id| id.to_string()),
    };
    json(StatusCode::OK, &view)
}

fn whose_of(key: &KeyRecord, whose: Whose) -> Result<Of, ApiError> {
    match whose {
        Whose::Monitor(slug) => {
            check_monitor(key, &slug)?;
            Ok(Of::Monitor(Shared::id(key, slug)))
        }
        Whose::Channel(_) if key.monitor.is_some() => Err(ApiError::LimitedKey),
        Whose::Channel(name) => Ok(Of::Channel(key.project.clone(), name)),
    }
}

/// `POST /api/v1/deliveries/{id}/retry`.
pub(crate) async fn retry(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Write).await?;
    let id = named(&head)?;
    check_monitor(&key, id.slug())?;
    let retrying = api.in_time(ledger::retry(&api.flow, &key.project, &id)).await??;
    json(StatusCode::ACCEPTED, &RetriedView { retrying: retrying.into() })
}

/// The delivery's id in a path.
fn named(head: &Parts) -> Result<DeliveryId, ApiError> {
    query::expect_none(head.uri.query())?;
    DeliveryId::parse(&percent::segment(&head.uri, 4)?).ok_or(ApiError::UnknownDelivery)
}
