//! A channel in bad weather: hours of outage, rate limits, refusals, garbage, and messages that arrive although the
//! sender believes that they did not.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use heartbeat_core::{
    Channel, ChannelName, Clock, Telling, Timestamp,
    delivery::{Outcome, Reason},
};

use super::{
    executor::{Chance, SimClock},
    journal::{Journal, Told},
};

const TIME_OUT: Duration = Duration::from_secs(10);

pub(super) struct Radio {
    name: ChannelName,
    clock: SimClock,
    chance: Chance,
    journal: Arc<Journal>,
    /// Ranges in which every attempt fails.
    pub(super) outages: Vec<(Timestamp, Timestamp)>,
    /// Per mille of attempts that fail besides.
    pub(super) noise: u64,
    calm_from: Timestamp,
}

impl Radio {
    pub(super) fn new(
        name: ChannelName,
        clock: SimClock,
        journal: Arc<Journal>,
        noise: (u64, Vec<(Timestamp, Timestamp)>),
        calm_from: Timestamp,
        seed: u64,
    ) -> Self {
        let (noise, outages) = noise;
        Self { name, clock, chance: Chance::of(seed), journal, outages, noise, calm_from }
    }

    fn reaches_people(&self, tellings: &[Telling]) {
        let at = self.clock.now();
        for telling in tellings {
            let told = Told { at, channel: self.name.clone(), id: telling.id.clone(), notice: telling.notice.clone() };
            self.journal.told(&telling.monitor, told);
        }
    }

    async fn fail(&self, tellings: &[Telling]) -> Outcome {
        let again = |after, reason: &str| Outcome::TryAgain { after, reason: Reason::new(reason) };
        match self.chance.below(5) {
            0 => {
                self.journal.trouble("channel 429");
                again(Some(Duration::from_secs(self.chance.between(1, 90))), "429")
            }
            1 => {
                self.journal.trouble("channel 403");
                Outcome::Refused { reason: Reason::new("403") }
            }
            2 => {
                self.journal.trouble("channel time-out");
                self.clock.sleep(TIME_OUT).await;
                again(None, "time-out")
            }
            3 => {
                self.journal.trouble("channel delivered, answer lost");
                self.reaches_people(tellings);
                again(None, "garbage")
            }
            _ => {
                self.journal.trouble("channel 500");
                again(None, "500")
            }
        }
    }
}

#[async_trait]
impl Channel for Radio {
    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn time_out(&self) -> Duration {
        TIME_OUT
    }

    async fn send(&self, tellings: &[Telling]) -> Outcome {
        self.clock.sleep(Duration::from_millis(self.chance.between(20, 400))).await;
        let now = self.clock.now();
        let stormy = now < self.calm_from;
        let out = self.outages.iter().any(|(from, to)| (*from..*to).contains(&now));
        if stormy && (out || self.chance.happens(self.noise)) {
            return self.fail(tellings).await;
        }
        self.reaches_people(tellings);
        Outcome::Delivered
    }
}
