//! The command line.

pub(crate) mod channels;
pub(crate) mod definitions;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use heartbeat_core::{ChannelName, Slug};

use self::{
    channels::{ChannelsOf, DeliveriesOf},
    definitions::{Export, Import, Wanted},
};
use crate::{config::Program, copy::Place, variables};

const EXAMPLES: &str = "\
Examples:
  heartbeat serve
      Starts everything on 127.0.0.1:3000 and prints the first API key.
  curl -H \"Authorization: Bearer $API_KEY\" \"http://127.0.0.1:3000/heartbeat/nightly-backup?interval=1d&grace=1h\"
      Says that nightly-backup is alive, and is to be so again within a day and an hour.
  heartbeat add-api-key --description \"backup host\" --scope ping
      Makes a key that can send pings and nothing else.
  HEARTBEAT_API_KEY=hb_… heartbeat monitors
      Shows how everything is.
  heartbeat channels add ops webhook url=https://example.org/hook
      Has a webhook told of everything; `heartbeat channels test ops` shows whether it arrives.
  TELEGRAM_BOT_TOKEN=123456:… TELEGRAM_CHAT_ID=-100… heartbeat test-alert
      Sends a test message to the chat, and says whether it arrived.
  HEARTBEAT_STORE=dynamodb heartbeat create-tables
      Makes the tables of DynamoDB, in the region and with the credentials of the environment.
";

/// A dead man's switch: jobs ping while they are alive, and people are told when they stop.
#[derive(Debug, Parser)]
#[command(name = "heartbeat", version, about, after_help = variables::help(), after_long_help = format!("{EXAMPLES}\n{}", variables::help()))]
pub(crate) struct Cli {
    /// File of the embedded store (default: `HEARTBEAT_DB`, or heartbeat.db here).
    #[arg(long = "db", global = true, value_name = "FILE")]
    pub(crate) database: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs API and checker in one process, with everything in one file, or in tables on `DynamoDB`.
    Serve,
    /// Makes an API key and prints it, once. Works beside a running `serve`.
    AddApiKey(NewKey),
    /// Lists the API keys by their ids. The keys themselves are stored nowhere.
    ListApiKeys,
    /// Stops an API key from working; a running `serve` notices within a minute.
    RevokeApiKey {
        /// The id that `list-api-keys` shows.
        id: String,
    },
    /// Lists, shows, defines, pauses, resumes and deletes monitors, through the API at `HEARTBEAT_URL` with `HEARTBEAT_API_KEY`.
    Monitors {
        #[command(subcommand)]
        command: Option<Monitors>,
    },
    /// Writes the definitions of all monitors to a file, through the API.
    #[command(after_help = definitions::DOCUMENTS)]
    Export(Export),
    /// Makes and changes monitors as a file says, through the API.
    #[command(after_help = definitions::DOCUMENTS)]
    Import(Import),
    /// Adds, shows, tests and removes the channels through which people are told. Works beside a running `serve`.
    #[command(after_help = channels::CHANNELS)]
    Channels(ChannelsOf),
    /// Shows what was tried to tell whom, and has it tried again. Works beside a running `serve`.
    #[command(after_help = channels::DELIVERIES)]
    Deliveries(DeliveriesOf),
    /// Copies the store to a new file, while `serve` goes on.
    Backup {
        /// The file to write; it must not exist yet.
        file: PathBuf,
    },
    /// Copies everything of one store into another that is empty, and compares the two. An interrupted copy goes on.
    #[command(after_help = COPY)]
    Copy(Move),
    /// Sends one test message to whom `serve` would alert, and says whether it arrived.
    TestAlert,
    /// Prints the OpenAPI document of the API, as docs/openapi.json has it.
    #[command(name = "openapi")]
    OpenApi,
    /// Makes the tables on `DynamoDB` and their indexes, those that are missing. Running it again changes nothing.
    #[command(after_help = CREATE_TABLES)]
    CreateTables,
    /// Shows and changes what all processes over `DynamoDB` agree on: detector, shards, settle time.
    #[command(after_help = SETTINGS)]
    Settings {
        #[command(subcommand)]
        command: Option<Settings>,
    },
}

const CREATE_TABLES: &str = "\
The names come from MONITORS_TABLE, KEYS_TABLE, EVENTS_TABLE and DIRECTORY_TABLE; region and credentials from AWS_REGION, \
AWS_ACCESS_KEY_ID and the like; another place that speaks the protocol from AWS_ENDPOINT_URL_DYNAMODB. Tables are made on \
demand, without a monthly price. What is there and differs is left alone, and said.";

const COPY: &str = "\
A place is sqlite:PATH, dynamodb (the tables that the environment names) or dynamodb:PREFIX (PREFIX-monitors, PREFIX-api-keys, \
PREFIX-events, PREFIX-directory). Stop what serves the two first.

Examples:
  heartbeat copy --from sqlite:heartbeat.db --to dynamodb
      From one machine to DynamoDB; `heartbeat create-tables` makes the tables. Exit code 0: everything is there.
  heartbeat copy --from dynamodb --to sqlite:heartbeat.db
      And back, into a new file.
";

const SETTINGS: &str = "\
Examples:
  heartbeat settings
      Shows what is agreed on, and how far this machine's clock is from the store's.
  heartbeat settings grow-shards 64
      For more than 500 pings a second in a shard. It costs 1 query a shard and pass, and cannot be taken back.
  heartbeat settings detector sweep
      For more than about 7 pings a day and monitor, where reading all is cheaper than an index: docs/scale.md.
  heartbeat settings detector index
      Back to the index, in two steps some minutes apart: the first says when the second may follow.
";

/// The command line of a program that is one part of the product, and is set up by its environment alone.
pub(crate) fn part(program: Program, about: &'static str) -> clap::Command {
    let part = clap::Command::new(program.name()).version(env!("CARGO_PKG_VERSION"));
    let part = part.about(about).after_help(variables::help());
    match program {
        Program::Api => {
            part.subcommand(clap::Command::new(HEALTH).about("Asks the one that runs here whether it answers"))
        }
        Program::Heartbeat | Program::Checker => part,
    }
}

/// What a container's health check runs.
pub(crate) const HEALTH: &str = "health";

#[derive(Debug, Args)]
pub(crate) struct Move {
    /// What is copied.
    #[arg(long, value_name = "PLACE", value_parser = Place::parse)]
    pub(crate) from: Place,
    /// Where it is copied to: nothing is there, or what an interrupted copy has left.
    #[arg(long, value_name = "PLACE", value_parser = Place::parse)]
    pub(crate) to: Place,
    /// Copies nothing, and only compares the two.
    #[arg(long)]
    pub(crate) verify: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NewKey {
    /// What it is for, so that you know it again: "nightly jobs on db1".
    #[arg(long)]
    pub(crate) description: String,
    /// Whose monitors it opens.
    #[arg(long, default_value = heartbeat_core::Project::DEFAULT)]
    pub(crate) project: String,
    /// What it may do: ping, read, write, admin. May be given several times, or as ping,read.
    #[arg(long = "scope", value_delimiter = ',', default_value = "ping,read,write")]
    pub(crate) scopes: Vec<String>,
    /// The only monitor it opens.
    #[arg(long, value_name = "SLUG")]
    pub(crate) monitor: Option<String>,
    /// How long it works, such as 90d (default: until it is revoked).
    #[arg(long, value_name = "DURATION")]
    pub(crate) expires_in: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Settings {
    /// Shows them (the default).
    Show,
    /// Divides what is due into more shards. It only grows.
    GrowShards {
        /// How many there shall be.
        #[arg(value_name = "N")]
        shards: u16,
    },
    /// Changes how what is due is found.
    Detector {
        /// How.
        detector: NewDetector,
    },
}

/// A detector that a person can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NewDetector {
    /// By an index: 3 write units a ping, and a pass costs next to nothing.
    Index,
    /// By reading everything in each pass: 1 write unit a ping.
    Sweep,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Monitors {
    /// Shows every monitor with its status (the default).
    List,
    /// Shows how a monitor is, and what is wanted of it.
    Show {
        /// Which one.
        #[arg(value_parser = Slug::parse)]
        slug: Slug,
    },
    /// Makes a monitor, and shows its ping URL.
    Create {
        /// What it is named: nightly-backup.
        #[arg(value_parser = Slug::parse)]
        slug: Slug,
        #[command(flatten)]
        wanted: Box<Wanted>,
    },
    /// Changes what is given, and shows what is different.
    Edit {
        /// Which one.
        #[arg(value_parser = Slug::parse)]
        slug: Slug,
        #[command(flatten)]
        wanted: Box<Wanted>,
    },
    /// Stops alerts for a monitor until it is resumed.
    Pause {
        /// Which one.
        #[arg(value_parser = Slug::parse)]
        slug: Slug,
        /// For how long, such as 2h (default: until `resume`).
        #[arg(long = "for", value_name = "DURATION")]
        duration: Option<String>,
    },
    /// Watches a monitor again, with a full fresh window.
    #[command(alias = "unpause")]
    Resume {
        /// Which one.
        #[arg(value_parser = Slug::parse)]
        slug: Slug,
    },
    /// Shows or chooses which of its project's channels are told of a monitor.
    Channels {
        /// Which one.
        #[arg(value_parser = Slug::parse)]
        slug: Slug,
        /// The channels that are told of it, and no others.
        #[arg(value_name = "NAME", value_parser = ChannelName::parse)]
        channels: Vec<ChannelName>,
        /// All channels are told of it, those of later, too.
        #[arg(long, conflicts_with = "channels")]
        all: bool,
    },
    /// Removes a monitor. Late pings do not bring it back for a day.
    Delete {
        /// Which one.
        #[arg(value_parser = Slug::parse)]
        slug: Slug,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_its_help_teaches() {
        Cli::command().debug_assert();
        let help = Cli::command().render_long_help().to_string();
        for taught in ["curl -H", "add-api-key", "test-alert", "TELEGRAM_BOT_TOKEN", "HEARTBEAT_DB"] {
            assert!(help.contains(taught), "{taught}");
        }
    }
}
