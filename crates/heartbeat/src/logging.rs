//! Logs: JSON for machines, readable lines on a terminal. They go to standard error, so that alerts and keys on standard
//! output stand alone.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::{Layer, filter::Targets, fmt, layer::SubscriberExt, registry, util::SubscriberInitExt};

use crate::config::{Config, LogFormat};

/// Refuses a filter that cannot be understood, instead of ignoring a part of it.
pub(crate) fn check_filter(text: &str) -> Result<String, String> {
    text.parse::<Targets>().map(|_| text.to_owned()).map_err(|error| format!("{text:?}: {error}"))
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
    // Levels by target, as everybody writes them; the filter that also knows spans and patterns brings a regex engine.
    let filter: Targets = filter.parse().unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !stderr().is_terminal(),
    };
    let lines = fmt::layer().with_writer(stderr);
    let lines = if json {
        lines.json().flatten_event(true).with_current_span(false).boxed()
    } else {
        lines.with_target(false).with_ansi(stderr().is_terminal()).boxed()
    };
    let started = registry().with(filter).with(lines).try_init();
    if started.is_err() {
        tracing::debug!("somebody has started logging before");
    }
}
