//! A store that cannot be reached, from the start or later: nobody is promised anything, `/readyz` says why, and nothing
//! ends. When it is back, everything is.

use reqwest::Method;
use serde_json::Value;

use crate::{
    bot_api::BotApi,
    caller::Caller,
    installation::Installation,
    patience::{SOON, within},
    tables::{ground, key},
    wire::{Traffic, Wire},
};

/// What `/readyz` says is wrong.
async fn complaint(caller: &Caller) -> String {
    let answer = caller.ask(Method::GET, "/readyz").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    let body: Value = serde_json::from_str(&answer.text).unwrap();
    body["error"]["message"].as_str().unwrap().to_owned()
}

/// Asks until it is ready: each answer takes its time. Who refused ends meanwhile, and cuts a kept connection.
async fn until_ready(caller: &Caller) {
    let ready =
        async { while !caller.try_ask(Method::GET, "/readyz").await.is_ok_and(|answer| answer.status == 200) {} };
    within(SOON, "readiness", ready).await;
}

/// The README's policy for `program` allows all that was asked for; what it need not allow is only for advice.
fn assert_allowed(wire: &Wire, program: &str) {
    let readme = include_str!("../../../../README.md");
    let row = readme.lines().find(|line| line.starts_with(&format!("| `{program}`")) && line.contains("DescribeTable"));
    let row = row.expect("README.md has no row of the policy");
    let missing: Vec<_> =
        wire.asked().into_iter().filter(|action| action != "Scan" && !row.contains(&format!("`{action}`"))).collect();
    assert!(missing.is_empty(), "the policy in README.md lacks {missing:?}: {row}");
}

/// The status of a ping, and that no word of why is in a refusal.
async fn ping(caller: &Caller, path: &str) -> u16 {
    let answer = caller.ask(Method::POST, &format!("/heartbeat/{path}")).await;
    assert!(!answer.text.contains("arn:aws") && !answer.text.contains("DynamoDB"), "{answer:?}");
    answer.status
}

#[tokio::test]
async fn an_api_that_starts_in_an_outage_answers_503_until_it_is_over() {
    let (ground, there) = ground().await;
    let key = key(&there).await;
    let engine = ground.options().endpoint.unwrap();
    let wire = Wire::to(&engine.url, Traffic::Outage).await;
    let installation = there.with("AWS_ENDPOINT_URL_DYNAMODB", &wire.url);
    let server = installation.serve_api().await;
    let caller = server.caller(&key);
    let outage = "not ready: store: DynamoDB refused DescribeTable on heartbeat-monitors: InternalServerError: ";
    assert!(complaint(&caller).await.starts_with(outage), "{}", complaint(&caller).await);
    assert_eq!(ping(&caller, "nightly-backup").await, 503);
    assert_eq!(caller.ask(Method::GET, "/healthz").await.status, 200);

    // A mistake that shows only now is no reason to end, either.
    wire.turn(Traffic::Denied);
    server.logged.until("does not allow dynamodb:DescribeTable on heartbeat-monitors").await;
    assert!(complaint(&caller).await.contains("does not allow dynamodb:DescribeTable on heartbeat-monitors"));

    wire.turn(Traffic::Flows);
    server.logged.until("the store is open").await;
    until_ready(&caller).await;
    assert_eq!(ping(&caller, "nightly-backup").await, 201);

    wire.turn(Traffic::Denied);
    let said = complaint(&caller).await;
    assert!(
        said.starts_with("not ready: store: the policy of these credentials does not allow dynamodb:UpdateItem"),
        "{said}"
    );
    assert_eq!(ping(&caller, "nightly-backup").await, 503);
    wire.turn(Traffic::Flows);
    until_ready(&caller).await;
    assert_eq!(ping(&caller, "nightly-backup").await, 200);
    assert_eq!(caller.monitors().await["nightly-backup"]["ping_count"], 2);
    server.stop().await;
    assert_allowed(&wire, "heartbeat-api");
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_named_with_what_sets_it() {
    // Free a moment ago.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let installation = Installation::over(&format!("http://{nobody}"), "000000000001");
    let hint = "(are AWS_REGION, AWS_ENDPOINT_URL_DYNAMODB and the network right?)";
    let line = installation.run(&["list-api-keys"]).await.badly();
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(
        line.starts_with("heartbeat: DynamoDB could not be asked for DescribeTable on heartbeat-monitors: "),
        "{line}"
    );
    assert!(line.trim_end().ends_with(hint), "{line}");

    let server = installation.serve_api().await;
    let said = complaint(&server.caller("hb_no_key")).await;
    assert!(said.starts_with("not ready: store: DynamoDB could not be asked for DescribeTable on "), "{said}");
    assert!(said.ends_with(hint), "{said}");
    server.stop().await;
}

#[tokio::test]
async fn serve_and_checker_wait_for_their_store_and_end_when_they_are_told_to() {
    let (ground, there) = ground().await;
    let key = key(&there).await;
    let engine = ground.options().endpoint.unwrap();
    let wire = Wire::to(&engine.url, Traffic::Outage).await;
    let bot_api = BotApi::open().await;
    let installation = there.with("AWS_ENDPOINT_URL_DYNAMODB", &wire.url).telling(&bot_api);
    let (serve, checker) = (installation.serve().await, installation.check().await);
    for waiting in [&serve, &checker] {
        waiting.logged.until("the store cannot be reached, trying again").await;
    }
    let api = installation.serve_api().await;
    api.stop().await;
    wire.turn(Traffic::Flows);
    for waiting in [&serve, &checker] {
        waiting.logged.until("the store is open").await;
    }
    let caller = serve.caller(&key);
    until_ready(&caller).await;
    assert_eq!(ping(&caller, "nightly-backup/fail").await, 201);
    bot_api.message(SOON, "nightly-backup", "🔴").await;
    serve.stop().await;
    checker.stop().await;
}
