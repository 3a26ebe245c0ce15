//! `GET /metrics`, for Prometheus: the monitors of the project whose key asks, and, for the operator, the figures of this
//! process.
//!
//! What a key opens does not depend on any setting: the monitors of its project, or its one; a key of the project
//! `heartbeat` that is not limited to one monitor opens the process, too. Without a key nothing is shown but the process,
//! and that only where the installation wants it so.

pub(crate) mod meters;
mod text;

use std::{fmt, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use heartbeat_core::{
    Context, Slug,
    item::Corrupt,
    key::{KeyRecord, Scope},
    store::{Found, Stored},
};

use self::text::{Reading, Readings};
use crate::{Shared, error::ApiError, query};

/// The text format of Prometheus. <https://prometheus.io/docs/instrumenting/exposition_formats/>
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
/// How many monitors are read at a time.
const PAGE: usize = 500;
/// How many are shown: some megabytes, which Prometheus still takes.
const MOST: usize = 10_000;

/// Who may see the figures of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProcessMetrics {
    /// Who has a key of the operator's project.
    #[default]
    WithKey,
    /// Everybody who reaches the API.
    Public,
}

/// Prints the figures of this process, in the text format of Prometheus.
#[derive(Clone)]
pub(crate) struct Print(Arc<dyn Fn() -> String + Send + Sync>);

impl Print {
    pub(crate) fn new(print: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(print))
    }
}

impl fmt::Debug for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Print")
    }
}

/// `GET /metrics`.
pub(crate) async fn show(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let is_public = api.config.process_metrics == ProcessMetrics::Public;
    if is_public && !head.headers.contains_key(header::AUTHORIZATION) {
        query::expect_none(head.uri.query())?;
        return Ok(answer(api.process_figures()));
    }
    let key = api.metrics_key(&head).await?;
    let mut text = String::new();
    if key.project.is_operator() && key.monitor.is_none() {
        text.push_str(&api.process_figures());
    }
    api.readings(&key).await?.write_to(&mut text);
    Ok(answer(text))
}

fn answer(text: String) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}

impl Shared {
    async fn metrics_key(&self, head: &Parts) -> Result<Arc<KeyRecord>, ApiError> {
        let key = self.manager(head, Scope::Read).await?;
        query::expect_none(head.uri.query())?;
        Ok(key)
    }

    fn process_figures(&self) -> String {
        match &self.print {
            Some(Print(print)) => print(),
            None => "# The figures of the process are not kept here: on Lambda, CloudWatch has them.\n".to_owned(),
        }
    }

    /// The monitors that `key` opens, as they are just now.
    async fn readings(&self, key: &KeyRecord) -> Result<Readings, ApiError> {
        let context = self.in_time(self.flow.context_of_silence(self.flow.clock.now())).await?;
        let mut readings = Readings::of(key.project.clone());
        match &key.monitor {
            Some(only) => self.read_one(key, only, &context, &mut readings).await?,
            None => self.read_all(key, &context, &mut readings).await?,
        }
        Ok(readings)
    }

    async fn read_one(
        &self,
        key: &KeyRecord,
        only: &Slug,
        context: &Context,
        readings: &mut Readings,
    ) -> Result<(), ApiError> {
        let (id, now) = (Self::id(key, only.clone()), self.flow.clock.now());
        match self.in_time(self.flow.store.find(&id, now)).await?? {
            Found::Monitor(stored) => readings.add(Reading::of(&stored.monitor, context)),
            Found::Deleted | Found::Nothing => {}
        }
        Ok(())
    }

    async fn read_all(&self, key: &KeyRecord, context: &Context, readings: &mut Readings) -> Result<(), ApiError> {
        let mut after: Option<Slug> = None;
        while readings.len() < MOST {
            let (now, limit) = (self.flow.clock.now(), PAGE.min(MOST - readings.len()));
            let page = self.in_time(self.flow.store.list(&key.project, after.as_ref(), limit, now)).await??;
            page.items.into_iter().for_each(|item| add(readings, item, context));
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
        readings.are_truncated();
        Ok(())
    }
}

fn add(readings: &mut Readings, item: Result<Stored, Corrupt>, context: &Context) {
    match item {
        Ok(stored) => readings.add(Reading::of(&stored.monitor, context)),
        Err(corrupt) => {
            tracing::warn!(%corrupt, "a stored monitor cannot be understood");
            readings.add_unreadable();
        }
    }
}
