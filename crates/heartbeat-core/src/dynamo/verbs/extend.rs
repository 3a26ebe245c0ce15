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
    store::{CronRun, Extend, Extended, Keep, Reach, Stands, Store, StoreError},
    time::Timestamp,
};

/// What `decide` makes of a plain success on an ordinary monitor. Only a monitor that a ping made has `forget_s`; the end of
/// any other is beyond all ends.
const UPDATE: &str = "SET last_ping_at = :at, #shard = :shard, ping_count = ping_count + :pings, \
    write_id_before = if_not_exists(write_id, :write_id), write_id = :write_id";
const BY_WINDOW: &str = ", due_at = window_us + :at, expires_at = if_not_exists(forget_s, :never) + :at_s_up";
const WAKE: &str = ", wake_at = window_us + :settled_at";
const NO_WAKE: &str = " REMOVE wake_at";
const TO_RUN: &str = ", due_at = :due, wake_at = :wake";
const AND_END: &str = ", expires_at = :end";
const CONDITION: &str = "#v = :v AND due_at > :still_kept AND last_ping_at < :at \
    AND (attribute_not_exists(last_remark_at) OR last_remark_at <= :at) \
    AND (attribute_not_exists(expires_at) OR expires_at > :at_s)";
const ORDINARY: &str = " AND #ordinary = :true AND attribute_exists(window_us)";
const SAME_INTERVAL: &str = " AND interval_s = :interval";
const SAME_GRACE: &str = " AND grace_s = :grace";
const SAME_LINE: &str = " AND #rev = :rev AND due_at ";

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
        let wakes = self.writes_wake_times();
        let (update, condition) = expressions(&extend.reach, wakes);
        let asks_for_row = extend.row.is_some() && extend.keep == Keep::IfLate;
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.monitors)
            .set_key(Some(key(&extend.id)))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names(&extend.reach)))
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
            (":pings".to_owned(), number(extend.pings)),
            (":shard".to_owned(), number(self.shard_for(&extend.id))),
            (":still_kept".to_owned(), micros(at.minus(extend.settle))),
            (":v".to_owned(), number(VERSION)),
            (":write_id".to_owned(), number(extend.write_id.0)),
        ]);
        let mut add = |name: &str, value| values.insert(name.to_owned(), value);
        match &extend.reach {
            Reach::Window { interval, grace } => {
                add(":true", AttributeValue::Bool(true));
                add(":at_s_up", number(seconds_up(at)));
                add(":never", number(NEVER_S));
                wakes.then(|| add(":settled_at", micros(at.plus(extend.settle))));
                interval.map(|interval| add(":interval", number(interval.as_secs())));
                grace.map(|grace| add(":grace", number(grace.as_secs())));
            }
            Reach::To(CronRun { rev, from: Stands::AtMost(from) | Stands::At(from), due_at, expires_at }) => {
                add(":rev", number(rev.0));
                add(":from", micros(*from));
                add(":due", micros(*due_at));
                add(":wake", micros(due_at.plus(extend.settle)));
                expires_at.map(|end| add(":end", number(seconds_up(end))));
            }
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

/// What is written, and what must hold.
fn expressions(reach: &Reach, wakes: bool) -> (String, String) {
    match reach {
        Reach::Window { interval, grace } => {
            let wake = if wakes { WAKE } else { NO_WAKE };
            let same_interval = interval.map_or("", |_| SAME_INTERVAL);
            let same_grace = grace.map_or("", |_| SAME_GRACE);
            ([UPDATE, BY_WINDOW, wake].concat(), [CONDITION, ORDINARY, same_interval, same_grace].concat())
        }
        Reach::To(run) => {
            let from = match run.from {
                Stands::AtMost(_) => "<= :from",
                Stands::At(_) => "= :from",
            };
            ([UPDATE, TO_RUN, run.expires_at.map_or("", |_| AND_END)].concat(), [CONDITION, SAME_LINE, from].concat())
        }
    }
}

fn names(reach: &Reach) -> HashMap<String, String> {
    let special = match reach {
        Reach::Window { .. } => "ordinary",
        Reach::To(_) => "rev",
    };
    [special, "shard", "v"].into_iter().map(|name| (format!("#{name}"), name.to_owned())).collect()
}
