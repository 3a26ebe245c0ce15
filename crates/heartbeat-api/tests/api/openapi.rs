//! The API describes itself, completely, and shows that on a page that needs no network.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use http_body_util::BodyExt;
use insta::assert_snapshot;
use serde_json::Value;
use tower::ServiceExt;

use crate::installation::{Answer, Installation, request};

/// What a route that takes the rest of the path stands for.
const RESTS: [(&str, &[&str]); 2] = [
    ("/heartbeat/{*rest}", &["/heartbeat/{slug}", "/heartbeat/{slug}/{signal}"]),
    ("/ping/{*rest}", &["/ping/{uuid}", "/ping/{uuid}/{signal}", "/ping/{key}/{slug}/{signal}"]),
];

fn document() -> Value {
    serde_json::from_str(&heartbeat_api::document()).unwrap()
}

/// The paths of the document, each with its methods.
fn described() -> BTreeMap<String, BTreeSet<String>> {
    let document = document();
    let methods = |item: &Value| item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
    document["paths"].as_object().unwrap().iter().map(|(path, item)| (path.clone(), methods(item))).collect()
}

/// The paths of the router, as its `Debug` names them: Axum has no other list.
fn routed(api: &Installation) -> BTreeSet<String> {
    let text = format!("{:?}", api.router);
    let (text, _) = text.split_once("fallback_router").unwrap();
    let paths: BTreeSet<String> = text.split('"').filter(|part| part.starts_with('/')).map(str::to_owned).collect();
    assert!(paths.contains("/api/v1/monitors/{slug}"), "{text}");
    paths
}

async fn ask(api: &Installation, method: &str, path: &str) -> Answer {
    api.send(request(method, path, None).body(Body::empty()).unwrap()).await
}

#[test]
fn the_document_that_is_checked_in_is_the_one_that_the_code_gives() {
    let is_same = include_str!("../../../../docs/openapi.json") == heartbeat_api::document();
    assert!(is_same, "docs/openapi.json differs: cargo run -p heartbeat -- openapi >docs/openapi.json");
}

#[tokio::test]
async fn every_route_is_described_and_nothing_else() {
    let mut routed = routed(&Installation::new().await);
    for (rest, paths) in RESTS {
        assert!(routed.remove(rest), "{rest}");
        routed.extend(paths.iter().map(|path| (*path).to_owned()));
    }
    // An empty rest is no slug.
    assert!(routed.remove("/heartbeat/"));
    let described: BTreeSet<String> = described().into_keys().collect();
    // Of two that differ by a slash the one with it is described: theirs have it.
    routed.retain(|path| described.contains(path) || !described.contains(&format!("{path}/")));
    let (lacking, more): (Vec<_>, Vec<_>) =
        (routed.difference(&described).collect(), described.difference(&routed).collect());
    assert!(lacking.is_empty(), "no description in src/openapi of {lacking:?}");
    assert!(more.is_empty(), "no route for {more:?}");
}

#[tokio::test]
async fn every_method_is_described_and_no_other() {
    let api = Installation::new().await;
    for (path, methods) in described() {
        let place = path.replace("{key}", "a").replace("{uuid}", "a").replace(['{', '}'], "");
        let refused = ask(&api, "REPORT", &place).await;
        assert_eq!(refused.status, 405, "{path}");
        let allowed = refused.header("allow").unwrap().split(", ").filter(|method| *method != "HEAD");
        assert_eq!(allowed.map(str::to_owned).collect::<BTreeSet<_>>(), methods, "{path}");
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
    let mut names = BTreeSet::new();
    for (path, item) in document()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{method} {path}: {name}");
            assert!(operation["summary"].is_string(), "{method} {path}");
        }
    }
    assert!(names.len() > 80, "{}", names.len());
}

#[test]
fn everything_that_the_document_refers_to_is_there() {
    let document = document();
    let text = document.to_string();
    let mut places = text.split(r##""$ref":"#"##).skip(1).map(|rest| rest.split('"').next().unwrap());
    assert!(places.clone().count() > 100);
    assert_eq!(places.find(|place| document.pointer(place).is_none()), None);
}

#[tokio::test]
async fn the_document_is_served_to_anybody() {
    let api = Installation::new().await;
    let answer = ask(&api, "GET", "/api/openapi.json").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.body, heartbeat_api::document());
    assert_eq!(answer.json()["openapi"], "3.1.0");
    let head = ask(&api, "HEAD", "/api/openapi.json").await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
    assert_snapshot!(ask(&api, "POST", "/api/openapi.json").await, @r#"
    405 Method Not Allowed
    content-type: application/json
    allow: GET, HEAD

    {
      "error": {
        "code": "method_not_allowed",
        "message": "this path does not take this method: use GET, HEAD",
        "request_id": "r-1"
      }
    }
    "#);
}

#[tokio::test]
async fn the_page_is_served_out_of_the_binary_and_may_load_nothing_from_elsewhere() {
    let api = Installation::new().await;
    let moved = ask(&api, "GET", "/api/docs").await;
    assert_eq!((moved.status.as_u16(), moved.header("location")), (308, Some("docs/")));
    for (path, kind) in [
        ("/api/docs/", "text/html"),
        ("/api/docs/swagger-ui-bundle.js", "text/javascript"),
        ("/api/docs/swagger-ui.css", "text/css"),
        ("/api/docs/favicon-32x32.png", "image/png"),
    ] {
        let (head, body) = file(&api, path).await;
        assert_eq!((head.status.as_u16(), head.headers["content-type"].to_str().unwrap()), (200, kind), "{path}");
        assert_eq!((&head.headers["content-encoding"], &body[..2]), (&"gzip".parse().unwrap(), &[0x1f, 0x8b][..]));
        let policy = head.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("http"), "{policy}");
    }
    let start = ask(&api, "GET", "/api/docs/swagger-initializer.js").await;
    assert!(start.body.contains(r#""url": "../openapi.json""#) && start.body.contains(r#""validatorUrl": "none""#));
    assert_eq!(ask(&api, "HEAD", "/api/docs/").await.status, 200);
    assert_eq!(ask(&api, "PUT", "/api/docs/").await.code(), "method_not_allowed");
    assert_eq!(ask(&api, "GET", "/api/docs/..%2f..%2fCargo.toml").await.code(), "unknown_path");
}

/// What is not text: the page's files are compressed.
async fn file(api: &Installation, path: &str) -> (axum::http::response::Parts, Vec<u8>) {
    let asked = request("GET", path, None).body(Body::empty()).unwrap();
    let (head, body) = api.router.clone().oneshot(asked).await.unwrap().into_parts();
    (head, body.collect().await.unwrap().to_bytes().to_vec())
}
