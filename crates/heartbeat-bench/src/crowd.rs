//! Crowds of monitors in a fresh file, made through the front door: by pings through the flow.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use heartbeat_core::{
    Clock, Grace, Interval, MonitorId, Ping, Project, Reminders, Schedule, Slug, Store,
    alarm::Alarm,
    flow::{Flow, Sender, Settings},
    history::PingLog,
};
use heartbeat_proof::instruments::Seeded;
use heartbeat_sqlite::{Mode, SqliteStore};

/// How many are made at the same time: enough to fill the store's group commits.
const SIDE_BY_SIDE: usize = 256;

/// A flow over a fresh file in `folder`, with the settings of `serve`. Whoever drops the last of it closes the file.
pub(crate) fn flow(folder: &Path, clock: Arc<dyn Clock>) -> anyhow::Result<Flow> {
    let store = SqliteStore::open(&folder.join("heartbeat.db"), Mode::Serve, Arc::new(Alarm::default()))?;
    Ok(flow_over(Arc::new(store) as Arc<dyn Store>, clock, Duration::from_secs(3), PingLog::All))
}

/// A flow over a store, with the settings of `serve` but for those that depend on the store.
pub(crate) fn flow_over(store: Arc<dyn Store>, clock: Arc<dyn Clock>, settle: Duration, ping_log: PingLog) -> Flow {
    Flow {
        store,
        clock,
        random: Arc::new(Seeded::new(1)),
        settings: Settings {
            settle,
            reminders: Reminders::default(),
            interval: Interval::DEFAULT,
            grace: Grace::DEFAULT,
            ping_log,
        },
        // Without amnesty: a crowd that falls silent is to be told at once.
        hearing: Arc::default(),
        known: Arc::default(),
    }
}

/// Makes so many monitors, each of which is to ping every `interval_s` seconds of its number.
pub(crate) async fn gather(flow: &Flow, monitors: u32, interval_s: impl Fn(u32) -> u64) -> anyhow::Result<()> {
    let pings = stream::iter(0..monitors).map(|number| {
        let interval = Interval::from_secs(interval_s(number));
        async move {
            let slug = Slug::parse(&name(number))?;
            let ping =
                Ping { schedule: Some(Schedule::Every(interval.context("not an interval")?)), ..Ping::success() };
            let id = MonitorId::new(Project::default(), slug);
            flow.record_ping(&id, ping, sender(), flow.clock.now()).await?;
            anyhow::Ok(())
        }
    });
    pings.buffer_unordered(SIDE_BY_SIDE).try_collect().await
}

/// What the monitor of this number is called.
pub(crate) fn name(number: u32) -> String {
    format!("nightly-backup-{number}")
}

/// Who pings.
pub(crate) fn sender() -> Sender {
    Sender { from: Some("192.0.2.17".to_owned()), agent: Some("curl/8.5.0".to_owned()), ..Sender::default() }
}
