//! What is wrong with a deployment is said in one line that names what to mend, by an invocation that fails; and it is
//! well again when it is mended, in the same instance.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    bot_api::BotApi,
    caller::Caller,
    deployment::{API, CHECKER, Deployment, Draft},
    function::Function,
    gate::Treatment,
    patience::{SOON, within},
    renamed_bot::RenamedBot,
};

/// A failing invocation: the type of its error and its line, which the log has as well.
async fn complaint(checker: Function<'_>) -> (String, String) {
    let (kind, line) = checker.invoke().await.badly();
    assert!(!line.contains('\n'), "{line}");
    let is_it =
        |logged: &Value| logged["error_type"] == kind && logged["message"] == line && logged["level"] == "ERROR";
    let log = checker.log().await;
    let mut logged = log.iter().filter_map(|line| serde_json::from_str(line).ok());
    assert!(logged.any(|logged| is_it(&logged)), "{kind}: {line}\nis not in the log:\n{log:#?}");
    (kind, line)
}

/// A person must mend it, and the line has all of `words`.
async fn is_told(deployment: &Deployment, words: &[&str]) {
    let (kind, line) = complaint(deployment.checker()).await;
    assert_eq!(kind, "BadConfiguration", "{line}");
    for word in words {
        assert!(line.contains(word), "no {word:?} in: {line}");
    }
}

/// Once it is mended, the instance that complained does its work.
async fn is_well_again(deployment: &Deployment, bot_api: &BotApi, caller: &Caller, instances: &[u32]) {
    let path = "nightly-backup/fail";
    assert!(matches!(caller.ping(path).await, 200 | 201));
    deployment.checker().invoke().await.well();
    bot_api.message(SOON, "nightly-backup", "🔴").await;
    assert_eq!(deployment.cloud.instances(CHECKER), instances, "another instance took its place");
}

#[tokio::test]
async fn a_parameter_that_is_missing_is_named_and_read_when_it_is_there() {
    let bot_api = BotApi::open().await;
    let draft = Draft::telling(&bot_api);
    let name = draft.token_parameter();
    let deployment = draft.without("aws_ssm_parameter", &name).deploy().await;
    let key = deployment.key().await;
    is_told(&deployment, &[&name, "TELEGRAM_BOT_TOKEN_PARAM"]).await;
    let instances = deployment.cloud.instances(CHECKER);
    deployment.make("aws_ssm_parameter", &name).await;
    is_well_again(&deployment, &bot_api, &deployment.caller(&key).await, &instances).await;
    deployment.leaves_nothing_strange(&key).await;
}

#[tokio::test]
async fn parameters_that_must_not_be_read_are_named_with_the_permission() {
    let bot_api = BotApi::open().await;
    let deployment = Draft::telling(&bot_api).deploy().await;
    let (key, gate) = (deployment.key().await, deployment.checkers_gate());
    gate.treat("ssm:*", Treatment::Denied);
    is_told(&deployment, &["ssm:GetParameters", "TELEGRAM_BOT_TOKEN_PARAM"]).await;
    let instances = deployment.cloud.instances(CHECKER);

    gate.open_again();
    gate.treat("ssm:*", Treatment::Broken);
    let (kind, line) = complaint(deployment.checker()).await;
    assert_eq!(kind, "ParametersUnavailable", "{line}");
    gate.open_again();
    is_well_again(&deployment, &bot_api, &deployment.caller(&key).await, &instances).await;
    deployment.leaves_nothing_strange(&key).await;
}

#[tokio::test]
async fn a_token_that_telegram_does_not_know_any_more_is_read_again() {
    let bot_api = BotApi::open().await;
    let bot = RenamedBot::of(&bot_api).await;
    let draft = Draft::telling(&bot_api).with(CHECKER, "TELEGRAM_API_URL", &bot.url);
    let name = draft.token_parameter();
    let deployment = draft.deploy().await;
    let (key, gate) = (deployment.key().await, deployment.checkers_gate());
    let caller = deployment.caller(&key).await;
    for path in ["first/fail", "second/fail"] {
        assert_eq!(caller.ping(path).await, 201);
        deployment.checker().invoke().await.well();
    }
    let (instances, times) = (deployment.cloud.instances(CHECKER), gate.times("ssm:GetParameters"));
    let read = deployment.checker().invoke().await.well();
    assert_eq!(gate.times("ssm:GetParameters"), times, "what works is not read again: {read}");

    // Telegram knows another token now; and so does the parameter, a little later.
    bot.is_renamed("123456:of-tomorrow");
    assert_eq!(caller.ping("third/fail").await, 201);
    is_told(&deployment, &[&name, "TELEGRAM_BOT_TOKEN_PARAM"]).await;
    deployment.put_token("123456:of-tomorrow").await;
    assert_eq!(caller.ping("fourth/fail").await, 201);
    deployment.checker().invoke().await.well();
    bot_api.message(SOON, "fourth", "🔴").await;
    assert!(gate.times("ssm:GetParameters") > times);

    // The other way round: what is kept is refused, and what is read instead is used at once.
    let times = gate.times("ssm:GetParameters");
    deployment.put_token("123456:of-the-day-after").await;
    bot.is_renamed("123456:of-the-day-after");
    is_well_again(&deployment, &bot_api, &caller, &instances).await;
    assert_eq!(gate.times("ssm:GetParameters"), times + 2, "once, for the one message that was refused");
    let log = deployment.checker().log().await.join("\n");
    assert!(!log.contains("of-tomorrow") && !log.contains("of-the-day-after"), "{log}");
    deployment.leaves_nothing_strange(&key).await;
}

#[tokio::test]
async fn a_table_that_is_missing_is_named_by_both_and_used_when_it_is_there() {
    let bot_api = BotApi::open().await;
    let deployment = Draft::telling(&bot_api).without("aws_dynamodb_table", "heartbeat-events").deploy().await;
    is_told(&deployment, &["heartbeat-events", "EVENTS_TABLE"]).await;
    let stranger = deployment.caller("hb_nobody").await;
    let answer = stranger.ask(Method::GET, "/readyz").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text.contains("EVENTS_TABLE"), "{answer:?}");
    let instances = [CHECKER, API].map(|name| deployment.cloud.instances(name));

    deployment.make("aws_dynamodb_table", "heartbeat-events").await;
    let key = deployment.key().await;
    let caller = deployment.caller(&key).await;
    let ready = async { while caller.ask(Method::GET, "/readyz").await.status != 200 {} };
    within(SOON, "readiness", ready).await;
    is_well_again(&deployment, &bot_api, &caller, &instances[0]).await;
    assert_eq!(deployment.cloud.instances(API), instances[1]);
    deployment.leaves_nothing_strange(&key).await;
}

/// To a function, tables and parameters of another region are not there.
#[tokio::test]
async fn in_a_wrong_region_every_table_is_named_with_its_variable() {
    let bot_api = BotApi::open().await;
    let mut draft = Draft::telling(&bot_api);
    let tables = ["monitors", "api-keys", "events", "directory"].map(|table| format!("heartbeat-{table}"));
    for table in &tables {
        draft = draft.without("aws_dynamodb_table", table);
    }
    let deployment = draft.deploy().await;
    is_told(&deployment, &tables.each_ref().map(String::as_str)).await;
    is_told(&deployment, &["HEARTBEAT_TABLE_NAME", "HEARTBEAT_API_KEYS_TABLE_NAME", &deployment.cloud.region]).await;
}

#[tokio::test]
async fn a_table_that_no_policy_allows_is_named_with_the_action() {
    let bot_api = BotApi::open().await;
    let deployment = Draft::telling(&bot_api).deploy().await;
    let (key, gate) = (deployment.key().await, deployment.checkers_gate());
    gate.treat("dynamodb:DescribeTable", Treatment::Denied);
    is_told(&deployment, &["dynamodb:DescribeTable", "heartbeat-monitors"]).await;
    let instances = deployment.cloud.instances(CHECKER);
    gate.open_again();
    deployment.checker().invoke().await.well();

    // And what it may no longer do later.
    gate.treat("dynamodb:Query", Treatment::Denied);
    let (kind, line) = complaint(deployment.checker()).await;
    assert!(line.contains("dynamodb:Query") && line.contains("heartbeat-monitors"), "{kind} {line}");
    assert_eq!(kind, "BadConfiguration", "{line}");
    gate.open_again();
    is_well_again(&deployment, &bot_api, &deployment.caller(&key).await, &instances).await;
    deployment.leaves_nothing_strange(&key).await;
}

#[tokio::test]
async fn an_outage_of_the_tables_is_told_as_one_and_over_by_itself() {
    let bot_api = BotApi::open().await;
    let deployment = Draft::telling(&bot_api).deploy().await;
    let (key, gates) = (deployment.key().await, [deployment.checkers_gate(), deployment.apis_gate()]);
    for gate in gates {
        gate.treat("dynamodb:*", Treatment::Broken);
    }
    let caller = deployment.caller(&key).await;
    assert_eq!(caller.ask(Method::GET, "/readyz").await.status, 503);
    assert_eq!(caller.ping("nightly-backup").await, 503);
    let (kind, line) = complaint(deployment.checker()).await;
    assert_eq!(kind, "StoreUnavailable", "{line}");
    let instances = [CHECKER, API].map(|name| deployment.cloud.instances(name));

    for gate in gates {
        gate.open_again();
    }
    let ready = async { while caller.ask(Method::GET, "/readyz").await.status != 200 {} };
    within(SOON, "readiness", ready).await;
    is_well_again(&deployment, &bot_api, &caller, &instances[0]).await;
    assert_eq!(deployment.cloud.instances(API), instances[1]);
    deployment.leaves_nothing_strange(&key).await;
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens_is_named_with_what_sets_it() {
    let bot_api = BotApi::open().await;
    // Free a moment ago.
    let nobody = format!("http://{}", std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let draft = Draft::telling(&bot_api).with(API, "AWS_ENDPOINT_URL_DYNAMODB", &nobody);
    let deployment = draft.with(CHECKER, "AWS_ENDPOINT_URL_DYNAMODB", &nobody).deploy().await;
    let (kind, line) = complaint(deployment.checker()).await;
    assert_eq!(kind, "StoreUnavailable", "{line}");
    assert!(line.contains("AWS_ENDPOINT_URL_DYNAMODB") && line.contains("AWS_REGION"), "{line}");
    let answer = deployment.caller("hb_nobody").await.ask(Method::GET, "/readyz").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text.contains("AWS_ENDPOINT_URL_DYNAMODB"), "{answer:?}");
}

#[tokio::test]
async fn an_invocation_that_failed_leaves_a_message_and_is_not_repeated() {
    let bot_api = BotApi::open().await;
    let deployment = Draft::telling(&bot_api).deploy().await;
    let cloud = &deployment.cloud;
    let queue = deployment.plan.all("aws_sqs_queue").next().unwrap().text("name");
    let found = cloud.json("sqs", "AmazonSQS.GetQueueUrl", &json!({"QueueName": queue})).await;
    deployment.checkers_gate().treat("ssm:*", Treatment::Denied);
    deployment.checker().invoke_and_leave().await;
    // It is left after the last repetition, if there is any.
    let left = async {
        loop {
            let body = json!({"QueueUrl": found["QueueUrl"], "WaitTimeSeconds": 1});
            let received = cloud.json("sqs", "AmazonSQS.ReceiveMessage", &body).await;
            if let Some(text) = received["Messages"][0]["Body"].as_str() {
                return text.to_owned();
            }
        }
    };
    let left: Value = serde_json::from_str(&within(SOON, "a message in the queue", left).await).unwrap();
    assert_eq!(left["responsePayload"]["errorType"], "BadConfiguration", "{left:#}");
    let log = deployment.checker().log().await;
    assert_eq!(log.iter().filter(|line| line.contains("\"error_type\":")).count(), 1, "{log:#?}");
}
