//! One request, and what its failure means to who sent it: whether it may have been carried out, and what to do about it.

use std::error::Error;

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::{put_item::PutItemError, transact_write_items::TransactWriteItemsError, update_item::UpdateItemError},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::FinalizerInterceptorContextRef, dyn_dispatch_hint},
        orchestrator::{HttpResponse, OrchestratorError},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

use super::shape::Item;
use crate::store::StoreError;

/// What a request speaks of, for the one who has to mend it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// The call, as policies name it: `PutItem`.
    pub(super) action: &'static str,
    /// The table's name.
    pub(super) table: &'a str,
}

/// Why a write did not succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Its condition does not hold: this is what is there.
    Declined(Option<Item>),
    /// Anything else.
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What was there where a condition did not hold.
pub(super) struct Declined(Option<Item>);

/// Errors that may say that a condition did not hold.
pub(super) trait Conditional {
    /// What was there instead, when that is what it says.
    fn declined(&self) -> Option<Declined>;
}

impl Conditional for PutItemError {
    fn declined(&self) -> Option<Declined> {
        let Self::ConditionalCheckFailedException(failed) = self else { return None };
        Some(Declined(failed.item.clone()))
    }
}

impl Conditional for UpdateItemError {
    fn declined(&self) -> Option<Declined> {
        let Self::ConditionalCheckFailedException(failed) = self else { return None };
        Some(Declined(failed.item.clone()))
    }
}

/// Of a transaction, what its first request has to say: the others are of things that nobody else makes.
impl Conditional for TransactWriteItemsError {
    fn declined(&self) -> Option<Declined> {
        let Self::TransactionCanceledException(cancelled) = self else { return None };
        let first = cancelled.cancellation_reasons().first()?;
        (first.code() == Some("ConditionalCheckFailed")).then(|| Declined(first.item.clone()))
    }
}

tokio::task_local! {
    /// Whether some attempt of the request under way may have been carried out although it was not answered.
    static IN_DOUBT: std::cell::Cell<bool>;
}

/// Notes attempts that may have been carried out. The SDK repeats them by itself, and what it finally says is of the last.
#[derive(Debug)]
pub(super) struct Doubts;

#[dyn_dispatch_hint]
impl Intercept for Doubts {
    fn name(&self) -> &'static str {
        "Doubts"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let failed_inside = context.response().is_some_and(|response| response.status().is_server_error());
        if context.output_or_error().is_some_and(|answer| answer.is_err_and(|e| failed_inside || is_unanswered(e))) {
            let _ = IN_DOUBT.try_with(|doubt| doubt.set(true));
        }
        Ok(())
    }
}

/// Whether an attempt ended without an answer that can be understood.
fn is_unanswered<E: std::fmt::Debug>(error: &OrchestratorError<E>) -> bool {
    error.is_timeout_error() || error.is_connector_error() || error.is_response_error()
}

/// Sends a write.
pub(super) fn write<'a, T, E>(
    subject: Subject<'a>,
    sending: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'a,
) -> impl Future<Output = Result<T, Failure>> + Send + 'a
where
    T: Send + 'a,
    E: Conditional + ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    // The SDK's futures are large: here they go on the heap, once.
    written(subject, Box::pin(sending))
}

async fn written<T, E>(
    subject: Subject<'_>,
    sending: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> Result<T, Failure>
where
    E: Conditional + ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let (answer, in_doubt) = IN_DOUBT
        .scope(false.into(), async {
            let answer = sending.await;
            (answer, IN_DOUBT.with(std::cell::Cell::get))
        })
        .await;
    let error = match answer {
        Ok(output) => return Ok(output),
        Err(error) => error,
    };
    if let Some(Declined(item)) = error.as_service_error().and_then(Conditional::declined) {
        return Err(Failure::Declined(item));
    }
    let text = explain(subject, &error);
    let nothing_written = !in_doubt && is_refusal(&error);
    Err(Failure::Store(if nothing_written { StoreError::Unavailable(text) } else { StoreError::Unknown(text) }))
}

/// Sends what changes nothing, or what may be done twice.
pub(super) fn read<'a, T, E>(
    subject: Subject<'a>,
    sending: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + 'a,
) -> impl Future<Output = Result<T, StoreError>> + Send + 'a
where
    T: Send + 'a,
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let sending = Box::pin(sending);
    async move { sending.await.map_err(|error| StoreError::Unavailable(explain(subject, &error))) }
}

/// Whether the last attempt surely wrote nothing.
fn is_refusal<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    // 4xx: refused. 5xx: may have been carried out.
    let refused = matches!(error, SdkError::ServiceError(service) if service.raw().status().is_client_error());
    // Without credentials there is nothing to sign with, and nothing is sent.
    let unsent = matches!(error, SdkError::DispatchFailure(failure) if failure.is_user() || failure.is_other());
    refused || unsent || matches!(error, SdkError::ConstructionFailure(_))
}

/// What went wrong, in one line that names what to mend.
pub(super) fn explain<E>(subject: Subject<'_>, error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let Subject { action, table } = subject;
    if let Some(service) = error.as_service_error() {
        let (code, message) = (service.code().unwrap_or("unknown error"), service.message().unwrap_or_default());
        return explain_code(action, table, code, message);
    }
    let causes = causes(error);
    if causes.contains("credentials") {
        return format!(
            "{NO_CREDENTIALS}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run \
             where there is a role ({causes})"
        );
    }
    if matches!(error, SdkError::TimeoutError(_)) {
        return format!("DynamoDB did not answer {action} on {table} in time");
    }
    format!("DynamoDB could not be asked for {action} on {table}: {causes}")
}

pub(super) const DENIED: &str = "the policy of these credentials does not allow";
const NOT_ACCEPTED: &str = "AWS does not accept the credentials";
const NO_CREDENTIALS: &str = "no AWS credentials were found";
const NO_TABLE: &str = "there is no table";

/// Whether an error of this store is one that a person must mend: it will not be well again by itself.
pub fn is_for_a_person(error: &StoreError) -> bool {
    match error {
        StoreError::Unavailable(text) | StoreError::Unknown(text) => {
            [DENIED, NOT_ACCEPTED, NO_CREDENTIALS, NO_TABLE].iter().any(|told| text.contains(told))
        }
        StoreError::Corrupt(_) => false,
    }
}

fn explain_code(action: &str, table: &str, code: &str, message: &str) -> String {
    match code {
        "ResourceNotFoundException" => {
            format!("{NO_TABLE} {table}: `heartbeat create-tables` makes it, or name another one")
        }
        "ValidationException" if message.contains("specified index") => {
            format!("the table {table} lacks an index: `heartbeat create-tables` adds it ({message})")
        }
        "AccessDeniedException" => {
            format!("{DENIED} dynamodb:{action} on {table}: {message}")
        }
        "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "ExpiredTokenException" => {
            format!("{NOT_ACCEPTED} (AWS_ACCESS_KEY_ID and the like): {code}: {message}")
        }
        "ThrottlingException" | "ProvisionedThroughputExceededException" | "RequestLimitExceeded" => {
            format!("DynamoDB is throttling {action} on {table}")
        }
        _ => format!("DynamoDB refused {action} on {table}: {code}: {message}"),
    }
}

/// An error and what is behind it, without repetitions.
pub(super) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !texts.iter().any(|said| said.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_must_mend_is_told_from_what_passes() {
        for (code, for_a_person) in [
            ("AccessDeniedException", true),
            ("ExpiredTokenException", true),
            ("ResourceNotFoundException", true),
            ("ThrottlingException", false),
            ("InternalServerError", false),
        ] {
            let text = explain_code("Query", "monitors", code, "x");
            assert_eq!(is_for_a_person(&StoreError::Unavailable(text)), for_a_person, "{code}");
        }
    }
}
