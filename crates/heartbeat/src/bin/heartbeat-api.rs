//! `heartbeat-api`: the API of a deployment on `DynamoDB`, as a process or a container of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    heartbeat::run_api(std::env::args_os())
}
