//! The server under test: the release binary, as a child process, with its file in a folder of ours.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use heartbeat_core::{Clock, clock::SystemClock};

use crate::{stopwatch::Stopwatch, usage::Process};

/// How long a server may take to stop.
const STOP: Duration = Duration::from_secs(20);
/// How often somebody who waits looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Builds the binary, and says where it is.
pub(crate) fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "-p", "heartbeat"])
        .current_dir(root)
        .status()
        .context("cannot start cargo")?;
    ensure!(built.success(), "the binary does not build");
    // Cargo puts it beside this program, whatever the target folder is called.
    let own = std::env::current_exe().context("cannot find this program")?;
    let beside = own.with_file_name("heartbeat");
    ensure!(beside.is_file(), "{} is not there: start this with `cargo run --release`", beside.display());
    Ok(beside)
}

/// Puts a copy of the binary into `folder`: what is measured stays the same if somebody builds meanwhile.
pub(crate) fn copy(binary: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let copy = folder.join("heartbeat");
    std::fs::copy(binary, &copy).with_context(|| format!("cannot copy {}", binary.display()))?;
    Ok(copy)
}

/// A running server. It is killed when it is dropped without having been stopped.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Since it was started.
    pub(crate) running: Stopwatch,
}

impl Server {
    /// Starts it on the file `heartbeat.db` in `folder`, which it makes when it is not there. Does not wait for anything.
    pub(crate) fn start(binary: &Path, folder: &Path) -> anyhow::Result<Self> {
        Self::start_with(binary, folder, &[])
    }

    /// The same, with these variables in its environment.
    pub(crate) fn start_with(binary: &Path, folder: &Path, more: &[(&str, &str)]) -> anyhow::Result<Self> {
        let address = free_port()?;
        let log = folder.join("log");
        let mut command = Command::new(binary);
        command
            .arg("serve")
            .current_dir(folder)
            .env_clear()
            .env("BIND_ADDR", address.to_string())
            .env("HEARTBEAT_DB", folder.join("heartbeat.db"))
            .env("RUST_LOG", "warn")
            .envs(more.iter().copied())
            // More pings come to each monitor than any job sends; what is measured is a write for each.
            .env("HEARTBEAT_PINGS_PER_MINUTE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?);
        let running = Stopwatch::start();
        let child = command.spawn().with_context(|| format!("cannot start {}", binary.display()))?;
        Ok(Self { child, log, address, running })
    }

    /// Its first key, from what it prints; then goes on reading, so that it never waits for us.
    pub(crate) fn first_key(&mut self) -> anyhow::Result<String> {
        let output = self.child.stdout.take().context("its output was read before")?;
        let mut lines = BufReader::new(output).lines();
        for line in lines.by_ref() {
            let line = line?;
            if line.trim().starts_with("hb_") {
                std::thread::spawn(move || lines.count());
                return Ok(line.trim().to_owned());
            }
        }
        bail!("the server ended without a key: {}", self.said())
    }

    /// Reads what it prints, so that it never waits for us.
    pub(crate) fn ignore_output(&mut self) {
        if let Some(mut output) = self.child.stdout.take() {
            std::thread::spawn(move || io::copy(&mut output, &mut io::sink()));
        }
    }

    /// The process.
    pub(crate) fn process(&self) -> Process {
        Process::Child(self.child.id())
    }

    /// Whether it is still there; else what it said.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the server ended with {status}: {}", self.said()),
        }
    }

    /// Stops it as Ctrl-C does, waits for its end, and answers what it has warned of.
    pub(crate) async fn stop(mut self) -> anyhow::Result<String> {
        let signalled = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        ensure!(signalled.success(), "the server could not be told to stop");
        let waiting = Stopwatch::start();
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}: {}", self.said());
                return Ok(self.said());
            }
            ensure!(waiting.elapsed() < STOP, "the server does not stop: {}", self.said());
            SystemClock.sleep(LOOK_AGAIN).await;
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?.local_addr()
}
