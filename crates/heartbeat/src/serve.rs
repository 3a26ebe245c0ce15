//! What serves: `heartbeat serve`, with API and checker in one process over a file or over tables, and the two programs
//! that are one part each, over tables.

mod absent;
mod greeting;
mod in_file;
mod in_tables;
mod together;

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use heartbeat_api::{ApiConfig, Check};
use heartbeat_checker::{Checker, Pulse};
use heartbeat_core::{
    Clock, Random, Store,
    alarm::Alarm,
    clock::SystemClock,
    flow::{Flow, Settings},
    random::SystemRandom,
};

use self::together::Watch;
pub(crate) use self::{
    absent::Reason,
    in_tables::{api_over_tables, api_without_store, flow_over_tables},
};
use crate::{
    around, channel,
    config::{Config, Kept},
    figures, logging,
    stop::Stop,
    variables,
};

/// No store answers every write faster than this: with a settle time below it, a ping may be overtaken.
const LEAST_GIVE_UP: Duration = Duration::from_millis(500);
/// A checker that has not looked for this much longer than it may sleep is not alive.
const CHECKER_LATE: Duration = Duration::from_secs(30);

/// Serves until it is told to stop.
pub(crate) async fn serve(config: &Config) -> anyhow::Result<()> {
    logging::start(config);
    let _upkeep = figures::start()?;
    let stop = Stop::on_signal()?;
    match &config.kept {
        Kept::InFile(file) => in_file::serve(config, file, stop).await?,
        Kept::InTables => in_tables::serve(config, stop).await?,
    }
    tracing::info!("stopped");
    Ok(())
}

/// Serves the API alone, over tables, until it is told to stop.
pub(crate) async fn serve_api(config: &Config) -> anyhow::Result<()> {
    logging::start(config);
    let _upkeep = figures::start()?;
    in_tables::serve_api(config, Stop::on_signal()?).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Checks alone, over tables, until it is told to stop.
pub(crate) async fn check(config: &Config) -> anyhow::Result<()> {
    logging::start(config);
    in_tables::check(config, Stop::on_signal()?).await?;
    tracing::info!("stopped");
    Ok(())
}

/// The flows over `store`.
pub(crate) fn flow(store: Arc<dyn Store>, settings: Settings) -> Flow {
    Flow {
        store,
        clock: Arc::new(SystemClock) as Arc<dyn Clock>,
        random: Arc::new(SystemRandom) as Arc<dyn Random>,
        settings,
        hearing: Arc::default(),
        known: Arc::default(),
    }
}

/// Starts the checker; gives who watches over it, and what tells whether it is alive.
async fn start_checker(config: &Config, flow: Flow, alarm: Arc<Alarm>, stop: Stop) -> anyhow::Result<(Watch, Check)> {
    let checker = Checker::new(flow, vec![channel::at_start(config).await?])?;
    let checker = Arc::new(around::checker(config, checker, None)?);
    let (pulse, cap) = (Arc::new(Pulse::default()), config.check_interval);
    let lives = checker_lives(Arc::clone(&pulse), cap);
    let running = tokio::spawn(async move { checker.run(&alarm, cap, &pulse, stop.requested()).await });
    Ok((Watch::over(running), lives))
}

fn checker_lives(pulse: Arc<Pulse>, cap: Duration) -> Check {
    let limit = cap + CHECKER_LATE;
    Check::new("checker", move || {
        let last = pulse.last().ok_or("it has not looked yet")?;
        let silent = SystemClock.now().since(last);
        if silent <= limit { Ok(()) } else { Err(format!("it last looked {} s ago", silent.as_secs())) }
    })
}

/// Listens. In a way that can be handed on: who serves while the store is opened hands over to who serves then.
fn listen(config: &Config) -> anyhow::Result<std::net::TcpListener> {
    let bound = std::net::TcpListener::bind(config.bind);
    let bound =
        bound.with_context(|| format!("cannot listen on {}: choose another {}", config.bind, variables::BIND_ADDR))?;
    bound.set_nonblocking(true)?;
    Ok(bound)
}

/// `settle` is what all have agreed on; `longest` is how long the store may take at the most.
fn api_config(config: &Config, settle: Duration, longest: Duration) -> ApiConfig {
    ApiConfig {
        trusted_proxies: config.trusted_proxies,
        gathering: config.gathering,
        process_metrics: config.process_metrics,
        give_up: give_up(settle, longest),
        history: config.retention,
        ..ApiConfig::default()
    }
}

/// How long a ping's write may take: well inside the settle time, so that no checker is quicker than an answered ping.
fn give_up(settle: Duration, longest: Duration) -> Duration {
    longest.min(settle * 2 / 3).max(LEAST_GIVE_UP)
}

fn report_cut_off(ending: heartbeat_api::Ending) {
    if ending.cut_off > 0 {
        tracing::warn!(connections = ending.cut_off, "some connections did not finish in time");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_is_given_up_well_inside_the_settle_time() {
        for longest in [ApiConfig::default().give_up, in_tables::LONGEST_GIVE_UP] {
            for settle_s in 1..=300 {
                let settle = Duration::from_secs(settle_s);
                assert!(give_up(settle, longest) * 3 <= settle * 2);
                assert!(give_up(settle, longest) <= Duration::from_secs(3));
            }
            assert_eq!(give_up(Duration::ZERO, longest), LEAST_GIVE_UP);
        }
    }
}
