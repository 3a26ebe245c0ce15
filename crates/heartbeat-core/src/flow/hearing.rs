//! Whether we can hear: the evidence that pings are received, and the outages that its absence tells of. What all processes
//! know of them is one entry of the directory, read when silence is to be judged and never for an ordinary ping.

use std::{
    sync::{OnceLock, PoisonError, RwLock},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Flow, PingError, Sender, Settings};
use crate::{
    decide::Context,
    directory::{Entry, Put},
    history::PingLog,
    interval::{Grace, Interval},
    monitor::{MonitorId, Status},
    outage::{Ended, Outages, STALE, Why, Window},
    ping::{Body, Ping, Signal},
    slug::{Project, Slug},
    store::{Found, StoreError},
    time::Timestamp,
};

/// Where the outages are in the directory.
const PK: &str = "outages";
const SK: &str = "windows";
/// How old what a process knows of outages may be when it judges silence.
const FRESH: Duration = Duration::from_secs(5);
/// How often a change of the outages is tried again when somebody was quicker.
const ATTEMPTS: u32 = 4;

/// The operator's monitors: in them Heartbeat watches itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// Pinged by every API that runs for long: evidence that pings are received.
    Ingest,
    /// Pinged by the checker through the public address: evidence, too, and the only one where nothing runs between pings.
    Canary,
    /// Fails while too many monitors fall silent at once.
    Crowd,
    /// Fails while somebody cannot be told.
    Channels,
}

impl Own {
    /// Its slug in the operator's project.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Canary => "canary",
            Self::Crowd => "crowd",
            Self::Channels => "channels",
        }
    }

    /// Its monitor.
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "four literals, each of them in a test")]
    pub fn id(self) -> MonitorId {
        MonitorId::new(Project::operator(), Slug::parse(self.as_str()).expect("a literal slug"))
    }
}

/// What the directory says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    windows: Vec<Window>,
}

/// What a process knows of outages of ours.
#[derive(Debug, Default)]
pub struct Hearing {
    /// How long silence is held; `None` = there is no amnesty, and nothing is ever read.
    hold: Option<Duration>,
    known: RwLock<Known>,
    /// When this process first asked.
    asked_at: OnceLock<Timestamp>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    outages: Outages,
    read_at: Option<Timestamp>,
    /// The newest evidence, whoever gave it.
    heard_at: Option<Timestamp>,
    /// When this process last proved that pings are received.
    proven_at: Option<Timestamp>,
}

impl Hearing {
    /// Holds silence for at most `hold` while we may be deaf; zero = there is no amnesty.
    pub fn new(hold: Duration) -> Self {
        Self { hold: (!hold.is_zero()).then_some(hold), ..Self::default() }
    }

    /// Whether there is any amnesty.
    pub fn is_on(&self) -> bool {
        self.hold.is_some()
    }

    /// What is known of outages at `now`. Where nothing could be read yet, there may be one: silence is held, for as long as
    /// any.
    fn outages(&self, now: Timestamp) -> Outages {
        let known = self.known();
        match (self.hold, known.read_at) {
            (Some(hold), None) => known.outages.unknown_until(self.asked_at.get_or_init(|| now).plus(hold)),
            (Some(_) | None, _) => known.outages,
        }
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Flow {
    /// What is known of time at `now`, without asking anybody.
    pub fn context(&self, now: Timestamp) -> Context {
        Context { outages: self.hearing.outages(now), ..self.settings.context(now) }
    }

    /// The same, for who judges silence: what is known of outages is at most seconds old, and absent evidence is one. Where
    /// the directory cannot be asked, what was known last holds.
    pub async fn context_of_silence(&self, now: Timestamp) -> Context {
        let Some(hold) = self.hearing.hold else { return self.context(now) };
        let is_fresh = |at: Timestamp| now.since(at).max(at.since(now)) < FRESH;
        if !self.hearing.known().read_at.is_some_and(is_fresh)
            && let Err(error) = self.listen(now, hold).await
        {
            tracing::warn!(%error, "the directory cannot be asked about outages of ours");
        }
        self.context(now)
    }

    /// Reads what is known of outages, and takes the absence of evidence for one that nobody has written down yet.
    async fn listen(&self, now: Timestamp, hold: Duration) -> Result<(), StoreError> {
        let (mut windows, evidence) = (self.written().await?.1.windows, self.last_evidence(now).await?);
        if let Some(from) = suspected(evidence, now)
            && !windows.iter().any(Window::is_open)
        {
            windows.push(Window { from, ended: None, held_until: now.plus(hold), why: Why::NoEvidence });
        }
        self.hearing.learn(|known| {
            known.outages = Outages::of(&windows).heard_at(evidence);
            known.heard_at = evidence;
            known.read_at = Some(now);
        });
        Ok(())
    }

    /// The last moment of which there is evidence that pings were received; `None` = there never was any.
    pub async fn last_evidence(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let mut newest = None;
        for own in [Own::Ingest, Own::Canary] {
            // Who pauses one of them says that nothing is to be concluded from it.
            if let Found::Monitor(stored) = self.store.find(&own.id(), now).await?
                && !matches!(stored.monitor.status, Status::Paused { .. })
            {
                newest = newest.max(stored.monitor.last_ping_at);
            }
        }
        Ok(newest)
    }

    async fn written(&self) -> Result<(Option<Entry>, Written), StoreError> {
        let entry = self.store.entry(PK, SK).await?;
        let written = entry.as_ref().map(Entry::read::<Written>).transpose().unwrap_or_else(|error| {
            tracing::error!(%error, "what is known of outages of ours cannot be understood: it is written anew");
            None
        });
        Ok((entry, written.unwrap_or_default()))
    }

    /// Changes what all know of outages; `change` answers whether there is anything to change.
    async fn rewrite(
        &self,
        now: Timestamp,
        change: impl Fn(&mut Vec<Window>) -> bool + Send,
    ) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS {
            let (entry, mut written) = self.written().await?;
            if change(&mut written.windows) {
                written.windows = Outages::of(&written.windows).windows().to_vec();
                let next = entry.map_or_else(|| Entry::first(PK, SK, &written), |entry| entry.next(&written));
                match self.store.put_entry(next).await {
                    Ok(Put::Done) => {}
                    Ok(Put::Conflict(_)) | Err(StoreError::Unknown(_)) => continue,
                    Err(error) => return Err(error),
                }
            }
            self.hearing.learn(|known| {
                known.outages = Outages::of(&written.windows).heard_at(known.heard_at);
                known.read_at = Some(now);
            });
            return Ok(());
        }
        Err(StoreError::Unavailable("others are quicker".to_owned()))
    }

    /// An API that runs for long proves that pings are received, through the path that they take. After a time without any
    /// evidence it first writes down that time as an outage of ours: nobody flips anything before that is known.
    pub async fn prove_hearing(&self) -> Result<(), PingError> {
        let (now, known) = (self.clock.now(), self.hearing.known());
        if self.hearing.hold.is_some()
            && known.proven_at.is_none_or(|at| now.since(at) > STALE)
            && let Some(from) = suspected(self.last_evidence(now).await?, now)
        {
            self.end_outage(from, Why::Downtime, now).await?;
        }
        self.ping_own(Own::Ingest, Signal::Success, String::new()).await?;
        self.hearing.learn(|known| known.proven_at = Some(now));
        Ok(())
    }

    /// We can hear again: ends the outage that is going on, or writes down that there was one from `from` until `now`.
    async fn end_outage(&self, from: Timestamp, why: Why, now: Timestamp) -> Result<(), StoreError> {
        let hold = self.hearing.hold.unwrap_or_default();
        tracing::warn!(since = %from.to_rfc3339_seconds(), "no ping could be heard for a while: deadlines of that time move");
        self.rewrite(now, |windows| {
            if windows
                .iter()
                .any(|window| window.ended == Some(Ended::Heard(now)) || window.from == from && !window.is_open())
            {
                return false;
            }
            let ended = Some(Ended::Heard(now));
            if let Some(open) = windows.iter_mut().rfind(|window| window.is_open()) {
                open.ended = ended;
            } else {
                windows.push(Window { from, ended, held_until: from.plus(hold), why });
            }
            true
        })
        .await
    }

    /// The checker's part, before each look at what `is_due`: whether we may be deaf. Opens an outage, ends one that is over,
    /// and learns what others have written. A process that proves hearing itself does so first: then nothing waits for it.
    /// Answers with the context to judge silence in.
    pub async fn assess_hearing(&self, is_due: bool) -> Result<Context, StoreError> {
        let (now, Some(hold)) = (self.clock.now(), self.hearing.hold) else {
            return Ok(self.context(self.clock.now()));
        };
        let proves = self.hearing.known().proven_at.is_some();
        if is_due
            && proves
            && let Err(error) = self.prove_hearing().await
        {
            tracing::warn!(%error, "it could not be proved that pings are received");
        }
        let evidence = self.last_evidence(now).await?;
        let suspected = suspected(evidence, now);
        self.hearing.learn(|known| known.heard_at = evidence);
        self.rewrite(now, |windows| assess(windows, evidence, suspected, hold, now)).await?;
        if let (Some(from), Some(open)) = (suspected, self.hearing.known().outages.open()) {
            tracing::error!(
                since = %from.to_rfc3339_seconds(), held_until = %open.held_until.to_rfc3339_seconds(),
                "there is no evidence that pings are received: silence is held"
            );
        }
        Ok(self.context(now))
    }

    /// `silent` of `active` monitors fall silent in one pass, and it is not known that we can hear: holds their alerts, if
    /// that is a crowd, and tells the operator at once. Answers whether it is one.
    pub async fn suspect_crowd(&self, crowd: Crowd) -> Result<bool, StoreError> {
        let (now, Some(hold)) = (self.clock.now(), self.hearing.hold) else { return Ok(false) };
        let outages = self.hearing.known().outages;
        if !crowd.is_one() || outages.open().is_some() || outages.windows().iter().any(|window| is_same(window, &crowd))
        {
            return Ok(false);
        }
        let held_until = now.plus(hold);
        self.rewrite(now, |windows| {
            let is_new = !windows.iter().any(Window::is_open);
            if is_new {
                windows.push(Window { from: crowd.since, ended: None, held_until, why: Why::Crowd });
            }
            is_new
        })
        .await?;
        let said = format!(
            "{} of {} monitors fell silent at once: their jobs died, or Heartbeat cannot be reached. Their alerts are held \
             until {} and then told as unconfirmed.",
            crowd.silent,
            crowd.active,
            held_until.to_rfc3339_seconds()
        );
        tracing::error!(silent = crowd.silent, active = crowd.active, "a crowd of monitors fell silent at once");
        self.tell_operator(Own::Crowd, Signal::Fail, said).await;
        Ok(true)
    }

    /// Tells the operator, by a ping to a monitor of their own. Best effort: it is said in the log besides.
    pub async fn tell_operator(&self, own: Own, signal: Signal, said: String) {
        if let Err(error) = self.ping_own(own, signal, said).await {
            tracing::warn!(monitor = own.as_str(), %error, "the operator's own monitor could not be pinged");
        }
    }

    /// Pings a monitor of the operator's own. History keeps no row of it but what it changes.
    async fn ping_own(&self, own: Own, signal: Signal, said: String) -> Result<(), PingError> {
        let (interval, grace) = match own {
            // Together the minute after which evidence is stale.
            Own::Ingest => (Interval::from_secs(30), Grace::from_secs(30)),
            Own::Canary => (Interval::from_secs(120), Grace::from_secs(60)),
            // Nobody waits for their pings.
            Own::Crowd | Own::Channels => (Interval::from_secs(365 * 86_400), Some(Grace::ZERO)),
        };
        let ping = Ping { interval, grace, body: Body::from_tail(said.as_bytes()).0, ..Ping::bare(signal) };
        let flow = Self { settings: Settings { ping_log: PingLog::None, ..self.settings }, ..self.clone() };
        flow.record_ping(&own.id(), ping, Sender::default(), self.clock.now()).await.map(|_| ())
    }
}

/// Monitors that fall silent in one pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowd {
    /// How many.
    pub silent: usize,
    /// Of how many that are active.
    pub active: usize,
    /// Since when the first of them was expected.
    pub since: Timestamp,
}

impl Crowd {
    /// More than 20, and more than 20 % of the active ones.
    fn is_one(&self) -> bool {
        self.silent > crate::outage::CROWD && self.silent * crate::outage::CROWD_SHARE > self.active
    }
}

/// Whether this outage was suspected because of the same crowd: it is not held twice.
fn is_same(window: &Window, crowd: &Crowd) -> bool {
    window.why == Why::Crowd && matches!(window.ended, Some(Ended::Unknown(at)) if crowd.since <= at)
}

/// Since when we may be deaf: the evidence is stale. No evidence ever seen is not suspicion.
fn suspected(evidence: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    evidence.filter(|at| now.since(*at) > STALE)
}

/// What the evidence makes of the outages; says whether it changes any.
fn assess(
    windows: &mut Vec<Window>,
    evidence: Option<Timestamp>,
    suspected: Option<Timestamp>,
    hold: Duration,
    now: Timestamp,
) -> bool {
    let Some(open) = windows.iter_mut().rfind(|window| window.is_open()) else {
        let Some(from) = suspected else { return false };
        windows.push(Window { from, ended: None, held_until: now.plus(hold), why: Why::NoEvidence });
        return true;
    };
    open.ended = match open.why {
        Why::Crowd if now >= open.held_until => Some(Ended::Unknown(open.held_until)),
        Why::NoEvidence | Why::Downtime if suspected.is_none() => {
            Some(Ended::Heard(evidence.unwrap_or(now).max(open.from)))
        }
        Why::Crowd | Why::NoEvidence | Why::Downtime => None,
    };
    open.ended.is_some()
}

#[cfg(test)]
mod tests {
    use super::Own;

    #[test]
    fn the_operators_monitors_have_names() {
        for own in [Own::Ingest, Own::Canary, Own::Crowd, Own::Channels] {
            assert_eq!(own.id().to_string(), format!("heartbeat/{}", own.as_str()));
        }
    }
}
