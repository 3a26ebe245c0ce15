//! Passes of the checker over many monitors of which few are overdue, over the real store, with a clock that is set and a
//! channel that takes everything at once.

use std::{fs, sync::Arc, time::Duration};

use anyhow::ensure;
use async_trait::async_trait;
use heartbeat_checker::Checker;
use heartbeat_core::{Channel, ChannelName, Clock, Telling, Timestamp, delivery::Outcome, flow::Flow};
use heartbeat_proof::instruments::SetClock;

use crate::{Plan, crowd, latency::Latencies, stopwatch::Stopwatch, usage::Process};

/// One monitor in so many falls overdue in each round.
pub(crate) const ONE_IN: u32 = 100;
/// How many rounds.
const ROUNDS: u32 = 5;
/// The monitors of each round are this much later due than those of the round before.
const ROUND: Duration = Duration::from_mins(2);
/// When the monitors are made.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Passes {
    /// How many monitors there are.
    pub(crate) monitors: u32,
    /// How many of them fell overdue in each round.
    pub(crate) overdue: u32,
    /// A pass when nothing is due.
    pub(crate) idle: Spent,
    /// The pass that finds, stores and tells them: of each round.
    pub(crate) rounds: Vec<Spent>,
    /// The pass that follows at once, when all have been told.
    pub(crate) following: Spent,
    /// A walk over everything, whatever the index says.
    pub(crate) audit: Spent,
}

/// Time that was spent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// On the clock.
    pub(crate) wall: Duration,
    /// By this process.
    pub(crate) cpu: Duration,
    /// By the engine that the store asks, where there is one.
    pub(crate) engine_cpu: Duration,
}

/// Measures passes over so many monitors.
pub(crate) fn measure(plan: &Plan, monitors: u32) -> anyhow::Result<Passes> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let folder = plan.folder.join(format!("passes-{monitors}"));
    fs::create_dir_all(&folder)?;
    let measured = runtime.block_on(async { tokio::spawn(in_a_file(folder.clone(), monitors)).await? });
    fs::remove_dir_all(&folder)?;
    measured
}

async fn in_a_file(folder: std::path::PathBuf, monitors: u32) -> anyhow::Result<Passes> {
    let clock = Arc::new(SetClock::at(START));
    let flow = crowd::flow(&folder, Arc::clone(&clock) as Arc<dyn Clock>)?;
    crowd::gather(&flow, monitors, interval_s).await?;
    rounds(flow, &clock, monitors, None).await
}

/// Passes over monitors that are there, each of [`interval_s`], and that were made at [`START`].
pub(crate) async fn rounds(
    flow: Flow,
    clock: &SetClock,
    monitors: u32,
    engine: Option<Process>,
) -> anyhow::Result<Passes> {
    let checker = Checker::new(flow, vec![Arc::new(Taker(ChannelName::parse("taker")?))])?;
    let (idle, _) = pass(&checker, engine, 0).await?;
    let overdue = monitors.div_ceil(ONE_IN);
    let (mut rounds, mut following) = (Vec::new(), Spent::default());
    for _ in 0..ROUNDS {
        clock.advance(ROUND);
        let (spent, told) = pass(&checker, engine, overdue).await?;
        ensure!(told == usize::try_from(overdue)?, "{told} were told instead of {overdue}");
        rounds.push(spent);
        // Whoever was told is looked at once more, so that it needs no look until the next reminder.
        (following, _) = pass(&checker, engine, overdue).await?;
    }
    let (audit, _) = spend(engine, checker.audit()).await?;
    Ok(Passes { monitors, overdue, idle, rounds, following, audit })
}

/// Of each hundred monitors, one is due in each round; the others are due tomorrow.
pub(crate) fn interval_s(number: u32) -> u64 {
    match number % ONE_IN {
        round if round < ROUNDS => 30 + u64::from(round) * ROUND.as_secs(),
        _ => 86_400,
    }
}

/// A pass that must look at `expected` items; says how many notifications it has told.
async fn pass(checker: &Checker, engine: Option<Process>, expected: u32) -> anyhow::Result<(Spent, usize)> {
    let (spent, pass) = spend(engine, checker.pass()).await?;
    ensure!(pass.looked == usize::try_from(expected)?, "{} were looked at instead of {expected}", pass.looked);
    ensure!(pass.corrupt == 0, "{} are corrupt", pass.corrupt);
    Ok((spent, pass.sent.delivered))
}

async fn spend<T, E>(engine: Option<Process>, work: impl Future<Output = Result<T, E>>) -> anyhow::Result<(Spent, T)>
where
    anyhow::Error: From<E>,
{
    let engine_cpu = || engine.map_or(Ok(Duration::ZERO), Process::cpu);
    let (cpu, engines, watch) = (Process::Own.cpu()?, engine_cpu()?, Stopwatch::start());
    let answer = work.await?;
    let wall = watch.elapsed();
    let spent =
        Spent { wall, cpu: Process::Own.cpu()?.saturating_sub(cpu), engine_cpu: engine_cpu()?.saturating_sub(engines) };
    Ok((spent, answer))
}

impl Passes {
    /// The median pass, on the clock.
    pub(crate) fn wall(&self) -> Duration {
        Latencies::new(self.rounds.iter().map(|spent| spent.wall).collect()).median()
    }

    /// The median pass, by the CPU.
    pub(crate) fn cpu(&self) -> Duration {
        Latencies::new(self.rounds.iter().map(|spent| spent.cpu).collect()).median()
    }

    /// The median pass, by the engine's CPU.
    pub(crate) fn engine_cpu(&self) -> Duration {
        Latencies::new(self.rounds.iter().map(|spent| spent.engine_cpu).collect()).median()
    }

    /// The slowest pass, on the clock.
    pub(crate) fn slowest(&self) -> Duration {
        self.rounds.iter().map(|spent| spent.wall).max().unwrap_or_default()
    }
}

/// A channel that takes everything at once.
struct Taker(ChannelName);

#[async_trait]
impl Channel for Taker {
    fn name(&self) -> &ChannelName {
        &self.0
    }

    fn time_out(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn send(&self, _: &[Telling]) -> Outcome {
        Outcome::Delivered
    }

    async fn test(&self) -> Outcome {
        Outcome::Delivered
    }
}
