//! `heartbeat deliveries`: what was tried to tell whom, and another try by hand.

use heartbeat_api::ledger::{self, Deliveries, Delivery, Of};
use heartbeat_core::{MonitorId, Project, Store, Timestamp};

use crate::{
    cli::channels::{DeliveredTo, Deliveries as Command, DeliveriesOf},
    config::{Config, Kept},
    database, logging, say, serve, tables,
    variables::CHECK_INTERVAL,
};

/// How many are read at once.
const PAGE: usize = 100;

pub(crate) async fn deliveries(config: &Config, asked: DeliveriesOf) -> anyhow::Result<()> {
    logging::start(config);
    let flow = match &config.kept {
        Kept::InFile(file) => serve::flow(std::sync::Arc::new(database::open_existing(file)?), config.settings),
        Kept::InTables => serve::flow_over_tables(config, tables::open(config).await?),
    };
    let project = asked.project;
    match (asked.command, asked.of) {
        (Some(Command::Retry { id }), _) => {
            let Delivery { row, .. } = ledger::retry(&flow, &project, &id).await?;
            let (channel, monitor, wait) = (row.channel, id.slug(), config.check_interval.as_secs());
            Ok(say(&format!(
                "{channel} is told of {monitor} again: a running server sends it within {wait} s ({CHECK_INTERVAL})"
            ))?)
        }
        (None, Some(whose)) => list(flow.store.as_ref(), of(project, whose), usize::from(asked.limit)).await,
        (None, None) => anyhow::bail!("say whose deliveries: --monitor SLUG or --channel NAME"),
    }
}

fn of(project: Project, DeliveredTo { monitor, channel }: DeliveredTo) -> Option<Of> {
    match (monitor, channel) {
        (Some(slug), _) => Some(Of::Monitor(MonitorId::new(project, slug))),
        (None, Some(channel)) => Some(Of::Channel(project, channel)),
        (None, None) => None,
    }
}

async fn list(store: &dyn Store, of: Option<Of>, limit: usize) -> anyhow::Result<()> {
    let Some(of) = of else { return Ok(()) };
    say(&format!("{:20}  {:9}  {:24}  {:32}  {:>3}  {:>6}  ID", "AT", "OUTCOME", "CHANNEL", "MONITOR", "TRY", "MS"))?;
    let (mut after, mut missing) = (None, limit);
    while missing > 0 {
        let page = Deliveries::page(store, &of, after, missing.min(PAGE)).await?;
        missing = missing.saturating_sub(page.deliveries.len());
        page.deliveries.iter().flat_map(lines).try_for_each(|line| say(&line))?;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Ok(())
}

/// One line for an attempt, and one for why it failed.
fn lines(Delivery { id, at, row }: &Delivery) -> Vec<String> {
    let (at, outcome, channel) = (at.to_rfc3339_seconds(), &row.outcome, row.channel.as_str());
    let (monitor, attempt, took) = (id.slug().as_str(), row.attempt, row.took_ms);
    let line = format!("{at:20}  {outcome:9}  {channel:24}  {monitor:32}  {attempt:3}  {took:6}  {id}");
    let why = row.reason.as_deref().map(|reason| {
        let status = row.status.map(|status| format!(" ({status})")).unwrap_or_default();
        let next = row.next_at.map(|at: Timestamp| format!("; next try {}", at.to_rfc3339_seconds()));
        format!("!         {reason}{status}{}", next.unwrap_or_default())
    });
    std::iter::once(line).chain(why).collect()
}
