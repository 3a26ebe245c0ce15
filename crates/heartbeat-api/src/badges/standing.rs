//! How what a badge is of does, kept for as long as others may keep the badge: a picture that many look at is read once.

use std::time::Duration;

use heartbeat_core::{MonitorId, Shown, Timestamp, store::Found};
use moka::future::Cache;

use super::{
    FRESH_S,
    secret::{Of, Secret, States},
};
use crate::{Shared, error::ApiError};

/// How many are kept.
const KEPT: u64 = 10_000;
/// How many monitors are read at once.
const PAGE: usize = 500;

/// What is on a badge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Up,
    Late,
    Down,
    New,
    Paused,
}

impl Word {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Late => "late",
            Self::Down => "down",
            Self::New => "new",
            Self::Paused => "paused",
        }
    }

    /// As shields.io has them.
    pub(super) const fn colour(self) -> &'static str {
        match self {
            Self::Up => "#4c1",
            Self::Late => "#fe7d37",
            Self::Down => "#e05d44",
            Self::New | Self::Paused => "#9f9f9f",
        }
    }

    /// What shields.io calls its colour.
    pub(super) const fn colour_name(self) -> &'static str {
        match self {
            Self::Up => "success",
            Self::Late => "important",
            Self::Down => "critical",
            Self::New | Self::Paused => "inactive",
        }
    }
}

/// How many monitors there are, and how many are late or down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) total: usize,
    pub(super) late: usize,
    pub(super) down: usize,
    /// Of a single monitor, that it is new or paused.
    only: Option<Shown>,
}

impl Standing {
    fn add(&mut self, shown: Shown) {
        self.total += 1;
        match shown {
            Shown::Late => self.late += 1,
            Shown::Overdue => self.down += 1,
            Shown::New | Shown::Ok | Shown::Running | Shown::Paused => {}
        }
    }

    pub(super) const fn word(self, states: States) -> Word {
        match (states, self.only) {
            _ if self.down > 0 => Word::Down,
            (States::Two, _) => Word::Up,
            _ if self.late > 0 => Word::Late,
            (States::Three, Some(Shown::New)) => Word::New,
            (States::Three, Some(Shown::Paused)) => Word::Paused,
            (States::Three, _) => Word::Up,
        }
    }
}

/// What was read not long ago, by the secret's id.
pub(crate) struct Standings(Cache<(String, Of), (Standing, Timestamp)>);

impl Standings {
    pub(crate) fn new() -> Self {
        Self(Cache::new(KEPT))
    }
}

impl Shared {
    /// How it does; `None` where there is no such monitor, or none with such a tag.
    pub(super) async fn badge_standing(&self, secret: &Secret, of: &Of) -> Result<Option<Standing>, ApiError> {
        let (name, now) = ((secret.id.clone(), of.clone()), self.flow.clock.now());
        let is_fresh = |at: Timestamp| now.since(at) < Duration::from_secs(FRESH_S);
        if let Some((standing, _)) = self.badge_standings.0.get(&name).await.filter(|(_, at)| is_fresh(*at)) {
            return Ok(Some(standing));
        }
        let standing = match of {
            Of::Monitor(slug) => {
                self.standing_of_one(MonitorId::new(secret.project().clone(), slug.clone()), now).await?
            }
            Of::All | Of::Tag(_) => self.standing_of_many(secret, of, now).await?,
        };
        if let Some(standing) = standing {
            self.badge_standings.0.insert(name, (standing, now)).await;
        }
        Ok(standing)
    }

    async fn standing_of_one(&self, id: MonitorId, now: Timestamp) -> Result<Option<Standing>, ApiError> {
        let Found::Monitor(stored) = self.flow.store.find(&id, now).await? else { return Ok(None) };
        let shown = stored.monitor.status_at(&self.flow.context_of_silence(now).await);
        let mut standing = Standing { only: Some(shown), ..Standing::default() };
        standing.add(shown);
        Ok(Some(standing))
    }

    async fn standing_of_many(&self, secret: &Secret, of: &Of, now: Timestamp) -> Result<Option<Standing>, ApiError> {
        let context = self.flow.context_of_silence(now).await;
        let (mut standing, mut after) = (Standing::default(), None);
        loop {
            let page = self.flow.store.list(secret.project(), after.as_ref(), PAGE, now).await?;
            for stored in page.items.into_iter().flatten() {
                let is_meant = match of {
                    Of::Tag(tag) => stored.monitor.about.tags.contains(tag),
                    Of::All | Of::Monitor(_) => true,
                };
                if is_meant {
                    standing.add(stored.monitor.status_at(&context));
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let is_there = standing.total > 0 || *of == Of::All;
        Ok(is_there.then_some(standing))
    }
}
