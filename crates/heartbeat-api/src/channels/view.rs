//! A channel as the API shows it: its secrets are not in it.

use heartbeat_core::{
    ChannelName,
    channel::definition::{ChannelRole, ChannelState, Defined, Definition, Kinds},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::ledger::Condition;

/// All of a project's channels, as JSON. There are few, so there are no pages.
#[derive(Serialize, ToSchema)]
#[schema(as = Channels)]
pub(crate) struct ListView {
    channels: Vec<ChannelView>,
}

impl ListView {
    pub(super) fn new(channels: &[(Defined, Condition)], kinds: &dyn Kinds) -> Self {
        let view = |(one, condition): &(Defined, Condition)| {
            ChannelView::new(&one.name, &one.definition, kinds).in_condition(condition)
        };
        Self { channels: channels.iter().map(view).collect() }
    }
}

/// A channel, as JSON.
#[derive(Serialize, ToSchema)]
#[schema(as = Channel)]
pub(crate) struct ChannelView {
    name: String,
    kind: String,
    config: Value,
    events: Vec<&'static str>,
    #[schema(value_type = String)]
    role: ChannelRole,
    enabled: bool,
    disabled_at: Option<String>,
    disabled_why: Option<String>,
    created_at: String,
    last_delivered_at: Option<String>,
    last_error: Option<ErrorView>,
}

/// The last attempt that failed.
#[derive(Serialize, ToSchema)]
#[schema(as = LastError)]
pub(crate) struct ErrorView {
    at: String,
    reason: String,
}

impl ChannelView {
    pub(super) fn new(name: &ChannelName, definition: &Definition, kinds: &dyn Kinds) -> Self {
        let (disabled_at, disabled_why) = match &definition.state {
            ChannelState::Disabled { at, why } => (Some(at.to_string()), Some(why.clone())),
            ChannelState::Enabled | ChannelState::Removed { .. } => (None, None),
        };
        Self {
            name: name.to_string(),
            kind: definition.kind.clone(),
            config: kinds.shown(&definition.kind, &definition.config),
            events: definition.wants.words(),
            role: definition.role,
            enabled: definition.is_enabled(),
            disabled_at,
            disabled_why,
            created_at: definition.created_at.to_string(),
            last_delivered_at: None,
            last_error: None,
        }
    }

    /// The same, with how its last attempts went: it is the ledger that knows, whoever sends, and whatever they may read.
    pub(super) fn in_condition(self, condition: &Condition) -> Self {
        let error = condition.last_error.as_ref();
        Self {
            last_delivered_at: condition.last_delivered_at.map(|at| at.to_string()),
            last_error: error.map(|(at, reason)| ErrorView { at: at.to_string(), reason: reason.clone() }),
            ..self
        }
    }
}
