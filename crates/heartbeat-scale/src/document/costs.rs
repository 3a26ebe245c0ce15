//! The tables of what a month costs.

use crate::{
    bill::{Bill, HEADROOM, Payment, break_even_utilisation, containers_from},
    crossover::{by_formula, by_search},
    price::{HOURS_PER_MONTH, LAMBDA_TIME, LOGS, READ, WRITE, WRITE_CAPACITY},
    table::{dollars, figure, interval, table},
    usage::{CANARY_PINGS, CHECKER_GB_SECONDS, Detector, EVIDENCE_PINGS, ITEM_BYTES, READS_PER_PASS, sweep_reads},
    workload::{INTERVALS_S, MONITORS, Workload},
};

use super::Figure;

/// The ways to pay that the big table compares.
const WAYS: [(Detector, Payment); 6] = [
    (Detector::Index, Payment::OnDemand),
    (Detector::Sweep, Payment::OnDemand),
    (Detector::Index, Payment::Provisioned),
    (Detector::Sweep, Payment::Provisioned),
    (Detector::Index, Payment::Reserved),
    (Detector::Sweep, Payment::Reserved),
];
/// What the design calls typical.
const TYPICAL: Workload = Workload { monitors: 10_000, interval_s: 300 };
const LARGE: Workload = Workload { monitors: 1_000_000, interval_s: 60 };
/// Item sizes for the crossover.
const ITEMS: [f64; 4] = [300.0, ITEM_BYTES, 600.0, 1_024.0];
/// What Lambda's own start, end and report lines take.
const PLATFORM_LOG_BYTES: f64 = 350.0;

pub(super) fn figures() -> Vec<Figure> {
    let typical = |detector| dollars(Bill::of(TYPICAL, detector, Payment::OnDemand).total());
    let minutely = Workload { monitors: 10_000, interval_s: 60 };
    let on_demand = |workload, detector| dollars(Bill::of(workload, detector, Payment::OnDemand).total());
    vec![
        ("cost-table", cost_table()),
        ("line-table", line_table()),
        ("crossover-table", crossover_table()),
        ("crossover", figure(by_formula(ITEM_BYTES))),
        ("crossover-search", figure(by_search())),
        ("crossover-1k", figure(by_formula(1_024.0))),
        ("item-bytes", figure(ITEM_BYTES)),
        ("read-ratio", figure(WRITE.each() / (READ.each() * sweep_reads(1e6, ITEM_BYTES) / 1e6))),
        ("break-even", percent(break_even_utilisation())),
        ("headroom", HEADROOM.to_string()),
        ("provisioned-share", percent(HEADROOM * break_even_utilisation())),
        ("eight-fold", figure(8.0 * break_even_utilisation())),
        ("free-index", figure(free_pings(Detector::Index))),
        ("free-sweep", figure(free_pings(Detector::Sweep))),
        ("containers-from", containers_from(Detector::Sweep).map_or("?".to_owned(), figure)),
        ("looks-16", dollars(READ.of(Detector::Index.looks(16)))),
        ("pass-reads", dollars(READ.of(Detector::Index.passes_per_month() * READS_PER_PASS))),
        ("canary-cost", dollars(CANARY_PINGS * Detector::Index.writes_per_ping() * WRITE.each())),
        ("evidence-cost", dollars(EVIDENCE_PINGS * Detector::Index.writes_per_ping() * WRITE.each())),
        ("looks-256", dollars(READ.of(Detector::Index.looks(256)))),
        ("checker-gb-seconds", figure(CHECKER_GB_SECONDS)),
        ("checker-time", dollars(CHECKER_GB_SECONDS * LAMBDA_TIME.each())),
        ("log-per-million", dollars(PLATFORM_LOG_BYTES * 1e6 / 1e9 * LOGS.each())),
        ("typical-index", typical(Detector::Index)),
        ("typical-sweep", typical(Detector::Sweep)),
        ("typical-sweep-provisioned", dollars(Bill::of(TYPICAL, Detector::Sweep, Payment::Provisioned).total())),
        ("minutely-index", on_demand(minutely, Detector::Index)),
        ("minutely-sweep", on_demand(minutely, Detector::Sweep)),
        ("thousand-index", on_demand(Workload { monitors: 1_000, interval_s: 300 }, Detector::Index)),
        ("million-cheapest", dollars(Bill::of(LARGE, Detector::Sweep, Payment::Reserved).total())),
        ("thirty-dollars", figure(thirty_dollar_interval_s() / 60.0)),
    ]
}

fn cost_table() -> String {
    let header = [
        "Monitors",
        "Interval",
        "Pings/s",
        "`index`, on demand",
        "`sweep`, on demand",
        "`index`, provisioned",
        "`sweep`, provisioned",
        "`index`, reserved",
        "`sweep`, reserved",
    ];
    let workloads =
        MONITORS.into_iter().flat_map(|monitors| INTERVALS_S.map(|interval_s| Workload { monitors, interval_s }));
    table(
        &header,
        workloads.map(|workload| {
            let mut cells = vec![
                figure(f64::from(workload.monitors)),
                interval(workload.interval_s),
                rate(workload.pings_per_second()),
            ];
            cells.extend(WAYS.map(|(detector, payment)| dollars(Bill::of(workload, detector, payment).total())));
            cells
        }),
    )
}

fn line_table() -> String {
    let bills = [
        Bill::of(TYPICAL, Detector::Index, Payment::OnDemand),
        Bill::of(TYPICAL, Detector::Sweep, Payment::OnDemand),
        Bill::of(TYPICAL, Detector::Sweep, Payment::Provisioned),
        Bill::of(LARGE, Detector::Sweep, Payment::OnDemand),
        Bill::of(LARGE, Detector::Sweep, Payment::Provisioned),
    ];
    let names = [
        "DynamoDB writes",
        "DynamoDB reads",
        "Storage and recovery",
        "Lambda",
        "Containers, balancer",
        "Data out",
        "Schedule, logs, metrics, alarms",
    ];
    let mut rows: Vec<Vec<String>> = names.iter().map(|name| vec![(*name).to_owned()]).collect();
    for bill in &bills {
        for (row, line) in rows.iter_mut().zip(bill.lines()) {
            row.push(dollars(line));
        }
    }
    let totals = bills.iter().map(|bill| format!("**{}**", dollars(bill.total())));
    rows.push(std::iter::once("**All**".to_owned()).chain(totals).collect());
    let header = [
        "Line",
        "10 k at 5 min, `index`, on demand",
        "the same, `sweep`",
        "the same, provisioned",
        "1 M at 1 min, `sweep`, on demand",
        "the same, provisioned",
    ];
    table(&header, rows)
}

fn crossover_table() -> String {
    let rows = ITEMS.map(|bytes| {
        let pings = by_formula(bytes);
        vec![format!("{} bytes", figure(bytes)), figure(pings), format!("{} h", figure(24.0 / pings))]
    });
    table(&["Item", "Pings a day and monitor", "One every"], rows)
}

/// Pings a second that the free 25 units carry, with the model's headroom.
fn free_pings(detector: Detector) -> f64 {
    WRITE_CAPACITY.free / HOURS_PER_MONTH / HEADROOM / detector.writes_per_ping()
}

/// The interval at which 10,000 monitors cost $30 on demand with the index.
fn thirty_dollar_interval_s() -> f64 {
    let total =
        |interval_s| Bill::of(Workload { monitors: 10_000, interval_s }, Detector::Index, Payment::OnDemand).total();
    (60..86_400).step_by(60).find(|&interval_s| total(interval_s) <= 30.0).map_or(0.0, f64::from)
}

fn rate(pings_per_second: f64) -> String {
    if pings_per_second < 0.1 { format!("{pings_per_second:.4}") } else { figure(pings_per_second) }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::capacity;

    #[test]
    fn the_free_units_carry_what_the_bill_says_is_free() {
        let free = free_pings(Detector::Sweep);
        assert!(capacity(free * HOURS_PER_MONTH * 3_600.0) <= 25.0);
        assert!(capacity((free + 0.7) * HOURS_PER_MONTH * 3_600.0) > 25.0);
    }
}
