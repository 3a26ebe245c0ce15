//! The list itself.

use super::{Kind, Metric, Of};

/// From what a write into the embedded store takes to what we wait for one on DynamoDB, and beyond.
const ANSWERED_WITHIN: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// A message takes a call over the internet, and is given up after 10 s to 30 s.
const SENT_WITHIN: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// From a look at nothing to a third of a lease.
const LOOKED_WITHIN: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0];

const fn of_process(kind: Kind, name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind, of: Of::Process, labels, help }
}

const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    of_process(Kind::Counter, name, labels, help)
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Metric {
    of_process(Kind::Gauge, name, labels, help)
}

const fn histogram(
    buckets: &'static [f64],
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    of_process(Kind::Histogram(buckets), name, labels, help)
}

/// Of one monitor of the project of the key that asks.
const fn of_monitor(kind: Kind, name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind, of: Of::Monitors, labels: &["project", "slug"], help }
}

/// What is running.
pub const BUILD_INFO: Metric = gauge("heartbeat_build_info", &["version"], "1, by the version that is running.");
/// Since when.
pub const START_TIME: Metric =
    gauge("process_start_time_seconds", &[], "When the process started, in seconds since 1970.");
/// Requests.
pub const HTTP_REQUESTS: Metric = counter(
    "heartbeat_http_requests_total",
    &["route", "method", "status"],
    "Requests that were answered, by route as the router has it (`none` where there is no such path), method and status.",
);
/// How long they took.
pub const HTTP_DURATION: Metric = histogram(
    ANSWERED_WITHIN,
    "heartbeat_http_request_duration_seconds",
    &["route"],
    "How long requests took, from their head to their answer, by route.",
);
/// Pings.
pub const PINGS: Metric = counter(
    "heartbeat_pings_total",
    &["signal", "answer"],
    "Pings that were understood, by signal (`success`, `start`, `fail`, `log`, `exit`) and answer (`recorded`, `created` = it made its monitor, `refused` = a 4xx, `failed` = a 5xx). What the door refused is in `heartbeat_http_requests_total`.",
);
/// What is remembered of keys.
pub const KEY_CACHE: Metric = counter(
    "heartbeat_key_cache_lookups_total",
    &["result"],
    "Keys that came, by what was remembered of them: `fresh`, `stale` = it was time to ask again, `unknown` = known not to exist, `nothing` = the store was asked.",
);
/// Requests beyond a limit.
pub const RATE_LIMITED: Metric = counter(
    "heartbeat_rate_limited_total",
    &["limit"],
    "Requests beyond a limit: `failures` = unknown keys of an address, `calls` = management calls of a key, `look_ups` = look-ups of keys at once.",
);
/// What the store refused.
pub const STORE_ERRORS: Metric = counter(
    "heartbeat_store_errors_total",
    &["part", "kind"],
    "What the store did not do, by who asked (`api`, `checker`) and kind (`unavailable`, `unknown` = nobody knows whether it wrote, `timeout`, `corrupt` = an item that cannot be understood).",
);
/// Transitions.
pub const TRANSITIONS: Metric = counter(
    "heartbeat_transitions_total",
    &["kind"],
    "Changes of monitors that this process stored: incidents `opened` and `recovered`, reminders (`reminded`), `paused` and `resumed`.",
);
/// Attempts to deliver.
pub const DELIVERIES: Metric = counter(
    "heartbeat_deliveries_total",
    &["kind", "outcome"],
    "Attempts to tell a channel of a monitor, by the channel's kind and outcome: `delivered`, `retry`, `refused` = for good, it goes elsewhere, `gave_up` = after a day. A message that tells of five monitors counts five.",
);
/// How long messages took.
pub const DELIVERY_DURATION: Metric = histogram(
    SENT_WITHIN,
    "heartbeat_delivery_duration_seconds",
    &["kind"],
    "How long messages took to send, whatever came of it, by the channel's kind.",
);
/// Looks at what is due.
pub const PASSES: Metric = counter(
    "heartbeat_passes_total",
    &["end"],
    "Looks at what is due: `complete`, `incomplete` = some items could not be looked at, `failed` = the store did not say what is due.",
);
/// How long they took.
pub const PASS_DURATION: Metric = histogram(
    LOOKED_WITHIN,
    "heartbeat_pass_duration_seconds",
    &[],
    "How long looks at what is due took, without the sending.",
);
/// The last one.
pub const LAST_PASS: Metric = gauge(
    "heartbeat_last_pass_timestamp_seconds",
    &[],
    "When a look at what is due was last complete, in seconds since 1970; 0 = not yet.",
);
/// How far passes are behind.
pub const OLDEST_DUE: Metric = gauge(
    "heartbeat_oldest_due_age_seconds",
    &[],
    "How long the oldest of what was due had been due when it was looked at: the largest of the last minute.",
);
/// How long news waits.
pub const OUTBOX_OLDEST: Metric = gauge(
    "heartbeat_outbox_oldest_age_seconds",
    &[],
    "How long the oldest news that was seen had been waiting to be told: the largest of the last minute. News between two attempts is seen by the audit, every 10 min.",
);
/// Monitors, as the audit counts them.
pub const MONITORS: Metric = gauge(
    "heartbeat_monitors",
    &["status"],
    "Monitors of all projects by status as stored, as the audit of this checker last counted them: each 10 min, and 1 min after a start.",
);
/// The last audit.
pub const LAST_AUDIT: Metric = gauge(
    "heartbeat_last_audit_timestamp_seconds",
    &[],
    "When this checker last completed an audit, in seconds since 1970; 0 = not yet.",
);
/// What the index forgot.
pub const AUDITOR_MISSED: Metric = counter(
    "heartbeat_auditor_missed_total",
    &[],
    "Monitors that the audit found and the index had not shown. Each is a bug or a damaged store.",
);
/// Whether we are deaf.
pub const OUTAGE_OPEN: Metric = gauge(
    "heartbeat_outage_open",
    &[],
    "1 while pings may not be heard, and silence is held; else 0. As the last look knew it.",
);

/// A monitor's status, as a set of six.
pub const MONITOR_STATUS: Metric = Metric {
    name: "heartbeat_monitor_status",
    kind: Kind::Gauge,
    of: Of::Monitors,
    labels: &["project", "slug", "status"],
    help: "1 for the status that the monitor has just now, 0 for the others: `new`, `ok`, `running`, `late`, `overdue`, `paused`.",
};
/// When it was last heard.
pub const MONITOR_LAST_PING: Metric = of_monitor(
    Kind::Gauge,
    "heartbeat_monitor_last_ping_timestamp_seconds",
    "When the last ping of any signal was received, in seconds since 1970; absent before the first.",
);
/// When it must be heard.
pub const MONITOR_DUE: Metric = of_monitor(
    Kind::Gauge,
    "heartbeat_monitor_due_timestamp_seconds",
    "By when the next ping must arrive, grace included, in seconds since 1970; absent while none is awaited.",
);
/// How often it was heard.
pub const MONITOR_PINGS: Metric = of_monitor(
    Kind::Counter,
    "heartbeat_monitor_pings_total",
    "Pings received. It starts anew with a monitor that is made anew.",
);
/// How long its last run took.
pub const MONITOR_LAST_DURATION: Metric = of_monitor(
    Kind::Gauge,
    "heartbeat_monitor_last_duration_seconds",
    "How long the last finished run took; absent where no start was sent.",
);
/// Since when it is down.
pub const MONITOR_INCIDENT_START: Metric = of_monitor(
    Kind::Gauge,
    "heartbeat_monitor_incident_start_timestamp_seconds",
    "Since when the open incident lasts, in seconds since 1970; absent while all is well.",
);
/// What cannot be read.
pub const UNREADABLE: Metric = Metric {
    name: "heartbeat_project_unreadable_monitors",
    kind: Kind::Gauge,
    of: Of::Monitors,
    labels: &["project"],
    help: "Monitors of the project that are stored and cannot be understood: they are not shown here.",
};
/// Whether these are all.
pub const TRUNCATED: Metric = Metric {
    name: "heartbeat_project_truncated",
    kind: Kind::Gauge,
    of: Of::Monitors,
    labels: &["project"],
    help: "1 where the project has more monitors than the 10,000 that are shown here, in the order of their slugs; else 0.",
};

/// All of them, in the order in which a reader wants them.
pub const ALL: [Metric; 28] = [
    BUILD_INFO,
    START_TIME,
    HTTP_REQUESTS,
    HTTP_DURATION,
    PINGS,
    KEY_CACHE,
    RATE_LIMITED,
    STORE_ERRORS,
    TRANSITIONS,
    DELIVERIES,
    DELIVERY_DURATION,
    PASSES,
    PASS_DURATION,
    LAST_PASS,
    OLDEST_DUE,
    OUTBOX_OLDEST,
    MONITORS,
    LAST_AUDIT,
    AUDITOR_MISSED,
    OUTAGE_OPEN,
    MONITOR_STATUS,
    MONITOR_LAST_PING,
    MONITOR_DUE,
    MONITOR_PINGS,
    MONITOR_LAST_DURATION,
    MONITOR_INCIDENT_START,
    UNREADABLE,
    TRUNCATED,
];
