//! `heartbeat channels` and `heartbeat deliveries`: straight in the store, beside a running `serve`, by the same rules as the
//! API's.

mod kinds;
mod ledger;
mod settings;

use std::sync::Arc;

use anyhow::{Context, bail};
use heartbeat_api::{Edit, Wanted, ledger::Condition, removed, try_out};
use heartbeat_core::{
    ChannelName, Clock, Project, Store,
    channel::definition::{
        ChannelRole, ChannelState, ChannelsError, Defined, Definition, Kinds, Wants, add_channel, change_channel,
        channel, channels,
    },
    clock::SystemClock,
    delivery::{Outcome, Reason},
};

pub(crate) use self::{kinds::kinds, ledger::deliveries};
use crate::{
    cli::channels::{Channels, ChannelsOf, NewChannel},
    config::{Alerts, Config, Kept},
    database, logging, mention, say, tables,
};

/// The store that there is.
async fn open(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    Ok(match &config.kept {
        Kept::InFile(file) => Arc::new(database::open_existing(file)?),
        Kept::InTables => tables::open(config).await?,
    })
}

/// The channels of one project.
struct Place<'a> {
    config: &'a Config,
    store: Arc<dyn Store>,
    kinds: Arc<dyn Kinds>,
    project: Project,
}

pub(crate) async fn run(config: &Config, ChannelsOf { project, command }: ChannelsOf) -> anyhow::Result<()> {
    logging::start(config);
    let place = Place { config, store: open(config).await?, kinds: kinds(config, None), project };
    match command.unwrap_or(Channels::List) {
        Channels::List => place.list().await,
        Channels::Add(new) => place.add(new).await,
        Channels::Show { name } => place.show(&name).await,
        Channels::Test { name } => place.test(&name).await,
        Channels::Enable { name } => {
            place.edit(&name, &Edit::enabling()).await?;
            Ok(say(&format!("{name} is told again"))?)
        }
        Channels::Disable { name, why } => {
            place.edit(&name, &Edit::disabling(why.as_deref())?).await?;
            Ok(say(&format!("{name} is told nothing until `heartbeat channels enable {name}`"))?)
        }
        Channels::Remove { name } => place.remove(&name).await,
    }
}

impl Place<'_> {
    async fn list(&self) -> anyhow::Result<()> {
        let there = channels(self.store.as_ref(), &self.project).await?;
        say(&format!("{:24}  {:10}  {:8}  {:24}  STATE", "NAME", "KIND", "ROLE", "EVENTS"))?;
        for one @ Defined { name, definition, .. } in &there {
            let (kind, role) = (&definition.kind, role(definition.role));
            let (name, events) = (name.as_str(), definition.wants.words().join(","));
            let trouble = trouble(&self.condition(&one.name).await?).map(|trouble| format!("; {trouble}"));
            let state = state(&definition.state) + &trouble.unwrap_or_default();
            say(&format!("{name:24}  {kind:10}  {role:8}  {events:24}  {state}"))?;
        }
        if there.is_empty() {
            mention(&format!("the project {} has no channel: {}", self.project.as_str(), self.default()));
        }
        Ok(())
    }

    /// Whom alerts reach while there is no channel.
    fn default(&self) -> &'static str {
        match &self.config.alerts {
            Alerts::Terminal => "alerts go to the terminal of `serve`, or to the Telegram that its environment names",
            Alerts::Telegram(_) | Alerts::Parameters(_) => "alerts go to the Telegram of the environment",
        }
    }

    async fn add(&self, new: NewChannel) -> anyhow::Result<()> {
        let config = settings::read(self.kinds.as_ref(), &new.kind, &new.settings)?;
        let wants = match new.events.as_slice() {
            [] => Wants::ALL,
            events => Wants::parse(events.iter().map(|word| word.trim())).context("--events")?,
        };
        let role = if new.fallback { ChannelRole::Fallback } else { ChannelRole::Main };
        let wanted = Wanted { name: new.name, kind: new.kind, config, wants, role };
        let definition = wanted.define(self.kinds.as_ref(), SystemClock.now())?;
        let name = &wanted.name;
        let added = add_channel(self.store.as_ref(), &self.project, name, &definition).await;
        added.map_err(|error| self.explain(&error))?;
        let project = self.project_option();
        say(&format!("{name} is added; a running server tells it within 10 seconds"))?;
        Ok(say(&format!("`heartbeat channels test {name}{project}` shows whether messages arrive"))?)
    }

    async fn show(&self, name: &ChannelName) -> anyhow::Result<()> {
        let Defined { definition, .. } = self.there(name).await?;
        let shown = self.kinds.shown(&definition.kind, &definition.config);
        say(&format!("name     {name}"))?;
        say(&format!("kind     {}", definition.kind))?;
        say(&format!("role     {}", role(definition.role)))?;
        say(&format!("events   {}", definition.wants.words().join(",")))?;
        say(&format!("state    {}", state(&definition.state)))?;
        say(&format!("created  {}", definition.created_at.to_rfc3339_seconds()))?;
        let condition = self.condition(name).await?;
        if let Some(at) = condition.last_delivered_at {
            say(&format!("told     {} last", at.to_rfc3339_seconds()))?;
        }
        if let Some((at, reason)) = &condition.last_error {
            say(&format!("failed   {} last: {reason}", at.to_rfc3339_seconds()))?;
        }
        Ok(say(&format!("config   {shown:#}"))?)
    }

    /// How it does, by what was last tried.
    async fn condition(&self, name: &ChannelName) -> anyhow::Result<Condition> {
        Ok(Condition::of(self.store.as_ref(), &self.project, name).await?)
    }

    async fn test(&self, name: &ChannelName) -> anyhow::Result<()> {
        let Defined { definition, .. } = self.there(name).await?;
        let channel = self.kinds.open(name, &definition.kind, &definition.config)?;
        let trial = try_out(channel.as_ref(), &SystemClock).await;
        match trial.outcome {
            Outcome::Delivered => {
                Ok(say(&format!("{name} has taken the test message, in {} ms", trial.took.as_millis()))?)
            }
            Outcome::TryAgain { reason, .. } => {
                bail!("{name} did not take the test message (a real one would be tried again): {}", said(&reason))
            }
            Outcome::Refused { reason } => bail!("{name} refused the test message: {}", said(&reason)),
        }
    }

    async fn edit(&self, name: &ChannelName, edit: &Edit) -> anyhow::Result<Defined> {
        let (store, kinds) = (self.store.as_ref(), self.kinds.as_ref());
        Ok(edit.carry_out(store, kinds, &self.project, name, SystemClock.now()).await?)
    }

    async fn remove(&self, name: &ChannelName) -> anyhow::Result<()> {
        let at = SystemClock.now();
        let gone = |there: &Defined| -> Option<Definition> { Some(removed(&there.definition, at)) };
        let change = change_channel(self.store.as_ref(), &self.project, name, gone).await;
        change.map_err(|error| self.explain(&error))?;
        Ok(say(&format!("{name} is removed, with its secrets"))?)
    }

    async fn there(&self, name: &ChannelName) -> anyhow::Result<Defined> {
        channel(self.store.as_ref(), &self.project, name).await.map_err(|error| self.explain(&error))
    }

    /// What went wrong, with what to do about it.
    fn explain(&self, error: &ChannelsError) -> anyhow::Error {
        let project = self.project_option();
        let fix = match error {
            ChannelsError::NotFound(_) => format!(": `heartbeat channels list{project}` shows which there are"),
            ChannelsError::Exists(name) => format!(": `heartbeat channels remove {name}{project}` makes room for it"),
            ChannelsError::TooMany => format!(": `heartbeat channels remove{project}` makes room"),
            ChannelsError::SecondFallback(_) => ": leave --fallback out".to_owned(),
            ChannelsError::Contended | ChannelsError::Store(_) => String::new(),
        };
        anyhow::anyhow!("{error}{fix}")
    }

    /// The project as a command needs it.
    fn project_option(&self) -> String {
        if self.project == Project::default() { String::new() } else { format!(" --project {}", self.project.as_str()) }
    }
}

fn role(role: ChannelRole) -> &'static str {
    match role {
        ChannelRole::Main => "main",
        ChannelRole::Fallback => "fallback",
    }
}

fn state(state: &ChannelState) -> String {
    match state {
        ChannelState::Enabled => "enabled".to_owned(),
        ChannelState::Disabled { at, why } => format!("DISABLED since {}: {why}", at.to_rfc3339_seconds()),
        ChannelState::Removed { at } => format!("removed {}", at.to_rfc3339_seconds()),
    }
}

/// What is wrong with a channel whose last attempt failed.
fn trouble(condition: &Condition) -> Option<String> {
    let (at, reason) =
        condition.last_error.as_ref().filter(|(at, _)| condition.last_delivered_at.is_none_or(|well| well < *at))?;
    Some(format!("failed at {}: {reason}", at.to_rfc3339_seconds()))
}

fn said(reason: &Reason) -> String {
    let status = reason.status().map(|status| format!(" ({status})")).unwrap_or_default();
    format!("{}{status}", reason.as_str())
}
