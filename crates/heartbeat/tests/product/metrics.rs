//! `/metrics`, the dashboard, the alert rules: what each of them names is what is really printed, read by code that no one
//! here wrote.

mod prometheus;
mod scene;

use std::collections::{BTreeMap, BTreeSet};

use heartbeat_core::metric::{self, Kind, Metric, Of};
use reqwest::Method;
use serde_json::Value;

use self::{
    prometheus::{Family, Query, Reader},
    scene::Scene,
};
use crate::installation::Installation;

const DASHBOARD: &str = include_str!("../../../../deploy/grafana/heartbeat.json");
const RULES: &str = include_str!("../../../../deploy/prometheus/heartbeat.rules.yaml");

/// What Prometheus itself adds.
const OF_PROMETHEUS: [&str; 2] = ["job", "instance"];

/// What a process prints that has seen some of everything, and what the program prints as it is started.
async fn printed() -> Vec<String> {
    let scene = Scene::with_traffic().await;
    let installation = Installation::fresh().with("HEARTBEAT_METRICS_PUBLIC", "true");
    let server = installation.serve().await;
    let caller = server.caller(&server.first_key().await);
    assert_eq!(caller.ping("nightly-backup").await, 201);
    let answer = reqwest::get(format!("{}/metrics", server.address)).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text().await.unwrap();
    assert!(!text.contains("nightly-backup"), "the monitors are nobody's business:\n{text}");
    let ours = caller.ask(Method::GET, "/metrics").await.text;
    assert!(ours.contains(r#"slug="nightly-backup""#) && !ours.contains("heartbeat_build_info"), "{ours}");
    server.stop().await;
    vec![scene, text]
}

/// The expressions of the dashboard, and those of its variables as selectors.
fn queries_of_the_dashboard(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let shown = targets.map(|target| target["expr"].as_str().unwrap().to_owned());
    let annotations = dashboard["annotations"]["list"].as_array().unwrap().iter();
    let noted = annotations.map(|one| one["expr"].as_str().unwrap().to_owned());
    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    let chosen = variables.filter_map(|one| one["definition"].as_str()).map(|definition| {
        let inside = definition.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap();
        let (name, label) = inside.split_once(", ").unwrap();
        format!("group by ({label}) ({name})")
    });
    shown.chain(noted).chain(chosen).map(|query| query.replace("$__rate_interval", "5m")).collect()
}

/// The metric that prints samples of this name.
fn printing(sample: &str) -> Option<&'static Metric> {
    metric::ALL.iter().find(|metric| match metric.kind {
        Kind::Counter | Kind::Gauge => metric.name == sample,
        Kind::Histogram(_) => {
            sample.strip_prefix(metric.name).is_some_and(|rest| ["_bucket", "_sum", "_count"].contains(&rest))
        }
    })
}

/// The labels of samples of this name.
fn labels_of(sample: &str, metric: &Metric) -> BTreeSet<String> {
    let bound = (matches!(metric.kind, Kind::Histogram(_)) && sample.ends_with("_bucket")).then_some("le");
    metric.labels.iter().copied().chain(bound).map(ToOwned::to_owned).collect()
}

fn assert_as_listed(family: &Family) -> BTreeSet<&'static str> {
    let mut seen = BTreeSet::new();
    for sample in &family.samples {
        let metric = printing(&sample.name).unwrap_or_else(|| panic!("{} is not listed", sample.name));
        assert_eq!((&*family.kind, &*family.help), (metric.kind.as_str(), metric.help), "{}", sample.name);
        let labels: BTreeSet<String> = sample.labels.keys().cloned().collect();
        assert_eq!(labels, labels_of(&sample.name, metric), "{}", sample.name);
        seen.insert(metric.name);
    }
    seen
}

fn assert_asks_for_what_there_is(query: &Query) -> BTreeSet<&'static str> {
    let Query { text, error, metrics, grouped_by } = query;
    assert_eq!(*error, None, "{text}");
    assert!(!metrics.is_empty(), "{text} asks for nothing");
    let (mut known, mut names) = (BTreeSet::from(OF_PROMETHEUS.map(ToOwned::to_owned)), BTreeSet::new());
    for selected in metrics {
        let metric = printing(&selected.name).unwrap_or_else(|| panic!("{} is not printed: {text}", selected.name));
        let labels = labels_of(&selected.name, metric);
        for matcher in &selected.matchers {
            let is_one = labels.contains(&matcher.label) || OF_PROMETHEUS.contains(&&*matcher.label);
            assert!(is_one, "{} has no label {}: {text}", selected.name, matcher.label);
            assert!(matcher.matches, "no {} has {}: {text}", selected.name, matcher.text);
        }
        known.extend(labels);
        names.insert(metric.name);
    }
    let strange: Vec<&String> = grouped_by.iter().filter(|label| !known.contains(*label)).collect();
    assert!(strange.is_empty(), "{strange:?} in {text}");
    names
}

#[tokio::test]
async fn what_is_printed_is_what_is_listed_and_dashboard_and_rules_ask_for_that() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let shown = queries_of_the_dashboard(&dashboard);
    let read = Reader::read(&printed().await, &shown, RULES).await;

    let listed: BTreeSet<&str> = metric::ALL.iter().map(|metric| metric.name).collect();
    let printed: BTreeSet<&str> = read.expositions.iter().flatten().flat_map(assert_as_listed).collect();
    assert_eq!(printed, listed, "what is listed is printed");

    let (of_dashboard, of_rules) = read.queries.split_at(shown.len());
    assert!(of_dashboard.len() > 30 && of_rules.len() > 8, "{} and {}", of_dashboard.len(), of_rules.len());
    let asked: BTreeSet<&str> = of_dashboard.iter().flat_map(assert_asks_for_what_there_is).collect();
    assert_eq!(asked, listed, "the dashboard shows everything");
    for rule in of_rules {
        let names = assert_asks_for_what_there_is(rule);
        let of_process = |name: &&str| metric::ALL.iter().any(|one| one.name == *name && one.of == Of::Process);
        assert!(names.iter().all(of_process), "rules watch the process: {}", rule.text);
    }
}

#[test]
fn the_dashboard_holds_together() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut rows: BTreeMap<u64, u64> = BTreeMap::new();
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "ids are unique");
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        assert!(panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{panel}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
        let place = &panel["gridPos"];
        *rows.entry(place["y"].as_u64().unwrap()).or_default() += place["w"].as_u64().unwrap();
    }
    assert!(rows.values().all(|width| *width == 24), "each row is filled: {rows:?}");
    let variables: Vec<&Value> = dashboard["templating"]["list"].as_array().unwrap().iter().collect();
    let names: Vec<&str> = variables.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["datasource", "job", "instance", "project"]);
}
