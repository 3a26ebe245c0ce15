//! Figures for CloudWatch, as a line of the log that it makes metrics of (Embedded Metric Format): no call, no permission.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::time::Duration;

use heartbeat_checker::Pass;
use heartbeat_core::Timestamp;
use serde_json::{Map, Value, json};

/// Where CloudWatch keeps them. Terraform's alarms name the same.
const NAMESPACE: &str = "Heartbeat";
/// What they are divided by.
const DIMENSION: &str = "FunctionName";

/// A metric: its name and its unit, as CloudWatch spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Metric {
    name: &'static str,
    unit: &'static str,
}

const fn count(name: &'static str) -> Metric {
    Metric { name, unit: "Count" }
}

const fn seconds(name: &'static str) -> Metric {
    Metric { name, unit: "Seconds" }
}

const PASS_COMPLETED: Metric = count("pass_completed");
const OLDEST_DUE_AGE: Metric = seconds("oldest_due_age");
const AUDITOR_FOUND_MISSED: Metric = count("auditor_found_missed");
const OUTBOX_OLDEST_AGE: Metric = seconds("outbox_oldest_age");
const FLIPS: Metric = count("flips");
const DELIVERIES: Metric = count("deliveries");
const DELIVERY_FAILURES: Metric = count("delivery_failures");

/// What a pass is told as. Ages are of its beginning.
pub(super) fn of_pass(function: &str, began: Timestamp, pass: &Pass) -> String {
    line(
        function,
        began,
        &[
            (PASS_COMPLETED, 1.0),
            (OLDEST_DUE_AGE, age(began, pass.oldest_due)),
            (OUTBOX_OLDEST_AGE, age(began, pass.oldest_untold)),
            (FLIPS, number(pass.flips)),
            (DELIVERIES, number(pass.sent.delivered)),
            (DELIVERY_FAILURES, number(pass.sent.retried + pass.sent.gave_up)),
        ],
    )
}

/// What an audit found, and what it sent.
pub(super) fn of_audit(
    function: &str,
    began: Timestamp,
    missed: usize,
    oldest_untold: Option<Timestamp>,
    pass: &Pass,
) -> String {
    line(
        function,
        began,
        &[
            (AUDITOR_FOUND_MISSED, number(missed)),
            (OUTBOX_OLDEST_AGE, age(began, oldest_untold)),
            (FLIPS, number(pass.flips)),
            (DELIVERIES, number(pass.sent.delivered)),
            (DELIVERY_FAILURES, number(pass.sent.retried + pass.sent.gave_up)),
        ],
    )
}

fn age(now: Timestamp, since: Option<Timestamp>) -> f64 {
    since.map_or(Duration::ZERO, |since| now.since(since)).as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "counts of a pass are far below 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}

fn line(function: &str, at: Timestamp, figures: &[(Metric, f64)]) -> String {
    let metrics: Vec<Value> =
        figures.iter().map(|(metric, _)| json!({"Name": metric.name, "Unit": metric.unit})).collect();
    let mut fields = Map::new();
    fields.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": at.as_micros() / 1_000,
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics}],
        }),
    );
    fields.insert(DIMENSION.to_owned(), json!(function));
    for (metric, value) in figures {
        fields.insert(metric.name.to_owned(), json!(value));
    }
    Value::Object(fields).to_string()
}

#[cfg(test)]
mod tests {
    use heartbeat_checker::Sent;

    use super::*;

    #[test]
    fn a_pass_is_one_line_that_names_each_metric_and_has_its_value() {
        let began = Timestamp::from_secs(1_795_402_800);
        let at = |seconds: i64| Some(Timestamp::from_secs(1_795_402_800 + seconds));
        let sent = Sent { messages: 1, delivered: 3, retried: 2, gave_up: 1 };
        let pass = Pass { looked: 9, flips: 4, oldest_due: at(-7), oldest_untold: at(-90), sent, ..Pass::default() };
        let line: Value = serde_json::from_str(&of_pass("heartbeat-checker", began, &pass)).unwrap();
        assert_eq!(line["_aws"]["Timestamp"], 1_795_402_800_000_i64);
        assert_eq!(line["FunctionName"], "heartbeat-checker");
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(
            (&directive["Namespace"], &directive["Dimensions"]),
            (&json!("Heartbeat"), &json!([["FunctionName"]]))
        );
        let named = directive["Metrics"].as_array().unwrap().iter().map(|metric| metric["Name"].as_str().unwrap());
        let figures: Vec<(&str, f64)> = named.map(|name| (name, line[name].as_f64().unwrap())).collect();
        let expected = [
            ("pass_completed", 1.0),
            ("oldest_due_age", 7.0),
            ("outbox_oldest_age", 90.0),
            ("flips", 4.0),
            ("deliveries", 3.0),
            ("delivery_failures", 3.0),
        ];
        assert_eq!(figures, expected);
    }

    #[test]
    fn what_is_not_due_and_not_untold_has_no_age_and_a_clock_that_went_back_makes_none() {
        let now = Timestamp::from_secs(10);
        assert_eq!((age(now, None), age(now, Some(Timestamp::from_secs(11)))), (0.0, 0.0));
        let audit: Value = serde_json::from_str(&of_audit("f", now, 2, None, &Pass::default())).unwrap();
        assert_eq!(audit["auditor_found_missed"], 2.0);
        assert!(audit.get("pass_completed").is_none(), "an audit is no pass");
    }
}
