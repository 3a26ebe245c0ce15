//! The settings of the API, with their defaults: every time-out, size and rate in one place.

use std::time::Duration;

use heartbeat_core::definition::document::MAX_BYTES;

use crate::metrics::ProcessMetrics;

/// How the API behaves. [`ApiConfig::default`] fits the embedded store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiConfig {
    /// How long a store may take to answer before the API says 503: 2 s. For a ping it runs from its receipt stamp to the
    /// durable write, and must be well inside the settle time: that gap is what makes a false alert impossible.
    pub give_up: Duration,
    /// How many proxies of ours stand in front and append to `X-Forwarded-For`: 0. With `n`, the client is the `n`-th
    /// address from the right; whatever stands left of it was written by the client itself.
    pub trusted_proxies: usize,
    /// What is read of a ping's body.
    pub ping_body: BodyLimits,
    /// What is read of a JSON body; one that is larger is refused.
    pub json_body: BodyLimits,
    /// What is read of a JSON body that defines a channel: a template of 8 KiB, however it is written as JSON.
    pub channel_body: BodyLimits,
    /// What is read of the JSON body of a bulk of pings: 500 of them with 10 kB each, however they are written as JSON.
    pub bulk_body: BodyLimits,
    /// How many monitors' pings of one bulk are written at once: all of 500, so that a file's group commit takes them
    /// together. A store that writes each by itself wants fewer.
    pub bulk_at_once: usize,
    /// What is read of a document that is imported.
    pub document_body: BodyLimits,
    /// How long an import goes on to the next monitor: 8 s, so that its answer comes before a Lambda is stopped after 15 s,
    /// and a server that shuts down after 10 s. What is left is said.
    pub import_time: Duration,
    /// How keys are looked up and remembered.
    pub keys: KeyLimits,
    /// How long history is kept: 30 days. What was before is not known, whatever is left of it.
    pub history: Duration,
    /// Management calls of one key from one address: 100 at once, 10 a second.
    pub calls: Rate,
    /// How pings of one monitor are gathered that come faster than any job needs. `None` where a process has but one
    /// request at a time: there is nothing to gather then.
    pub gathering: Option<Gathering>,
    /// Who may see the figures of the process in `GET /metrics`: who has a key of the operator's project.
    pub process_metrics: ProcessMetrics,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            give_up: Duration::from_secs(2),
            trusted_proxies: 0,
            ping_body: BodyLimits { bytes: 10 * 1024 * 1024, time: Duration::from_secs(5) },
            json_body: BodyLimits { bytes: 16 * 1024, time: Duration::from_secs(5) },
            channel_body: BodyLimits { bytes: 64 * 1024, time: Duration::from_secs(5) },
            bulk_body: BodyLimits { bytes: 8 * 1024 * 1024, time: Duration::from_secs(10) },
            bulk_at_once: 500,
            document_body: BodyLimits { bytes: MAX_BYTES, time: Duration::from_secs(10) },
            import_time: Duration::from_secs(8),
            keys: KeyLimits::default(),
            history: Duration::from_hours(24 * 30),
            calls: Rate { burst: 100, refill: Duration::from_millis(100) },
            gathering: Some(Gathering::default()),
            process_metrics: ProcessMetrics::WithKey,
        }
    }
}

/// How much of a body is read, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// The most bytes.
    pub bytes: usize,
    /// The longest time, from the first byte waited for to the last.
    pub time: Duration,
}

/// A bucket: so many at once, and one more every `refill`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many at once, at least 1.
    pub burst: u32,
    /// How long until there is one more.
    pub refill: Duration,
}

/// From when on and for how long the plain successes of one monitor are gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gathering {
    /// Which are written each by itself: 60 at once, one a second.
    pub rate: Rate,
    /// How long others wait for one another: 250 ms, well inside the time in which a ping is given up.
    pub wait: Duration,
}

impl Default for Gathering {
    fn default() -> Self {
        Self::from_pings_per_minute(60)
    }
}

impl Gathering {
    /// So many at once, and so many a minute for long.
    pub fn from_pings_per_minute(pings: u32) -> Self {
        let rate = Rate { burst: pings.max(1), refill: Duration::from_mins(1) / pings.max(1) };
        Self { rate, wait: Duration::from_millis(250) }
    }
}

/// How keys are looked up and remembered. DESIGN, "Safety".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLimits {
    /// How long a key that was found is taken for granted: 60 s. A revoked key works no longer than this.
    pub known_for: Duration,
    /// How long a key that was not found is refused without asking again: 30 s.
    pub unknown_for: Duration,
    /// How long a key that was once found keeps working while the store cannot be asked: 24 h.
    pub stale_for: Duration,
    /// How long after a failed look-up of such a key the store is asked again: 5 s.
    pub retry_after: Duration,
    /// How many keys of each kind are remembered: 10 000.
    pub remembered: u64,
    /// How many look-ups at once: 256, sized for a cold start; over it the answer is 503.
    pub look_ups: usize,
    /// How long one look-up may take: 1 s.
    pub look_up_time: Duration,
    /// Look-ups that found no key, per address: 30 at once, one more every 2 s.
    pub failures: Rate,
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self {
            known_for: Duration::from_mins(1),
            unknown_for: Duration::from_secs(30),
            stale_for: Duration::from_hours(24),
            retry_after: Duration::from_secs(5),
            remembered: 10_000,
            look_ups: 256,
            look_up_time: Duration::from_secs(1),
            failures: Rate { burst: 30, refill: Duration::from_secs(2) },
        }
    }
}
