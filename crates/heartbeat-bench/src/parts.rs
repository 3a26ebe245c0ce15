//! The parts of the benchmark, in their order.

use std::{
    io::{Write, stderr},
    time::Duration,
};

use clap::ValueEnum;
use heartbeat_core::{Clock, clock::SystemClock};

use crate::{
    Plan, against, dynamo, lambda, passes, pings, report::Report, requests, startup, stopwatch::Stopwatch,
    usage::machine_cpu,
};

/// How long the machine is watched for others.
const WATCHED: Duration = Duration::from_secs(1);
/// A machine is quiet when all that runs on it uses less than this in that time.
const QUIET: Duration = Duration::from_millis(100);
/// A measure is disturbed when others used more than this part of one core.
pub(crate) const DISTURBED: u32 = 20;

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Pings over HTTP.
    Pings,
    /// Other requests than an ordinary ping.
    Requests,
    /// Passes of the checker.
    Passes,
    /// Start-up.
    Start,
    /// Pings and a pass on the protocol of `DynamoDB`.
    Dynamo,
    /// Starts of the packages for AWS Lambda, which must have been built: measured only when it is asked for.
    Lambda,
}

/// Measures all parts, or the one that is asked for.
pub(crate) fn measure(plan: &Plan, only: Option<Part>, report: &mut Report) -> anyhow::Result<()> {
    let wanted = |part| only.is_none_or(|only| only == part);
    if wanted(Part::Dynamo) || only == Some(Part::Lambda) {
        dynamo::require_engine();
    }
    if wanted(Part::Pings) {
        for &monitors in &plan.pinged {
            tell(plan, &format!("pings over HTTP, {monitors} monitors"))?;
            report.pings.push(least_disturbed(plan, monitors)?);
        }
    }
    if let Some(earlier) = plan.earlier.as_deref().filter(|_| wanted(Part::Pings)) {
        for &monitors in plan.pinged.iter().take(2) {
            tell(plan, &format!("pings over HTTP, {monitors} monitors, this binary and the earlier one in turn"))?;
            report.against.push(against::measure(plan, earlier, monitors)?);
        }
    }
    if wanted(Part::Requests) {
        tell(plan, "other requests")?;
        report.requests = requests::measure(plan)?;
    }
    if wanted(Part::Passes) {
        for &monitors in &plan.passed {
            tell(plan, &format!("passes of the checker over {monitors} monitors"))?;
            report.passes.push(passes::measure(plan, monitors)?);
        }
    }
    if wanted(Part::Start) {
        tell(plan, &format!("starts with {} monitors", plan.started_with))?;
        report.starts = Some(startup::measure(plan)?);
    }
    if wanted(Part::Dynamo) {
        measure_dynamo(plan, report)?;
    }
    if only == Some(Part::Lambda) {
        for function in [lambda::Function::Checker, lambda::Function::Api] {
            tell(plan, &format!("starts of {}", function.name()))?;
            report.packages.push(lambda::measure(plan, &plan.packages, function)?);
        }
    }
    Ok(())
}

fn measure_dynamo(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    for &monitors in plan.pinged.iter().filter(|monitors| **monitors <= 1_000) {
        tell(plan, &format!("pings on dynoxide, {monitors} monitors"))?;
        report.dynamo_pings.push(dynamo::pings(plan, monitors)?);
    }
    if let Some(&monitors) = plan.passed.last() {
        tell(plan, &format!("passes of the checker on dynoxide over {monitors} monitors"))?;
        report.dynamo_passes.push(dynamo::passes(monitors)?);
    }
    Ok(())
}

/// Pings to so many monitors. Whoever is patient has them measured again when others have disturbed them: chosen is by
/// what the others used, never by the result.
fn least_disturbed(plan: &Plan, monitors: u32) -> anyhow::Result<pings::Pings> {
    let mut best = pings::measure(plan, monitors)?;
    let waiting = Stopwatch::start();
    while waiting.elapsed() < plan.patience && best.others_cpu > best.came.wall / DISTURBED {
        tell(plan, &format!("pings over HTTP, {monitors} monitors, once more"))?;
        let again = pings::measure(plan, monitors)?;
        if again.others_cpu < best.others_cpu {
            best = again;
        }
    }
    Ok(best)
}

/// Waits for a quiet moment, and says on standard error what is going on: standard output has the result alone.
fn tell(plan: &Plan, what: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(wait_for_quiet(plan.patience))?;
    Ok(writeln!(stderr(), "measuring {what} …")?)
}

async fn wait_for_quiet(patience: Duration) -> anyhow::Result<()> {
    let waiting = Stopwatch::start();
    while waiting.elapsed() < patience {
        let before = machine_cpu()?;
        SystemClock.sleep(WATCHED).await;
        if machine_cpu()?.saturating_sub(before) < QUIET {
            break;
        }
    }
    Ok(())
}
