//! An installation: a folder of its own, an environment with nothing in it but what the test sets, the built programs.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    bot_api::{BotApi, CHAT, TOKEN},
    lines::Lines,
    patience::{SOON, within},
    server::Server,
};

/// The all-in-one program.
pub(crate) const HEARTBEAT: &str = env!("CARGO_BIN_EXE_heartbeat");
/// The specification's program for keys.
pub(crate) const ADD_API_KEY: &str = env!("CARGO_BIN_EXE_add-api-key");

/// A folder and the variables that its programs see.
pub(crate) struct Installation {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Installation {
    /// A fresh one: an empty folder, a free port.
    pub(crate) fn fresh() -> Self {
        let variables = vec![("BIND_ADDR", "127.0.0.1:0".to_owned())];
        Self { folder: TempDir::new().unwrap(), variables }
    }

    /// The same with a variable set.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.retain(|(set, _)| *set != name);
        self.variables.push((name, value.into()));
        self
    }

    /// The same, telling a chat through `bot_api`.
    pub(crate) fn telling(self, bot_api: &BotApi) -> Self {
        self.with("TELEGRAM_BOT_TOKEN", TOKEN)
            .with("TELEGRAM_CHAT_ID", CHAT.to_string())
            .with("TELEGRAM_API_URL", &bot_api.url)
    }

    /// Where a file of that name is, or would be.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// The names of everything in the folder.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Starts `serve`, and returns when it listens.
    pub(crate) async fn serve(&self) -> Server {
        self.serve_with(&[]).await
    }

    /// Starts `serve` with further arguments, and returns when it listens.
    pub(crate) async fn serve_with(&self, arguments: &[&str]) -> Server {
        let mut command = self.command(Path::new(HEARTBEAT));
        Server::start(command.arg("serve").args(arguments)).await
    }

    /// Runs `heartbeat` to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Finished {
        self.run_program(HEARTBEAT, arguments).await
    }

    /// Runs a program to its end.
    pub(crate) async fn run_program(&self, program: &str, arguments: &[&str]) -> Finished {
        let mut child = self.command(Path::new(program)).args(arguments).spawn().unwrap();
        let (out, err) = (Lines::of(child.stdout.take().unwrap()), Lines::of(child.stderr.take().unwrap()));
        let status = within(SOON, &format!("the end of {program} {arguments:?}"), child.wait()).await.unwrap();
        Finished { code: status.code(), out: out.to_the_end().await, err: err.to_the_end().await }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.variables.iter().cloned()).current_dir(self.folder.path());
        // A test that fails leaves no process behind.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }
}

impl Finished {
    /// What it printed; a panic when it did not end well.
    pub(crate) fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// What it complained of; a panic when it ended well, or by a signal.
    pub(crate) fn badly(self) -> String {
        assert!(self.code.is_some_and(|code| code != 0), "{self:?}");
        self.err
    }
}
