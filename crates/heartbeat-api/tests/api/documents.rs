//! Definitions as one document: exported, imported, tried first, and refused whole or one by one.

use std::time::Duration;

use axum::body::Body;
use heartbeat_api::{ApiConfig, BodyLimits};
use heartbeat_core::{
    Project, Slug, Timestamp,
    definition::document::MAX_MONITORS,
    key::{ApiKey, KeyRecord, Scope},
};
use insta::assert_snapshot;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

use crate::{
    installation::{Answer, Installation, record, request},
    weather::Sky,
};

const EXPORT: &str = "/api/v1/export";
const IMPORT: &str = "/api/v1/import";
const YAML: &str = "application/yaml";

const DOCUMENT: &str = "\
version: 1
monitors:
- slug: nightly-backup
  name: Nightly backup
  cron: 30 2 * * *
  timezone: Europe/Berlin
  grace: 30m
- slug: weekly
  interval: 7d
  grace: 10m
";

async fn send_as(api: &Installation, key: &ApiKey, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
    api.send(request("POST", path, Some(key)).header("content-type", kind).body(body.into()).unwrap()).await
}

async fn import(api: &Installation, query: &str, yaml: impl Into<Body>) -> Answer {
    send_as(api, &api.key, &format!("{IMPORT}{query}"), YAML, yaml).await
}

/// `+ slug`, one for each result.
fn outcomes(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer}");
    let results = answer.json()["results"].as_array().unwrap().clone();
    results
        .iter()
        .map(|one| format!("{} {}", one["outcome"].as_str().unwrap(), one["slug"].as_str().unwrap()))
        .collect()
}

/// Everything that is kept of the project's monitors.
async fn kept(api: &Installation) -> String {
    let now = api.flow.clock.now();
    let page = api.flow.store.list(&Project::default(), None, 1_000, now).await.unwrap();
    let rows = api.flow.store.project_history(&Project::default(), Timestamp::MAX, 1_000).await.unwrap();
    format!("{:#?} {rows:#?}", page.items)
}

#[tokio::test]
async fn an_import_makes_changes_and_leaves_as_the_document_says() {
    let api = Installation::new().await;
    api.say("POST", "/api/v1/monitors", &json!({"slug": "weekly", "interval": "7d", "grace": "5m", "tags": ["x"]}))
        .await;
    api.say("POST", "/api/v1/monitors", &json!({"slug": "old"})).await;
    assert_snapshot!(import(&api, "", DOCUMENT).await, @r#"
    200 OK
    content-type: application/json

    {
      "changed": 1,
      "created": 1,
      "deleted": 0,
      "dry_run": false,
      "left": 0,
      "refused": 0,
      "results": [
        {
          "outcome": "created",
          "slug": "nightly-backup"
        },
        {
          "after": {
            "grace": "10m",
            "tags": []
          },
          "before": {
            "grace": "5m",
            "tags": [
              "x"
            ]
          },
          "outcome": "changed",
          "slug": "weekly"
        }
      ],
      "unchanged": 0
    }
    "#);
    assert_eq!(outcomes(&import(&api, "", DOCUMENT).await), ["unchanged nightly-backup", "unchanged weekly"]);
    assert_snapshot!(api.call("GET", &format!("{EXPORT}?format=yaml")).await, @r"
    200 OK
    content-type: application/yaml

    version: 1
    monitors:
    - slug: nightly-backup
      name: Nightly backup
      cron: 30 2 * * *
      timezone: Europe/Berlin
      grace: 30m
    - slug: old
      interval: 5m
      grace: 1m
    - slug: weekly
      interval: 7d
      grace: 10m
    ");
}

#[tokio::test]
async fn an_export_is_imported_into_an_empty_project_and_is_the_same_there() {
    let api = Installation::new().await;
    import(&api, "", DOCUMENT).await;
    api.call("POST", "/heartbeat/born-by-a-ping?interval=1h&grace=5m").await;
    let other = ApiKey::from_random([9; 32]);
    api.put(&KeyRecord { project: Project::parse("other").unwrap(), ..record(&other, &[Scope::Admin]) }).await;
    for (format, kind) in [("yaml", YAML), ("json", "application/json")] {
        let path = format!("{EXPORT}?format={format}");
        let exported = api.call("GET", &path).await;
        assert_eq!(exported.header("content-type"), Some(kind));
        let before = kept(&api).await;
        let again = send_as(&api, &api.key, IMPORT, kind, exported.body.clone()).await;
        assert_eq!((again.json()["unchanged"].clone(), kept(&api).await == before), (json!(3), true));
        assert_eq!(send_as(&api, &other, IMPORT, kind, exported.body.clone()).await.status, 200);
        assert_eq!(api.call_as(&other, "GET", &path).await.body, exported.body);
    }
    let told = api.call_as(&other, "GET", "/api/v1/monitors/born-by-a-ping").await.json();
    assert_eq!((told["defined"].clone(), told["expires_at"].is_string()), (json!(false), true));
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_writes_nothing() {
    let api = Installation::new().await;
    api.say("POST", "/api/v1/monitors", &json!({"slug": "weekly", "grace": "5m"})).await;
    api.say("POST", "/api/v1/monitors", &json!({"slug": "old"})).await;
    let before = kept(&api).await;
    let dry = import(&api, "?dry_run=1&prune=1", DOCUMENT).await;
    assert_eq!(kept(&api).await, before);
    assert_eq!(outcomes(&dry), ["created nightly-backup", "changed weekly", "deleted old"]);
    let real = import(&api, "?prune=true&dry_run=false", DOCUMENT).await;
    assert_eq!((dry.json()["dry_run"].clone(), real.json()["dry_run"].clone()), (json!(true), json!(false)));
    assert_eq!(dry.json()["results"], real.json()["results"]);
    assert_eq!(api.call("GET", "/api/v1/monitors/old").await.status, 410);
}

#[tokio::test]
async fn a_dry_run_asks_for_no_more_than_to_read_and_the_rest_for_the_right_to_write() {
    let api = Installation::new().await;
    let (reads, pings) = (api.key_for(&[Scope::Read]).await, api.key_for(&[Scope::Ping]).await);
    assert_eq!(send_as(&api, &reads, "/api/v1/import?dry_run=1", YAML, DOCUMENT).await.status, 200);
    let answer = send_as(&api, &reads, IMPORT, YAML, DOCUMENT).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "wrong_scope".to_owned()));
    assert_eq!(send_as(&api, &pings, "/api/v1/import?dry_run=1", YAML, DOCUMENT).await.code(), "wrong_scope");
    assert_eq!(api.call_as(&pings, "GET", EXPORT).await.code(), "wrong_scope");
    assert_eq!(api.call_as(&reads, "GET", EXPORT).await.body, "{\n  \"version\": 1,\n  \"monitors\": []\n}\n");
}

#[tokio::test]
async fn a_key_for_one_monitor_exports_and_imports_that_one_alone() {
    let api = Installation::new().await;
    import(&api, "", DOCUMENT).await;
    let key = ApiKey::from_random([9; 32]);
    api.put(&KeyRecord { monitor: Some(Slug::parse("weekly").unwrap()), ..record(&key, &[Scope::Admin]) }).await;
    let own = api.call_as(&key, "GET", EXPORT).await.body;
    assert_snapshot!(own, @r#"
    {
      "version": 1,
      "monitors": [
        {
          "slug": "weekly",
          "interval": "7d",
          "grace": "10m"
        }
      ]
    }
    "#);
    assert_eq!(send_as(&api, &key, IMPORT, YAML, DOCUMENT).await.code(), "wrong_monitor");
    assert_eq!(send_as(&api, &key, "/api/v1/import?prune=1", YAML, own.clone()).await.code(), "limited_key");
    assert_eq!(outcomes(&send_as(&api, &key, IMPORT, YAML, own).await), ["unchanged weekly"]);
}

#[tokio::test]
async fn what_pings_made_stays_theirs_unless_the_document_wants_it_otherwise() {
    let api = Installation::new().await;
    api.call("POST", "/heartbeat/job?interval=1h&grace=5m").await;
    let theirs = "version: 1\nmonitors:\n- {slug: job, defined: false, interval: 1h, grace: 5m}\n";
    assert_eq!(outcomes(&import(&api, "", theirs).await), ["unchanged job"]);
    let ours = theirs.replace("defined: false, ", "");
    let answer = import(&api, "", ours).await;
    assert_eq!(answer.json()["results"][0]["after"], json!({"defined": true}));
    assert_eq!(outcomes(&import(&api, "", theirs).await), ["unchanged job"]);
    assert_eq!(api.call("GET", "/api/v1/monitors/job").await.json()["defined"], true);
}

#[tokio::test]
async fn a_document_with_a_mistake_is_refused_whole_with_its_place() {
    let api = Installation::new().await;
    let before = kept(&api).await;
    let mut refusals = Vec::new();
    for (kind, text) in [
        (YAML, ""),
        (YAML, "version: 1\nmonitors:\n- slug: [\n"),
        (YAML, "version: 1\nmonitors:\n- slug: job\n  intervall: 5m\n"),
        (YAML, "version: 1\nmonitors:\n- slug: job\n  interval: [5m]\n"),
        (YAML, "version: 1\nmonitors:\n- slug: job\n  slug: job\n"),
        (YAML, "version: 1\nmonitors:\n- interval: 5m\n"),
        (YAML, "version: 2\nmonitors: []\n"),
        (YAML, "monitors: []\n"),
        (YAML, "version: 1\nmonitors: []\nchannels: []\n"),
        (YAML, "version: 1\nmonitors: []\n---\nversion: 1\nmonitors: []\n"),
        (YAML, "version: 1\nmonitors:\n- {slug: good}\n- {slug: job, grace: soon}\n- {slug: Job}\n- {slug: good}\n"),
        ("application/json", "{\"version\": 1,\n \"monitors\": [{\"slug\": \"job\", \"graze\": \"5m\"}]}"),
        ("application/json", "version: 1\nmonitors: []\n"),
        ("application/json", "{\"version\": 1, \"monitors\": [{\"slug\": \"job\", \"grace\": true}]}"),
    ] {
        let answer = send_as(&api, &api.key, IMPORT, kind, text).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "bad_document".to_owned()), "{text}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        refusals.push(message.replace("the document is refused, and nothing was changed: ", ""));
    }
    assert_snapshot!(refusals.join("\n"), @r#"
    unexpected end of file at line 1, column 1
    expected string scalar at line 3, column 9
    unknown field `intervall`, expected one of name, description, tags, interval, cron, timezone, grace, max_runtime, failure_threshold, remind_every, resume_on_ping, channels at line 4, column 3
    a duration is a text such as 5m or 2h30m, or a number of seconds at line 4, column 13
    duplicate mapping key `slug` is not allowed here at line 4, column 3
    missing field `slug` at line 3, column 3
    it is of version 2, and this Heartbeat reads version 1
    missing field `version` at line 1, column 1
    unknown field `channels`, expected one of version, monitors at line 3, column 1
    YAML document too large or too complex: limits breached: Documents { documents: 2 } at line 3, column 1
    monitors[1] ("job"): "soon" is not a duration: write 5m, 1h, 2h30m, or seconds such as 300; monitors[2] ("Job"): a slug has only lowercase letters a-z, digits and hyphens, not 'J'; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup; monitors[3] ("good"): monitors[0] has this slug, too: leave one out
    unknown field `graze`, expected one of `name`, `description`, `tags`, `interval`, `cron`, `timezone`, `grace`, `max_runtime`, `failure_threshold`, `remind_every`, `resume_on_ping`, `channels` at line 2 column 37
    expected value at line 1 column 1
    a duration is a text such as 5m or 2h30m, or a number of seconds at line 1 column 58
    "#);
    assert_eq!(kept(&api).await, before);
}

#[tokio::test]
async fn what_is_too_much_is_refused() {
    let config = ApiConfig::default();
    let small = BodyLimits { bytes: 1_000, ..config.document_body };
    let api = Installation::with(ApiConfig { document_body: small, ..config }).await;
    let answer = import(&api, "", format!("{DOCUMENT}#{}", "x".repeat(1_000))).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (413, "body_too_large".to_owned()));

    let api = Installation::new().await;
    let many = (0..=MAX_MONITORS).map(|n| format!("- slug: job-{n}\n")).collect::<Vec<_>>().concat();
    let answer = import(&api, "", format!("version: 1\nmonitors:\n{many}")).await;
    assert_snapshot!(answer, @r#"
    400 Bad Request
    content-type: application/json

    {
      "error": {
        "code": "bad_document",
        "message": "the document is refused, and nothing was changed: it has more than 10000 monitors: split it at line 3, column 3",
        "request_id": "r-1"
      }
    }
    "#);
}

#[tokio::test]
async fn what_is_neither_yaml_nor_json_by_its_name_is_not_read() {
    let api = Installation::new().await;
    assert_snapshot!(send_as(&api, &api.key, IMPORT, "text/plain", DOCUMENT).await, @r#"
    415 Unsupported Media Type
    content-type: application/json

    {
      "error": {
        "code": "no_document",
        "message": "send the document of an import as the body, with `Content-Type: application/json` or `application/yaml`",
        "request_id": "r-1"
      }
    }
    "#);
    let nameless = request("POST", IMPORT, Some(&api.key)).body(Body::from(DOCUMENT)).unwrap();
    assert_eq!(api.send(nameless).await.code(), "no_document");
    for kind in ["application/x-yaml", "text/yaml; charset=utf-8", "Text/X-YAML"] {
        assert_eq!(send_as(&api, &api.key, "/api/v1/import?dry_run=1", kind, DOCUMENT).await.status, 200, "{kind}");
    }
}

#[tokio::test]
async fn queries_that_are_not_known_are_refused() {
    let api = Installation::new().await;
    let mut refusals = Vec::new();
    for (method, path) in [
        ("GET", "/api/v1/export?format=toml"),
        ("GET", "/api/v1/export?all=1"),
        ("POST", "/api/v1/import?dry_run=perhaps"),
        ("POST", "/api/v1/import?prune=1&prune=0"),
        ("POST", "/api/v1/import?dryrun=1"),
        ("DELETE", "/api/v1/import"),
        ("POST", "/api/v1/export"),
    ] {
        let answer = api.call(method, path).await;
        refusals.push(format!("{} {}", answer.status.as_u16(), answer.json()["error"]["message"].as_str().unwrap()));
    }
    assert_snapshot!(refusals.join("\n"), @r"
    400 `format` is json or yaml
    400 there is a parameter that is not known: this call takes format
    400 `dry_run` is 1 or 0
    400 `prune` is given twice with different values: give it once
    400 there is a parameter that is not known: this call takes dry_run and prune
    405 this path does not take this method: use POST
    405 this path does not take this method: use GET, HEAD
    ");
}

#[tokio::test]
async fn the_format_of_an_export_is_what_is_accepted_unless_the_query_says_it() {
    let api = Installation::new().await;
    for (accept, query, kind) in [
        ("application/yaml", "", YAML),
        ("text/html, text/yaml;q=0.9", "", YAML),
        ("application/yaml", "?format=json", "application/json"),
        ("*/*", "", "application/json"),
    ] {
        let asked = request("GET", &format!("{EXPORT}{query}"), Some(&api.key)).header("accept", accept);
        let answer = api.send(asked.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header("content-type"), Some(kind), "{accept} {query}");
    }
}

#[tokio::test]
async fn what_is_left_when_the_time_is_over_is_said_and_nothing_is_pruned() {
    let api = Installation::with(ApiConfig { import_time: Duration::ZERO, ..ApiConfig::default() }).await;
    api.say("POST", "/api/v1/monitors", &json!({"slug": "old"})).await;
    let before = kept(&api).await;
    let answer = import(&api, "?prune=1", DOCUMENT).await;
    assert_eq!(outcomes(&answer), ["left nightly-backup", "left weekly", "left old"]);
    assert_eq!((answer.json()["left"].clone(), kept(&api).await == before), (json!(3), true));
}

#[tokio::test]
async fn what_the_store_refuses_is_said_of_each_monitor_and_the_same_document_again_is_safe() {
    let config = ApiConfig { give_up: crate::installation::SOON, ..ApiConfig::default() };
    let api = Installation::with(config).await;
    import(&api, "", DOCUMENT).await;
    api.weather.turn(Sky::Down);
    let answer = import(&api, "", "version: 1\nmonitors: [{slug: old}]\n").await;
    assert_snapshot!(answer, @r#"
    200 OK
    content-type: application/json

    {
      "changed": 0,
      "created": 0,
      "deleted": 0,
      "dry_run": false,
      "left": 0,
      "refused": 1,
      "results": [
        {
          "code": "store_unavailable",
          "message": "the store is not available, so nothing is promised: send it again after Retry-After",
          "outcome": "refused",
          "slug": "old"
        }
      ],
      "unchanged": 0
    }
    "#);
    api.weather.turn(Sky::Clear);
    assert_eq!(outcomes(&import(&api, "?prune=1", DOCUMENT).await), ["unchanged nightly-backup", "unchanged weekly"]);
}

/// A monitor of a document, with any of its fields.
fn entry() -> impl Strategy<Value = Value> {
    let length = prop_oneof![(60..9_000_000_u32).prop_map(|s| json!(s)), select(vec![json!("90s"), json!("2h30m")])];
    let when = prop_oneof![
        length.clone().prop_map(|every| json!({ "interval": every })),
        Just(json!({"cron": "*/5 8-18 * * MON-FRI", "timezone": "America/New_York"})),
        Just(json!({})),
    ];
    let about = (option::of("\\PC{0,60}"), option::of("[ -~\n\t]{0,80}"), vec("[a-z0-9:é]{1,8}", 0..4));
    let policy =
        (option::of(length.clone()), option::of(1..=1_000_u32), any::<bool>(), option::of(vec("[a-z]{1,8}", 0..3)));
    let others = (length, any::<bool>(), "[a-z0-9]{1,12}");
    (when, about, policy, others).prop_map(
        |(mut one, (name, description, tags), (max_runtime, failures, resumes, channels), (grace, defined, slug))| {
            let fields = json!({"slug": slug, "name": name, "description": description, "tags": tags, "grace": grace,
                "max_runtime": max_runtime, "failure_threshold": failures.unwrap_or(1), "resume_on_ping": resumes,
                "remind_every": "never", "channels": channels, "defined": defined});
            one.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            one
        },
    )
}

#[test]
fn whatever_is_exported_changes_nothing_where_it_comes_from_and_brings_all_back_elsewhere() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let api = runtime.block_on(Installation::new());
    let projects = std::cell::Cell::new(0_u16);
    let fresh = || {
        projects.set(projects.get() + 1);
        let [high, low] = projects.get().to_be_bytes();
        let key = ApiKey::from_random(std::array::from_fn(|at| [200, high, low][at.min(2)]));
        let project = Project::parse(&format!("project-{}", projects.get())).unwrap();
        runtime.block_on(api.put(&KeyRecord { project, ..record(&key, &[Scope::Admin]) }));
        key
    };
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) };
    proptest!(config, |(mut monitors in vec(entry(), 0..6))| {
        monitors.sort_by_key(|one| one["slug"].to_string());
        monitors.dedup_by_key(|one| one["slug"].clone());
        let (here, there) = (fresh(), fresh());
        let document = json!({ "version": 1, "monitors": monitors }).to_string();
        let imported = runtime.block_on(send_as(&api, &here, IMPORT, "application/json", document));
        prop_assert_eq!(imported.json()["created"].clone(), json!(monitors.len()), "{}", imported);
        for (format, kind) in [("yaml", YAML), ("json", "application/json")] {
            let path = format!("{EXPORT}?format={format}");
            let exported = runtime.block_on(api.call_as(&here, "GET", &path)).body;
            let again = runtime.block_on(send_as(&api, &here, IMPORT, kind, exported.clone()));
            prop_assert_eq!(again.json()["unchanged"].clone(), json!(monitors.len()), "{}", again);
            runtime.block_on(send_as(&api, &there, IMPORT, kind, exported.clone()));
            prop_assert_eq!(runtime.block_on(api.call_as(&there, "GET", &path)).body, exported);
        }
    });
}

#[tokio::test]
async fn a_large_document_has_the_same_results_as_a_small_one() {
    let api = Installation::new().await;
    api.call("POST", "/heartbeat/job-7?interval=5m&grace=1m").await;
    api.say("POST", "/api/v1/monitors", &json!({"slug": "job-8", "grace": "9m"})).await;
    let monitors = (0..700).map(|n| format!("- slug: job-{n}\n")).collect::<Vec<_>>().concat();
    let document = format!("version: 1\nmonitors:\n{monitors}");
    let dry = import(&api, "?dry_run=1", document.clone()).await.json();
    let real = import(&api, "", document.clone()).await.json();
    assert_eq!(dry["results"], real["results"]);
    let counted = |answer: &Value| ["created", "changed", "unchanged"].map(|word| answer[word].as_u64().unwrap());
    assert_eq!(counted(&real), [698, 2, 0]);
    assert_eq!(real["results"][8]["before"], json!({"grace": "9m"}));
    assert_eq!(counted(&import(&api, "", document).await.json()), [0, 0, 700]);
}
