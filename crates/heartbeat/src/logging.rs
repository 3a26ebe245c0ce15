//! Logs: JSON for machines, readable lines on a terminal. They go to standard error, so that alerts and keys on standard
//! output stand alone.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Refuses a filter that cannot be understood, instead of ignoring a part of it.
pub(crate) fn check_filter(text: &str) -> Result<String, String> {
    EnvFilter::builder().parse(text).map(|_| text.to_owned()).map_err(|error| format!("{text:?}: {error}"))
}

/// Starts logging for a process whose settings cannot be understood: as if none were set.
pub(crate) fn start_plainly() {
    start_as(LogFormat::Auto, "info");
}

/// Starts logging for this process.
pub(crate) fn start(config: &Config) {
    start_as(config.log_format, &config.log_filter);
}

fn start_as(format: LogFormat, filter: &str) {
    let filter = EnvFilter::builder().parse_lossy(filter);
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !stderr().is_terminal(),
    };
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    let started = if json {
        logs.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        logs.with_target(false).with_ansi(stderr().is_terminal()).try_init()
    };
    if started.is_err() {
        tracing::debug!("somebody has started logging before");
    }
}
