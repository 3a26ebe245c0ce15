//! `heartbeat-checker`: the checker of a deployment on `DynamoDB`, as a process that is always there.

use std::process::ExitCode;

fn main() -> ExitCode {
    heartbeat::run_checker(std::env::args_os())
}
