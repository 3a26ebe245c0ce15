//! What the policies of the plan allow is what the code asks for: no call is refused, and nothing is allowed in vain.

use std::{cell::Cell, collections::BTreeSet};

use reqwest::Method;

use crate::{
    bot_api::BotApi,
    caller::Caller,
    deployment::{API, CHECKER, Deployment, Draft},
    gate::{Call, Treatment},
    plan::Plan,
    policy::{Policy, matches},
    public_address::PublicAddress,
    receiver::Receiver,
    webhooks::{a_channels_life, at_home},
};

/// What is allowed and no call of the code ever shows at the gate: the action, and who needs it.
const NOT_OURS: [(&str, &str); 3] = [
    ("logs:CreateLogStream", "Lambda itself writes what the function prints"),
    ("logs:PutLogEvents", "Lambda itself writes what the function prints"),
    ("sqs:SendMessage", "Lambda itself sends what an invocation that failed leaves, see the DLQ"),
];

/// What is in the plan and is not made here: its address, and what stands for it.
const NOT_MADE: [(&str, &str); 4] = [
    ("aws_iam_role.on_premises[0]", "its trust names the trust anchor, which ministack does not have"),
    ("aws_iam_role_policy_attachment.on_premises[0]", "the same; the policy itself is made"),
    ("aws_rolesanywhere_profile.on_premises[0]", "ministack has no Roles Anywhere"),
    ("aws_rolesanywhere_trust_anchor.on_premises[0]", "ministack has no Roles Anywhere"),
];

fn uses(call: &Call, action: &str, resource: &str) -> bool {
    matches(action, &call.action) && matches(resource, &call.resource)
}

/// What `policy` allows and none of `asked` asked for, but what somebody else needs.
fn allowed_in_vain(policy: &Policy, asked: &BTreeSet<Call>) -> Vec<(String, String)> {
    let mut grants = policy.grants();
    grants.retain(|(action, _)| !NOT_OURS.iter().any(|(not_ours, _)| not_ours == action));
    grants.retain(|(action, resource)| !asked.iter().any(|call| uses(call, action, resource)));
    grants
}

/// Everything that can happen to monitors, so that every call is made.
async fn a_full_day(deployment: &Deployment, key: &str) {
    let (caller, checker) = (deployment.caller(key).await, deployment.checker());
    for slug in ["nightly-backup", "steady", "gone"] {
        assert_eq!(caller.ping(&format!("{slug}?interval=1h")).await, 201);
    }
    assert_eq!(caller.ping("nightly-backup/start").await, 200);
    assert_eq!(caller.ping("nightly-backup/log").await, 200);
    assert_eq!(caller.ping("nightly-backup/fail").await, 200);
    checker.invoke().await.well();
    assert_eq!(caller.ping("nightly-backup").await, 200);
    for (method, path) in [
        (Method::POST, "/monitors/steady/pause"),
        (Method::POST, "/monitors/steady/unpause"),
        (Method::POST, "/api/v1/monitors/steady/ping-url"),
        (Method::DELETE, "/monitors/gone"),
        (Method::GET, "/readyz"),
    ] {
        assert_eq!(caller.ask(method, path).await.status, 200, "{path}");
    }
    caller.monitors().await;
    two_change_one_monitor(deployment, &caller).await;
    // An audit is due once in a while, and with the first pass of all.
    for _ in 0..2 {
        checker.invoke().await.well();
    }
    checker.until_logged("auditor_found_missed").await;
}

/// Two write the same monitor: the slower one asks history whether the quicker one was itself.
async fn two_change_one_monitor(deployment: &Deployment, caller: &Caller) {
    assert_eq!(caller.ping("contended").await, 201);
    let gate = deployment.apis_gate();
    gate.treat("dynamodb:UpdateItem", Treatment::Held("contended"));
    let (slow, ()) = tokio::join!(caller.ping("contended/fail"), async {
        gate.holds_one().await;
        assert_eq!(caller.ping("contended/4").await, 200);
        gate.open_again();
    });
    assert_eq!(slow, 200);

    // It failed, and is to be repeated a second later: that is what the checker is too slow with.
    let (checker, gate, is_over) = (deployment.checker(), deployment.checkers_gate(), Cell::new(false));
    checker.invoke().await.well();
    gate.treat("dynamodb:UpdateItem", Treatment::Held("reminded"));
    let slow = async {
        while !is_over.get() {
            checker.invoke().await.well();
        }
    };
    let quick = async {
        gate.holds_one().await;
        assert_eq!(caller.ping("contended").await, 200);
        gate.open_again();
        is_over.set(true);
    };
    tokio::join!(slow, quick);
}

#[tokio::test]
async fn what_is_asked_for_is_what_is_allowed() {
    let (bot_api, receiver, address) = (BotApi::open().await, Receiver::open().await, PublicAddress::open().await);
    let draft = Draft::telling(&bot_api).with(CHECKER, "HEARTBEAT_REMIND_EVERY", "1s").with_canary(&address);
    let deployment = at_home(draft).deploy().await;
    // The first of all puts down what all agree on.
    assert_eq!(deployment.caller("hb_nobody").await.ask(Method::GET, "/readyz").await.status, 200);
    let (key, canary) = (deployment.key().await, deployment.send_out_a_canary(&address).await);
    a_full_day(&deployment, &key).await;
    a_channels_life(&deployment, &receiver).await;
    for key in [key, canary] {
        deployment.leaves_nothing_strange(&key).await;
    }
    for (name, gate) in [(CHECKER, deployment.checkers_gate()), (API, deployment.apis_gate())] {
        let in_vain = allowed_in_vain(gate.policy(), &gate.asked());
        assert!(
            in_vain.is_empty(),
            "{name} is allowed what it never asks for: {in_vain:#?}\nasked: {:#?}",
            gate.asked()
        );
    }
    let made_elsewhere: Vec<&str> = NOT_MADE.iter().map(|(address, _)| *address).collect();
    assert_eq!(deployment.strange, made_elsewhere, "what of the plan is not made here");
}

#[test]
fn the_platform_may_do_what_it_has_to() {
    let plan = Plan::read();
    for name in [CHECKER, API] {
        let role = plan.all("aws_iam_role").find(|role| role.text("name") == name);
        assert!(role.is_some_and(|role| role.trusts("lambda.amazonaws.com")), "{name}");
        let group = plan.function(name).values["logging_config"][0]["log_group"].as_str().unwrap().to_owned();
        assert!(plan.all("aws_cloudwatch_log_group").any(|found| found.values["name"] == *group), "{group}");
        let stream = format!("arn:aws:logs:{}:{}:log-group:{group}:log-stream:2026/1", plan.region(), plan.account());
        for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
            assert!(plan.policy_of(name).allows(action, &stream), "{name} {action} {stream}");
        }
    }
    let target = &plan.all("aws_scheduler_schedule").next().unwrap().values["target"][0];
    let queue = target["dead_letter_config"][0]["arn"].as_str().unwrap();
    let scheduler = plan.role_trusting("scheduler.amazonaws.com").text("name");
    assert!(plan.policy_of(scheduler).allows("lambda:InvokeFunction", target["arn"].as_str().unwrap()));
    assert!(plan.policy_of(scheduler).allows("sqs:SendMessage", queue));
    assert!(plan.policy_of(CHECKER).allows("sqs:SendMessage", queue));
    assert!(plan.all("aws_sqs_queue").any(|found| queue.ends_with(&format!(":{}", found.text("name")))), "{queue}");
}

/// Since October 2025 it takes two.
#[test]
fn the_function_url_lets_everybody_in_and_nothing_else_does() {
    let plan = Plan::read();
    let url = plan.all("aws_lambda_function_url").next().unwrap();
    assert_eq!((url.text("function_name"), url.text("authorization_type")), (API, "NONE"));
    let permissions: BTreeSet<_> = plan
        .all("aws_lambda_permission")
        .map(|permission| {
            assert_eq!((permission.text("function_name"), permission.text("principal")), (API, "*"));
            let values = &permission.values;
            (
                permission.text("action"),
                values["function_url_auth_type"] == "NONE",
                values["invoked_via_function_url"] == true,
            )
        })
        .collect();
    let two = [("lambda:InvokeFunctionUrl", true, false), ("lambda:InvokeFunction", false, true)];
    assert_eq!(permissions, BTreeSet::from(two));
}
