//! The kinds of channel, made when somebody first needs them: an API that is asked about monitors alone starts without
//! their HTTP client and its certificates.

use std::sync::{Arc, OnceLock};

use heartbeat_core::{
    Channel, ChannelName,
    channel::definition::{ConfigError, Kinds},
    clock::SystemClock,
    dynamo::Wire,
};
use heartbeat_notify::{AllKinds, http::Network, telegram::ApiUrl};
use serde_json::Value;

use crate::{config::Config, secrets::OfChannels};

/// The kinds of channel that this process can check, show and open. What they need of AWS goes over `wire`, or over a
/// connection of its own.
pub(crate) fn kinds(config: &Config, wire: Option<&Wire>) -> Arc<dyn Kinds> {
    Arc::new(WhenNeeded {
        secrets: Arc::new(OfChannels::over(wire)),
        network: config.network,
        telegram_api: config.telegram_api.clone(),
        made: OnceLock::new(),
    })
}

struct WhenNeeded {
    secrets: Arc<OfChannels>,
    network: Network,
    telegram_api: ApiUrl,
    made: OnceLock<Result<AllKinds, String>>,
}

impl WhenNeeded {
    fn all(&self) -> Result<&AllKinds, ConfigError> {
        let all = self.made.get_or_init(|| {
            let all = AllKinds::new(self.secrets.clone(), Arc::new(SystemClock), self.network);
            all.map(|all| all.telegram_api(self.telegram_api.clone())).map_err(|error| error.to_string())
        });
        all.as_ref().map_err(|error| ConfigError::all(error.clone()))
    }
}

impl Kinds for WhenNeeded {
    fn words(&self) -> Vec<&'static str> {
        self.all().map(Kinds::words).unwrap_or_default()
    }

    fn check(&self, kind: &str, config: Value) -> Result<Value, ConfigError> {
        self.all()?.check(kind, config)
    }

    fn shown(&self, kind: &str, config: &Value) -> Value {
        self.all().map(|kinds| kinds.shown(kind, config)).unwrap_or_default()
    }

    fn open(&self, name: &ChannelName, kind: &str, config: &Value) -> Result<Arc<dyn Channel>, ConfigError> {
        self.all()?.open(name, kind, config)
    }
}
