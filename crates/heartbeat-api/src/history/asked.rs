//! The queries of history. Everything in them must be known.

use heartbeat_core::{Timestamp, chronicle::calendar::Calendar, history::Happening};

use super::Place;
use crate::{
    error::ApiError,
    query::{bad_cursor, moment, page_size, pairs, set, text, unknown},
};

/// Which events are asked for.
pub(crate) struct EventsQuery {
    /// Of these kinds; of all, where there is none.
    pub(super) kinds: Vec<&'static str>,
    /// From this instant on.
    pub(super) since: Timestamp,
    /// Until before this one.
    pub(super) until: Timestamp,
    pub(super) after: Option<Place>,
    pub(super) limit: usize,
}

impl EventsQuery {
    /// How many events a page has, if the query does not say.
    pub(crate) const LIMIT: usize = 100;

    /// Parses the query of a list of events.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, ApiError> {
        let (mut kinds, mut since, mut until, mut after, mut limit) = (Vec::new(), None, None, None, None);
        for (name, value) in pairs(query) {
            match name {
                "kind" => {
                    for word in text("kind", value)?.split(',') {
                        kinds.push(kind(word)?);
                    }
                }
                "since" => set("since", &mut since, instant("since", value)?)?,
                "until" => set("until", &mut until, instant("until", value)?)?,
                "cursor" => set("cursor", &mut after, place(value)?)?,
                "limit" => set("limit", &mut limit, page_size(&text("limit", value)?)?)?,
                _ => return Err(unknown("kind, since, until, cursor and limit")),
            }
        }
        let since = since.unwrap_or(Timestamp::from_micros(i64::MIN));
        let until = until.unwrap_or(Timestamp::MAX);
        if since >= until {
            return Err(ApiError::BadQuery("`since` is not before `until`: nothing lies between".to_owned()));
        }
        Ok(Self { kinds, since, until, after, limit: limit.unwrap_or(Self::LIMIT) })
    }

    /// Whether it asks for events of this kind.
    pub(super) fn wants(&self, happening: &Happening) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&happening.kind())
    }
}

/// Which incidents: those that go on, or those that are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Open,
    Closed,
}

/// Which incidents are asked for.
pub(crate) struct IncidentsQuery<C> {
    /// `None` = all.
    pub(super) which: Option<Which>,
    pub(super) after: Option<C>,
    pub(super) limit: usize,
}

impl<C: PartialEq> IncidentsQuery<C> {
    /// How many incidents a page has, if the query does not say.
    pub(crate) const LIMIT: usize = 20;
    /// How many it has at most: each is read from the history of its monitor.
    pub(crate) const MAX_LIMIT: usize = 100;

    /// Parses the query of a list of incidents, whose cursors `read` reads.
    pub(super) fn parse(query: Option<&str>, read: impl Fn(&str) -> Option<C>) -> Result<Self, ApiError> {
        let (mut which, mut after, mut limit) = (None, None, None);
        for (name, value) in pairs(query) {
            match name {
                "status" => set("status", &mut which, status(&text("status", value)?)?)?,
                "cursor" => set("cursor", &mut after, read(&text("cursor", value)?).ok_or_else(bad_cursor)?)?,
                "limit" => set("limit", &mut limit, number("limit", value, Self::MAX_LIMIT)?)?,
                _ => return Err(unknown("status, cursor and limit")),
            }
        }
        Ok(Self { which, after, limit: limit.unwrap_or(Self::LIMIT) })
    }
}

/// Of which days and months uptime is asked for.
pub(crate) struct UptimeQuery {
    pub(super) days: u16,
    pub(super) months: u16,
    pub(super) calendar: Calendar,
}

impl UptimeQuery {
    pub(crate) const MAX_DAYS: u16 = 366;
    pub(crate) const MAX_MONTHS: u16 = 24;

    /// Parses the query of uptime: 30 days and 3 months in UTC, unless it says otherwise.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, ApiError> {
        let (mut days, mut months, mut zone) = (None, None, None);
        for (name, value) in pairs(query) {
            match name {
                "days" => set("days", &mut days, number("days", value, Self::MAX_DAYS)?)?,
                "months" => set("months", &mut months, number("months", value, Self::MAX_MONTHS)?)?,
                "tz" => set("tz", &mut zone, text("tz", value)?.into_owned())?,
                _ => return Err(unknown("days, months and tz")),
            }
        }
        let calendar = Calendar::parse(zone.as_deref().unwrap_or("UTC"));
        let calendar = calendar.map_err(|error| ApiError::BadQuery(error.to_string()))?;
        Ok(Self { days: days.unwrap_or(30), months: months.unwrap_or(3), calendar })
    }
}

/// Over how many days runs are looked at.
pub(crate) struct RuntimeQuery {
    pub(super) days: u16,
}

impl RuntimeQuery {
    /// Parses the query of run times: 30 days, unless it says otherwise.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, ApiError> {
        let mut days = None;
        for (name, value) in pairs(query) {
            match name {
                "days" => set("days", &mut days, number("days", value, UptimeQuery::MAX_DAYS)?)?,
                _ => return Err(unknown("days")),
            }
        }
        Ok(Self { days: days.unwrap_or(30) })
    }
}

fn kind(word: &str) -> Result<&'static str, ApiError> {
    let known = Happening::KINDS.into_iter().find(|kind| *kind == word);
    known.ok_or_else(|| ApiError::BadQuery(format!("`kind` is one of {}", Happening::KINDS.join(", "))))
}

fn status(word: &str) -> Result<Which, ApiError> {
    match word {
        "open" => Ok(Which::Open),
        "closed" => Ok(Which::Closed),
        _ => Err(ApiError::BadQuery("`status` is open or closed".to_owned())),
    }
}

fn instant(name: &str, value: &str) -> Result<Timestamp, ApiError> {
    let example = "2026-11-23T03:00:00Z or 1795402800";
    let refuse = || ApiError::BadQuery(format!("`{name}` is an instant such as {example}; write + as %2B"));
    moment(&text(name, value)?).ok_or_else(refuse)
}

fn place(value: &str) -> Result<Place, ApiError> {
    Place::parse(&text("cursor", value)?).ok_or_else(bad_cursor)
}

/// A number from 1 to `most`.
fn number<N>(name: &str, value: &str, most: N) -> Result<N, ApiError>
where
    N: std::str::FromStr + PartialOrd + std::fmt::Display + From<u8> + Copy,
{
    let refuse = || ApiError::BadQuery(format!("`{name}` is a number from 1 to {most}"));
    let given = text(name, value)?.parse().ok().filter(|given| (N::from(1)..=most).contains(given));
    given.ok_or_else(refuse)
}
