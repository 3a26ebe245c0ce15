//! What an eventually consistent read may show: every item as it is, or as it was not long ago, each by itself.

use std::{collections::BTreeMap, time::Duration};

use heartbeat_core::Timestamp;
use serde_json::{Map, Value, json};

/// An item, as the protocol spells it.
pub(super) type Item = Map<String, Value>;

/// Longer than any lag: what was true before is never shown again.
const REMEMBERED: Duration = Duration::from_secs(30);

/// The items of a table as they are and were.
#[derive(Debug, Default)]
pub(super) struct Versions(BTreeMap<String, Vec<(Timestamp, Item)>>);

/// What is asked of the index of what is due.
#[derive(Clone, Debug)]
pub(super) struct Range {
    pub(super) shard: i64,
    pub(super) until: i64,
    pub(super) limit: usize,
}

impl Range {
    /// What a request asks for.
    pub(super) fn of(request: &Value) -> Option<Self> {
        let values = request.get("ExpressionAttributeValues")?;
        let limit = request.get("Limit").and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
        Some(Self {
            shard: number(values.get(":shard")?)?,
            until: number(values.get(":now")?)?,
            limit: limit.unwrap_or(usize::MAX),
        })
    }
}

impl Versions {
    /// From `at` on, the item is this.
    pub(super) fn note(&mut self, at: Timestamp, item: Item) {
        let Some(id) = text(&item, "id") else { return };
        let versions = self.0.entry(id.to_owned()).or_default();
        versions.push((at, item));
        let old = at.minus(REMEMBERED);
        let forgotten = versions.iter().skip(1).take_while(|(since, _)| *since <= old).count();
        versions.drain(..forgotten);
    }

    /// The item of this name as it was at `at`.
    pub(super) fn at(&self, id: &str, at: Timestamp) -> Option<&Item> {
        self.0.get(id)?.iter().rfind(|(since, _)| *since <= at).map(|(_, item)| item)
    }

    /// What the index says is due, if it shows each item as of `seen_at` of it; nothing of those that it hides.
    pub(super) fn due(&self, range: &Range, mut seen_at: impl FnMut(&str) -> Option<Timestamp>) -> Vec<Value> {
        let mut due: Vec<(i64, &str)> = Vec::new();
        for id in self.0.keys() {
            let Some(item) = seen_at(id).and_then(|at| self.at(id, at)) else { continue };
            let key = |name: &str| number(item.get(name)?);
            if let (Some(shard), Some(wake_at)) = (key("shard"), key("wake_at"))
                && shard == range.shard
                && wake_at <= range.until
            {
                due.push((wake_at, id));
            }
        }
        due.sort_unstable();
        due.truncate(range.limit);
        let entry = |(wake_at, id): (i64, &str)| json!({"id": {"S": id}, "shard": {"N": range.shard.to_string()}, "wake_at": {"N": wake_at.to_string()}});
        due.into_iter().map(entry).collect()
    }
}

/// The text of this name.
pub(super) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.get("S")?.as_str()
}

/// A number, as the protocol spells it.
pub(super) fn number(value: &Value) -> Option<i64> {
    value.get("N")?.as_str()?.parse().ok()
}

/// How many bytes `DynamoDB` counts for an item: names and values, about.
pub(super) fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + size_of_value(value)).sum()
}

/// (AWS: Item sizes and formats.)
fn size_of_value(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else { return 0 };
    match (kind.as_str(), value) {
        ("M", Value::Object(entries)) => {
            3 + entries.iter().map(|(name, value)| 1 + name.len() + size_of_value(value)).sum::<usize>()
        }
        ("L", Value::Array(entries)) => 3 + entries.iter().map(|value| 1 + size_of_value(value)).sum::<usize>(),
        ("N", Value::String(digits)) => digits.len().div_ceil(2) + 1,
        (_, Value::String(text)) => text.len(),
        (_, Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => 1,
    }
}
