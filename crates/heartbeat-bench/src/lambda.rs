//! How long the packages for AWS Lambda take from the start of their process to the first answer, and what they need for
//! it: the zips as they are uploaded, on this machine, between stubs on the loopback. What AWS does before it starts a
//! process, and how far away its services are, is not in it.

mod around;
mod package;

use std::{fs, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use heartbeat_core::{
    Clock, Project, Store,
    clock::SystemClock,
    dynamo::{Options, Shared},
    history::PingLog,
    key::{ApiKey, KeyRecord, Scope},
};
use heartbeat_proof::{dynamo::Ground, engines::Engine};
use serde_json::json;

use self::{
    around::{Around, Event},
    package::{Package, Running},
};
use crate::{Plan, crowd, latency::Latencies, usage::Process};

/// How many monitors there are: as many as a small company has.
const MONITORS: u32 = 100;
/// A process that has not answered within this never will.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the checker's invocation may take: long enough that it looks, too short for a second look.
const FOR_ONE_LOOK: Duration = Duration::from_secs(22);
/// What Terraform gives the API.
const FOR_A_REQUEST: Duration = Duration::from_secs(15);

/// What the starts of one package took.
#[derive(Clone, Debug)]
pub(crate) struct Starts {
    /// What it is.
    pub(crate) function: Function,
    /// How large the zip is.
    pub(crate) zip_bytes: u64,
    /// How large the program in it is.
    pub(crate) program_bytes: u64,
    /// Until it asked for its first event: it has read its settings and opened its tables.
    pub(crate) asked: Latencies,
    /// Until it answered that.
    pub(crate) answered: Latencies,
    /// What it computed until then, on all cores.
    pub(crate) cpu: Latencies,
    /// The most memory that the middle one and the worst of them had until then, in KiB.
    pub(crate) peaks_kib: (u64, u64),
}

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    /// Looks once at [`MONITORS`] monitors of which none is due.
    Checker,
    /// Takes a ping to one of them.
    Api,
}

impl Function {
    /// As it is called on AWS.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Checker => "heartbeat-checker",
            Self::Api => "heartbeat-api",
        }
    }

    /// What it is given, and the good answer.
    fn event(self, key: &ApiKey) -> Event {
        match self {
            Self::Checker => Event { body: json!({}), time: FOR_ONE_LOOK, expected: ("passes", json!(1)) },
            Self::Api => Event { body: ping(key), time: FOR_A_REQUEST, expected: ("statusCode", json!(200)) },
        }
    }
}

/// What a function URL makes of a ping.
fn ping(key: &ApiKey) -> serde_json::Value {
    let path = format!("/heartbeat/{}", crowd::name(0));
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "interval=1h",
        "headers": {"authorization": format!("Bearer {}", key.reveal()), "host": "bench.lambda-url.eu-north-1.on.aws"},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "bench",
            "domainName": "bench.lambda-url.eu-north-1.on.aws",
            "domainPrefix": "bench",
            "http": {
                "method": "GET", "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.17", "userAgent": "curl/8.5.0",
            },
            "requestId": "bench",
            "routeKey": "$default",
            "stage": "$default",
            "time": "23/Nov/2026:03:00:00 +0000",
            "timeEpoch": 1_795_402_800_000_u64,
        },
        "isBase64Encoded": false,
    })
}

/// Measures several starts of the function whose package is in `folder`, on an engine of its own.
pub(crate) fn measure(plan: &Plan, folder: &Path, function: Function) -> anyhow::Result<Starts> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let package = Package::unpack(folder, function.name(), &plan.folder)?;
    runtime.block_on(async {
        let ground = Ground::on(Engine::dynoxide()).await;
        let key = furnish(&ground).await?;
        // The first is not measured: its pages may have to come from the disk.
        start(&package, function, &ground, &key).await?;
        let (mut asked, mut answered, mut cpu, mut peaks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..plan.starts * 3 {
            let started = start(&package, function, &ground, &key).await?;
            asked.push(started.asked);
            answered.push(started.answered);
            cpu.push(started.cpu);
            peaks.push(started.peak_kib);
        }
        peaks.sort_unstable();
        let peak = |at: usize| peaks.get(at).copied().unwrap_or_default();
        Ok(Starts {
            function,
            zip_bytes: package.zip_bytes,
            program_bytes: fs::metadata(&package.program)?.len(),
            asked: Latencies::new(asked),
            answered: Latencies::new(answered),
            cpu: Latencies::new(cpu),
            peaks_kib: (peak(peaks.len() / 2), peak(peaks.len().saturating_sub(1))),
        })
    })
}

/// Monitors, and a key that pings them.
async fn furnish(ground: &Ground) -> anyhow::Result<ApiKey> {
    let store = ground.open(Options { shared: Shared::default(), ..ground.options() }).await;
    let key = ApiKey::from_random([7; 32]);
    let record = KeyRecord {
        hash: key.hash(),
        project: Project::default(),
        scopes: vec![Scope::Ping],
        monitor: None,
        description: "the benchmark".to_owned(),
        created_at: SystemClock.now(),
        expires_at: None,
        revoked_at: None,
    };
    store.put_key(record).await?;
    let flow = crowd::flow_over(store, Arc::new(SystemClock), Shared::default().settle(), PingLog::Notable);
    crowd::gather(&flow, MONITORS, |_| 3_600).await?;
    Ok(key)
}

struct Started {
    asked: Duration,
    answered: Duration,
    cpu: Duration,
    peak_kib: u64,
}

async fn start(package: &Package, function: Function, ground: &Ground, key: &ApiKey) -> anyhow::Result<Started> {
    let mut around = Around::listen(function.event(key)).await?;
    let mut running = Running::start(package, &around, ground)?;
    let answered = tokio::time::timeout(PATIENCE, around.answered()).await;
    let answered = answered.with_context(|| format!("no answer: {}", running.said()))?;
    let answered = answered.with_context(|| format!("{} said {}", function.name(), running.said()))?;
    // It waits for the second event now, which never comes.
    let process = Process::Child(running.id());
    let (cpu, memory) = (process.cpu_exactly()?, process.memory()?);
    ensure!(running.is_there()?, "{} ended: {}", function.name(), running.said());
    Ok(Started { asked: answered.asked, answered: answered.at, cpu, peak_kib: memory.peak_kib })
}
