//! Whether the clock is to be believed. What is deleted is gone, so a clock that is far ahead, or far behind, must not
//! decide what is old.
//!
//! The rule: a sweep that comes more than a day before or after the last one that was believed (at first: the newest
//! instant that the file knew of when it was opened) is in doubt. Doubt ends when sweeps have seen the clock go on for an
//! hour, with no step back and none of more than a day. So a machine that was off for a week forgets an hour later than it
//! could, and a clock that is set right within the hour has cost nothing. What the rule cannot tell is a clock that stays
//! wrong, or one that was wrong long enough to be written down before the store was opened.

use std::time::Duration;

use heartbeat_core::Timestamp;

/// Who is further away than this is in doubt.
pub(crate) const FAR: Duration = Duration::from_hours(24);
/// For how long a clock in doubt must go on steadily.
const STEADY: Duration = Duration::from_hours(1);

/// What sweeps have seen of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Steady {
    /// Nothing: the store was empty.
    Unseen,
    /// It was believed at this instant.
    Believed(Timestamp),
    /// It was far from `believed` at `since`, and went on until `last`.
    InDoubt {
        /// The last instant that was believed.
        believed: Timestamp,
        /// When doubt began.
        since: Timestamp,
        /// The last instant seen.
        last: Timestamp,
    },
}

impl Steady {
    /// A clock that was at `newest` when the store was last written.
    pub(crate) fn since(newest: Option<Timestamp>) -> Self {
        newest.map_or(Self::Unseen, Self::Believed)
    }

    /// Looks at the clock, and says whether what is old at `now` may go.
    pub(crate) fn admits(&mut self, now: Timestamp) -> bool {
        let next = self.after(now);
        match (*self, next) {
            (Self::Unseen | Self::Believed(_), Self::InDoubt { believed, .. }) => tracing::warn!(
                now = %now.to_rfc3339_seconds(),
                last = %believed.to_rfc3339_seconds(),
                "the clock is more than a day from where it was: nothing is forgotten until it has been steady for an hour"
            ),
            (Self::InDoubt { .. }, Self::Believed(_)) => tracing::info!("the clock is believed again"),
            (Self::Unseen | Self::Believed(_), Self::Unseen | Self::Believed(_))
            | (Self::InDoubt { .. }, Self::Unseen | Self::InDoubt { .. }) => {}
        }
        *self = next;
        matches!(next, Self::Believed(_))
    }

    fn after(self, now: Timestamp) -> Self {
        match self {
            Self::Unseen => Self::Believed(now),
            Self::Believed(believed) | Self::InDoubt { believed, .. } if apart(believed, now) <= FAR => {
                Self::Believed(now)
            }
            Self::Believed(believed) => Self::InDoubt { believed, since: now, last: now },
            Self::InDoubt { believed, last, .. } if now < last || apart(last, now) > FAR => {
                Self::InDoubt { believed, since: now, last: now }
            }
            Self::InDoubt { since, .. } if now.since(since) >= STEADY => Self::Believed(now),
            Self::InDoubt { believed, since, .. } => Self::InDoubt { believed, since, last: now },
        }
    }
}

fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.since(other).max(other.since(one))
}

#[cfg(test)]
mod tests {
    use super::{Duration, FAR, STEADY, Steady, Timestamp};

    const NOW: Timestamp = Timestamp::from_secs(1_795_402_800);
    const MINUTE: Duration = Duration::from_mins(1);

    /// How many sweeps, one a minute, are refused before one is admitted.
    fn refused(steady: &mut Steady, from: Timestamp) -> usize {
        (0..100).map(|minute| from.plus(MINUTE * minute)).take_while(|&now| !steady.admits(now)).count()
    }

    #[test]
    fn an_empty_store_and_a_day_without_sweeps_raise_no_doubt() {
        assert_eq!(refused(&mut Steady::since(None), NOW), 0);
        let mut steady = Steady::since(Some(NOW));
        assert_eq!(refused(&mut steady, NOW.plus(FAR)), 0);
        assert_eq!(refused(&mut steady, NOW), 0, "a day back");
    }

    #[test]
    fn a_clock_that_is_far_away_is_believed_when_it_has_been_steady_for_an_hour() {
        for far in [NOW.plus(FAR * 7), NOW.minus(FAR * 7)] {
            assert_eq!(refused(&mut Steady::since(Some(NOW)), far), 60);
        }
    }

    #[test]
    fn a_clock_that_is_set_right_is_believed_at_once() {
        let mut steady = Steady::since(Some(NOW));
        assert!(!steady.admits(NOW.plus(FAR * 365)));
        assert!(steady.admits(NOW.plus(MINUTE)));
    }

    #[test]
    fn every_jump_begins_the_hour_anew() {
        let mut steady = Steady::since(Some(NOW));
        assert!(!steady.admits(NOW.plus(FAR * 9)));
        assert!(!steady.admits(NOW.plus(FAR * 7)), "back");
        assert!(!steady.admits(NOW.plus(FAR * 20)), "ahead");
        assert!(steady.admits(NOW.plus(FAR * 20).plus(STEADY)));
    }
}
