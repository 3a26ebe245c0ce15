//! The simulator over the `DynamoDB` store, on an engine of its own behind a wire of bad luck.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use heartbeat_core::dynamo::{Detector, DynamoStore, Options, Shared, wire::Patience};

use super::{
    Ground,
    aside::{Aside, paused, threads},
    disturbed::{Disturbed, Lie},
};
use crate::{
    engines::Engine,
    simulator::{Pace, Plan, Premises, SETTLE, Scale, Sky, Verdict, simulate},
};

/// As in the program, but for the back-off: its jitter is the SDK's own, and decided by no seed. As many attempts as always
/// fit into an operation.
const PATIENCE: Patience = Patience {
    attempt: Duration::from_millis(700),
    operation: Duration::from_secs(3),
    attempts: 4,
    back_off: Duration::from_micros(1),
};

/// How what is due is found in the world of a seed: half of them sweep, and a quarter have two shards.
fn shared(seed: u64) -> Shared {
    let detector = if seed % 8 < 4 { Detector::Index } else { Detector::Sweep };
    let shards = if seed % 16 < 8 { 1 } else { 2 };
    Shared { detector, shards, shards_before: shards, settle_s: SETTLE.as_secs(), ..Shared::default() }
}

/// A smaller world than [`Plan::default`]: here each request goes through a real engine.
pub fn small_plan() -> Plan {
    Plan { checkers: 2, storm: Duration::from_hours(1), ..Plan::default() }
}

/// The smallest worlds in which, taken together, there still is every kind of trouble. One in four has two checkers.
pub fn tiny_plan(seed: u64) -> Plan {
    let (checkers, storm) = (1 + u64::from(seed % 4 == 3), Duration::from_mins(10));
    Plan { monitors: 3, apis: 1, checkers, storm, scale: Scale::Minutes, sabotage: None }
}

/// A month of few monitors, for the same reason.
pub fn small_month() -> Plan {
    Plan { monitors: 40, checkers: 1, storm: Duration::from_hours(7 * 24), ..Plan::month() }
}

/// Lives through the world of `seed` over dynoxide, and judges it.
///
/// # Panics
///
/// When there is no engine, or no thread to be had: then nothing can be proven here.
pub fn simulate_on_dynamo(seed: u64, plan: Plan, lie: Option<Lie>) -> Verdict {
    let (threads, runtime) = (threads(), Arc::new(paused()));
    let ground = threads.block_on(Ground::on(Engine::dynoxide()));
    let wire = OnceLock::new();
    let mut verdict = simulate(seed, plan, &runtime, |sky: Sky| {
        let clock = Arc::clone(&sky.clock);
        let network = Disturbed::new(Aside::of(&threads), sky, ground.tables().clone(), seed, lie);
        let network = wire.get_or_init(|| Arc::new(network));
        let options = Options {
            shared: shared(seed),
            segments: shared(seed).shards,
            patience: PATIENCE,
            network: Some(Arc::<Disturbed>::clone(network)),
            clock,
            ..ground.options()
        };
        let store: Arc<DynamoStore> = runtime.block_on(open(options));
        Premises { store, pace: Pace::ByPausedClock }
    });
    let report = wire.get().map(|wire| wire.report()).unwrap_or_default();
    verdict.troubles.extend(report.troubles);
    verdict.troubles.insert("wire: requests", report.requests);
    verdict.offences.extend(report.offences);
    verdict
}

/// Opens the store, however often it takes: the wire is bad from the start.
async fn open(options: Options) -> Arc<DynamoStore> {
    loop {
        if let Ok(store) = DynamoStore::open(options.clone()).await {
            return Arc::new(store);
        }
    }
}
