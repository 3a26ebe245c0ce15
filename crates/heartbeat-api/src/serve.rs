//! Serving the router over TCP: bounded in connections, in the size of heads and in time, and finishing what was
//! accepted when told to stop.

use std::{
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tower::Service;

use crate::wire::Wire;

/// How long to wait when the system has no room for another connection and none of ours ends.
const NO_ROOM: Duration = Duration::from_secs(1);

/// What bounds the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many at once: 800, below the 1 024 files that a process usually may open. Others wait to be accepted.
    pub connections: usize,
    /// How long a client may take to send a request's head, and to be idle between two requests: 10 s.
    pub head_time: Duration,
    /// The largest head: 64 KiB. There may be 100 headers.
    pub head_bytes: usize,
    /// How long an answer may wait for a client that does not read: 30 s.
    pub stall: Duration,
    /// How long what was accepted may take to finish after the shutdown: 10 s.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 800,
            head_time: Duration::from_secs(10),
            head_bytes: 64 * 1024,
            stall: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// How many connections had not finished within [`Limits::drain`].
    pub cut_off: usize,
}

/// Serves `router` on `listener` until `shutdown`; then stops accepting, lets every request that was accepted finish,
/// and returns. Nothing of a client ends it.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
    limits: Limits,
) -> Ending {
    let places = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = accept(&listener, &places) => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok(connection) => {
                connections.spawn(connection.run(router.clone(), graceful.watcher(), limits));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                wait_for_room(&mut connections).await;
            }
        }
    }
    drop(listener);
    finish(graceful, connections, limits.drain).await
}

async fn finish(graceful: GracefulShutdown, mut connections: JoinSet<()>, drain: Duration) -> Ending {
    let _ = tokio::time::timeout(drain, graceful.shutdown()).await;
    while connections.try_join_next().is_some() {}
    let cut_off = connections.len();
    connections.shutdown().await;
    Ending { cut_off }
}

/// A connection that has a place among ours.
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    _place: OwnedSemaphorePermit,
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<Connection> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok(Connection { stream, peer, _place: place })
}

/// Whoever connects may hang up before we look: then there is room at once. If the system has no more files, there is
/// when one of our connections ends.
async fn wait_for_room(connections: &mut JoinSet<()>) {
    let ended = async {
        if connections.join_next().await.is_none() {
            std::future::pending::<()>().await;
        }
    };
    let _ = tokio::time::timeout(NO_ROOM, ended).await;
}

impl Connection {
    async fn run(self, router: Router, watcher: Watcher, limits: Limits) {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let peer = self.peer;
        // Answers are small, and each is sent at once.
        let _ = self.stream.set_nodelay(true);
        let wire = Wire::new(TokioIo::new(self.stream), number, limits.stall);
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().call(request)
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(limits.head_time).max_buf_size(limits.head_bytes);
        if let Err(error) = watcher.watch(http.serve_connection(wire, service)).await {
            tracing::debug!(%peer, connection = number, %error, "a connection ended badly");
        }
    }
}
