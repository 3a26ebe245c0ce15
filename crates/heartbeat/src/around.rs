//! What goes on around checker and API: the proof that pings are received, and the calls that let others watch the watcher.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use heartbeat_checker::{Call, Checker};
use heartbeat_core::{
    Clock,
    clock::SystemClock,
    delivery::Reason,
    dynamo::{Parameters, Wire},
    flow::{Flow, Own},
};
use heartbeat_notify::http::{Client, ClientError, Network};
use tokio::sync::OnceCell;

use crate::{
    channels,
    config::{Canary, CanaryKey, Config},
    stop::Stop,
};

/// How often an API that runs for long proves that pings are received. DESIGN, "Outage amnesty".
const PROVE_EVERY: Duration = Duration::from_secs(15);
/// How long a call may take: a pass waits for the canary.
const TIME_OUT: Duration = Duration::from_secs(5);

/// Proves that pings are received, until `stop`. What was missed before is written down first.
pub(crate) async fn prove_hearing(flow: Flow, stop: Stop) {
    loop {
        prove_once(&flow).await;
        tokio::select! {
            () = stop.clone().requested() => return,
            () = SystemClock.sleep(PROVE_EVERY) => {}
        }
    }
}

/// Proves it once: before anybody flips anything after a start.
pub(crate) async fn prove_once(flow: &Flow) {
    if let Err(error) = flow.prove_hearing().await {
        tracing::warn!(%error, "it could not be proved that pings are received: silence is held after a minute");
    }
}

/// The checker with all that is around it: channels of projects, the canary, those who watch the watcher.
pub(crate) fn checker(config: &Config, checker: Checker, wire: Option<&Wire>) -> anyhow::Result<Checker> {
    let mut checker = checker.with_kinds(channels::kinds(config, wire));
    if let Some(canary) = &config.canary {
        checker = checker.with_canary(Box::new(Singing::new(canary, wire)?));
    }
    if let Some(address) = &config.outbound_url {
        let (client, address) = (client()?, address.url().to_string());
        checker = checker.with_outbound(Box::new(Outbound { client, address }));
    }
    Ok(checker)
}

/// What calls addresses that the operator has set: they may be anywhere.
fn client() -> Result<Client, ClientError> {
    Ok(Client::new(Network::PrivateToo)?.within(TIME_OUT))
}

/// Tells another that we are alive.
struct Outbound {
    client: Client,
    address: String,
}

#[async_trait]
impl Call for Outbound {
    async fn call(&self) {
        if let Err(reason) = well(self.client.ping(&self.address, &[]).await) {
            tracing::warn!(reason = reason.as_str(), "whoever watches the checker could not be told that it is alive");
        }
    }
}

/// The canary: a ping that goes all the way round.
struct Singing {
    client: Client,
    address: String,
    key: CanaryKey,
    wire: Wire,
    read: OnceCell<String>,
}

impl Singing {
    fn new(canary: &Canary, wire: Option<&Wire>) -> Result<Self, ClientError> {
        let base = canary.url.url().as_str().trim_end_matches('/');
        // Two minutes: the slowest schedule that the checker has.
        let address = format!("{base}/heartbeat/{}?interval=2m&grace=1m", Own::Canary.as_str());
        let (key, wire) = (canary.key.clone(), wire.cloned().unwrap_or_default());
        Ok(Self { client: client()?, address, key, wire, read: OnceCell::new() })
    }

    async fn sing(&self) -> Result<(), Reason> {
        let key = self.read.get_or_try_init(|| self.read()).await?;
        let headers = [("authorization".to_owned(), format!("Bearer {key}"))];
        well(self.client.ping(&self.address, &headers).await)
    }

    async fn read(&self) -> Result<String, Reason> {
        let name = match &self.key {
            CanaryKey::Here(key) => return Ok(key.reveal().to_owned()),
            CanaryKey::Parameter(name) => name,
        };
        let ssm = Parameters::open(&self.wire).await.map_err(|error| Reason::new(&error.to_string()))?;
        let [key] = ssm.read([name.as_str()]).await.map_err(|error| Reason::new(&error.to_string()))?;
        Ok(key.trim().to_owned())
    }
}

#[async_trait]
impl Call for Singing {
    async fn call(&self) {
        if let Err(reason) = self.sing().await {
            tracing::error!(reason = reason.as_str(), "the canary was not heard: a ping through the public address");
        }
    }
}

fn well(answered: Result<u16, Reason>) -> Result<(), Reason> {
    match answered? {
        200..=299 => Ok(()),
        status => Err(Reason::new(&format!("it answered {status}")).with_status(status)),
    }
}

/// The flow of a process that knows of outages of ours.
pub(crate) fn hearing(config: &Config, flow: Flow) -> Flow {
    Flow { hearing: Arc::new(heartbeat_core::flow::Hearing::new(config.outage_hold)), ..flow }
}
