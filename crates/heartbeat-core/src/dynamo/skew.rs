//! How far our clock is from the store's, by the `Date` header of its answers. Deadlines are kept by the clocks of those who
//! receive pings and of those who look: they must agree to well within the settle time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef},
            dyn_dispatch_hint,
        },
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{
    config_bag::{ConfigBag, Storable, StoreReplace},
    date_time::{DateTime, Format},
};

use crate::{clock::Clock, time::Timestamp};

/// From here on it is worth a warning. DESIGN, "Clocks".
pub(super) const SUSPICIOUS: Duration = Duration::from_secs(2);
/// From here on pings and deadlines cannot be trusted: not ready. DESIGN, "Clocks".
pub(super) const INTOLERABLE: Duration = Duration::from_secs(5);
/// Warnings come this far apart.
const SILENCE: Duration = Duration::from_mins(10);

/// By how much our clock is off, as the last answer showed.
#[derive(Debug, Default)]
pub struct Skew {
    /// In microseconds; positive when the store's clock is ahead of ours. At least so much: the header has only seconds.
    micros: AtomicI64,
    warned_at: AtomicI64,
}

impl Skew {
    /// How far off our clock is, at least.
    pub fn at_least(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed).unsigned_abs())
    }

    /// Notes that the store's clock showed the second `date`, some time between `sent` and `received` by ours.
    fn note(&self, date: Timestamp, sent: Timestamp, received: Timestamp) {
        let ahead = date.as_micros() - received.as_micros();
        let behind = sent.as_micros() - date.plus(Duration::from_secs(1)).as_micros();
        let micros = if ahead > 0 { ahead } else { -behind.max(0) };
        self.micros.store(micros, Ordering::Relaxed);
        if self.at_least() > SUSPICIOUS && received.since(self.warned_at()) > SILENCE {
            self.warned_at.store(received.as_micros(), Ordering::Relaxed);
            tracing::warn!(
                seconds = self.at_least().as_secs_f64(),
                "this machine's clock and the store's differ: set it right, or alerts are late or false"
            );
        }
    }

    fn warned_at(&self) -> Timestamp {
        Timestamp::from_micros(self.warned_at.load(Ordering::Relaxed))
    }
}

/// Reads the `Date` of every answer.
pub(super) struct Watch {
    pub(super) skew: Arc<Skew>,
    pub(super) clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("skew", &self.skew).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Sent(Timestamp);

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

#[dyn_dispatch_hint]
impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "ClockWatch"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        bag.interceptor_state().store_put(Sent(self.clock.now()));
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|text| DateTime::from_str(text, Format::HttpDate).ok());
        if let (Some(date), Some(sent)) = (date, bag.load::<Sent>()) {
            self.skew.note(Timestamp::from_secs(date.secs()), sent.0, self.clock.now());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_secs(1_795_402_800 + second)
    }

    fn after(date: i64, sent: i64, received: i64) -> Duration {
        let skew = Skew::default();
        skew.note(second(date), second(sent), second(received));
        skew.at_least()
    }

    #[test]
    fn a_clock_within_the_seconds_of_the_header_is_not_suspected() {
        for received in 0..=1 {
            assert_eq!(after(0, 0, received), Duration::ZERO);
        }
        assert_eq!(after(0, -1, 0), Duration::ZERO, "a slow answer proves nothing");
    }

    #[test]
    fn a_clock_that_is_off_is_off_by_at_least_what_the_header_proves() {
        assert_eq!(after(7, 0, 0), Duration::from_secs(7), "ours is behind");
        assert_eq!(after(0, 7, 7), Duration::from_secs(6), "ours is ahead");
    }
}
