//! The store on `DynamoDB`'s protocol, against dynoxide on the loopback: what our side costs, and what the engine costs,
//! each apart. How fast `DynamoDB` itself is cannot be measured here.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use heartbeat_core::{
    Clock, MonitorId, Ping, Project, Slug, Store,
    archive::{Archive, Kind, MARK, Record},
    clock::SystemClock,
    directory::Entry,
    dynamo::{DynamoStore, Options, Shared},
    flow::Flow,
    history::PingLog,
};
use heartbeat_proof::{
    dynamo::{Ground, Meter},
    engines::Engine,
    instruments::SetClock,
};

use crate::{
    Plan, crowd,
    latency::Latencies,
    load::{CONNECTIONS, Came, STRIDE},
    passes::{self, ONE_IN, Passes},
    pings::per_second,
    stopwatch::Stopwatch,
    usage::{Process, machine_cpu},
};

/// What the engine's process is called.
const ENGINE: &str = "ddb-local";
/// How many monitors are put into the tables at a time.
const HANDFUL: usize = 5_000;

/// A row of pings.
#[derive(Clone, Debug)]
pub(crate) struct Pings {
    /// How many monitors were pinged in turn.
    pub(crate) monitors: u32,
    /// What came of it.
    pub(crate) came: Came,
    /// What this process has used: flow, store, SDK, and its end of the loopback.
    pub(crate) cpu: Duration,
    /// What the engine has used.
    pub(crate) engine_cpu: Duration,
    /// What everything else on the machine has used: the measure's noise.
    pub(crate) others_cpu: Duration,
    /// Of a run of its own: how many pings there were, how many requests they took, and how many of these were declined.
    pub(crate) metered: Metered,
}

/// What was counted on the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metered {
    pings: usize,
    requests: u64,
    declined: u64,
}

/// Fails at once, and not after an hour of other measures, where the engine is not installed.
pub(crate) fn require_engine() {
    drop(Engine::dynoxide());
}

/// Measures pings to so many monitors.
pub(crate) fn pings(plan: &Plan, monitors: u32) -> anyhow::Result<Pings> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let plan = plan.clone();
    runtime.block_on(async { tokio::spawn(measure_pings(plan, monitors)).await? })
}

/// Measures passes of the checker over so many monitors.
pub(crate) fn passes(monitors: u32) -> anyhow::Result<Passes> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { tokio::spawn(measure_passes(monitors)).await? })
}

async fn measure_pings(plan: Plan, monitors: u32) -> anyhow::Result<Pings> {
    let ground = Ground::on(Engine::dynoxide()).await;
    let engine = Process::child_called(ENGINE)?;
    let flow = flow_over(ground.open(as_shipped(&ground)).await, Arc::new(SystemClock));
    crowd::gather(&flow, monitors, |_| 300).await?;
    let ids: Arc<[MonitorId]> = (0..monitors).map(id_of).collect::<anyhow::Result<_>>()?;
    ping_for(&flow, &ids, plan.warm_up).await?;

    let before = (Process::Own.cpu()?, engine.cpu()?, machine_cpu()?);
    let came = ping_for(&flow, &ids, plan.measured).await?;
    let after = (Process::Own.cpu()?, engine.cpu()?, machine_cpu()?);
    let (cpu, engine_cpu) = (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));

    let meter = Arc::new(Meter::default());
    let counted = Options { network: Some(Arc::<Meter>::clone(&meter)), ..as_shipped(&ground) };
    let flow = flow_over(ground.open(counted).await, Arc::new(SystemClock));
    // What opening has asked for.
    meter.take();
    let metered = ping_for(&flow, &ids, plan.warm_up).await?;
    let tally = meter.take();
    Ok(Pings {
        monitors,
        came,
        cpu,
        engine_cpu,
        others_cpu: after.2.saturating_sub(before.2 + cpu + engine_cpu),
        metered: Metered {
            pings: metered.latencies.len() + metered.errors,
            requests: tally.requests,
            declined: tally.declined,
        },
    })
}

async fn measure_passes(monitors: u32) -> anyhow::Result<Passes> {
    let ground = Ground::on(Engine::dynoxide()).await;
    let engine = Process::child_called(ENGINE)?;
    let (store, clock) = (ground.open(as_shipped(&ground)).await, Arc::new(SetClock::at(passes::START)));
    let flow = flow_over(Arc::clone(&store), Arc::clone(&clock) as Arc<dyn Clock>);
    crowd::gather(&flow, ONE_IN, passes::interval_s).await?;
    multiply(&store, monitors).await?;
    passes::rounds(flow, &clock, monitors, Some(engine)).await
}

/// As `serve` opens it on a fresh table, but for its patience: 16 shards, found by the index, settle time 10 s.
fn as_shipped(ground: &Ground) -> Options {
    Options { shared: Shared::default(), ..ground.options() }
}

fn flow_over(store: Arc<DynamoStore>, clock: Arc<dyn Clock>) -> Flow {
    crowd::flow_over(store as Arc<dyn Store>, clock, Shared::default().settle(), PingLog::Notable)
}

fn id_of(number: u32) -> anyhow::Result<MonitorId> {
    Ok(MonitorId::new(Project::default(), Slug::parse(&crowd::name(number))?))
}

/// Makes `monitors` of the first [`ONE_IN`], through the port that moves houses: each is like the one of its number's rest.
async fn multiply(store: &DynamoStore, monitors: u32) -> anyhow::Result<()> {
    let mut models = HashMap::new();
    let mut from = None;
    loop {
        let page = store.page(Kind::Monitor, from.as_ref(), HANDFUL).await?;
        let monitors = page.records.into_iter().filter(|record| record.kind == Kind::Monitor);
        models.extend(monitors.map(|record| (record.name.clone(), record)));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    let copies = (ONE_IN..monitors).map(|number| {
        let model = models.get(&id_of(number % ONE_IN)?.to_string()).context("a model is missing")?;
        anyhow::Ok(Record { name: id_of(number)?.to_string(), ..model.clone() })
    });
    let copies = copies.collect::<anyhow::Result<Vec<_>>>()?;
    let mut mark = Entry::first(MARK.0, MARK.1, &0);
    for handful in copies.chunks(HANDFUL) {
        let refused = store.put(handful.to_vec(), mark.clone()).await?;
        ensure!(refused.is_empty(), "{} monitors were not taken", refused.len());
        mark = mark.next(&0);
    }
    Ok(())
}

/// A closed loop: as many as there are connections over HTTP, each to the next monitor as soon as it is answered.
async fn ping_for(flow: &Flow, ids: &Arc<[MonitorId]>, time: Duration) -> anyhow::Result<Came> {
    let running = Stopwatch::start();
    let loops =
        (0..CONNECTIONS).map(|first| tokio::spawn(ping_on(flow.clone(), Arc::clone(ids), first, running, time)));
    let answered = try_join_all(loops).await?.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let wall = running.elapsed();
    let errors = answered.iter().map(|(_, errors)| errors).sum();
    let latencies = Latencies::new(answered.into_iter().flat_map(|(latencies, _)| latencies).collect());
    Ok(Came { wall, latencies, errors })
}

async fn ping_on(
    flow: Flow,
    ids: Arc<[MonitorId]>,
    first: usize,
    running: Stopwatch,
    time: Duration,
) -> anyhow::Result<(Vec<Duration>, usize)> {
    let (mut latencies, mut errors, mut position) = (Vec::new(), 0, first);
    let mut watch = Stopwatch::start();
    while running.elapsed() < time {
        let id = ids.get(position.wrapping_mul(STRIDE) % ids.len()).context("there is nothing to ping")?;
        position = position.wrapping_add(CONNECTIONS);
        let answer = flow.record_ping(id, Ping::success(), crowd::sender(), flow.clock.now()).await;
        let took = watch.lap();
        match answer {
            Ok(_) => latencies.push(took),
            Err(_) => errors += 1,
        }
    }
    Ok((latencies, errors))
}

impl Pings {
    /// Pings that were recorded in a second.
    pub(crate) fn per_second(&self) -> u128 {
        per_second(self.count(), self.came.wall)
    }

    /// What a ping cost our side.
    pub(crate) fn cpu_each(&self) -> Duration {
        self.cpu.checked_div(self.count()).unwrap_or_default()
    }

    /// What a ping cost the engine.
    pub(crate) fn engine_cpu_each(&self) -> Duration {
        self.engine_cpu.checked_div(self.count()).unwrap_or_default()
    }

    fn count(&self) -> u32 {
        u32::try_from(self.came.latencies.len()).unwrap_or(u32::MAX)
    }
}

impl Metered {
    /// Requests a ping, in hundredths.
    pub(crate) fn requests_each(self) -> u64 {
        hundredths(self.requests, self.pings)
    }

    /// Of those, what was declined as its condition did not hold, in hundredths.
    pub(crate) fn declined_each(self) -> u64 {
        hundredths(self.declined, self.pings)
    }
}

/// The nearest hundredth.
fn hundredths(part: u64, of: usize) -> u64 {
    let of = of as u64;
    (part * 100 + of / 2).checked_div(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_the_ping() {
        let metered = Metered { pings: 8, requests: 9, declined: 1 };
        assert_eq!((metered.requests_each(), metered.declined_each()), (113, 13));
        assert_eq!(hundredths(5, 0), 0);
    }
}
