//! What a workload makes of AWS: write and read units, bytes, seconds. The assumptions live here, each by name.

use crate::{limits::shards_for, price::HOURS_PER_MONTH, traffic::Moment, workload::Workload};

/// How missed deadlines are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detector {
    /// Each ping moves an index key; the checker asks the index, and an audit reads everything every 10 minutes.
    Index,
    /// No index; the checker reads everything each minute.
    Sweep,
}

/// Where the API runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hosting {
    /// One invocation a ping, behind a function URL.
    Lambda,
    /// Fargate tasks behind a load balancer.
    Containers,
}

/// An ordinary monitor's item: about 300 bytes when a ping made it, more with a definition. Below 1 KB it is one write
/// unit whatever its size, but a sweep pays for each byte.
pub(crate) const ITEM_BYTES: f64 = 400.0;
/// DynamoDB's own storage for each item and each index entry.
const OVERHEAD_BYTES: f64 = 100.0;
/// Keys of the item in both indexes, each with the key of the table.
const INDEX_ENTRIES_BYTES: f64 = 2.0 * 100.0;
/// A read unit is 4 KB; eventually consistent reads cost half.
const READ_UNIT_BYTES: f64 = 4_096.0;
const EVENTUALLY: f64 = 0.5;

/// The write of the item itself.
const BASE_WRITES: f64 = 1.0;
/// Delete and put of an index key that moves.
pub(crate) const INDEX_WRITES: f64 = 2.0;

/// A missed deadline and its recovery, a month and monitor.
const INCIDENTS: f64 = 2.0;
/// Rows of history an incident leaves, each a write and an item: two transitions, put for the monitor and for its project's
/// feed, and two deliveries, put for these and for their channel. (Measured: docs/data-model.md.)
const ROWS_PER_INCIDENT: f64 = 2.0 * 2.0 + 2.0 * 3.0;
/// Bytes of a row, with DynamoDB's own.
const ROW_BYTES: f64 = 400.0;
/// Rows are kept for 30 days, unless `HEARTBEAT_RETENTION` says otherwise.
const ROW_MONTHS: f64 = 1.0;
/// Decisions and settlements an incident takes, each one read and one write of the item.
const COMMITS_PER_INCIDENT: f64 = 6.0;

const MINUTES_PER_MONTH: f64 = HOURS_PER_MONTH * 60.0;
/// The checker asks the index at 0, 10, … 50 s of its minute.
const LOOKS_PER_MINUTE: f64 = 6.0;
/// Audits: every 10 minutes.
const AUDITS_PER_MONTH: f64 = MINUTES_PER_MONTH / 10.0;
/// The checker's note of its pass, each minute.
const NOTES: f64 = MINUTES_PER_MONTH;
/// What a pass reads before it judges silence, consistently: what is known of outages, and the two monitors of the
/// operator's that are evidence of hearing.
pub(crate) const READS_PER_PASS: f64 = 3.0;
/// The canary's pings, ordinary ones through the API: every 30 s.
pub(crate) const CANARY_PINGS: f64 = 2.0 * MINUTES_PER_MONTH;
/// Ordinary pings by which an API that runs for long proves that it hears: every 15 s.
pub(crate) const EVIDENCE_PINGS: f64 = 4.0 * MINUTES_PER_MONTH;
/// API containers: two at least, so that one may die.
const CONTAINERS: f64 = 2.0;

/// Monitors that ping with one key.
const MONITORS_PER_KEY: f64 = 100.0;
/// An instance asks again for a key after 60 s.
const KEY_LOOKUPS_PER_MONTH: f64 = MINUTES_PER_MONTH;

/// The smallest Lambda, enough for the API (8 MB resident) and for the index's checker.
const SMALL_GB: f64 = 0.125;
/// A ping in Lambda, billed: the write and what is around it.
pub(crate) const PING_S: f64 = 0.012;
/// The checker's invocation: it polls inside its minute.
const CHECKER_S: f64 = 50.0;
/// The month of it.
pub(crate) const CHECKER_GB_SECONDS: f64 = MINUTES_PER_MONTH * CHECKER_S * SMALL_GB;
/// A Lambda with one whole vCPU, for sweeps.
const WHOLE_CPU_GB: f64 = 1.769;
/// Reading and judging one item in a sweep.
pub(crate) const SWEPT_ITEM_S: f64 = 30e-6;

/// What an answer takes on the wire: headers and the share of a TLS handshake that is billed.
const ANSWER_BYTES: f64 = 600.0;
/// What the checker logs in a minute. Pings log nothing: `RUST_LOG=warn`, and the platform's own lines off.
const LOG_BYTES_PER_MINUTE: f64 = 4_000.0;
const GB: f64 = 1e9;

/// Units of everything that is billed, in a month.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    /// Write units of DynamoDB.
    pub(crate) writes: f64,
    /// Read units of DynamoDB.
    pub(crate) reads: f64,
    /// Stored: the tables.
    pub(crate) table_gb: f64,
    /// Stored: the indexes.
    pub(crate) index_gb: f64,
    /// Lambda invocations.
    pub(crate) invocations: f64,
    /// Lambda GB-seconds.
    pub(crate) gb_seconds: f64,
    /// Scheduled invocations.
    pub(crate) ticks: f64,
    /// Logged.
    pub(crate) log_gb: f64,
    /// Sent to the Internet.
    pub(crate) out_gb: f64,
}

impl Detector {
    /// Write units of an ordinary ping.
    pub(crate) fn writes_per_ping(self) -> f64 {
        match self {
            Self::Index => BASE_WRITES + INDEX_WRITES,
            Self::Sweep => BASE_WRITES,
        }
    }

    /// How often a month everything is read.
    pub(crate) fn sweeps_per_month(self) -> f64 {
        match self {
            Self::Index => AUDITS_PER_MONTH,
            Self::Sweep => MINUTES_PER_MONTH,
        }
    }

    /// How often a month the checker looks.
    pub(crate) fn passes_per_month(self) -> f64 {
        match self {
            Self::Index => MINUTES_PER_MONTH * LOOKS_PER_MINUTE,
            Self::Sweep => MINUTES_PER_MONTH,
        }
    }

    /// Read units of a month's questions to the index.
    pub(crate) fn looks(self, shards: u16) -> f64 {
        match self {
            Self::Index => self.passes_per_month() * f64::from(shards) * EVENTUALLY,
            Self::Sweep => 0.0,
        }
    }
}

impl Usage {
    /// What `workload` uses in a month.
    pub(crate) fn of(workload: Workload, detector: Detector, hosting: Hosting) -> Self {
        let monitors = f64::from(workload.monitors);
        let pings = workload.pings_per_month();
        let incidents = monitors * INCIDENTS;
        let requests = pings + CANARY_PINGS;
        let (api_invocations, api_gb_seconds, evidence) = match hosting {
            Hosting::Lambda => (requests, requests * PING_S * SMALL_GB, CANARY_PINGS),
            Hosting::Containers => (0.0, 0.0, CANARY_PINGS + CONTAINERS * EVIDENCE_PINGS),
        };
        Self {
            writes: (pings + evidence + incidents * COMMITS_PER_INCIDENT) * detector.writes_per_ping()
                + incidents * ROWS_PER_INCIDENT
                + NOTES,
            reads: detector.looks(shards_for(workload.peak(Moment::Hour)))
                + detector.passes_per_month() * READS_PER_PASS
                + detector.sweeps_per_month() * sweep_reads(monitors, ITEM_BYTES)
                + incidents * COMMITS_PER_INCIDENT
                + key_reads(workload, hosting),
            table_gb: (monitors * (ITEM_BYTES + OVERHEAD_BYTES)
                + incidents * ROWS_PER_INCIDENT * ROW_MONTHS * ROW_BYTES)
                / GB,
            index_gb: monitors * (INDEX_ENTRIES_BYTES + 2.0 * OVERHEAD_BYTES) / GB,
            invocations: api_invocations + MINUTES_PER_MONTH,
            gb_seconds: api_gb_seconds
                + CHECKER_GB_SECONDS
                + detector.sweeps_per_month() * monitors * SWEPT_ITEM_S * WHOLE_CPU_GB,
            ticks: MINUTES_PER_MONTH,
            log_gb: MINUTES_PER_MONTH * LOG_BYTES_PER_MINUTE / GB,
            out_gb: requests * ANSWER_BYTES / GB,
        }
    }
}

/// Read units of reading `monitors` items once: the sum of their sizes, never less than one question costs.
pub(crate) fn sweep_reads(monitors: f64, item_bytes: f64) -> f64 {
    EVENTUALLY * (monitors * item_bytes / READ_UNIT_BYTES).max(1.0)
}

/// Each instance reads each key once a minute, but never more often than it is used.
fn key_reads(workload: Workload, hosting: Hosting) -> f64 {
    let instances = match hosting {
        Hosting::Lambda => (workload.peak(Moment::Minute) * PING_S).ceil().max(1.0),
        Hosting::Containers => CONTAINERS,
    };
    let keys = (f64::from(workload.monitors) / MONITORS_PER_KEY).max(1.0);
    EVENTUALLY * (instances * keys * KEY_LOOKUPS_PER_MONTH).min(workload.pings_per_month())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPICAL: Workload = Workload { monitors: 10_000, interval_s: 300 };

    #[test]
    fn the_checker_of_an_idle_account_stays_in_the_free_time_of_lambda() {
        let idle = Usage::of(Workload { monitors: 1, interval_s: 86_400 }, Detector::Index, Hosting::Lambda);
        assert!(idle.gb_seconds < crate::price::LAMBDA_TIME.free, "{} GB-seconds", idle.gb_seconds);
        assert!(idle.invocations < crate::price::LAMBDA_REQUEST.free);
    }

    #[test]
    fn the_index_writes_three_units_a_ping_and_the_sweep_one() {
        let index = Usage::of(TYPICAL, Detector::Index, Hosting::Lambda);
        let sweep = Usage::of(TYPICAL, Detector::Sweep, Hosting::Lambda);
        let more = index.writes - sweep.writes;
        // Two more for each ping, those of the canary included, and for each of 6 commits of 2 incidents of 10,000 monitors.
        assert!((more - 2.0 * (TYPICAL.pings_per_month() + CANARY_PINGS + 120_000.0)).abs() < 1.0, "{more}");
        assert!(sweep.reads > index.reads);
    }

    #[test]
    fn a_sweep_reads_eight_kilobytes_a_unit() {
        assert!((sweep_reads(1_024.0, 8.0) - 1.0).abs() < 1e-9);
        assert!((sweep_reads(0.0, 400.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn everything_grows_with_the_monitors_and_shrinks_with_the_interval() {
        for detector in [Detector::Index, Detector::Sweep] {
            for hosting in [Hosting::Lambda, Hosting::Containers] {
                let of = |monitors, interval_s| Usage::of(Workload { monitors, interval_s }, detector, hosting);
                let (few, many, often) = (of(1_000, 300), of(2_000, 300), of(1_000, 60));
                for more in [many, often] {
                    assert!(more.writes > few.writes && more.reads >= few.reads && more.out_gb > few.out_gb);
                    assert!(more.gb_seconds >= few.gb_seconds && more.table_gb >= few.table_gb);
                }
            }
        }
    }
}
