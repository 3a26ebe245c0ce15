//! The tables of the simulation.

use crate::{
    limits::{SHARDS, warm_partitions},
    partition::Savings,
    spike::{ATTEMPTS_TO_THE_END, COUNTED_SECONDS, Outcome, STORE_ATTEMPTS, Setup},
    table::{count, figure, interval, share, table},
    traffic::Moment,
    workload::Workload,
};

use super::Figure;

/// A new table and a new index have four partitions each: 4,000 write units a second.
const NEW_PARTITIONS: u32 = 4;
const SIZES: [u32; 3] = [10_000, 100_000, 1_000_000];

pub(super) fn figures(monitors: &[u32]) -> Vec<Figure> {
    vec![
        ("spike-table", spike_table(monitors)),
        ("new-spike-table", new_table(monitors)),
        ("counted-seconds", count(COUNTED_SECONDS)),
    ]
}

fn spike_table(monitors: &[u32]) -> String {
    let header = [
        "Monitors",
        "Interval",
        "Pings/s",
        "Shards",
        "Minute: throttled",
        "p99 wait",
        "503",
        "Hour: throttled",
        "p50 wait",
        "p99 wait",
        "longest",
        "503",
        "503 after 8 attempts",
        "503 with bank",
    ];
    let setups = SIZES.into_iter().flat_map(|size| {
        [60, 300].into_iter().flat_map(move |interval_s| {
            SHARDS.map(|shards| (Workload { monitors: size, interval_s }, u32::from(shards)))
        })
    });
    table(&header, setups.map(|(workload, shards)| spike_row(workload, shards, monitors)))
}

fn spike_row(workload: Workload, shards: u32, monitors: &[u32]) -> Vec<String> {
    let monitors = first(monitors, workload);
    let hourly = setup(workload, shards, warm_partitions(workload.peak(Moment::Hour)));
    let minute = Setup { moment: Moment::Minute, ..hourly }.run(monitors);
    let hour = hourly.run(monitors);
    let hasty = Setup { attempts: STORE_ATTEMPTS, ..hourly }.run(monitors);
    let banked = hourly.with_bank().run(monitors);
    vec![
        figure(f64::from(workload.monitors)),
        interval(workload.interval_s),
        figure(workload.pings_per_second()),
        count(shards),
        share(minute.delayed(), minute.pings()),
        wait(&minute, 990),
        share(minute.failed, minute.pings()),
        share(hour.delayed(), hour.pings()),
        wait(&hour, 500),
        wait(&hour, 990),
        wait(&hour, 1_000),
        share(hour.failed, hour.pings()),
        share(hasty.failed, hasty.pings()),
        share(banked.failed, banked.pings()),
    ]
}

/// What a table does that was made a minute ago.
fn new_table(monitors: &[u32]) -> String {
    let header = ["Monitors", "Interval", "Detector", "Hour: throttled", "p99 wait", "503"];
    let workloads = [10_000, 100_000]
        .into_iter()
        .flat_map(|monitors| [60, 300].map(|interval_s| Workload { monitors, interval_s }));
    let rows = workloads.flat_map(|workload| {
        [("`index`", NEW_PARTITIONS), ("`sweep`", 0)].map(|(detector, shards)| {
            let hour = setup(workload, shards, NEW_PARTITIONS).run(first(monitors, workload));
            vec![
                figure(f64::from(workload.monitors)),
                interval(workload.interval_s),
                detector.to_owned(),
                share(hour.delayed(), hour.pings()),
                wait(&hour, 990),
                share(hour.failed, hour.pings()),
            ]
        })
    });
    table(&header, rows)
}

fn setup(workload: Workload, shards: u32, partitions: u32) -> Setup {
    Setup {
        pings_per_hour: workload.pings_per_hour(),
        shards,
        partitions,
        savings: Savings::None,
        moment: Moment::Hour,
        attempts: ATTEMPTS_TO_THE_END,
    }
}

/// As many as the workload has.
fn first(monitors: &[u32], workload: Workload) -> &[u32] {
    let size = usize::try_from(workload.monitors).unwrap_or(usize::MAX);
    monitors.get(..size).unwrap_or(monitors)
}

fn wait(outcome: &Outcome, per_mille: u64) -> String {
    match outcome.wait_ms(per_mille) {
        None => "503".to_owned(),
        Some(0) => "none".to_owned(),
        Some(ms) => format!("{} ms", count(ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spike::checksums;

    #[test]
    fn a_row_says_who_waited_and_who_failed() {
        let monitors = checksums(10_000);
        let calm = spike_row(Workload { monitors: 10_000, interval_s: 300 }, 16, &monitors);
        assert_eq!(calm[4..], ["0", "none", "0", "0", "none", "none", "none", "0", "0", "0"]);
        let crowded = spike_row(Workload { monitors: 10_000, interval_s: 2 }, 16, &monitors);
        assert_eq!(crowded[10], "503");
    }
}
