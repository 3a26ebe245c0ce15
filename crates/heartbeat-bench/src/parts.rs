//! The parts of the benchmark, in their order.

use std::io::{Write, stderr};

use clap::ValueEnum;

use crate::{Plan, passes, pings, report::Report, startup};

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Pings over HTTP.
    Pings,
    /// Passes of the checker.
    Passes,
    /// Start-up.
    Start,
}

/// Measures all parts, or the one that is asked for.
pub(crate) fn measure(plan: &Plan, only: Option<Part>, report: &mut Report) -> anyhow::Result<()> {
    let wanted = |part| only.is_none_or(|only| only == part);
    if wanted(Part::Pings) {
        for &monitors in &plan.pinged {
            tell(&format!("pings over HTTP, {monitors} monitors"))?;
            report.pings.push(pings::measure(plan, monitors)?);
        }
    }
    if wanted(Part::Passes) {
        for &monitors in &plan.passed {
            tell(&format!("passes of the checker over {monitors} monitors"))?;
            report.passes.push(passes::measure(plan, monitors)?);
        }
    }
    if wanted(Part::Start) {
        tell(&format!("starts with {} monitors", plan.started_with))?;
        report.starts = Some(startup::measure(plan)?);
    }
    Ok(())
}

/// Says on standard error what is going on: standard output has the result alone.
fn tell(what: &str) -> std::io::Result<()> {
    writeln!(stderr(), "measuring {what} …")
}
