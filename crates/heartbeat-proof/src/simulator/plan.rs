//! How big a world is, and what kind of weather it has.

use std::time::Duration;

use heartbeat_core::Timestamp;

use super::{
    executor::Chance,
    faulty::{Luck, Sabotage},
    job::Character,
    runs::Runs,
    spell::Spells,
};

/// How big a world is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many monitors.
    pub monitors: u64,
    /// How many APIs side by side.
    pub apis: u64,
    /// How many checkers side by side.
    pub checkers: u64,
    /// How long the storm lasts.
    pub storm: Duration,
    /// How fast life goes.
    pub scale: Scale,
    /// A lie of the store, or something that we leave out, to see whether the judge notices.
    pub sabotage: Option<Sabotage>,
}

/// How fast life goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Half an hour: intervals of a minute or two, outages of minutes, where each request is dear.
    Minutes,
    /// Hours: intervals and outages of minutes.
    Hours,
    /// A month: intervals of minutes to a week, channels that are out for days.
    Month,
}

impl Default for Plan {
    fn default() -> Self {
        let storm = Duration::from_hours(3);
        Self { monitors: 10, apis: 2, checkers: 3, storm, scale: Scale::Hours, sabotage: None }
    }
}

impl Plan {
    /// Two thousand monitors of mixed intervals over thirty days.
    pub fn month() -> Self {
        let storm = Duration::from_hours(30 * 24);
        Self { monitors: 2_000, apis: 1, checkers: 2, storm, scale: Scale::Month, sabotage: None }
    }
}

fn minutes(chance: &Chance, from: u64, to: u64) -> Duration {
    Duration::from_secs(chance.between(from * 60, to * 60))
}

impl Scale {
    /// How long the calm after the storm is: longer than any retry's wait.
    pub(super) fn calm(self) -> Duration {
        match self {
            Self::Minutes => Duration::from_mins(17),
            Self::Hours | Self::Month => Duration::from_hours(2),
        }
    }

    /// How long it takes to tell of the last recovery, for checkers that may oversleep.
    pub(super) fn aftermath(self) -> Duration {
        match self {
            Self::Minutes => Duration::from_secs(6 * 60 + 30),
            Self::Hours | Self::Month => Duration::from_mins(20),
        }
    }

    /// Before the first outage of ours: somebody must have proved that pings are received.
    pub(super) fn morning(self) -> Duration {
        match self {
            Self::Minutes => Duration::from_mins(2),
            Self::Hours | Self::Month => Duration::from_mins(8),
        }
    }

    /// Whether a storm is so short that nothing is given up in it, and nobody need stand in for a channel that is only out.
    pub(super) fn is_short(self) -> bool {
        match self {
            Self::Minutes | Self::Hours => true,
            Self::Month => false,
        }
    }

    pub(super) fn luck(self, chance: &Chance) -> Luck {
        match self {
            Self::Minutes | Self::Hours => {
                Luck { refused: chance.below(60), lost: chance.below(60), slow: chance.below(40) }
            }
            Self::Month => Luck { refused: chance.below(4), lost: chance.below(4), slow: chance.below(4) },
        }
    }

    /// Per mille of polls at which a process dies.
    pub(super) fn crashes(self, chance: &Chance) -> u64 {
        match self {
            Self::Minutes | Self::Hours => chance.below(6),
            Self::Month => chance.below(2),
        }
    }

    pub(super) fn longest_nap(self) -> Duration {
        match self {
            Self::Hours => Duration::from_secs(30),
            Self::Minutes => Duration::from_mins(2),
            Self::Month => Duration::from_mins(1),
        }
    }

    /// When no ping reaches us: minutes to hours.
    pub(super) fn deaf_spells(self, chance: &Chance, storm: (Timestamp, Timestamp)) -> Spells {
        let most = match self {
            Self::Minutes => 2,
            Self::Hours => chance.between(1, 4),
            Self::Month => chance.between(4, 12),
        };
        Spells::by_chance(chance, most, storm, |chance| match chance.below(5) {
            _ if self == Self::Minutes => minutes(chance, 2, 6),
            0 | 1 => minutes(chance, 2, 8),
            2 | 3 => minutes(chance, 8, 40),
            _ => minutes(chance, 40, 150),
        })
    }

    /// When the store refuses everything: minutes.
    pub(super) fn store_outages(self, chance: &Chance, storm: (Timestamp, Timestamp)) -> Spells {
        let most = match self {
            Self::Minutes | Self::Hours => chance.below(3),
            Self::Month => chance.between(5, 15),
        };
        let longest = if self == Self::Minutes { 3 } else { 10 };
        Spells::by_chance(chance, most, storm, |chance| minutes(chance, 1, longest))
    }

    /// When a channel is out: minutes to hours, or to days.
    pub(super) fn channel_outages(self, chance: &Chance, storm: (Timestamp, Timestamp)) -> Spells {
        match self {
            Self::Minutes => Spells::by_chance(chance, chance.below(3), storm, |chance| minutes(chance, 1, 9)),
            Self::Hours => Spells::by_chance(chance, chance.below(3), storm, |chance| minutes(chance, 1, 70)),
            Self::Month => Spells::by_chance(chance, chance.below(12), storm, |chance| match chance.below(4) {
                0 | 1 => minutes(chance, 2, 120),
                2 => minutes(chance, 120, 1_440),
                _ => minutes(chance, 1_440, 4 * 1_440),
            }),
        }
    }

    /// When a job runs that runs by a cron line.
    pub(super) fn runs(self, chance: &Chance) -> Runs {
        let minutes: &[u64] = match self {
            Self::Minutes => &[1, 2],
            Self::Hours => &[1, 2, 5, 10, 15],
            Self::Month if chance.happens(100) => &[15, 30],
            Self::Month => return Runs::daily(chance),
        };
        let pick = usize::try_from(chance.below(minutes.len() as u64)).unwrap_or(0);
        Runs::each(minutes.get(pick).copied().unwrap_or(1), chance)
    }

    /// The interval and the grace of a job, in seconds.
    pub(super) fn rhythm(self, chance: &Chance) -> (u64, u64) {
        match self {
            Self::Minutes => (chance.between(30, 150), chance.below(30)),
            Self::Hours => (chance.between(30, 900), chance.below(120)),
            Self::Month => {
                let interval = match chance.below(100) {
                    0 => chance.between(300, 1_800),
                    1..=9 => chance.between(3_600, 6 * 3_600),
                    _ => chance.between(6 * 3_600, 7 * 86_400),
                };
                (interval, chance.below(interval.min(36_000) / 10))
            }
        }
    }

    pub(super) fn character(self, number: u64) -> Character {
        match self {
            Self::Minutes | Self::Hours => match number % 10 {
                0 => Character::Steady,
                1 => Character::Crowded,
                2 => Character::Chatty,
                3 | 4 => Character::Borderline,
                5 => Character::Messy,
                6 | 7 => Character::Dying,
                _ => Character::Meddled,
            },
            Self::Month => match number % 20 {
                0..=13 => Character::Steady,
                14 | 15 => Character::Borderline,
                16 | 17 => Character::Messy,
                18 => Character::Dying,
                _ => Character::Meddled,
            },
        }
    }
}
