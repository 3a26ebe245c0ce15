//! `GET /metrics`: who sees what, and what is counted.

use axum::body::Body;
use heartbeat_api::{Api, ApiConfig, ProcessMetrics, router};
use heartbeat_core::{
    Project, Slug,
    key::{ApiKey, KeyRecord, Scope},
    metric,
};
use insta::assert_snapshot;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::{
    installation::{Answer, Installation, NOW, record, request},
    posts::Posts,
    weather::Sky,
};

fn recorder() -> (PrometheusRecorder, PrometheusHandle) {
    let builder = PrometheusBuilder::new().set_buckets(&[0.1, 1.0]).unwrap();
    let recorder = builder.build_recorder();
    metric::describe(&recorder);
    let handle = recorder.handle();
    (recorder, handle)
}

/// An installation whose router counts by the recorder that is installed now, and shows what `handle` prints.
async fn counted(config: ApiConfig, handle: &PrometheusHandle) -> Installation {
    let (mut api, handle) = (Installation::with(config.clone()).await, handle.clone());
    let counting = Api::new(api.flow.clone(), config).with_kinds(std::sync::Arc::new(Posts));
    api.router = router(counting.with_figures(move || handle.render()));
    api
}

/// A key of `project`, perhaps limited to one monitor.
async fn key_of(api: &Installation, bits: u8, project: &str, scopes: &[Scope], only: Option<&str>) -> ApiKey {
    let key = ApiKey::from_random([bits; 32]);
    let monitor = only.map(|slug| Slug::parse(slug).unwrap());
    api.put(&KeyRecord { project: Project::parse(project).unwrap(), monitor, ..record(&key, scopes) }).await;
    key
}

async fn without_a_key(api: &Installation) -> Answer {
    api.send(request("GET", "/metrics", None).body(Body::empty()).unwrap()).await
}

/// Whether the figures of the process, and samples of monitors, are in it.
fn shows(answer: &Answer) -> (bool, bool) {
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"), "{answer}");
    let process = answer.body.contains("heartbeat_http_requests_total{");
    (process, answer.body.contains("slug="))
}

/// The value of one sample.
fn value(answer: &Answer, sample: &str) -> u64 {
    let rest = answer.body.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    rest.unwrap_or_else(|| panic!("no {sample} in\n{answer}")).parse().unwrap()
}

#[tokio::test]
async fn a_project_sees_its_monitors_as_they_are_just_now() {
    let api = Installation::new().await;
    api.call("GET", "/heartbeat/nightly/start?interval=1h").await;
    api.advance(90);
    api.call("GET", "/heartbeat/nightly").await;
    api.call("GET", "/heartbeat/web?interval=1m&grace=0").await;
    api.advance(120);
    let answer = api.call("GET", "/metrics").await;
    assert_eq!(answer.status, 200);
    let without_help = answer.body.lines().filter(|line| !line.starts_with("# HELP "));
    assert_snapshot!(without_help.collect::<Vec<_>>().join("\n"), @r#"
    # TYPE heartbeat_monitor_status gauge
    heartbeat_monitor_status{project="default",slug="nightly",status="new"} 0
    heartbeat_monitor_status{project="default",slug="nightly",status="ok"} 1
    heartbeat_monitor_status{project="default",slug="nightly",status="running"} 0
    heartbeat_monitor_status{project="default",slug="nightly",status="late"} 0
    heartbeat_monitor_status{project="default",slug="nightly",status="overdue"} 0
    heartbeat_monitor_status{project="default",slug="nightly",status="paused"} 0
    heartbeat_monitor_status{project="default",slug="web",status="new"} 0
    heartbeat_monitor_status{project="default",slug="web",status="ok"} 0
    heartbeat_monitor_status{project="default",slug="web",status="running"} 0
    heartbeat_monitor_status{project="default",slug="web",status="late"} 0
    heartbeat_monitor_status{project="default",slug="web",status="overdue"} 1
    heartbeat_monitor_status{project="default",slug="web",status="paused"} 0
    # TYPE heartbeat_monitor_last_ping_timestamp_seconds gauge
    heartbeat_monitor_last_ping_timestamp_seconds{project="default",slug="nightly"} 1795402890.000000
    heartbeat_monitor_last_ping_timestamp_seconds{project="default",slug="web"} 1795402890.000000
    # TYPE heartbeat_monitor_due_timestamp_seconds gauge
    heartbeat_monitor_due_timestamp_seconds{project="default",slug="nightly"} 1795406550.000000
    # TYPE heartbeat_monitor_pings_total counter
    heartbeat_monitor_pings_total{project="default",slug="nightly"} 2
    heartbeat_monitor_pings_total{project="default",slug="web"} 1
    # TYPE heartbeat_monitor_last_duration_seconds gauge
    heartbeat_monitor_last_duration_seconds{project="default",slug="nightly"} 90
    # TYPE heartbeat_monitor_incident_start_timestamp_seconds gauge
    heartbeat_monitor_incident_start_timestamp_seconds{project="default",slug="web"} 1795402950.000000
    # TYPE heartbeat_project_unreadable_monitors gauge
    heartbeat_project_unreadable_monitors{project="default"} 0
    # TYPE heartbeat_project_truncated gauge
    heartbeat_project_truncated{project="default"} 0
    "#);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
}

#[tokio::test]
async fn a_key_opens_its_project_and_the_operators_opens_the_process_too() {
    let (recorder, handle) = recorder();
    let _counting = ::metrics::set_default_local_recorder(&recorder);
    let api = counted(ApiConfig::default(), &handle).await;
    for (bits, project) in [(60, "heartbeat"), (61, "elsewhere")] {
        let pinger = key_of(&api, bits, project, &[Scope::Ping], None).await;
        api.call_as(&pinger, "GET", &format!("/heartbeat/of-{project}")).await;
    }
    api.call("GET", "/heartbeat/ours").await;
    let operator = key_of(&api, 62, "heartbeat", &[Scope::Read], None).await;
    let limited = key_of(&api, 63, "heartbeat", &[Scope::Admin], Some("of-heartbeat")).await;
    let other = key_of(&api, 64, "elsewhere", &[Scope::Read], None).await;
    for (key, process, slugs) in [
        (&operator, true, vec!["of-heartbeat"]),
        (&limited, false, vec!["of-heartbeat"]),
        (&other, false, vec!["of-elsewhere"]),
        (&api.key, false, vec!["ours"]),
    ] {
        let answer = api.call_as(key, "GET", "/metrics").await;
        assert_eq!(shows(&answer), (process, true), "{answer}");
        let seen = ["of-heartbeat", "of-elsewhere", "ours"].into_iter();
        let seen: Vec<&str> = seen.filter(|slug| answer.body.contains(&format!("slug=\"{slug}\""))).collect();
        assert_eq!(seen, slugs);
    }
}

#[tokio::test]
async fn a_key_that_is_limited_to_one_monitor_sees_only_that() {
    let api = Installation::new().await;
    for slug in ["a", "b"] {
        api.call("GET", &format!("/heartbeat/{slug}")).await;
    }
    let limited = key_of(&api, 65, "default", &[Scope::Read], Some("b")).await;
    let text = api.call_as(&limited, "GET", "/metrics").await.body;
    assert!(text.contains("slug=\"b\"") && !text.contains("slug=\"a\""), "{text}");
    api.call("DELETE", "/monitors/b").await;
    assert_eq!(shows(&api.call_as(&limited, "GET", "/metrics").await), (false, false));
}

#[tokio::test]
async fn each_refusal_has_its_code() {
    let api = Installation::new().await;
    assert_eq!(without_a_key(&api).await.code(), "missing_key");
    let answer =
        api.send(request("GET", "/metrics", None).header("authorization", "Bearer hb_").body(Body::empty()).unwrap());
    assert_eq!(answer.await.code(), "malformed_key");
    assert_eq!(api.call_as(&ApiKey::from_random([66; 32]), "GET", "/metrics").await.code(), "unknown_key");
    let pinger = key_of(&api, 67, "heartbeat", &[Scope::Ping, Scope::Write], None).await;
    assert_eq!(api.call_as(&pinger, "GET", "/metrics").await.code(), "wrong_scope");
    assert_eq!(api.call("GET", "/metrics?format=json").await.code(), "bad_query");
    let posted = api.call("POST", "/metrics").await;
    assert_eq!((posted.code(), posted.header("allow")), ("method_not_allowed".to_owned(), Some("GET, HEAD")));
    api.weather.turn(Sky::Down);
    assert_eq!(api.call("GET", "/metrics").await.code(), "store_unavailable");
    api.weather.turn(Sky::Clear);
    let revoked = KeyRecord { revoked_at: Some(NOW), ..record(&ApiKey::from_random([68; 32]), &[Scope::Read]) };
    api.put(&revoked).await;
    assert_eq!(api.call_as(&ApiKey::from_random([68; 32]), "GET", "/metrics").await.code(), "revoked_key");
    let calls = futures_util::future::join_all((0..120).map(|_| api.call("GET", "/metrics"))).await;
    let limited: Vec<&Answer> = calls.iter().filter(|answer| answer.status == 429).collect();
    assert!(!limited.is_empty() && limited.iter().all(|answer| answer.code() == "too_many_calls"));
}

#[tokio::test]
async fn where_the_installation_wants_it_so_the_process_and_nothing_else_is_shown_without_a_key() {
    let (recorder, handle) = recorder();
    let _counting = ::metrics::set_default_local_recorder(&recorder);
    let public = ApiConfig { process_metrics: ProcessMetrics::Public, ..ApiConfig::default() };
    let api = counted(public, &handle).await;
    api.call("GET", "/heartbeat/ours").await;
    assert_eq!(shows(&without_a_key(&api).await), (true, false));
    // What a key opens does not depend on it, and a bad one is refused.
    assert_eq!(shows(&api.call("GET", "/metrics").await), (false, true));
    assert_eq!(api.call_as(&ApiKey::from_random([69; 32]), "GET", "/metrics").await.code(), "unknown_key");
    let asked = request("GET", "/metrics?x=1", None).body(Body::empty()).unwrap();
    assert_eq!(api.send(asked).await.code(), "bad_query");
    // It needs no store.
    api.weather.turn(Sky::Down);
    assert_eq!(shows(&without_a_key(&api).await), (true, false));
}

#[tokio::test]
async fn where_nobody_counts_a_comment_says_so() {
    let api = Installation::new().await;
    let operator = key_of(&api, 70, "heartbeat", &[Scope::Read], None).await;
    let text = api.call_as(&operator, "GET", "/metrics").await.body;
    assert!(
        text.starts_with("# The figures of the process are not kept here: on Lambda, CloudWatch has them.\n# HELP")
    );
}

#[tokio::test]
async fn pings_requests_limits_and_errors_are_counted() {
    let (recorder, handle) = recorder();
    let _counting = ::metrics::set_default_local_recorder(&recorder);
    let api = counted(ApiConfig::default(), &handle).await;
    let operator = key_of(&api, 71, "heartbeat", &[Scope::Read], None).await;
    for path in ["a", "a", "a/start", "a/3", "b/log", "c/fail", "a/nonsense", "B"] {
        api.call("POST", &format!("/heartbeat/{path}")).await;
        api.advance(1);
    }
    api.call("DELETE", "/monitors/c").await;
    api.call("POST", "/heartbeat/c").await;
    api.call("POST", "/monitors/b/pause").await;
    api.call("INVENTED", "/nowhere").await;
    for sky in [Sky::Down, Sky::Silent] {
        api.weather.turn(sky);
        api.call("GET", "/heartbeat/a").await;
    }
    api.weather.turn(Sky::Clear);
    let answer = api.call_as(&operator, "GET", "/metrics").await;
    let pings =
        |signal, ended| value(&answer, &format!("heartbeat_pings_total{{signal=\"{signal}\",answer=\"{ended}\"}}"));
    assert_eq!([pings("success", "created"), pings("success", "recorded")], [1, 1]);
    assert_eq!([pings("success", "refused"), pings("success", "failed")], [1, 2]);
    assert_eq!([pings("start", "recorded"), pings("exit", "recorded")], [1, 1]);
    assert_eq!([pings("log", "created"), pings("fail", "created")], [1, 1]);
    let requests = |route, method, status| {
        let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
        value(&answer, &format!("heartbeat_http_requests_total{{{labels}}}"))
    };
    let route = "/heartbeat/{*rest}";
    assert_eq!([requests(route, "POST", 201), requests(route, "POST", 200)], [3, 3]);
    assert_eq!([requests(route, "POST", 404), requests(route, "POST", 400), requests(route, "POST", 410)], [1; 3]);
    assert_eq!([requests(route, "GET", 503), requests("none", "other", 404)], [2, 1]);
    assert_eq!(requests("/monitors/{slug}/pause", "POST", 200), 1);
    assert_eq!(value(&answer, &format!("heartbeat_http_request_duration_seconds_count{{route=\"{route}\"}}")), 11);
    let transitions = |kind| value(&answer, &format!("heartbeat_transitions_total{{kind=\"{kind}\"}}"));
    assert_eq!([transitions("opened"), transitions("paused"), transitions("recovered")], [2, 1, 0]);
    let errors = |kind| value(&answer, &format!("heartbeat_store_errors_total{{part=\"api\",kind=\"{kind}\"}}"));
    assert_eq!([errors("unavailable"), errors("timeout"), errors("corrupt")], [1, 1, 0]);
    let recalled = |result| value(&answer, &format!("heartbeat_key_cache_lookups_total{{result=\"{result}\"}}"));
    assert_eq!([recalled("nothing"), recalled("stale"), recalled("unknown")], [2, 0, 0]);
}

#[tokio::test]
async fn no_secret_and_no_slug_is_among_the_figures_of_the_process() {
    let (recorder, handle) = recorder();
    let _counting = ::metrics::set_default_local_recorder(&recorder);
    let public = ApiConfig { process_metrics: ProcessMetrics::Public, ..ApiConfig::default() };
    let api = counted(public, &handle).await;
    let key = api.key.reveal().to_owned();
    for path in
        [format!("/heartbeat/{key}"), format!("/heartbeat/my-job?key={key}"), format!("/{key}"), "/monitors".into()]
    {
        api.call("POST", &path).await;
        api.call(&key[..20], &path).await;
    }
    let text = without_a_key(&api).await.body;
    for secret in [&key[3..40], &key[..20], &api.key.hash().short(), "my-job"] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
}

#[tokio::test]
async fn a_large_project_is_read_by_pages_and_said_to_be_cut_off_where_it_is() {
    let api = Installation::new().await;
    for n in 0..501 {
        api.call("GET", &format!("/heartbeat/job-{n}")).await;
    }
    let answer = api.call("GET", "/metrics").await;
    assert_eq!(answer.body.matches("heartbeat_monitor_pings_total{").count(), 501);
    assert_eq!(value(&answer, "heartbeat_project_truncated{project=\"default\"}"), 0);
}
