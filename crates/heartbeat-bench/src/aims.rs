//! The aims, and whether they are met.

use std::time::Duration;

use crate::{
    lambda::{Function, Starts},
    report::{Report, mib, micros, millis, thousands},
};

/// Durable pings a second, over 32 connections on two cores, the load generator beside the server.
const PINGS_PER_SECOND: u128 = 20_000;
/// What a ping may cost the server.
const CPU_EACH: Duration = Duration::from_micros(60);
/// What 99 of 100 pings may take.
const P99: Duration = Duration::from_millis(5);
/// What the server may have in memory at this many monitors, in KiB.
const MEMORY: (u32, u64) = (10_000, 40 * 1_024);
/// What a pass may take, and on top of it for each monitor that is overdue.
const PASS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_micros(200));
/// What a start may take.
const START: Duration = Duration::from_millis(100);

/// How large the checker's zip may be.
const PACKAGE: u64 = 5 * 1_024 * 1_024;
/// What the first answer of a package may take, and what it may have in memory for it, in KiB.
const FIRST_ANSWER: (Duration, u64) = (Duration::from_millis(15), 20 * 1_024);

/// An aim, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Aim {
    /// What was aimed at.
    pub(crate) text: String,
    /// What was measured.
    pub(crate) measured: String,
    /// Whether it is met.
    pub(crate) met: Met,
}

/// Whether an aim is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// It is.
    Yes,
    /// It is not.
    No,
}

impl Met {
    fn when(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// What came of each aim that was measured.
pub(crate) fn judge(report: &Report) -> Vec<Aim> {
    let mut aims = pings(report);
    aims.extend(memory(report));
    aims.extend(pass(report));
    aims.extend(start(report));
    aims.extend(packages(report));
    aims
}

fn pings(report: &Report) -> Vec<Aim> {
    let rows = report.pings.iter().filter(|row| row.monitors <= 1_000);
    let of = |row: &crate::pings::Pings| {
        let monitors = match row.monitors {
            1 => "1 monitor".to_owned(),
            many => format!("{} monitors", thousands(many)),
        };
        let (rate, cpu, p99) = (row.per_second(), row.server_cpu_each(), row.came.latencies.at_per_mille(990));
        [
            Aim {
                text: format!("{} pings/s or more, {monitors}", thousands(PINGS_PER_SECOND)),
                measured: format!("{} pings/s", thousands(rate)),
                met: Met::when(rate >= PINGS_PER_SECOND),
            },
            Aim {
                text: format!("at most {} µs of CPU a ping, {monitors}", micros(CPU_EACH)),
                measured: format!("{} µs", micros(cpu)),
                met: Met::when(cpu <= CPU_EACH),
            },
            Aim {
                text: format!("p99 under {} ms, {monitors}", millis(P99)),
                measured: format!("{} ms", millis(p99)),
                met: Met::when(p99 < P99),
            },
        ]
    };
    rows.flat_map(of).collect()
}

fn memory(report: &Report) -> Option<Aim> {
    let (monitors, limit) = MEMORY;
    let row = report.pings.iter().find(|row| row.monitors == monitors)?;
    Some(Aim {
        text: format!("under {} MiB resident at {} monitors", limit / 1_024, thousands(monitors)),
        measured: format!(
            "{} MiB, {} MiB at the peak under load",
            mib(row.memory_quiet.now_kib),
            mib(row.memory.peak_kib)
        ),
        met: Met::when(row.memory.peak_kib < limit),
    })
}

fn pass(report: &Report) -> Option<Aim> {
    let row = report.passes.iter().max_by_key(|row| row.monitors)?;
    let limit = PASS.0 + PASS.1 * row.overdue;
    let (monitors, overdue) = (thousands(row.monitors), thousands(row.overdue));
    Some(Aim {
        text: format!("a pass over {monitors} monitors, {overdue} of them overdue, under {} ms", millis(limit)),
        measured: format!("{} ms", millis(row.wall())),
        met: Met::when(row.wall() < limit),
    })
}

fn start(report: &Report) -> Vec<Aim> {
    let Some(starts) = &report.starts else { return Vec::new() };
    let of = |what: &str, took: Duration| Aim {
        text: format!("{what} in under {} ms, with {} monitors", millis(START), thousands(starts.monitors)),
        measured: format!("{} ms", millis(took)),
        met: Met::when(took < START),
    };
    vec![of("started and answering", starts.answers.median()), of("ready, the first look done", starts.ready.median())]
}

fn packages(report: &Report) -> Vec<Aim> {
    let of = |row: &Starts| {
        let name = row.function.name();
        let (took, kib) = (row.answered.median(), row.peaks_kib.0);
        let small = (row.function == Function::Checker).then(|| Aim {
            text: format!("{name}'s zip under {} MiB", mib(PACKAGE / 1_024)),
            measured: format!("{} MiB", mib(row.zip_bytes / 1_024)),
            met: Met::when(row.zip_bytes < PACKAGE),
        });
        let quick = Aim {
            text: format!("{name}, from its start to its first answer, under {} ms", millis(FIRST_ANSWER.0)),
            measured: format!("{} ms", millis(took)),
            met: Met::when(took < FIRST_ANSWER.0),
        };
        let slim = Aim {
            text: format!("{name} under {} MiB resident", mib(FIRST_ANSWER.1)),
            measured: format!("{} MiB", mib(kib)),
            met: Met::when(kib < FIRST_ANSWER.1),
        };
        small.into_iter().chain([quick, slim])
    };
    report.packages.iter().flat_map(of).collect()
}
