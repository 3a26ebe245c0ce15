//! Entries of the directory.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;

use super::{
    DynamoStore,
    request::{Failure, Subject, read, write},
    shape::{Item, integer, number, string, text},
};
use crate::{
    directory::{Entry, Put},
    item::Corrupt,
    store::StoreError,
};

pub(super) const PK: &str = "pk";
pub(super) const SK: &str = "sk";
const REV: &str = "rev";
pub(super) const VALUE: &str = "value";

impl DynamoStore {
    pub(super) async fn find_entry(&self, pk: &str, sk: &str) -> Result<Option<Entry>, StoreError> {
        let table = &self.tables.directory;
        let request =
            self.client.get_item().table_name(table).key(PK, text(pk)).key(SK, text(sk)).consistent_read(true);
        let item = read(Subject { action: "GetItem", table }, request.send()).await?.item;
        Ok(item.as_ref().map(entry_of).transpose()?)
    }

    pub(super) async fn entries_under(&self, pk: &str) -> Result<Vec<Entry>, StoreError> {
        let table = &self.tables.directory;
        let (mut entries, mut start) = (Vec::new(), None);
        loop {
            let request = self
                .client
                .query()
                .table_name(table)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", text(pk))
                .consistent_read(true)
                .set_exclusive_start_key(start);
            let page = read(Subject { action: "Query", table }, request.send()).await?;
            for item in page.items.unwrap_or_default() {
                entries.push(entry_of(&item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(entries);
            }
        }
    }

    pub(super) async fn store_entry(&self, entry: Entry) -> Result<Put, StoreError> {
        let table = &self.tables.directory;
        let request = self
            .client
            .put_item()
            .table_name(table)
            .set_item(Some(item_of(&entry)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let request = match entry.rev {
            0 | 1 => request.condition_expression("attribute_not_exists(pk)"),
            next => request
                .condition_expression("#rev = :seen")
                .expression_attribute_names("#rev", REV)
                .expression_attribute_values(":seen", number(next - 1)),
        };
        match write(Subject { action: "PutItem", table }, request.send()).await {
            Ok(_) => Ok(Put::Done),
            Err(Failure::Declined(item)) => {
                let there = item.as_ref().map(entry_of).transpose()?;
                // The answer to the first attempt was lost on the way.
                Ok(if there.as_ref() == Some(&entry) { Put::Done } else { Put::Conflict(there) })
            }
            Err(Failure::Store(error)) => Err(error),
        }
    }
}

fn item_of(entry: &Entry) -> Item {
    HashMap::from([
        (PK.to_owned(), text(entry.pk.as_str())),
        (SK.to_owned(), text(entry.sk.as_str())),
        (REV.to_owned(), number(entry.rev)),
        // As text: any JSON, to the letter. An attribute may not have every name that an object may.
        (VALUE.to_owned(), text(entry.value.to_string())),
    ])
}

fn entry_of(item: &Item) -> Result<Entry, Corrupt> {
    let name = |name| string(item, name).unwrap_or_default().to_owned();
    let (pk, sk) = (name(PK), name(SK));
    let corrupt = |what: &str| Corrupt { id: format!("{pk}/{sk}"), reason: format!("its {what} cannot be read") };
    let rev = integer(item, REV).ok_or_else(|| corrupt(REV))?.unsigned_abs();
    let value = string(item, VALUE).and_then(|text| serde_json::from_str(text).ok()).ok_or_else(|| corrupt(VALUE))?;
    Ok(Entry { pk, sk, rev, value })
}
