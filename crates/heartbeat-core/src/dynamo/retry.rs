//! What is worth another attempt, besides what the SDK knows: a write that met a transaction of somebody else.

use aws_sdk_dynamodb::operation::{
    put_item::PutItemError, transact_write_items::TransactWriteItemsError, update_item::UpdateItemError,
};
use aws_smithy_runtime_api::client::{
    interceptors::context::{Error, InterceptorContext},
    retries::classifiers::{ClassifyRetry, RetryAction},
};

/// Retries what two transactions, or a transaction and a write, did to each other: nothing.
#[derive(Debug)]
pub(super) struct Conflicts;

impl ClassifyRetry for Conflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err).and_then(|error| error.as_operation_error());
        if error.is_some_and(is_conflict) { RetryAction::transient_error() } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "TransactionConflicts"
    }
}

fn is_conflict(error: &Error) -> bool {
    let updating = error.downcast_ref().is_some_and(UpdateItemError::is_transaction_conflict_exception);
    let putting = error.downcast_ref().is_some_and(PutItemError::is_transaction_conflict_exception);
    let transacting = error.downcast_ref().is_some_and(|error: &TransactWriteItemsError| {
        error.is_transaction_in_progress_exception() || is_cancelled_by_conflict(error)
    });
    updating || putting || transacting
}

fn is_cancelled_by_conflict(error: &TransactWriteItemsError) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { return false };
    let codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
    let codes: Vec<&str> = codes.filter(|code| *code != "None").collect();
    !codes.is_empty() && codes.iter().all(|code| *code == "TransactionConflict")
}
