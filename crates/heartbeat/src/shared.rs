//! `heartbeat settings`: what all processes over the tables agree on, shown and changed. None of it loses an alert, whatever
//! runs meanwhile: the store makes everybody follow in the right order.

use heartbeat_core::{
    Clock, Timestamp,
    clock::SystemClock,
    dynamo::{Detector, DynamoStore, Shared, shared::MAX_SHARDS},
};

use crate::{
    cli::{NewDetector, Settings},
    config::Config,
    say, tables,
};

pub(crate) async fn run(config: &Config, command: Option<Settings>) -> anyhow::Result<()> {
    let store = tables::open_for_settings(config).await?;
    match command {
        None | Some(Settings::Show) => show(&store),
        Some(Settings::GrowShards { shards }) => grow_shards(&store, shards).await,
        Some(Settings::Detector { detector: NewDetector::Sweep }) => enter_sweep(&store).await,
        Some(Settings::Detector { detector: NewDetector::Index }) => leave_sweep(&store).await,
    }
}

fn show(store: &DynamoStore) -> anyhow::Result<()> {
    let (shared, now) = (store.shared(), SystemClock.now());
    let detector = match shared.detector {
        Detector::Index => "index: what is due is found by its index; 3 write units a ping".to_owned(),
        Detector::Sweep => "sweep: each pass reads everything; 1 write unit a ping".to_owned(),
        Detector::Leaving => format!("on the way from sweep to index: {}", how_to_finish(&shared, now)),
    };
    say(&format!("detector     {detector}"))?;
    say(&format!("shards       {}{}", shared.shards, not_yet_used(&shared, now)))?;
    say(&format!("settle time  {} s past due, so that a ping on its way is not overtaken", shared.settle_s))?;
    let skew = store.skew().at_least().as_secs_f64();
    say(&match skew {
        0.0 => "clock skew   none that the store's clock shows".to_owned(),
        skew => format!("clock skew   at least {skew:.1} s between this machine and the store"),
    })?;
    Ok(())
}

fn not_yet_used(shared: &Shared, now: Timestamp) -> String {
    if now >= shared.writers_follow_at || shared.shards == shared.shards_before {
        return String::new();
    }
    format!(" ({} until {}, when everybody knows)", shared.shards_before, shared.writers_follow_at.to_rfc3339_seconds())
}

async fn grow_shards(store: &DynamoStore, shards: u16) -> anyhow::Result<()> {
    let before = store.shared().shards;
    if shards == before {
        return Ok(say(&format!("there are {shards} shards already"))?);
    }
    if !(before..=MAX_SHARDS).contains(&shards) {
        anyhow::bail!("the number of shards only grows: there are {before}, and at most {MAX_SHARDS} are possible");
    }
    let shared = store.grow_shards(shards).await?;
    Ok(say(&format!(
        "{shards} shards instead of {before}: checkers look at all of them within half a minute, and from {} on monitors move \
         to them with their next write",
        shared.writers_follow_at.to_rfc3339_seconds()
    ))?)
}

async fn enter_sweep(store: &DynamoStore) -> anyhow::Result<()> {
    if store.shared().detector == Detector::Sweep {
        return Ok(say("the detector is sweep already")?);
    }
    store.enter_sweep().await?;
    Ok(say("the detector is sweep: each pass reads everything, and a ping writes no wake time, within half a minute")?)
}

/// Starts to leave `sweep`; finishes when everybody has followed.
async fn leave_sweep(store: &DynamoStore) -> anyhow::Result<()> {
    let (shared, now) = (store.shared(), SystemClock.now());
    match shared.detector {
        Detector::Index => say("the detector is index already")?,
        Detector::Sweep => {
            let leaving = store.start_leaving_sweep().await?;
            say(&format!(
                "wake times are written again, and each pass still reads everything: {}",
                how_to_finish(&leaving, now)
            ))?;
        }
        Detector::Leaving if now < shared.writers_follow_at => say(&how_to_finish(&shared, now))?,
        Detector::Leaving => {
            let missing = store.finish_leaving_sweep().await?;
            say(&format!("the detector is index; {missing} wake times were missing, and are written"))?;
        }
    }
    Ok(())
}

fn how_to_finish(shared: &Shared, now: Timestamp) -> String {
    let command = "`heartbeat settings detector index` finishes it";
    if now >= shared.writers_follow_at {
        return format!("{command} now");
    }
    format!("{command} from {} on, when everybody knows", shared.writers_follow_at.to_rfc3339_seconds())
}
