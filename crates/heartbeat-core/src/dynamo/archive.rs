//! Everything in the tables as records, for those who move it. Attributes are carried whatever they mean; what the store
//! adds for itself (the shard, the write before the last, how long a monitor is remembered) stays here.
//!
//! Nothing is written over: what is there is looked at first, since a batch of puts has no conditions. So nobody else may
//! write meanwhile.

mod portable;
mod stow;

use std::collections::HashMap;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::{
    DynamoStore,
    directory::{PK, SK, VALUE},
    events::{AT, HAPPENING, MONITOR, STREAM, TAG, event_id, stream_of},
    journal::{JOURNAL, Told},
    keys::KEY_HASH,
    request::{Subject, read},
    shape::{
        DELETED_UNTIL, FORGET_S, Item, WAKE_AT, WINDOW_S, WRITE_ID, WRITE_ID_BEFORE, forget_s, string, text, unshaped,
    },
    tables::{ID, TTL},
};
use crate::{
    archive::{Archive, Kind, MARK, Page, Place, Record, Refused, UNREADABLE, stays},
    directory::{Entry, Put},
    history::Row,
    item::{Attributes, decode},
    monitor::MonitorId,
    store::StoreError,
    time::Timestamp,
};
use portable::portable;

/// Attributes that are about the store that an item is in.
const SHARD: &str = "shard";
/// What an attribute that is part of an index, and of the wrong kind for it, is kept under.
const ODD: &str = "$odd";
const OUTBOX: &str = "outbox";

#[async_trait]
impl Archive for DynamoStore {
    async fn size(&self, kind: Kind) -> Result<u64, StoreError> {
        let table = self.table_of(kind);
        let request = self.client.describe_table().table_name(table);
        let there = read(Subject { action: "DescribeTable", table }, request.send()).await?.table;
        let items = there.and_then(|table| table.item_count).unwrap_or_default();
        // A row of history is in two streams; an attempt to deliver in three, but few rows are.
        Ok(items.unsigned_abs() / if kind == Kind::Event { 2 } else { 1 })
    }

    async fn page(&self, kind: Kind, from: Option<&Place>, limit: usize) -> Result<Page, StoreError> {
        let table = self.table_of(kind);
        let mut request = self
            .client
            .scan()
            .table_name(table)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(from.map(start_at));
        if kind == Kind::Event {
            request = request
                .filter_expression("begins_with(#stream, :monitors)")
                .expression_attribute_names("#stream", STREAM)
                .expression_attribute_values(":monitors", text("monitor/"));
        }
        let page = read(Subject { action: "Scan", table }, request.send()).await?;
        let mut records = Vec::new();
        for item in page.items.unwrap_or_default() {
            match kind {
                Kind::Monitor => self.monitor_and_what_waits_in_it(item, &mut records).await?,
                Kind::Event => records.push(event_record(item)),
                Kind::Key => records.push(key_record(item)),
                Kind::Entry => records.extend(entry_record(item)),
            }
        }
        Ok(Page { records, next: page.last_evaluated_key.as_ref().map(place_of) })
    }

    async fn mark(&self) -> Result<Option<Entry>, StoreError> {
        self.find_entry(MARK.0, MARK.1).await
    }

    async fn put(&self, records: Vec<Record>, mark: Entry) -> Result<Vec<Refused>, StoreError> {
        let refused = self.stow(records).await?;
        match self.store_entry(mark).await? {
            Put::Done => Ok(refused),
            Put::Conflict(_) => Err(StoreError::Unavailable("another copy into these tables is under way".to_owned())),
        }
    }

    /// Items have no order of their own.
    async fn complete(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl DynamoStore {
    pub(super) fn table_of(&self, kind: Kind) -> &str {
        match kind {
            Kind::Entry => &self.tables.directory,
            Kind::Event => &self.tables.events,
            Kind::Monitor => &self.tables.monitors,
            Kind::Key => &self.tables.keys,
        }
    }

    async fn monitor_and_what_waits_in_it(&self, mut item: Item, records: &mut Vec<Record>) -> Result<(), StoreError> {
        let name = string(&item, ID).unwrap_or_default().to_owned();
        if let Some(id) = MonitorId::parse(&name) {
            let waiting = Told::of(&id, &item);
            for row in waiting.rows() {
                if !self.has_told(row).await? {
                    let happening = serde_json::to_value(&row.happening).unwrap_or_default();
                    records.push(Record::event(&name, row.at.as_micros(), row.tag, happening));
                }
            }
            // Lines that nobody understands stay with the monitor.
            if waiting.is_understood() {
                item.remove(JOURNAL);
            }
        }
        records.push(self.monitor_record(name, item));
        Ok(())
    }

    /// Whether history has a row already.
    async fn has_told(&self, row: &Row) -> Result<bool, StoreError> {
        let table = &self.tables.events;
        let request = self
            .client
            .get_item()
            .table_name(table)
            .key(STREAM, text(stream_of(&row.monitor)))
            .key(ID, text(event_id(row)))
            .consistent_read(true);
        Ok(read(Subject { action: "GetItem", table }, request.send()).await?.item.is_some())
    }

    pub(super) fn monitor_record(&self, name: String, item: Item) -> Record {
        let mut attributes = carried(item);
        if let Some(Value::Object(odd)) = attributes.remove(ODD) {
            attributes.extend(odd);
        }
        // Its time to live follows from the rest.
        if attributes.contains_key(DELETED_UNTIL) {
            attributes.remove(TTL);
        }
        attributes = unshaped(attributes);
        let remembered = attributes.get(WINDOW_S).and_then(Value::as_u64).map(forget_s);
        if remembered.is_some() && attributes.get(FORGET_S).and_then(Value::as_u64) == remembered {
            attributes.remove(FORGET_S);
        }
        for own in [ID, SHARD, WRITE_ID_BEFORE] {
            attributes.remove(own);
        }
        for (part, text) in ["project", "slug"].into_iter().zip(name.split('/')) {
            if attributes.get(part).is_some_and(|said| said == text) {
                attributes.remove(part);
            }
        }
        drop_empty_lanes(&mut attributes);
        let mut record = Record { kind: Kind::Monitor, name, attributes };
        self.add_wake_time(&mut record);
        record
    }

    /// Where passes read everything, wake times are not written and follow from the rest. The store that the monitor goes to
    /// needs them.
    fn add_wake_time(&self, record: &mut Record) {
        let shared = self.shared();
        if !shared.detector.sweeps() || record.is_tombstone() || record.attributes.contains_key(WAKE_AT) {
            return;
        }
        let wake_at = match decode(record.whole()) {
            Ok(stored) => stored.monitor.wake_at(shared.settle()),
            // It stays in sight, so that the alarm is raised.
            Err(_) => Some(Timestamp::EPOCH),
        };
        if let Some(wake_at) = wake_at {
            record.attributes.insert(WAKE_AT.to_owned(), wake_at.as_micros().into());
        }
    }
}

/// Lanes that a settlement has emptied are as good as none; in another store they would be in the way.
fn drop_empty_lanes(attributes: &mut Attributes) {
    let Some(Value::Object(outbox)) = attributes.get_mut(OUTBOX) else { return };
    let is_empty = |lane: &Value| lane.as_object().is_some_and(Map::is_empty);
    let Some(Value::Object(lanes)) = outbox.get_mut("lanes") else { return };
    let before = lanes.len();
    lanes.retain(|_, lane| !is_empty(lane));
    if lanes.is_empty() && before > 0 {
        outbox.remove("lanes");
        if outbox.is_empty() {
            attributes.remove(OUTBOX);
        }
    }
}

/// All attributes of an item.
fn carried(item: Item) -> Attributes {
    item.into_iter().map(|(name, value)| (name, portable(value))).collect()
}

fn event_record(item: Item) -> Record {
    let mut attributes = carried(item);
    let text = |name: &str| attributes.get(name).and_then(Value::as_str);
    let (monitor, at) = (text(MONITOR), attributes.get(AT).and_then(Value::as_i64));
    let name = match (monitor, at, attributes.get(TAG).and_then(Value::as_u64)) {
        (Some(monitor), Some(at), Some(tag)) => Record::event(monitor, at, tag, Value::Null).name,
        _ => format!("{} {}", text(STREAM).unwrap_or_default(), text(ID).unwrap_or_default()),
    };
    if attributes.contains_key(HAPPENING) {
        for derived in [STREAM, ID, TTL] {
            attributes.remove(derived);
        }
    }
    Record { kind: Kind::Event, name, attributes }
}

fn key_record(item: Item) -> Record {
    let mut attributes = carried(item);
    let hash = attributes.remove(KEY_HASH);
    // Of the transaction that made it.
    attributes.remove(WRITE_ID);
    attributes.entry("description").or_insert_with(|| "".into());
    Record { kind: Kind::Key, name: hash.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(), attributes }
}

/// An entry of the directory, unless it stays here.
fn entry_record(item: Item) -> Option<Record> {
    let mut attributes = carried(item);
    // It is kept as the text of JSON, and carried as what that says.
    if let Some(Value::String(text)) = attributes.get(VALUE) {
        let said = serde_json::from_str(text).unwrap_or_else(|_| json!({ UNREADABLE: text }));
        attributes.insert(VALUE.to_owned(), said);
    }
    let text = |name: &str| attributes.get(name).and_then(Value::as_str).unwrap_or_default();
    let (pk, sk) = (text(PK), text(SK));
    let name = format!("{pk}/{sk}");
    (!stays(pk, sk)).then_some(Record { kind: Kind::Entry, name, attributes })
}

/// A key as the place of a page: keys are made of texts.
fn place_of(key: &Item) -> Place {
    let parts = key.iter().filter_map(|(name, value)| Some((name.clone(), Value::from(value.as_s().ok()?.as_str()))));
    Value::Object(parts.collect())
}

fn start_at(place: &Place) -> Item {
    let parts = place.as_object().into_iter().flatten();
    parts.filter_map(|(name, value)| Some((name.clone(), text(value.as_str()?)))).collect::<HashMap<_, _>>()
}
