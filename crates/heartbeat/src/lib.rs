//! The binaries and the command line: API and checker in one process or in two, over one file or over DynamoDB, and the
//! short commands beside them. This is the composition root: the only place that chooses a store, reads the environment
//! and the clock.

mod around;
mod backup;
mod channel;
mod channels;
mod cli;
mod config;
mod copy;
mod database;
mod figures;
mod health;
mod keys;
mod lambda;
mod logging;
mod monitors;
mod secrets;
mod serve;
mod shared;
mod stop;
mod tables;
mod variables;

use std::{
    ffi::OsString,
    io::{Write, stderr, stdout},
    pin::Pin,
    process::ExitCode,
};

use clap::Parser;

use crate::{
    cli::{Cli, Command},
    config::{Config, Mistakes, Program},
};

/// Runs the command line `arguments`, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    Cli::try_parse_from(arguments).map_or_else(|refusal| refused(&refusal), |cli| ended(start(cli)))
}

/// Runs `heartbeat-api`: pings and management over DynamoDB, and no checker.
pub fn run_api(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let about = "Receives pings and management calls, and keeps everything in DynamoDB.";
    let hosts = Hosts {
        process: |config| Box::pin(serve::serve_api(config)),
        lambda: |config| Box::pin(lambda::serve_api(config)),
    };
    run_part(Program::Api, about, &hosts, arguments)
}

/// Runs `heartbeat-checker`: the checker over DynamoDB, as a process that is always there.
pub fn run_checker(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let about = "Watches what is kept in DynamoDB, and tells people.";
    let hosts =
        Hosts { process: |config| Box::pin(serve::check(config)), lambda: |config| Box::pin(lambda::check(config)) };
    run_part(Program::Checker, about, &hosts, arguments)
}

/// Work that is the whole of a process.
type Work<'a> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + 'a>>;

/// What a part does in each of the two places where it may find itself. What neither names is not in its binary: the
/// checker's holds no router, and neither SQLite.
struct Hosts {
    process: fn(&Config) -> Work<'_>,
    lambda: fn(Result<Config, Mistakes>) -> Work<'static>,
}

fn run_part(
    program: Program,
    about: &'static str,
    hosts: &Hosts,
    arguments: impl IntoIterator<Item = OsString>,
) -> ExitCode {
    match cli::part(program, about).try_get_matches_from(arguments) {
        Ok(matches) if matches.subcommand_name() == Some(cli::HEALTH) => ended(ask_for_health(program)),
        Ok(_) => ended(start_part(program, hosts)),
        Err(refusal) => refused(&refusal),
    }
}

fn refused(refusal: &clap::Error) -> ExitCode {
    let _ = refusal.print();
    ExitCode::from(u8::try_from(refusal.exit_code()).unwrap_or(2))
}

fn ended(how: anyhow::Result<()>) -> ExitCode {
    match how {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            mention(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn start(cli: Cli) -> anyhow::Result<()> {
    let config = Config::from_lookup(Program::Heartbeat, cli.database, &variables::from_environment)?;
    to_its_end(async {
        match cli.command {
            Command::Serve => serve::serve(&config).await,
            Command::AddApiKey(wanted) => keys::add(&config, wanted).await,
            Command::ListApiKeys => keys::list(&config).await,
            Command::RevokeApiKey { id } => keys::revoke(&config, &id).await,
            Command::Monitors { command } => monitors::run(&config, command).await,
            Command::Export(wanted) => monitors::document::export(&config, wanted).await,
            Command::Import(wanted) => monitors::document::import(&config, wanted).await,
            Command::Channels(asked) => channels::run(&config, asked).await,
            Command::Deliveries(asked) => channels::deliveries(&config, asked).await,
            Command::Backup { file } => backup::run(&config, &file).await,
            Command::Copy(wanted) => copy::run(&config, wanted).await,
            Command::TestAlert => channel::test(&config).await,
            Command::OpenApi => Ok(say(heartbeat_api::document().trim_end())?),
            Command::CreateTables => tables::create(&config).await,
            Command::Settings { command } => shared::run(&config, command).await,
        }
    })
}

fn start_part(program: Program, hosts: &Hosts) -> anyhow::Result<()> {
    let config = Config::from_lookup(program, None, &variables::from_environment);
    if lambda::is_host() {
        // One thread: Lambda gives a small function a fraction of a core.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on((hosts.lambda)(config));
    }
    to_its_end((hosts.process)(&config?))
}

fn ask_for_health(program: Program) -> anyhow::Result<()> {
    let config = Config::from_lookup(program, None, &variables::from_environment)?;
    to_its_end(health::check(&config))
}

fn to_its_end(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(work);
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
