//! What it is all for: a job stops, and people are told; it comes back, and they are told that, too.

use std::process::Stdio;

use heartbeat_core::Timestamp;
use reqwest::Method;
use tokio::process::Command;

use crate::{
    bot_api::{BotApi, CHAT},
    caller::Caller,
    installation::Installation,
    patience::{A_LAPSE, SOON},
    server::Server,
    tidings::Mark,
};

/// The curl lines that the first start prints.
async fn printed_lines(server: &Server) -> Vec<String> {
    server.said.until("/monitors").await;
    let text = server.said.text();
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| line.starts_with("curl ")).collect();
    assert_eq!(lines.len(), 3, "{text}");
    lines.into_iter().map(ToOwned::to_owned).collect()
}

/// Does what a printed line says: with curl where it is installed, else with a client of our own.
async fn follow(line: &str, caller: &Caller) -> String {
    let mut shell = Command::new("sh");
    shell.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").kill_on_drop(true);
    shell.args(["-c", &format!("command -v curl >/dev/null || exit 99; {line}")]).stderr(Stdio::null());
    let output = shell.output().await.unwrap();
    if output.status.code() == Some(99) {
        let method = if line.contains("-X POST") { Method::POST } else { Method::GET };
        let address = line.rsplit('"').nth(1).unwrap();
        let path = address.splitn(4, '/').nth(3).unwrap();
        return caller.ask(method, &format!("/{path}")).await.text;
    }
    assert!(output.status.success(), "{line}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_printed_lines_work_as_printed() {
    let bot_api = BotApi::open().await;
    let installation = Installation::fresh().telling(&bot_api);
    let server = installation.serve().await;
    server.said.until("Alerts go to Telegram.").await;
    let caller = server.caller(&server.first_key().await);
    let lines = printed_lines(&server).await;

    assert_eq!(follow(&lines[0], &caller).await, "201 Created\n");
    assert_eq!(follow(&lines[1], &caller).await, "200 OK\n");
    assert!(follow(&lines[2], &caller).await.contains(r#""status":"overdue""#));

    let message = bot_api.message(SOON, "nightly-backup", "🔴").await;
    assert!(message.text.starts_with("🔴 <b>nightly-backup</b> failed at "), "{}", message.text);
    assert_eq!(message.chat, CHAT);
    assert_eq!(follow(&lines[0], &caller).await, "200 OK\n");
    let message = bot_api.message(SOON, "nightly-backup", "🟢").await;
    assert!(message.text.starts_with("🟢 <b>nightly-backup</b> ok again after "), "{}", message.text);
    assert_eq!(bot_api.arrived().len(), 2);
    server.stop().await;
}

/// The shortest interval is 30 s, so everything that lapses does so together.
#[tokio::test]
async fn a_lapsed_monitor_is_told_and_its_recovery_too() {
    let bot_api = BotApi::open().await;
    let installation = Installation::fresh().telling(&bot_api).with("HEARTBEAT_SETTLE", "0");
    let server = installation.serve().await;
    let caller = server.caller(&server.first_key().await);
    for path in [
        "in-grace?interval=30s&grace=1h",
        "lapsing?interval=30s&grace=0",
        "lapsing-too/start?interval=30&grace=0s",
        "paused?interval=30s&grace=0",
        "deleted?interval=30s&grace=0",
        "on-time?interval=1h",
        "only-logged/log?interval=30s&grace=0",
    ] {
        assert_eq!(caller.ping(path).await, 201, "{path}");
    }
    assert_eq!(caller.ask(Method::POST, "/monitors/paused/pause").await.status, 200);
    assert_eq!(caller.ask(Method::DELETE, "/monitors/deleted").await.status, 200);
    let before = &caller.monitors().await["lapsing"];
    let due = Timestamp::parse(before["next_due_at"].as_str().unwrap()).unwrap();

    let message = bot_api.message(A_LAPSE, "lapsing", "🔴").await;
    assert!(message.at >= due, "told before it was due");
    let since = due.format_utc("🔴 <b>lapsing</b> overdue since %H:%M:%S UTC");
    assert!(message.text.starts_with(&since), "{} instead of {since}", message.text);
    assert!(message.text.ends_with("Expected every 30s, no grace"), "{}", message.text);
    bot_api.message(SOON, "lapsing-too", "🔴").await;
    let monitors = caller.monitors().await;
    for (slug, status) in [("lapsing", "overdue"), ("paused", "paused"), ("in-grace", "late"), ("on-time", "ok")] {
        assert_eq!(monitors[slug]["status"], status, "{slug}");
    }

    for slug in ["lapsing", "lapsing-too"] {
        assert_eq!(caller.ping(slug).await, 200);
        let message = bot_api.message(SOON, slug, "🟢").await;
        assert!(message.text.contains("ok again after"), "{}", message.text);
    }
    // Nobody else was worth a word.
    assert_eq!(bot_api.arrived().len(), 4, "{:?}", bot_api.arrived());
    server.stop().await;
}

#[tokio::test]
async fn what_stays_down_is_repeated_until_it_is_well() {
    let bot_api = BotApi::open().await;
    let installation = Installation::fresh().telling(&bot_api).with("HEARTBEAT_REMIND_EVERY", "1s");
    let server = installation.serve().await;
    let caller = server.caller(&server.first_key().await);
    assert_eq!(caller.ping("stubborn/7").await, 201);
    let message = bot_api.message(SOON, "stubborn", "Reminder 2").await;
    assert!(message.text.starts_with("🟠 <b>stubborn</b> still failing after "), "{}", message.text);
    assert_eq!(caller.ping("stubborn/0").await, 200);
    bot_api.message(SOON, "stubborn", "🟢").await;
    // Another monitor's reminder is later than any that this one could still get.
    assert_eq!(caller.ping("another/fail").await, 201);
    bot_api.message(SOON, "another", "Reminder 2").await;
    assert_eq!(bot_api.told_of("stubborn").last().unwrap().mark, Mark::Back);
    server.stop().await;
}

#[tokio::test]
async fn without_telegram_alerts_go_to_the_terminal_plainly() {
    let installation = Installation::fresh();
    let server = installation.serve().await;
    server.said.until("Alerts go to this terminal. For Telegram, set TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID.").await;
    let caller = server.caller(&server.first_key().await);
    assert_eq!(caller.ping("nightly-backup/fail").await, 201);
    server.said.until("🔴 nightly-backup failed at ").await;
    server.said.until("It was the first ping").await;
    assert_eq!(caller.ping("nightly-backup").await, 200);
    server.said.until("🟢 nightly-backup ok again after ").await;
    assert!(!server.said.text().contains("<b>"), "markup on a terminal:\n{}", server.said.text());
    assert!(!server.logged.text().contains('🔴'), "an alert among the logs:\n{}", server.logged.text());
    server.stop().await;
}
