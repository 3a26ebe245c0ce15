//! Outages of ours: times in which pings could not be heard. Nobody is declared dead for them (promise P4): deadlines that
//! such a time has touched move, what is silent meanwhile is held, and every hold is bounded, so that amnesty is no way for
//! an alert to get lost. What goes out after a hold is told as what it is: unconfirmed.
//!
//! The rules are DESIGN's ("Outage amnesty"); where they leave a choice, `docs/decisions.md` says why it was made so.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    incident::Cause,
    monitor::{Monitor, Status},
    time::Timestamp,
};

/// Evidence older than this is suspicious.
pub const STALE: Duration = Duration::from_mins(1);
/// How long silence is held while nobody can be heard, unless the installation says otherwise.
pub const HOLD: Duration = Duration::from_mins(15);
/// More monitors than this that fall silent in one pass are a crowd, if they are also more than one in [`CROWD_SHARE`] of
/// those that are active.
pub const CROWD: usize = 20;
/// See [`CROWD`].
pub const CROWD_SHARE: usize = 5;
/// What a job gets beyond the time in which it could not be heard: an interval, and no more than this.
const LONGEST_EXTRA: Duration = Duration::from_mins(10);
/// What a job with a long interval gets from the end of an outage in which it was expected: its grace, and no less than this.
const LEAST_GRACE: Duration = Duration::from_mins(15);
/// From here on an interval is long: its job pings once, and not again soon.
const LONG: Duration = Duration::from_hours(1);
/// A ping may come this much before it is expected (DESIGN, "cron": min(grace, period / 10, 5 min)).
pub const EARLY: Duration = Duration::from_mins(5);
/// How much more than the longest outage all outages together may move a deadline: a crash loop postpones no alert for ever.
const CAP: Duration = Duration::from_mins(15);
/// How often what is held is looked at: no postponement after an outage is shorter than the shortest interval.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How often it is looked whether an unconfirmed incident can be confirmed.
pub(crate) const CONFIRM: Duration = Duration::from_mins(5);
/// The most outages that are remembered.
const REMEMBERED: usize = 16;

/// Why we think that we could not hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Whoever was to prove that pings can be heard did not.
    NoEvidence,
    /// Too many monitors fell silent at once.
    Crowd,
    /// Nobody was running.
    Downtime,
}

/// How an outage ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// We could hear again, at this moment.
    Heard(Timestamp),
    /// We do not know whether it was one: its hold ran out, at this moment.
    Unknown(Timestamp),
}

/// A time in which pings could not be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Since when: the last moment that we know to have heard something.
    pub from: Timestamp,
    /// How it ended; `None` = it is still going on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// Until when silence is held while it goes on.
    pub held_until: Timestamp,
    /// Why we think so.
    pub why: Why,
}

impl Window {
    /// Whether it is still going on.
    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// Until when it takes silence out of account at `now`; `None` = it does not: its hold has run out.
    fn until(&self, now: Timestamp) -> Option<Timestamp> {
        match self.ended {
            Some(Ended::Heard(at)) => Some(at),
            Some(Ended::Unknown(_)) => None,
            None => (now < self.held_until).then_some(now),
        }
    }

    /// Whether a deadline at `due` was missed while we do not know whether we could hear.
    fn leaves_unknown(&self, due: Timestamp) -> bool {
        self.from < due
            && match self.ended {
                None => true,
                Some(Ended::Unknown(at)) => due <= at,
                Some(Ended::Heard(_)) => false,
            }
    }
}

/// All outages that still matter, and the last moment that we know to have heard something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outages {
    windows: Option<Arc<[Window]>>,
    heard_at: Option<Timestamp>,
    unknown_until: Option<Timestamp>,
    /// What the installation says instead of [`HOLD`].
    hold: Option<Duration>,
    /// Whether nobody could be asked what has become of it since.
    is_stale: bool,
}

/// A silence, and what it was to end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Since when the job was awaited.
    pub began: Timestamp,
    /// By when it must have been heard.
    pub due: Timestamp,
    /// How often it is heard.
    pub interval: Duration,
    /// How much later than expected it may come.
    pub grace: Duration,
    /// What its silence is called.
    pub cause: Cause,
}

/// What outages make of a silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// From when on, the settle time besides, it may be called an outage of the job.
    pub at: Timestamp,
    /// Whether we know that we would have heard it.
    pub confirmed: bool,
}

impl Outages {
    /// These windows, in any order; of too many, the longest and the newest.
    pub fn of(windows: &[Window]) -> Self {
        Self::default().with_windows(windows)
    }

    /// The same, with these windows instead.
    #[must_use]
    pub fn with_windows(self, windows: &[Window]) -> Self {
        let mut windows = windows.to_vec();
        windows.sort_by_key(|window| window.from);
        while windows.len() > REMEMBERED {
            forget_one(&mut windows);
        }
        Self { windows: (!windows.is_empty()).then(|| windows.into()), ..self }
    }

    /// The same, where the newest evidence is of `heard_at`; `None` = there never was any, and nothing is suspicious.
    #[must_use]
    pub fn heard_at(self, heard_at: Option<Timestamp>) -> Self {
        Self { heard_at, ..self }
    }

    /// The same, where silence is held for `hold` and not for [`HOLD`].
    #[must_use]
    pub fn held_for(self, hold: Duration) -> Self {
        Self { hold: Some(hold), ..self }
    }

    /// The same, of who has not learnt yet whether there are outages: until then all silence is held, and what goes out
    /// afterwards is unconfirmed.
    #[must_use]
    pub fn unknown_until(self, at: Timestamp) -> Self {
        Self { unknown_until: Some(at), ..self }
    }

    /// The same, of who could not ask what others know by now: what was to end after the last evidence that is known of may be
    /// an outage of ours that others have written down. It is held, for as long as any, and then unconfirmed.
    #[must_use]
    pub fn stale(self) -> Self {
        Self { is_stale: true, ..self }
    }

    /// The windows, the oldest first.
    pub fn windows(&self) -> &[Window] {
        self.windows.as_deref().unwrap_or_default()
    }

    /// The one that is still going on.
    pub fn open(&self) -> Option<&Window> {
        self.windows().iter().rfind(|window| window.is_open())
    }

    /// Whether there may be one now: one is going on, or it could not be asked whether one is.
    pub(crate) fn may_be_going_on(&self) -> bool {
        self.open().is_some() || self.is_stale || self.unknown_until.is_some()
    }

    /// What they make of `wait` at `now`.
    pub fn judge(&self, wait: &Wait, now: Timestamp) -> Judged {
        let is_unknown = self.windows().iter().any(|window| window.leaves_unknown(wait.due));
        let at = self.postponed(wait, now);
        let is_unasked = self.is_stale && self.heard_at.is_some_and(|heard_at| heard_at < wait.due);
        let is_held = self.unknown_until.is_some_and(|until| now < until)
            || self.is_unproven(wait.due, now)
            || is_unasked && now < wait.due.plus(self.hold());
        let confirmed = !is_unknown && !is_unasked && self.unknown_until.is_none();
        Judged { at: if is_held { at.max(now) } else { at }, confirmed }
    }

    /// Whether nobody has proved yet that pings are received since `due`: soon there is proof, or an outage of ours.
    fn is_unproven(&self, due: Timestamp, now: Timestamp) -> bool {
        let at_the_latest = |heard_at: Timestamp| heard_at.plus(STALE).plus(self.hold());
        self.heard_at.is_some_and(|at| at < due && now < at_the_latest(at)) && self.open().is_none()
    }

    fn hold(&self) -> Duration {
        self.hold.unwrap_or(HOLD)
    }

    fn postponed(&self, wait: &Wait, now: Timestamp) -> Timestamp {
        wait.postponed_by(self.windows().iter(), now)
    }

    /// When somebody must look at `wait` again, which is held at `now`, and may be called an outage at `judged`. What those
    /// that are over have moved it to stands, however the one that goes on ends.
    pub(crate) fn look_again(&self, wait: &Wait, judged: Timestamp, settle: Duration, now: Timestamp) -> Timestamp {
        let Some(window) = self.open().filter(|window| now < window.held_until) else { return judged.plus(settle) };
        let by_the_others = wait.postponed_by(self.windows().iter().filter(|window| !window.is_open()), now);
        now.plus(LOOK_AGAIN).min(window.held_until).max(by_the_others.plus(settle))
    }
}

impl Wait {
    /// When its silence may be called an outage of the job after these of ours. Another one never makes it earlier.
    fn postponed_by<'a>(&self, windows: impl Iterator<Item = &'a Window>, now: Timestamp) -> Timestamp {
        let deaf = windows.filter_map(|window| Some((window.from, window.until(now)?)));
        let deaf = deaf.filter(|(_, end)| *end > self.began);
        if self.interval > LONG { self.expected_in(deaf) } else { self.stopped_during(deaf) }
    }

    /// For a job that pings often: the clock stands still while it cannot be heard, and it gets time to be heard again. A time
    /// that two outages name counts once: while one ends, another process may still write down a second one of the same time.
    fn stopped_during(&self, deaf: impl Iterator<Item = (Timestamp, Timestamp)>) -> Timestamp {
        let extra = self.interval.min(LONGEST_EXTRA);
        let (mut due, mut longest, mut counted) = (self.due, Duration::ZERO, self.began);
        for (from, end) in deaf {
            let from = from.max(counted);
            if from >= due || end <= from {
                continue;
            }
            counted = end;
            if longest.is_zero() {
                due = due.plus(extra);
            }
            let overlap = end.since(from);
            due = due.plus(overlap);
            longest = longest.max(overlap);
        }
        due.min(self.due.plus(longest).plus(CAP))
    }

    /// For a job that pings once and not again soon: what matters is whether it could be heard when it was expected.
    fn expected_in(&self, deaf: impl Iterator<Item = (Timestamp, Timestamp)>) -> Timestamp {
        let early = self.due.minus(self.grace).minus(EARLY.min(self.interval / 10));
        let touched = deaf.filter(|(from, end)| *from < self.due && *end > early);
        touched.map(|(_, end)| end.plus(self.grace.max(LEAST_GRACE))).fold(self.due, Timestamp::max)
    }
}

/// Of closed windows, the shortest of the older half.
fn forget_one(windows: &mut Vec<Window>) {
    let length = |window: &Window| match window.ended {
        Some(Ended::Heard(at) | Ended::Unknown(at)) => at.since(window.from),
        None => Duration::MAX,
    };
    let older = windows.iter().enumerate().take(REMEMBERED / 2);
    let shortest = older.min_by_key(|(_, window)| length(window)).map_or(0, |(index, _)| index);
    windows.remove(shortest);
}

impl Monitor {
    /// The silences that are awaited to end, the earliest deadline first.
    pub(crate) fn waits(&self) -> Vec<Wait> {
        let Status::Ok { due_at, .. } = self.status else { return Vec::new() };
        let awaited = self.schedule.awaited(due_at, self.grace);
        // Whoever was heard since is awaited since then: what we did not hear before that is made good.
        let began = self.last_ping_at.map_or(awaited.from, |heard| awaited.from.max(heard));
        let (interval, grace) = (awaited.period, self.grace.duration());
        let missed = Wait { began, due: due_at, interval, grace, cause: Cause::Missed };
        let limited =
            self.runs.iter().filter_map(|run| Some((run.started_at, run.due_at.filter(|due| *due < due_at)?)));
        let overran = limited.map(|(began, due)| {
            let interval = due.since(began);
            Wait { began, due, interval, grace: Duration::ZERO, cause: Cause::Overran }
        });
        let mut waits: Vec<Wait> = overran.chain([missed]).collect();
        waits.sort_by_key(|wait| wait.due);
        waits
    }
}

#[cfg(test)]
mod tests;
