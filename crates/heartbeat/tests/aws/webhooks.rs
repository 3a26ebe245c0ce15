//! A channel of a project: set up and tried out through the API, told by the checker, and looked up in the ledger.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::{
    bot_api::BotApi,
    caller::Caller,
    deploy::put_parameter,
    deployment::{API, CHECKER, Deployment, Draft},
    patience::{SOON, within},
    receiver::{Call, Receiver},
    tidings::Mark,
};

/// The parameter that holds the secret of the webhook; below it is what a channel may name.
pub(crate) const PARAMETER: &str = "/heartbeat/channels/shop-hook";
/// What requests are signed with, and nobody may ever see.
const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The same where channels may reach this machine.
pub(crate) fn at_home(draft: Draft) -> Draft {
    let variable = "HEARTBEAT_ALLOW_PRIVATE_ADDRESSES";
    draft.with(API, variable, "true").with(CHECKER, variable, "true").with_time_to_send()
}

/// Everything that can happen to a channel of a project of its own, so that every call is made. It ends disabled.
pub(crate) async fn a_channels_life(deployment: &Deployment, receiver: &Receiver) -> (Caller, String) {
    let key = deployment.key_with(&["--project", "shop"]).await;
    let caller = deployment.caller(&key).await;
    put_parameter(&deployment.cloud, PARAMETER, "SecureString", SECRET).await;
    let config = json!({"url": receiver.url, "secret": format!("ssm:{PARAMETER}")});
    let body = json!({"name": "hook", "kind": "webhook", "config": config});
    add(deployment, &key, &body).await;
    let listed = asked(&caller, Method::GET, "/api/v1/channels").await;
    assert_eq!(listed["channels"][0]["config"]["secret"], format!("ssm:{PARAMETER}"), "{listed:#}");
    let tried = asked(&caller, Method::POST, "/api/v1/channels/hook/test").await;
    assert_eq!(tried["outcome"], "delivered", "{tried:#}");
    is_signed(receiver, |call| call.body["type"] == "heartbeat.test");

    assert_eq!(caller.ping("checkout/fail").await, 201);
    invoked_until(deployment, "the webhook", || receiver.arrived().iter().any(|call| call.tells_of("checkout"))).await;
    is_signed(receiver, |call| call.tells_of("checkout"));
    for query in ["channel=hook", "monitor=checkout"] {
        let ledger = asked(&caller, Method::GET, &format!("/api/v1/deliveries?{query}")).await;
        let tried: Vec<&Value> = ledger["deliveries"].as_array().unwrap().iter().collect();
        let shapes: Vec<_> = tried.iter().map(|one| [&one["monitor"], &one["channel"], &one["outcome"]]).collect();
        assert!(!shapes.is_empty(), "{ledger:#}");
        assert!(shapes.iter().all(|shape| *shape == ["checkout", "hook", "delivered"]), "{ledger:#}");
    }

    // Whoever took it is gone for good.
    receiver.answer(410);
    assert_eq!(caller.ping("checkout").await, 200);
    let disabled = async {
        while asked(&caller, Method::GET, "/api/v1/channels/hook").await["enabled"] == true {
            deployment.checker().invoke().await.well();
        }
    };
    within(SOON, "the channel to be disabled", disabled).await;
    (caller, key)
}

async fn add(deployment: &Deployment, key: &str, channel: &Value) {
    let client = Client::builder().no_proxy().timeout(SOON).build().unwrap();
    let request = client.post(format!("{}/api/v1/channels", deployment.api().address().await)).bearer_auth(key);
    let request = request.header("content-type", "application/json").body(channel.to_string());
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
}

/// What a good answer has in it.
async fn asked(caller: &Caller, method: Method, path: &str) -> Value {
    let answer = caller.ask(method, path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    serde_json::from_str(&answer.text).unwrap()
}

async fn invoked_until(deployment: &Deployment, what: &str, is_so: impl Fn() -> bool) {
    let until = async {
        while !is_so() {
            deployment.checker().invoke().await.well();
        }
    };
    within(SOON, what, until).await;
}

fn is_signed(receiver: &Receiver, is_meant: impl Fn(&Call) -> bool) {
    let arrived = receiver.arrived();
    let call = arrived.iter().find(|call| is_meant(call)).unwrap_or_else(|| panic!("{arrived:#?}"));
    assert!(call.headers["webhook-signature"].to_str().unwrap().starts_with("v1,"), "{call:?}");
}

#[tokio::test]
async fn a_webhook_is_set_up_tried_out_told_and_disabled_when_nobody_is_there() {
    let (bot_api, receiver, watcher) = (BotApi::open().await, Receiver::open().await, Receiver::open().await);
    let draft = Draft::telling(&bot_api).with(CHECKER, "HEARTBEAT_OUTBOUND_URL", &watcher.url);
    let deployment = at_home(draft).deploy().await;
    let (caller, key) = a_channels_life(&deployment, &receiver).await;
    assert!(watcher.call(SOON, |_| true).await.is_some(), "who watches the checker was not called");

    // The project has a channel of its own, so Telegram hears of its jobs nothing, and of the channel's end everything.
    assert!(bot_api.told_of("checkout").is_empty(), "{:?}", bot_api.told_of("checkout"));
    invoked_until(&deployment, "the operator to be told", || {
        bot_api.told_of("channels").iter().any(|tiding| tiding.mark == Mark::Down)
    })
    .await;
    let said = bot_api.message(SOON, "channels", "shop/hook").await;
    assert!(said.text.contains("410"), "{}", said.text);
    let read_it = [deployment.apis_gate(), deployment.checkers_gate()].map(|gate| {
        gate.asked().iter().any(|call| call.action == "ssm:GetParameters" && call.resource.ends_with(PARAMETER))
    });
    assert_eq!(read_it, [true, true], "both read the secret, where it is kept");
    let ledger = asked(&caller, Method::GET, "/api/v1/deliveries?channel=hook").await;
    assert_eq!(ledger["deliveries"][0]["outcome"], "refused", "{ledger:#}");

    // It is there again, and what it was to be told is told.
    receiver.answer(200);
    asked(&caller, Method::POST, "/api/v1/channels/hook/enable").await;
    let is_back = || {
        let told = receiver.arrived();
        told.iter().filter(|call| call.tells_of("checkout")).count() >= 3
    };
    invoked_until(&deployment, "what was refused", is_back).await;
    deployment.leaves_nothing_strange(&key).await;
    deployment.leaves_nothing_strange(SECRET.trim_start_matches("whsec_")).await;
}
