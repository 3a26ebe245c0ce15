//! History in the events table: a stream a monitor, sorted by time, a few streams a project, so that pages see what happens,
//! and a stream a channel of attempts to deliver. A row is put once into each that it belongs to; putting it again changes
//! nothing.
//!
//! A channel has one stream, where a project's feed has several: what goes there are attempts to deliver and no pings, each
//! behind a settlement that reads and writes its monitor's item first, so that a checker makes hundreds a second at most
//! when everything is down at once, and a partition takes a thousand. What it does not take is sent again, or waits in the
//! monitor's item.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use futures_util::future::try_join_all;
use serde_json::Value;

use super::{
    DynamoStore,
    journal::Told,
    request::{Subject, read},
    shape::{Item, number, seconds_up, string, text, to_value},
    tables::{ID, TTL},
};
use crate::{
    channel::ChannelName,
    history::{Happening, Row},
    monitor::MonitorId,
    slug::Project,
    store::{FEED_OVERLAP, StoreError, shard_of},
    time::Timestamp,
};

/// Into how many streams a project's feed is divided: one would be a hot partition.
const FEEDS: u16 = 4;
/// The most requests in one batch. (AWS: Service, account, and table quotas.)
pub(super) const BATCH: usize = 25;
/// How often what a batch did not take is sent again.
const ATTEMPTS: u32 = 4;

pub(super) const STREAM: &str = "stream";
pub(super) const MONITOR: &str = "monitor";
pub(super) const TAG: &str = "tag";
pub(super) const AT: &str = "at";
pub(super) const HAPPENING: &str = "happening";

impl DynamoStore {
    /// Adds rows to history. Best effort: who calls it has done what matters.
    pub(super) async fn record(&self, rows: &[Row]) {
        if let Err(error) = self.put_events(rows).await {
            tracing::warn!(%error, rows = rows.len(), "rows of history are lost");
        }
    }

    /// Adds rows to history.
    pub(super) async fn put_events(&self, rows: &[Row]) -> Result<(), StoreError> {
        let mut requests = Vec::with_capacity(rows.len() * 2);
        for row in rows {
            for stream in streams_of(&row.monitor, channel_of(&row.happening)) {
                let put = PutRequest::builder().set_item(Some(self.event(row, stream))).build();
                let put = put.map_err(|error| StoreError::Unavailable(error.to_string()))?;
                requests.push(WriteRequest::builder().put_request(put).build());
            }
        }
        for batch in requests.chunks(BATCH) {
            self.put_batch(batch.to_vec()).await?;
        }
        Ok(())
    }

    /// Sends a batch, and again what of it was not taken.
    async fn put_batch(&self, mut requests: Vec<WriteRequest>) -> Result<(), StoreError> {
        let table = &self.tables.events;
        for _ in 0..ATTEMPTS {
            let request = self.client.batch_write_item().request_items(table, requests);
            let answer = read(Subject { action: "BatchWriteItem", table }, request.send()).await?;
            requests = answer.unprocessed_items.and_then(|mut left| left.remove(table)).unwrap_or_default();
            if requests.is_empty() {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable(format!("DynamoDB is throttling BatchWriteItem on {table}")))
    }

    pub(super) fn event(&self, row: &Row, stream: String) -> Item {
        let happening = serde_json::to_value(&row.happening).unwrap_or_default();
        HashMap::from([
            (STREAM.to_owned(), text(stream)),
            (ID.to_owned(), text(event_id(row))),
            (MONITOR.to_owned(), text(row.monitor.to_string())),
            (AT.to_owned(), number(row.at.as_micros())),
            (TAG.to_owned(), number(row.tag)),
            (HAPPENING.to_owned(), to_value(happening)),
            (TTL.to_owned(), number(seconds_up(row.at.plus(self.retention)))),
        ])
    }

    /// The newest rows of a monitor before `before`, those included that still wait in its item.
    pub(super) async fn newest_events(
        &self,
        id: &MonitorId,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let waiting = self.item(id).await?.map(|item| Told::of(id, &item)).unwrap_or_default();
        let mut rows = self.events(&stream_of(id), Side::Before(before), limit).await?;
        let known: std::collections::HashSet<(Timestamp, u64)> = rows.iter().map(|row| (row.at, row.tag)).collect();
        let waiting = waiting.rows().iter().filter(|row| row.at < before && !known.contains(&(row.at, row.tag)));
        rows.extend(waiting.cloned());
        rows.sort_by_key(|row| std::cmp::Reverse((row.at, row.tag)));
        rows.truncate(limit);
        Ok(rows)
    }

    /// The newest attempts to deliver on a channel before `before`. Those that still wait in their monitors' items are not
    /// among them: which monitors those are, only a walk over all of them would say. They are here as soon as history is
    /// told, which whoever settles does at once.
    pub(super) async fn newest_deliveries(
        &self,
        project: &Project,
        channel: &ChannelName,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = self.events(&channel_stream(project, channel.as_str()), Side::Before(before), limit).await?;
        rows.truncate(limit);
        Ok(rows)
    }

    /// The newest rows of a project before `before`: its feed, read backwards. Those that still wait in their monitors' items
    /// are not among them, as with the deliveries of a channel.
    pub(super) async fn newest_of_project(
        &self,
        project: &Project,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let streams: Vec<String> = (0..FEEDS).map(|number| feed_name(project, number)).collect();
        let streams = streams.iter().map(|stream| self.events(stream, Side::Before(before), limit));
        let mut rows: Vec<Row> = try_join_all(streams).await?.into_iter().flatten().collect();
        rows.sort_by(|one, other| (other.at, other.tag, &other.monitor).cmp(&(one.at, one.tag, &one.monitor)));
        rows.truncate(limit);
        Ok(rows)
    }

    /// Whether this row is in the events table.
    pub(super) async fn has_event(&self, row: &Row) -> Result<bool, StoreError> {
        let table = &self.tables.events;
        let request = self
            .client
            .get_item()
            .table_name(table)
            .key(STREAM, text(stream_of(&row.monitor)))
            .key(ID, text(event_id(row)))
            .projection_expression("#id")
            .expression_attribute_names("#id", ID)
            .consistent_read(true);
        Ok(read(Subject { action: "GetItem", table }, request.send()).await?.item.is_some())
    }

    /// What has happened in a project since a little before `since`, oldest first.
    pub(super) async fn feed_since(
        &self,
        project: &Project,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let streams: Vec<String> = (0..FEEDS).map(|number| feed_name(project, number)).collect();
        let streams = streams.iter().map(|stream| self.events(stream, Side::Around(since), limit));
        let mut rows: Vec<Row> = try_join_all(streams).await?.into_iter().flatten().collect();
        rows.sort_by(|one, other| (one.at, one.tag, &one.monitor).cmp(&(other.at, other.tag, &other.monitor)));
        let overlap = rows.iter().filter(|row| row.at < since).count();
        rows.truncate(overlap.saturating_add(limit));
        Ok(rows)
    }

    /// At most `limit` rows of a stream, from the near end of what is asked for; those of an overlap do not count.
    async fn events(&self, stream: &str, side: Side, limit: usize) -> Result<Vec<Row>, StoreError> {
        let (mut rows, mut start) = (Vec::new(), None);
        loop {
            let request = self
                .client
                .query()
                .table_name(&self.tables.events)
                .key_condition_expression(side.condition())
                .expression_attribute_names("#stream", STREAM)
                .expression_attribute_names("#id", ID)
                .expression_attribute_values(":stream", text(stream))
                .expression_attribute_values(":at", text(instant_key(side.at())))
                .scan_index_forward(side.is_forward())
                .consistent_read(true)
                .limit(i32::try_from(limit.max(1)).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let subject = Subject { action: "Query", table: &self.tables.events };
            let page = read(subject, request.send()).await?;
            rows.extend(page.items.unwrap_or_default().into_iter().filter_map(row_of));
            start = page.last_evaluated_key;
            if start.is_none() || rows.iter().filter(|row| side.counts(row)).count() >= limit {
                return Ok(rows);
            }
        }
    }
}

/// Which rows of a stream.
#[derive(Clone, Copy)]
enum Side {
    /// Those before an instant, the newest first.
    Before(Timestamp),
    /// Those from a little before an instant on, the oldest first.
    Around(Timestamp),
}

impl Side {
    fn at(self) -> Timestamp {
        match self {
            Self::Before(at) => at,
            Self::Around(at) => at.minus(FEED_OVERLAP),
        }
    }

    fn counts(self, row: &Row) -> bool {
        match self {
            Self::Before(_) => true,
            Self::Around(at) => row.at >= at,
        }
    }

    fn is_forward(self) -> bool {
        matches!(self, Self::Around(_))
    }

    fn condition(self) -> &'static str {
        match self {
            Self::Before(_) => "#stream = :stream AND #id < :at",
            Self::Around(_) => "#stream = :stream AND #id >= :at",
        }
    }
}

pub(super) fn stream_of(id: &MonitorId) -> String {
    format!("monitor/{id}")
}

fn feed_of(id: &MonitorId) -> String {
    feed_name(&id.project, shard_of(id, FEEDS))
}

/// The channel of an attempt to deliver.
fn channel_of(happening: &Happening) -> Option<&str> {
    if let Happening::Delivery(delivery) = happening { Some(delivery.channel.as_str()) } else { None }
}

/// All streams of a row: its monitor's, one of its project's, and that of the channel on which it tells of an attempt.
pub(super) fn streams_of(monitor: &MonitorId, channel: Option<&str>) -> Vec<String> {
    let channel = channel.map(|channel| channel_stream(&monitor.project, channel));
    [stream_of(monitor), feed_of(monitor)].into_iter().chain(channel).collect()
}

fn channel_stream(project: &Project, channel: &str) -> String {
    format!("channel/{project}/{channel}")
}

fn feed_name(project: &Project, number: u16) -> String {
    format!("feed/{project}/{number}")
}

/// Sorts by time. What happened before the epoch sorts at its start: nothing did.
fn instant_key(at: Timestamp) -> String {
    format!("{:019}", at.as_micros().max(0))
}

pub(super) fn event_id(row: &Row) -> String {
    format!("{}-{:016x}-{}", instant_key(row.at), row.tag, row.monitor.slug)
}

/// The row of an event. One that cannot be understood is said, and hides no other.
fn row_of(mut item: Item) -> Option<Row> {
    let monitor = MonitorId::parse(string(&item, MONITOR)?)?;
    let at = super::shape::instant(&item, AT)?;
    let tag = item.get(TAG)?.as_n().ok()?.parse().ok()?;
    let happening: Value = serde_dynamo::from_attribute_value(item.remove(HAPPENING)?).ok()?;
    match serde_json::from_value::<Happening>(happening) {
        Ok(happening) => Some(Row { monitor, at, tag, happening }),
        Err(error) => {
            tracing::warn!(%monitor, %error, "a row of history cannot be understood and is left out");
            None
        }
    }
}
