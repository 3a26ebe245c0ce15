//! Instants, in microseconds since the Unix epoch. Every operation saturates: skew and absurd input never panic.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// An instant in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);
    /// Later than anything that happens: the end of an open range.
    pub const MAX: Self = Self(i64::MAX);

    /// An instant from microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// An instant from whole seconds since the epoch.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// An instant from milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This instant moved later.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(micros(by)))
    }

    /// This instant moved earlier.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(micros(by)))
    }

    /// How long ago `earlier` was at this instant; zero if it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The first whole second that is not earlier; the last one there is, where there is none.
    #[must_use]
    pub fn rounded_up_to_seconds(self) -> Self {
        let whole = Self::from_secs(self.as_secs());
        if whole == self { self } else { Self::from_secs(self.as_secs().saturating_add(1)) }
    }

    /// Parses an RFC 3339 instant such as `2026-11-23T03:00:00Z`; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let parsed: jiff::Timestamp = text.parse().ok()?;
        Some(Self(parsed.as_microsecond()))
    }

    fn as_jiff(self) -> jiff::Timestamp {
        let end = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(end)
    }

    /// RFC 3339 in UTC to the whole second, as people read it: `2026-11-23T03:00:00Z`.
    pub fn to_rfc3339_seconds(self) -> String {
        self.as_jiff().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The date and time of day in UTC by a `strftime` format.
    pub fn format_utc(self, format: &str) -> String {
        self.as_jiff().strftime(format).to_string()
    }
}

/// RFC 3339 in UTC with microseconds: `2026-11-23T03:00:00.000123Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_jiff().strftime("%Y-%m-%dT%H:%M:%S.%6fZ"))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A duration as people write it, to the second and in at most two units: `45s`, `12m`, `2h 30m`, `3d 4h`.
pub fn humane(duration: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut rest = duration.as_secs();
    let mut parts = Vec::new();
    for (size, unit) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            parts.push(format!("{count}{unit}"));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Timestamp::MAX.plus(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::from_micros(i64::MIN).minus(Duration::MAX), Timestamp::from_micros(i64::MIN));
        assert_eq!(Timestamp::EPOCH.since(Timestamp::MAX), Duration::ZERO);
        assert!(!Timestamp::MAX.to_string().is_empty());
    }

    #[test]
    fn durations_read_in_two_units_at_most() {
        for (seconds, text) in
            [(0, "0s"), (45, "45s"), (60, "1m"), (61, "1m 1s"), (9_000, "2h 30m"), (3_601, "1h"), (90_000, "1d 1h")]
        {
            assert_eq!(humane(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn an_instant_reads_back_as_it_was_shown() {
        let at = Timestamp::from_micros(1_763_866_800_000_123);
        assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
        assert_eq!(Timestamp::parse("yesterday"), None);
    }
}
