//! What it is all for: a job fails, and people are told; it stays so, and they are told again; it comes back, and they are
//! told that, too.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    bot_api::{BotApi, CHAT},
    deployment::{CHECKER, Deployment, Draft},
    patience::{SOON, within},
    tidings::Mark,
};

/// Invokes the checker, again and again, until the chat has been told of `slug` as `mark` says.
async fn invoked_until(deployment: &Deployment, bot_api: &BotApi, slug: &str, mark: Mark) {
    let told = async {
        while !bot_api.told_of(slug).iter().any(|tiding| tiding.mark == mark) {
            deployment.checker().invoke().await.well();
        }
    };
    within(SOON, &format!("{mark:?} of {slug}"), told).await;
}

#[tokio::test]
async fn a_failure_is_told_and_told_again_and_its_end_is_told() {
    let bot_api = BotApi::open().await;
    let deployment = Draft::telling(&bot_api).with(CHECKER, "HEARTBEAT_REMIND_EVERY", "1s").deploy().await;
    let key = deployment.key().await;
    let caller = deployment.caller(&key).await;
    assert_eq!(caller.ping("nightly-backup/7").await, 201);
    assert_eq!(caller.ping("steady?interval=1h").await, 201);

    let answer = deployment.checker().invoke().await.well();
    assert_eq!((&answer["passes"], &answer["delivered"]), (&1.into(), &1.into()), "{answer}");
    let message = bot_api.message(SOON, "nightly-backup", "🔴").await;
    assert!(message.text.starts_with("🔴 <b>nightly-backup</b> failed with exit code 7 at "), "{}", message.text);
    assert_eq!(message.chat, CHAT);
    invoked_until(&deployment, &bot_api, "nightly-backup", Mark::StillDown).await;
    assert_eq!(caller.ping("nightly-backup/0").await, 200);
    invoked_until(&deployment, &bot_api, "nightly-backup", Mark::Back).await;

    let told = bot_api.told_of("nightly-backup");
    deployment.checker().invoke().await.well();
    assert_eq!(bot_api.told_of("nightly-backup").len(), told.len(), "it is well, and there is no more to say");
    assert_eq!(told.iter().filter(|tiding| tiding.mark == Mark::Down).count(), 1, "{told:?}");
    assert!(bot_api.told_of("steady").is_empty(), "{:?}", bot_api.told_of("steady"));
    assert_eq!(caller.monitors().await["nightly-backup"]["status"], "ok");
    assert_eq!(deployment.cloud.instances(CHECKER).len(), 1, "an instance serves many invocations");
    deployment.leaves_nothing_strange(&key).await;
}

/// The names of the metrics in the line, which must be as CloudWatch wants it.
fn names_of(line: &Value, namespace: &str, function: &str) -> BTreeSet<String> {
    assert!(line["_aws"]["Timestamp"].as_i64().is_some_and(|at| at > 1_700_000_000_000), "milliseconds: {line:#}");
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    assert_eq!(directives.len(), 1, "{line:#}");
    assert_eq!(directives[0]["Namespace"], namespace);
    for dimension in directives[0]["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap()) {
        assert_eq!((dimension, &line[dimension.as_str().unwrap()]), (&"FunctionName".into(), &function.into()));
    }
    let metrics = directives[0]["Metrics"].as_array().unwrap().iter();
    let name = |metric: &Value| {
        assert!(["Count", "Seconds"].map(Some).contains(&metric["Unit"].as_str()), "{metric}");
        metric["Name"].as_str().unwrap().to_owned()
    };
    let names: BTreeSet<String> = metrics.map(name).collect();
    assert!(names.iter().all(|name| line[name].is_number()), "{line:#}");
    names
}

#[tokio::test]
async fn the_metrics_that_alarms_watch_are_in_the_log() {
    let bot_api = BotApi::open().await;
    let deployment = Draft::telling(&bot_api).deploy().await;
    let key = deployment.key().await;
    assert_eq!(deployment.caller(&key).await.ping("nightly-backup/fail").await, 201);
    for _ in 0..2 {
        deployment.checker().invoke().await.well();
    }
    deployment.checker().until_logged("auditor_found_missed").await;

    let lines = deployment.checker().metrics().await;
    let told: BTreeSet<String> = lines.iter().flat_map(|line| names_of(line, "Heartbeat", CHECKER)).collect();
    let own =
        deployment.plan.all("aws_cloudwatch_metric_alarm").filter(|alarm| alarm.values["namespace"] == "Heartbeat");
    let mut watched = BTreeSet::new();
    for alarm in own {
        assert_eq!(alarm.values["dimensions"]["FunctionName"], CHECKER, "{}", alarm.address);
        watched.insert(alarm.text("metric_name").to_owned());
    }
    assert!(!watched.is_empty() && watched.is_subset(&told), "alarms watch {watched:?}, told are {told:?}");
    let all = [
        "auditor_found_missed",
        "deliveries",
        "delivery_failures",
        "flips",
        "oldest_due_age",
        "outbox_oldest_age",
        "pass_completed",
    ];
    assert_eq!(told, BTreeSet::from(all.map(ToOwned::to_owned)));
    let sum = |name: &str| lines.iter().filter_map(|line| line[name].as_f64()).sum::<f64>();
    let sums = ["deliveries", "delivery_failures"].map(|name| format!("{name}: {}", sum(name)));
    assert_eq!(sums, ["deliveries: 1", "delivery_failures: 0"], "{lines:#?}");
    deployment.leaves_nothing_strange(&key).await;
}
