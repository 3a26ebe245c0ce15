//! Channels of projects: the kind `ledger`, whose configuration names one of the ledgers of a test.

use std::{collections::BTreeMap, sync::Arc};

use heartbeat_core::{
    Channel, ChannelName, Project, Store,
    channel::definition::{
        ChannelRole, ChannelState, ConfigError, Definition, Kinds, Wants, add_channel, change_channel, channel,
    },
};
use serde_json::{Value, json};

use crate::{ledger::Ledger, town::NOW};

/// The ledgers by name.
pub(crate) struct Posts(BTreeMap<String, Arc<Ledger>>);

impl Posts {
    pub(crate) fn of(ledgers: &[&Arc<Ledger>]) -> Arc<Self> {
        Arc::new(Self(ledgers.iter().map(|one| (one.name().to_string(), Arc::clone(one))).collect()))
    }
}

impl Kinds for Posts {
    fn words(&self) -> Vec<&'static str> {
        vec!["ledger"]
    }

    fn check(&self, _: &str, config: Value) -> Result<Value, ConfigError> {
        Ok(config)
    }

    fn shown(&self, _: &str, config: &Value) -> Value {
        config.clone()
    }

    fn open(&self, name: &ChannelName, _: &str, config: &Value) -> Result<Arc<dyn Channel>, ConfigError> {
        let ledger = config["ledger"].as_str().unwrap_or(name.as_str());
        let ledger = self.0.get(ledger).ok_or_else(|| ConfigError::of("ledger", "there is none of this name"))?;
        Ok(Arc::clone(ledger) as Arc<dyn Channel>)
    }
}

pub(crate) fn named(name: &str) -> ChannelName {
    ChannelName::parse(name).unwrap()
}

/// A channel to the ledger of its name, that wants what `wants` says.
pub(crate) fn to_ledger(wants: &[&str], role: ChannelRole) -> Definition {
    let wants = if wants.is_empty() { Wants::ALL } else { Wants::parse(wants.iter().copied()).unwrap() };
    let state = ChannelState::Enabled;
    Definition { kind: "ledger".to_owned(), config: json!({}), wants, role, state, created_at: NOW }
}

pub(crate) async fn add(store: &dyn Store, project: &Project, name: &str, definition: &Definition) {
    add_channel(store, project, &named(name), definition).await.unwrap();
}

/// Puts a channel into `state`, as a person does.
pub(crate) async fn put(store: &dyn Store, name: &str, state: ChannelState) {
    let change = |there: &heartbeat_core::channel::definition::Defined| {
        Some(Definition { state: state.clone(), ..there.definition.clone() })
    };
    change_channel(store, &Project::default(), &named(name), change).await.unwrap();
}

pub(crate) async fn state_of(store: &dyn Store, name: &str) -> ChannelState {
    channel(store, &Project::default(), &named(name)).await.unwrap().definition.state
}
