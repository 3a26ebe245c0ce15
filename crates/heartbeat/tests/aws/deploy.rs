//! Makes what the plan describes: each resource by the call by which Terraform makes it, with the values of the plan.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::{
    cloud::Cloud,
    plan::{Plan, Resource},
    policy::listed,
};

/// What is made, in an order in which everything that is named is there already.
const ORDER: [&str; 22] = [
    "aws_cloudwatch_log_group",
    "aws_dynamodb_table",
    "aws_ssm_parameter",
    "aws_sqs_queue",
    "aws_sns_topic",
    "aws_sns_topic_subscription",
    "aws_sns_topic_policy",
    "aws_iam_role",
    "aws_iam_policy",
    "aws_iam_role_policy",
    "aws_iam_role_policy_attachment",
    "aws_iam_group",
    "aws_iam_group_policy_attachment",
    "aws_iam_user",
    "aws_iam_user_group_membership",
    "aws_lambda_function",
    "aws_lambda_function_event_invoke_config",
    "aws_lambda_permission",
    "aws_lambda_function_url",
    "aws_cloudwatch_metric_alarm",
    "aws_scheduler_schedule_group",
    "aws_scheduler_schedule",
];

const ALARM: [&str; 14] = [
    "alarm_name",
    "alarm_description",
    "namespace",
    "metric_name",
    "statistic",
    "period",
    "evaluation_periods",
    "datapoints_to_alarm",
    "threshold",
    "comparison_operator",
    "treat_missing_data",
    "alarm_actions",
    "ok_actions",
    "actions_enabled",
];
const SCHEDULE: [&str; 4] = ["schedule_expression", "schedule_expression_timezone", "state", "group_name"];
const LOGGING: [&str; 4] = ["log_format", "application_log_level", "system_log_level", "log_group"];
const PERMISSION: [&str; 6] =
    ["action", "principal", "statement_id", "function_url_auth_type", "invoked_via_function_url", "source_arn"];

/// What the plan leaves open: it knows no secret and no zip.
pub(crate) struct Given {
    /// The values of the parameters, by their names.
    pub(crate) parameters: BTreeMap<String, String>,
    /// The zips of the functions, by their names.
    pub(crate) zips: BTreeMap<String, Vec<u8>>,
    /// What the environment of each function has besides: where a test's cloud and Bot API are.
    pub(crate) variables: BTreeMap<String, BTreeMap<String, String>>,
    /// Time-outs in seconds where a test has no time for the plan's own.
    pub(crate) time_outs: BTreeMap<String, u64>,
    /// What is not made, by address.
    pub(crate) without: Vec<String>,
}

/// Makes everything but what ministack does not know, and what rests on that; the addresses of these.
pub(crate) async fn deploy(cloud: &Cloud, plan: &Plan, given: &Given) -> Vec<String> {
    for kind in ORDER {
        let wanted = |resource: &&Resource| !given.without.contains(&resource.address) && can_be_made(plan, resource);
        for resource in plan.all(kind).filter(wanted) {
            make(cloud, plan, resource, given).await;
        }
    }
    plan.resources().filter(|resource| !can_be_made(plan, resource)).map(|resource| resource.address.clone()).collect()
}

fn can_be_made(plan: &Plan, resource: &Resource) -> bool {
    let is_known = |name: &str| resource.values[name].is_string();
    match resource.kind.as_str() {
        // Its trust names what is made only by AWS.
        "aws_iam_role" => is_known("assume_role_policy"),
        "aws_iam_role_policy_attachment" => {
            let role = plan.all("aws_iam_role").find(|role| role.values["name"] == resource.values["role"]);
            role.is_none_or(|role| can_be_made(plan, role))
        }
        kind => ORDER.contains(&kind),
    }
}

/// Makes one resource.
pub(crate) async fn make(cloud: &Cloud, plan: &Plan, resource: &Resource, given: &Given) {
    match resource.kind.as_str() {
        "aws_cloudwatch_log_group" => make_log_group(cloud, resource).await,
        "aws_dynamodb_table" => make_table(cloud, resource).await,
        "aws_ssm_parameter" => make_parameter(cloud, resource, given).await,
        "aws_sqs_queue" => make_queue(cloud, resource).await,
        "aws_lambda_function" => make_function(cloud, resource, given).await,
        "aws_lambda_function_event_invoke_config" => make_event_invoke_config(cloud, resource).await,
        "aws_lambda_permission" => make_permission(cloud, resource).await,
        "aws_lambda_function_url" => make_function_url(cloud, resource).await,
        "aws_cloudwatch_metric_alarm" => make_alarm(cloud, resource).await,
        "aws_scheduler_schedule_group" => make_schedule_group(cloud, resource).await,
        "aws_scheduler_schedule" => make_schedule(cloud, plan, resource).await,
        topic if topic.starts_with("aws_sns_") => make_of_topic(cloud, plan, resource).await,
        identity if identity.starts_with("aws_iam_") => make_identity(cloud, plan, resource).await,
        other => panic!("nobody makes {other}"),
    }
}

async fn make_log_group(cloud: &Cloud, group: &Resource) {
    let name = group.text("name");
    cloud.json("logs", "Logs_20140328.CreateLogGroup", &json!({"logGroupName": name})).await;
    let retention = json!({"logGroupName": name, "retentionInDays": group.values["retention_in_days"]});
    cloud.json("logs", "Logs_20140328.PutRetentionPolicy", &retention).await;
}

async fn make_table(cloud: &Cloud, table: &Resource) {
    let name = table.text("name");
    let attributes = listed(&table.values["attribute"]);
    let attributes = attributes.iter().map(|of| json!({"AttributeName": of["name"], "AttributeType": of["type"]}));
    let mut body = json!({
        "TableName": name,
        "BillingMode": table.values["billing_mode"],
        "AttributeDefinitions": attributes.collect::<Value>(),
        "KeySchema": key_schema(&table.values),
        "DeletionProtectionEnabled": table.values["deletion_protection_enabled"] == true,
    });
    let indexes: Vec<Value> = listed(&table.values["global_secondary_index"]).iter().map(index).collect();
    if !indexes.is_empty() {
        body["GlobalSecondaryIndexes"] = Value::Array(indexes);
    }
    if table.values["billing_mode"] == "PROVISIONED" {
        body["ProvisionedThroughput"] = throughput(&table.values);
    }
    cloud.json("dynamodb", "DynamoDB_20120810.CreateTable", &body).await;
    for ttl in listed(&table.values["ttl"]) {
        let specification = json!({"AttributeName": ttl["attribute_name"], "Enabled": ttl["enabled"]});
        let body = json!({"TableName": name, "TimeToLiveSpecification": specification});
        cloud.json("dynamodb", "DynamoDB_20120810.UpdateTimeToLive", &body).await;
    }
}

fn index(of: &Value) -> Value {
    let mut index = json!({
        "IndexName": of["name"],
        "KeySchema": key_schema(of),
        "Projection": {"ProjectionType": of["projection_type"]},
    });
    if !of["read_capacity"].is_null() && of["read_capacity"] != 0 {
        index["ProvisionedThroughput"] = throughput(of);
    }
    index
}

fn throughput(of: &Value) -> Value {
    json!({"ReadCapacityUnits": of["read_capacity"], "WriteCapacityUnits": of["write_capacity"]})
}

/// In either way that the provider has to write it.
fn key_schema(of: &Value) -> Value {
    let written = listed(&of["key_schema"]);
    let blocks = written.iter().map(|key| (key["attribute_name"].clone(), key["key_type"].clone()));
    let hash = (of["hash_key"].clone(), json!("HASH"));
    let range = (of["range_key"].clone(), json!("RANGE"));
    let keys: Vec<(Value, Value)> = if written.is_empty() { vec![hash, range] } else { blocks.collect() };
    let keys = keys.into_iter().filter(|(name, _)| name.as_str().is_some_and(|name| !name.is_empty()));
    keys.map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind})).collect()
}

async fn make_parameter(cloud: &Cloud, parameter: &Resource, given: &Given) {
    let name = parameter.text("name");
    let value = given.parameters.get(name).unwrap_or_else(|| panic!("{name} is a parameter that no function reads"));
    put_parameter(cloud, name, parameter.text("type"), value).await;
}

/// Makes a parameter, or gives it another value.
pub(crate) async fn put_parameter(cloud: &Cloud, name: &str, kind: &str, value: &str) {
    let body = json!({"Name": name, "Type": kind, "Value": value, "Overwrite": true});
    cloud.json("ssm", "AmazonSSM.PutParameter", &body).await;
}

async fn make_queue(cloud: &Cloud, queue: &Resource) {
    let seconds = queue.values["message_retention_seconds"].as_u64().unwrap_or(345_600);
    let attributes = json!({"MessageRetentionPeriod": seconds.to_string()});
    let body = json!({"QueueName": queue.text("name"), "Attributes": attributes});
    cloud.json("sqs", "AmazonSQS.CreateQueue", &body).await;
}

async fn make_of_topic(cloud: &Cloud, plan: &Plan, of: &Resource) {
    // There is one topic; its ARN is known when it is made.
    let name = plan.all("aws_sns_topic").next().unwrap().text("name");
    let topic = ("TopicArn", format!("arn:aws:sns:{}:{}:{name}", cloud.region, cloud.account));
    let (action, fields) = match of.kind.as_str() {
        "aws_sns_topic" => ("CreateTopic", vec![("Name", name.to_owned())]),
        "aws_sns_topic_subscription" => {
            let (protocol, endpoint) = (of.text("protocol").to_owned(), of.text("endpoint").to_owned());
            ("Subscribe", vec![topic, ("Protocol", protocol), ("Endpoint", endpoint)])
        }
        "aws_sns_topic_policy" => {
            let policy = ("AttributeValue", of.text("policy").to_owned());
            ("SetTopicAttributes", vec![topic, ("AttributeName", "Policy".to_owned()), policy])
        }
        other => panic!("nobody makes {other}"),
    };
    ask_by_form(cloud, "sns", "2010-03-31", action, &fields).await;
}

async fn make_identity(cloud: &Cloud, plan: &Plan, of: &Resource) {
    let (action, fields): (_, &[_]) = match of.kind.as_str() {
        "aws_iam_role" => ("CreateRole", &[("RoleName", "name"), ("AssumeRolePolicyDocument", "assume_role_policy")]),
        "aws_iam_policy" => ("CreatePolicy", &[("PolicyName", "name"), ("PolicyDocument", "policy")]),
        "aws_iam_role_policy" => {
            ("PutRolePolicy", &[("RoleName", "role"), ("PolicyName", "name"), ("PolicyDocument", "policy")])
        }
        "aws_iam_role_policy_attachment" => ("AttachRolePolicy", &[("RoleName", "role"), ("PolicyArn", "policy_arn")]),
        "aws_iam_group" => ("CreateGroup", &[("GroupName", "name")]),
        "aws_iam_group_policy_attachment" => {
            ("AttachGroupPolicy", &[("GroupName", "group"), ("PolicyArn", "policy_arn")])
        }
        "aws_iam_user" => ("CreateUser", &[("UserName", "name")]),
        "aws_iam_user_group_membership" => ("AddUserToGroup", &[("UserName", "user"), ("GroupName", "groups")]),
        other => panic!("nobody makes {other}"),
    };
    let value = |name: &str| match (name, of.values[name].as_str()) {
        (_, Some(known)) => known.to_owned(),
        // An ARN that only AWS makes, of the policy that has the same name in Terraform.
        ("policy_arn", None) => {
            let policy = plan.all("aws_iam_policy").find(|policy| policy.name == of.name).unwrap();
            format!("arn:aws:iam::{}:policy/{}", cloud.account, policy.text("name"))
        }
        _ => of.values[name][0].as_str().unwrap_or_else(|| panic!("{} has no {name}", of.address)).to_owned(),
    };
    let fields: Vec<_> = fields.iter().map(|(field, name)| (*field, value(name))).collect();
    ask_by_form(cloud, "iam", "2010-05-08", action, &fields).await;
}

async fn ask_by_form(cloud: &Cloud, service: &str, version: &str, action: &str, fields: &[(&str, String)]) {
    let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    cloud.form(service, version, action, &fields).await;
}

async fn make_function(cloud: &Cloud, function: &Resource, given: &Given) {
    let name = function.text("function_name");
    let mut variables = function.values["environment"][0]["variables"].as_object().unwrap().clone();
    for (variable, value) in given.variables.get(name).into_iter().flatten() {
        variables.insert(variable.clone(), json!(value));
    }
    let time_out =
        given.time_outs.get(name).map_or_else(|| function.values["timeout"].clone(), |seconds| json!(seconds));
    let mut body = json!({
        "FunctionName": name,
        "Role": role_arn(cloud, function),
        "Runtime": function.text("runtime"),
        "Handler": function.text("handler"),
        "Architectures": function.values["architectures"],
        "MemorySize": function.values["memory_size"],
        "Timeout": time_out,
        "Environment": {"Variables": variables},
        "Code": {"ZipFile": base64(&given.zips[name])},
    });
    for logging in listed(&function.values["logging_config"]) {
        body["LoggingConfig"] = in_pascal_case(&logging, &LOGGING);
    }
    cloud.rest("lambda", Method::POST, "/2015-03-31/functions", &body).await;
}

/// Where the plan does not know the ARN yet, it is that of the role with the function's name.
fn role_arn(cloud: &Cloud, function: &Resource) -> String {
    let named = || format!("arn:aws:iam::{}:role/{}", cloud.account, function.text("function_name"));
    function.values["role"].as_str().map_or_else(named, ToOwned::to_owned)
}

async fn make_event_invoke_config(cloud: &Cloud, of: &Resource) {
    let mut body = in_pascal_case(&of.values, &["maximum_event_age_in_seconds", "maximum_retry_attempts"]);
    let destination = &of.values["destination_config"][0]["on_failure"][0]["destination"];
    body["DestinationConfig"] = json!({"OnFailure": {"Destination": destination}});
    let path = format!("/2019-09-25/functions/{}/event-invoke-config", of.text("function_name"));
    cloud.rest("lambda", Method::PUT, &path, &body).await;
}

async fn make_permission(cloud: &Cloud, permission: &Resource) {
    let path = format!("/2015-03-31/functions/{}/policy", permission.text("function_name"));
    cloud.rest("lambda", Method::POST, &path, &in_pascal_case(&permission.values, &PERMISSION)).await;
}

async fn make_function_url(cloud: &Cloud, of: &Resource) {
    let path = format!("/2021-10-31/functions/{}/url", of.text("function_name"));
    let mode = of.values["invoke_mode"].as_str().unwrap_or("BUFFERED");
    let body = json!({"AuthType": of.text("authorization_type"), "InvokeMode": mode});
    cloud.rest("lambda", Method::POST, &path, &body).await;
}

async fn make_alarm(cloud: &Cloud, alarm: &Resource) {
    let mut body = in_pascal_case(&alarm.values, &ALARM);
    body["Dimensions"] = dimensions(&alarm.values);
    let queries = listed(&alarm.values["metric_query"]);
    if !queries.is_empty() {
        body["Metrics"] = queries.iter().map(metric_query).collect();
    }
    cloud.json("monitoring", "GraniteServiceVersion20100801.PutMetricAlarm", &body).await;
}

fn metric_query(of: &Value) -> Value {
    let mut query = in_pascal_case(of, &["id", "expression", "label", "return_data"]);
    for metric in listed(&of["metric"]) {
        query["MetricStat"] = in_pascal_case(&metric, &["period", "stat"]);
        query["MetricStat"]["Metric"] = in_pascal_case(&metric, &["namespace", "metric_name"]);
        query["MetricStat"]["Metric"]["Dimensions"] = dimensions(&metric);
    }
    query
}

fn dimensions(of: &Value) -> Value {
    let dimensions = of["dimensions"].as_object().into_iter().flatten();
    dimensions.map(|(name, value)| json!({"Name": name, "Value": value})).collect()
}

async fn make_schedule_group(cloud: &Cloud, group: &Resource) {
    let path = format!("/schedule-groups/{}", group.text("name"));
    cloud.rest("scheduler", Method::POST, &path, &json!({})).await;
}

async fn make_schedule(cloud: &Cloud, plan: &Plan, schedule: &Resource) {
    let target = &schedule.values["target"][0];
    let mut body = in_pascal_case(&schedule.values, &SCHEDULE);
    body["FlexibleTimeWindow"] = json!({"Mode": schedule.values["flexible_time_window"][0]["mode"]});
    body["Target"] = in_pascal_case(target, &["arn", "input"]);
    let role = plan.role_trusting("scheduler.amazonaws.com").text("name");
    body["Target"]["RoleArn"] = json!(format!("arn:aws:iam::{}:role/{role}", cloud.account));
    for retries in listed(&target["retry_policy"]) {
        body["Target"]["RetryPolicy"] =
            in_pascal_case(&retries, &["maximum_event_age_in_seconds", "maximum_retry_attempts"]);
    }
    for queue in listed(&target["dead_letter_config"]) {
        body["Target"]["DeadLetterConfig"] = in_pascal_case(&queue, &["arn"]);
    }
    cloud.rest("scheduler", Method::POST, &format!("/schedules/{}", schedule.text("name")), &body).await;
}

/// Those of `names` that are known, named as AWS names them: `alarm_name` is `AlarmName`.
fn in_pascal_case(values: &Value, names: &[&str]) -> Value {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    let known = names.iter().filter(|name| !values[**name].is_null() && values[**name] != "");
    let fields = known.map(|name| (name.split('_').map(capital).collect::<String>(), values[*name].clone()));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// A zip as Lambda takes it.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            text.push(if digit <= group.len() { char::from(DIGITS[value as usize]) } else { '=' });
        }
    }
    text
}

#[test]
fn base64_is_as_everybody_writes_it() {
    for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
        assert_eq!(base64(plain.as_bytes()), coded);
    }
}
