//! The chronicle: what the rows of history come to. Which incidents there were, how each ended, who was told of it; how long
//! a monitor was up; how long its runs took. All of it is pure, and of rows that are not there nothing is made up.

pub mod calendar;
pub mod runtime;
pub mod uptime;

use serde::{Deserialize, Serialize};

use crate::{
    channel::ChannelName,
    history::{DeliveryRow, Happening, PingRow, Row},
    incident::{Cause, Incident},
    monitor::{Monitor, Status},
    ping::Verdict,
    time::Timestamp,
};

/// How an incident ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The job is well again.
    Recovered,
    /// A person paused the monitor.
    Paused,
    /// A person deleted the monitor.
    Deleted,
    /// History does not say: a row of it is lost, or the monitor was forgotten meanwhile.
    Unknown,
}

/// An incident as history tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    /// The deadline that was missed, or the moment of the failure.
    pub since: Timestamp,
    /// When it was noticed; `None` = that row is not among those that were read.
    pub opened: Option<Opened>,
    /// When and how it ended; `None` = it has not.
    pub ended: Option<(Timestamp, Ending)>,
    /// How many reminders there were.
    pub reminders: u32,
    /// Who was told of it, by the name of the channel.
    pub told: Vec<Told>,
}

/// How an incident began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// When it was noticed.
    pub at: Timestamp,
    /// Why.
    pub cause: Cause,
    /// Whether we do not know if we could have heard the job.
    pub unconfirmed: bool,
}

/// What one channel was told while an incident was the newest one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which channel.
    pub channel: ChannelName,
    /// When it first took a message.
    pub delivered_at: Option<Timestamp>,
    /// How many messages it took.
    pub deliveries: u32,
    /// How many attempts failed, whatever became of their message.
    pub failures: u32,
    /// The last message that it will not get.
    pub lost: Option<Lost>,
}

/// A message that a channel will not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// When that was plain.
    pub at: Timestamp,
    /// `refused` or `gave_up`.
    pub outcome: String,
    /// Why.
    pub reason: Option<String>,
}

/// A time in which a monitor was paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Since when; `None` = since before what was read.
    pub from: Option<Timestamp>,
    /// Until when; `None` = it goes on, or history does not say.
    pub until: Option<Timestamp>,
}

/// What the rows of one monitor come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chronicle {
    /// The incidents, the oldest first.
    pub episodes: Vec<Episode>,
    /// The pauses, the oldest first.
    pub pauses: Vec<Pause>,
    /// The first ping among the rows that says how the job is.
    pub first_ping: Option<Timestamp>,
    /// When the last row came, where it was a ping that had happened before: the two times of it.
    spooled: Option<(Timestamp, Timestamp)>,
}

impl Chronicle {
    /// What these rows of one monitor come to, which a store gives newest first. An attempt to deliver counts for the newest
    /// incident that had been noticed by then: what is told later tells of that one, too.
    pub fn of(newest_first: &[Row]) -> Self {
        let mut chronicle = Self::default();
        for row in newest_first.iter().rev() {
            chronicle.take(row);
        }
        chronicle
    }

    /// The same, with what is known of the monitor as it stands, settled: an incident that history leaves open is over,
    /// unless the monitor is in it.
    #[must_use]
    pub fn with_monitor(mut self, settled: Option<&Monitor>, now: Timestamp) -> Self {
        let open = settled.and_then(open_incident);
        for episode in self.episodes.iter_mut().filter(|episode| episode.ended.is_none()) {
            if open.is_none_or(|incident| incident.since != episode.since) {
                let at = settled.and_then(stands_since).filter(|at| *at >= episode.since);
                episode.ended = Some((at.unwrap_or(now), Ending::Unknown));
            }
        }
        self
    }

    fn take(&mut self, row: &Row) {
        match &row.happening {
            Happening::Ping(ping) => self.take_ping(row.at, ping),
            Happening::Opened { since, cause, unconfirmed } => {
                self.end(*since, Ending::Unknown);
                let opened = Opened { at: row.at, cause: *cause, unconfirmed: *unconfirmed };
                self.episodes.push(Episode { opened: Some(opened), ..Episode::begun(*since) });
            }
            Happening::Recovered { since } => self.recover(*since, row.at),
            Happening::Reminded { since, number } => {
                if let Some(episode) = self.episode(*since) {
                    episode.reminders = episode.reminders.max(*number);
                }
            }
            Happening::Paused { .. } => {
                self.end(row.at, Ending::Paused);
                self.pauses.push(Pause { from: Some(row.at), until: None });
            }
            Happening::Resumed { .. } => self.resume(row.at),
            Happening::Deleted { .. } => self.end(row.at, Ending::Deleted),
            Happening::Edited(_) => {}
            Happening::Delivery(delivery) => {
                if let Some(episode) = self.episodes.last_mut() {
                    episode.tell(row.at, delivery);
                }
            }
        }
    }

    fn take_ping(&mut self, at: Timestamp, ping: &PingRow) {
        self.spooled = ping.happened_at.map(|happened_at| (at, happened_at));
        match ping.signal.verdict() {
            Verdict::Well | Verdict::Failed(_) => {
                self.first_ping.get_or_insert(ping.happened_at.unwrap_or(at));
            }
            Verdict::Started | Verdict::Mute => {}
        }
    }

    fn episode(&mut self, since: Timestamp) -> Option<&mut Episode> {
        self.episodes.iter_mut().rev().find(|episode| episode.since == since)
    }

    /// A job that was heard late was well again when it pinged.
    fn recover(&mut self, since: Timestamp, at: Timestamp) {
        let happened_at =
            self.spooled.filter(|(received_at, _)| *received_at == at).map(|(_, happened_at)| happened_at);
        let ended = Some((happened_at.unwrap_or(at).max(since), Ending::Recovered));
        match self.episode(since) {
            Some(episode) => episode.ended = ended,
            None => self.episodes.push(Episode { ended, ..Episode::begun(since) }),
        }
    }

    fn end(&mut self, at: Timestamp, ending: Ending) {
        if let Some(episode) = self.episodes.last_mut().filter(|episode| episode.ended.is_none()) {
            episode.ended = Some((at.max(episode.since), ending));
        }
    }

    fn resume(&mut self, at: Timestamp) {
        match self.pauses.last_mut().filter(|pause| pause.until.is_none()) {
            Some(pause) => pause.until = Some(at),
            None => self.pauses.push(Pause { from: None, until: Some(at) }),
        }
    }
}

impl Episode {
    fn begun(since: Timestamp) -> Self {
        Self { since, opened: None, ended: None, reminders: 0, told: Vec::new() }
    }

    /// An open incident as its monitor has it, whether or not history tells of it already.
    pub fn open(incident: &Incident) -> Self {
        let unconfirmed = incident.confirm_at.is_some();
        let opened = Some(Opened { at: incident.since, cause: incident.cause, unconfirmed });
        Self { opened, reminders: incident.reminders, ..Self::begun(incident.since) }
    }

    fn tell(&mut self, at: Timestamp, delivery: &DeliveryRow) {
        let place = match self.told.binary_search_by(|told| told.channel.cmp(&delivery.channel)) {
            Ok(place) => place,
            Err(place) => {
                self.told.insert(place, Told::nothing(delivery.channel.clone()));
                place
            }
        };
        if let Some(told) = self.told.get_mut(place) {
            told.note(at, delivery);
        }
    }
}

impl Told {
    fn nothing(channel: ChannelName) -> Self {
        Self { channel, delivered_at: None, deliveries: 0, failures: 0, lost: None }
    }

    fn note(&mut self, at: Timestamp, delivery: &DeliveryRow) {
        match delivery.outcome.as_str() {
            "delivered" => {
                self.delivered_at.get_or_insert(at);
                self.deliveries = self.deliveries.saturating_add(1);
            }
            "refused" | "gave_up" => {
                self.failures = self.failures.saturating_add(1);
                let (outcome, reason) = (delivery.outcome.clone(), delivery.reason.clone());
                self.lost = Some(Lost { at, outcome, reason });
            }
            _ => self.failures = self.failures.saturating_add(1),
        }
    }
}

/// The incident that a monitor is in.
pub fn open_incident(settled: &Monitor) -> Option<&Incident> {
    match &settled.status {
        Status::Overdue { incident } => Some(incident),
        Status::New | Status::Ok { .. } | Status::Paused { .. } => None,
    }
}

/// Since when a monitor is in no incident.
fn stands_since(settled: &Monitor) -> Option<Timestamp> {
    match &settled.status {
        Status::New => Some(settled.created_at),
        Status::Ok { since, .. } | Status::Paused { since, .. } => Some(*since),
        Status::Overdue { .. } => None,
    }
}

#[cfg(test)]
mod tests;
