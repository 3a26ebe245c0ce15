//! What people want of a monitor: everything that an edit can change, and that is exported, imported and compared.

pub mod document;
mod fields;

use std::collections::BTreeSet;

use crate::{
    about::{About, Actor, Tag},
    channel::ChannelName,
    interval::Grace,
    monitor::{Monitor, Policy},
    schedule::Schedule,
};

pub use fields::{DEFAULT_ZONE, FieldError, Fields, Length, MAX_FAILURES};

/// All that people want of a monitor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// What they say of it.
    pub about: About,
    /// When its pings are expected.
    pub schedule: Schedule,
    /// How much later they may come.
    pub grace: Grace,
    /// How it wants to be judged.
    pub policy: Policy,
    /// Which of its project's channels are told; `None` = all.
    pub channels: Option<BTreeSet<ChannelName>>,
}

/// What an edit changes; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// What it is called; `Some(None)` = nothing but its slug.
    pub name: Option<Option<String>>,
    /// What is said of it; `Some(None)` = nothing.
    pub description: Option<Option<String>>,
    /// Its tags.
    pub tags: Option<BTreeSet<Tag>>,
    /// The schedule.
    pub schedule: Option<Schedule>,
    /// The grace.
    pub grace: Option<Grace>,
    /// How many failures in a row open an incident, at least 1.
    pub failure_threshold: Option<u32>,
    /// How often to remind, in seconds; `Some(None)` = as the installation does.
    pub remind_every_s: Option<Option<u64>>,
    /// The longest that a run may take, in seconds; `Some(None)` = no limit.
    pub max_runtime_s: Option<Option<u64>>,
    /// Whether a ping resumes it when paused.
    pub resume_on_ping: Option<bool>,
    /// Which of its project's channels are told; `Some(None)` = all.
    pub channels: Option<Option<BTreeSet<ChannelName>>>,
    /// Who wants it.
    pub by: Option<Actor>,
}

impl Definition {
    /// What people want of this monitor.
    pub fn of(monitor: &Monitor) -> Self {
        Self {
            about: monitor.about.clone(),
            schedule: monitor.schedule.clone(),
            grace: monitor.grace,
            policy: monitor.policy,
            channels: monitor.channels.clone(),
        }
    }

    /// The edit that makes this of any monitor.
    pub fn as_changes(&self) -> Changes {
        let Self { about: About { name, description, tags }, schedule, grace, policy, channels } = self.clone();
        Changes {
            name: Some(name),
            description: Some(description),
            tags: Some(tags),
            schedule: Some(schedule),
            grace: Some(grace),
            failure_threshold: Some(policy.failure_threshold),
            remind_every_s: Some(policy.remind_every_s),
            max_runtime_s: Some(policy.max_runtime_s),
            resume_on_ping: Some(policy.resume_on_ping),
            channels: Some(channels),
            by: None,
        }
    }
}
