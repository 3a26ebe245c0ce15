//! A network that counts: it asks for the units of every request, and sums what the answers say by table and index.
//!
//! A condition that does not hold is answered without units, and is paid for all the same: one write of what is there.
//! (AWS: "Amazon DynamoDB read and write consumption", conditional writes.) That is counted from the item in the answer.

use std::{
    collections::BTreeMap,
    fmt,
    ops::AddAssign,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use heartbeat_core::dynamo::wire::{Answer, Call, Lost, Network, Onward};
use serde_json::{Map, Value};

use super::size::item_bytes;

/// Capacity units, in halves: an eventually consistent read of up to 4 KB is half a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units {
    halves: u64,
}

impl Units {
    /// So many whole units.
    pub const fn whole(units: u64) -> Self {
        Self { halves: units * 2 }
    }

    /// So many half units.
    pub const fn halves(halves: u64) -> Self {
        Self { halves }
    }

    /// What an answer says. Engines and AWS speak in halves at the finest.
    fn said(units: Option<&Value>) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small multiple of one half")]
        Self::halves((units.and_then(Value::as_f64).unwrap_or_default() * 2.0).round() as u64)
    }
}

impl AddAssign for Units {
    fn add_assign(&mut self, other: Self) {
        self.halves += other.halves;
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = if self.halves % 2 == 1 { ".5" } else { "" };
        write!(f, "{}{half}", self.halves / 2)
    }
}

/// What is paid for: a table itself, or one of its indexes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The table's name.
    pub table: String,
    /// The index's name; `None` = the table itself.
    pub index: Option<String>,
}

/// What some requests have used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many requests there were, the SDK's own repetitions included.
    pub requests: u64,
    /// How many of them were declined, as their condition did not hold.
    pub declined: u64,
    /// Units read, by place.
    pub read: BTreeMap<Place, Units>,
    /// Units written, by place.
    pub written: BTreeMap<Place, Units>,
}

/// Counts what goes over it.
#[derive(Debug, Default)]
pub struct Meter {
    tally: Mutex<Tally>,
}

impl Meter {
    /// What was used since this was last asked.
    pub fn take(&self) -> Tally {
        std::mem::take(&mut *self.tally())
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, action: &str, request: &Value, answer: &Answer) {
        let said = serde_json::from_slice(&answer.body).unwrap_or_default();
        let mut tally = self.tally();
        tally.requests += 1;
        if answer.status == 200 {
            tally.add_answered(action, &said);
        } else {
            tally.add_declined(request, &said);
        }
    }
}

impl Tally {
    fn add_answered(&mut self, action: &str, answer: &Value) {
        let reads = matches!(action, "GetItem" | "Query" | "Scan" | "BatchGetItem" | "TransactGetItems");
        let consumed = answer.get("ConsumedCapacity").unwrap_or(&Value::Null);
        for consumed in consumed.as_array().map_or(std::slice::from_ref(consumed), Vec::as_slice) {
            // The same transaction again is read, and not carried out.
            let repeated = consumed.get("ReadCapacityUnits").is_some();
            let used = if reads || repeated { &mut self.read } else { &mut self.written };
            add_consumed(used, consumed);
        }
    }

    /// Refusals that are no conditions cost nothing.
    fn add_declined(&mut self, request: &Value, answer: &Value) {
        let kind = answer.get("__type").and_then(Value::as_str).unwrap_or_default();
        if kind.ends_with("ConditionalCheckFailedException") {
            self.declined += 1;
            self.add_write(request, answer.get("Item"), 1);
        } else if kind.ends_with("TransactionCanceledException") {
            self.declined += 1;
            let writes = request.get("TransactItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let reasons = answer.get("CancellationReasons").and_then(Value::as_array);
            for (number, write) in writes.iter().filter_map(Value::as_object).enumerate() {
                let item = reasons.and_then(|reasons| reasons.get(number)?.get("Item"));
                write.values().for_each(|write| self.add_write(write, item, 2));
            }
        }
    }

    /// A write of what is there, at `times` the price.
    fn add_write(&mut self, request: &Value, item: Option<&Value>, times: u64) {
        let bytes = item.map_or(0, item_bytes);
        let units = Units::whole(bytes.div_ceil(1_024).max(1) * times);
        let table = request.get("TableName").and_then(Value::as_str).unwrap_or_default().to_owned();
        *self.written.entry(Place { table, index: None }).or_default() += units;
    }
}

/// Adds what one `ConsumedCapacity` says, by place; nothing where nothing was used.
fn add_consumed(used: &mut BTreeMap<Place, Units>, consumed: &Value) {
    let Some(table) = consumed.get("TableName").and_then(Value::as_str) else { return };
    let indexes = ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"].map(|kind| consumed.get(kind));
    let indexes = indexes.into_iter().flatten().filter_map(Value::as_object).flat_map(Map::iter);
    let mut of_indexes = Units::default();
    for (index, consumed) in indexes {
        let units = Units::said(consumed.get("CapacityUnits"));
        of_indexes += units;
        add(used, table, Some(index), units);
    }
    // Batches and transactions do not always name the table's own share: it is what the indexes leave.
    let all = match consumed.pointer("/Table/CapacityUnits") {
        Some(own) => Units::said(Some(own)),
        None => Units::said(consumed.get("CapacityUnits")),
    };
    let own =
        if consumed.get("Table").is_some() { all } else { Units::halves(all.halves.saturating_sub(of_indexes.halves)) };
    add(used, table, None, own);
}

fn add(used: &mut BTreeMap<Place, Units>, table: &str, index: Option<&str>, units: Units) {
    if units > Units::default() {
        let place = Place { table: table.to_owned(), index: index.map(str::to_owned) };
        *used.entry(place).or_default() += units;
    }
}

#[async_trait]
impl Network for Meter {
    async fn carry(&self, call: Call, onward: Onward) -> Result<Answer, Lost> {
        let Ok(Value::Object(mut request)) = serde_json::from_slice(&call.body) else {
            return onward.send(&call.body).await;
        };
        // What makes and describes tables knows no units.
        if call.action.contains("Table") || call.action.contains("TimeToLive") {
            return onward.send(&call.body).await;
        }
        request.insert("ReturnConsumedCapacity".to_owned(), "INDEXES".into());
        let request = Value::Object(request);
        let answer = onward.send(request.to_string().as_bytes()).await?;
        self.count(&call.action, &request, &answer);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place(table: &str, index: Option<&str>) -> Place {
        Place { table: table.to_owned(), index: index.map(str::to_owned) }
    }

    #[test]
    fn units_are_summed_by_table_and_index_whether_they_come_alone_or_in_a_list() {
        let update = json!({"ConsumedCapacity": {
            "TableName": "m", "CapacityUnits": 3.0, "Table": {"CapacityUnits": 1.0},
            "GlobalSecondaryIndexes": {"overdue-index": {"CapacityUnits": 2.0}},
        }});
        let transaction = json!({"ConsumedCapacity": [
            {"TableName": "m", "CapacityUnits": 3.0, "GlobalSecondaryIndexes": {"overdue-index": {"CapacityUnits": 1.0}}},
            {"TableName": "k", "CapacityUnits": 2.0},
        ]});
        let mut tally = Tally::default();
        tally.add_answered("UpdateItem", &update);
        tally.add_answered("TransactWriteItems", &transaction);
        tally.add_answered("Query", &json!({"ConsumedCapacity": {"TableName": "m", "CapacityUnits": 0.5}}));
        tally.add_answered("PutItem", &json!({}));
        assert_eq!(
            tally.written,
            BTreeMap::from([
                (place("m", None), Units::whole(3)),
                (place("m", Some("overdue-index")), Units::whole(3)),
                (place("k", None), Units::whole(2)),
            ])
        );
        assert_eq!(tally.read, BTreeMap::from([(place("m", None), Units::halves(1))]));
    }

    #[test]
    fn a_condition_that_does_not_hold_costs_a_write_of_what_is_there() {
        let mut tally = Tally::default();
        let declined = |item: Value| json!({"__type": "x#ConditionalCheckFailedException", "Item": item});
        tally.add_declined(&json!({"TableName": "m"}), &declined(Value::Null));
        tally.add_declined(&json!({"TableName": "m"}), &declined(json!({"a": {"S": "x".repeat(1_024)}})));
        tally.add_declined(&json!({"TableName": "m"}), &json!({"__type": "x#ThrottlingException"}));
        assert_eq!(tally.written, BTreeMap::from([(place("m", None), Units::whole(3))]));
        assert_eq!((tally.declined, Units::halves(3).to_string()), (2, "1.5".to_owned()));
    }
}
