//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use heartbeat_core::Slug;

use crate::variables;

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
  TELEGRAM_BOT_TOKEN=123456:… TELEGRAM_CHAT_ID=-100… heartbeat test-alert
      Sends a test message to the chat, and says whether it arrived.
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
    /// Runs API and checker in one process, with everything in one file.
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
    /// Lists, pauses, resumes and deletes monitors, through the API at `HEARTBEAT_URL` with `HEARTBEAT_API_KEY`.
    Monitors {
        #[command(subcommand)]
        command: Option<Monitors>,
    },
    /// Copies the store to a new file, while `serve` goes on.
    Backup {
        /// The file to write; it must not exist yet.
        file: PathBuf,
    },
    /// Sends one test message to whom `serve` would alert, and says whether it arrived.
    TestAlert,
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
pub(crate) enum Monitors {
    /// Shows every monitor with its status (the default).
    List,
    /// Stops alerts for a monitor until it is resumed.
    Pause {
        /// Which one.
        #[arg(value_parser = Slug::parse)]
        slug: Slug,
        /// For how long, such as 2h (default: until `unpause`).
        #[arg(long = "for", value_name = "DURATION")]
        duration: Option<String>,
    },
    /// Watches a monitor again, with a full fresh window.
    Unpause {
        /// Which one.
        #[arg(value_parser = Slug::parse)]
        slug: Slug,
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
