//! Putting records into the tables: what is there under their names is looked at, what is not is written in batches, several
//! at a time.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, PutRequest, WriteRequest};
use futures_util::future::try_join_all;
use serde_json::{Map, Value};

use super::{ODD, SHARD, carried, entry_record, key_record, portable::value_of};
use crate::{
    archive::{Kind, Record, Refused, UNREADABLE},
    dynamo::{
        DynamoStore,
        directory::{PK, SK, VALUE},
        events::{AT, BATCH, HAPPENING, MONITOR, TAG, streams_of},
        keys::KEY_HASH,
        request::{Subject, read},
        shape::{DELETED_UNTIL, Item, WAKE_AT, seconds_up, shaped, string, text},
        tables::{ID, TTL},
    },
    history::{Happening, Row},
    monitor::MonitorId,
    store::{Store, StoreError},
    time::Timestamp,
};

/// How many batches are under way at the same time.
const AT_ONCE: usize = 8;
/// The most items in one batch of reads. (AWS: Service, account, and table quotas.)
const LOOKS: usize = 100;
/// How often what a batch did not take is sent again, each time after twice as long a wait.
const ATTEMPTS: u32 = 10;
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// An item, and what it is the item of.
#[derive(Clone)]
struct Piece {
    record: usize,
    kind: Kind,
    item: Item,
}

impl DynamoStore {
    /// Adds records; answers with those that were not taken.
    pub(super) async fn stow(&self, records: Vec<Record>) -> Result<Vec<Refused>, StoreError> {
        let there = self.there(&records).await?;
        let (mut refused, mut pieces, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for (number, record) in records.iter().enumerate() {
            if !seen.insert((record.kind, record.name.as_str())) {
                continue;
            }
            match there.get(&(record.kind, record.name.clone())) {
                Some(there) if there.fingerprint() == record.fingerprint() => continue,
                Some(_) => {
                    refused.push(Refused::taken(record));
                    continue;
                }
                None => {}
            }
            match self.items_of(record) {
                Ok(items) => {
                    pieces.extend(items.into_iter().map(|item| Piece { record: number, kind: record.kind, item }));
                }
                Err(reason) => refused.push(Refused::new(record, reason)),
            }
        }
        for failed in self.write_all(pieces).await? {
            let (number, reason) = failed;
            refused.extend(records.get(number).map(|record| Refused::new(record, reason)));
        }
        Ok(refused)
    }

    /// What is there under the names of `records`. History is not looked at: a row is never another one.
    async fn there(&self, records: &[Record]) -> Result<BTreeMap<(Kind, String), Record>, StoreError> {
        let mut there = BTreeMap::new();
        for kind in [Kind::Entry, Kind::Monitor, Kind::Key] {
            let keys: HashSet<Vec<(&str, &str)>> = records.iter().filter(|r| r.kind == kind).map(key_of).collect();
            let keys: Vec<Item> = keys.into_iter().map(|key| named(&key)).collect();
            let chunks: Vec<Vec<Item>> = keys.chunks(LOOKS).map(<[Item]>::to_vec).collect();
            for wave in chunks.chunks(AT_ONCE) {
                let found = try_join_all(wave.iter().map(|keys| self.look_at(kind, keys.clone()))).await?;
                let found = found.into_iter().flatten().filter_map(|item| self.record_of(kind, item));
                there.extend(found.map(|record| ((kind, record.name.clone()), record)));
            }
        }
        Ok(there)
    }

    fn record_of(&self, kind: Kind, item: Item) -> Option<Record> {
        match kind {
            Kind::Monitor => Some(self.monitor_record(string(&item, ID)?.to_owned(), item)),
            Kind::Key => Some(key_record(item)),
            // One that stays here is in the way all the same.
            Kind::Entry => Some(entry_record(item.clone()).unwrap_or_else(|| {
                let name = [PK, SK].map(|part| string(&item, part).unwrap_or_default()).join("/");
                Record { kind, name, attributes: carried(item) }
            })),
            Kind::Event => None,
        }
    }

    /// Items by their keys, those that are there; at most a batch.
    async fn look_at(&self, kind: Kind, mut keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let table = self.table_of(kind);
        let mut items = Vec::new();
        for attempt in 0..ATTEMPTS {
            self.wait_before(attempt).await;
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            let wanted = wanted.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            let request = self.client.batch_get_item().request_items(table, wanted);
            let answer = read(Subject { action: "BatchGetItem", table }, request.send()).await?;
            items.extend(answer.responses.and_then(|mut tables| tables.remove(table)).unwrap_or_default());
            match answer.unprocessed_keys.and_then(|mut tables| tables.remove(table)) {
                Some(left) if !left.keys.is_empty() => keys = left.keys,
                Some(_) | None => return Ok(items),
            }
        }
        Err(StoreError::Unavailable(format!("DynamoDB is throttling BatchGetItem on {table}")))
    }

    async fn wait_before(&self, attempt: u32) {
        if attempt > 0 {
            self.clock.sleep(FIRST_WAIT * 2_u32.saturating_pow(attempt - 1)).await;
        }
    }

    /// Writes all pieces; answers with the records of those that the tables cannot hold, and why.
    async fn write_all(&self, pieces: Vec<Piece>) -> Result<Vec<(usize, String)>, StoreError> {
        let mut by_table: BTreeMap<Kind, Vec<Piece>> = BTreeMap::new();
        for piece in pieces {
            by_table.entry(piece.kind).or_default().push(piece);
        }
        let mut failed = Vec::new();
        for (kind, pieces) in by_table {
            let batches: Vec<&[Piece]> = pieces.chunks(BATCH).collect();
            for wave in batches.chunks(AT_ONCE) {
                let wave = wave.iter().map(|batch| self.write_or_name(kind, batch));
                failed.extend(try_join_all(wave).await?.into_iter().flatten());
            }
        }
        Ok(failed)
    }

    /// Writes a batch. One item that cannot be held keeps no other out.
    async fn write_or_name(&self, kind: Kind, batch: &[Piece]) -> Result<Vec<(usize, String)>, StoreError> {
        match self.write_batch(kind, batch).await {
            Ok(()) => return Ok(Vec::new()),
            Err(StoreError::Unavailable(text)) if is_of_an_item(&text) => {}
            Err(error) => return Err(error),
        }
        let mut failed = Vec::new();
        for piece in batch {
            match self.write_batch(kind, std::slice::from_ref(piece)).await {
                Ok(()) => {}
                Err(StoreError::Unavailable(text)) if is_of_an_item(&text) => failed.push((piece.record, text)),
                Err(error) => return Err(error),
            }
        }
        Ok(failed)
    }

    async fn write_batch(&self, kind: Kind, batch: &[Piece]) -> Result<(), StoreError> {
        let table = self.table_of(kind);
        let mut requests = Vec::with_capacity(batch.len());
        for piece in batch {
            let put = PutRequest::builder().set_item(Some(piece.item.clone())).build();
            let put = put.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            requests.push(WriteRequest::builder().put_request(put).build());
        }
        for attempt in 0..ATTEMPTS {
            self.wait_before(attempt).await;
            let request = self.client.batch_write_item().request_items(table, requests);
            let answer = read(Subject { action: "BatchWriteItem", table }, request.send()).await?;
            requests = answer.unprocessed_items.and_then(|mut left| left.remove(table)).unwrap_or_default();
            if requests.is_empty() {
                return Ok(());
            }
        }
        Err(StoreError::Unavailable(format!("DynamoDB is throttling BatchWriteItem on {table}")))
    }

    /// The items of a record, or why there can be none.
    fn items_of(&self, record: &Record) -> Result<Vec<Item>, String> {
        if key_of(record).iter().any(|(_, text)| text.is_empty()) {
            return Err("DynamoDB has no empty keys".to_owned());
        }
        match record.kind {
            Kind::Monitor => Ok(vec![self.monitor_item(record)]),
            Kind::Event => self.event_items(record),
            Kind::Key | Kind::Entry => {
                let attributes = record.attributes.clone().into_iter();
                let mut item: Item = attributes.map(|(name, value)| (name, value_of(value))).collect();
                item.extend(named(&key_of(record)));
                if let (Kind::Entry, Some(said)) = (record.kind, record.attributes.get(VALUE)) {
                    item.insert(VALUE.to_owned(), text(text_of(said)));
                }
                Ok(vec![item])
            }
        }
    }

    fn monitor_item(&self, record: &Record) -> Item {
        let mut attributes = record.attributes.clone();
        if let Some(until) = attributes.get(DELETED_UNTIL).and_then(Value::as_i64) {
            attributes.insert(TTL.to_owned(), seconds_up(Timestamp::from_micros(until)).into());
        } else {
            attributes = shaped(attributes);
            for (part, text) in ["project", "slug"].into_iter().zip(record.name.split('/')) {
                attributes.entry(part).or_insert_with(|| text.into());
            }
            attributes.insert(SHARD.to_owned(), self.shard_of_name(&record.name).into());
        }
        set_aside_what_no_index_takes(&mut attributes);
        let mut item: Item = attributes.into_iter().map(|(name, value)| (name, value_of(value))).collect();
        item.insert(ID.to_owned(), text(record.name.as_str()));
        item
    }

    /// The shard that it is due in here. What is no monitor's name is due in the first.
    fn shard_of_name(&self, name: &str) -> u16 {
        MonitorId::parse(name).map_or(0, |id| self.shard_for(&id))
    }

    /// A row of history is in the stream of its monitor and in one of its project, an attempt to deliver also in that of its
    /// channel.
    fn event_items(&self, record: &Record) -> Result<Vec<Item>, String> {
        let attribute = |name: &str| record.attributes.get(name);
        let monitor = attribute(MONITOR).and_then(Value::as_str).and_then(MonitorId::parse);
        let at = attribute(AT).and_then(Value::as_i64).map(Timestamp::from_micros);
        let tag = attribute(TAG).and_then(Value::as_u64);
        let (Some(monitor), Some(at), Some(tag)) = (monitor, at, tag) else {
            return Err("it does not say of which monitor it tells, or when it happened".to_owned());
        };
        // What happened is put in as it was carried.
        let row = Row { monitor, at, tag, happening: Happening::Paused { by: None } };
        let channel = attribute(HAPPENING).and_then(channel_of);
        let items = streams_of(&row.monitor, channel).into_iter().map(|stream| {
            let mut item = self.event(&row, stream);
            item.remove(HAPPENING);
            for (name, value) in &record.attributes {
                item.insert(name.clone(), value_of(value.clone()));
            }
            item
        });
        Ok(items.collect())
    }
}

/// What an entry of the directory says, as it is kept there.
fn text_of(said: &Value) -> String {
    let unreadable = said.as_object().filter(|entries| entries.len() == 1).and_then(|entries| entries.get(UNREADABLE));
    unreadable.and_then(Value::as_str).map_or_else(|| said.to_string(), str::to_owned)
}

/// The channel of an attempt to deliver, as it was carried.
fn channel_of(happening: &Value) -> Option<&str> {
    let word = |name: &str| happening.get(name).and_then(Value::as_str);
    word("kind").filter(|kind| *kind == "delivery").and(word("channel"))
}

/// Whether a refusal is about what is in an item, and not about the table.
fn is_of_an_item(text: &str) -> bool {
    text.contains("ValidationException")
}

/// Attributes of an index must be of the index's kind, or the item is refused.
fn set_aside_what_no_index_takes(attributes: &mut Map<String, Value>) {
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let mut odd = Map::new();
    for (name, fits) in [
        (WAKE_AT, &(|value: &Value| value.is_i64() || value.is_u64()) as &dyn Fn(&Value) -> bool),
        ("project", &is_text),
        ("slug", &is_text),
    ] {
        if attributes.get(name).is_some_and(|value| !fits(value)) {
            odd.extend(attributes.remove(name).map(|value| (name.to_owned(), value)));
        }
    }
    if !odd.is_empty() {
        attributes.insert(ODD.to_owned(), odd.into());
    }
}

/// The key of a record's item.
fn key_of(record: &Record) -> Vec<(&str, &str)> {
    let text = |name: &str| record.attributes.get(name).and_then(Value::as_str).unwrap_or_default();
    match record.kind {
        Kind::Monitor => vec![(ID, &record.name)],
        Kind::Key => vec![(KEY_HASH, &record.name)],
        Kind::Entry => vec![(PK, text(PK)), (SK, text(SK))],
        Kind::Event => Vec::new(),
    }
}

fn named(key: &[(&str, &str)]) -> HashMap<String, AttributeValue> {
    key.iter().map(|(name, value)| ((*name).to_owned(), text(*value))).collect()
}
