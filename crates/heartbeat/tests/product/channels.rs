//! Channels as a person sets them up: by commands beside a running `serve`, or by HTTP; and who is told then.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::{
    caller::{Answer, Caller},
    installation::Installation,
    patience::{A_LAPSE, SOON},
    receiver::{Call, Receiver},
    tables::ground,
};

/// In everything that nobody may see.
const HIDDEN: &str = "hunter2";
/// For a channel that was just added to be told: those that there are are read every 10 s.
const A_LOOK: Duration = Duration::from_secs(4);

/// An installation whose channels may reach this machine.
fn at_home() -> Installation {
    Installation::fresh().with("HEARTBEAT_ALLOW_PRIVATE_ADDRESSES", "true")
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_str(&answer.text).unwrap()
}

/// Adds a channel by HTTP; the status of the answer.
async fn add_by_http(address: &str, key: &str, channel: &Value) -> u16 {
    let client = Client::builder().no_proxy().timeout(SOON).build().unwrap();
    let request = client.post(format!("{address}/api/v1/channels")).bearer_auth(key);
    let request = request.header("content-type", "application/json").body(channel.to_string());
    request.send().await.unwrap().status().as_u16()
}

/// Lets one job after the other fail until `receiver` is told; which job it was, and what it was told.
async fn told(receiver: &Receiver, caller: &Caller) -> (String, Call) {
    let attempts = SOON.as_secs() / A_LOOK.as_secs();
    for number in 0..attempts {
        let slug = format!("job-{number}");
        assert_eq!(caller.ping(&format!("{slug}/fail")).await, 201);
        if let Some(call) = receiver.call(A_LOOK, |call| call.tells_of(&slug)).await {
            return (slug, call);
        }
    }
    panic!("nobody was told: {:#?}", receiver.arrived());
}

#[tokio::test]
async fn channels_are_added_listed_shown_tested_and_removed_beside_serve() {
    let (installation, receiver) = (at_home(), Receiver::open().await);
    let server = installation.serve().await;
    let url = format!("url={}", receiver.url);
    let add = ["channels", "add", "ops", "webhook", &url, "headers.authorization=-", "--events", "down,up"];
    let added = installation.run_reading(&format!("Bearer {HIDDEN}\n"), &add).await.well();
    assert!(added.starts_with("ops is added; a running server tells it within 10 seconds\n"), "{added}");
    assert!(added.contains("`heartbeat channels test ops` shows"), "{added}");

    let list = installation.run(&["channels"]).await.well();
    assert_eq!(list, installation.run(&["channels", "list"]).await.well());
    assert!(
        list.lines().any(|line| line.starts_with("ops ") && line.ends_with("down,up                   enabled")),
        "{list}"
    );
    let shown = installation.run(&["channels", "show", "ops"]).await.well();
    assert!(shown.contains(&receiver.url) && shown.contains("\"authorization\": \"(set)\""), "{shown}");

    let tested = installation.run(&["channels", "test", "ops"]).await.well();
    assert!(tested.starts_with("ops has taken the test message, in "), "{tested}");
    assert_eq!(receiver.arrived()[0].headers["authorization"], format!("Bearer {HIDDEN}"));
    receiver.answer(503);
    let refused = installation.run(&["channels", "test", "ops"]).await.badly();
    assert!(refused.contains("ops did not take the test message") && refused.contains("503"), "{refused}");
    receiver.answer(410);
    let refused = installation.run(&["channels", "test", "ops"]).await.badly();
    assert!(refused.contains("ops refused the test message") && refused.contains("410"), "{refused}");

    installation.run(&["channels", "disable", "ops", "--why", "the server moves"]).await.well();
    let list = installation.run(&["channels"]).await.well();
    assert!(list.contains("DISABLED since ") && list.contains(": the server moves"), "{list}");
    assert_eq!(installation.run(&["channels", "enable", "ops"]).await.well(), "ops is told again\n");
    assert_eq!(installation.run(&["channels", "remove", "ops"]).await.well(), "ops is removed, with its secrets\n");
    let gone = installation.run(&["channels", "show", "ops"]).await.badly();
    assert!(gone.contains("there is no channel `ops`: `heartbeat channels list` shows which there are"), "{gone}");
    let none = installation.run(&["channels"]).await;
    assert!(none.err.contains("the project default has no channel"), "{none:?}");
    server.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_channel_is_named_with_its_field_and_a_remedy() {
    let installation = Installation::fresh();
    installation.run(&["add-api-key", "--description", "makes the store"]).await.well();
    let hook = ["channels", "add", "hook", "webhook"];
    for (name, arguments, said) in [
        ("Ops_Mail", &["webhook", "url=https://example.org"][..], "a slug has only lowercase letters"),
        ("ops", &["pigeon"], "there is no kind of channel \"pigeon\": use one of telegram, email, webhook"),
        ("ops", &["webhook"], "url: "),
        ("ops", &["webhook", "url=ftp://example.org"], "url: "),
        ("ops", &["webhook", "url=http://127.0.0.1/"], "url: the address is private"),
        ("ops", &["webhook", "url=https://example.org", "colour=red"], "colour: there is no such field"),
        ("ops", &["webhook", "url=https://example.org", "hunter2"], "write a setting as KEY=VALUE"),
        ("ops", &["webhook", "url=https://example.org", "secret=hunter2"], "secret: "),
        ("ops", &["webhook", "url=https://example.org", "secret=env:HOME"], "HEARTBEAT_SECRET_"),
        ("ops", &["webhook", "url=https://example.org", "template={{"], "template: "),
        ("ops", &["webhook", "url=https://example.org", "template=@nowhere"], "nowhere could not be read"),
        ("ops", &["webhook", "url=https://example.org", "--events", "nigh"], "--events: "),
        ("ops", &["telegram", "token=hunter2", "chat_id=-100"], "token: "),
        ("ops", &["email", "host=mail.example.org", "port=high", "from=a@example.org", "to=b@example.org"], "port: "),
        ("ops", &["email", "host=mail.example.org", "from=a@example.org", "to=nobody"], "to: "),
    ] {
        let complaint = installation.run(&[&["channels", "add", name], arguments].concat()).await.badly();
        assert!(complaint.contains(said), "{said:?} is not in\n{complaint}");
        // What clap refuses it repeats, as it stood on the command line.
        assert!(!complaint.contains(HIDDEN) || complaint.contains("error: invalid value"), "{complaint}");
    }
    let first = [&hook[..], &["url=https://example.org", "--fallback"]].concat();
    installation.run(&first).await.well();
    let again = installation.run(&first).await.badly();
    assert!(
        again.contains("there is a channel `hook` already: `heartbeat channels remove hook` makes room"),
        "{again}"
    );
    let second = ["channels", "add", "other", "webhook", "url=https://example.org", "--fallback"];
    let second = installation.run(&second).await.badly();
    assert!(second.contains("`hook` is the project's fallback already"), "{second}");
    let nowhere = Installation::fresh().run(&["channels"]).await.badly();
    assert!(nowhere.contains("there is no store at heartbeat.db"), "{nowhere}");
}

#[tokio::test]
async fn channels_are_kept_in_tables_too() {
    let (_ground, installation) = ground().await;
    let add = ["channels", "add", "mail", "email", "host=mail.example.org", "port=2525", "username=a"];
    let add =
        [&add[..], &["password=12345", "from=a@example.org", "to=b@example.org", "--project", "night-shift"]].concat();
    let added = installation.run(&add).await.well();
    assert!(added.contains("`heartbeat channels test mail --project night-shift`"), "{added}");
    let shown = installation.run(&["channels", "show", "mail", "--project", "night-shift"]).await.well();
    assert!(shown.contains("\"port\": 2525") && shown.contains("\"password\": \"(set)\""), "{shown}");
    assert_eq!(installation.run(&["channels"]).await.well().lines().count(), 1, "of another project");
}

#[tokio::test]
async fn a_webhook_that_was_added_by_http_is_told() {
    let (installation, receiver) = (at_home(), Receiver::open().await);
    let server = installation.serve().await;
    let key = server.first_key().await;
    let caller = server.caller(&key);
    let config = json!({"url": receiver.url, "headers": {"Authorization": format!("Bearer {HIDDEN}")}});
    let channel = json!({"name": "hook", "kind": "webhook", "config": config});
    assert_eq!(add_by_http(&server.address, &key, &channel).await, 201);
    let tested = caller.ask(Method::POST, "/api/v1/channels/hook/test").await;
    assert_eq!((tested.status, &json_of(&tested)["outcome"]), (200, &json!("delivered")), "{tested:?}");

    let (slug, call) = told(&receiver, &caller).await;
    assert_eq!(call.headers["authorization"], format!("Bearer {HIDDEN}"));
    assert!(call.headers.contains_key("idempotency-key"), "{call:?}");
    // A recovery is sent when the attempt before it is in the ledger.
    assert_eq!(caller.ping(&slug).await, 200);
    let told_twice = |_: &Call| receiver.arrived().iter().filter(|call| call.tells_of(&slug)).count() > 1;
    assert!(receiver.call(SOON, told_twice).await.is_some());
    let ledger = json_of(&caller.ask(Method::GET, &format!("/api/v1/deliveries?monitor={slug}")).await);
    assert_eq!(ledger["deliveries"][0]["channel"], "hook", "{ledger:#}");
    let logged = server.logged.clone();
    server.stop().await;
    assert!(!logged.to_the_end().await.contains(HIDDEN));
}

#[tokio::test]
async fn what_was_not_delivered_is_listed_and_tried_again_by_hand() {
    let (installation, receiver) = (at_home(), Receiver::open().await);
    let server = installation.serve().await;
    let key = server.first_key().await;
    let caller = server.caller(&key);
    let url = format!("url={}", receiver.url);
    installation.run(&["channels", "add", "hook", "webhook", &url]).await.well();
    receiver.answer(503);
    let (slug, _) = told(&receiver, &caller).await;
    let at_desk = Installation::fresh().with("HEARTBEAT_URL", &server.address).with("HEARTBEAT_API_KEY", &key);
    let chosen = at_desk.run(&["monitors", "channels", &slug, "hook"]).await.well();
    assert_eq!(chosen, format!("hook and no other is told of {slug}\n"));
    let unknown = at_desk.run(&["monitors", "channels", &slug, "nobody"]).await.badly();
    assert!(unknown.contains("there is no channel `nobody`"), "{unknown}");
    let all = at_desk.run(&["monitors", "channels", &slug, "--all"]).await.well();
    assert_eq!(all, format!("all channels of its project are told of {slug}\n"));

    // The row of an attempt is written after its answer.
    receiver.call(SOON, |_| receiver.arrived().iter().filter(|call| call.tells_of(&slug)).count() > 1).await.unwrap();
    let list = installation.run(&["deliveries", "--channel", "hook"]).await.well();
    let line = list.lines().find(|line| line.contains(&format!(" {slug} "))).unwrap_or_else(|| panic!("{list}"));
    assert!(line.contains("  retry  "), "{list}");
    let id = line.rsplit(' ').next().unwrap();
    assert!(installation.run(&["deliveries", "--monitor", &slug]).await.well().contains(id));
    receiver.answer(200);
    let before = receiver.arrived().len();
    let retried = installation.run(&["deliveries", "retry", id]).await.well();
    assert!(retried.starts_with(&format!("hook is told of {slug} again")), "{retried}");
    assert!(receiver.call(SOON, |_| receiver.arrived().len() > before).await.is_some());
    let unknown = installation.run(&["deliveries", "retry", "a.1.2"]).await.badly();
    assert!(unknown.contains("there is no delivery of this id"), "{unknown}");
    assert_eq!(installation.run(&["deliveries"]).await.code, Some(2));
    server.stop().await;
}

#[tokio::test]
async fn a_missed_deadline_and_its_end_are_told_by_a_webhook() {
    let (installation, receiver) = (at_home().with("HEARTBEAT_SETTLE", "0"), Receiver::open().await);
    let server = installation.serve().await;
    let caller = server.caller(&server.first_key().await);
    let url = format!("url={}", receiver.url);
    installation.run(&["channels", "add", "hook", "webhook", &url]).await.well();
    assert_eq!(caller.ping("lapsing?interval=30s&grace=0").await, 201);
    let told = |call: &Call, kind: &str| {
        let notifications = call.body["data"]["notifications"].as_array().cloned().unwrap_or_default();
        notifications.into_iter().find(|one| one["monitor"] == "lapsing" && one["kind"] == kind)
    };
    let missed = receiver.call(A_LAPSE, |call| told(call, "overdue").is_some()).await.expect("it is told");
    let missed = told(&missed, "overdue").unwrap();
    assert_eq!((&missed["cause"], &missed["interval_s"]), (&json!("missed"), &json!(30)), "{missed:#}");
    assert_eq!(caller.ping("lapsing").await, 200);
    let ended = receiver.call(SOON, |call| told(call, "recovery").is_some()).await.expect("its end is told");
    assert_eq!(told(&ended, "recovery").unwrap()["since"], missed["since"]);
    server.stop().await;
}
