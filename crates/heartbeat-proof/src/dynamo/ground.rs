//! Tables on an engine, and ways to them that go around the store.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use heartbeat_core::{
    MonitorId,
    dynamo::{DynamoStore, Endpoint, Options, Shared, TableNames, administer::create_tables, wire::Patience},
};
use serde_json::{Value, json};

use super::json::{plain, typed};
use crate::engines::Engine;

/// Tables of one's own on an engine.
#[derive(Debug)]
pub struct Ground {
    engine: Engine,
    access_key: String,
    tables: TableNames,
    http: reqwest::Client,
}

#[expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "an instrument of tests: it works, or it panics")]
impl Ground {
    /// Makes the tables, empty.
    pub async fn on(engine: Engine) -> Self {
        static GROUNDS: AtomicU64 = AtomicU64::new(0);
        let number = GROUNDS.fetch_add(1, Ordering::SeqCst);
        // An account of its own, so that tests on a shared engine do not meet.
        let account = u64::from(std::process::id()) * 10_000 + number % 10_000;
        let access_key = format!("{:012}", account % 1_000_000_000_000);
        let ground = Self { engine, access_key, tables: TableNames::default(), http: reqwest::Client::new() };
        create_tables(&ground.options()).await.unwrap();
        ground
    }

    /// How the store is opened here: one shard, so that everything that is due is due in shard 0.
    pub fn options(&self) -> Options {
        let endpoint = Endpoint { url: self.engine.url().to_owned(), access_key: self.access_key.clone() };
        Options {
            tables: self.tables.clone(),
            endpoint: Some(endpoint),
            shared: Shared { shards: 1, shards_before: 1, ..Shared::default() },
            // An engine beside many tests on two cores is slower than AWS promises to be.
            patience: Patience {
                attempt: std::time::Duration::from_secs(20),
                operation: std::time::Duration::from_mins(1),
                ..Patience::default()
            },
            ..Options::default()
        }
    }

    /// Opens the store here.
    pub async fn open(&self, options: Options) -> Arc<DynamoStore> {
        Arc::new(DynamoStore::open(options).await.unwrap())
    }

    /// What the tables are called.
    pub fn tables(&self) -> &TableNames {
        &self.tables
    }

    /// Calls the engine past the store.
    pub async fn call(&self, action: &str, request: &Value) -> Value {
        let scope = format!("{}/20261123/eu-north-1/dynamodb/aws4_request", self.access_key);
        let answer = self
            .http
            .post(self.engine.url())
            .header("x-amz-target", format!("DynamoDB_20120810.{action}"))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-date", "20261123T030000Z")
            .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"))
            .body(request.to_string())
            .send()
            .await
            .unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{action} {request}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Sets an attribute of a monitor's item, whatever it means.
    pub async fn set_attribute(&self, id: &MonitorId, name: &str, value: &Value) {
        let request = json!({
            "TableName": self.tables.monitors,
            "Key": {"id": {"S": id.to_string()}},
            "UpdateExpression": "SET #name = :value",
            "ExpressionAttributeNames": {"#name": name},
            "ExpressionAttributeValues": {":value": typed(value)},
        });
        self.call("UpdateItem", &request).await;
    }

    /// The item of a monitor, as the protocol spells it.
    pub async fn item(&self, id: &MonitorId) -> Option<Value> {
        let key = json!({"id": {"S": id.to_string()}});
        let request = json!({"TableName": self.tables.monitors, "Key": key, "ConsistentRead": true});
        self.call("GetItem", &request).await.get("Item").cloned()
    }

    /// The items of a monitor's history in all streams, as the protocol spells them. Reads the table, which must be small.
    pub async fn events(&self, id: &MonitorId) -> Vec<Value> {
        let request = json!({"TableName": self.tables.events, "ConsistentRead": true});
        let all = self.call("Scan", &request).await;
        let is_of_it = |item: &&Value| item.pointer("/monitor/S").and_then(Value::as_str) == Some(&id.to_string());
        all.get("Items").and_then(Value::as_array).into_iter().flatten().filter(is_of_it).cloned().collect()
    }

    /// An attribute of a monitor's item.
    pub async fn attribute(&self, id: &MonitorId, name: &str) -> Option<Value> {
        plain(self.item(id).await?.get(name)?)
    }
}
