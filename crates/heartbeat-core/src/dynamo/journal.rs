//! The journal: rows of history that wait in their monitor's item, because they were written with the change that they tell
//! of. Each is put into the events table, which may be done twice, and then goes.
//!
//! Whoever writes hands over what waits at once; what is left behind by a crash is handed over by the next write or by the
//! auditor's walk. Rows of pings never wait: the count and the last ping are exact without them.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::{
    DynamoStore,
    expression::Expression,
    request::Failure,
    shape::{Item, number},
};
use crate::{
    channel::ChannelName,
    history::{Happening, Row},
    monitor::MonitorId,
    time::Timestamp,
};

/// The attribute.
pub(super) const JOURNAL: &str = "journal";
/// How many rows may wait in an item. A commit adds at most three.
const ROOM: usize = 4;
/// The most bytes of a row that waits, which keeps the largest item small. One of the longest names that also says what
/// was not told has 590 without its reason.
const LONGEST: usize = 600;
/// How long a write waits for history, which decides nothing.
pub(super) const PATIENCE: Duration = Duration::from_millis(800);

/// A row in an item.
#[derive(Serialize, Deserialize)]
struct Line {
    at: Timestamp,
    tag: u64,
    happening: Happening,
}

/// Rows as a journal has them, and those of pings, which are in none.
pub(super) fn told(rows: &[Row]) -> (Vec<String>, Vec<Row>) {
    let (pings, others): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| matches!(row.happening, Happening::Ping(_)));
    (others.into_iter().filter_map(line).collect(), pings.into_iter().cloned().collect())
}

/// A row as it waits, its reason cut until it fits.
fn line(row: &Row) -> Option<String> {
    let mut line = Line { at: row.at, tag: row.tag, happening: row.happening.clone() };
    if let Happening::Delivery(delivery) = &mut line.happening {
        delivery.notification = shortened(&delivery.notification, &row.monitor, &delivery.channel);
    }
    loop {
        let text = serde_json::to_string(&line).ok()?;
        let Happening::Delivery(delivery) = &mut line.happening else { return Some(text) };
        match &mut delivery.reason {
            Some(reason) if text.len() > LONGEST => {
                let half = reason.chars().count() / 2;
                delivery.reason = (half > 0).then(|| reason.chars().take(half).collect());
            }
            Some(_) | None => return Some(text),
        }
    }
}

/// The name of a notification without that of its monitor, whose item it waits in, and that of its channel, which stands
/// beside it: what is left begins and ends with `/`, as no whole name does.
fn shortened(notification: &str, monitor: &MonitorId, channel: &ChannelName) -> String {
    let between = notification.strip_prefix(&monitor.to_string()).and_then(|rest| rest.strip_suffix(channel.as_str()));
    between.filter(|between| is_shortened(between)).unwrap_or(notification).to_owned()
}

fn is_shortened(notification: &str) -> bool {
    notification.len() > 1 && notification.starts_with('/') && notification.ends_with('/')
}

/// What waits, as it was.
fn lengthened(mut happening: Happening, monitor: &MonitorId) -> Happening {
    if let Happening::Delivery(delivery) = &mut happening
        && is_shortened(&delivery.notification)
    {
        delivery.notification = format!("{monitor}{}{}", delivery.notification, delivery.channel);
    }
    happening
}

/// Adds rows to an item's journal, if there is room for them.
pub(super) fn append(expression: &mut Expression, rows: &[String]) {
    if rows.is_empty() {
        return;
    }
    let journal = expression.name(JOURNAL);
    let (none, more) = (expression.value(AttributeValue::L(Vec::new())), expression.value(list(rows)));
    expression.assign(format!("{journal} = list_append(if_not_exists({journal}, {none}), {more})"));
    let room = expression.value(number(ROOM.saturating_sub(rows.len())));
    expression.require(format!("(attribute_not_exists({journal}) OR size({journal}) <= {room})"));
}

/// Rows as the attribute holds them.
pub(super) fn list(rows: &[String]) -> AttributeValue {
    AttributeValue::L(rows.iter().cloned().map(AttributeValue::S).collect())
}

/// What waits in an item.
#[derive(Default)]
pub(super) struct Told {
    rows: Vec<Row>,
    /// As the attribute holds it: it goes only as it was seen.
    seen: Vec<AttributeValue>,
}

impl Told {
    /// What waits in the item of `id`. A row that cannot be understood is said, and goes with the others.
    pub(super) fn of(id: &MonitorId, item: &Item) -> Self {
        let Some(AttributeValue::L(seen)) = item.get(JOURNAL) else { return Self::default() };
        let rows = seen.iter().filter_map(|line| {
            let line: Result<Line, _> = serde_json::from_str(line.as_s().map_or("", String::as_str));
            match line {
                Ok(Line { at, tag, happening }) => {
                    Some(Row { monitor: id.clone(), at, tag, happening: lengthened(happening, id) })
                }
                Err(error) => {
                    tracing::warn!(monitor = %id, %error, "a row of history cannot be understood and is left out");
                    None
                }
            }
        });
        Self { rows: rows.collect(), seen: seen.clone() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Whether every line is a row.
    pub(super) fn is_understood(&self) -> bool {
        self.rows.len() == self.seen.len()
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }
}

impl DynamoStore {
    /// Hands what waits over to history, and adds `others` to it. What does not get there in time waits on.
    pub(super) async fn hand_over(&self, id: &MonitorId, waiting: Told, others: &[Row]) {
        if waiting.is_empty() && others.is_empty() {
            return;
        }
        let handed_over = tokio::time::timeout(PATIENCE, async {
            if waiting.is_empty() {
                self.record(others).await;
            } else {
                self.drain_with(id, waiting, others).await;
            }
        });
        if handed_over.await.is_err() {
            tracing::warn!(monitor = %id, "history takes too long, what there is to tell waits in the monitor");
        }
    }

    /// Hands what waits over to history; false when history cannot be told.
    pub(super) async fn drain(&self, id: &MonitorId, waiting: Told) -> bool {
        self.drain_with(id, waiting, &[]).await
    }

    async fn drain_with(&self, id: &MonitorId, waiting: Told, others: &[Row]) -> bool {
        let rows: Vec<Row> = waiting.rows.iter().chain(others).cloned().collect();
        if let Err(error) = self.put_events(&rows).await {
            tracing::warn!(monitor = %id, %error, "history cannot be told");
            return false;
        }
        let mut expression = Expression::default();
        let (journal, seen) = (expression.name(JOURNAL), expression.value(AttributeValue::L(waiting.seen)));
        expression.require(format!("{journal} = {seen}"));
        expression.remove(JOURNAL);
        match self.update(id.clone(), &expression).await {
            // More has come in between: whoever wrote it hands it over.
            Ok(_) | Err(Failure::Declined(_)) => true,
            Err(Failure::Store(error)) => {
                tracing::warn!(monitor = %id, %error, "what history has been told stays in the monitor for now");
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::DeliveryRow;

    #[test]
    fn an_attempt_waits_under_a_shorter_name_and_comes_back_whole() {
        let monitor = MonitorId::parse("team/telegram").unwrap();
        let channel = ChannelName::parse("telegram").unwrap();
        for (notification, waits) in [
            ("team/telegram/7/overdue/telegram", "/7/overdue/"),
            ("team/telegram/7/overdue/another", "team/telegram/7/overdue/another"),
            ("team/telegram-2/7/overdue/telegram", "team/telegram-2/7/overdue/telegram"),
            ("team/telegram", "team/telegram"),
            ("n", "n"),
        ] {
            assert_eq!(shortened(notification, &monitor, &channel), waits);
            let delivery = DeliveryRow {
                notification: waits.to_owned(),
                channel: channel.clone(),
                attempt: 1,
                outcome: "delivered".to_owned(),
                reason: None,
                status: None,
                took_ms: 1,
                next_at: None,
                untold: None,
            };
            let Happening::Delivery(whole) = lengthened(Happening::Delivery(delivery), &monitor) else {
                unreachable!("it tells of something else");
            };
            assert_eq!(whole.notification, notification);
        }
    }
}
