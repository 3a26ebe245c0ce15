//! `heartbeat copy`: from one machine to tables and back, as its owner does it.

use heartbeat_proof::dynamo::Ground;
use serde_json::json;

use crate::{
    installation::{Finished, Installation},
    server::Server,
    tables,
};

/// So many that moving them takes a while.
const MANY: usize = 1_500;

async fn copy(installation: &Installation, from: &str, to: &str, more: &[&str]) -> Finished {
    installation.run(&[&["copy", "--from", from, "--to", to], more].concat()).await
}

/// Tables, an installation over them, and one beside it that has a file and can reach them, too.
async fn two_houses() -> (Ground, Installation, Installation) {
    let (ground, in_tables) = tables::ground().await;
    let endpoint = ground.options().endpoint.unwrap();
    let in_file = Installation::over(&endpoint.url, &endpoint.access_key).without("HEARTBEAT_STORE");
    (ground, in_tables, in_file)
}

/// Serves the file, with its first key.
async fn serve_the_file(installation: &Installation) -> (Server, String) {
    let server = installation.serve().await;
    let key = server.first_key().await;
    (server, key)
}

#[tokio::test]
async fn monitors_keys_and_history_move_to_tables_and_back() {
    let (_ground, in_tables, in_file) = two_houses().await;
    let (server, key) = serve_the_file(&in_file).await;
    let caller = server.caller(&key);
    assert_eq!(caller.ping("nightly-backup?interval=1d&grace=1h").await, 201);
    assert_eq!(caller.ping("web-shop?interval=5m").await, 201);
    assert_eq!(caller.ping("gone").await, 201);
    assert_eq!(caller.ask(reqwest::Method::DELETE, "/monitors/gone").await.status, 200);
    let before = caller.monitors().await;

    let refused = copy(&in_file, "sqlite:heartbeat.db", "dynamodb", &[]).await.badly();
    assert!(refused.contains("heartbeat.db is already served by another Heartbeat process"), "{refused}");
    server.stop().await;
    let moved = copy(&in_file, "sqlite:heartbeat.db", "dynamodb", &[]).await;
    assert!(moved.err.contains("nobody else may write to the DynamoDB tables heartbeat-monitors, "), "{moved:?}");
    assert!(moved.err.contains("heartbeat: monitors: 4 copied\n"), "a line for each kind: {moved:?}");
    let said = moved.well();
    // Also the one by which Heartbeat watches itself.
    assert!(said.contains(": 3 monitors, 1 that were deleted, "), "{said}");
    assert!(said.contains(" hold the same, record by record"), "{said}");

    // The same keys open the same monitors, which go on where they were.
    let server = in_tables.serve().await;
    let there = server.caller(&key);
    assert_eq!(there.monitors().await, before);
    assert_eq!(there.ping("nightly-backup").await, 200);
    assert_eq!(there.ping("gone").await, 410);
    let before = there.monitors().await;
    assert_eq!(before["nightly-backup"]["ping_count"], 2);
    server.stop().await;

    let back = copy(&in_file, "dynamodb", "sqlite:back.db", &[]).await.well();
    assert!(back.contains(" hold the same, record by record"), "{back}");
    let server = in_file.serve_with(&["--db", "back.db"]).await;
    let here = server.caller(&key);
    assert_eq!(here.monitors().await, before);
    assert_eq!(here.ping("nightly-backup").await, 200);
    server.stop().await;
}

#[tokio::test]
async fn nothing_is_written_over_and_a_difference_is_named() {
    let (ground, _, here) = two_houses().await;
    let (server, key) = serve_the_file(&here).await;
    assert_eq!(server.caller(&key).ping("nightly-backup").await, 201);
    server.stop().await;
    copy(&here, "sqlite:heartbeat.db", "dynamodb", &[]).await.well();

    let again = copy(&here, "sqlite:heartbeat.db", "dynamodb", &[]).await.badly();
    assert!(again.contains("the target is a finished copy of ") && again.contains("`--verify`"), "{again}");
    let server = here.serve_with(&["--db", "foreign.db"]).await;
    server.first_key().await;
    server.stop().await;
    let foreign = copy(&here, "dynamodb", "sqlite:foreign.db", &[]).await.badly();
    assert!(
        foreign.contains("the target holds directory entries already") && foreign.contains("give it an empty one"),
        "{foreign}"
    );

    let same = copy(&here, "dynamodb", "sqlite:heartbeat.db", &["--verify"]).await.well();
    assert!(same.contains(" hold the same"), "{same}");
    let id = heartbeat_core::MonitorId::parse("default/nightly-backup").unwrap();
    ground.set_attribute(&id, "grace_s", &json!(7)).await;
    let differs = copy(&here, "sqlite:heartbeat.db", "dynamodb", &["--verify"]).await;
    assert_eq!(differs.code, Some(1), "{differs:?}");
    assert!(differs.out.contains("  monitor default/nightly-backup: it differs in grace_s\n"), "{differs:?}");
    assert!(differs.err.contains(" differ; "), "{differs:?}");

    let missing = copy(&here, "sqlite:nowhere.db", "dynamodb:staging", &[]).await.badly();
    assert!(missing.contains("there is no store at nowhere.db"), "{missing}");
    let no_tables = copy(&here, "sqlite:heartbeat.db", "dynamodb:staging", &[]).await.badly();
    assert!(no_tables.contains("there is no table staging-monitors"), "{no_tables}");
    let itself = copy(&here, "sqlite:heartbeat.db", "sqlite:heartbeat.db", &[]).await.badly();
    assert!(itself.contains("cannot be copied into itself"), "{itself}");
    assert_eq!(copy(&here, "heartbeat.db", "dynamodb", &[]).await.code, Some(2));
    assert!(!here.files().contains(&"nowhere.db".to_owned()), "a source is never made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_killed_goes_on() {
    let (_ground, in_tables, here) = two_houses().await;
    let (server, key) = serve_the_file(&here).await;
    let caller = server.caller(&key);
    let slugs: Vec<String> = (0..MANY).map(|number| format!("job-{number}")).collect();
    for some in slugs.chunks(100) {
        let pinged = futures_util::future::join_all(some.iter().map(|slug| caller.ping(slug))).await;
        assert!(pinged.iter().all(|status| *status == 201), "{pinged:?}");
    }
    server.stop().await;

    let arguments = ["copy", "--from", "sqlite:heartbeat.db", "--to", "dynamodb"];
    let (mut copying, said) = here.start(&arguments);
    said.until("rows of history: ").await;
    copying.kill().await.unwrap();
    let unfinished = copy(&here, "sqlite:heartbeat.db", "dynamodb", &["--verify"]).await;
    assert_eq!(unfinished.code, Some(1), "it was killed too late: {unfinished:?}");
    assert!(unfinished.out.contains("monitor default/job-"), "{unfinished:?}");

    let said = copy(&here, "sqlite:heartbeat.db", "dynamodb", &[]).await.well();
    assert!(said.contains("in more than one go") && said.contains(&format!(": {} monitors, 0 ", MANY + 1)), "{said}");
    assert!(said.contains(" hold the same"), "{said}");
    let server = in_tables.serve().await;
    assert_eq!(server.caller(&key).ping("job-7").await, 200);
    server.stop().await;
}
