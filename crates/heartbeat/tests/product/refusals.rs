//! Starts that must not happen: each ends with a sentence that says what to do, and leaves nothing behind.

use crate::installation::{ADD_API_KEY, Installation};

#[tokio::test]
async fn bad_settings_are_listed_all_at_once_and_nothing_is_started() {
    let installation = Installation::fresh()
        .with("BIND_ADDR", "nowhere")
        .with("TELEGRAM_BOT_TOKEN", "123456:a-secret")
        .with("HEARTBEAT_CHECK_INTERVAL", "0")
        .with("HEARTBEAT_SETTLE", "soon")
        .with("RUST_LOG", "heartbeat=loud=er");
    let complaint = installation.run(&["serve"]).await.badly();
    for name in ["BIND_ADDR", "TELEGRAM_CHAT_ID", "HEARTBEAT_CHECK_INTERVAL", "HEARTBEAT_SETTLE", "RUST_LOG"] {
        let told = complaint.lines().filter(|line| line.trim().starts_with(&format!("{name}: "))).count();
        assert_eq!(told, 1, "{name} in\n{complaint}");
    }
    assert!(complaint.starts_with("heartbeat: the settings have mistakes, nothing was started:\n"), "{complaint}");
    assert!(!complaint.contains("a-secret"), "{complaint}");
    assert!(installation.files().is_empty(), "{:?}", installation.files());
}

#[tokio::test]
async fn a_second_serve_on_the_same_file_is_refused_and_harms_nobody() {
    let installation = Installation::fresh();
    let server = installation.serve().await;
    let key = server.first_key().await;
    let complaint = installation.run(&["serve"]).await.badly();
    assert!(complaint.contains("heartbeat.db is already served by another Heartbeat process"), "{complaint}");
    assert_eq!(server.caller(&key).ping("nightly-backup").await, 201);
    server.kill().await;
    // The lock dies with its holder, however that ends.
    installation.serve().await.stop().await;
}

#[tokio::test]
async fn a_port_in_use_is_named_and_the_first_key_is_not_lost_on_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let installation = Installation::fresh().with("BIND_ADDR", &address);
    let finished = installation.run(&["serve"]).await;
    assert!(!finished.out.contains("hb_"), "{finished:?}");
    let complaint = finished.badly();
    assert!(complaint.contains(&format!("cannot listen on {address}: choose another BIND_ADDR")), "{complaint}");
    let installation = installation.with("BIND_ADDR", "127.0.0.1:0");
    let server = installation.serve().await;
    let key = server.first_key().await;
    assert_eq!(server.caller(&key).ping("nightly-backup").await, 201);
    server.stop().await;
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_left_alone() {
    let installation = Installation::fresh();
    let foreign = "Dear diary, ".repeat(1_000);
    std::fs::write(installation.path("heartbeat.db"), &foreign).unwrap();
    for arguments in [&["serve"][..], &["list-api-keys"], &["backup", "copy.db"]] {
        let complaint = installation.run(arguments).await.badly();
        assert!(complaint.contains("heartbeat.db is not a Heartbeat database"), "{complaint}");
    }
    assert_eq!(std::fs::read_to_string(installation.path("heartbeat.db")).unwrap(), foreign);
    assert!(!installation.files().contains(&"copy.db".to_owned()));
}

#[tokio::test]
async fn a_command_that_cannot_be_understood_says_what_would_be() {
    let installation = Installation::fresh();
    for (arguments, said) in [
        (&["srve"][..], "serve"),
        (&["add-api-key"], "--description"),
        (&["add-api-key", "--description", " "], "say what the key is for"),
        (&["add-api-key", "--description", "x", "--scope", "pong"], "there are ping, read, write, admin"),
        (&["add-api-key", "--description", "x", "--monitor", "No Slug"], "--monitor"),
        (&["add-api-key", "--description", "x", "--expires-in", "0"], "at least a second"),
        (&["backup", "copy.db"], "there is no store at heartbeat.db"),
    ] {
        let complaint = installation.run(arguments).await.badly();
        assert!(complaint.contains(said), "{arguments:?}:\n{complaint}");
    }
    let complaint = installation.run_program(ADD_API_KEY, &[]).await.badly();
    assert!(complaint.contains("--description"), "{complaint}");
    assert!(installation.files().is_empty(), "{:?}", installation.files());
}
