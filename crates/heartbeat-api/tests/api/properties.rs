//! Whatever a client sends, the API answers, and the fault is never ours.

use axum::{
    body::Body,
    http::{HeaderValue, Request},
};
use proptest::prelude::*;

use crate::installation::{Answer, Installation};

fn path() -> impl Strategy<Value = String> {
    let odd = "(/(heartbeat|monitors|healthz|readyz|[a-z0-9%/._-]{0,8})){1,2}(/[ -~]{0,12}){0,3}";
    let near = "/heartbeat/[a-z-]{0,3}(/(start|fail|log|-?[0-9]{1,25}|%[0-9A-F]{2}))?";
    let managing = "/monitors(/[a-zA-Z-]{0,3}(/(pause|unpause|x))?)?";
    let query = "(\\?((interval|grace|rid|limit|cursor|status|x)=?[ -~]{0,8}&?){0,4})?";
    (prop_oneof![odd, near, managing], query).prop_map(|(path, query)| path + &query)
}

fn header() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![prop::collection::vec(any::<u8>(), 0..40), "[0-9a-f:., \\[\\]]{0,40}".prop_map(String::into_bytes)]
}

fn check(answer: &Answer, asked: &str) -> Result<(), TestCaseError> {
    prop_assert!(!answer.status.is_server_error(), "{asked}: {answer}");
    prop_assert!(answer.headers.contains_key("x-request-id"), "{asked}");
    if answer.status.is_client_error() && !answer.body.is_empty() {
        prop_assert!(answer.json()["error"]["message"].is_string(), "{asked}: {answer}");
    }
    Ok(())
}

#[test]
fn no_request_makes_it_panic_or_blame_itself() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let calls = heartbeat_api::Rate { burst: u32::MAX, refill: std::time::Duration::from_micros(1) };
    let api = runtime.block_on(Installation::with(heartbeat_api::ApiConfig { calls, ..Default::default() }));
    let methods = prop::sample::select(vec!["GET", "POST", "HEAD", "DELETE", "PUT", "OPTIONS", "BREW"]);
    let sent = (methods, path(), header(), header(), prop::collection::vec(any::<u8>(), 0..200));
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) };
    proptest!(config, |((method, path, forwarded, odd) in sent.prop_map(|(m, p, f, o, b)| (m, p, f, (o, b))))| {
        let (odd, body) = odd;
        let asked = Request::builder().method(method).uri(&path).header("authorization", format!("Bearer {}", api.key.reveal()));
        let value = |bytes: &[u8]| HeaderValue::from_bytes(bytes).unwrap_or(HeaderValue::from_static("odd"));
        let asked = asked.header("x-forwarded-for", value(&forwarded)).header("x-request-id", value(&odd))
            .header("accept", value(&odd)).header("content-type", value(&odd)).header("user-agent", value(&odd));
        // What hyper does not read as a request never gets here.
        if let Ok(asked) = asked.body(Body::from(body)) {
            check(&runtime.block_on(api.send(asked)), &format!("{method} {path}"))?;
            api.advance(1);
        }
    });
}
