//! Terraform, the code and the documents say the same: tables, environment, permissions, alarms.
//!
//! What Terraform says is read from `terraform/tests/plan.json`, the plan of everything, which `scripts/check-terraform.sh --write`
//! makes; the first test here fails when it is not of the files that are there.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests of an executable of their own: what is not there fails them"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use heartbeat_core::{
    channel::secret::SSM_PREFIX,
    dynamo::tables::{self, Attribute, Key, Kind, Table},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const README: &str = include_str!("../../../README.md");
const RUNBOOK: &str = include_str!("../../../docs/runbook.md");
const METRICS: &str = include_str!("../../heartbeat/src/lambda/metrics.rs");

/// Where Terraform is.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../terraform")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()))
}

fn plan() -> Value {
    serde_json::from_str(&read(&folder().join("tests/plan.json"))).unwrap()
}

/// The values of all resources of a type, by their addresses.
fn resources(kind: &str) -> BTreeMap<String, Value> {
    let plan = plan();
    let all = plan["resources"].as_array().unwrap().iter();
    let found: BTreeMap<_, _> = all
        .filter(|resource| resource["type"] == kind)
        .map(|resource| (text(&resource["address"]).to_owned(), resource["values"].clone()))
        .collect();
    assert!(!found.is_empty(), "the plan has no {kind}");
    found
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// A value that may be one or a list, as policies have them.
fn listed(value: &Value) -> Vec<&str> {
    value.as_array().map_or_else(|| vec![text(value)], |all| all.iter().map(text).collect())
}

/// Whether Terraform reads a file of this name.
fn is_configuration(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "tf")
}

#[test]
fn the_plan_was_made_from_the_files_that_are_there() {
    let digest = |name: &str| {
        let digest = Sha256::digest(read(&folder().join(name)));
        format!("{digest:x}")
    };
    let plan = plan();
    let sources = plan["sources"].as_object().unwrap();
    let of_the_plan: BTreeSet<&str> =
        sources.keys().map(String::as_str).filter(|name| is_configuration(name)).collect();
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let there: Vec<String> = entries.filter(|name| is_configuration(name)).collect();
    assert_eq!(there.iter().map(String::as_str).collect::<BTreeSet<_>>(), of_the_plan, "{MAKE_ANEW}");
    for (name, of_then) in sources {
        assert_eq!(of_then, &digest(name), "terraform/{name} has changed: {MAKE_ANEW}");
    }
}

const MAKE_ANEW: &str = "run scripts/check-terraform.sh --write, and read what changes in terraform/tests/plan.json";

/// A table as the plan has it, in words that it shares with [`as_the_code_has_it`].
fn as_terraform_has_it(table: &Value) -> Value {
    let kinds: BTreeMap<&str, &str> =
        table["attribute"].as_array().unwrap().iter().map(|one| (text(&one["name"]), text(&one["type"]))).collect();
    let key = |name: &Value| name.as_str().map(|name| format!("{name} {}", kinds[name]));
    let index = |index: &Value| {
        let part = |kind: &str| {
            let parts = index["key_schema"].as_array().unwrap();
            parts.iter().find(|part| part["key_type"] == kind).and_then(|part| key(&part["attribute_name"]))
        };
        (text(&index["name"]).to_owned(), json!([part("HASH"), part("RANGE"), index["projection_type"]]))
    };
    let indexes = table["global_secondary_index"].as_array().map(Vec::as_slice).unwrap_or_default();
    json!({
        "name": table["name"],
        "key": [key(&table["hash_key"]), key(&table["range_key"])],
        "attributes": kinds.len(),
        "indexes": indexes.iter().map(index).collect::<BTreeMap<_, _>>(),
        "ttl": table["ttl"].as_array().map(|ttl| ttl[0]["attribute_name"].clone()),
    })
}

fn as_the_code_has_it(table: &Table) -> Value {
    let name = |Attribute { name, kind }: Attribute| {
        let kind = match kind {
            Kind::S => "S",
            Kind::N => "N",
        };
        format!("{name} {kind}")
    };
    let key = |key: &Key| (name(key.hash), key.range.map(name));
    let indexes = table.indexes.iter().map(|index| {
        let (hash, range) = key(&index.key);
        (index.name, json!([hash, range, "KEYS_ONLY"]))
    });
    json!({
        "name": table.name,
        "key": key(&table.key),
        "attributes": table.key_attributes().len(),
        "indexes": indexes.collect::<BTreeMap<_, _>>(),
        "ttl": table.ttl,
    })
}

#[test]
fn the_tables_are_those_of_the_code() {
    let planned = resources("aws_dynamodb_table");
    let sorted = |tables: Vec<Value>| -> BTreeMap<String, Value> {
        tables.into_iter().map(|table| (text(&table["name"]).to_owned(), table)).collect()
    };
    let ours = sorted(tables::ALL.iter().map(as_the_code_has_it).collect());
    assert_eq!(sorted(planned.values().map(as_terraform_has_it).collect()), ours);
    for (address, table) in &planned {
        assert_eq!(table["deletion_protection_enabled"], true, "{address}");
        assert_eq!(table["point_in_time_recovery"][0]["enabled"], true, "{address}");
    }
}

/// The functions' names and values.
fn functions() -> BTreeMap<String, Value> {
    let functions = resources("aws_lambda_function");
    functions.into_values().map(|function| (text(&function["function_name"]).to_owned(), function)).collect()
}

#[test]
fn the_functions_are_those_that_are_built() {
    let functions = functions();
    let names: Vec<&str> = functions.keys().map(String::as_str).collect();
    assert_eq!(names, ["heartbeat-api", "heartbeat-checker"]);
    for (name, memory, time_out) in [("heartbeat-api", 256, 15), ("heartbeat-checker", 128, 65)] {
        let function = &functions[name];
        let logging = &function["logging_config"][0];
        let shape = json!([
            function["filename"],
            function["runtime"],
            function["handler"],
            function["architectures"],
            function["memory_size"],
            function["timeout"],
            logging["log_format"],
            logging["application_log_level"],
            logging["system_log_level"],
        ]);
        let zip = format!("../target/lambda/{name}/bootstrap.zip");
        let wanted = json!([zip, "provided.al2023", "bootstrap", ["arm64"], memory, time_out, "JSON", "INFO", "WARN"]);
        assert_eq!(shape, wanted, "{name}");
    }
    let build = read(&folder().join("../scripts/build-lambda.sh"));
    assert!(
        build.contains("target/lambda/heartbeat-checker/bootstrap.zip"),
        "scripts/build-lambda.sh writes elsewhere"
    );
}

#[test]
fn the_functions_are_given_what_the_programs_read() {
    for (name, function) in functions() {
        let environment = function["environment"][0]["variables"].as_object().unwrap();
        for variable in environment.keys() {
            assert!(README.contains(&format!("\n| `{variable}` | ")), "{name}: no program reads {variable}");
        }
        for table in &tables::ALL {
            let mut named = table.variables.iter().filter_map(|variable| environment.get(*variable));
            assert_eq!(named.next(), Some(&json!(table.name)), "{name} is not told of {}", table.name);
            assert_eq!(named.next(), None, "{name} is told of {} twice", table.name);
        }
    }
    let functions = functions();
    let variables = |name: &str| &functions[name]["environment"][0]["variables"];
    let (api, checker) = (variables("heartbeat-api"), variables("heartbeat-checker"));
    let parameters = resources("aws_ssm_parameter");
    let made: BTreeSet<&str> = parameters.values().map(|parameter| text(&parameter["name"])).collect();
    let read = ["TELEGRAM_BOT_TOKEN_PARAM", "TELEGRAM_CHAT_ID_PARAM", "HEARTBEAT_CANARY_KEY_PARAM"];
    assert_eq!(BTreeSet::from(read.map(|variable| text(&checker[variable]))), made);
    // Both judge silence: one that is less patient would undo what the other holds.
    assert_eq!(text(&api["HEARTBEAT_OUTAGE_HOLD"]), text(&checker["HEARTBEAT_OUTAGE_HOLD"]));
}

/// What a policy allows: for each resource, the actions.
fn allowed(policy: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let policy: Value = serde_json::from_str(text(policy)).unwrap();
    let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Allow");
        for resource in listed(&statement["Resource"]) {
            let actions = listed(&statement["Action"]).into_iter().map(ToOwned::to_owned);
            // The last part says which one; all are in one account and region.
            allowed.entry(resource.splitn(6, ':').last().unwrap().to_owned()).or_default().extend(actions);
        }
    }
    allowed
}

fn role_policy(address: &str) -> BTreeMap<String, BTreeSet<String>> {
    allowed(&resources("aws_iam_role_policy")[address]["policy"])
}

/// The actions of one service, without its name.
fn of_service(allowed: &BTreeMap<String, BTreeSet<String>>, service: &str) -> BTreeSet<String> {
    let of = |action: &String| action.strip_prefix(&format!("{service}:")).map(ToOwned::to_owned);
    allowed.values().flatten().filter_map(of).collect()
}

/// The actions in a row of the README's table of permissions.
fn in_readme(row: &str) -> BTreeSet<String> {
    let line =
        README.lines().find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("README.md has no row {row}"));
    let cell = line.split('|').nth(2).unwrap();
    cell.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

/// What the store asks for, as it names it itself where a request may be refused.
fn asked_for(folder: &Path, actions: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            asked_for(&path, actions);
            continue;
        }
        let source = read(&path);
        for before in ["action: \"", "self.monitors(\"", "failed(\""] {
            let named = source.split(before).skip(1).filter_map(|rest| rest.split('"').next());
            actions.extend(named.map(ToOwned::to_owned));
        }
    }
}

#[test]
fn the_api_may_do_what_the_readme_says_and_no_more() {
    let (function, elsewhere) = (
        role_policy("aws_iam_role_policy.api[0]"),
        allowed(&resources("aws_iam_policy")["aws_iam_policy.on_premises"]["policy"]),
    );
    assert_eq!(of_service(&function, "dynamodb"), in_readme("| `heartbeat-api` |"));
    let mut without_logs = function;
    without_logs.remove("log-group:/aws/lambda/heartbeat-api:*").expect("its log group");
    assert_eq!(without_logs, elsewhere, "the function and a container do the same");
    let others: BTreeMap<_, _> =
        elsewhere.iter().filter(|(_, may)| !may.iter().all(|action| action.starts_with("dynamodb:"))).collect();
    assert_eq!(others, BTreeMap::from([(&secrets_of_channels(), &only("ssm:GetParameters"))]));
}

/// What a channel may name, as policies name it: the code refuses all else.
fn secrets_of_channels() -> String {
    format!("parameter{SSM_PREFIX}*")
}

fn only(action: &str) -> BTreeSet<String> {
    BTreeSet::from([action.to_owned()])
}

#[test]
fn the_checker_may_do_what_it_does_and_no_more() {
    let checker = role_policy("aws_iam_role_policy.checker");
    let mut in_readme = in_readme("| `heartbeat-api` |");
    in_readme.insert("Scan".to_owned());
    let tables = of_service(&checker, "dynamodb");
    assert!(tables.is_subset(&in_readme) && tables.contains("Scan"), "{tables:?}");
    let scanned: Vec<&String> =
        checker.iter().filter(|(_, may)| may.contains("dynamodb:Scan")).map(|(on, _)| on).collect();
    assert_eq!(scanned, ["table/heartbeat-monitors"], "the auditor reads monitors");
    for secret in ["telegram-bot-token", "telegram-chat-id", "canary-api-key"] {
        assert_eq!(checker[&format!("parameter/heartbeat/{secret}")], only("ssm:GetParameters"));
    }
    assert_eq!(checker[&secrets_of_channels()], only("ssm:GetParameters"));
    assert_eq!(of_service(&checker, "ssm"), only("GetParameters"));
    assert_eq!(checker["table/heartbeat-api-keys"], only("dynamodb:DescribeTable"), "it opens no keys");
    assert_eq!(checker["heartbeat-dead-letters"], only("sqs:SendMessage"));
    let calls = read(&folder().join("../crates/heartbeat-core/src/dynamo/parameters.rs"));
    assert!(
        calls.contains(".get_parameters()") && !calls.contains(".get_parameter()"),
        "the code asks for something else"
    );
}

#[test]
fn nothing_is_allowed_that_the_code_does_not_ask_for() {
    let mut asked = BTreeSet::new();
    asked_for(&folder().join("../crates/heartbeat-core/src/dynamo"), &mut asked);
    let known: BTreeSet<String> = tables::ALL
        .iter()
        .flat_map(|table| {
            let indexes = table.indexes.iter().map(|index| format!("table/{}/index/{}", table.name, index.name));
            std::iter::once(format!("table/{}", table.name)).chain(indexes)
        })
        .collect();
    for address in ["aws_iam_role_policy.api[0]", "aws_iam_role_policy.checker"] {
        let allowed = role_policy(address);
        for action in of_service(&allowed, "dynamodb") {
            assert!(asked.contains(&action), "{address}: nothing in heartbeat-core/src/dynamo asks for {action}");
        }
        let on: BTreeSet<_> = allowed.into_keys().filter(|resource| resource.starts_with("table/")).collect();
        assert!(on.is_subset(&known), "{address}: {on:?}");
        for table in &tables::ALL {
            assert!(on.contains(&format!("table/{}", table.name)), "{address}: every start looks at {}", table.name);
        }
    }
}

/// The alarms by their names without the prefix.
fn alarms() -> BTreeMap<String, Value> {
    let alarms = resources("aws_cloudwatch_metric_alarm");
    let named = |alarm: Value| {
        let name = text(&alarm["alarm_name"]).strip_prefix("heartbeat-").expect("the prefix").to_owned();
        (name, alarm)
    };
    alarms.into_values().map(named).collect()
}

/// The metrics that the checker writes, as its code names them.
fn metrics_of_the_code() -> BTreeSet<&'static str> {
    ["= count(\"", "= seconds(\""]
        .iter()
        .flat_map(|before| METRICS.split(before).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[test]
fn alarms_are_over_metrics_that_the_checker_writes() {
    let written = metrics_of_the_code();
    let known = [
        "auditor_found_missed",
        "deliveries",
        "delivery_failures",
        "flips",
        "oldest_due_age",
        "outbox_oldest_age",
        "pass_completed",
    ];
    assert_eq!(written, BTreeSet::from(known), "ten metrics are free; terraform/README.md counts them");
    let mut watched = BTreeSet::new();
    for (name, alarm) in alarms().iter().filter(|(_, alarm)| alarm["namespace"] == "Heartbeat") {
        let metric = text(&alarm["metric_name"]);
        assert!(written.contains(metric), "{name}: nobody writes {metric}");
        assert_eq!(alarm["dimensions"], json!({"FunctionName": "heartbeat-checker"}), "{name} would see nothing");
        watched.insert(metric.to_owned());
    }
    assert_eq!(watched.len(), 4, "{watched:?}");
    for fact in ["NAMESPACE: &str = \"Heartbeat\"", "DIMENSION: &str = \"FunctionName\""] {
        assert!(METRICS.contains(fact), "the alarms look elsewhere than where the checker writes: {fact}");
    }
}

#[test]
fn the_runbook_says_what_to_do_about_each_alarm() {
    let alarms = alarms();
    assert!(alarms.len() <= 10, "ten alarms are free");
    for (name, alarm) in &alarms {
        assert!(RUNBOOK.contains(&format!("\n## {name}\n\n")), "docs/runbook.md has no section {name}");
        assert!(RUNBOOK.contains(&format!("[{name}](#{name})")), "docs/runbook.md's table of alarms lacks {name}");
        let says = text(&alarm["alarm_description"]);
        assert!(says.ends_with(&format!("docs/runbook.md#{name}")), "{name}: {says}");
        assert_eq!(alarm["alarm_actions"], json!(["arn:aws:sns:eu-north-1:123456789012:heartbeat-alarms"]), "{name}");
    }
    // One word is no alarm's name.
    let headings = RUNBOOK.lines().filter_map(|line| line.strip_prefix("## "));
    for heading in headings.filter(|heading| !heading.contains(' ') && heading.contains('-')) {
        assert!(alarms.contains_key(heading), "docs/runbook.md speaks of an alarm that is gone: {heading}");
    }
}

#[test]
fn the_runbook_gives_commands_that_exist() {
    let lines = RUNBOOK.lines().map(str::trim_start).filter_map(|line| line.strip_prefix("heartbeat "));
    let commands: BTreeSet<&str> = lines.filter_map(|rest| rest.split_whitespace().next()).collect();
    assert!(commands.len() > 4, "{commands:?}");
    for command in commands {
        assert!(README.contains(&format!("`heartbeat {command}")), "README.md knows no command {command}");
    }
}

#[test]
fn every_variable_is_described() {
    let (variables, readme) = (read(&folder().join("variables.tf")), read(&folder().join("README.md")));
    let names: Vec<&str> = variables.split("\nvariable \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(names.len() > 20, "{names:?}");
    let table = readme.split("## Variables").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    for name in names {
        assert!(table.contains(&format!("`{name}`")), "terraform/README.md does not say what {name} is");
    }
}

#[test]
fn the_schedule_calls_the_checker_and_repeats_nothing() {
    let schedules = resources("aws_scheduler_schedule");
    let target = &schedules["aws_scheduler_schedule.checker"]["target"][0];
    assert_eq!(target["arn"], "arn:aws:lambda:eu-north-1:123456789012:function:heartbeat-checker");
    assert_eq!(target["retry_policy"][0], json!({"maximum_event_age_in_seconds": 60, "maximum_retry_attempts": 0}));
    assert_eq!(target["dead_letter_config"][0]["arn"], "arn:aws:sqs:eu-north-1:123456789012:heartbeat-dead-letters");
    let invocation =
        &resources("aws_lambda_function_event_invoke_config")["aws_lambda_function_event_invoke_config.checker"];
    assert_eq!(
        (&invocation["maximum_retry_attempts"], &invocation["maximum_event_age_in_seconds"]),
        (&json!(0), &json!(60))
    );
}

#[test]
fn no_secret_is_in_the_plan() {
    let parameters = resources("aws_ssm_parameter");
    assert_eq!(parameters.len(), 3);
    for (address, parameter) in parameters {
        assert_eq!(parameter["type"], "SecureString", "{address}");
        for value in ["value", "value_wo", "insecure_value"] {
            assert!(parameter.get(value).is_none(), "{address} shows its {value}");
        }
    }
}
