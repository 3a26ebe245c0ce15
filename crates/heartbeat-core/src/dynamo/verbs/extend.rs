//! The ordinary ping: one `UpdateItem`, no read. Its arithmetic is on the stored window, so that it respects a concurrent
//! change.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use crate::{
    dynamo::{
        DynamoStore,
        request::{Failure, Subject, write},
        shape::{Item, NEVER_S, found, instant, integer, is_written_by, key, micros, number, seconds_up},
    },
    item::VERSION,
    store::{Extend, Extended, Keep, Store, StoreError},
    time::Timestamp,
};

/// What `decide` makes of a plain success on an ordinary monitor. Only a monitor that a ping made has `forget_s`; the end of
/// any other is beyond all ends.
const UPDATE: &str = "SET last_ping_at = :at, due_at = window_us + :at, #shard = :shard, ping_count = ping_count + :one, \
    expires_at = if_not_exists(forget_s, :never) + :at_s_up, write_id_before = if_not_exists(write_id, :write_id), write_id = :write_id";
const WAKE: &str = ", wake_at = window_us + :settled_at";
const NO_WAKE: &str = " REMOVE wake_at";
const CONDITION: &str = "#ordinary = :true AND #v = :v AND due_at > :still_kept AND last_ping_at < :at \
    AND (attribute_not_exists(last_remark_at) OR last_remark_at <= :at) \
    AND (attribute_not_exists(expires_at) OR expires_at > :at_s) AND attribute_exists(window_us)";
const SAME_INTERVAL: &str = " AND interval_s = :interval";
const SAME_GRACE: &str = " AND grace_s = :grace";

impl DynamoStore {
    pub(in crate::dynamo) async fn extend_item(&self, extend: Extend) -> Result<Extended, StoreError> {
        // Before the epoch and at the end of time sums would not be what they are to the core: `decide` takes it from here.
        if !(0..=i64::MAX / 2).contains(&extend.at.as_micros()) {
            return Ok(Extended::Declined(self.find(&extend.id, extend.at).await?));
        }
        match self.send_extend(&extend).await {
            Ok(before) => {
                self.keep_extend_row(extend, before.as_ref()).await;
                Ok(Extended::Done)
            }
            Err(Failure::Declined(Some(item))) if is_written_by(&item, extend.write_id) => {
                // The answer was lost, and perhaps the row with it.
                self.keep_extend_row(extend, None).await;
                Ok(Extended::Done)
            }
            Err(Failure::Declined(item)) => Ok(Extended::Declined(found(item, extend.at, self.computes_wake_times())?)),
            Err(Failure::Store(error)) => Err(error),
        }
    }

    /// Sends it; answers with the item before it, where the row depends on that.
    async fn send_extend(&self, extend: &Extend) -> Result<Option<Item>, Failure> {
        let mut condition = CONDITION.to_owned();
        if extend.interval.is_some() {
            condition.push_str(SAME_INTERVAL);
        }
        if extend.grace.is_some() {
            condition.push_str(SAME_GRACE);
        }
        let wakes = self.writes_wake_times();
        let update = if wakes { [UPDATE, WAKE] } else { [UPDATE, NO_WAKE] }.concat();
        let asks_for_row = extend.row.is_some() && extend.keep == Keep::IfLate;
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.monitors)
            .set_key(Some(key(&extend.id)))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names()))
            .set_expression_attribute_values(Some(self.extend_values(extend, wakes)))
            .return_values(if asks_for_row { ReturnValue::AllOld } else { ReturnValue::None })
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let subject = Subject { action: "UpdateItem", table: &self.tables.monitors };
        Ok(write(subject, request.send()).await?.attributes)
    }

    fn extend_values(&self, extend: &Extend, wakes: bool) -> HashMap<String, AttributeValue> {
        let at = extend.at;
        let mut values = HashMap::from([
            (":at".to_owned(), micros(at)),
            (":at_s".to_owned(), number(at.as_secs())),
            (":at_s_up".to_owned(), number(seconds_up(at))),
            (":never".to_owned(), number(NEVER_S)),
            (":one".to_owned(), number(1)),
            (":shard".to_owned(), number(self.shard_for(&extend.id))),
            (":still_kept".to_owned(), micros(at.minus(extend.settle))),
            (":true".to_owned(), AttributeValue::Bool(true)),
            (":v".to_owned(), number(VERSION)),
            (":write_id".to_owned(), number(extend.write_id.0)),
        ]);
        if wakes {
            values.insert(":settled_at".to_owned(), micros(at.plus(extend.settle)));
        }
        if let Some(interval) = extend.interval {
            values.insert(":interval".to_owned(), number(interval.as_secs()));
        }
        if let Some(grace) = extend.grace {
            values.insert(":grace".to_owned(), number(grace.as_secs()));
        }
        values
    }

    /// Keeps the row, where there is one to keep. Best effort: the ping counts either way.
    async fn keep_extend_row(&self, extend: Extend, before: Option<&Item>) {
        let kept = match extend.keep {
            Keep::Always => true,
            Keep::IfLate => before.is_some_and(|before| was_late(before, extend.at)),
        };
        if let Some(row) = extend.row.filter(|_| kept) {
            self.record(&[row]).await;
        }
    }
}

/// Whether `at` was past the expected moment.
fn was_late(before: &Item, at: Timestamp) -> bool {
    let due_at = instant(before, "due_at").map(Timestamp::as_micros);
    let grace_us = integer(before, "grace_s").map(|seconds| seconds.saturating_mul(1_000_000));
    due_at.zip(grace_us).is_some_and(|(due_at, grace)| at.as_micros() > due_at - grace)
}

fn names() -> HashMap<String, String> {
    ["ordinary", "shard", "v"].into_iter().map(|name| (format!("#{name}"), name.to_owned())).collect()
}
