//! A running `serve`: what it says, how to call it, how it ends.

use std::process::ExitStatus;

use tokio::process::{Child, Command};

use crate::{
    caller::Caller,
    lines::Lines,
    patience::{SOON, within},
};

/// A process that serves. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    /// Where it listens, as it says itself.
    pub(crate) address: String,
    /// Standard output: what a person reads.
    pub(crate) said: Lines,
    /// Standard error: logs.
    pub(crate) logged: Lines,
}

impl Server {
    /// Starts `command`, and returns when it listens.
    pub(crate) async fn start(command: &mut Command) -> Self {
        let (mut server, listens) = Self::start_saying(command, "listens on").await;
        listens.split(' ').find(|word| word.starts_with("http://")).unwrap().clone_into(&mut server.address);
        server
    }

    /// Starts `command`, a checker that nobody can call, and returns when it has said what it watches.
    pub(crate) async fn start_checker(command: &mut Command) -> Self {
        Self::start_saying(command, "watches what is in").await.0
    }

    async fn start_saying(command: &mut Command, words: &str) -> (Self, String) {
        let mut child = command.spawn().unwrap();
        let (said, logged) = (Lines::of(child.stdout.take().unwrap()), Lines::of(child.stderr.take().unwrap()));
        let line = said.until(words).await;
        (Self { child, address: String::new(), said, logged }, line)
    }

    /// The key that the first start of all prints.
    pub(crate) async fn first_key(&self) -> String {
        // The key stands before the lines that use it, on a line of its own.
        self.said.until("/monitors").await;
        let text = self.said.text();
        text.lines().map(str::trim).find(|line| line.starts_with("hb_")).unwrap().to_owned()
    }

    /// Calls it with `key`.
    pub(crate) fn caller(&self, key: &str) -> Caller {
        Caller::new(&self.address, key)
    }

    /// Waits for it to end by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        self.child.wait().await.unwrap()
    }

    /// `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Ctrl-C, whose end is awaited elsewhere.
    pub(crate) async fn interrupt(&self) {
        let id = self.child.id().expect("it has ended already").to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().await.unwrap();
        assert!(sent.success());
    }

    /// Ctrl-C, and a good end.
    pub(crate) async fn stop(mut self) {
        self.interrupt().await;
        self.end_well().await;
    }

    /// A good end, which somebody has asked for.
    pub(crate) async fn end_well(&mut self) {
        let status = within(SOON, "the end of serve", self.ended()).await;
        assert_eq!(status.code(), Some(0), "{}", self.logged.text());
    }
}
