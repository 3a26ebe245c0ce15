//! The month's bill of a workload.

use crate::{
    container,
    price::{
        ALARM, HOURS_PER_MONTH, LAMBDA_REQUEST, LAMBDA_TIME, LOGS, METRIC, READ, READ_CAPACITY, RECOVERY,
        RESERVED_SHARE, SCHEDULE, STORAGE, TRANSFER, WRITE, WRITE_CAPACITY,
    },
    usage::{Detector, Hosting, Usage},
    workload::Workload,
};

/// How DynamoDB's throughput is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payment {
    /// For each unit.
    OnDemand,
    /// For the capacity, by the hour.
    Provisioned,
    /// The same, reserved for a year.
    Reserved,
}

/// Capacity that is provisioned, in averages: the spikes ride on what the table has saved (see the simulation).
pub(crate) const HEADROOM: f64 = 1.5;
/// Our own metrics and alarms.
const METRICS: f64 = 8.0;
const ALARMS: f64 = 8.0;
const SECONDS_PER_MONTH: f64 = HOURS_PER_MONTH * 3_600.0;

/// A month in dollars, line by line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bill {
    /// DynamoDB's writes.
    pub(crate) writes: f64,
    /// DynamoDB's reads.
    pub(crate) reads: f64,
    /// DynamoDB's storage, with point-in-time recovery.
    pub(crate) storage: f64,
    /// Checker, and API where it runs there.
    pub(crate) lambda: f64,
    /// Tasks and load balancer, where the API runs there.
    pub(crate) containers: f64,
    /// Data out.
    pub(crate) transfer: f64,
    /// Schedule, logs, metrics, alarms. Parameters and their keys are free at this size.
    pub(crate) rest: f64,
}

impl Bill {
    /// With the API where it is cheaper.
    pub(crate) fn of(workload: Workload, detector: Detector, payment: Payment) -> Self {
        let lambda = Self::hosted(workload, detector, payment, Hosting::Lambda);
        let containers = Self::hosted(workload, detector, payment, Hosting::Containers);
        if lambda.total() <= containers.total() { lambda } else { containers }
    }

    /// With the API in one place.
    pub(crate) fn hosted(workload: Workload, detector: Detector, payment: Payment, hosting: Hosting) -> Self {
        let usage = Usage::of(workload, detector, hosting);
        let (writes, reads) = throughput(&usage, payment);
        Self {
            writes,
            reads,
            storage: STORAGE.of(usage.table_gb + usage.index_gb) + RECOVERY.of(usage.table_gb),
            lambda: LAMBDA_REQUEST.of(usage.invocations) + LAMBDA_TIME.of(usage.gb_seconds),
            containers: match hosting {
                Hosting::Lambda => 0.0,
                Hosting::Containers => container::cost(workload),
            },
            transfer: TRANSFER.of(usage.out_gb),
            rest: SCHEDULE.of(usage.ticks) + LOGS.of(usage.log_gb) + METRIC.of(METRICS) + ALARM.of(ALARMS),
        }
    }

    /// The lines in the order of the document.
    pub(crate) fn lines(&self) -> [f64; 7] {
        [self.writes, self.reads, self.storage, self.lambda, self.containers, self.transfer, self.rest]
    }

    /// All of it.
    pub(crate) fn total(&self) -> f64 {
        self.lines().iter().sum()
    }
}

/// Writes and reads in dollars.
fn throughput(usage: &Usage, payment: Payment) -> (f64, f64) {
    let hours = |units: f64| capacity(units) * HOURS_PER_MONTH;
    let provisioned = (WRITE_CAPACITY.of(hours(usage.writes)), READ_CAPACITY.of(hours(usage.reads)));
    match payment {
        Payment::OnDemand => (WRITE.of(usage.writes), READ.of(usage.reads)),
        Payment::Provisioned => provisioned,
        Payment::Reserved => (provisioned.0 * RESERVED_SHARE, provisioned.1 * RESERVED_SHARE),
    }
}

/// Capacity units that are provisioned for so many units a month.
pub(crate) fn capacity(units: f64) -> f64 {
    (units / SECONDS_PER_MONTH * HEADROOM).ceil()
}

/// The share of its capacity that a table must use, on average, before provisioning is cheaper than on demand.
pub(crate) fn break_even_utilisation() -> f64 {
    WRITE_CAPACITY.each() / (WRITE.each() * 3_600.0)
}

/// The average pings a second above which containers are cheaper than Lambda.
pub(crate) fn containers_from(detector: Detector) -> Option<f64> {
    let at = |monitors| Workload { monitors, interval_s: 60 };
    let total = |workload, hosting| Bill::hosted(workload, detector, Payment::OnDemand, hosting).total();
    (1..1_000)
        .map(|n| at(n * 60))
        .find(|&workload| total(workload, Hosting::Containers) < total(workload, Hosting::Lambda))
        .map(Workload::pings_per_second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{INTERVALS_S, MONITORS};

    const PAYMENTS: [Payment; 3] = [Payment::OnDemand, Payment::Provisioned, Payment::Reserved];
    const DETECTORS: [Detector; 2] = [Detector::Index, Detector::Sweep];

    #[test]
    fn no_bill_shrinks_when_monitors_are_added_or_ping_more_often() {
        for (detector, payment) in DETECTORS.into_iter().flat_map(|d| PAYMENTS.map(|p| (d, p))) {
            let total = |monitors, interval_s| Bill::of(Workload { monitors, interval_s }, detector, payment).total();
            for interval in INTERVALS_S {
                assert!(MONITORS.map(|monitors| total(monitors, interval)).is_sorted());
            }
            for monitors in MONITORS {
                assert!(INTERVALS_S.map(|interval| total(monitors, interval)).is_sorted_by(|more, less| more >= less));
            }
        }
    }

    #[test]
    fn ten_thousand_pings_a_minute_cost_what_paper_and_pencil_say() {
        // 10,000 × 43,800 minutes × 3 units × $0.625 a million, and 3 units for each of 120,000 commits, of 87,600 pings of
        // the canary and 2 × 175,200 of two containers; 200,000 rows and 43,800 notes of passes.
        let bill = Bill::of(Workload { monitors: 10_000, interval_s: 60 }, Detector::Index, Payment::OnDemand);
        let expected = (438.0 * 3.0 + 0.36 + 0.2628 + 1.0512 + 0.2 + 0.0438) * 0.625;
        assert!((bill.writes - expected).abs() < 0.01, "{}", bill.writes);
    }

    #[test]
    fn a_small_provisioned_table_is_free() {
        let bill = Bill::of(Workload { monitors: 1_000, interval_s: 300 }, Detector::Index, Payment::Provisioned);
        assert!(bill.writes.abs() < 1e-9 && bill.reads.abs() < 1e-9, "{bill:?}");
    }

    #[test]
    fn provisioning_pays_where_the_table_is_busy_enough() {
        let utilisation = break_even_utilisation();
        assert!((0.28..0.30).contains(&utilisation), "{utilisation}");
        // With the headroom of the model it is busier than that, and far above the free 25 units the bills say the same.
        assert!(1.0 / HEADROOM > utilisation);
        let large = Workload { monitors: 100_000, interval_s: 60 };
        let [on_demand, provisioned, reserved] =
            PAYMENTS.map(|payment| Bill::of(large, Detector::Sweep, payment).writes);
        assert!((provisioned / on_demand - utilisation * HEADROOM).abs() < 0.01);
        assert!((reserved / provisioned - RESERVED_SHARE).abs() < 1e-9);
    }

    #[test]
    fn lambda_is_cheaper_first_and_containers_later() {
        let from = containers_from(Detector::Sweep).unwrap();
        assert!((10.0..1_000.0).contains(&from), "{from}");
        let of = |monitors| Bill::of(Workload { monitors, interval_s: 60 }, Detector::Sweep, Payment::OnDemand);
        assert!(of(60).containers.abs() < 1e-9);
        assert!(of(1_000_000).containers > 0.0);
    }
}
