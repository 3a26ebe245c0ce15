//! The short commands, beside a running `serve`.

use crate::{
    installation::{ADD_API_KEY, HEARTBEAT, Installation},
    server::Server,
};

/// An installation that serves, and its first key.
async fn served() -> (Installation, Server, String) {
    let installation = Installation::fresh();
    let server = installation.serve().await;
    let key = server.first_key().await;
    (installation, server, key)
}

/// The id that `list-api-keys` shows for a description.
async fn id_of(installation: &Installation, description: &str) -> String {
    let list = installation.run(&["list-api-keys"]).await.well();
    let line = list.lines().find(|line| line.ends_with(description)).unwrap_or_else(|| panic!("{list}"));
    line.split(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_new_key_works_at_once_whichever_program_made_it() {
    let (installation, server, _) = served().await;
    for (program, mut arguments) in [(ADD_API_KEY, vec![]), (HEARTBEAT, vec!["add-api-key"])] {
        arguments.extend(["--description", "my service"]);
        let printed = installation.run_program(program, &arguments).await.well();
        let key = printed.strip_suffix('\n').unwrap();
        assert!(key.starts_with("hb_") && !key.contains(char::is_whitespace), "more than a key: {printed:?}");
        assert!(matches!(server.caller(key).ping("nightly-backup").await, 200 | 201));
        assert!(server.caller(key).monitors().await.contains_key("nightly-backup"));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_key_opens_what_it_was_made_for_and_no_more() {
    let (installation, server, _) = served().await;
    let key = async |arguments: &[&str]| {
        let arguments = [&["add-api-key", "--description", "limited"], arguments].concat();
        installation.run(&arguments).await.well().trim().to_owned()
    };
    let ping = server.caller(&key(&["--scope", "ping"]).await);
    assert_eq!(ping.ping("nightly-backup").await, 201);
    assert_eq!(ping.ask(reqwest::Method::GET, "/monitors").await.status, 403);
    let one = server.caller(&key(&["--monitor", "nightly-backup"]).await);
    assert_eq!((one.ping("nightly-backup").await, one.ping("another").await), (200, 403));
    let other = server.caller(&key(&["--project", "other"]).await);
    assert!(other.monitors().await.is_empty(), "one project sees another's monitors");
    server.stop().await;
}

#[tokio::test]
async fn a_revoked_key_is_listed_as_such_and_refused() {
    let (installation, server, first) = served().await;
    let key = installation.run(&["add-api-key", "--description", "lost laptop"]).await.well().trim().to_owned();
    assert_eq!(server.caller(&key).ping("nightly-backup").await, 201);
    let id = id_of(&installation, "lost laptop").await;

    assert_eq!(installation.run(&["revoke-api-key", &id]).await.well(), format!("{id} is revoked\n"));
    assert_eq!(installation.run(&["revoke-api-key", &id]).await.well(), format!("{id} was revoked before\n"));
    let list = installation.run(&["list-api-keys"]).await.well();
    assert!(list.lines().any(|line| line.starts_with(&format!("{id}  revoked "))), "{list}");
    assert!(!list.contains(&key) && !list.contains(&first), "keys are stored nowhere:\n{list}");
    let unknown = installation.run(&["revoke-api-key", "nobody"]).await.badly();
    assert!(unknown.contains("`heartbeat list-api-keys` shows their ids"), "{unknown}");

    // A running server may remember the key for a minute; one that starts anew has nothing to remember.
    server.stop().await;
    let server = installation.serve().await;
    assert_eq!(server.caller(&key).ping("nightly-backup").await, 401);
    assert_eq!(server.caller(&first).ping("nightly-backup").await, 200);
    server.stop().await;
}

#[tokio::test]
async fn monitors_are_listed_paused_resumed_and_deleted() {
    let (installation, server, key) = served().await;
    let at_desk = Installation::fresh().with("HEARTBEAT_URL", &server.address).with("HEARTBEAT_API_KEY", &key);
    let caller = server.caller(&key);
    assert_eq!(caller.ping("nightly-backup?interval=1d").await, 201);
    // Compared before there is news: its delivery would change the list between the two.
    assert_eq!(at_desk.run(&["monitors", "list"]).await.well(), at_desk.run(&["monitors"]).await.well());
    assert_eq!(caller.ping("web-shop/fail").await, 201);

    let list = at_desk.run(&["monitors"]).await.well();
    assert!(list.lines().any(|line| line.starts_with("ok        nightly-backup ") && line.ends_with("1d")), "{list}");
    assert!(list.lines().any(|line| line.starts_with("overdue   web-shop ")), "{list}");
    assert_eq!(at_desk.run(&["monitors", "pause", "web-shop", "--for", "2h"]).await.well(), "web-shop is paused\n");
    let monitors = caller.monitors().await;
    assert_eq!(monitors["web-shop"]["status"], "paused");
    assert!(monitors["web-shop"]["paused_until"].is_string());
    assert_eq!(at_desk.run(&["monitors", "unpause", "web-shop"]).await.well(), "web-shop is watched again\n");
    assert_eq!(caller.monitors().await["web-shop"]["status"], "ok");
    assert_eq!(at_desk.run(&["monitors", "delete", "web-shop"]).await.well(), "web-shop is deleted\n");
    assert!(!caller.monitors().await.contains_key("web-shop"));
    assert_eq!(caller.ping("web-shop").await, 410);

    let unknown = at_desk.run(&["monitors", "pause", "nobody"]).await.badly();
    assert!(unknown.starts_with("heartbeat: ") && unknown.contains("nobody"), "{unknown}");
    assert!(!at_desk.files().contains(&"heartbeat.db".to_owned()), "it needs no store here");
    server.stop().await;
    let gone = at_desk.run(&["monitors"]).await.badly();
    assert!(gone.contains("no answer from http://127.0.0.1:") && gone.contains("HEARTBEAT_URL"), "{gone}");
    let keyless = installation.run(&["monitors"]).await.badly();
    assert!(keyless.contains("HEARTBEAT_API_KEY is not set"), "{keyless}");
}

#[tokio::test]
async fn a_backup_made_beside_serve_is_served_with_everything_in_it() {
    let (installation, server, key) = served().await;
    let caller = server.caller(&key);
    assert_eq!(caller.ping("nightly-backup?interval=1d").await, 201);
    assert_eq!(caller.ping("web-shop/3").await, 201);
    let said = installation.run(&["backup", "copy.db"]).await.well();
    assert!(said.starts_with("copy.db is a copy of heartbeat.db"), "{said}");
    assert_eq!(caller.ping("after-the-backup").await, 201);
    let again = installation.run(&["backup", "copy.db"]).await.badly();
    assert!(again.contains("copy.db exists already"), "{again}");

    let copy = installation.serve_with(&["--db", "copy.db"]).await;
    let copied = copy.caller(&key).monitors().await;
    assert_eq!(copied.keys().collect::<Vec<_>>(), ["nightly-backup", "web-shop"]);
    let monitors = caller.monitors().await;
    for (slug, monitor) in copied {
        for field in ["status", "since", "ping_count", "last_ping_at", "next_due_at", "incident"] {
            assert_eq!(monitor[field], monitors[&slug][field], "{field} of {slug}");
        }
    }
    assert_eq!(copy.caller(&key).ping("web-shop").await, 200);
    copy.stop().await;
    server.stop().await;
}

#[tokio::test]
async fn the_help_teaches() {
    let nowhere = Installation::fresh();
    let help = nowhere.run(&["--help"]).await.well();
    for taught in
        ["curl -H", "heartbeat serve", "add-api-key", "backup", "TELEGRAM_BOT_TOKEN", "BIND_ADDR", "127.0.0.1:3000"]
    {
        assert!(help.contains(taught), "{taught} is not in\n{help}");
    }
    for command in ["serve", "add-api-key", "list-api-keys", "revoke-api-key", "monitors", "backup"] {
        let help = nowhere.run(&[command, "--help"]).await.well();
        assert!(help.contains(&format!("heartbeat {command}")), "{help}");
    }
    let help = nowhere.run_program(ADD_API_KEY, &["--help"]).await.well();
    assert!(help.contains("--description") && help.contains("--scope"), "{help}");
    assert!(nowhere.files().is_empty(), "reading help leaves nothing behind: {:?}", nowhere.files());
}
