//! The judge: a plain model of what must have been told, held against what was.
//!
//! It knows only what an onlooker saw: which pings were answered how, and which messages reached people. For jobs that
//! nobody meddles with, the outages follow from the pings alone; for the others, the store's own history is held against
//! the pings and the messages.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use heartbeat_core::{
    Cause, Channel, ChannelName, MonitorId, NoticeKind, Store, Timestamp,
    flow::Settings,
    history::Happening,
    ping::Verdict as Sign,
    store::{Found, Stored},
};
use tokio::runtime::Runtime;

use super::{
    job::{Character, Job},
    journal::{Answer, Journal, Pinged, Record, Told},
};

/// Within this time of an outage in calm weather, everybody has been told: checkers may oversleep by 5 min.
const PROMPT: Duration = Duration::from_mins(6);
/// Nothing that should be looked at may have waited longer than this at the end.
const UNATTENDED: Duration = Duration::from_mins(6);
/// More history than any monitor has.
const ALL_ROWS: usize = 1_000_000;

/// What the judge is shown.
pub(super) struct Evidence<'a> {
    pub(super) seed: u64,
    pub(super) settings: Settings,
    pub(super) jobs: &'a [Job],
    pub(super) channels: &'a [Arc<dyn Channel>],
    pub(super) journal: &'a Journal,
    pub(super) store: &'a dyn Store,
    pub(super) runtime: &'a Runtime,
    pub(super) now: Timestamp,
    pub(super) mended_at: Timestamp,
    pub(super) fair: bool,
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
}

/// The life of one monitor, from every side.
struct Case<'a> {
    job: &'a Job,
    evidence: &'a Evidence<'a>,
    pings: Vec<Pinged>,
    told: Vec<Told>,
    opened: Vec<(Timestamp, Cause)>,
    recovered: Vec<(Timestamp, Timestamp)>,
    muted: bool,
    deleted_at: Option<Timestamp>,
    found: Option<Found>,
    offences: Vec<String>,
    certain: usize,
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
    };
    if record.slowest_answer > evidence.settings.settle {
        verdict.offences.push(format!("a ping was answered {:?} after its receipt", record.slowest_answer));
    }
    for job in evidence.jobs {
        let mut case = Case::open(job, evidence, &record);
        case.judge();
        verdict.outages += case.opened.len();
        verdict.certain_outages += case.certain;
        verdict.offences.append(&mut case.offences);
    }
    verdict
}

impl<'a> Case<'a> {
    fn open(job: &'a Job, evidence: &'a Evidence<'a>, record: &Record) -> Self {
        let mut pings = record.pings.get(&job.id).cloned().unwrap_or_default();
        pings.sort_by_key(|ping| ping.at);
        let mut case = Self {
            job,
            evidence,
            pings,
            told: record.told.get(&job.id).cloned().unwrap_or_default(),
            opened: Vec::new(),
            recovered: Vec::new(),
            muted: false,
            deleted_at: record.deleted.get(&job.id).copied(),
            found: None,
            offences: Vec::new(),
            certain: 0,
        };
        case.read_store(&job.id);
        case
    }

    fn read_store(&mut self, id: &MonitorId) {
        let (store, now) = (self.evidence.store, self.evidence.now);
        let rows = self.evidence.runtime.block_on(store.history(id, Timestamp::MAX, ALL_ROWS));
        match rows {
            Ok(rows) => rows.iter().for_each(|row| match &row.happening {
                Happening::Opened { since, cause } => self.opened.push((*since, *cause)),
                Happening::Recovered { since } => self.recovered.push((*since, row.at)),
                Happening::Paused | Happening::Deleted => self.muted = true,
                Happening::Ping(_) | Happening::Reminded { .. } | Happening::Resumed | Happening::Delivery(_) => {}
            }),
            Err(error) => self.offend(&format!("its history cannot be read: {error}")),
        }
        match self.evidence.runtime.block_on(store.find(id, now)) {
            Ok(found) => self.found = Some(found),
            Err(error) => self.offend(&format!("it cannot be read: {error}")),
        }
    }

    fn offend(&mut self, text: &str) {
        self.offences.push(format!("{}: {text}", self.job.id));
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
            self.no_outage_outlives_a_success();
        }
        if self.job.character == Character::Messy {
            self.failures_are_outages();
        }
        if self.is_plain() {
            self.no_outage_untold();
        }
        for channel in self.evidence.channels {
            self.order_is_kept(channel.name());
            self.nothing_without_an_outage(channel.name());
            self.all_is_told(channel.name());
            self.nothing_twice_in_fair_weather(channel.name());
        }
    }

    /// Whether its outages follow from its pings alone.
    fn is_plain(&self) -> bool {
        match self.job.character {
            Character::Steady | Character::Chatty | Character::Borderline | Character::Dying => true,
            Character::Messy | Character::Meddled | Character::Crowded => false,
        }
    }

    fn window(&self) -> Duration {
        self.job.interval.duration() + self.job.grace.duration()
    }

    fn told_on<'b>(&'b self, channel: &'b ChannelName) -> impl Iterator<Item = &'b Told> {
        self.told.iter().filter(move |told| told.channel == *channel)
    }

    fn no_zombie(&mut self) {
        if !matches!(self.found, Some(Found::Deleted)) {
            self.offend("a deleted monitor has come back");
        }
        let deleted_at = self.deleted_at.unwrap_or(Timestamp::MAX);
        if self.pings.iter().any(|ping| ping.at > deleted_at && ping.answer == Answer::Recorded) {
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
        let now = self.evidence.now;
        let Some(stored) = self.stored() else {
            return self.offend("it is gone");
        };
        let outbox = stored.monitor.outbox.clone();
        let late = stored.wake_at.is_some_and(|at| now.since(at) > UNATTENDED);
        if !outbox.is_idle() {
            self.offend(&format!("something is stuck in its outbox: {outbox:?}"));
        }
        if outbox.lanes.values().any(|lane| lane.gave_up.is_some()) {
            self.offend("something was given up within a day");
        }
        if late {
            self.offend("nobody looks at it");
        }
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
    }

    /// An outage by silence, dated `deadline`, is false if an answered success was received before, and less than a
    /// window ago.
    fn no_false_alert(&mut self) {
        let window = self.window();
        let opened = self.opened.clone();
        for (deadline, _) in opened.into_iter().filter(|(_, cause)| *cause == Cause::Missed) {
            let kept = |ping: &&Pinged| {
                let well = ping.signal.verdict() == Sign::Well && ping.answer == Answer::Recorded;
                well && ping.at <= deadline && ping.at.plus(window) > deadline
            };
            if let Some(ping) = self.pings.iter().find(kept) {
                let at = ping.at;
                self.offend(&format!("FALSE ALERT: due {deadline}, but a ping of {at} was answered"));
            }
            if !self.pings.iter().any(|ping| ping.at.plus(window) == deadline) {
                self.offend(&format!("the deadline {deadline} follows from no ping"));
            }
        }
    }

    /// An answered success ends an outage that had begun before it, unless a failure that was received after it, while it
    /// was on its way, was stored before it: then that is how the job is.
    fn no_outage_outlives_a_success(&mut self) {
        let on_its_way = self.evidence.settings.settle;
        let open_at = |at: Timestamp| {
            self.opened.iter().any(|(since, _)| {
                let ended = self.recovered.iter().any(|(of, end)| of == since && *end <= at.plus(on_its_way));
                *since < at && !ended
            })
        };
        let is_well = |ping: &&Pinged| ping.signal.verdict() == Sign::Well && ping.answer == Answer::Recorded;
        let is_contradicted = |at: Timestamp| {
            let meanwhile = |other: &Pinged| other.at > at && other.at < at.plus(on_its_way);
            self.pings.iter().any(|other| meanwhile(other) && matches!(other.signal.verdict(), Sign::Failed(_)))
        };
        let outlived = |ping: &&Pinged| open_at(ping.at) && !is_contradicted(ping.at);
        if let Some(ping) = self.pings.iter().filter(is_well).find(outlived) {
            let at = ping.at;
            self.offend(&format!("FALSE ALERT: an outage went on after the answered success of {at}"));
        }
    }

    /// An answered failure is in an outage.
    fn failures_are_outages(&mut self) {
        let failures: Vec<_> = self
            .pings
            .iter()
            .filter(|ping| ping.answer == Answer::Recorded && matches!(ping.signal.verdict(), Sign::Failed(_)))
            .map(|ping| ping.at)
            .collect();
        for at in failures {
            let covers =
                |since: Timestamp| since <= at && !self.recovered.iter().any(|(of, end)| *of == since && *end <= at);
            if !self.opened.iter().any(|(since, _)| covers(*since)) {
                self.offend(&format!("the failure of {at} opened no incident"));
            }
        }
        let unfounded = self.opened.iter().find(|(since, cause)| {
            matches!(cause, Cause::Failed { .. }) && !self.pings.iter().any(|ping| ping.at == *since)
        });
        if let Some((since, _)) = unfounded {
            let since = *since;
            self.offend(&format!("FALSE ALERT: no job failed at {since}"));
        }
    }

    /// Every silence longer than window and settle time after an answered ping was told on every channel.
    fn no_outage_untold(&mut self) {
        let (window, settle) = (self.window(), self.evidence.settings.settle);
        let ends = self.pings.iter().skip(1).map(|ping| ping.at).chain([self.evidence.now.minus(PROMPT)]);
        let silences: Vec<_> = self.pings.iter().zip(ends).map(|(ping, end)| (ping.clone(), end)).collect();
        for (ping, end) in silences {
            let deadline = ping.at.plus(window);
            if ping.answer != Answer::Recorded || end <= deadline.plus(settle) {
                continue;
            }
            self.certain += 1;
            for channel in self.evidence.channels {
                self.is_told(channel.name(), deadline);
            }
        }
    }

    fn is_told(&mut self, channel: &ChannelName, deadline: Timestamp) {
        let tells = |told: &&Told| {
            let notice = &told.notice;
            notice.first_down_at.is_some_and(|first| first <= deadline) && deadline <= notice.down_at
        };
        let first = self.told_on(channel).find(tells).map(|told| told.at);
        match first {
            None => self.offend(&format!("LOST ALERT: the outage of {deadline} was never told on {channel}")),
            Some(at) if self.is_calm(deadline) && at.since(deadline) > PROMPT => {
                self.offend(&format!("the outage of {deadline} was told on {channel} as late as {at}"));
            }
            Some(_) => {}
        }
    }

    /// Whether there was no trouble any more, and nothing left of it to wait for.
    fn is_calm(&self, at: Timestamp) -> bool {
        at >= self.evidence.mended_at
    }

    fn order_is_kept(&mut self, channel: &ChannelName) {
        let revs: Vec<_> = self.told_on(channel).map(|told| told.notice.rev).collect();
        if !revs.is_sorted() {
            self.offend(&format!("told out of order on {channel}: {revs:?}"));
        }
    }

    fn nothing_without_an_outage(&mut self, channel: &ChannelName) {
        let since: BTreeSet<_> = self.opened.iter().map(|(since, _)| *since).collect();
        let mut known = false;
        let mut wrong = Vec::new();
        for told in self.told_on(channel) {
            let notice = &told.notice;
            known |= notice.outages > 0;
            if !known {
                wrong.push(format!("a {} without an outage on {channel}", notice.kind()));
            }
            if !since.contains(&notice.down_at) {
                wrong.push(format!("told on {channel} of an outage at {} that never was", notice.down_at));
            }
        }
        for text in wrong {
            self.offend(&text);
        }
    }

    /// Where nobody paused or deleted: every outage and every recovery of history was told.
    fn all_is_told(&mut self, channel: &ChannelName) {
        if self.muted {
            return;
        }
        let mut seen = BTreeSet::new();
        let (mut outages, mut recoveries) = (0, 0);
        for told in self.told_on(channel).filter(|told| seen.insert(&told.id)) {
            outages += told.notice.outages as usize;
            recoveries += told.notice.recoveries as usize;
        }
        let (opened, recovered) = (self.opened.len(), self.recovered.len());
        if outages < opened || recoveries < recovered {
            self.offend(&format!(
                "{channel} was told {outages} outages and {recoveries} recoveries of {opened} and {recovered}"
            ));
        }
        if self.evidence.fair && (outages, recoveries) != (opened, recovered) {
            self.offend(&format!(
                "{channel} was told {outages} outages and {recoveries} recoveries, and not {opened} and {recovered}"
            ));
        }
    }

    fn nothing_twice_in_fair_weather(&mut self, channel: &ChannelName) {
        if !self.evidence.fair {
            return;
        }
        let mut seen = BTreeSet::new();
        let twice: Vec<_> = self.told_on(channel).filter(|told| !seen.insert(&told.id)).map(|t| t.id.clone()).collect();
        for id in twice {
            self.offend(&format!("{id} was told twice, and nothing had crashed"));
        }
        let reminders = self.told_on(channel).filter(|told| told.notice.kind() == NoticeKind::Reminder);
        let numbers: Vec<_> = reminders.map(|told| (told.notice.down_at, told.notice.reminder)).collect();
        if !numbers.is_sorted() {
            self.offend(&format!("reminders out of order on {channel}: {numbers:?}"));
        }
    }
}
