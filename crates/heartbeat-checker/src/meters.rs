//! What a checker counts: looks at what is due, how far they are behind, what was sent, and what the audit found. Lambda
//! tells the same facts by the log (`heartbeat`'s `lambda/metrics.rs`).

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use heartbeat_core::{StoreError, Timestamp, metric};
use metrics::{Counter, Gauge, Histogram};

use crate::{Audit, End, Look, census::Census};

/// How long the largest age is shown: who asks once a minute misses none.
const SHOWN: Duration = Duration::from_mins(1);

/// What a checker counts.
pub(crate) struct Meters {
    complete: Counter,
    incomplete: Counter,
    failed: Counter,
    duration: Histogram,
    last_pass: Gauge,
    oldest_due: Largest,
    oldest_untold: Largest,
    outage_open: Gauge,
    missed: Counter,
    last_audit: Gauge,
    unavailable: Counter,
    unknown: Counter,
    corrupt: Counter,
}

/// Whether pings may not be heard just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// As far as is known, they are.
    Yes,
    /// There is an outage of ours.
    Perhaps,
}

impl Meters {
    /// Handles of the recorder that is installed by now.
    pub(crate) fn new() -> Self {
        let pass = |end: &'static str| metric::PASSES.counter([end]);
        let store = |kind| metric::STORE_ERRORS.counter(["checker", kind]);
        Self {
            complete: pass("complete"),
            incomplete: pass("incomplete"),
            failed: pass("failed"),
            duration: metric::PASS_DURATION.histogram(metric::WHOLE),
            last_pass: metric::LAST_PASS.gauge(metric::WHOLE),
            oldest_due: Largest::shown_by(metric::OLDEST_DUE.gauge(metric::WHOLE)),
            oldest_untold: Largest::shown_by(metric::OUTBOX_OLDEST.gauge(metric::WHOLE)),
            outage_open: metric::OUTAGE_OPEN.gauge(metric::WHOLE),
            missed: metric::AUDITOR_MISSED.counter(metric::WHOLE),
            last_audit: metric::LAST_AUDIT.gauge(metric::WHOLE),
            unavailable: store("unavailable"),
            unknown: store("unknown"),
            corrupt: store("corrupt"),
        }
    }

    /// A look that began at `began` is over. Ages are of its beginning.
    pub(crate) fn looked(&self, look: &Result<Look, StoreError>, heard: Heard, began: Timestamp, now: Timestamp) {
        self.duration.record(now.since(began));
        self.outage_open.set(f64::from(u8::from(heard == Heard::Perhaps)));
        match look {
            Ok(look) => {
                self.oldest_due.is(look.oldest_due, began);
                self.oldest_untold.is(look.oldest_untold, began);
                if look.failed > 0 {
                    self.incomplete.increment(1);
                } else {
                    self.complete.increment(1);
                    self.last_pass.set(seconds(now));
                }
            }
            Err(error) => {
                self.failed.increment(1);
                self.store_failed(error);
            }
        }
    }

    /// An audit of ours is over, which found `missed` monitors itself.
    pub(crate) fn audited(&self, audit: &Audit, census: Census, missed: usize, now: Timestamp) {
        self.missed.increment(u64::try_from(missed).unwrap_or(u64::MAX));
        self.oldest_untold.is(audit.oldest_untold, now);
        match &audit.end {
            End::Complete => {
                census.show();
                self.last_audit.set(seconds(now));
            }
            End::Failed(error) => self.store_failed(error),
            End::Deadline | End::Overtaken => {}
        }
    }

    /// The store did not do what was asked of it.
    pub(crate) fn store_failed(&self, error: &StoreError) {
        let counter = match error {
            StoreError::Unavailable(_) => &self.unavailable,
            StoreError::Unknown(_) => &self.unknown,
            StoreError::Corrupt(_) => &self.corrupt,
        };
        counter.increment(1);
    }

    /// An item cannot be understood.
    pub(crate) fn found_corrupt(&self) {
        self.corrupt.increment(1);
    }
}

/// One more attempt to tell a channel of this kind of a monitor ended like this. Attempts are few: no handle is kept.
pub(crate) fn attempted(kind: &str, outcome: &'static str) {
    metric::DELIVERIES.counter([kind.to_owned(), outcome.to_owned()]).increment(1);
}

/// A message took so long.
pub(crate) fn sent(kind: &str, took: Duration) {
    metric::DELIVERY_DURATION.histogram([kind.to_owned()]).record(took);
}

/// Makes what may happen to a channel of this kind visible before it does: what is not there does not grow.
pub(crate) fn may_be_attempted(kind: &str, outcomes: [&'static str; 4]) {
    for outcome in outcomes {
        metric::DELIVERIES.counter([kind.to_owned(), outcome.to_owned()]).increment(0);
    }
}

/// Seconds since 1970.
fn seconds(at: Timestamp) -> f64 {
    at.since(Timestamp::EPOCH).as_secs_f64()
}

/// The largest age of the last minute. Looks may follow each other within milliseconds, and what one has seen the next has
/// put off.
struct Largest {
    gauge: Gauge,
    of: Mutex<(Duration, Timestamp)>,
}

impl Largest {
    fn shown_by(gauge: Gauge) -> Self {
        Self { gauge, of: Mutex::new((Duration::ZERO, Timestamp::EPOCH)) }
    }

    /// What is the oldest at `now` has been there since `since`; `None` = there is nothing.
    fn is(&self, since: Option<Timestamp>, now: Timestamp) {
        let age = since.map_or(Duration::ZERO, |since| now.since(since));
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let (largest, seen_at) = *of;
        if age >= largest || now.since(seen_at).max(seen_at.since(now)) >= SHOWN {
            *of = (age, now);
            self.gauge.set(age.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_age_is_shown_for_a_minute_and_then_forgotten() {
        let largest = Largest::shown_by(Gauge::noop());
        let shown = || largest.of.lock().unwrap().0.as_secs();
        let at = |second: i64| Timestamp::from_secs(1_000 + second);
        largest.is(Some(at(-90)), at(0));
        assert_eq!(shown(), 90);
        largest.is(None, at(59));
        assert_eq!(shown(), 90, "who asks once a minute misses none");
        largest.is(Some(at(-40)), at(59));
        assert_eq!(shown(), 99, "a larger one counts at once");
        largest.is(None, at(120));
        assert_eq!(shown(), 0);
        largest.is(Some(at(-7)), at(-200));
        assert_eq!(shown(), 0, "a clock that went back makes no age");
    }
}
