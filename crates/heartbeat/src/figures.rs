//! The figures of this process, for who asks `GET /metrics`: counted by one recorder, which is there where a process that
//! lives long answers requests. On Lambda there is none, and nothing is counted: CloudWatch reads the log.

use std::{sync::OnceLock, time::Duration};

use anyhow::Context;
use heartbeat_api::Api;
use heartbeat_core::{
    Clock, Timestamp,
    clock::SystemClock,
    metric::{self, Kind},
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::task::JoinHandle;

/// How often what histograms have gathered is counted, whether anybody asks or not: it would grow without a bound.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Beside the one recorder of the process, which is a static as well.
static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Keeps the figures small until it is dropped.
pub(crate) struct Upkeep(JoinHandle<()>);

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Counts from now on. Before anything that counts is made.
pub(crate) fn start() -> anyhow::Result<Upkeep> {
    let recorder = recorder()?;
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).ok().context("something else counts the figures of this process")?;
    metric::BUILD_INFO.gauge([env!("CARGO_PKG_VERSION")]).set(1.0);
    metric::START_TIME.gauge(metric::WHOLE).set(SystemClock.now().since(Timestamp::EPOCH).as_secs_f64());
    let kept = HANDLE.get_or_init(|| handle);
    Ok(Upkeep(tokio::spawn(async move {
        loop {
            SystemClock.sleep(UPKEEP_EVERY).await;
            kept.run_upkeep();
        }
    })))
}

/// The same API, which shows the figures where they are counted.
pub(crate) fn shown_by(api: Api) -> Api {
    match HANDLE.get() {
        Some(handle) => api.with_figures(|| handle.render()),
        None => api,
    }
}

fn recorder() -> anyhow::Result<PrometheusRecorder> {
    let mut builder = PrometheusBuilder::new();
    for listed in &metric::ALL {
        if let Kind::Histogram(buckets) = listed.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(listed.name.to_owned()), buckets)?;
        }
    }
    let recorder = builder.build_recorder();
    metric::describe(&recorder);
    Ok(recorder)
}
