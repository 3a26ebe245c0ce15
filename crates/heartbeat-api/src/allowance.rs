//! What a caller is told of a limit that they are under: `RateLimit-Policy` and `RateLimit`, structured fields as
//! draft-ietf-httpapi-ratelimit-headers (10 and 11) has them.
//!
//! The gate notes it where it limits, and the outermost layer writes it on whatever the answer becomes: handlers know nothing
//! of it, and what is not limited says nothing. `q` is what may be asked for at once, `w` in how many seconds it is all
//! there again; `r` is what is left now, `t` in how many seconds all is there again. `Retry-After` goes before `t`.

use std::{cell::Cell, time::Duration};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::Rate;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

tokio::task_local! {
    /// What this request was limited by, if it was.
    static NOTED: Cell<Option<Allowance>>;
}

/// Where a caller stands with one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// What the limit is called.
    pub(crate) of: Limited,
    /// The limit.
    pub(crate) rate: Rate,
    /// How many are left.
    pub(crate) left: u32,
    /// How long until all are there again.
    pub(crate) whole_in: Duration,
}

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limited {
    /// Management calls, per key and address.
    Calls,
    /// Keys that nobody knows, and addresses of badges that are none, per address.
    Failures,
}

impl Limited {
    const fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Failures => "failures",
        }
    }
}

/// Runs a request, and answers also what was noted while it ran.
pub(crate) async fn noting<T>(request: impl Future<Output = T>) -> (T, Option<Allowance>) {
    let noting = async {
        let answer = request.await;
        (answer, NOTED.with(Cell::get))
    };
    NOTED.scope(Cell::new(None), noting).await
}

impl Allowance {
    /// Notes it for the answer to the request that runs.
    pub(crate) fn note(self) {
        // Outside of a request there is no answer to write it on.
        let _ = NOTED.try_with(|noted| noted.set(Some(self)));
    }

    /// Writes it.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        let (name, whole) = (self.of.name(), self.rate.refill.saturating_mul(self.rate.burst));
        let policy = format!(r#""{name}";q={};w={}"#, self.rate.burst, seconds(whole));
        let left = format!(r#""{name}";r={};t={}"#, self.left, seconds(self.whole_in));
        for (field, value) in [(POLICY, policy), (LEFT, left)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(field, value);
            }
        }
    }
}

/// Rounded up; no more than a structured field can hold.
fn seconds(span: Duration) -> u64 {
    const MOST: u64 = 999_999_999_999_999;
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0)).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up_and_fit() {
        for (span, shown) in [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), 1),
            (Duration::from_secs(2), 2),
            (Duration::from_millis(2_001), 3),
            (Duration::MAX, 999_999_999_999_999),
        ] {
            assert_eq!(seconds(span), shown);
        }
    }

    #[tokio::test]
    async fn what_is_noted_belongs_to_its_own_request() {
        let allowance = |left| Allowance {
            of: Limited::Calls,
            rate: Rate { burst: 9, refill: Duration::from_secs(1) },
            left,
            whole_in: Duration::ZERO,
        };
        let one = noting(async {
            tokio::task::yield_now().await;
            allowance(1).note();
        });
        let other = noting(async { allowance(2).note() });
        let (one, other, none) = tokio::join!(one, other, noting(async {}));
        assert_eq!((one.1.map(|a| a.left), other.1.map(|a| a.left), none.1), (Some(1), Some(2), None));
        allowance(3).note();
    }
}
