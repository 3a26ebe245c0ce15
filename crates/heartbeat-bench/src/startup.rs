//! How long `heartbeat serve` takes to start on a file with many monitors: from the start of the process until it answers,
//! and until it is ready.

use std::{fs, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::ensure;
use heartbeat_core::{Clock, clock::SystemClock};

use crate::{
    Plan, crowd,
    http::{self, Connection},
    latency::Latencies,
    server::Server,
    stopwatch::Stopwatch,
};

/// How often a server that is starting is asked.
const ASK_AGAIN: Duration = Duration::from_millis(1);
/// How long it may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the starts took.
#[derive(Clone, Debug)]
pub(crate) struct Starts {
    /// How many monitors the file has.
    pub(crate) monitors: u32,
    /// How large the file is.
    pub(crate) file_bytes: u64,
    /// Until the first 200 of `/healthz`.
    pub(crate) answers: Latencies,
    /// Until the first 200 of `/readyz`: the checker has looked.
    pub(crate) ready: Latencies,
    /// The most memory of any of them, in KiB.
    pub(crate) peak_kib: u64,
}

/// Measures several starts.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<Starts> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let folder = plan.folder.join("start");
    fs::create_dir_all(&folder)?;
    let monitors = plan.started_with;
    runtime.block_on(async {
        let flow = crowd::flow(&folder, Arc::new(SystemClock))?;
        crowd::gather(&flow, monitors, |_| 86_400).await?;
        // Drops the store, which blocks until the file is at rest.
        tokio::task::spawn_blocking(move || drop(flow)).await?;
        let file_bytes = fs::metadata(folder.join("heartbeat.db"))?.len();
        // The first start makes the first key; the others are like those of every day.
        start(plan, &folder).await?;
        let (mut answers, mut ready, mut peak_kib) = (Vec::new(), Vec::new(), 0);
        for _ in 0..plan.starts {
            let started = start(plan, &folder).await?;
            answers.push(started.answers);
            ready.push(started.ready);
            peak_kib = started.peak_kib.max(peak_kib);
        }
        fs::remove_dir_all(&folder)?;
        let (answers, ready) = (Latencies::new(answers), Latencies::new(ready));
        Ok(Starts { monitors, file_bytes, answers, ready, peak_kib })
    })
}

struct Started {
    answers: Duration,
    ready: Duration,
    peak_kib: u64,
}

async fn start(plan: &Plan, folder: &std::path::Path) -> anyhow::Result<Started> {
    let mut server = Server::start(&plan.binary, folder)?;
    server.ignore_output();
    let answers = first_200(&mut server, "/healthz").await?;
    let ready = first_200(&mut server, "/readyz").await?;
    let peak_kib = server.process().memory()?.peak_kib;
    server.stop().await?;
    Ok(Started { answers, ready, peak_kib })
}

/// When the server that was started answers 200 at `path` for the first time, since its start.
async fn first_200(server: &mut Server, path: &str) -> anyhow::Result<Duration> {
    let waiting = Stopwatch::start();
    while !answers_200(server.address, path).await {
        server.check()?;
        ensure!(waiting.elapsed() < PATIENCE, "{path} does not answer 200");
        SystemClock.sleep(ASK_AGAIN).await;
    }
    Ok(server.running.elapsed())
}

async fn answers_200(address: SocketAddr, path: &str) -> bool {
    let Ok(mut connection) = Connection::open(address).await else { return false };
    matches!(connection.ask(&http::get(address, path)).await, Ok(200))
}
