//! The schedule, at its own pace of a minute: what happened while nobody was invoked is told by the next invocation, and so
//! is what an invocation had begun to tell when it was cut off.

use heartbeat_core::Timestamp;

use crate::{
    bot_api::{BotApi, Weather},
    deployment::{CHECKER, Draft},
    patience::{A_LEASE, SOON, within},
    tidings::Mark,
};

/// One test, as each of its parts waits for the same minute.
#[tokio::test]
async fn what_was_cut_off_and_what_lapsed_meanwhile_is_told_by_the_next_invocation() {
    let bot_api = BotApi::open().await;
    let draft = Draft::telling(&bot_api).at_its_own_pace().with(CHECKER, "HEARTBEAT_CHECK_INTERVAL", "2");
    let deployment = draft.deploy().await;
    let key = deployment.key().await;
    let (caller, checker) = (deployment.caller(&key).await, deployment.checker());
    for path in ["lapsing?interval=30s&grace=0", "steady?interval=1h", "cut-off/fail"] {
        assert_eq!(caller.ping(path).await, 201);
    }

    // The message has left, nobody has answered, and the process is killed.
    bot_api.turn(Weather::Withheld);
    let (outcome, ()) = tokio::join!(checker.invoke(), async {
        bot_api.until(SOON, "the message that is cut off", |messages| !messages.is_empty()).await;
        checker.kill();
    });
    let (kind, _) = outcome.badly();
    assert_eq!(kind, "Runtime.ExitError");
    assert!(deployment.cloud.instances(CHECKER).is_empty());
    bot_api.turn(Weather::Fair);
    assert!(bot_api.told_of("cut-off").is_empty());

    // Nobody invokes it now, until the schedule does for the first time.
    let due =
        caller.monitors().await["lapsing"]["next_due_at"].as_str().map(|at| Timestamp::parse(at).unwrap()).unwrap();
    let lapsed = bot_api.message(A_LEASE, "lapsing", "🔴").await;
    assert!(lapsed.at >= due, "told before it was due");
    let since = due.format_utc("🔴 <b>lapsing</b> overdue since %H:%M:%S UTC");
    assert!(lapsed.text.starts_with(&since), "{} instead of {since}", lapsed.text);
    bot_api.until(A_LEASE, "what was cut off", |_| !bot_api.told_of("cut-off").is_empty()).await;
    for slug in ["lapsing", "cut-off"] {
        assert_eq!(caller.ping(slug).await, 200);
        bot_api.message(SOON, slug, "🟢").await;
        let marks: Vec<Mark> = bot_api.told_of(slug).iter().map(|tiding| tiding.mark).collect();
        assert_eq!(marks, [Mark::Down, Mark::Back], "{slug}");
    }
    assert!(bot_api.told_of("steady").is_empty(), "a false alert: {:?}", bot_api.told_of("steady"));
    assert_eq!(deployment.cloud.instances(CHECKER).len(), 1);
    deployment.leaves_nothing_strange(&key).await;
}

#[tokio::test]
async fn a_bot_api_that_hangs_costs_an_invocation_neither_its_end_nor_the_alert() {
    let bot_api = BotApi::open().await;
    let deployment = Draft::telling(&bot_api).deploy().await;
    let key = deployment.key().await;
    assert_eq!(deployment.caller(&key).await.ping("nightly-backup/fail").await, 201);
    bot_api.turn(Weather::Withheld);
    // Whether it calls that a failure or not, it ends by itself: ministack would kill it as AWS does.
    let outcome = deployment.checker().invoke().await;
    assert!(outcome.answer["errorType"] != "Sandbox.Timedout" && !bot_api.arrived().is_empty(), "{outcome:?}");
    assert!(bot_api.told_of("nightly-backup").is_empty());

    bot_api.turn(Weather::Fair);
    let told = async {
        while bot_api.told_of("nightly-backup").is_empty() {
            deployment.checker().invoke().await.well();
        }
    };
    within(SOON, "the alert", told).await;
    assert_eq!(deployment.cloud.instances(CHECKER).len(), 1);
    deployment.leaves_nothing_strange(&key).await;
}
