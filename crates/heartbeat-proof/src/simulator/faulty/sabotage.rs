//! Lies of the store, and what we leave out, to see whether the judge notices.

use std::time::Duration;

use heartbeat_core::{
    Timestamp,
    directory::Entry,
    outage::{Why, Window},
    store::{Due, Page},
};

use super::{Faulty, Poison};

/// A lie that no store may tell, or what we may not leave out: with it, the judge must find the world guilty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Answers some ordinary pings without recording them.
    SwallowsPings,
    /// Answers some settlements without recording them.
    ForgetsSettlements,
    /// Never brings one of its monitors, however due.
    HidesTheDue,
    /// No process knows of outages of ours.
    KnowsNoAmnesty,
    /// The directory shows an outage of ours that never ends.
    RecallsAnOutage,
    /// Brings what is due four minutes late.
    BringsLate,
    /// Brings nothing for nine minutes of ten after an item that cannot be understood.
    LetsPoisonSpread,
    /// Refuses some ordinary pings for nothing.
    RefusesPings,
    /// A channel that is out answers after minutes, whatever its time-out.
    HangsBeyondItsTimeOut,
}

/// How late [`Sabotage::BringsLate`] is.
const LATE: Duration = Duration::from_mins(4);
/// When the outage of [`Sabotage::RecallsAnOutage`] began.
const LONG_AGO: Duration = Duration::from_hours(1);
/// Whom [`Sabotage::HidesTheDue`] hides.
const HIDDEN: &str = "job-0";

impl Faulty {
    /// Whether it lies just now.
    pub(super) fn lies(&self, how: Sabotage) -> bool {
        self.sabotage == Some(how) && self.chance.happens(300)
    }

    /// What is left of what is due where it is not brought in time.
    pub(super) fn bring(&self, due: Vec<Due>, now: Timestamp) -> Vec<Due> {
        let spoiled = |poison: &Poison| poison.from <= now && now.as_secs() % 600 < 540;
        match self.sabotage {
            Some(Sabotage::HidesTheDue) => due.into_iter().filter(|due| due.id.slug.as_str() != HIDDEN).collect(),
            Some(Sabotage::BringsLate) => due.into_iter().filter(|due| due.wake_at.plus(LATE) <= now).collect(),
            Some(Sabotage::LetsPoisonSpread) if self.poison.as_ref().is_some_and(spoiled) => Vec::new(),
            Some(
                Sabotage::SwallowsPings
                | Sabotage::ForgetsSettlements
                | Sabotage::KnowsNoAmnesty
                | Sabotage::RecallsAnOutage
                | Sabotage::LetsPoisonSpread
                | Sabotage::RefusesPings
                | Sabotage::HangsBeyondItsTimeOut,
            )
            | None => due,
        }
    }

    /// Hides from the auditor as well, who would find what is behind its time.
    pub(super) fn hide<T>(&self, page: &mut Page<T>) {
        if self.sabotage == Some(Sabotage::HidesTheDue) {
            page.items.retain(|item| item.as_ref().is_ok_and(|stored| stored.monitor.id.slug.as_str() != HIDDEN));
        }
    }

    /// An outage that is not, at `now`.
    pub(super) fn recalled(&self, pk: &str, sk: &str, now: Timestamp) -> Option<Entry> {
        let held_until = now.minus(LATE);
        let window = Window { from: now.minus(LONG_AGO), ended: None, held_until, why: Why::NoEvidence };
        let recalls = self.sabotage == Some(Sabotage::RecallsAnOutage);
        recalls.then(|| Entry::first(pk, sk, &serde_json::json!({"windows": [window]})))
    }
}
