//! API and checker as two programs over the same tables: either is killed, again and again, and no answered ping is lost,
//! and no alert.

use tokio::task::JoinSet;

use crate::{
    bot_api::BotApi,
    caller::Caller,
    patience::{A_LEASE, SOON, within},
    tables::{ground, key},
};

const ROUNDS: usize = 3;
/// Who pings side by side.
const CLIENTS: usize = 4;
/// How many pings each has answered before the API is killed.
const PINGS: usize = 5;

/// What became of the pings of a client.
#[derive(Clone, Copy, Debug, Default)]
struct Pings {
    /// Accepted: each of them counts.
    accepted: u64,
    /// Given up by the API in time, or cut off by its end: each may count.
    doubtful: u64,
}

/// Pings until nobody answers.
async fn ping_until_killed(caller: Caller, busy: tokio::sync::mpsc::Sender<()>) -> Pings {
    let mut pings = Pings::default();
    while let Ok(answer) = caller.try_ask(reqwest::Method::POST, "/heartbeat/steady").await {
        match answer.status {
            200 => {
                pings.accepted += 1;
                let _ = busy.try_send(());
            }
            503 => pings.doubtful += 1,
            _ => panic!("{answer:?}"),
        }
    }
    pings.doubtful += 1;
    pings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_and_checker_are_killed_and_every_ping_counts_and_every_alert_comes() {
    let (_ground, installation) = ground().await;
    let bot_api = BotApi::open().await;
    let installation =
        installation.telling(&bot_api).with("HEARTBEAT_SETTLE", "4s").with("HEARTBEAT_CHECK_INTERVAL", "1");
    let (key, mut checker, mut api) =
        (key(&installation).await, installation.check().await, installation.serve_api().await);
    assert_eq!(api.caller(&key).ping("lapsing?interval=30s&grace=0").await, 201);
    assert_eq!(api.caller(&key).ping("steady?interval=1h").await, 201);
    let (mut accepted, mut doubtful) = (1, 0);

    for round in 0..ROUNDS {
        let (busy, mut worked) = tokio::sync::mpsc::channel(CLIENTS * PINGS);
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(ping_until_killed(api.caller(&key), busy.clone()));
        }
        for _ in 0..CLIENTS * PINGS {
            within(SOON, "an answered ping", worked.recv()).await.unwrap();
        }
        api.kill().await;
        for pings in clients.join_all().await {
            accepted += pings.accepted;
            doubtful += pings.doubtful;
        }

        // A checker that is not there when it happens learns of it all the same.
        checker.kill().await;
        api = installation.serve_api().await;
        let slug = format!("failing-{round}");
        assert_eq!(api.caller(&key).ping(&format!("{slug}/fail")).await, 201);
        checker = installation.check().await;
        bot_api.message(SOON, &slug, "🔴").await;
        assert_eq!(api.caller(&key).ping(&slug).await, 200);
        bot_api.message(SOON, &slug, "🟢").await;
    }

    // Not A_LAPSE: a checker may have been killed while it was sending this.
    bot_api.message(A_LEASE, "lapsing", "🔴").await;
    assert_eq!(api.caller(&key).ping("lapsing").await, 200);
    bot_api.message(SOON, "lapsing", "🟢").await;
    let monitors = api.caller(&key).monitors().await;
    let counted = monitors["steady"]["ping_count"].as_u64().unwrap();
    assert!(
        (accepted..=accepted + doubtful).contains(&counted),
        "{accepted} accepted, {doubtful} in doubt, {counted} counted"
    );
    assert!(bot_api.told_of("steady").is_empty(), "a false alert: {:?}", bot_api.told_of("steady"));
    api.stop().await;
    checker.stop().await;
}
