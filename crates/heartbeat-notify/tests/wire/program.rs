//! The programs of others that `scripts/test.sh tools` installs: a mail server, a receiver of webhooks.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part of it")]

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;

/// A program of others in Python, which ends when this is dropped.
pub struct Program {
    process: Child,
    pub stdout: BufReader<ChildStdout>,
}

impl Program {
    /// Starts `tools/{script}` with the packages and `arguments`. Not skipped where they are missing: what was tried on
    /// nobody's program is not proven.
    pub fn start(script: &str, arguments: &[&str]) -> Self {
        let packages = tools_folder().join("receivers");
        let missing = format!("{} is missing: `scripts/test.sh tools` installs it", packages.display());
        assert!(packages.exists(), "{missing}");
        let mut python = Command::new("python3");
        python.args(["-I", "-S"]).arg(root().join("tools").join(script)).arg(packages).args(arguments);
        let mut process = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        Self { process, stdout }
    }

    /// What it says next.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "it ended without a word");
        line.trim_end().to_owned()
    }

    pub fn json(&mut self) -> Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    pub fn say(&mut self, line: &Value) {
        writeln!(self.process.stdin.as_mut().unwrap(), "{line}").unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where `scripts/tools.sh` installs: it reads the same variable, from the root as well.
fn tools_folder() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "test harnesses have no Config; this is their one way in")]
    let target = std::env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty());
    root().join(target.unwrap_or_else(|| "target".into())).join("tools")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
