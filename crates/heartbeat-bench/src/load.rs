//! The load: a closed loop over connections that are kept, each of which pings again as soon as it has its whole answer.
//! One thread, raw TCP: what it costs is measured apart.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::ensure;
use futures_util::future::try_join_all;

use crate::{http::Connection, latency::Latencies, stopwatch::Stopwatch};

/// How many connections ping at once.
pub(crate) const CONNECTIONS: usize = 32;
/// From one monitor to the next: coprime to the numbers of monitors, so that neighbours in the file are not neighbours in
/// time.
pub(crate) const STRIDE: usize = 7_919;

/// Connections, and what they send.
pub(crate) struct Load {
    requests: Arc<[Vec<u8>]>,
    connections: Vec<Connection>,
    /// Where each connection goes on.
    positions: Vec<usize>,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    /// From the first ping to the last answer.
    pub(crate) wall: Duration,
    /// Of every ping that was answered 200 or 201.
    pub(crate) latencies: Latencies,
    /// How many were answered otherwise.
    pub(crate) errors: usize,
}

/// How long a connection goes on.
#[derive(Clone, Copy, Debug)]
enum Until {
    /// A time has passed.
    Passed(Duration),
    /// It has sent this many.
    Sent(usize),
}

impl Load {
    /// Opens [`CONNECTIONS`] to `address`. There must be something to send.
    pub(crate) async fn open(address: SocketAddr, requests: Vec<Vec<u8>>) -> anyhow::Result<Self> {
        Self::open_some(address, requests, CONNECTIONS).await
    }

    /// Opens so many connections to `address`. There must be something to send.
    pub(crate) async fn open_some(address: SocketAddr, requests: Vec<Vec<u8>>, count: usize) -> anyhow::Result<Self> {
        ensure!(!requests.is_empty(), "there is nothing to send");
        let connections = try_join_all((0..count).map(|_| Connection::open(address))).await?;
        Ok(Self { requests: requests.into(), connections, positions: (0..count).collect() })
    }

    /// Sends every request once.
    pub(crate) async fn once(&mut self) -> anyhow::Result<Came> {
        let (total, count) = (self.requests.len(), self.connections.len());
        self.run(|connection| Until::Sent((connection..total).step_by(count).count())).await
    }

    /// Sends for this long.
    pub(crate) async fn run_for(&mut self, time: Duration) -> anyhow::Result<Came> {
        self.run(|_| Until::Passed(time)).await
    }

    async fn run(&mut self, until: impl Fn(usize) -> Until) -> anyhow::Result<Came> {
        let (running, step) = (Stopwatch::start(), self.connections.len());
        let loops = self.connections.iter_mut().zip(&mut self.positions).enumerate();
        let loops = loops.map(|(number, (connection, position))| {
            ping_on(connection, &self.requests, Position { at: position, step }, until(number), running)
        });
        let answered = try_join_all(loops).await?;
        let wall = running.elapsed();
        let errors = answered.iter().map(|one| one.errors).sum();
        let latencies = Latencies::new(answered.into_iter().flat_map(|one| one.latencies).collect());
        Ok(Came { wall, latencies, errors })
    }
}

/// Where a connection goes on, and how far on its next request is.
struct Position<'a> {
    at: &'a mut usize,
    step: usize,
}

#[derive(Default)]
struct Answered {
    latencies: Vec<Duration>,
    errors: usize,
}

async fn ping_on(
    connection: &mut Connection,
    requests: &[Vec<u8>],
    position: Position<'_>,
    until: Until,
    running: Stopwatch,
) -> anyhow::Result<Answered> {
    let mut answered = Answered::default();
    let mut sent = 0;
    let mut watch = Stopwatch::start();
    while match until {
        Until::Passed(time) => running.elapsed() < time,
        Until::Sent(count) => sent < count,
    } {
        let at = position.at.wrapping_mul(STRIDE) % requests.len();
        *position.at = position.at.wrapping_add(position.step);
        let Some(request) = requests.get(at) else { break };
        let status = connection.ask(request).await?;
        let took = watch.lap();
        match status {
            200 | 201 => answered.latencies.push(took),
            _ => answered.errors += 1,
        }
        sent += 1;
    }
    Ok(answered)
}
