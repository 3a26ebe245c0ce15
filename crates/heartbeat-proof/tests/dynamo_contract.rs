//! The contract of the store port, against the `DynamoDB` store on two independent engines, with both detectors.

use std::sync::Arc;

use async_trait::async_trait;
use heartbeat_core::{
    MonitorId, Store,
    dynamo::{Detector, DynamoStore, Options, Shared, wire::Patience},
    store::Found,
};
use heartbeat_proof::{
    contract::{
        Harness,
        scene::{NOW, SETTLE},
    },
    dynamo::{Failing, Ground},
    engines::Engine,
};
use serde_json::{Value, json};

/// An end so far away is none.
const NEVER: i64 = 100_000_000_000;

struct OnDynamo {
    detector: Detector,
    ground: Ground,
    store: Arc<DynamoStore>,
    failing: Arc<Failing>,
}

impl OnDynamo {
    async fn on(engine: Engine, detector: Detector) -> Self {
        let (ground, failing) = (Ground::on(engine).await, Arc::new(Failing::default()));
        let options = ground.options();
        let store = ground
            .open(Options {
                shared: Shared { detector, settle_s: SETTLE.as_secs(), ..options.shared },
                segments: 1,
                network: Some(Arc::<Failing>::clone(&failing)),
                // What fails is answered at once: the clauses ask again by themselves.
                patience: Patience { attempts: 1, ..options.patience },
                ..options
            })
            .await;
        Self { detector, ground, store, failing }
    }
}

#[async_trait]
impl Harness for OnDynamo {
    fn store(&self) -> Arc<dyn Store> {
        Arc::<DynamoStore>::clone(&self.store)
    }

    /// Everything is in the tables: who starts anew finds what was answered.
    async fn after_a_crash(&self) -> Arc<dyn Store> {
        self.ground.open(self.ground.options()).await
    }

    async fn corrupt(&self, id: &MonitorId) {
        self.ground.set_attribute(id, "status", &Value::from(7)).await;
    }

    async fn set_attribute(&self, id: &MonitorId, name: &str, value: Value) {
        self.ground.set_attribute(id, name, &value).await;
    }

    async fn attribute(&self, id: &MonitorId, name: &str) -> Option<Value> {
        if name == "wake_at" && self.detector == Detector::Sweep {
            // There it follows from the rest.
            let Ok(Found::Monitor(stored)) = self.store.find(id, NOW).await else { return None };
            return stored.wake_at.map(|at| at.as_micros().into());
        }
        let value = self.ground.attribute(id, name).await?;
        if name != "expires_at" {
            return Some(value);
        }
        // There it is in seconds, as DynamoDB's TTL wants it.
        let seconds = value.as_i64().filter(|seconds| *seconds < NEVER)?;
        Some(Value::from(seconds * 1_000_000))
    }

    async fn damage_history(&self, id: &MonitorId) {
        let rows = self.ground.events(id).await;
        assert!(!rows.is_empty());
        for mut row in rows {
            let odd = json!({"M": {"kind": {"S": "danced"}}});
            assert!(row.as_object_mut().and_then(|row| row.insert("happening".to_owned(), odd)).is_some());
            self.ground.call("PutItem", &json!({"TableName": self.ground.tables().events, "Item": row})).await;
        }
    }

    async fn fail_next_writes(&self, count: u32) {
        self.failing.next(count);
    }
}

mod dynoxide {
    use super::*;
    heartbeat_proof::contract_tests!(OnDynamo::on(Engine::dynoxide(), Detector::Index).await);
}

mod dynoxide_by_sweep {
    use super::*;
    heartbeat_proof::contract_tests!(OnDynamo::on(Engine::dynoxide(), Detector::Sweep).await);
}

mod ministack {
    use super::*;
    heartbeat_proof::contract_tests!(OnDynamo::on(Engine::ministack(), Detector::Index).await);
}
