//! Runs seeds of the simulator: `simulate --seeds 10000`, or `simulate --seed 17` to replay one. Over SQLite, or with
//! `--store dynamo` over the `DynamoDB` store on dynoxide. `--plan month` is two thousand monitors over thirty days;
//! `--plan tiny` is half an hour of three over dynoxide, as in the tests; `--monitors` and `--days` make it smaller.
#![expect(clippy::print_stdout, reason = "a report is what it is for")]

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use heartbeat_proof::{
    dynamo::{simulate_on_dynamo, small_month, small_plan, tiny_plan},
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
    let says = |name: &str, value: &str| arguments.windows(2).any(|pair| pair == [name, value]);
    let on_dynamo = says("--store", "dynamo");
    let plan = match (says("--plan", "month"), on_dynamo) {
        (true, true) => small_month(),
        (true, false) => Plan::month(),
        (false, true) => small_plan(),
        (false, false) => Plan::default(),
    };
    let storm = number("--days").map_or(plan.storm, |days| Duration::from_hours(24 * days));
    let plan = Plan { monitors: number("--monitors").unwrap_or(plan.monitors), storm, ..plan };
    let verdicts = if says("--plan", "tiny") {
        run(seeds, |seed| simulate_on_dynamo(seed, tiny_plan(seed), None))
    } else if on_dynamo {
        run(seeds, |seed| simulate_on_dynamo(seed, plan, None))
    } else {
        run(seeds, |seed| simulate_on_sqlite(seed, plan))
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
    println!("\nWhat was tried:");
    print_counts(verdicts.iter().flat_map(|verdict| &verdict.troubles));
    println!("\nWhat was judged, and how often:");
    print_counts(verdicts.iter().flat_map(|verdict| &verdict.judged));
    for verdict in failed {
        println!("replay with --seed {}", verdict.seed);
    }
}

fn print_counts<'a>(counts: impl Iterator<Item = (&'a &'static str, &'a u64)>) {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (kind, count) in counts {
        *sums.entry(kind).or_default() += count;
    }
    for (kind, count) in sums {
        println!("{count:>9} × {kind}");
    }
}
