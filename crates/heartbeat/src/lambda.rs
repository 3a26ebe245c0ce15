//! Where a program finds itself on AWS Lambda: the same programs, hosted by events instead of by a loop or a socket.

mod api;
mod checker;
mod metrics;

use heartbeat_core::{
    StoreError,
    dynamo::{ConnectError, is_for_a_person},
};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::Value;

use crate::{
    config::{Config, Mistakes},
    logging, tables, variables,
};

/// Whether this process was started by Lambda.
pub(crate) fn is_host() -> bool {
    variables::from_environment(variables::RUNTIME_API).is_some_and(|address| !address.is_empty())
}

/// Answers events with the checker until Lambda ends the process.
pub(crate) async fn check(config: Result<Config, Mistakes>) -> anyhow::Result<()> {
    let ended = match config {
        Ok(config) => Box::pin(checker::serve(config)).await,
        Err(mistakes) => refuse_everything(Failure::bad_configuration(mistakes.to_string())).await,
    };
    ended.map_err(anyhow::Error::from_boxed)
}

/// Answers requests with the API until Lambda ends the process.
pub(crate) async fn serve_api(config: Result<Config, Mistakes>) -> anyhow::Result<()> {
    let ended = match config {
        Ok(config) => Box::pin(api::serve(config)).await,
        Err(mistakes) => refuse_everything(Failure::bad_configuration(mistakes.to_string())).await,
    };
    ended.map_err(anyhow::Error::from_boxed)
}

/// Why an invocation failed: what is written to the log, and what Lambda is told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    kind: Kind,
    text: String,
}

/// The kinds that alarms and people can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A person must mend it.
    BadConfiguration,
    /// The tables: it may be well again by itself.
    StoreUnavailable,
    /// The secrets: it may be well again by itself.
    ParametersUnavailable,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::BadConfiguration => "BadConfiguration",
            Self::StoreUnavailable => "StoreUnavailable",
            Self::ParametersUnavailable => "ParametersUnavailable",
        }
    }
}

impl Failure {
    fn new(kind: Kind, text: impl AsRef<str>) -> Self {
        // One line, so that it is found and read as one.
        Self { kind, text: text.as_ref().split_whitespace().collect::<Vec<_>>().join(" ") }
    }

    fn bad_configuration(text: impl AsRef<str>) -> Self {
        Self::new(Kind::BadConfiguration, text)
    }

    fn log(&self) {
        tracing::error!(error_type = self.kind.name(), "{}", self.text);
    }
}

impl From<&ConnectError> for Failure {
    fn from(error: &ConnectError) -> Self {
        let text = tables::reasons(error).join("; ");
        match error {
            ConnectError::NoRegion | ConnectError::Tables(_) => Self::bad_configuration(text),
            ConnectError::Unreachable(_) => Self::new(Kind::StoreUnavailable, text),
        }
    }
}

impl From<&StoreError> for Failure {
    fn from(error: &StoreError) -> Self {
        let kind = if is_for_a_person(error) { Kind::BadConfiguration } else { Kind::StoreUnavailable };
        Self::new(kind, error.to_string())
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.kind.name().to_owned(), error_message: failure.text }
    }
}

/// Every invocation fails, and says why: a process that ended would be started again and again, and say less.
async fn refuse_everything(failure: Failure) -> Result<(), Error> {
    logging::start_plainly();
    let refuse = |_: LambdaEvent<Value>| {
        failure.log();
        std::future::ready(Err::<Value, Failure>(failure.clone()))
    };
    lambda_runtime::run(service_fn(refuse)).await
}
