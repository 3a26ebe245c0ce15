//! Tables on dynoxide, reached over wires that do as they are told, on a clock that is paused: real time-outs and back-offs
//! take no time.

use std::{future::Future, sync::Arc};

use heartbeat_core::dynamo::{DynamoStore, Options, Shared, wire::Patience};
use tokio::runtime::Runtime;

use super::{
    Ground, Scripted,
    aside::{Aside, paused, threads},
};
use crate::{contract::scene::SETTLE, engines::Engine};

/// A place to try out what becomes of single requests.
#[derive(Debug)]
pub struct Wired {
    ground: Arc<Ground>,
    clock: Runtime,
    threads: Runtime,
}

impl Wired {
    /// Tables of one's own, empty.
    pub fn new() -> Self {
        let threads = threads();
        let ground = Arc::new(threads.block_on(Ground::on(Engine::dynoxide())));
        Self { ground, clock: paused(), threads }
    }

    /// A store with the patience that it has in the program, and its wire.
    pub fn open(&self) -> (Arc<DynamoStore>, Arc<Scripted>) {
        self.open_with(|options| options)
    }

    /// A store with other options, and its wire.
    pub fn open_with(&self, change: impl FnOnce(Options) -> Options) -> (Arc<DynamoStore>, Arc<Scripted>) {
        let wire = Arc::new(Scripted::new(Aside::of(&self.threads)));
        let options = self.ground.options();
        let options = Options {
            shared: Shared { settle_s: SETTLE.as_secs(), ..options.shared },
            segments: 1,
            patience: Patience::default(),
            network: Some(Arc::<Scripted>::clone(&wire)),
            ..options
        };
        (self.run(self.ground.open(change(options))), wire)
    }

    /// Does something with the stores.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.clock.block_on(future)
    }

    /// Does something past them.
    pub fn past<T>(&self, go: impl AsyncFnOnce(&Ground) -> T) -> T {
        self.threads.block_on(go(&self.ground))
    }
}

impl Default for Wired {
    fn default() -> Self {
        Self::new()
    }
}
