//! A store whose every request is counted, and the rows that come of it.

use std::sync::Arc;

use heartbeat_core::{
    MonitorId,
    dynamo::{Detector, DynamoStore, Options, Shared},
    flow::{Flow, Sender},
    history::PingLog,
};
use heartbeat_proof::{
    contract::scene::{NOW, SETTLE, flow},
    dynamo::{Ground, Meter, Tally},
    engines::Engine,
    instruments::SetClock,
};
use serde_json::{Value, json};

/// What one access has cost.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) tally: Tally,
}

/// Where everything is counted.
pub(crate) struct Till {
    pub(crate) ground: Ground,
    pub(crate) store: Arc<DynamoStore>,
    pub(crate) clock: Arc<SetClock>,
    meter: Arc<Meter>,
    pub(crate) rows: Vec<Row>,
}

impl Till {
    /// Tables of one's own, empty, and one shard. The clock stands still, so that settings are not read again in between.
    pub(crate) async fn open(engine: Engine, detector: Detector) -> Self {
        let (ground, meter) = (Ground::on(engine).await, Arc::new(Meter::default()));
        let clock = Arc::new(SetClock::at(NOW));
        let options = ground.options();
        let store = ground
            .open(Options {
                shared: Shared { detector, settle_s: SETTLE.as_secs(), ..options.shared },
                segments: 1,
                network: Some(Arc::<Meter>::clone(&meter)),
                clock: Arc::<SetClock>::clone(&clock),
                ..options
            })
            .await;
        Self { ground, store, clock, meter, rows: Vec::new() }
    }

    /// The flows over this store, with this clock.
    pub(crate) fn flow(&self, ping_log: PingLog) -> Flow {
        let (mut flow, _) = flow(Arc::<DynamoStore>::clone(&self.store));
        flow.settings.ping_log = ping_log;
        flow.clock = Arc::<SetClock>::clone(&self.clock);
        flow
    }

    /// Counts what `access` uses, as a row of its own.
    pub(crate) async fn row<T>(&mut self, what: &'static str, access: impl Future<Output = T>) -> T {
        self.meter.take();
        let answer = access.await;
        self.rows.push(Row { what, tally: self.meter.take() });
        answer
    }

    /// What the last row used.
    pub(crate) fn last(&self) -> &Tally {
        &self.rows.last().unwrap().tally
    }

    /// Stores copies of the item of `model` past the store, a batch at a time.
    pub(crate) async fn copy(&self, model: &MonitorId, project: &str, count: u32) {
        let model = self.ground.item(model).await.unwrap();
        let numbers: Vec<u32> = (0..count).collect();
        for batch in numbers.chunks(25) {
            let puts: Vec<Value> = batch.iter().map(|number| put(&model, project, *number)).collect();
            let request = json!({"RequestItems": {self.ground.tables().monitors.as_str(): puts}});
            let answer = self.ground.call("BatchWriteItem", &request).await;
            assert_eq!(answer.get("UnprocessedItems").filter(|left| **left != json!({})), None);
        }
    }
}

fn put(model: &Value, project: &str, number: u32) -> Value {
    let (mut item, slug) = (model.clone(), format!("nightly-backup-{number:05}"));
    for (name, value) in [("id", format!("{project}/{slug}")), ("project", project.to_owned()), ("slug", slug.clone())]
    {
        *item.get_mut(name).unwrap() = json!({"S": value});
    }
    json!({"PutRequest": {"Item": item}})
}

/// A curl somewhere.
pub(crate) fn sender() -> Sender {
    Sender { from: Some("192.0.2.17".to_owned()), agent: Some("curl/8.5.0".to_owned()), ..Sender::default() }
}
