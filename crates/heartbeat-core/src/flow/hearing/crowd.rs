//! A crowd that falls silent at once: it is rather we who cannot hear. Its alerts are held, and the operator is told.

use crate::{
    flow::{Flow, Own},
    outage::{CROWD, CROWD_SHARE, Ended, Why, Window},
    ping::Signal,
    store::StoreError,
    time::Timestamp,
};

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
        self.silent > CROWD && self.silent * CROWD_SHARE > self.active
    }
}

/// Whether this outage was suspected because of the same crowd: it is not held twice.
fn is_same(window: &Window, crowd: &Crowd) -> bool {
    window.why == Why::Crowd && matches!(window.ended, Some(Ended::Unknown(at)) if crowd.since <= at)
}

impl Flow {
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
}
