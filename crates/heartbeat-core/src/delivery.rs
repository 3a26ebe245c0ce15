//! The policy of delivery, as data: what an attempt comes to, when to try again, when to give up, and how many monitors
//! go into one message.

use std::{ops::Range, time::Duration};

use crate::time::Timestamp;

/// Waits before the second and each further attempt; the last repeats.
/// DESIGN, "Delivery": 5 s, 15 s, 1 min, 5 min, 15 min, then every 15 min.
const WAITS_S: [u64; 5] = [5, 15, 60, 300, 900];
/// How long an entry is tried for since its last news, before it is given up for everybody to see.
pub const GIVE_UP_AFTER: Duration = Duration::from_hours(24);
/// Nothing waits longer than this for its next attempt.
pub const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// A channel's own wish to wait is obeyed within these bounds.
const WISH: Range<Duration> = Duration::from_secs(1)..LONGEST_WAIT;
/// How long a claimed entry belongs to the one who claimed it.
pub const LEASE: Duration = Duration::from_mins(1);
/// Up to this many monitors get a message each.
pub const OWN_MESSAGES: usize = 3;
/// Up to this many are named in one list; of more, the first [`NAMED_OF_MANY`].
pub const LISTED: usize = 40;
/// How many are named when there are more than [`LISTED`].
pub const NAMED_OF_MANY: usize = 30;
/// The most characters kept of a channel's reason.
const MAX_REASON: usize = 120;

/// Why an attempt failed, in a channel's words: short, free of secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    text: String,
    status: Option<u16>,
}

impl Reason {
    /// A reason, cut to a bounded length.
    pub fn new(text: &str) -> Self {
        Self { text: text.chars().take(MAX_REASON).collect(), status: None }
    }

    /// The same, with the number that the other side answered: an HTTP status, an SMTP reply code.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the other side answered, as a number, if it did.
    pub fn status(&self) -> Option<u16> {
        self.status
    }
}

/// What one attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The channel has taken it.
    Delivered,
    /// Not now: a time-out, a full queue, a server error.
    TryAgain {
        /// How long the channel asked us to wait.
        after: Option<Duration>,
        /// Why.
        reason: Reason,
    },
    /// Not until a person mends something: a blocked bot, a deleted chat, a webhook that is gone. A channel of a project is
    /// disabled for it, visibly; what the installation itself is set up with is tried again at the slowest pace.
    Refused {
        /// Why.
        reason: Reason,
    },
}

/// A random fraction in `0..=1000` thousandths, so that the policy stays pure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter(u16);

impl Jitter {
    /// No jitter.
    pub const NONE: Self = Self(0);

    /// From any random number.
    pub const fn from_random(random: u64) -> Self {
        Self((random % 1_001) as u16)
    }
}

/// What becomes of an entry after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Done,
    /// Try again at this instant.
    Retry {
        /// When.
        at: Timestamp,
        /// Why it failed.
        reason: Reason,
    },
    /// It is given up, visibly.
    GiveUp {
        /// Why it failed last.
        reason: Reason,
    },
}

/// What becomes of an entry with news from `news_at`, after its `attempts`-th attempt (from 1) came to `outcome`.
pub fn judge(outcome: &Outcome, attempts: u32, news_at: Timestamp, now: Timestamp, jitter: Jitter) -> Verdict {
    let (wait, reason) = match outcome {
        Outcome::Delivered => return Verdict::Done,
        Outcome::TryAgain { after: Some(wish), reason } => ((*wish).clamp(WISH.start, WISH.end), reason),
        Outcome::TryAgain { after: None, reason } => (wait_after(attempts, jitter), reason),
        Outcome::Refused { reason } => (wait_after(u32::MAX, jitter), reason),
    };
    if now.since(news_at) >= GIVE_UP_AFTER {
        return Verdict::GiveUp { reason: reason.clone() };
    }
    Verdict::Retry { at: now.plus(wait), reason: reason.clone() }
}

/// The wait after the `attempts`-th failure: from the schedule, up to a tenth longer, so that entries spread out.
fn wait_after(attempts: u32, jitter: Jitter) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX).min(WAITS_S.len() - 1);
    let seconds = WAITS_S.get(index).copied().unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_millis(seconds * u64::from(jitter.0) / 10)
}

/// How `count` notices for one channel in one pass are divided into messages: the ranges that each go into one.
pub fn messages(count: usize) -> Vec<Range<usize>> {
    if count <= OWN_MESSAGES { (0..count).map(|i| i..i + 1).collect() } else { std::iter::once(0..count).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn failed() -> Outcome {
        Outcome::TryAgain { after: None, reason: Reason::new("time-out") }
    }

    fn wait(outcome: &Outcome, attempts: u32, jitter: Jitter) -> Duration {
        match judge(outcome, attempts, NOW, NOW, jitter) {
            Verdict::Retry { at, .. } => at.since(NOW),
            verdict @ (Verdict::Done | Verdict::GiveUp { .. }) => panic!("expected a retry, not {verdict:?}"),
        }
    }

    #[test]
    fn the_waits_grow_as_designed_and_the_last_repeats() {
        for (attempt, seconds) in [(1, 5), (2, 15), (3, 60), (4, 300), (5, 900), (6, 900), (1_000, 900)] {
            assert_eq!(wait(&failed(), attempt, Jitter::NONE), Duration::from_secs(seconds), "attempt {attempt}");
        }
    }

    #[test]
    fn jitter_only_lengthens_by_a_tenth_at_most() {
        assert_eq!(wait(&failed(), 5, Jitter::from_random(1_000)), Duration::from_secs(990));
    }

    #[test]
    fn a_channels_wish_is_obeyed_within_bounds() {
        for (wish_s, wait_s) in [(35, 35), (0, 1), (999_999, 3_600)] {
            let wished = Outcome::TryAgain { after: Some(Duration::from_secs(wish_s)), reason: Reason::new("429") };
            assert_eq!(wait(&wished, 1, Jitter::NONE), Duration::from_secs(wait_s));
        }
    }

    #[test]
    fn a_refusal_goes_straight_to_the_slowest_pace() {
        assert_eq!(wait(&Outcome::Refused { reason: Reason::new("403") }, 1, Jitter::NONE), Duration::from_mins(15));
    }

    #[test]
    fn after_a_day_without_news_it_is_given_up_and_not_a_moment_before() {
        let at = |age| judge(&failed(), 99, NOW, NOW.plus(age), Jitter::NONE);
        assert!(matches!(at(GIVE_UP_AFTER), Verdict::GiveUp { .. }));
        assert!(matches!(at(GIVE_UP_AFTER.checked_sub(Duration::from_secs(1)).unwrap()), Verdict::Retry { .. }));
        assert_eq!(judge(&Outcome::Delivered, 99, NOW, NOW.plus(GIVE_UP_AFTER), Jitter::NONE), Verdict::Done);
    }

    #[test]
    fn three_get_their_own_message_and_four_share_one() {
        assert_eq!(messages(0), []);
        assert_eq!(messages(3), [0..1, 1..2, 2..3]);
        assert_eq!(messages(4), vec![Range { start: 0, end: 4 }]);
        assert_eq!(messages(500), vec![Range { start: 0, end: 500 }]);
    }
}
