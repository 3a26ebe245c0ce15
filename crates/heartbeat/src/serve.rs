//! `heartbeat serve`: API and checker in one process, with everything in one file.

mod together;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context;
use heartbeat_api::{Api, ApiConfig, Check, Limits};
use heartbeat_checker::{Checker, Pulse};
use heartbeat_core::{
    Clock, Random, Store, alarm::Alarm, clock::SystemClock, flow::Flow, key::ApiKey, random::SystemRandom,
};
use heartbeat_sqlite::{Mode, SqliteStore};
use tokio::net::TcpListener;

use self::together::Watch;
use crate::{channel, config::Config, database, keys, logging, say, stop::Stop, variables};

/// How often expired rows are swept away, and how many at a time.
const SWEEP_EVERY: Duration = Duration::from_mins(1);
const SWEPT_AT_ONCE: usize = 1_000;
/// No disk answers every write faster than this: with a settle time below it, a ping may be overtaken.
const LEAST_GIVE_UP: Duration = Duration::from_millis(500);
/// A checker that has not looked for this much longer than it may sleep is not alive.
const CHECKER_LATE: Duration = Duration::from_secs(30);

pub(crate) async fn serve(config: &Config) -> anyhow::Result<()> {
    logging::start(config);
    let stop = Stop::on_signal()?;
    let alarm = Arc::new(Alarm::default());
    let store = Arc::new(SqliteStore::open(&config.database, Mode::Serve, Arc::clone(&alarm))?);
    let listener = listen(config).await?;
    greet(config, listener.local_addr()?, store.as_ref()).await?;
    let flow = Flow {
        store: Arc::clone(&store) as Arc<dyn Store>,
        clock: Arc::new(SystemClock) as Arc<dyn Clock>,
        random: Arc::new(SystemRandom) as Arc<dyn Random>,
        settings: config.settings,
    };
    let checker = Arc::new(Checker::new(flow.clone(), vec![channel::at_start(config)?])?);
    let pulse = Arc::new(Pulse::default());
    let mut watch = Watch::over(tokio::spawn({
        let (checker, pulse, stop, cap) = (checker, Arc::clone(&pulse), stop.clone(), config.check_interval);
        async move { checker.run(&alarm, cap, &pulse, stop.requested()).await }
    }));
    let sweeping = tokio::spawn(sweep(Arc::clone(&store), config.retention));
    let api = Api::new(flow, api_config(config)).with_check(checker_lives(pulse, config.check_interval));
    let router = heartbeat_api::router(api);
    let ending = heartbeat_api::serve(listener, router, watch.until(stop), Limits::default()).await;
    if ending.cut_off > 0 {
        tracing::warn!(connections = ending.cut_off, "some connections did not finish in time");
    }
    let watched = watch.end().await;
    sweeping.abort();
    let _ = sweeping.await;
    tokio::task::spawn_blocking(move || store.close()).await.context("the store did not close")?;
    watched?;
    tracing::info!("stopped");
    Ok(())
}

async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(config.bind).await;
    bound.with_context(|| format!("cannot listen on {}: choose another {}", config.bind, variables::BIND_ADDR))
}

fn api_config(config: &Config) -> ApiConfig {
    let usual = ApiConfig::default();
    ApiConfig {
        trusted_proxies: config.trusted_proxies,
        give_up: give_up(config.settings.settle, usual.give_up),
        ..usual
    }
}

/// How long a ping's write may take: well inside the settle time, so that no checker is quicker than an answered ping.
fn give_up(settle: Duration, usual: Duration) -> Duration {
    usual.min(settle * 2 / 3).max(LEAST_GIVE_UP)
}

fn checker_lives(pulse: Arc<Pulse>, cap: Duration) -> Check {
    let limit = cap + CHECKER_LATE;
    Check::new("checker", move || {
        let last = pulse.last().ok_or("it has not looked yet")?;
        let silent = SystemClock.now().since(last);
        if silent <= limit { Ok(()) } else { Err(format!("it last looked {} s ago", silent.as_secs())) }
    })
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

/// Says where everything is, and gives the first key where there is none.
async fn greet(config: &Config, bound: SocketAddr, store: &dyn Store) -> anyhow::Result<()> {
    let address = format!("http://{bound}");
    let kept = database::absolute(&config.database);
    say(&format!("Heartbeat listens on {address} and keeps everything in {}.", kept.display()))?;
    match &config.telegram {
        Some(_) => say("Alerts go to Telegram.")?,
        None => say(&format!(
            "Alerts go to this terminal. For Telegram, set {} and {}.",
            variables::BOT_TOKEN,
            variables::CHAT_ID
        ))?,
    }
    if config.settings.settle < Duration::from_secs(3) {
        tracing::warn!(
            "{} is below 3s: a ping that a slow disk holds up may be announced as missed",
            variables::SETTLE
        );
    }
    if store.keys().await?.is_empty() {
        keys::give_first(store, |key| show_first_key(&address, key)).await?;
    }
    Ok(())
}

fn show_first_key(address: &str, key: &ApiKey) -> anyhow::Result<()> {
    let key = key.reveal();
    let bearer = format!("-H \"Authorization: Bearer {key}\"");
    let lines = [
        String::new(),
        "Your first API key, shown this once:".to_owned(),
        String::new(),
        format!("  {key}"),
        String::new(),
        "Say that a job is alive, and is to be so again within 5 minutes:".to_owned(),
        format!("  curl {bearer} \"{address}/heartbeat/nightly-backup?interval=5m\""),
        "Say that it failed:".to_owned(),
        format!("  curl -X POST {bearer} \"{address}/heartbeat/nightly-backup/fail\""),
        "See how everything is:".to_owned(),
        format!("  curl {bearer} \"{address}/monitors\""),
        String::new(),
    ];
    lines.iter().try_for_each(|line| say(line))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_is_given_up_well_inside_the_settle_time() {
        for settle_s in 1..=300 {
            let settle = Duration::from_secs(settle_s);
            assert!(give_up(settle, ApiConfig::default().give_up) * 3 <= settle * 2);
        }
        assert_eq!(give_up(Duration::ZERO, ApiConfig::default().give_up), LEAST_GIVE_UP);
    }
}
