//! What serves over tables on `DynamoDB`: API and checker in one process, or one of them.
//!
//! Bad settings end it before it has begun, with a line each. A store that cannot be reached does not: the API answers 503
//! and says why in `/readyz`, and everything starts when the store is there. Nothing is done before the tables have been
//! checked and the settle time is agreed on, for what is decided rests on it.

use std::{sync::Arc, time::Duration};

use heartbeat_api::{Api, ApiConfig, Ending, Limits};
use heartbeat_core::{
    Clock,
    alarm::Alarm,
    clock::SystemClock,
    dynamo::{ConnectError, DynamoStore, Options},
    flow::{Flow, Settings},
};
use tokio::{net::TcpListener, task::JoinHandle};

use super::{
    absent::{Absent, Reason},
    api_config, flow, greeting, listen, report_cut_off, start_checker,
};
use crate::{
    around, channels,
    config::Config,
    figures,
    stop::{Stop, Stopper},
    tables,
    variables::SETTLE,
};

/// The longest that the store may take to answer. DESIGN, "The checker".
pub(super) const LONGEST_GIVE_UP: Duration = Duration::from_secs(3);
/// How many pings of one bulk are written at once: a table writes each by itself.
const BULK_AT_ONCE: usize = 32;
/// Between two attempts to reach the store.
const AGAIN: Duration = Duration::from_secs(2);

/// API and checker in one process.
pub(super) async fn serve(config: &Config, stop: Stop) -> anyhow::Result<()> {
    serve_when_open(config, stop, async |store, listener, stop: Stop| {
        let flow = flow_over_tables(config, store);
        let api = api_over(config, flow.clone());
        around::prove_once(&flow).await;
        let _proving = Owned(tokio::spawn(around::prove_hearing(flow.clone(), stop.clone())));
        let (mut watch, checker_lives) = start_checker(config, flow, Arc::new(Alarm::default()), stop.clone()).await?;
        let router = heartbeat_api::router(api.with_check(checker_lives));
        report_cut_off(heartbeat_api::serve(listener, router, watch.until(stop), Limits::default()).await);
        watch.end().await
    })
    .await
}

/// The API alone.
pub(super) async fn serve_api(config: &Config, stop: Stop) -> anyhow::Result<()> {
    serve_when_open(config, stop, async |store, listener, stop: Stop| {
        let flow = flow_over_tables(config, store);
        around::prove_once(&flow).await;
        let _proving = Owned(tokio::spawn(around::prove_hearing(flow.clone(), stop.clone())));
        let router = heartbeat_api::router(api_over(config, flow));
        report_cut_off(heartbeat_api::serve(listener, router, stop.requested(), Limits::default()).await);
        Ok(())
    })
    .await
}

/// The checker alone.
pub(super) async fn check(config: &Config, stop: Stop) -> anyhow::Result<()> {
    let opening = Opening::begin(tables::options(config)).await?;
    greeting::of_the_checker(config)?;
    let Some(store) = opening.opened(stop.clone()).await else { return Ok(()) };
    let flow = flow_over_tables(config, store);
    let (mut watch, _) = start_checker(config, flow, Arc::new(Alarm::default()), stop.clone()).await?;
    watch.until(stop).await;
    watch.end().await
}

/// Listens, refuses everybody until the store is open, and then lets `serve` serve until `stop`.
async fn serve_when_open(
    config: &Config,
    stop: Stop,
    serve: impl AsyncFnOnce(Arc<DynamoStore>, TcpListener, Stop) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let opening = Opening::begin(tables::options(config)).await?;
    let listener = listen(config)?;
    greeting::over_tables(config, listener.local_addr()?)?;
    let meanwhile = match &opening {
        Opening::Done(_) => None,
        Opening::NotYet { reason, .. } => Some(Meanwhile::serve(config, listener.try_clone()?, reason)?),
    };
    let opened = opening.opened(stop.clone()).await;
    // From here on nobody is refused any more; who was is finished with beside the others.
    let meanwhile = meanwhile.map(Meanwhile::hand_over);
    if let Some(store) = opened {
        greeting::about_keys(store.as_ref()).await?;
        serve(store, TcpListener::from_std(listener)?, stop).await?;
    }
    if let Some(meanwhile) = meanwhile {
        report_cut_off(meanwhile.await?);
    }
    Ok(())
}

/// The API over `store`.
pub(crate) fn api_over_tables(config: &Config, store: Arc<DynamoStore>) -> Api {
    api_over(config, flow_over_tables(config, store))
}

/// The API while there is no store: it refuses what needs one, and says why it is not ready.
pub(crate) fn api_without_store(config: &Config, reason: Reason) -> Api {
    api_over(config, flow(Arc::new(Absent::because(reason)), config.settings))
}

fn api_over(config: &Config, flow: Flow) -> Api {
    let (kinds, base_url) = (channels::kinds(config, None), config.base_url.clone());
    let config = ApiConfig { bulk_at_once: BULK_AT_ONCE, ..api_config(config, flow.settings.settle, LONGEST_GIVE_UP) };
    figures::shown_by(Api::new(flow, config).with_base_url(base_url).with_kinds(kinds))
}

/// The flows over `store`, by what all processes over its tables have agreed on.
pub(crate) fn flow_over_tables(config: &Config, store: Arc<DynamoStore>) -> Flow {
    let settings = agreed(config, &store);
    around::hearing(config, flow(store, settings))
}

/// The settings, with the settle time that all processes over these tables have agreed on.
fn agreed(config: &Config, store: &DynamoStore) -> Settings {
    let settle = store.shared().settle();
    if let Some(ours) = config.proposed_settle.filter(|ours| *ours != settle) {
        tracing::warn!(
            "{SETTLE} is {} s here, and {} s is what all processes over these tables have agreed on: that counts",
            ours.as_secs(),
            settle.as_secs()
        );
    }
    Settings { settle, ..config.settings }
}

/// A task that ends with whoever owns it.
struct Owned(JoinHandle<()>);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A store that is being opened.
enum Opening {
    Done(Arc<DynamoStore>),
    NotYet { options: Box<Options>, reason: Reason },
}

impl Opening {
    /// Tries once. What somebody must mend is an error; what may be well again later is not.
    async fn begin(options: Options) -> anyhow::Result<Self> {
        match DynamoStore::open(options.clone()).await {
            Ok(store) => Ok(Self::Done(Arc::new(store))),
            Err(error @ ConnectError::Unreachable(_)) => {
                let text = tables::reasons(&error).join("; ");
                tracing::error!(reason = text, "the store cannot be reached, trying again");
                Ok(Self::NotYet { options: Box::new(options), reason: Reason::new(text) })
            }
            Err(error @ (ConnectError::NoRegion | ConnectError::Tables(_))) => Err(tables::refusal(&error)),
        }
    }

    /// The store, as soon as it is open; `None` when the end comes first.
    async fn opened(self, stop: Stop) -> Option<Arc<DynamoStore>> {
        match self {
            Self::Done(store) => Some(store),
            Self::NotYet { options, reason } => tokio::select! {
                store = try_again(&options, &reason) => Some(store),
                () = stop.requested() => None,
            },
        }
    }
}

/// Tries again until the store is open. A mistake that shows only now is waited for like an outage: who has been started
/// says why it is not ready, and goes on when it is mended.
async fn try_again(options: &Options, reason: &Reason) -> Arc<DynamoStore> {
    loop {
        SystemClock.sleep(AGAIN).await;
        match DynamoStore::open(options.clone()).await {
            Ok(store) => {
                tracing::info!("the store is open");
                return Arc::new(store);
            }
            Err(error) => {
                let text = tables::reasons(&error).join("; ");
                if text != reason.text() {
                    // First what `/readyz` says: who has read the log finds the same there.
                    reason.is_now(text.clone());
                    tracing::error!(reason = text, "the store cannot be opened, trying again");
                }
            }
        }
    }
}

/// The API while there is no store: it refuses what needs one, and says why it is not ready.
struct Meanwhile {
    serving: JoinHandle<Ending>,
    end: Stopper,
}

impl Meanwhile {
    fn serve(config: &Config, listener: std::net::TcpListener, reason: &Reason) -> anyhow::Result<Self> {
        let listener = TcpListener::from_std(listener)?;
        let router = heartbeat_api::router(api_without_store(config, reason.clone()));
        let (end, ended) = Stop::ahead();
        let serving = heartbeat_api::serve(listener, router, ended.requested(), Limits::default());
        Ok(Self { serving: tokio::spawn(serving), end })
    }

    /// It accepts nobody any more. What is given ends when who was accepted is.
    fn hand_over(self) -> JoinHandle<Ending> {
        self.end.stop();
        self.serving
    }
}
