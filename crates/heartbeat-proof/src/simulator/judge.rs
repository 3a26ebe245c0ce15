//! The judge: a plain model of what must have been told, held against what was.
//!
//! It knows only what an onlooker saw: which pings were answered how, which messages reached people, and when no ping could
//! reach us. For jobs that nobody meddles with, the outages follow from the pings alone; for the others, the store's own
//! history is held against the pings and the messages.

mod glimpse;
mod operator;
mod ours;
mod prompt;
mod silence;
mod telling;

use std::{collections::BTreeMap, time::Duration};

use heartbeat_core::{
    Cause, MonitorId, Project, Store, Timestamp,
    channel::definition::{ChannelState, channel},
    flow::Settings,
    history::Happening,
    store::{Found, Stored},
};
use tokio::runtime::Runtime;

use self::ours::Gaps;
use super::{
    job::{Character, Job},
    journal::{Answer, Journal, Look, Pinged, Record, Told},
    plan::Plan,
    radio::Post,
    spell::Spells,
};

/// Within this time of an outage in calm weather, everybody has been told: checkers may oversleep by 5 min.
const PROMPT: Duration = Duration::from_mins(6);
/// Nothing that should be looked at may have waited longer than this at the end.
const UNATTENDED: Duration = Duration::from_mins(6);
/// So long a deleted monitor stays deleted.
const TOMBSTONE: Duration = Duration::from_hours(24);
/// More history than any monitor has.
const ALL_ROWS: usize = 1_000_000;

/// What the judge is shown.
pub(super) struct Evidence<'a> {
    pub(super) seed: u64,
    pub(super) plan: Plan,
    pub(super) settings: Settings,
    pub(super) jobs: &'a [Job],
    pub(super) posts: &'a [Post],
    pub(super) journal: &'a Journal,
    pub(super) store: &'a dyn Store,
    pub(super) runtime: &'a Runtime,
    /// When no ping reached us.
    pub(super) deaf: &'a Spells,
    /// When the store refused everything.
    pub(super) closed: &'a Spells,
    pub(super) now: Timestamp,
    pub(super) mended_at: Timestamp,
    pub(super) fair: bool,
    /// Whether the store takes no time of its own: then a request fails only where the world makes it fail.
    pub(super) is_instant: bool,
}

/// What became of a seed.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The seed.
    pub seed: u64,
    /// Every promise that was broken; empty is well.
    pub offences: Vec<String>,
    /// How many pings were sent.
    pub pings: usize,
    /// How many outages the store's history knows.
    pub outages: usize,
    /// How many outages followed from the pings alone, each told on every channel.
    pub certain_outages: usize,
    /// How many notifications reached people.
    pub told: usize,
    /// How often each kind of trouble was made.
    pub troubles: BTreeMap<&'static str, u64>,
    /// How often each promise was put to the test, by the rule that judges it.
    pub judged: BTreeMap<&'static str, u64>,
}

/// An incident, as history has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Opened {
    since: Timestamp,
    cause: Cause,
    unconfirmed: bool,
    /// When that was decided.
    at: Timestamp,
}

/// The incidents of one monitor.
#[derive(Default)]
struct History {
    opened: Vec<Opened>,
    /// When the incident of a moment ended.
    recovered: BTreeMap<Timestamp, Timestamp>,
    /// A person did not want to hear of it.
    muted: bool,
}

impl History {
    fn read(evidence: &Evidence<'_>, id: &MonitorId) -> Result<Self, String> {
        let rows = evidence.runtime.block_on(evidence.store.history(id, Timestamp::MAX, ALL_ROWS));
        let rows = rows.map_err(|error| format!("its history cannot be read: {error}"))?;
        let mut history = Self::default();
        for row in rows {
            match row.happening {
                Happening::Opened { since, cause, unconfirmed } => {
                    history.opened.push(Opened { since, cause, unconfirmed, at: row.at });
                }
                Happening::Recovered { since } => {
                    history.recovered.insert(since, row.at);
                }
                Happening::Paused { .. } | Happening::Deleted { .. } => history.muted = true,
                Happening::Ping(_)
                | Happening::Reminded { .. }
                | Happening::Resumed { .. }
                | Happening::Edited(_)
                | Happening::Delivery(_) => {}
            }
        }
        history.opened.sort_by_key(|opened| opened.since);
        Ok(history)
    }
}

/// The life of one monitor, from every side.
struct Case<'a> {
    job: &'a Job,
    evidence: &'a Evidence<'a>,
    /// When each post was disabled.
    disabled: &'a [Option<Timestamp>],
    /// Those that reached us.
    pings: Vec<Pinged>,
    /// When those were sent that did not.
    lost: Vec<Timestamp>,
    told: Vec<Told>,
    looks: Vec<Look>,
    history: History,
    record: &'a Record,
    gaps: &'a Gaps,
    deleted_at: Option<Timestamp>,
    found: Option<Found>,
    offences: Vec<String>,
    certain: usize,
    judged: BTreeMap<&'static str, u64>,
}

pub(super) fn judge(evidence: &Evidence<'_>) -> Verdict {
    let record = evidence.journal.record();
    let mut verdict = Verdict {
        seed: evidence.seed,
        offences: record.offences.clone(),
        pings: record.pings.values().map(Vec::len).sum(),
        outages: 0,
        certain_outages: 0,
        told: record.told.values().map(Vec::len).sum(),
        troubles: record.troubles.clone(),
        judged: BTreeMap::new(),
    };
    if record.slowest_answer > evidence.settings.settle {
        verdict.offences.push(format!("a ping was answered {:?} after its receipt", record.slowest_answer));
    }
    let disabled: Vec<_> = evidence.posts.iter().map(|post| evidence.disabled_at(post)).collect();
    let gaps = Gaps::of(&record, evidence.now);
    for job in evidence.jobs {
        let mut case = Case::open(job, evidence, &disabled, (&record, &gaps));
        case.judge();
        verdict.outages += case.history.opened.len();
        verdict.certain_outages += case.certain;
        verdict.offences.append(&mut case.offences);
        for (rule, count) in case.judged {
            *verdict.judged.entry(rule).or_default() += count;
        }
    }
    prompt::passes_end(&record, &mut verdict);
    operator::judge(evidence, &disabled, &record, &mut verdict);
    verdict
}

impl Evidence<'_> {
    /// When a post was disabled, because it refused.
    fn disabled_at(&self, post: &Post) -> Option<Timestamp> {
        let there = self.runtime.block_on(channel(self.store, &Project::default(), &post.name)).ok()?;
        match there.definition.state {
            ChannelState::Disabled { at, .. } => Some(at),
            ChannelState::Enabled | ChannelState::Removed { .. } => None,
        }
    }

    /// The longest that amnesty may postpone an alert for a silence from `from` to `to`.
    fn amnesty(&self, from: Timestamp, to: Timestamp) -> Duration {
        let (from, to) = (from.minus(NEAR), to.plus(NEAR));
        let deaf = self.deaf.time_in(from, to) + self.closed.time_in(from, to);
        match (deaf.is_zero(), self.fair) {
            (true, true) => PROOF,
            (true, false) => QUIET,
            (false, _) => deaf + POSTPONED,
        }
    }
}

/// An outage of ours matters to a silence so near.
const NEAR: Duration = Duration::from_mins(3);
/// Where nothing goes wrong, somebody proves within this time that pings are received.
const PROOF: Duration = Duration::from_mins(1);
/// Where processes crash and requests fail, it may seem for a moment that nobody could hear.
const QUIET: Duration = Duration::from_mins(15);
/// What a silence is given beyond the time in which it could not be heard: a hold, and what a job gets to be heard again.
const POSTPONED: Duration = Duration::from_mins(45);

impl<'a> Case<'a> {
    fn open(
        job: &'a Job,
        evidence: &'a Evidence<'a>,
        disabled: &'a [Option<Timestamp>],
        (record, gaps): (&'a Record, &'a Gaps),
    ) -> Self {
        let all = record.pings.get(&job.id).cloned().unwrap_or_default();
        let (lost, mut pings): (Vec<_>, Vec<_>) = all.into_iter().partition(|ping| ping.answer == Answer::Lost);
        pings.sort_by_key(|ping| ping.at);
        let (history, problem) = match History::read(evidence, &job.id) {
            Ok(history) => (history, None),
            Err(problem) => (History::default(), Some(problem)),
        };
        let mut case = Self {
            job,
            evidence,
            disabled,
            pings,
            lost: lost.into_iter().map(|ping| ping.sent).collect(),
            told: record.told.get(&job.id).cloned().unwrap_or_default(),
            looks: record.looks.get(&job.id).cloned().unwrap_or_default(),
            history,
            record,
            gaps,
            deleted_at: record.deleted.get(&job.id).copied(),
            found: None,
            offences: Vec::new(),
            certain: 0,
            judged: BTreeMap::new(),
        };
        if let Some(problem) = problem {
            case.offend(&problem);
        }
        match evidence.runtime.block_on(evidence.store.find(&job.id, evidence.now)) {
            Ok(found) => case.found = Some(found),
            Err(error) => case.offend(&format!("it cannot be read: {error}")),
        }
        case
    }

    fn offend(&mut self, text: &str) {
        self.offences.push(format!("{}: {text}", self.job.id));
    }

    fn offend_all(&mut self, texts: Vec<String>) {
        for text in texts {
            self.offend(&text);
        }
    }

    fn count(&mut self, rule: &'static str, times: usize) {
        *self.judged.entry(rule).or_default() += times as u64;
    }

    fn judge(&mut self) {
        if self.deleted_at.is_some() {
            self.no_zombie();
        } else {
            self.nothing_stuck();
            self.count_is_exact();
        }
        if self.job.character != Character::Meddled {
            self.no_false_alert();
            self.our_outage_is_not_theirs();
            self.unconfirmed_is_what_nobody_knew();
            self.no_outage_outlives_a_success();
        }
        if self.job.character == Character::Messy {
            self.failures_are_outages();
        }
        if self.job.character.is_plain() {
            self.no_outage_untold();
            self.one_write_an_ordinary_ping();
            self.no_ping_is_refused();
            self.what_is_shown_never_lags();
        }
        self.judge_tellings();
    }

    fn window(&self) -> Duration {
        self.job.interval.duration() + self.job.grace.duration()
    }

    fn no_zombie(&mut self) {
        let deleted_at = self.deleted_at.unwrap_or(Timestamp::MAX);
        let forgotten_at = deleted_at.plus(TOMBSTONE);
        if self.evidence.now < forgotten_at && !matches!(self.found, Some(Found::Deleted)) {
            self.offend("a deleted monitor has come back");
        }
        let too_early = |ping: &Pinged| ping.sent > deleted_at && ping.sent < forgotten_at.minus(NEAR);
        if self.pings.iter().any(|ping| too_early(ping) && ping.answer == Answer::Recorded) {
            self.offend("a ping after its deletion was recorded");
        }
    }

    fn stored(&self) -> Option<&Stored> {
        match &self.found {
            Some(Found::Monitor(stored)) => Some(stored),
            Some(Found::Deleted | Found::Nothing) | None => None,
        }
    }

    fn nothing_stuck(&mut self) {
        let Some(stored) = self.stored() else {
            return self.offend("it is gone");
        };
        let stuck = self.evidence.stuck(stored);
        self.offend_all(stuck);
    }

    fn count_is_exact(&mut self) {
        let Some(count) = self.stored().map(|stored| stored.monitor.ping_count) else { return };
        let of = |answer| self.pings.iter().filter(|ping| ping.answer == answer).count() as u64;
        let (least, most) = (of(Answer::Recorded), of(Answer::Recorded) + of(Answer::Unsure));
        if !(least..=most).contains(&count) {
            self.offend(&format!("it counts {count} pings, not {least} to {most}"));
        }
        let newest = self.pings.iter().rfind(|ping| ping.answer == Answer::Recorded).map(|ping| ping.at);
        if self.stored().is_some_and(|stored| stored.monitor.last_ping_at < newest) {
            self.offend("an answered ping is lost");
        }
        self.count("P1: answered pings are in the count, the newest is the last", usize::try_from(least).unwrap_or(0));
    }
}

impl Evidence<'_> {
    /// What is not as it must be with a monitor at the end of all trouble.
    fn stuck(&self, stored: &Stored) -> Vec<String> {
        let mut stuck = Vec::new();
        let outbox = &stored.monitor.outbox;
        if !outbox.is_idle() {
            stuck.push(format!("something is stuck in its outbox: {outbox:?}"));
        }
        let is_a_day = self.plan.storm >= Duration::from_hours(24);
        if !is_a_day && outbox.lanes.values().any(|lane| lane.gave_up.is_some()) {
            stuck.push("something was given up within a day".to_owned());
        }
        if stored.wake_at.is_some_and(|at| self.now.since(at) > UNATTENDED) {
            stuck.push("nobody looks at it".to_owned());
        }
        stuck
    }
}
