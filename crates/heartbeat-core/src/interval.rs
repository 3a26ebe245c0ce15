//! How often a ping is expected, and how much later it may come: whole seconds within bounds, parsed once at the door.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A year of 365 days, in seconds: the longest interval and the longest grace.
const YEAR_S: u64 = 365 * 86_400;

/// Why a text is not an interval or a grace.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DurationError {
    /// Neither humantime text nor raw seconds.
    #[error("{0:?} is not a duration: write 5m, 1h, 2h30m, or seconds such as 300")]
    Nonsense(String),
    /// Not a whole number of seconds.
    #[error("{0:?} is not a whole number of seconds")]
    Fraction(String),
    /// Outside the range of an interval.
    #[error("an interval is from 30s to 365d, not {0:?}")]
    IntervalRange(String),
    /// Outside the range of a grace.
    #[error("a grace is from 0 to 365d, not {0:?}")]
    GraceRange(String),
}

/// How often a ping is expected: 30 s to 365 d, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Interval(u32);

impl Interval {
    /// The shortest: 30 seconds.
    pub const MIN: Self = Self(30);
    /// What a first ping that says nothing gets: 5 minutes.
    pub const DEFAULT: Self = Self(300);

    /// An interval from seconds, if it is in range.
    pub fn from_secs(seconds: u64) -> Option<Self> {
        let whole = u32::try_from(seconds).ok()?;
        (30..=YEAR_S).contains(&seconds).then_some(Self(whole))
    }

    /// Parses humantime text (`5m`, `1h`, `2h30m`) or raw seconds (`300`).
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        let seconds = parse_seconds(text)?;
        Self::from_secs(seconds).ok_or_else(|| DurationError::IntervalRange(shortened(text)))
    }

    /// The length in seconds.
    pub const fn as_secs(self) -> u64 {
        self.0 as u64
    }

    /// The length as a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.as_secs())
    }
}

/// Extra time after the expected moment: 0 to 365 d, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Grace(u32);

impl Grace {
    /// No extra time.
    pub const ZERO: Self = Self(0);
    /// What a first ping that says nothing gets: 1 minute.
    pub const DEFAULT: Self = Self(60);

    /// A grace from seconds, if it is in range.
    pub fn from_secs(seconds: u64) -> Option<Self> {
        let whole = u32::try_from(seconds).ok()?;
        (seconds <= YEAR_S).then_some(Self(whole))
    }

    /// Parses humantime text or raw seconds; `0` is a grace.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        let seconds = parse_seconds(text)?;
        Self::from_secs(seconds).ok_or_else(|| DurationError::GraceRange(shortened(text)))
    }

    /// The length in seconds.
    pub const fn as_secs(self) -> u64 {
        self.0 as u64
    }

    /// The length as a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.as_secs())
    }
}

/// Parses humantime text or raw seconds into whole seconds, of any size.
pub fn parse_seconds(text: &str) -> Result<u64, DurationError> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than u64 holds is out of every range, not nonsense.
        return Ok(text.parse().unwrap_or(u64::MAX));
    }
    // To humantime, 5M is five months, and nobody who writes it means that.
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(DurationError::Nonsense(shortened(text)));
    }
    let parsed = humantime::parse_duration(text).map_err(|_| DurationError::Nonsense(shortened(text)))?;
    if parsed.subsec_nanos() == 0 { Ok(parsed.as_secs()) } else { Err(DurationError::Fraction(shortened(text))) }
}

/// What is quoted back of somebody's input: enough to recognise it.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

impl Default for Grace {
    fn default() -> Self {
        Self::DEFAULT
    }
}

macro_rules! whole_seconds {
    ($type:ident, $range:literal) => {
        impl TryFrom<u64> for $type {
            type Error = String;

            fn try_from(seconds: u64) -> Result<Self, String> {
                Self::from_secs(seconds).ok_or_else(|| format!("{seconds} s is not {}", $range))
            }
        }

        impl From<$type> for u64 {
            fn from(value: $type) -> u64 {
                value.as_secs()
            }
        }

        /// Humantime text without spaces, as it can be given back in a query: `2h30m`.
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&compact(self.as_secs()))
            }
        }
    };
}

whole_seconds!(Interval, "between 30 s and 365 d");
whole_seconds!(Grace, "between 0 and 365 d");

/// Days, hours, minutes and seconds without spaces: exact, and parsed back by [`parse_seconds`].
fn compact(mut seconds: u64) -> String {
    if seconds == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (size, unit) in [(86_400, 'd'), (3_600, 'h'), (60, 'm'), (1, 's')] {
        if seconds >= size {
            text.push_str(&(seconds / size).to_string());
            text.push(unit);
            seconds %= size;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_specifications_forms_are_read() {
        for (text, seconds) in
            [("5m", 300), ("1h", 3_600), ("2h30m", 9_000), ("30", 30), ("30s", 30), ("365d", YEAR_S), (" 90 ", 90)]
        {
            assert_eq!(Interval::parse(text).unwrap().as_secs(), seconds, "{text}");
        }
        assert_eq!(Grace::parse("0").unwrap(), Grace::ZERO);
    }

    #[test]
    fn what_is_out_of_range_or_nonsense_says_so() {
        for text in ["29", "29s", "0", "366d", "31536001", "99999999999999999999999"] {
            assert!(matches!(Interval::parse(text), Err(DurationError::IntervalRange(_))), "{text}");
        }
        for text in ["", "soon", "-5m", "5M", "1H", "5 parsecs", "1e3", "5m5", "\u{0}"] {
            assert!(matches!(Interval::parse(text), Err(DurationError::Nonsense(_))), "{text:?}");
        }
        assert!(matches!(Interval::parse("30500ms"), Err(DurationError::Fraction(_))));
        assert!(matches!(Grace::parse("366d"), Err(DurationError::GraceRange(_))));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_as_the_same(seconds in 30..=YEAR_S) {
            let interval = Interval::from_secs(seconds).unwrap();
            prop_assert_eq!(Interval::parse(&interval.to_string()), Ok(interval));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = Interval::parse(&text);
            let _ = Grace::parse(&text);
        }
    }
}
