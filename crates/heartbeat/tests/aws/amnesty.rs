//! Whether we can be heard: on Lambda nothing runs between pings, and the canary is the only evidence that there is.

use std::time::Duration;

use heartbeat_core::{Clock, Timestamp, clock::SystemClock};

use crate::{
    bot_api::{BotApi, Message},
    caller::Caller,
    deployment::{CHECKER, Deployment, Draft},
    patience::{A_LAPSE, A_LEASE, SOON, within},
    public_address::PublicAddress,
    tidings::Mark,
};

/// How often the checker looks in an invocation, in seconds: some looks, for an invocation is short here.
const OFTEN: &str = "2";
/// The settle time, and a look.
const TOLD_AFTER: Duration = Duration::from_secs(10 + 5);

/// When the job that is called `slug` is due.
async fn due(caller: &Caller, slug: &str) -> Timestamp {
    Timestamp::parse(caller.monitors().await[slug]["next_due_at"].as_str().unwrap()).unwrap()
}

fn told(bot_api: &BotApi, slug: &str, mark: Mark) -> bool {
    bot_api.told_of(slug).iter().any(|tiding| tiding.mark == mark)
}

/// Invokes the checker until its canary was heard. A first ping that a function needs long to start for is
/// followed by another after half a minute.
async fn is_heard(deployment: &Deployment) {
    let operator = deployment.caller(&deployment.key_of_the_operator().await).await;
    let heard = async {
        while !operator.monitors().await.contains_key("canary") {
            deployment.checker().invoke().await.well();
        }
    };
    within(A_LAPSE, "the canary", heard).await;
}

/// Neither that it is down nor that it may be.
fn says_nothing_of(bot_api: &BotApi, slug: &str) {
    let told = bot_api.arrived();
    assert!(!told.iter().any(|message| message.text.contains(slug)), "{told:#?}");
}

/// Invokes the checker until `slug` is told of: the message.
async fn told_by(deployment: &Deployment, bot_api: &BotApi, patience: Duration, slug: &str) -> Message {
    let told = async {
        while bot_api.told_of(slug).is_empty() {
            deployment.checker().invoke().await.well();
        }
    };
    within(patience, &format!("news of {slug}"), told).await;
    bot_api.message(SOON, slug, "🔴").await
}

#[tokio::test]
async fn an_api_whose_only_job_dies_is_told_on_time() {
    let bot_api = BotApi::open().await;
    let deployment = Draft::telling(&bot_api).with(CHECKER, "HEARTBEAT_CHECK_INTERVAL", OFTEN).deploy().await;
    let key = deployment.key().await;
    let caller = deployment.caller(&key).await;
    assert_eq!(caller.ping("the-only-one?interval=30s&grace=0").await, 201);
    let due = due(&caller, "the-only-one").await;

    let message = told_by(&deployment, &bot_api, A_LAPSE, "the-only-one").await;
    let since = due.format_utc("🔴 <b>the-only-one</b> overdue since %H:%M:%S UTC");
    assert!(message.text.starts_with(&since), "{} instead of {since}", message.text);
    assert!(!message.text.contains("unconfirmed"), "{}", message.text);
    deployment.leaves_nothing_strange(&key).await;
}

#[tokio::test]
async fn a_canary_that_is_heard_holds_nothing_back_when_the_only_job_dies() {
    let (bot_api, address) = (BotApi::open().await, PublicAddress::open().await);
    let draft = Draft::telling(&bot_api).with(CHECKER, "HEARTBEAT_CHECK_INTERVAL", OFTEN).with_canary(&address);
    let deployment = draft.deploy().await;
    let canary = deployment.send_out_a_canary(&address).await;
    is_heard(&deployment).await;
    let key = deployment.key().await;
    let caller = deployment.caller(&key).await;
    assert_eq!(caller.ping("the-only-one?interval=30s&grace=0").await, 201);
    let due = due(&caller, "the-only-one").await;

    let message = told_by(&deployment, &bot_api, A_LEASE, "the-only-one").await;
    let since = due.format_utc("🔴 <b>the-only-one</b> overdue since %H:%M:%S UTC");
    assert!(message.text.starts_with(&since), "{} instead of {since}", message.text);
    assert!(!message.text.contains("unconfirmed"), "{}", message.text);
    let own = deployment.caller(&deployment.key_of_the_operator().await).await.monitors().await;
    assert_eq!(own.keys().collect::<Vec<_>>(), ["canary"], "it is one monitor of the operator's project, and well");
    assert_eq!(own["canary"]["status"], "ok");
    assert!(!caller.monitors().await.contains_key("canary"));
    deployment.leaves_nothing_strange(&key).await;
    deployment.leaves_nothing_strange(&canary).await;
}

#[tokio::test]
async fn while_the_public_address_is_blocked_nobody_is_called_dead_and_the_operator_is_told() {
    let (bot_api, address) = (BotApi::open().await, PublicAddress::open().await);
    let draft = Draft::telling(&bot_api).with(CHECKER, "HEARTBEAT_CHECK_INTERVAL", OFTEN).with_canary(&address);
    let deployment = draft.deploy().await;
    let canary = deployment.send_out_a_canary(&address).await;
    let key = deployment.key().await;
    is_heard(&deployment).await;
    let (job, checker) = (Caller::new(address.url.trim_end_matches('/'), &key), deployment.checker());
    assert_eq!(job.ping("nightly-backup?interval=30s&grace=0").await, 201);
    address.block(true);
    let person = deployment.caller(&key).await;
    let due = due(&person, "nightly-backup").await;

    let told_anyway = due.plus(TOLD_AFTER);
    let deaf = async {
        while !told(&bot_api, "canary", Mark::Down) || SystemClock.now() < told_anyway {
            checker.invoke().await.well();
        }
    };
    within(A_LEASE, "the operator to be told", deaf).await;
    assert_eq!(job.ping("nightly-backup").await, 502, "it lives, and nobody hears it");
    says_nothing_of(&bot_api, "nightly-backup");
    assert_ne!(person.monitors().await["nightly-backup"]["status"], "overdue", "nor is it called dead where one looks");
    checker.until_logged("silence is held").await;

    address.block(false);
    let heard = async {
        while !told(&bot_api, "canary", Mark::Back) {
            assert_eq!(job.ping("nightly-backup").await, 200);
            checker.invoke().await.well();
        }
    };
    within(A_LAPSE, "the canary to be heard", heard).await;
    checker.invoke().await.well();
    says_nothing_of(&bot_api, "nightly-backup");
    deployment.leaves_nothing_strange(&key).await;
    deployment.leaves_nothing_strange(&canary).await;
}
