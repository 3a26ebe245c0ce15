//! An installation: a folder of its own, an environment with nothing in it but what the test sets, the built programs.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
};

use crate::{
    bot_api::{BotApi, CHAT, TOKEN},
    lines::Lines,
    patience::{SOON, within},
    server::Server,
};

/// The all-in-one program.
pub(crate) const HEARTBEAT: &str = env!("CARGO_BIN_EXE_heartbeat");
/// The API over tables.
pub(crate) const API: &str = env!("CARGO_BIN_EXE_heartbeat-api");
/// The checker over tables.
pub(crate) const CHECKER: &str = env!("CARGO_BIN_EXE_heartbeat-checker");
/// The specification's program for keys.
pub(crate) const ADD_API_KEY: &str = env!("CARGO_BIN_EXE_add-api-key");

/// What signs requests to AWS, and nobody may ever see.
pub(crate) const AWS_SECRET: &str = "a/Most+secret/access-key";

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

    /// A fresh one that keeps everything in tables at `url`, which has the tables of `access_key`.
    pub(crate) fn over(url: &str, access_key: &str) -> Self {
        Self::fresh()
            .with("HEARTBEAT_STORE", "dynamodb")
            .with("AWS_ENDPOINT_URL_DYNAMODB", url)
            .with("AWS_REGION", "eu-north-1")
            .with("AWS_ACCESS_KEY_ID", access_key)
            .with("AWS_SECRET_ACCESS_KEY", AWS_SECRET)
            .with("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// The same without a variable.
    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.variables.retain(|(set, _)| *set != name);
        self
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

    /// Starts `heartbeat-api`, and returns when it listens.
    pub(crate) async fn serve_api(&self) -> Server {
        Server::start(&mut self.command(Path::new(API))).await
    }

    /// Starts `heartbeat-checker`.
    pub(crate) async fn check(&self) -> Server {
        Server::start_checker(&mut self.command(Path::new(CHECKER))).await
    }

    /// Runs `heartbeat` to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Finished {
        self.run_program(HEARTBEAT, arguments).await
    }

    /// Runs `heartbeat` to its end, with `input` to read.
    pub(crate) async fn run_reading(&self, input: &str, arguments: &[&str]) -> Finished {
        let mut child = self.command(Path::new(HEARTBEAT)).args(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
        finished(child, &format!("heartbeat {arguments:?}")).await
    }

    /// Starts `heartbeat`, for those who end it themselves; what it says on standard error.
    pub(crate) fn start(&self, arguments: &[&str]) -> (Child, Lines) {
        let mut child = self.command(Path::new(HEARTBEAT)).args(arguments).spawn().unwrap();
        let said = Lines::of(child.stderr.take().unwrap());
        (child, said)
    }

    /// Runs a program to its end.
    pub(crate) async fn run_program(&self, program: &str, arguments: &[&str]) -> Finished {
        let child = self.command(Path::new(program)).args(arguments).spawn().unwrap();
        finished(child, &format!("{program} {arguments:?}")).await
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.variables.iter().cloned()).current_dir(self.folder.path());
        // A test that fails leaves no process behind.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }
}

/// What a program came to.
async fn finished(mut child: Child, what: &str) -> Finished {
    let (out, err) = (Lines::of(child.stdout.take().unwrap()), Lines::of(child.stderr.take().unwrap()));
    let status = within(SOON, &format!("the end of {what}"), child.wait()).await.unwrap();
    let (out, err) = (out.to_the_end().await, err.to_the_end().await);
    assert!(![&out, &err].iter().any(|text| text.contains(AWS_SECRET)), "a secret is shown:\n{out}\n{err}");
    Finished { code: status.code(), out, err }
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
