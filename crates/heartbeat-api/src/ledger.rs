//! The ledger of deliveries: each attempt to tell somebody, by monitor or by channel, and another try by hand.

use std::fmt;

use heartbeat_core::{
    ChannelName, MonitorId, Project, Slug, Store, StoreError, Timestamp,
    flow::Flow,
    history::{DeliveryRow, Happening, Row},
};

use crate::error::ApiError;

/// How many rows one page looks at to find deliveries among other rows: then the page is short, and its cursor goes on.
const MAX_SCANNED: usize = 2_000;
/// How many it looks at at once, at least, where there are other rows.
const SCAN: usize = 200;
/// The step of time.
const MICROSECOND: std::time::Duration = std::time::Duration::from_micros(1);

/// Names an attempt to deliver in its project: `slug.micros.tag`, safe in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryId {
    slug: Slug,
    at: Timestamp,
    tag: u64,
}

impl DeliveryId {
    /// Reads one as it is shown.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (slug, at, tag) = (parts.next()?, parts.next()?, parts.next()?);
        let id = Self {
            slug: Slug::parse(slug).ok()?,
            at: Timestamp::from_micros(at.parse().ok()?),
            tag: u64::from_str_radix(tag, 16).ok()?,
        };
        (id.to_string() == text).then_some(id)
    }

    /// Which monitor it is about.
    pub fn slug(&self) -> &Slug {
        &self.slug
    }

    fn of(row: &Row) -> Self {
        Self { slug: row.monitor.slug.clone(), at: row.at, tag: row.tag }
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{:x}", self.slug, self.at.as_micros(), self.tag)
    }
}

/// An attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its name.
    pub id: DeliveryId,
    /// When it ended.
    pub at: Timestamp,
    /// What history keeps of it.
    pub row: DeliveryRow,
}

impl Delivery {
    fn of(row: Row) -> Option<Self> {
        let (id, at) = (DeliveryId::of(&row), row.at);
        if let Happening::Delivery(row) = row.happening { Some(Self { id, at, row }) } else { None }
    }
}

/// Whose deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// What channels were told of a monitor.
    Monitor(MonitorId),
    /// What a project's channel was told.
    Channel(Project, ChannelName),
}

impl Of {
    async fn rows(&self, store: &dyn Store, before: Timestamp, limit: usize) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Monitor(id) => store.history(id, before, limit).await,
            Self::Channel(project, channel) => store.deliveries(project, channel, before, limit).await,
        }
    }

    fn at_once(&self, limit: usize) -> usize {
        match self {
            Self::Monitor(_) => SCAN.max(limit + 1),
            Self::Channel(..) => limit + 1,
        }
    }
}

/// A part of the ledger, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deliveries {
    /// The attempts.
    pub deliveries: Vec<Delivery>,
    /// What the next part comes after; `None` when this is the last.
    pub next: Option<DeliveryId>,
}

impl Deliveries {
    /// At most `limit` deliveries of `of` that come after `after`. Deliveries of one message have one time: what tells
    /// them apart is the rest of their id, so none is skipped where a page ends among them.
    pub async fn page(store: &dyn Store, of: &Of, after: Option<DeliveryId>, limit: usize) -> Result<Self, StoreError> {
        let (mut page, mut last) = (Self::default(), after);
        let (mut at_once, mut scanned) = (of.at_once(limit), 0);
        loop {
            let before = last.as_ref().map_or(Timestamp::MAX, |last| last.at.plus(MICROSECOND));
            let rows = of.rows(store, before, at_once).await?;
            let is_end = rows.len() < at_once;
            let fresh = unseen(rows, last.as_ref());
            scanned += fresh.len();
            if fresh.is_empty() {
                // All of them are of one time, and seen.
                at_once = at_once.saturating_mul(2);
            }
            for row in fresh {
                if page.deliveries.len() == limit {
                    return Ok(Self { next: last, ..page });
                }
                last = Some(DeliveryId::of(&row));
                page.deliveries.extend(Delivery::of(row));
            }
            if is_end {
                return Ok(page);
            }
            if scanned >= MAX_SCANNED {
                return Ok(Self { next: last, ..page });
            }
        }
    }
}

/// The rows after `last`.
fn unseen(rows: Vec<Row>, last: Option<&DeliveryId>) -> Vec<Row> {
    let Some(last) = last else { return rows };
    match rows.iter().position(|row| DeliveryId::of(row) == *last) {
        Some(seen) => rows.into_iter().skip(seen + 1).collect(),
        // It is forgotten: then so is, or was seen, what is as old.
        None => rows.into_iter().filter(|row| row.at < last.at).collect(),
    }
}

/// How many of a channel's last attempts are looked at to say how it does.
const LOOKED_BACK: usize = 50;

/// How a channel does, by its last attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// When something was last delivered.
    pub last_delivered_at: Option<Timestamp>,
    /// The last attempt that failed: when, and why.
    pub last_error: Option<(Timestamp, String)>,
}

impl Condition {
    /// Of a project's channel.
    pub async fn of(store: &dyn Store, project: &Project, channel: &ChannelName) -> Result<Self, StoreError> {
        let rows = store.deliveries(project, channel, Timestamp::MAX, LOOKED_BACK).await?;
        let attempts: Vec<_> = rows.into_iter().filter_map(Delivery::of).collect();
        let is_delivered = |attempt: &&Delivery| attempt.row.outcome == "delivered";
        let failed = attempts.iter().find(|attempt| !is_delivered(attempt));
        Ok(Self {
            last_delivered_at: attempts.iter().find(is_delivered).map(|attempt| attempt.at),
            last_error: failed.map(|attempt| (attempt.at, attempt.row.reason.clone().unwrap_or_default())),
        })
    }
}

/// The delivery of this id, if history still has it.
pub async fn find(store: &dyn Store, project: &Project, id: &DeliveryId) -> Result<Option<Delivery>, StoreError> {
    let monitor = MonitorId::new(project.clone(), id.slug.clone());
    let mut at_once = SCAN;
    loop {
        let rows = store.history(&monitor, id.at.plus(MICROSECOND), at_once).await?;
        let is_end = rows.len() < at_once || rows.last().is_some_and(|row| row.at < id.at);
        if let Some(row) = rows.into_iter().find(|row| DeliveryId::of(row) == *id) {
            return Ok(Delivery::of(row));
        }
        if is_end {
            return Ok(None);
        }
        at_once = at_once.saturating_mul(2);
    }
}

/// Has what this delivery was to tell sent as soon as can be; answers with the delivery.
pub async fn retry(flow: &Flow, project: &Project, id: &DeliveryId) -> Result<Delivery, ApiError> {
    let found = find(flow.store.as_ref(), project, id).await?;
    let delivery = found.ok_or(ApiError::UnknownDelivery)?;
    if delivery.row.outcome == "delivered" {
        return Err(ApiError::AlreadyDelivered);
    }
    let monitor = MonitorId::new(project.clone(), id.slug.clone());
    let untold = delivery.row.untold.as_deref().cloned();
    let is_sent = flow.redeliver(&monitor, &delivery.row.channel, untold).await;
    if is_sent.map_err(|error| ApiError::of_manage(error, id.slug.clone()))? {
        Ok(delivery)
    } else {
        Err(ApiError::NothingToRetry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_shown_and_only_so() {
        let text = "nightly-backup.1795402800000001.2a";
        assert_eq!(DeliveryId::parse(text).unwrap().to_string(), text);
        for odd in ["", "a", "a.1", "a.1.zz", "a.1.2.3", "A.1.2", "a.+1.2", "a.1.02", "a.1.2A", "a..2"] {
            assert_eq!(DeliveryId::parse(odd), None, "{odd}");
        }
    }
}
