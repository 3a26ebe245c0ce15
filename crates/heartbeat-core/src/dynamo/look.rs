//! What is read. A monitor is always read again, consistently, before anything is done with it; indexes may lag.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Select};
use futures_util::future::try_join_all;

use super::{
    DynamoStore,
    expression::Expression,
    request::{Failure, Subject, read},
    shape::{
        DELETED_UNTIL, Item, WAKE_AT, found, id_of, instant, is_expired, key, micros, number, stored_with_wake_time,
        string, text,
    },
    tables::{ID, OVERDUE_INDEX, PROJECT_INDEX},
};
use crate::{
    item::Corrupt,
    monitor::MonitorId,
    slug::{Project, Slug},
    store::{Due, Found, Page, StoreError, Stored},
    time::Timestamp,
};

/// The most items in one batch. (AWS: Service, account, and table quotas.)
const BATCH: usize = 100;
/// How often what a batch did not answer is asked for again.
const ATTEMPTS: u32 = 6;

impl DynamoStore {
    pub(super) async fn look_for(&self, id: &MonitorId, now: Timestamp) -> Result<Found, StoreError> {
        Ok(found(self.item(id).await?, now, self.computes_wake_times())?)
    }

    /// The item of a monitor, whatever it says.
    pub(super) async fn item(&self, id: &MonitorId) -> Result<Option<Item>, StoreError> {
        let request =
            self.client.get_item().table_name(&self.tables.monitors).set_key(Some(key(id))).consistent_read(true);
        Ok(read(self.monitors("GetItem"), request.send()).await?.item)
    }

    pub(super) async fn due_by_index(&self, shard: u16, now: Timestamp, limit: usize) -> Result<Vec<Due>, StoreError> {
        let (mut due, mut start) = (Vec::new(), None);
        loop {
            let request = self
                .client
                .query()
                .table_name(&self.tables.monitors)
                .index_name(OVERDUE_INDEX)
                .key_condition_expression("#shard = :shard AND #wake_at <= :now")
                .expression_attribute_names("#shard", "shard")
                .expression_attribute_names("#wake_at", WAKE_AT)
                .expression_attribute_values(":shard", number(shard))
                .expression_attribute_values(":now", micros(now))
                .limit(i32::try_from(limit - due.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let page = read(self.monitors("Query"), request.send()).await?;
            due.extend(page.items.unwrap_or_default().iter().filter_map(due_of));
            start = page.last_evaluated_key;
            if start.is_none() || due.len() >= limit {
                return Ok(due);
            }
        }
    }

    /// When the first item of all shards must be looked at.
    pub(super) async fn earliest(&self, shards: u16) -> Result<Option<Timestamp>, StoreError> {
        let firsts = try_join_all((0..shards).map(|shard| self.due_by_index(shard, Timestamp::MAX, 1))).await?;
        Ok(firsts.into_iter().flatten().map(|due| due.wake_at).min())
    }

    pub(super) async fn list_project(
        &self,
        project: &Project,
        after: Option<&Slug>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<Slug>, StoreError> {
        // One more than asked for: then it is known whether there is more.
        let mut slugs = self.slugs(project, after, limit.saturating_add(1)).await?;
        let more = slugs.len() > limit;
        slugs.truncate(limit);
        let next = if more { slugs.last().cloned() } else { None };
        let ids: Vec<MonitorId> = slugs.into_iter().map(|slug| MonitorId::new(project.clone(), slug)).collect();
        let batches = try_join_all(ids.chunks(BATCH).map(|ids| self.items(ids))).await?;
        let mut items: HashMap<String, Item> = batches.into_iter().flatten().collect();
        let computed = self.computes_wake_times();
        let items = ids.iter().filter_map(|id| present(items.remove(&id.to_string())?, now, computed));
        Ok(Page { items: items.collect(), next })
    }

    /// A project's slugs after `after`, as its index has them.
    async fn slugs(&self, project: &Project, after: Option<&Slug>, limit: usize) -> Result<Vec<Slug>, StoreError> {
        let (mut slugs, mut start) = (Vec::new(), None);
        loop {
            let request = self
                .client
                .query()
                .table_name(&self.tables.monitors)
                .index_name(PROJECT_INDEX)
                .key_condition_expression("#project = :project AND #slug > :after")
                .expression_attribute_names("#project", "project")
                .expression_attribute_names("#slug", "slug")
                .expression_attribute_values(":project", text(project.as_str()))
                // Before every slug: a key is never empty.
                .expression_attribute_values(":after", text(after.map_or(" ", Slug::as_str)))
                .select(Select::AllProjectedAttributes)
                .limit(i32::try_from(limit - slugs.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let page = read(self.monitors("Query"), request.send()).await?;
            let items = page.items.unwrap_or_default();
            slugs.extend(items.iter().filter_map(|item| Slug::parse(string(item, "slug")?).ok()));
            start = page.last_evaluated_key;
            if start.is_none() || slugs.len() >= limit {
                return Ok(slugs);
            }
        }
    }

    /// Items by their keys, those that are there; at most a batch.
    async fn items(&self, ids: &[MonitorId]) -> Result<HashMap<String, Item>, StoreError> {
        let table = &self.tables.monitors;
        let (mut keys, mut items) = (ids.iter().map(key).collect::<Vec<_>>(), HashMap::new());
        for _ in 0..ATTEMPTS {
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            let wanted = wanted.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            let request = self.client.batch_get_item().request_items(table, wanted);
            let answer = read(self.monitors("BatchGetItem"), request.send()).await?;
            let found = answer.responses.and_then(|mut tables| tables.remove(table)).unwrap_or_default();
            items.extend(found.into_iter().filter_map(|item| Some((string(&item, ID)?.to_owned(), item))));
            let left = answer.unprocessed_keys.and_then(|mut tables| tables.remove(table));
            match left {
                Some(left) if !left.keys.is_empty() => keys = left.keys,
                Some(_) | None => return Ok(items),
            }
        }
        Err(StoreError::Unavailable(format!("DynamoDB is throttling BatchGetItem on {table}")))
    }

    /// Whether it can be read and written: a write that can change nothing goes all the way but for the last step.
    pub(super) async fn try_out(&self) -> Result<(), StoreError> {
        let mut expression = Expression::default();
        expression.require_equal(ID, text("nobody"));
        expression.remove(WAKE_AT);
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.monitors)
            .key(ID, text("/ready"))
            .update_expression(expression.update())
            .set_condition_expression(expression.condition())
            .set_expression_attribute_names(expression.names())
            .set_expression_attribute_values(expression.values());
        match super::request::write(self.monitors("UpdateItem"), request.send()).await {
            Ok(_) | Err(Failure::Declined(_)) => Ok(()),
            Err(Failure::Store(StoreError::Unknown(text))) => Err(StoreError::Unavailable(text)),
            Err(Failure::Store(error)) => Err(error),
        }?;
        let table = &self.tables.keys;
        let request = self.client.get_item().table_name(table).key("key_hash", text("/ready"));
        read(Subject { action: "GetItem", table }, request.send()).await?;
        Ok(())
    }
}

fn due_of(item: &Item) -> Option<Due> {
    let due = id_of(item).zip(instant(item, WAKE_AT)).map(|(id, wake_at)| Due { id, wake_at });
    if due.is_none() {
        tracing::error!(id = string(item, ID), "an entry of the index has a key that is nobody's");
    }
    due
}

/// What a walk shows of an item: nothing of what is deleted or has expired.
pub(super) fn present(item: Item, now: Timestamp, computed: Option<Duration>) -> Option<Result<Stored, Corrupt>> {
    let gone = item.contains_key(DELETED_UNTIL) || is_expired(&item, now);
    (!gone).then(|| stored_with_wake_time(item, computed))
}

/// Where a walk goes on behind the item of this key.
pub(super) fn start_behind(after: Option<&MonitorId>) -> Option<HashMap<String, AttributeValue>> {
    after.map(key)
}
