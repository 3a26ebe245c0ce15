//! From how many pings a day and monitor on a sweep of everything costs less than moving the index.

use crate::{
    bill::{Bill, Payment},
    price::{READ, WRITE},
    usage::{Detector, INDEX_WRITES, sweep_reads},
    workload::Workload,
};

const DAYS_PER_MONTH: f64 = 730.0 / 24.0;
const SECONDS_PER_DAY: f64 = 86_400.0;
/// So many that what does not depend on their number does not matter.
const MANY: u32 = 1_000_000;

/// Pings a day, by equating what the sweep reads more with what the index writes more.
pub(crate) fn by_formula(item_bytes: f64) -> f64 {
    let more_sweeps = Detector::Sweep.sweeps_per_month() - Detector::Index.sweeps_per_month();
    let reads = more_sweeps * sweep_reads(f64::from(MANY), item_bytes) / f64::from(MANY);
    reads * READ.each() / (INDEX_WRITES * WRITE.each()) / DAYS_PER_MONTH
}

/// Pings a day, by trying intervals until the two bills of DynamoDB are equal.
pub(crate) fn by_search() -> f64 {
    let dynamo = |interval_s, detector| {
        let bill = Bill::of(Workload { monitors: MANY, interval_s }, detector, Payment::OnDemand);
        bill.writes + bill.reads
    };
    let (mut sweep_wins, mut index_wins) = (60_u32, 864_000_u32);
    while index_wins - sweep_wins > 1 {
        let middle = u32::midpoint(sweep_wins, index_wins);
        if dynamo(middle, Detector::Sweep) < dynamo(middle, Detector::Index) {
            sweep_wins = middle;
        } else {
            index_wins = middle;
        }
    }
    SECONDS_PER_DAY / f64::from(index_wins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::ITEM_BYTES;

    #[test]
    fn formula_and_search_agree() {
        let (formula, search) = (by_formula(ITEM_BYTES), by_search());
        // The bills also know commits and looks at the index, which cost the index a little more.
        assert!((formula - search).abs() < 0.5, "{formula} by formula, {search} by search");
    }

    #[test]
    fn a_larger_item_needs_more_pings_to_be_worth_sweeping() {
        assert!((by_formula(800.0) / by_formula(400.0) - 2.0).abs() < 1e-9);
    }
}
