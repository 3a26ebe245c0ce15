//! `add-api-key`, as a binary of its own: the same as `heartbeat add-api-key`.

use std::{ffi::OsString, process::ExitCode};

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    arguments.insert(arguments.len().min(1), "add-api-key".into());
    heartbeat::run(arguments)
}
