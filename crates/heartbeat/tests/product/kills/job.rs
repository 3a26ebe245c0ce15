//! Jobs that ping while the server is killed under them, and remember exactly what they were answered.

use heartbeat_core::{Clock, Timestamp, clock::SystemClock};
use rand::{Rng, rngs::StdRng};
use reqwest::Method;

use crate::caller::Caller;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Habit {
    /// It is always well.
    Steady,
    /// It fails, recovers, is well for a while, and fails again.
    Shaky,
    /// It pings once, with the shortest interval, and is never heard of again.
    Silent,
}

/// What a job said of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Well,
    Failed,
}

/// A ping, and what its sender knows of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) said: Said,
    pub(crate) at: Timestamp,
    /// When it was answered with 200 or 201; a ping without an answer may have been recorded, or not.
    pub(crate) answered_at: Option<Timestamp>,
}

/// A job.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) slug: String,
    pub(crate) habit: Habit,
    pub(crate) sent: Vec<Sent>,
}

/// Whether there is still somebody to ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Alive,
    Dead,
}

impl Job {
    pub(crate) fn new(habit: Habit, number: usize) -> Self {
        Self { slug: format!("{habit:?}-{number}").to_lowercase(), habit, sent: Vec::new() }
    }

    /// Pings once, as its habit is.
    pub(crate) async fn ping(&mut self, caller: &Caller, chance: &mut StdRng) -> Line {
        let (said, path) = match self.habit {
            Habit::Silent if !self.answered().is_empty() => return Line::Alive,
            Habit::Silent => (Said::Well, "?interval=30s&grace=0"),
            Habit::Steady => (Said::Well, "?interval=4m&grace=1h"),
            Habit::Shaky => match self.next(chance) {
                Said::Well => (Said::Well, "?interval=4m&grace=1h"),
                Said::Failed => (Said::Failed, "/fail?interval=4m&grace=1h"),
            },
        };
        let at = SystemClock.now();
        let answer = caller.try_ask(Method::POST, &format!("/heartbeat/{}{path}", self.slug)).await;
        let status = answer.as_ref().map(|answer| answer.status).unwrap_or_default();
        assert!(matches!(status, 0 | 200 | 201 | 503), "{} was answered {answer:?}", self.slug);
        let answered_at = matches!(status, 200 | 201).then(|| SystemClock.now());
        self.sent.push(Sent { said, at, answered_at });
        if answer.is_ok() { Line::Alive } else { Line::Dead }
    }

    /// The first is a failure; then it falls seldom and recovers soon. What was not answered is said again, as real
    /// jobs do.
    fn next(&self, chance: &mut StdRng) -> Said {
        match self.sent.last() {
            None => Said::Failed,
            Some(Sent { said, answered_at: None, .. }) => *said,
            Some(Sent { said: Said::Well, .. }) if chance.random_ratio(1, 6) => Said::Failed,
            Some(Sent { said: Said::Failed, .. }) if chance.random_ratio(1, 3) => Said::Failed,
            Some(_) => Said::Well,
        }
    }

    /// The pings that were answered.
    pub(crate) fn answered(&self) -> Vec<Sent> {
        self.sent.iter().copied().filter(|sent| sent.answered_at.is_some()).collect()
    }

    /// The answered pings that changed something, each with the moment from which its news can have been told: it may
    /// have been recorded when it was first sent, unanswered.
    pub(crate) fn turns(&self) -> Vec<Sent> {
        let mut turns: Vec<Sent> = Vec::new();
        let mut known = Said::Well;
        let mut first_sent = None;
        for sent in self.sent.iter().filter(|_| self.habit == Habit::Shaky) {
            if sent.said == known {
                continue;
            }
            let at = *first_sent.get_or_insert(sent.at);
            if sent.answered_at.is_some() {
                turns.push(Sent { at, ..*sent });
                known = sent.said;
                first_sent = None;
            }
        }
        turns
    }
}
