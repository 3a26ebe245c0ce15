//! The all-in-one binary: see [`heartbeat`].

use std::process::ExitCode;

fn main() -> ExitCode {
    heartbeat::run(std::env::args_os())
}
