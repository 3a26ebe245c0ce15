//! The command line of channels, and of what was tried to tell them.

use clap::{Args, Subcommand};
use heartbeat_api::ledger::DeliveryId;
use heartbeat_core::{ChannelName, Project, Slug};

/// What a project's channels are, and how they are set up.
pub(super) const CHANNELS: &str = "\
Examples:
  heartbeat channels add ops telegram token=- chat_id=-100123
      Adds a chat; the bot's token is read from standard input, so that the shell remembers no secret.
  heartbeat channels add mail email host=smtp.example.org username=alerts password=env:HEARTBEAT_SECRET_SMTP \\
      from=alerts@example.org to=ops@example.org --fallback
      Adds an address that is told only what the others could not be told.
  heartbeat channels add hook webhook url=https://example.org/hook headers.Authorization=- template=@body.json --events down,up
      Adds a webhook with a header that is a secret and a body of one's own.
  heartbeat channels test ops
      Sends a test message, and says whether it arrived (exit code 0 or 1).

A secret is its value, - (standard input), env:HEARTBEAT_SECRET_NAME (of whoever sends alerts) or ssm:/heartbeat/channels/name. \
docs/channels.md has the fields of every kind.";

/// What was tried to tell whom.
pub(super) const DELIVERIES: &str = "\
Examples:
  heartbeat deliveries --monitor nightly-backup
      What channels were told of one monitor, the newest first.
  heartbeat deliveries --channel ops --limit 20
      What one channel was told.
  heartbeat deliveries retry ID
      Has it sent as soon as can be, with the id that the list shows.
";

#[derive(Debug, Args)]
pub(crate) struct ChannelsOf {
    /// Whose channels.
    #[arg(long, global = true, value_parser = Project::parse, default_value = Project::DEFAULT)]
    pub(crate) project: Project,
    #[command(subcommand)]
    pub(crate) command: Option<Channels>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Channels {
    /// Shows every channel with its state (the default).
    List,
    /// Adds a channel. A running server tells it within 10 seconds.
    #[command(after_help = CHANNELS)]
    Add(NewChannel),
    /// Shows how a channel is set up, without its secrets.
    Show {
        /// Which one.
        #[arg(value_parser = ChannelName::parse)]
        name: ChannelName,
    },
    /// Sends one test message, and says whether it arrived.
    Test {
        /// Which one.
        #[arg(value_parser = ChannelName::parse)]
        name: ChannelName,
    },
    /// Has a channel told again.
    Enable {
        /// Which one.
        #[arg(value_parser = ChannelName::parse)]
        name: ChannelName,
    },
    /// Has a channel told nothing until it is enabled.
    Disable {
        /// Which one.
        #[arg(value_parser = ChannelName::parse)]
        name: ChannelName,
        /// Why, for those who find it disabled.
        #[arg(long)]
        why: Option<String>,
    },
    /// Removes a channel, with its secrets. What waits for it is told to the others.
    Remove {
        /// Which one.
        #[arg(value_parser = ChannelName::parse)]
        name: ChannelName,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewChannel {
    /// What it is called: ops, night-shift.
    #[arg(value_parser = ChannelName::parse)]
    pub(crate) name: ChannelName,
    /// What it is: telegram, email, webhook.
    pub(crate) kind: String,
    /// How it is set up: KEY=VALUE, KEY=- for standard input, headers.NAME=VALUE, template=@FILE.
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<Setting>,
    /// What it wants to be told: down, up, reminders, late (default: everything).
    #[arg(long, value_delimiter = ',', value_name = "EVENT")]
    pub(crate) events: Vec<String>,
    /// It is told only what could not be told to the others.
    #[arg(long)]
    pub(crate) fallback: bool,
}

/// One setting of a channel. `{:?}` does not show its value, which may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl std::str::FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Self { key: key.to_owned(), value: value.to_owned() }),
            // What has no key may be a secret that lacks one.
            Some(_) | None => Err("write a setting as KEY=VALUE".to_owned()),
        }
    }
}

impl std::fmt::Debug for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=…", self.key)
    }
}

#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true)]
pub(crate) struct DeliveriesOf {
    /// Whose deliveries.
    #[arg(long, global = true, value_parser = Project::parse, default_value = Project::DEFAULT)]
    pub(crate) project: Project,
    #[command(flatten)]
    pub(crate) of: Option<DeliveredTo>,
    /// How many, at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) limit: u16,
    #[command(subcommand)]
    pub(crate) command: Option<Deliveries>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct DeliveredTo {
    /// What channels were told of this monitor.
    #[arg(long, value_name = "SLUG", value_parser = Slug::parse)]
    pub(crate) monitor: Option<Slug>,
    /// What this channel was told.
    #[arg(long, value_name = "NAME", value_parser = ChannelName::parse)]
    pub(crate) channel: Option<ChannelName>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Deliveries {
    /// Has what was not delivered sent as soon as can be.
    Retry {
        /// The id that the list shows.
        #[arg(value_parser = delivery_id)]
        id: DeliveryId,
    },
}

fn delivery_id(text: &str) -> Result<DeliveryId, String> {
    DeliveryId::parse(text).ok_or_else(|| "it is no id as the list of deliveries shows it".to_owned())
}
