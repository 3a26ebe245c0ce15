//! A monitor's attributes as `DynamoDB` holds them: those of [`crate::item`], with two differences. Sums in an expression
//! need one unit and no choice, so the window is in microseconds, and how long the monitor is remembered after a ping is an
//! attribute (`forget_s`). `expires_at` is in seconds, as its TTL wants it.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use super::tables::{ID, TTL};
use crate::{
    item::{self, Attributes, Corrupt, decode},
    monitor::{FORGOTTEN_AFTER, FORGOTTEN_AFTER_DUE, MonitorId},
    store::{Found, Stored, WriteId},
    time::Timestamp,
};

/// An item of a table.
pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) const WAKE_AT: &str = "wake_at";
pub(super) const WRITE_ID: &str = "write_id";
/// The write before the last: who has lost the answer to a write finds itself here behind another one.
pub(super) const WRITE_ID_BEFORE: &str = "write_id_before";
pub(super) const WINDOW_US: &str = "window_us";
pub(super) const FORGET_S: &str = "forget_s";
/// Until when a tombstone holds, in microseconds.
pub(super) const DELETED_UNTIL: &str = "deleted_until";
/// An instant that never comes, in seconds: what a sum makes of a monitor that is never forgotten is beyond it.
pub(super) const NEVER_S: u64 = 100_000_000_000;

pub(super) const WINDOW_S: &str = "window_s";
const MICROS: u64 = 1_000_000;

/// The attributes of a stored monitor, as `DynamoDB` holds them.
pub(super) fn shape(stored: &Stored) -> Attributes {
    shaped(item::encode(stored))
}

/// Attributes as [`crate::item`] has them, as `DynamoDB` holds them.
pub(super) fn shaped(mut attributes: Attributes) -> Attributes {
    if let Some(window_s) = attributes.get(WINDOW_S).and_then(Value::as_u64) {
        attributes.remove(WINDOW_S);
        let window_us = window_s.saturating_mul(MICROS);
        attributes.entry(WINDOW_US).or_insert_with(|| window_us.into());
        if attributes.get("origin").is_some_and(|origin| origin == "ping") {
            attributes.entry(FORGET_S).or_insert_with(|| forget_s(window_s).into());
        }
    }
    if let Some(expires_at) = attributes.get(TTL).and_then(Value::as_i64) {
        attributes.insert(TTL.to_owned(), seconds_up(Timestamp::from_micros(expires_at)).into());
    }
    attributes
}

/// How long a monitor that a ping made is remembered after a ping.
pub(super) fn forget_s(window_s: u64) -> u64 {
    FORGOTTEN_AFTER.as_secs().max(window_s.saturating_add(FORGOTTEN_AFTER_DUE.as_secs()))
}

/// The whole second at `at` or after it.
pub(super) fn seconds_up(at: Timestamp) -> i64 {
    at.rounded_up_to_seconds().as_secs()
}

/// The attributes as items have them.
pub(super) fn to_item(attributes: Attributes) -> Item {
    attributes.into_iter().map(|(name, value)| (name, to_value(value))).collect()
}

/// A value as items have it. Any JSON is one.
pub(super) fn to_value(value: Value) -> AttributeValue {
    serde_dynamo::to_attribute_value(value).unwrap_or(AttributeValue::Null(true))
}

pub(super) fn number(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(format!("{number}"))
}

pub(super) fn micros(at: Timestamp) -> AttributeValue {
    number(at.as_micros())
}

pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// What an item's attributes say as JSON. An attribute of a kind that JSON has not is nothing that we wrote: it is left out,
/// and left alone.
fn from_item(item: Item) -> Attributes {
    let attributes = item.into_iter();
    attributes.filter_map(|(name, value)| Some((name, serde_dynamo::from_attribute_value(value).ok()?))).collect()
}

/// Attributes as `DynamoDB` holds them, as [`crate::item`] has them.
pub(super) fn unshaped(mut attributes: Attributes) -> Attributes {
    if let Some(window_us) = attributes.get(WINDOW_US).and_then(Value::as_u64) {
        attributes.insert(WINDOW_S.to_owned(), (window_us / MICROS).into());
        if window_us % MICROS == 0 {
            attributes.remove(WINDOW_US);
        }
    }
    match attributes.remove(TTL).as_ref().and_then(Value::as_i64) {
        Some(seconds) if seconds.unsigned_abs() < NEVER_S => {
            attributes.insert(TTL.to_owned(), Timestamp::from_secs(seconds).as_micros().into());
        }
        Some(_) | None => {}
    }
    attributes
}

/// The monitor of an item.
pub(super) fn stored(item: Item) -> Result<Stored, Corrupt> {
    let mut stored = decode(unshaped(from_item(item)))?;
    // A lane that a settlement has emptied is as good as none.
    stored.monitor.outbox.drop_empty_lanes();
    Ok(stored)
}

/// What an item is to somebody who looks at `now`. With a settle time, wake times that are not written are computed.
pub(super) fn found(item: Option<Item>, now: Timestamp, computed: Option<Duration>) -> Result<Found, Corrupt> {
    let Some(item) = item else { return Ok(Found::Nothing) };
    if let Some(until) = instant(&item, DELETED_UNTIL) {
        return Ok(if until > now { Found::Deleted } else { Found::Nothing });
    }
    if is_expired(&item, now) {
        return Ok(Found::Nothing);
    }
    Ok(Found::Monitor(Box::new(stored_with_wake_time(item, computed)?)))
}

/// The monitor of an item. With a settle time, a wake time that is not written is computed.
pub(super) fn stored_with_wake_time(item: Item, computed: Option<Duration>) -> Result<Stored, Corrupt> {
    let mut stored = stored(item)?;
    if let (Some(settle), None) = (computed, stored.wake_at) {
        stored.wake_at = stored.monitor.wake_at(settle);
    }
    Ok(stored)
}

/// Whether `now` is past its end.
pub(super) fn is_expired(item: &Item, now: Timestamp) -> bool {
    integer(item, TTL).is_some_and(|seconds| seconds <= now.as_secs())
}

/// Whether the write `id` was the last one here, or the one before it.
pub(super) fn is_written_by(item: &Item, id: WriteId) -> bool {
    let id = id.0.to_string();
    [WRITE_ID, WRITE_ID_BEFORE].iter().any(|name| matches!(item.get(*name), Some(AttributeValue::N(n)) if *n == id))
}

/// The number of this name.
pub(super) fn integer(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// The instant of this name, in microseconds.
pub(super) fn instant(item: &Item, name: &str) -> Option<Timestamp> {
    integer(item, name).map(Timestamp::from_micros)
}

/// The text of this name.
pub(super) fn string<'item>(item: &'item Item, name: &str) -> Option<&'item str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// Which monitor an item, or an entry of an index, is of. A key that cannot be read is nobody's.
pub(super) fn id_of(item: &Item) -> Option<MonitorId> {
    MonitorId::parse(string(item, ID)?)
}

/// The key of a monitor's item.
pub(super) fn key(id: &MonitorId) -> Item {
    HashMap::from([(ID.to_owned(), text(id.to_string()))])
}
