//! Measures how fast Heartbeat is on this machine, prints it, and writes `docs/benchmarks.md`:
//! `cargo run --release -p heartbeat-bench`.
//!
//! What is measured is the shipped binary, started as a child on a file on a real disk, by a load generator that counts
//! its own work apart; and the checker over the same store in this process. Nothing is tuned for it.

mod against;
mod aims;
mod crowd;
mod dynamo;
mod http;
mod lambda;
mod latency;
mod load;
mod machine;
mod parts;
mod passes;
mod pings;
mod report;
mod requests;
mod server;
mod startup;
mod stopwatch;
mod usage;

use std::{
    fs,
    io::{Write, stdout},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use clap::Parser;

use crate::{machine::Machine, parts::Part, report::Report};

/// Measures Heartbeat's speed on this machine, prints it, and writes docs/benchmarks.md.
#[derive(Debug, Parser)]
struct Arguments {
    /// A smoke test of under 20 seconds: everything smaller and shorter, and nothing is written.
    #[arg(long)]
    quick: bool,
    /// Only this part, and nothing is written: for profiling. `lambda` is measured when it is asked for alone.
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// How long each row of pings is measured, in seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// On a machine that is shared: wait for this many seconds at most until nothing else uses it, before each part,
    /// and measure pings again, for as long, while others disturb them.
    #[arg(long, default_value_t = 0)]
    wait: u64,
    /// Measure this `heartbeat` binary instead of building one.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Measure ordinary pings on this `heartbeat` binary, too, in turn with the other: one of an earlier commit.
    #[arg(long)]
    against: Option<PathBuf>,
    /// What that binary is, for the report.
    #[arg(long, default_value = "an earlier commit")]
    against_is: String,
    /// Where the packages for AWS Lambda are, of this machine's processor.
    #[arg(long, value_name = "FOLDER")]
    packages: Option<PathBuf>,
    /// Where the files that are measured live: on a real disk.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// How much is measured.
#[derive(Clone, Debug)]
struct Plan {
    /// Where the files live.
    folder: PathBuf,
    /// The `heartbeat` binary.
    binary: PathBuf,
    /// An earlier binary, to measure pings on it, too.
    earlier: Option<PathBuf>,
    /// What it is.
    earlier_is: String,
    /// The packages for AWS Lambda.
    packages: PathBuf,
    /// How long a quiet moment is waited for, before each row.
    patience: Duration,
    /// How long the server is warmed up.
    warm_up: Duration,
    /// How long pings are measured.
    measured: Duration,
    /// How many monitors are pinged, a row each.
    pinged: Vec<u32>,
    /// How many monitors are listed in pages.
    listed: u32,
    /// How many events the history has that is read.
    logged: u32,
    /// How many monitors a checker passes over, a row each.
    passed: Vec<u32>,
    /// How many monitors the file has that is started with.
    started_with: u32,
    /// How often it is started.
    starts: u32,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let folder =
        arguments.folder.clone().unwrap_or_else(|| root.join("target/bench")).join(std::process::id().to_string());
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let binary = binary(&arguments, &root, &folder)?;
    let packages = arguments.packages.clone().unwrap_or_else(|| root.join("target/lambda"));
    let plan = plan(&arguments, folder, binary, packages);
    let machine = Machine::look(&root, &plan.folder)?;
    let mut report = Report::new(&machine, &plan);
    let measured = parts::measure(&plan, arguments.only, &mut report);
    let cleaned = fs::remove_dir_all(&plan.folder);
    measured?;
    cleaned?;
    let text = report.finish();
    writeln!(stdout(), "{text}")?;
    if !arguments.quick && arguments.only.is_none() {
        let path = root.join("docs/benchmarks.md");
        fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(stdout(), "Written to {}.", path.display())?;
    }
    Ok(())
}

/// A copy of the binary in `folder`; a path to nothing where packages alone are measured.
fn binary(arguments: &Arguments, root: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let binary = match &arguments.binary {
        Some(binary) => binary.canonicalize().with_context(|| format!("{} is not there", binary.display()))?,
        None if arguments.only == Some(Part::Lambda) => return Ok(PathBuf::new()),
        None => server::build(root)?,
    };
    server::copy(&binary, folder)
}

fn plan(arguments: &Arguments, folder: PathBuf, binary: PathBuf, packages: PathBuf) -> Plan {
    let seconds = |whole, quick| Duration::from_secs(if arguments.quick { quick } else { whole });
    let measured = arguments.seconds.map_or(seconds(8, 1), Duration::from_secs);
    let (pinged, passed) =
        if arguments.quick { (vec![1, 100], vec![2_000]) } else { (vec![1, 1_000, 10_000], vec![10_000, 100_000]) };
    Plan {
        folder,
        binary,
        earlier: arguments.against.clone(),
        earlier_is: arguments.against_is.clone(),
        packages,
        patience: Duration::from_secs(arguments.wait),
        warm_up: seconds(2, 1),
        measured,
        pinged,
        listed: if arguments.quick { 500 } else { 10_000 },
        logged: if arguments.quick { 500 } else { 10_000 },
        passed,
        started_with: if arguments.quick { 2_000 } else { 100_000 },
        starts: if arguments.quick { 2 } else { 9 },
    }
}
