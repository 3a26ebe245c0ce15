//! Whether we can hear: the evidence that pings are received, and the outages that its absence tells of. What all processes
//! know of them is one entry of the directory, read when silence is to be judged and never for an ordinary ping.

mod crowd;

use std::{
    sync::{OnceLock, PoisonError, RwLock},
    time::Duration,
};

use serde::{Deserialize, Serialize};

pub use self::crowd::Crowd;
use super::{Flow, Own, PingError};
use crate::{
    decide::Context,
    directory::{Entry, Put},
    monitor::Status,
    outage::{Ended, Outages, STALE, Why, Window},
    ping::Signal,
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
        let Some(hold) = self.hold else { return known.outages };
        let outages = known.outages.held_for(hold);
        if known.read_at.is_some() {
            return outages;
        }
        outages.unknown_until(self.asked_at.get_or_init(|| now).plus(hold))
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
    /// the directory cannot be asked, what was known last holds, and silence since then is not judged.
    pub async fn context_of_silence(&self, now: Timestamp) -> Context {
        let Some(hold) = self.hearing.hold else { return self.context(now) };
        let is_fresh = |at: Timestamp| now.since(at).max(at.since(now)) < FRESH;
        if self.hearing.known().read_at.is_some_and(is_fresh) {
            return self.context(now);
        }
        for _ in 0..ATTEMPTS {
            match self.listen(now, hold).await {
                Ok(()) => return self.context(now),
                Err(error) => tracing::warn!(%error, "the directory cannot be asked about outages of ours"),
            }
        }
        self.context_of_old(now)
    }

    /// The same, for who has just asked in vain: what was known last holds, and silence since then is not judged.
    pub fn context_of_old(&self, now: Timestamp) -> Context {
        let context = self.context(now);
        Context { outages: context.outages.stale(), ..context }
    }

    /// Reads what is known of outages, and takes the absence of evidence for one that nobody has written down yet. The
    /// evidence first: who can hear again writes down the outage before giving evidence, so that new evidence is never read
    /// without it.
    async fn listen(&self, now: Timestamp, hold: Duration) -> Result<(), StoreError> {
        let evidence = self.last_evidence(now).await?;
        let mut windows = self.written().await?.1.windows;
        if let Some(from) = suspected(evidence, now)
            && !windows.iter().any(Window::is_open)
        {
            windows.push(Window { from, ended: None, held_until: now.plus(hold), why: Why::NoEvidence });
        }
        self.hearing.learn(|known| {
            known.outages = Outages::of(&windows).heard_at(evidence);
            known.read_at = Some(now);
        });
        Ok(())
    }

    /// The last moment of which there is evidence that pings were received; `None` = there never was any.
    async fn last_evidence(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.last_evidence_of(Own::Ingest, now).await?.max(self.last_evidence_of(Own::Canary, now).await?))
    }

    /// The same, by one of the two who give evidence.
    pub async fn last_evidence_of(&self, own: Own, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        Ok(match self.store.find(&own.id(), now).await? {
            // Who pauses it says that nothing is to be concluded from it.
            Found::Monitor(stored) if !matches!(stored.monitor.status, Status::Paused { .. }) => {
                stored.monitor.last_ping_at
            }
            Found::Monitor(_) | Found::Deleted | Found::Nothing => None,
        })
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
                known.outages = std::mem::take(&mut known.outages).with_windows(&written.windows);
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
        self.rewrite(now, |windows| assess(windows, evidence, suspected, hold, now)).await?;
        // Not before it is known what has become of outages: by new evidence alone, what was silent in one looks heard.
        self.hearing.learn(|known| known.outages = std::mem::take(&mut known.outages).heard_at(evidence));
        if let (Some(from), Some(open)) = (suspected, self.hearing.known().outages.open()) {
            tracing::error!(
                since = %from.to_rfc3339_seconds(), held_until = %open.held_until.to_rfc3339_seconds(),
                "there is no evidence that pings are received: silence is held"
            );
        }
        Ok(self.context(now))
    }
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
