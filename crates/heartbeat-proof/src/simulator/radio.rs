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

/// How bad the weather of a channel is.
pub(super) struct Weather {
    /// Ranges in which every attempt fails.
    pub(super) outages: Vec<(Timestamp, Timestamp)>,
    /// Per mille of attempts that fail besides.
    pub(super) noise: u64,
    /// What a failure can be.
    pub(super) failures: &'static [Failure],
    /// From then on the sky is clear.
    pub(super) calm_from: Timestamp,
}

/// How an attempt fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    RateLimit,
    Refusal,
    TimeOut,
    ServerError,
    /// People have been told, and the sender does not know.
    AnswerLost,
}

impl Failure {
    /// Failures after which nothing may have been told twice.
    pub(super) const HONEST: &'static [Self] = &[Self::RateLimit, Self::Refusal, Self::TimeOut, Self::ServerError];
    pub(super) const ALL: &'static [Self] =
        &[Self::RateLimit, Self::Refusal, Self::TimeOut, Self::ServerError, Self::AnswerLost];
}

pub(super) struct Radio {
    name: ChannelName,
    clock: SimClock,
    chance: Chance,
    journal: Arc<Journal>,
    weather: Weather,
}

impl Radio {
    pub(super) fn new(name: ChannelName, clock: SimClock, journal: Arc<Journal>, weather: Weather, seed: u64) -> Self {
        Self { name, clock, chance: Chance::of(seed), journal, weather }
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
        let pick = usize::try_from(self.chance.below(self.weather.failures.len() as u64)).unwrap_or(0);
        match self.weather.failures.get(pick).unwrap_or(&Failure::ServerError) {
            Failure::RateLimit => {
                self.journal.trouble("channel 429");
                again(Some(Duration::from_secs(self.chance.between(1, 90))), "429")
            }
            Failure::Refusal => {
                self.journal.trouble("channel 403");
                Outcome::Refused { reason: Reason::new("403") }
            }
            Failure::TimeOut => {
                self.journal.trouble("channel time-out");
                self.clock.sleep(TIME_OUT).await;
                again(None, "time-out")
            }
            Failure::AnswerLost => {
                self.journal.trouble("channel delivered, answer lost");
                self.reaches_people(tellings);
                again(None, "garbage")
            }
            Failure::ServerError => {
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
        let stormy = now < self.weather.calm_from;
        let out = self.weather.outages.iter().any(|(from, to)| (*from..*to).contains(&now));
        if stormy && (out || self.chance.happens(self.weather.noise)) {
            return self.fail(tellings).await;
        }
        self.reaches_people(tellings);
        Outcome::Delivered
    }
}
