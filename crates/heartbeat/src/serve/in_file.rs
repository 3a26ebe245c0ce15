//! `heartbeat serve` over one file: API and checker in one process, and nobody beside it.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use heartbeat_api::{Api, ApiConfig, Limits};
use heartbeat_core::{Clock, Store, alarm::Alarm, clock::SystemClock};
use heartbeat_sqlite::{Mode, SqliteStore};
use tokio::net::TcpListener;

use super::{api_config, flow, greeting, listen, report_cut_off, start_checker};
use crate::{around, channels, config::Config, figures, stop::Stop};

/// How often expired rows are swept away, and how many at a time.
const SWEEP_EVERY: Duration = Duration::from_mins(1);
const SWEPT_AT_ONCE: usize = 1_000;

pub(super) async fn serve(config: &Config, file: &Path, stop: Stop) -> anyhow::Result<()> {
    let alarm = Arc::new(Alarm::default());
    let store = Arc::new(SqliteStore::open(file, Mode::Serve, Arc::clone(&alarm))?);
    let listener = TcpListener::from_std(listen(config)?)?;
    greeting::over_a_file(config, file, listener.local_addr()?, store.as_ref()).await?;
    let flow = around::hearing(config, flow(Arc::clone(&store) as Arc<dyn Store>, config.settings));
    // What was missed while nobody was here is known before anybody is called silent for it.
    around::prove_once(&flow).await;
    let proving = tokio::spawn(around::prove_hearing(flow.clone(), stop.clone()));
    let (mut watch, checker_lives) = start_checker(config, flow.clone(), alarm, stop.clone()).await?;
    let sweeping = tokio::spawn(sweep(Arc::clone(&store), config.retention));
    let api_config = api_config(config, config.settings.settle, ApiConfig::default().give_up);
    let api = Api::new(flow, api_config)
        .with_base_url(config.base_url.clone())
        .with_check(checker_lives)
        .with_kinds(channels::kinds(config, None));
    let router = heartbeat_api::router(figures::shown_by(api));
    report_cut_off(heartbeat_api::serve(listener, router, watch.until(stop), Limits::default()).await);
    let watched = watch.end().await;
    sweeping.abort();
    let _ = sweeping.await;
    proving.abort();
    let _ = proving.await;
    tokio::task::spawn_blocking(move || store.close()).await.context("the store did not close")?;
    watched
}

/// Sweeps away what has expired, a little at a time.
async fn sweep(store: Arc<SqliteStore>, retention: Duration) {
    loop {
        SystemClock.sleep(SWEEP_EVERY).await;
        loop {
            match store.forget(SystemClock.now(), retention, SWEPT_AT_ONCE).await {
                Ok(SWEPT_AT_ONCE..) => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "expired rows could not be swept");
                    break;
                }
            }
        }
    }
}
