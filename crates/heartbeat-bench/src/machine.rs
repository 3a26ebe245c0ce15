//! The machine that was measured on: figures mean nothing without it.

use std::{fs, io::Write, path::Path, process::Command};

use heartbeat_core::{Clock, clock::SystemClock};

use crate::{latency::Latencies, stopwatch::Stopwatch, usage::Disk};

/// How often the disk is asked to make a page durable.
const PROBES: usize = 300;

/// The machine, and what was measured on it.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    /// When, in UTC.
    pub(crate) date: String,
    /// The model of its processors.
    pub(crate) cpu: String,
    /// How many of them.
    pub(crate) cores: usize,
    /// Its memory, in KiB.
    pub(crate) memory_kib: u64,
    /// Its operating system.
    pub(crate) kernel: String,
    /// The disk that the files were on.
    pub(crate) disk: Disk,
    /// How long the disk takes to make 4 KiB at the end of a file durable.
    pub(crate) durable: Latencies,
    /// The compiler.
    pub(crate) rustc: String,
    /// What was measured.
    pub(crate) commit: String,
}

impl Machine {
    /// Looks at this machine, at the disk of `folder`, and at the working copy at `root`.
    pub(crate) fn look(root: &Path, folder: &Path) -> anyhow::Result<Self> {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let memory = text("/proc/meminfo");
        let memory_kib = field(&memory, "MemTotal").and_then(|value| value.trim_end_matches("kB").trim().parse().ok());
        Ok(Self {
            date: SystemClock.now().to_rfc3339_seconds(),
            cpu: field(&text("/proc/cpuinfo"), "model name").unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_kib: memory_kib.unwrap_or_default(),
            kernel: format!("Linux {}", text("/proc/sys/kernel/osrelease").trim()),
            disk: Disk::of(folder)?,
            durable: probe(folder)?,
            rustc: said("rustc", &["--version"], root),
            commit: commit(root),
        })
    }
}

/// The value of the first line `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

fn commit(root: &Path) -> String {
    let commit = said("git", &["rev-parse", "--short=10", "HEAD"], root);
    let changed = said("git", &["status", "--porcelain", "--", "crates", "Cargo.lock"], root);
    match changed.lines().filter(|line| !line.contains("crates/heartbeat-bench")).count() {
        0 => commit,
        files => format!("{commit}, with changes in {files} files that are not committed"),
    }
}

fn said(program: &str, arguments: &[&str], root: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(root).output();
    output.map_or("unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// How long the disk takes to make a page durable: the floor under a commit.
fn probe(folder: &Path) -> anyhow::Result<Latencies> {
    let path = folder.join("probe");
    let mut file = fs::File::create(&path)?;
    let mut took = Vec::with_capacity(PROBES);
    for _ in 0..PROBES {
        let watch = Stopwatch::start();
        file.write_all(&[0x5A; 4_096])?;
        file.sync_data()?;
        took.push(watch.elapsed());
    }
    fs::remove_file(path)?;
    Ok(Latencies::new(took))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "model\t\t: 2\nmodel name\t: AMD EPYC\nMemTotal:       24685000 kB\n";
        assert_eq!(field(text, "model name"), Some("AMD EPYC"));
        assert_eq!(field(text, "MemTotal"), Some("24685000 kB"));
        assert_eq!(field(text, "Mem"), None);
    }
}
