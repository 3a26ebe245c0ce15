//! The API describes itself, completely, and shows that on a page that needs no network.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    installation::{Answer, Installation, request},
    weather::Sky,
};

fn document() -> Value {
    serde_json::from_str(&heartbeat_api::document()).unwrap()
}

async fn ask(api: &Installation, method: &str, path: &str) -> Answer {
    api.send(request(method, path, None).body(axum::body::Body::empty()).unwrap()).await
}

#[test]
fn the_document_that_is_checked_in_is_the_one_that_the_code_gives() {
    let checked_in = include_str!("../../../../docs/openapi.json");
    let is_same = checked_in == heartbeat_api::document();
    assert!(is_same, "docs/openapi.json differs: cargo run -p heartbeat -- openapi > docs/openapi.json");
}
