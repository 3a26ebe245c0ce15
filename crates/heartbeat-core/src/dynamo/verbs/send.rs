//! Sending a conditional write of a monitor's item, alone or in one transaction with the keys that are made with it.

use aws_sdk_dynamodb::types::{Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};

use crate::{
    dynamo::{
        DynamoStore,
        expression::Expression,
        journal::Told,
        keys::key_item,
        request::{Failure, Subject, write},
        shape::{Item, WRITE_ID, key, number},
    },
    key::KeyRecord,
    monitor::MonitorId,
    store::{StoreError, WriteId},
};

/// What is to be written under a monitor's key, and what must hold.
pub(in crate::dynamo) struct Write {
    pub(in crate::dynamo) id: MonitorId,
    /// The whole item; else `expression` says what changes.
    pub(in crate::dynamo) put: Option<Item>,
    pub(in crate::dynamo) expression: Expression,
}

const ALL_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

impl DynamoStore {
    /// Sends it; answers with the rows that then wait in the item for history to take them over.
    pub(in crate::dynamo) async fn send(&self, write: Write, keys: &[KeyRecord], id: WriteId) -> Result<Told, Failure> {
        if !keys.is_empty() {
            return self.transact(write, keys, id).await;
        }
        match write.put {
            Some(item) => self.put(write.id, item, &write.expression).await,
            None => self.update(write.id, &write.expression).await,
        }
    }

    async fn put(&self, id: MonitorId, item: Item, expression: &Expression) -> Result<Told, Failure> {
        let told = Told::of(&id, &item);
        let request = self
            .client
            .put_item()
            .table_name(&self.tables.monitors)
            .set_item(Some(item))
            .set_condition_expression(expression.condition())
            .set_expression_attribute_names(expression.names())
            .set_expression_attribute_values(expression.values())
            .return_values_on_condition_check_failure(ALL_OLD);
        write(self.monitors("PutItem"), request.send()).await?;
        Ok(told)
    }

    pub(in crate::dynamo) async fn update(&self, id: MonitorId, expression: &Expression) -> Result<Told, Failure> {
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.monitors)
            .set_key(Some(key(&id)))
            .update_expression(expression.update())
            .set_condition_expression(expression.condition())
            .set_expression_attribute_names(expression.names())
            .set_expression_attribute_values(expression.values())
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ALL_OLD);
        let updated = write(self.monitors("UpdateItem"), request.send()).await?;
        Ok(updated.attributes.map(|item| Told::of(&id, &item)).unwrap_or_default())
    }

    /// All of it, or nothing.
    async fn transact(&self, monitor: Write, keys: &[KeyRecord], id: WriteId) -> Result<Told, Failure> {
        let told = monitor.put.as_ref().map(|item| Told::of(&monitor.id, item)).unwrap_or_default();
        let first = self.in_transaction(monitor).map_err(refused)?;
        let mut requests = vec![first];
        for record in keys {
            requests.push(self.key_in_transaction(record, id).map_err(refused)?);
        }
        let request = self
            .client
            .transact_write_items()
            .set_transact_items(Some(requests))
            // The same write again is the same request: it is not carried out twice.
            .client_request_token(format!("{:016x}", id.0));
        write(self.monitors("TransactWriteItems"), request.send()).await?;
        Ok(told)
    }

    fn in_transaction(&self, write: Write) -> Result<TransactWriteItem, aws_sdk_dynamodb::error::BuildError> {
        let Write { id, put, expression } = write;
        let table = &self.tables.monitors;
        let request = TransactWriteItem::builder();
        Ok(match put {
            Some(item) => request.put(
                Put::builder()
                    .table_name(table)
                    .set_item(Some(item))
                    .set_condition_expression(expression.condition())
                    .set_expression_attribute_names(expression.names())
                    .set_expression_attribute_values(expression.values())
                    .return_values_on_condition_check_failure(ALL_OLD)
                    .build()?,
            ),
            None => request.update(
                Update::builder()
                    .table_name(table)
                    .set_key(Some(key(&id)))
                    .update_expression(expression.update())
                    .set_condition_expression(expression.condition())
                    .set_expression_attribute_names(expression.names())
                    .set_expression_attribute_values(expression.values())
                    .return_values_on_condition_check_failure(ALL_OLD)
                    .build()?,
            ),
        }
        .build())
    }

    fn key_in_transaction(
        &self,
        record: &KeyRecord,
        id: WriteId,
    ) -> Result<TransactWriteItem, aws_sdk_dynamodb::error::BuildError> {
        let mut item = key_item(record);
        item.insert(WRITE_ID.to_owned(), number(id.0));
        let put = Put::builder()
            .table_name(&self.tables.keys)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(key_hash) OR write_id = :write_id")
            .expression_attribute_values(":write_id", number(id.0));
        Ok(TransactWriteItem::builder().put(put.build()?).build())
    }

    pub(in crate::dynamo) fn monitors(&self, action: &'static str) -> Subject<'_> {
        Subject { action, table: &self.tables.monitors }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is used where errors are mapped")]
fn refused(error: aws_sdk_dynamodb::error::BuildError) -> Failure {
    Failure::Store(StoreError::Unavailable(error.to_string()))
}
