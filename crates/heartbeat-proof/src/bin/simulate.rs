//! Runs seeds of the simulator: `simulate --seeds 10000`, or `simulate --seed 17` to replay one. Over SQLite, or with
//! `--store dynamo` over the `DynamoDB` store on dynoxide.
#![expect(clippy::print_stdout, reason = "a report is what it is for")]

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use heartbeat_proof::{
    dynamo::{simulate_on_dynamo, small_plan},
    simulator::{Plan, Verdict},
    sqlite::simulate_on_sqlite,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<u64>().ok()
    };
    let seeds = match number("--seed") {
        Some(seed) => seed..seed + 1,
        None => number("--from").unwrap_or(0)..number("--from").unwrap_or(0) + number("--seeds").unwrap_or(200),
    };
    let on_dynamo =
        arguments.windows(2).any(|pair| matches!(pair, [name, store] if name == "--store" && store == "dynamo"));
    let verdicts = if on_dynamo {
        run(seeds, |seed| simulate_on_dynamo(seed, small_plan(), None))
    } else {
        run(seeds, |seed| simulate_on_sqlite(seed, Plan::default()))
    };
    report(&verdicts);
    if verdicts.iter().all(|verdict| verdict.offences.is_empty()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the seeds on all cores.
fn run(seeds: std::ops::Range<u64>, live: impl Fn(u64) -> Verdict + Sync) -> Vec<Verdict> {
    let next = AtomicU64::new(seeds.start);
    let verdicts = Mutex::new(Vec::new());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds.end {
                        return;
                    }
                    let verdict = live(seed);
                    for offence in &verdict.offences {
                        println!("seed {seed}: {offence}");
                    }
                    verdicts.lock().unwrap_or_else(PoisonError::into_inner).push(verdict);
                }
            });
        }
    });
    verdicts.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn report(verdicts: &[Verdict]) {
    let failed: Vec<_> = verdicts.iter().filter(|verdict| !verdict.offences.is_empty()).collect();
    let sum = |count: fn(&Verdict) -> usize| verdicts.iter().map(count).sum::<usize>();
    println!("{} seeds, {} of them failed", verdicts.len(), failed.len());
    println!("{} pings, {} outages", sum(|v| v.pings), sum(|v| v.outages));
    println!("{} outages that follow from the pings alone", sum(|v| v.certain_outages));
    println!("{} notifications told", sum(|v| v.told));
    let mut troubles: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, count) in verdicts.iter().flat_map(|verdict| &verdict.troubles) {
        *troubles.entry(kind).or_default() += count;
    }
    for (kind, count) in troubles {
        println!("{count:>9} × {kind}");
    }
    for verdict in failed {
        println!("replay with --seed {}", verdict.seed);
    }
}
