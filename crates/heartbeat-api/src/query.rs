//! Queries. Of a ping's, what is not known is ignored, but an interval or grace that is given is right or refused; of a
//! management call's, everything must be known.

use heartbeat_core::{
    ChannelName, Context, Grace, Interval, Monitor, RunId, Schedule, Shown, Slug, Tag, Timestamp,
    definition::{Fields, Length},
    ping::Note,
};

use crate::{
    error::ApiError,
    ledger::DeliveryId,
    percent::{Plus, decode},
};

/// The raw pairs of a query; a name without `=` has an empty value.
pub(crate) fn pairs(query: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    let parts = query.unwrap_or_default().split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// What a ping's query carries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PingQuery {
    pub(crate) schedule: Option<Schedule>,
    pub(crate) grace: Option<Grace>,
    pub(crate) run: Option<RunId>,
    /// When it happened, where it says so.
    pub(crate) at: Option<Timestamp>,
    pub(crate) notes: Vec<Note>,
}

impl PingQuery {
    /// Parses a ping's query.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, ApiError> {
        let mut parsed = Self::default();
        let (mut interval, mut cron, mut zone) = (None, None, None);
        for (name, value) in pairs(query) {
            match name {
                "interval" => {
                    let given = Interval::parse(&text("interval", value)?).map_err(ApiError::BadInterval)?;
                    set("interval", &mut interval, given)?;
                }
                "cron" => set("cron", &mut cron, text("cron", value)?.into_owned())?,
                "tz" => set("tz", &mut zone, text("tz", value)?.into_owned())?,
                "at" => parsed.take_time(value),
                "grace" => {
                    let grace = Grace::parse(&text("grace", value)?).map_err(ApiError::BadGrace)?;
                    set("grace", &mut parsed.grace, grace)?;
                }
                "rid" => parsed.take_run(value),
                _ => {}
            }
        }
        parsed.schedule = schedule(interval, cron, zone)?;
        Ok(parsed)
    }

    fn take_time(&mut self, value: &str) {
        let at = decode(value, Plus::Space).and_then(|text| moment(&text));
        match at {
            Some(at) if self.at.is_none_or(|first| first == at) => self.at = Some(at),
            Some(_) | None => self.notes.push(Note::TimeIgnored),
        }
    }

    fn take_run(&mut self, value: &str) {
        match decode(value, Plus::Space).and_then(|text| RunId::parse(&text)) {
            Some(run) if self.run.as_ref().is_none_or(|first| *first == run) => self.run = Some(run),
            Some(_) | None => {
                self.run = None;
                if !self.notes.contains(&Note::RunIdIgnored) {
                    self.notes.push(Note::RunIdIgnored);
                }
            }
        }
    }
}

/// The schedule that a ping carries.
pub(crate) fn schedule(
    interval: Option<Interval>,
    cron: Option<String>,
    timezone: Option<String>,
) -> Result<Option<Schedule>, ApiError> {
    if cron.is_none() && timezone.is_none() {
        return Ok(interval.map(Schedule::Every));
    }
    let interval = interval.map(|interval| Length::Seconds(interval.as_secs()));
    let fields = Fields { interval, cron, timezone, ..Fields::default() };
    fields.changes(None).map(|changes| changes.schedule).map_err(ApiError::BadCron)
}

/// An instant: RFC 3339, or seconds since the epoch, perhaps with a fraction.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = !whole.is_empty() && [whole, fraction].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    if !is_number {
        return Timestamp::parse(text);
    }
    let micros: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let micros: i64 = micros.parse().ok()?;
    Some(Timestamp::from_micros(whole.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)?))
}

/// Which part of the list of monitors is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ListQuery {
    pub(crate) after: Option<Slug>,
    pub(crate) limit: usize,
    pub(crate) status: Option<Shown>,
    /// Only those with all of these tags.
    pub(crate) tags: Vec<Tag>,
    /// Only those with this in their slug, name or description, in whatever case.
    pub(crate) text: Option<String>,
}

impl ListQuery {
    /// How many monitors a page has, if the query does not say.
    pub(crate) const LIMIT: usize = 100;
    /// How many it has at most.
    pub(crate) const MAX_LIMIT: usize = 500;
    pub(crate) const STATUSES: [Shown; 6] =
        [Shown::New, Shown::Ok, Shown::Running, Shown::Late, Shown::Overdue, Shown::Paused];

    /// Parses the query of a list.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, ApiError> {
        let (mut after, mut limit, mut status, mut words) = (None, None, None, None);
        let mut tags = Vec::new();
        for (name, value) in pairs(query) {
            match name {
                "tag" => tags.push(Tag::parse(&text("tag", value)?).map_err(|e| ApiError::BadQuery(e.to_string()))?),
                "q" => set("q", &mut words, text("q", value)?.to_lowercase())?,
                "cursor" => set("cursor", &mut after, cursor(&text("cursor", value)?)?)?,
                "limit" => set("limit", &mut limit, page_size(&text("limit", value)?)?)?,
                "status" => set("status", &mut status, shown(&text("status", value)?)?)?,
                _ => return Err(unknown("cursor, limit, status, tag and q")),
            }
        }
        Ok(Self { after, limit: limit.unwrap_or(Self::LIMIT), status, tags, text: words })
    }

    /// Whether it leaves monitors out.
    pub(crate) fn is_filtered(&self) -> bool {
        self.status.is_some() || !self.tags.is_empty() || self.text.is_some()
    }

    /// Whether it asks for this monitor.
    pub(crate) fn wants(&self, monitor: &Monitor, context: &Context) -> bool {
        let about = &monitor.about;
        let has = |text: &str| {
            let texts = [Some(monitor.id.slug.as_str()), about.name.as_deref(), about.description.as_deref()];
            texts.into_iter().flatten().any(|there| there.to_lowercase().contains(text))
        };
        self.tags.iter().all(|tag| about.tags.contains(tag))
            && self.text.as_deref().is_none_or(has)
            && self.status.is_none_or(|status| monitor.status_at(context) == status)
    }
}

/// How many runs of a schedule are asked for.
pub(crate) struct ScheduleQuery {
    pub(crate) count: usize,
}

impl ScheduleQuery {
    /// How many runs are shown, if the query does not say.
    pub(crate) const COUNT: usize = 10;
    /// How many are shown at most.
    pub(crate) const MAX_COUNT: usize = 100;

    /// Parses the query of a preview.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, ApiError> {
        let mut count = None;
        for (name, value) in pairs(query) {
            match name {
                "count" => {
                    let refuse = || ApiError::BadQuery(format!("`count` is a number from 1 to {}", Self::MAX_COUNT));
                    let given = text("count", value)?.parse().ok().filter(|n| (1..=Self::MAX_COUNT).contains(n));
                    set("count", &mut count, given.ok_or_else(refuse)?)?;
                }
                _ => return Err(unknown("count")),
            }
        }
        Ok(Self { count: count.unwrap_or(Self::COUNT) })
    }
}

/// Which part of the ledger of deliveries is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DeliveriesQuery {
    pub(crate) whose: Whose,
    pub(crate) after: Option<DeliveryId>,
    pub(crate) limit: usize,
}

/// Whose deliveries.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Monitor(Slug),
    Channel(ChannelName),
}

impl DeliveriesQuery {
    /// Parses the query of the ledger.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, ApiError> {
        let (mut monitor, mut channel, mut after, mut limit) = (None, None, None, None);
        for (name, value) in pairs(query) {
            match name {
                "monitor" => {
                    let slug = Slug::parse(&text("monitor", value)?).map_err(ApiError::BadSlug)?;
                    set("monitor", &mut monitor, slug)?;
                }
                "channel" => {
                    let name = ChannelName::parse(&text("channel", value)?).map_err(ApiError::BadChannelName)?;
                    set("channel", &mut channel, name)?;
                }
                "cursor" => {
                    let id = DeliveryId::parse(&text("cursor", value)?).ok_or_else(bad_cursor)?;
                    set("cursor", &mut after, id)?;
                }
                "limit" => set("limit", &mut limit, page_size(&text("limit", value)?)?)?,
                _ => return Err(unknown("monitor or channel, cursor and limit")),
            }
        }
        let whose = match (monitor, channel) {
            (Some(slug), None) => Whose::Monitor(slug),
            (None, Some(name)) => Whose::Channel(name),
            (None, None) | (Some(_), Some(_)) => {
                return Err(ApiError::BadQuery("give either `monitor` or `channel`".to_owned()));
            }
        };
        Ok(Self { whose, after, limit: limit.unwrap_or(ListQuery::LIMIT) })
    }
}

/// Refuses every parameter: for calls that take none.
pub(crate) fn expect_none(query: Option<&str>) -> Result<(), ApiError> {
    match pairs(query).next() {
        Some(_) => Err(unknown("no parameter")),
        None => Ok(()),
    }
}

pub(crate) fn unknown(known: &str) -> ApiError {
    ApiError::BadQuery(format!("there is a parameter that is not known: this call takes {known}"))
}

pub(crate) fn text<'a>(name: &str, value: &'a str) -> Result<std::borrow::Cow<'a, str>, ApiError> {
    let refuse = || ApiError::BadQuery(format!("`{name}` is not percent-encoded UTF-8: write % as %25"));
    decode(value, Plus::Space).ok_or_else(refuse)
}

/// Twice the same is once; twice something else is not understood.
pub(crate) fn set<T: PartialEq>(name: &str, slot: &mut Option<T>, value: T) -> Result<(), ApiError> {
    if slot.as_ref().is_some_and(|first| *first != value) {
        return Err(ApiError::BadQuery(format!("`{name}` is given twice with different values: give it once")));
    }
    *slot = Some(value);
    Ok(())
}

fn cursor(text: &str) -> Result<Slug, ApiError> {
    Slug::parse(text).map_err(|_| bad_cursor())
}

pub(crate) fn bad_cursor() -> ApiError {
    ApiError::BadQuery("`cursor` is not the `next_cursor` of an earlier page: copy it unchanged".to_owned())
}

pub(crate) fn page_size(text: &str) -> Result<usize, ApiError> {
    let refuse = || ApiError::BadQuery(format!("`limit` is a number from 1 to {}", ListQuery::MAX_LIMIT));
    let size = text.parse().ok().filter(|size| (1..=ListQuery::MAX_LIMIT).contains(size));
    size.ok_or_else(refuse)
}

fn shown(text: &str) -> Result<Shown, ApiError> {
    let words = || ListQuery::STATUSES.map(Shown::as_str).join(", ");
    let found = ListQuery::STATUSES.into_iter().find(|shown| shown.as_str() == text);
    found.ok_or_else(|| ApiError::BadQuery(format!("`status` is one of {}", words())))
}
