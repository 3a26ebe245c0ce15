//! Channels in bad weather: hours of outage, rate limits, refusals, garbage, messages that arrive although the sender
//! believes that they did not, and one that is gone for good in the middle.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use heartbeat_core::{
    Channel, ChannelName, Clock, Telling, Timestamp,
    channel::definition::{ChannelRole, ChannelState, ConfigError, Definition, Kinds, Wants},
    delivery::{Outcome, Reason},
};
use serde_json::Value;

use super::{
    executor::{Chance, SimClock},
    journal::{Journal, Told},
    spell::Spells,
};

const TIME_OUT: Duration = Duration::from_secs(10);

/// A channel of the project, and what becomes of it.
#[derive(Clone)]
pub(super) struct Post {
    pub(super) name: ChannelName,
    pub(super) kind: &'static str,
    pub(super) wants: Wants,
    pub(super) role: ChannelRole,
    pub(super) weather: Weather,
}

impl Post {
    /// As the directory has it.
    pub(super) fn definition(&self, created_at: Timestamp) -> Definition {
        let (kind, config, state) = (self.kind.to_owned(), Value::Null, ChannelState::Enabled);
        Definition { kind, config, wants: self.wants, role: self.role, state, created_at }
    }
}

/// How bad the weather of a channel is.
#[derive(Clone)]
pub(super) struct Weather {
    /// When every attempt fails.
    pub(super) outages: Spells,
    /// From then on it refuses for good, if ever.
    pub(super) gone_from: Option<Timestamp>,
    /// Per mille of attempts that fail besides.
    pub(super) noise: u64,
    /// What a failure can be.
    pub(super) failures: &'static [Failure],
    /// From then on the sky is clear.
    pub(super) calm_from: Timestamp,
    /// How long a failure takes, beyond what a channel may take.
    pub(super) hangs: Duration,
}

/// The radios of a project, as kinds of channel.
pub(super) struct Radios(pub(super) BTreeMap<ChannelName, Arc<Radio>>);

impl Kinds for Radios {
    fn words(&self) -> Vec<&'static str> {
        vec!["telegram", "email", "webhook"]
    }

    fn check(&self, _: &str, config: Value) -> Result<Value, ConfigError> {
        Ok(config)
    }

    fn shown(&self, _: &str, config: &Value) -> Value {
        config.clone()
    }

    fn open(&self, name: &ChannelName, _: &str, _: &Value) -> Result<Arc<dyn Channel>, ConfigError> {
        let radio = self.0.get(name).ok_or_else(|| ConfigError::all("there is no such radio"))?;
        Ok(Arc::clone(radio) as Arc<dyn Channel>)
    }
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
    pub(super) const HONEST: &'static [Self] = &[Self::RateLimit, Self::TimeOut, Self::ServerError];
    /// All that pass by.
    pub(super) const ALL: &'static [Self] = &[Self::RateLimit, Self::TimeOut, Self::ServerError, Self::AnswerLost];
    /// Those of a channel that nobody disables: a refusal passes by, too.
    pub(super) const OF_THE_HOUSE: &'static [Self] =
        &[Self::RateLimit, Self::Refusal, Self::TimeOut, Self::ServerError];
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
                self.journal.trouble("channel: 429");
                again(Some(Duration::from_secs(self.chance.between(1, 90))), "429")
            }
            Failure::Refusal => {
                self.journal.trouble("channel: 403");
                Outcome::Refused { reason: Reason::new("403") }
            }
            Failure::TimeOut => {
                self.journal.trouble("channel: time-out");
                self.clock.sleep(TIME_OUT).await;
                again(None, "time-out")
            }
            Failure::AnswerLost => {
                self.journal.trouble("channel: delivered, answer lost");
                self.reaches_people(tellings);
                again(None, "garbage")
            }
            Failure::ServerError => {
                self.journal.trouble("channel: 500");
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
        if self.weather.gone_from.is_some_and(|gone_from| now >= gone_from) {
            self.journal.undelivered(&self.name, now);
            self.journal.trouble("channel: refuses for good");
            return Outcome::Refused { reason: Reason::new("gone").with_status(410) };
        }
        let stormy = now < self.weather.calm_from;
        if stormy && (self.weather.outages.at(now) || self.chance.happens(self.weather.noise)) {
            self.journal.undelivered(&self.name, now);
            self.clock.sleep(self.weather.hangs).await;
            return self.fail(tellings).await;
        }
        self.reaches_people(tellings);
        Outcome::Delivered
    }

    async fn test(&self) -> Outcome {
        self.send(&[]).await
    }
}
