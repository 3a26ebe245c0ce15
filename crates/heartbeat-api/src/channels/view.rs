//! A channel as the API shows it: its secrets are not in it.

use heartbeat_core::{
    ChannelName,
    channel::definition::{ChannelRole, ChannelState, Defined, Definition, Kinds},
};
use serde::Serialize;
use serde_json::Value;

/// All of a project's channels, as JSON. There are at most
/// [`MAX_CHANNELS`](heartbeat_core::channel::definition::MAX_CHANNELS), so there are no pages.
#[derive(Serialize)]
pub(super) struct ListView {
    channels: Vec<ChannelView>,
}

impl ListView {
    pub(super) fn new(channels: &[Defined], kinds: &dyn Kinds) -> Self {
        Self { channels: channels.iter().map(|one| ChannelView::new(&one.name, &one.definition, kinds)).collect() }
    }
}

/// A channel, as JSON.
#[derive(Serialize)]
pub(super) struct ChannelView {
    name: String,
    kind: String,
    config: Value,
    events: Vec<&'static str>,
    role: ChannelRole,
    enabled: bool,
    disabled_at: Option<String>,
    disabled_why: Option<String>,
    created_at: String,
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
        }
    }
}
