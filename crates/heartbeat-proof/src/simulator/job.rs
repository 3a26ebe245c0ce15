//! Jobs: what pings. Each has a character.

use std::{sync::Arc, time::Duration};

use heartbeat_core::{
    Clock, Grace, Interval, MonitorId, Ping, Schedule, Signal, Timestamp,
    flow::{PingError, Recorded, Sender},
    ping::Body,
};

use super::{
    executor::{Chance, SimClock, crashing, within},
    faulty::Tally,
    journal::{Answer, Journal, Pinged},
    process::Process,
    runs::Runs,
    spell::Spells,
};

/// The API gives up on a ping's write after this, well inside the settle time even where clocks differ.
pub(super) const GIVE_UP: Duration = Duration::from_secs(2);

/// The settle time of the simulated world.
pub const SETTLE: Duration = Duration::from_millis(SETTLE_MS);
pub(super) const SETTLE_MS: u64 = 5_000;

/// How a job behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Character {
    /// Pings once an interval, sometimes late, sometimes not at all.
    Steady,
    /// Pings every second or so, for a while, with long silences between.
    Chatty,
    /// Pings at the very edge of its deadline.
    Borderline,
    /// Starts, fails, exits and logs.
    Messy,
    /// Two of it ping one monitor at the same time.
    Crowded,
    /// Pings until it dies.
    Dying,
    /// One of the above at random; people pause, edit and delete its monitor.
    Meddled,
}

impl Character {
    /// Whether the outages of its job follow from its pings alone.
    pub(super) fn is_plain(self) -> bool {
        match self {
            Self::Steady | Self::Chatty | Self::Borderline | Self::Dying => true,
            Self::Messy | Self::Meddled | Self::Crowded => false,
        }
    }

    /// Whether it pings once when it is expected, so that it may run by a cron line.
    pub(super) fn keeps_hours(self) -> bool {
        match self {
            Self::Steady | Self::Borderline | Self::Dying => true,
            Self::Chatty | Self::Messy | Self::Meddled | Self::Crowded => false,
        }
    }
}

/// A ping for a run comes no earlier than this before it.
pub(super) const EARLIEST: Duration = Duration::from_mins(5);
/// A job that runs by a cron line takes so long at least: no clock is so far off that its ping seems to come before its run.
const SHORTEST_RUN_MS: u64 = 2_000;
/// And it has so much grace at least.
pub(super) const CRON_GRACE_S: u64 = 20;

#[derive(Clone)]
pub(super) struct Job {
    pub(super) id: MonitorId,
    pub(super) character: Character,
    /// The time from one ping to the next, whatever says so.
    pub(super) interval: Interval,
    /// When it runs, if it runs by a cron line.
    pub(super) runs: Option<Runs>,
    pub(super) grace: Grace,
    /// Who receives its pings, except while nobody does.
    pub(super) api: Arc<Process>,
    pub(super) deaf: Arc<Spells>,
    pub(super) clock: SimClock,
    pub(super) chance: Chance,
    pub(super) journal: Arc<Journal>,
    /// Per mille of polls at which the API dies under a ping.
    pub(super) crashes: u64,
    /// When it dies, if it is one that does.
    pub(super) dies_at: Timestamp,
}

impl Job {
    /// Pings in character until `end`.
    pub(super) async fn run(self, end: Timestamp) {
        loop {
            self.clock.sleep(self.wait()).await;
            let now = self.clock.now();
            if now >= end || (self.character == Character::Dying && now >= self.dies_at) {
                return;
            }
            let signal = self.signal();
            self.ping(signal).await;
        }
    }

    /// By when the next ping is expected after one at `at`, which did not come early.
    pub(super) fn deadline_after(&self, at: Timestamp) -> Timestamp {
        let expected = match &self.runs {
            Some(runs) => runs.next_after(at),
            None => at.plus(self.interval.duration()),
        };
        expected.plus(self.grace.duration())
    }

    fn window_s(&self) -> u64 {
        self.interval.as_secs() + self.grace.as_secs()
    }

    /// One that runs by a cron line pings within its grace after a run, sometimes skips a few, sometimes pings at the very edge
    /// of its deadline. It never pings before a run: that its next is not the one to come is what the core's tests say.
    fn wait_for(&self, runs: &Runs) -> Duration {
        let (chance, now) = (&self.chance, self.clock.now());
        let (next, grace_ms) = (runs.next_after(now).since(now), self.grace.as_secs() * 1_000);
        if self.character == Character::Borderline {
            let race_ms = SETTLE_MS - 120 + chance.below(160);
            let edge_ms = grace_ms + if chance.happens(500) { race_ms } else { chance.below(7_000) };
            return next + Duration::from_millis(edge_ms);
        }
        let skipped = if chance.happens(30) { chance.between(1, 4) } else { 0 };
        let took = Duration::from_millis(chance.between(SHORTEST_RUN_MS, grace_ms));
        next + runs.period * u32::try_from(skipped).unwrap_or(0) + took
    }

    fn wait(&self) -> Duration {
        if let Some(runs) = &self.runs {
            return self.wait_for(runs);
        }
        let chance = &self.chance;
        let (interval, window) = (self.interval.as_secs(), self.window_s());
        // Half of them race the checker, which wakes when the settle time is over.
        let race_ms = window * 1_000 + SETTLE_MS - 120 + chance.below(160);
        let edge_ms = if chance.happens(500) { race_ms } else { window * 1_000 - 2_000 + chance.below(9_000) };
        let late = Duration::from_secs(chance.between(window, window * 4));
        match self.character {
            Character::Steady | Character::Messy | Character::Meddled if chance.happens(30) => late,
            Character::Chatty | Character::Crowded if chance.happens(4) => late,
            Character::Chatty => Duration::from_millis(chance.between(10, 4_000)),
            Character::Crowded if chance.happens(600) => Duration::from_millis(chance.below(100)),
            Character::Crowded => Duration::from_millis(chance.between(1, 60_000)),
            Character::Borderline => Duration::from_millis(edge_ms),
            Character::Steady | Character::Messy | Character::Meddled | Character::Dying => {
                Duration::from_millis(interval * 1_000 - chance.below(interval * 200))
            }
        }
    }

    fn signal(&self) -> Signal {
        let odd = matches!(self.character, Character::Messy | Character::Meddled | Character::Crowded);
        if !odd || self.chance.happens(600) {
            return Signal::Success;
        }
        match self.chance.below(5) {
            0 => Signal::Start,
            1 => Signal::Fail,
            2 => Signal::Log,
            3 => Signal::Exit(i64::try_from(self.chance.below(256)).unwrap_or(1)),
            _ => Signal::Exit(0),
        }
    }

    /// Sends one ping to the API, and writes down what the client saw.
    pub(super) async fn ping(&self, signal: Signal) {
        let (sent, at) = (self.clock.now(), self.api.now());
        let (answer, tally) = if self.deaf.at(sent) { (Answer::Lost, None) } else { self.send(signal, at).await };
        let (answered, requests) = (self.clock.now(), tally.as_ref().and_then(|tally| tally.requests()));
        let is_undisturbed = tally.is_some_and(|tally| tally.is_undisturbed());
        self.journal.pinged(&self.id, Pinged { at, sent, answered, signal, answer, requests, is_undisturbed });
    }

    /// Answers with what the client was answered, and what it took of the store.
    async fn send(&self, signal: Signal, at: Timestamp) -> (Answer, Option<Arc<Tally>>) {
        let ping = Ping {
            schedule: Some(self.schedule()),
            grace: Some(self.grace),
            body: Body::from_tail(&self.body()).0,
            ..Ping::bare(signal)
        };
        let (flow, tally) = self.api.tallied();
        let recorded = flow.record_ping(&self.id, ping, Sender::default(), at);
        let answered = crashing(within(&self.clock, GIVE_UP, recorded), &self.chance, self.crashes).await;
        let Some(answered) = answered else {
            self.journal.crashed("crash: API under a ping", self.clock.now());
            self.api.start_anew();
            return (Answer::Unsure, None);
        };
        (self.answer(answered.as_ref()), Some(tally))
    }

    fn schedule(&self) -> Schedule {
        self.runs.as_ref().and_then(Runs::schedule).unwrap_or(Schedule::Every(self.interval))
    }

    /// Comes back to life: at once, or after the run that is so near that a ping would be early.
    pub(super) async fn mend(&self) {
        let now = self.clock.now();
        if let Some(runs) = &self.runs {
            let (next, shortest) = (runs.next_after(now).since(now), Duration::from_millis(SHORTEST_RUN_MS));
            if next < EARLIEST.min(runs.period / 10) + shortest {
                self.clock.sleep(next + shortest).await;
            }
        }
        self.ping(Signal::Success).await;
    }

    /// What jobs print: sometimes no text at all.
    fn body(&self) -> Vec<u8> {
        let length = usize::try_from(self.chance.below(400)).unwrap_or(0);
        if self.chance.happens(100) {
            return (0..length).map(|_| u8::try_from(self.chance.below(256)).unwrap_or(0)).collect();
        }
        vec![b'x'; length]
    }

    fn answer(&self, answered: Option<&Result<Recorded, PingError>>) -> Answer {
        match answered {
            Some(Ok(_)) => Answer::Recorded,
            Some(Err(PingError::Deleted)) => Answer::Gone,
            Some(Err(_)) => Answer::Unsure,
            None => {
                self.journal.trouble("API gave up on a ping");
                Answer::Unsure
            }
        }
    }
}
