//! The tables of rates against limits, and what carries which size.

use crate::{
    bill::{Bill, Payment},
    container::cpus,
    limits::{NEW_TABLE_WRITES, TABLE_QUOTA, doublings, pings_per_shard, shards_needed, warm_partitions},
    table::{count, dollars, figure, interval, table},
    traffic::{HOUR_PEAK, MINUTE_PEAK, Moment},
    usage::{Detector, INDEX_WRITES, PING_S, SWEPT_ITEM_S},
    workload::{MONITORS, Workload},
};

use super::{Figure, carried::Carried};

/// Durable pings over HTTP that the SQLite store carries on two cores: docs/benchmarks.md, 10,000 monitors.
const SQLITE_PINGS_PER_SECOND: f64 = 28_000.0;
/// A sweep should leave most of its minute free.
const SWEEP_SECONDS: f64 = 20.0;

pub(super) fn figures(carried: &[Carried]) -> Vec<Figure> {
    let hour = f64::from(HOUR_PEAK);
    let sqlite = SQLITE_PINGS_PER_SECOND / hour;
    vec![
        ("design-table", design_table(carried)),
        ("limit-table", limit_table()),
        ("sqlite-peak", figure(SQLITE_PINGS_PER_SECOND)),
        ("sqlite-average", figure(sqlite)),
        ("sqlite-monitors", figure(sqlite * 60.0)),
        ("minute-peak", MINUTE_PEAK.to_string()),
        ("hour-peak", HOUR_PEAK.to_string()),
        ("shard-pings", figure(pings_per_shard())),
        ("new-table", figure(NEW_TABLE_WRITES)),
        ("new-table-pings", figure(NEW_TABLE_WRITES / hour)),
        ("new-index-pings", figure(NEW_TABLE_WRITES / INDEX_WRITES / hour)),
        ("quota", figure(TABLE_QUOTA)),
        ("quota-pings", figure(TABLE_QUOTA / hour)),
        ("quota-index-pings", figure(TABLE_QUOTA / INDEX_WRITES / hour)),
        ("sweep-monitors", figure((SWEEP_SECONDS / SWEPT_ITEM_S / 1e5).floor() * 1e5)),
        ("lambda-10", figure(10.0 / PING_S / hour)),
        ("lambda-1000", figure(1_000.0 / PING_S / hour)),
        ("sweep-seconds", figure(SWEEP_SECONDS)),
    ]
}

/// Section 6 of the design, at one ping a minute.
fn design_table(carried: &[Carried]) -> String {
    let header = [
        "Monitors",
        "Pings/s: average",
        "minute",
        "hour",
        "What carries it",
        "`index`, on demand",
        "`sweep`, on demand",
        "`sweep`, reserved",
    ];
    table(
        &header,
        MONITORS.map(|monitors| {
            let workload = Workload { monitors, interval_s: 60 };
            let bill = |detector, payment| dollars(Bill::of(workload, detector, payment).total());
            vec![
                figure(f64::from(monitors)),
                figure(workload.pings_per_second()),
                figure(workload.peak(Moment::Minute)),
                figure(workload.peak(Moment::Hour)),
                what_carries(workload, carried),
                bill(Detector::Index, Payment::OnDemand),
                bill(Detector::Sweep, Payment::OnDemand),
                bill(Detector::Sweep, Payment::Reserved),
            ]
        }),
    )
}

fn what_carries(workload: Workload, carried: &[Carried]) -> String {
    let average = workload.pings_per_second();
    let sqlite = if workload.peak(Moment::Hour) <= SQLITE_PINGS_PER_SECOND { "SQLite on one machine, or " } else { "" };
    let index = carried
        .iter()
        .find(|carried| carried.without_waiting >= average)
        .map_or("`index` not at all".to_owned(), |carried| format!("`index` with {} shards", carried.shards));
    let warm = if workload.peak(Moment::Hour) > NEW_TABLE_WRITES { ", warm" } else { "" };
    format!("{sqlite}DynamoDB{warm}: `sweep`, or {index}")
}

fn limit_table() -> String {
    let header = [
        "Monitors",
        "Interval",
        "Hour peak, pings/s",
        "Table: writes/s",
        "doublings of a new one",
        "partitions when warm",
        "Index: writes/s",
        "shards, minute",
        "shards, hour",
        "vCPUs of API in containers",
    ];
    let workloads = [10_000, 100_000, 1_000_000]
        .into_iter()
        .flat_map(|monitors| [60, 300].map(|interval_s| Workload { monitors, interval_s }));
    table(
        &header,
        workloads.map(|workload| {
            let peak = workload.peak(Moment::Hour);
            vec![
                figure(f64::from(workload.monitors)),
                interval(workload.interval_s),
                figure(peak),
                figure(peak),
                doublings(peak).to_string(),
                count(warm_partitions(peak)),
                figure(peak * INDEX_WRITES),
                figure(shards_needed(workload.peak(Moment::Minute))),
                figure(shards_needed(peak)),
                cpus(workload).to_string(),
            ]
        }),
    )
}
