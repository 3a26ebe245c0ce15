//! Two independent engines that speak DynamoDB's protocol on loopback, for the tests of the store.
//!
//! Both are programs that `scripts/test.sh tools` installs: dynoxide (`tools/ddb-local`), of which every test has one of
//! its own, and ministack (`tools/ministack.py`), of which `scripts/test.sh` starts one for the whole run. They agree on
//! how they are held: the first line on stdout is the URL, and they serve until their stdin ends. So nothing waits
//! blindly for a start, and a test that is killed leaves no process behind.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// An engine that answers, and ends when this is dropped unless the whole run shares it.
#[derive(Debug)]
pub struct Engine {
    url: String,
    /// `None` when `scripts/test.sh` holds the process.
    process: Option<Child>,
}

impl Engine {
    /// Dynoxide: a process of its own, empty, in memory.
    ///
    /// # Panics
    ///
    /// When it is not installed, or does not start.
    #[must_use]
    pub fn dynoxide() -> Self {
        let program = setting("HEARTBEAT_TEST_DDB_LOCAL")
            .map_or_else(|| tools_folder().join("ddb-local/release/ddb-local"), PathBuf::from);
        require(&program);
        Self::start(Command::new(program))
    }

    /// Ministack: the one that the whole run shares, or a process of its own where `scripts/test.sh` started none.
    ///
    /// The tables of other tests may be in it. It takes an access key of twelve digits as an account, and shows each
    /// account its own tables alone; or give yours a name of its own.
    ///
    /// # Panics
    ///
    /// When it is not installed, or does not start.
    #[must_use]
    pub fn ministack() -> Self {
        let shared = setting("HEARTBEAT_TEST_MINISTACK").map(|url| url.to_string_lossy().into_owned());
        shared.map_or_else(Self::ministack_of_its_own, |url| Self { url, process: None })
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    fn ministack_of_its_own() -> Self {
        let packages = tools_folder().join("ministack");
        require(&packages);
        let mut python = Command::new("python3");
        python.args(["-I", "-S"]).arg(root().join("tools/ministack.py")).arg(packages);
        Self::start(python)
    }

    /// Starts the program and waits for its first line; what it has to complain about goes to our own stderr.
    #[expect(clippy::expect_used, reason = "an instrument of tests: without an engine there is nothing to prove")]
    fn start(mut command: Command) -> Self {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|problem| give_up(&format!("cannot run {command:?}: {problem}")));
        let mut url = String::new();
        let stdout = process.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut url).expect("a line of text, or the end");
        // Held from here on, so that it is waited for even if it has already ended.
        let engine = Self { url: url.trim_end().to_owned(), process: Some(process) };
        if engine.url.is_empty() {
            give_up(&format!("{command:?} ended without saying where it listens"));
        }
        engine
    }
}

impl Drop for Engine {
    /// Ends the process and waits until it is gone. One that has ended by itself is no reason to fail.
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Not skipped: a store that was tried on no engine is not proven.
fn require(installed: &Path) {
    if !installed.exists() {
        give_up(&format!("{} is missing: `scripts/test.sh tools` installs it", installed.display()));
    }
}

#[expect(clippy::panic, reason = "an instrument of tests: without an engine there is nothing to prove")]
fn give_up(problem: &str) -> ! {
    panic!("{problem}")
}

/// Where `scripts/tools.sh` installs: it reads the same variable, from the root as well.
fn tools_folder() -> PathBuf {
    root().join(setting("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into())).join("tools")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[expect(clippy::disallowed_methods, reason = "test harnesses have no Config; this is their one way in")]
fn setting(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::Engine;

    #[test]
    fn an_engine_ends_by_itself_when_its_test_is_gone() {
        for mut engine in [Engine::dynoxide(), Engine::ministack_of_its_own()] {
            let mut process = engine.process.take().expect("a process of its own");
            drop(process.stdin.take());
            let status = process.wait().expect("a status");
            assert!(status.success(), "{}: {status}", engine.url());
        }
    }
}
