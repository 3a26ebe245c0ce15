//! Two things at once: invocations that overlap, and an upgrade while pings flow.

use reqwest::Method;
use tokio::sync::watch;

use crate::{
    bot_api::BotApi,
    caller::Caller,
    deployment::{API, CHECKER, Draft, zip_of},
    patience::{SOON, within},
    tidings::Mark,
};

/// Monitors that fail together.
const MONITORS: usize = 12;
const ROUNDS: usize = 4;

#[tokio::test]
async fn two_checkers_at_once_tell_each_alert_once() {
    let bot_api = BotApi::open().await;
    let deployment = Draft::telling(&bot_api).deploy().await;
    let key = deployment.key().await;
    let (caller, checker) = (deployment.caller(&key).await, deployment.checker());
    for round in 0..ROUNDS {
        let path = if round % 2 == 0 { "/fail" } else { "" };
        for monitor in 0..MONITORS {
            assert!(matches!(caller.ping(&format!("job-{monitor}{path}")).await, 200 | 201));
        }
        let (one, other) = tokio::join!(checker.invoke(), checker.invoke());
        let delivered = [one, other].map(|outcome| outcome.well()["delivered"].as_u64().unwrap());
        assert!(delivered.iter().sum::<u64>() > 0, "nobody told anything in round {round}");
    }
    // What one had claimed and the other left.
    checker.invoke().await.well();
    assert_eq!(deployment.cloud.instances(CHECKER).len(), 2, "the invocations did not overlap");
    for monitor in 0..MONITORS {
        let told = bot_api.told_of(&format!("job-{monitor}"));
        let marks: Vec<Mark> = told.iter().map(|tiding| tiding.mark).collect();
        assert_eq!(marks, [Mark::Down, Mark::Back, Mark::Down, Mark::Back], "job-{monitor}: {told:?}");
    }
    deployment.leaves_nothing_strange(&key).await;
}

/// What became of the pings of a client.
#[derive(Clone, Copy, Debug, Default)]
struct Pings {
    /// Answered well: each of them counts.
    accepted: u64,
    /// Refused with something that says "again": each may count.
    doubtful: u64,
}

/// Pings until it is told to stop.
async fn ping_on(caller: Caller, told: watch::Sender<Pings>, stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let answer = caller.ask(Method::POST, "/heartbeat/steady?interval=1h").await;
        match answer.status {
            200 | 201 => told.send_modify(|pings| pings.accepted += 1),
            429 | 500 | 502..=504 => told.send_modify(|pings| pings.doubtful += 1),
            _ => panic!("{answer:?}"),
        }
    }
}

/// The same code in another zip: with a comment at its end, which is what is the end of a zip.
fn another_zip(mut zip: Vec<u8>) -> Vec<u8> {
    let length = zip.len();
    assert_eq!(zip[length - 22..length - 18], *b"PK\x05\x06", "the zip ends with a comment already");
    zip[length - 2] = 7;
    zip.extend_from_slice(b"upgrade");
    zip
}

#[tokio::test]
async fn an_upgrade_while_pings_flow_loses_none_that_was_answered() {
    let bot_api = BotApi::open().await;
    let deployment = Draft::telling(&bot_api).deploy().await;
    let key = deployment.key().await;
    let caller = deployment.caller(&key).await;
    assert_eq!(caller.ping("steady?interval=1h").await, 201);
    let (told, mut heard) = watch::channel(Pings::default());
    let (stop, stopped) = watch::channel(false);
    let clients: Vec<_> =
        (0..3).map(|_| tokio::spawn(ping_on(caller.clone(), told.clone(), stopped.clone()))).collect();

    let before = deployment.cloud.instances(API);
    for zip in [another_zip(zip_of(API)), zip_of(API)] {
        let enough = heard.borrow().accepted + 15;
        within(SOON, "pings", heard.wait_for(|pings| pings.accepted >= enough)).await.unwrap();
        deployment.api().upgrade(&zip).await;
        deployment.checker().upgrade(&zip_of(CHECKER)).await;
        deployment.checker().invoke().await.well();
    }
    let enough = heard.borrow().accepted + 15;
    within(SOON, "pings of the upgraded", heard.wait_for(|pings| pings.accepted >= enough)).await.unwrap();
    stop.send_replace(true);
    for client in clients {
        within(SOON, "the last answer", client).await.unwrap();
    }
    assert!(deployment.cloud.instances(API).iter().all(|instance| !before.contains(instance)), "nothing was upgraded");

    let pings = *told.borrow();
    let counted = caller.monitors().await["steady"]["ping_count"].as_u64().unwrap();
    assert!(
        (1 + pings.accepted..=1 + pings.accepted + pings.doubtful).contains(&counted),
        "{pings:?}, {counted} counted"
    );
    assert!(pings.doubtful <= 2 * 3, "ministack breaks off what is being answered, and nothing else fails: {pings:?}");
    deployment.leaves_nothing_strange(&key).await;
}
