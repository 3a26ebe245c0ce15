//! The short commands over tables: making them, keys in them, what all processes agree on.

use heartbeat_proof::{dynamo::Ground, engines::Engine};

use crate::{
    bot_api::BotApi,
    installation::{ADD_API_KEY, Installation},
    patience::SOON,
};

/// Tables of one's own, and an installation over them.
pub(crate) async fn ground() -> (Ground, Installation) {
    let ground = Ground::on(Engine::dynoxide()).await;
    let endpoint = ground.options().endpoint.unwrap();
    let installation = Installation::over(&endpoint.url, &endpoint.access_key);
    (ground, installation)
}

/// A key for everything, made by the command.
pub(crate) async fn key(installation: &Installation) -> String {
    installation.run(&["add-api-key", "--description", "my service"]).await.well().trim().to_owned()
}

#[tokio::test]
async fn tables_are_made_once_and_used_from_then_on() {
    let engine = Engine::dynoxide();
    let installation = Installation::over(engine.url(), "000000000001").with("EVENTS_TABLE", "history");
    let before = installation.run(&["list-api-keys"]).await.badly();
    assert_eq!(before.lines().count(), 4, "{before}");
    assert!(
        before
            .contains("there is no table history in eu-north-1: `heartbeat create-tables` or `terraform apply` makes")
    );

    for done in ["made", "there already"] {
        let said = installation.run(&["create-tables"]).await.well();
        let tables = ["heartbeat-monitors", "heartbeat-api-keys", "history", "heartbeat-directory"];
        assert_eq!(said, tables.map(|table| format!("{table}: {done}\n")).concat());
    }
    assert!(installation.run(&["list-api-keys"]).await.well().starts_with("ID "));
    assert!(installation.files().is_empty(), "{:?}", installation.files());

    let undecided = installation.without("HEARTBEAT_STORE").without("EVENTS_TABLE");
    let hint = undecided.run(&["create-tables"]).await;
    assert!(hint.err.contains("to keep everything in these tables, set HEARTBEAT_STORE=dynamodb"), "{hint:?}");
}

#[tokio::test]
async fn a_key_in_the_table_is_made_listed_and_revoked() {
    let (_ground, installation) = ground().await;
    let server = installation.serve_api().await;
    server.said.until("There is no API key yet. `heartbeat add-api-key --description \"my service\"` makes one").await;
    let made = installation.run_program(ADD_API_KEY, &["--description", "lost laptop"]).await;
    assert!(made.err.contains("the key is in the DynamoDB table heartbeat-api-keys"), "{made:?}");
    let key = made.well().trim().to_owned();
    assert_eq!(server.caller(&key).ping("nightly-backup").await, 201);
    assert!(server.caller(&key).monitors().await.contains_key("nightly-backup"));

    let list = installation.run(&["list-api-keys"]).await.well();
    let id = list.lines().find(|line| line.ends_with("lost laptop")).and_then(|line| line.split(' ').next()).unwrap();
    assert_eq!(installation.run(&["revoke-api-key", id]).await.well(), format!("{id} is revoked\n"));
    server.stop().await;
    let server = installation.serve_api().await;
    assert_eq!(server.caller(&key).ping("nightly-backup").await, 401);
    assert!(!server.said.text().contains("There is no API key"), "{}", server.said.text());
    server.stop().await;
    let backup = installation.run(&["backup", "copy.db"]).await.badly();
    assert!(backup.contains("DynamoDB has point-in-time recovery"), "{backup}");
    assert!(installation.files().is_empty(), "{:?}", installation.files());
}

#[tokio::test]
async fn serve_is_api_and_checker_over_the_tables_as_well() {
    let (_ground, installation) = ground().await;
    let bot_api = BotApi::open().await;
    let installation = installation.telling(&bot_api).with("HEARTBEAT_CHECK_INTERVAL", "1").with("RUST_LOG", "trace");
    let server = installation.serve().await;
    server.said.until("keeps everything in the DynamoDB tables heartbeat-monitors, ").await;
    server.said.until("Alerts go to Telegram.").await;
    server.said.until("There is no API key yet.").await;
    let key = key(&installation).await;
    let caller = server.caller(&key);
    assert_eq!(caller.ping("nightly-backup/3").await, 201);
    bot_api.message(SOON, "nightly-backup", "🔴").await;
    assert_eq!(caller.ping("nightly-backup/0").await, 200);
    bot_api.message(SOON, "nightly-backup", "🟢").await;
    let ready = caller.ask(reqwest::Method::GET, "/readyz").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    let logged = server.logged.clone();
    server.stop().await;
    let logged = logged.to_the_end().await;
    assert!(!logged.contains(crate::installation::AWS_SECRET), "the secret is in the log");
    assert!(!logged.contains(&key[3..]), "the key is in the log");
}

#[tokio::test]
async fn what_all_agree_on_is_shown_and_changed() {
    let (_ground, installation) = ground().await;
    let settings = async |arguments: &[&str]| installation.run(&[&["settings"], arguments].concat()).await;
    let shown = settings(&[]).await.well();
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].starts_with("detector     index: "), "{shown}");
    assert_eq!(lines[1], "shards       16");
    assert!(lines[2].starts_with("settle time  10 s "), "{shown}");
    assert!(lines[3].starts_with("clock skew   "), "{shown}");

    let fewer = settings(&["grow-shards", "8"]).await.badly();
    assert!(fewer.contains("the number of shards only grows: there are 16, and at most 1024"), "{fewer}");
    assert!(settings(&["grow-shards", "64"]).await.well().starts_with("64 shards instead of 16: "));
    assert!(settings(&["show"]).await.well().contains("shards       64 (16 until 20"));

    assert_eq!(settings(&["detector", "index"]).await.well(), "the detector is index already\n");
    assert!(settings(&["detector", "sweep"]).await.well().starts_with("the detector is sweep: "));
    let leaving = settings(&["detector", "index"]).await.well();
    assert!(leaving.contains("`heartbeat settings detector index` finishes it from 20"), "{leaving}");
    let again = settings(&["detector", "index"]).await.well();
    assert!(again.starts_with("`heartbeat settings detector index` finishes it from 20"), "{again}");

    let alone = Installation::fresh().run(&["settings"]).await.badly();
    assert!(alone.contains("heartbeat.db is served by one process") && alone.contains("HEARTBEAT_STORE"), "{alone}");
}

#[tokio::test]
async fn the_settle_time_is_what_was_agreed_on_first() {
    let (_ground, installation) = ground().await;
    let installation = installation.with("HEARTBEAT_SETTLE", "4s");
    let agreed = installation.run(&["settings"]).await.well();
    assert!(agreed.contains("settle time  4 s "), "{agreed}");
    let installation = installation.with("HEARTBEAT_SETTLE", "7s");
    let checker = installation.check().await;
    checker
        .logged
        .until("HEARTBEAT_SETTLE is 7 s here, and 4 s is what all processes over these tables have agreed")
        .await;
    checker.stop().await;
}
