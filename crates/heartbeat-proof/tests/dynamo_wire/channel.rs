//! A channel that takes everything and remembers it.

use std::{sync::Mutex, time::Duration};

use async_trait::async_trait;
use heartbeat_core::{Channel, ChannelName, Telling, delivery::Outcome};
use heartbeat_proof::contract::scene::channel;

pub(crate) struct Ear {
    name: ChannelName,
    heard: Mutex<Vec<String>>,
}

impl Ear {
    pub(crate) fn new() -> Self {
        Self { name: channel("telegram"), heard: Mutex::default() }
    }

    /// Of which monitors it was told.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

#[async_trait]
impl Channel for Ear {
    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn time_out(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn send(&self, tellings: &[Telling]) -> Outcome {
        self.heard.lock().unwrap().extend(tellings.iter().map(|telling| telling.monitor.to_string()));
        Outcome::Delivered
    }

    async fn test(&self) -> Outcome {
        Outcome::Delivered
    }
}
