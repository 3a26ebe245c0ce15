//! An API that dies in the middle of an import, at every call of the store, before it and after it: the same document again
//! finishes it, and nothing was done twice.

use std::sync::Arc;

use axum::{Router, body::Body, http::Request};
use heartbeat_api::{Api, ApiConfig, router};
use heartbeat_core::{MonitorId, Project, Slug, Timestamp, flow::Flow, history::Happening};
use heartbeat_proof::instruments::{Breaking, Moment};
use serde_json::json;
use tower::ServiceExt;

use crate::{
    installation::{Installation, request},
    posts::Posts,
};

const DOCUMENT: &str = "\
version: 1
monitors:
- slug: made
  cron: 30 2 * * *
- slug: changed
  interval: 7d
- slug: same
";

async fn populated() -> Installation {
    let api = Installation::new().await;
    for (slug, interval) in [("changed", "1d"), ("gone", "5m"), ("same", "5m")] {
        let made = api.say("POST", "/api/v1/monitors", &json!({"slug": slug, "interval": interval})).await;
        assert_eq!(made.status, 201, "{made}");
    }
    api
}

fn import(api: &Installation) -> Request<Body> {
    let asked = request("POST", "/api/v1/import?prune=1", Some(&api.key)).header("content-type", "application/yaml");
    asked.body(Body::from(DOCUMENT)).unwrap()
}

/// Another process over the same store, which breaks under it.
fn mortal(api: &Installation, breaking: &Arc<Breaking>) -> Router {
    let flow = Flow { store: Arc::clone(breaking) as _, known: Arc::default(), ..api.flow.clone() };
    router(Api::new(flow, ApiConfig::default()).with_kinds(Arc::new(Posts)))
}

/// How often each monitor was edited or deleted, as history has it.
async fn deeds(api: &Installation) -> Vec<(&'static str, usize)> {
    let mut deeds = Vec::new();
    for slug in ["made", "changed", "same", "gone"] {
        let id = MonitorId::new(Project::default(), Slug::parse(slug).unwrap());
        let rows = api.flow.store.history(&id, Timestamp::MAX, 100).await.unwrap();
        let is_deed = |happening: &Happening| matches!(happening, Happening::Edited(_) | Happening::Deleted { .. });
        deeds.push((slug, rows.iter().filter(|row| is_deed(&row.happening)).count()));
    }
    deeds
}

/// Imports with a process that dies at the `n`-th call, and again with one that does not; false where none died.
async fn survives_death_at(n: usize, moment: Moment) -> bool {
    let api = populated().await;
    let breaking = Arc::new(Breaking::at(Arc::clone(&api.flow.store), n, moment));
    let doomed = mortal(&api, &breaking).oneshot(import(&api));
    breaking.until_death(async { drop(doomed.await) }).await;

    let again = api.send(import(&api)).await;
    let results = again.json();
    assert_eq!((&results["refused"], &results["left"]), (&json!(0), &json!(0)), "at {n}, {moment:?}: {again}");
    let listed = api.call("GET", "/api/v1/monitors").await.json();
    let there: Vec<_> = listed["monitors"].as_array().unwrap().iter().map(|one| one["slug"].clone()).collect();
    assert_eq!(there, ["changed", "made", "same"], "at {n}, {moment:?}");
    assert_eq!(deeds(&api).await, [("made", 1), ("changed", 2), ("same", 1), ("gone", 2)], "at {n}, {moment:?}");
    breaking.has_broken()
}

#[tokio::test]
async fn an_import_whose_process_dies_is_finished_by_the_same_document_again() {
    for moment in [Moment::Before, Moment::After] {
        let mut n = 0;
        while survives_death_at(n, moment).await {
            n += 1;
        }
        assert!(n > 6, "it died only at {n} steps");
    }
}
