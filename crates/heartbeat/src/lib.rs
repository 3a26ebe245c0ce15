//! The all-in-one binary and the command line: API, checker and embedded store in one process, and the short commands
//! beside it. This is the composition root: the only place that chooses a store, reads the environment and the clock.

mod backup;
mod channel;
mod cli;
mod config;
mod database;
mod keys;
mod logging;
mod monitors;
mod serve;
mod stop;
mod variables;

use std::{
    ffi::OsString,
    io::{Write, stderr, stdout},
    process::ExitCode,
};

use clap::Parser;

use crate::{
    cli::{Cli, Command},
    config::Config,
};

/// Runs the command line `arguments`, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(refusal) => {
            let _ = refusal.print();
            return ExitCode::from(u8::try_from(refusal.exit_code()).unwrap_or(2));
        }
    };
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            mention(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<()> {
    let config = Config::from_lookup(&variables::from_environment)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let database = cli.database.unwrap_or_else(|| config.database.clone());
    let ended = runtime.block_on(async {
        match cli.command {
            Command::Serve => serve::serve(&Config { database, ..config }).await,
            Command::AddApiKey(wanted) => keys::add(&database, wanted).await,
            Command::ListApiKeys => keys::list(&database).await,
            Command::RevokeApiKey { id } => keys::revoke(&database, &id).await,
            Command::Monitors { command } => monitors::run(&config, command).await,
            Command::Backup { file } => backup::run(&database, &file).await,
            Command::TestAlert => channel::test(&config).await,
        }
    });
    // Everything that must be finished is: what is left is at most a line for a terminal that nobody reads.
    runtime.shutdown_background();
    ended
}

/// Prints a line for the person who asked.
fn say(line: &str) -> std::io::Result<()> {
    writeln!(stdout(), "{line}")
}

/// Tells the person who asked what does not belong to the answer. Nothing depends on it.
fn mention(line: &str) {
    let _ = writeln!(stderr(), "heartbeat: {line}");
}
