//! Making tables, and checking those that are there against [`super::tables`].

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    error::{BuildError, ProvideErrorMetadata, SdkError},
    types::{
        AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
        GlobalSecondaryIndexUpdate, IndexStatus, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType, TableDescription, TableStatus, TimeToLiveSpecification,
    },
};

use futures_util::future::join_all;

use super::{
    connect::{ConnectError, Options, client},
    request::{DENIED, Subject, explain},
    tables::{ALL, Attribute, Index, Key, Kind, Table, TableNames},
};
use crate::clock::Clock;

/// Between two looks at a table that is being made.
const NAP: Duration = Duration::from_secs(2);
/// How often it is looked at: an index over a big table takes its time.
const LOOKS: u32 = 300;

/// What was done about a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// It was made.
    Table(String),
    /// It was there, and lacked this index.
    Index(String, &'static str),
    /// It was there as it must be.
    Nothing(String),
}

/// Makes the tables and indexes that are missing, on demand. What is there and differs otherwise is left alone, and said.
pub async fn create_tables(options: &Options) -> Result<Vec<Made>, ConnectError> {
    let (client, _) = client(options).await?;
    let maker = Maker { client, clock: Arc::clone(&options.clock) };
    let mut made = Vec::new();
    for table in &ALL {
        made.extend(maker.make(table, options.tables.of(table.role)).await?);
    }
    check(&maker.client, &options.tables).await?;
    Ok(made)
}

/// Checks that all tables are there, with their keys and indexes.
pub(super) async fn check(client: &Client, names: &TableNames) -> Result<(), ConnectError> {
    let region = client.config().region().map_or("its region", |region| region.as_ref());
    let described = join_all(ALL.iter().map(|table| describe(client, names.of(table.role)))).await;
    let mut mistakes = Vec::new();
    for (table, described) in ALL.iter().zip(described) {
        let name = names.of(table.role);
        match described? {
            Described::There(there) => mistakes.extend(differences(table, name, &there)),
            Described::Missing => mistakes.push(format!(
                "there is no table {name} in {region}: `heartbeat create-tables` or `terraform apply` makes it, or {} \
                 names another one",
                table.variables.join(" or ")
            )),
            Described::Refused(text) => mistakes.push(text),
        }
    }
    say_reasons_once(&mut mistakes);
    mistakes.dedup();
    if mistakes.is_empty() { Ok(()) } else { Err(ConnectError::Tables(mistakes)) }
}

/// Tables that are refused alike are refused for one reason: AWS's words for it, which are long, are said of the first.
fn say_reasons_once(mistakes: &mut [String]) {
    let mut said = false;
    for mistake in mistakes.iter_mut().filter(|mistake| mistake.starts_with(DENIED)) {
        if said && let Some((short, _)) = mistake.split_once(": ") {
            *mistake = short.to_owned();
        }
        said = true;
    }
}

enum Described {
    There(Box<TableDescription>),
    Missing,
    /// It may be there; these credentials may not look at it.
    Refused(String),
}

async fn describe(client: &Client, name: &str) -> Result<Described, ConnectError> {
    let error = match client.describe_table().table_name(name).send().await {
        Ok(described) => {
            return Ok(described.table.map_or(Described::Missing, |table| Described::There(Box::new(table))));
        }
        Err(error) => error,
    };
    if error.code() == Some("ResourceNotFoundException") {
        return Ok(Described::Missing);
    }
    let text = explain(Subject { action: "DescribeTable", table: name }, &error);
    let refused = matches!(&error, SdkError::ServiceError(answer) if answer.raw().status().is_client_error());
    let throttled = error.code().is_some_and(|code| code.contains("Throttling") || code.contains("LimitExceeded"));
    if (refused && !throttled) || text.starts_with("no AWS credentials") {
        return Ok(Described::Refused(text));
    }
    Err(ConnectError::Unreachable(text))
}

/// What a table lacks, a line each.
fn differences(table: &Table, name: &str, there: &TableDescription) -> Vec<String> {
    let mut differences = Vec::new();
    let kinds = there.attribute_definitions();
    if !is_key(&table.key, there.key_schema(), kinds) {
        differences.push(format!(
            "the table {name} has another key than {}: a key cannot be changed, name another table or make a new one",
            spell(&table.key)
        ));
    }
    for index in table.indexes {
        let found = there.global_secondary_indexes().iter().find(|found| found.index_name() == Some(index.name));
        match found {
            None => differences.push(format!(
                "the table {name} lacks the index {}: `heartbeat create-tables` or `terraform apply` adds it",
                index.name
            )),
            Some(found) if !is_key(&index.key, found.key_schema(), kinds) => differences.push(format!(
                "the index {} of the table {name} has another key than {}: delete it, and let \
                 `heartbeat create-tables` make it",
                index.name,
                spell(&index.key)
            )),
            Some(found) if found.index_status() == Some(&IndexStatus::Creating) => differences.push(format!(
                "the index {} of the table {name} is still being made: try again when it is active",
                index.name
            )),
            Some(_) => {}
        }
    }
    differences
}

fn is_key(key: &Key, schema: &[KeySchemaElement], kinds: &[AttributeDefinition]) -> bool {
    let Ok(wanted) = key_schema(key) else { return false };
    let right_kind = |attribute: Attribute| {
        let mut found = kinds.iter().filter(|found| found.attribute_name() == attribute.name);
        found.all(|found| *found.attribute_type() == scalar(attribute.kind))
    };
    let same = wanted.len() == schema.len() && wanted.iter().all(|element| schema.contains(element));
    same && key.attributes().all(right_kind)
}

fn spell(key: &Key) -> String {
    let attributes: Vec<String> =
        key.attributes().map(|attribute| format!("{} ({:?})", attribute.name, attribute.kind)).collect();
    attributes.join(", ")
}

struct Maker {
    client: Client,
    clock: Arc<dyn Clock>,
}

impl Maker {
    async fn make(&self, table: &Table, name: &str) -> Result<Vec<Made>, ConnectError> {
        let there = match describe(&self.client, name).await? {
            Described::There(there) => there,
            Described::Refused(text) => return Err(ConnectError::Tables(vec![text])),
            Described::Missing => {
                self.create(table, name).await?;
                self.until_active(name).await?;
                self.expire(table, name).await?;
                return Ok(vec![Made::Table(name.to_owned())]);
            }
        };
        let has = |index: &&Index| {
            there.global_secondary_indexes().iter().any(|found| found.index_name() == Some(index.name))
        };
        let mut made = Vec::new();
        for index in table.indexes.iter().filter(|index| !has(index)) {
            self.add_index(table, name, index).await?;
            self.until_active(name).await?;
            made.push(Made::Index(name.to_owned(), index.name));
        }
        if made.is_empty() {
            made.push(Made::Nothing(name.to_owned()));
        }
        Ok(made)
    }

    async fn create(&self, table: &Table, name: &str) -> Result<(), ConnectError> {
        let indexes: Result<Vec<_>, BuildError> = table.indexes.iter().map(global_index).collect();
        let indexes = indexes.map_err(|error| unreachable(&error))?;
        let request = self
            .client
            .create_table()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some(definitions(table)?))
            .set_key_schema(Some(key_schema(&table.key).map_err(|error| unreachable(&error))?))
            .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes));
        request.send().await.map_err(|error| failed("CreateTable", name, &error))?;
        Ok(())
    }

    async fn add_index(&self, table: &Table, name: &str, index: &Index) -> Result<(), ConnectError> {
        let action = CreateGlobalSecondaryIndexAction::builder()
            .index_name(index.name)
            .set_key_schema(Some(key_schema(&index.key).map_err(|error| unreachable(&error))?))
            .projection(keys_only())
            .build();
        let action = action.map_err(|error| unreachable(&error))?;
        let request = self
            .client
            .update_table()
            .table_name(name)
            .set_attribute_definitions(Some(definitions(table)?))
            .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(action).build());
        request.send().await.map_err(|error| failed("UpdateTable", name, &error))?;
        Ok(())
    }

    /// Lets items expire by themselves. Readers ignore what has expired in any case.
    async fn expire(&self, table: &Table, name: &str) -> Result<(), ConnectError> {
        let Some(attribute) = table.ttl else { return Ok(()) };
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build();
        let ttl = ttl.map_err(|error| unreachable(&error))?;
        let request = self.client.update_time_to_live().table_name(name).time_to_live_specification(ttl);
        request.send().await.map_err(|error| failed("UpdateTimeToLive", name, &error))?;
        Ok(())
    }

    async fn until_active(&self, name: &str) -> Result<(), ConnectError> {
        for _ in 0..LOOKS {
            if let Described::There(there) = describe(&self.client, name).await?
                && there.table_status() == Some(&TableStatus::Active)
                && there.global_secondary_indexes().iter().all(|i| i.index_status() == Some(&IndexStatus::Active))
            {
                return Ok(());
            }
            self.clock.sleep(NAP).await;
        }
        Err(ConnectError::Unreachable(format!("the table {name} is still being made: run this again later")))
    }
}

fn global_index(index: &Index) -> Result<GlobalSecondaryIndex, BuildError> {
    let key = key_schema(&index.key)?;
    GlobalSecondaryIndex::builder().index_name(index.name).set_key_schema(Some(key)).projection(keys_only()).build()
}

fn keys_only() -> Projection {
    Projection::builder().projection_type(ProjectionType::KeysOnly).build()
}

fn key_schema(key: &Key) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element =
        |attribute: Attribute, kind| KeySchemaElement::builder().attribute_name(attribute.name).key_type(kind).build();
    let hash = std::iter::once(element(key.hash, KeyType::Hash));
    hash.chain(key.range.map(|range| element(range, KeyType::Range))).collect()
}

fn definitions(table: &Table) -> Result<Vec<AttributeDefinition>, ConnectError> {
    let definitions = table.key_attributes().into_iter().map(|attribute| {
        AttributeDefinition::builder().attribute_name(attribute.name).attribute_type(scalar(attribute.kind)).build()
    });
    definitions.collect::<Result<_, _>>().map_err(|error| unreachable(&error))
}

fn scalar(kind: Kind) -> ScalarAttributeType {
    match kind {
        Kind::S => ScalarAttributeType::S,
        Kind::N => ScalarAttributeType::N,
    }
}

fn unreachable(error: &BuildError) -> ConnectError {
    ConnectError::Unreachable(error.to_string())
}

fn failed<E>(
    action: &'static str,
    table: &str,
    error: &SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>,
) -> ConnectError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    ConnectError::Tables(vec![explain(Subject { action, table }, error)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_says_of_four_tables_alike_is_said_once() {
        let denied =
            |table: &str| format!("{DENIED} dynamodb:DescribeTable on {table}: User: arn:aws:x is not authorized");
        let mut mistakes = vec![denied("a"), "there is no table b".to_owned(), denied("c")];
        say_reasons_once(&mut mistakes);
        assert_eq!(mistakes[0], denied("a"));
        assert_eq!(mistakes[1], "there is no table b");
        assert_eq!(mistakes[2], "the policy of these credentials does not allow dynamodb:DescribeTable on c");
    }
}
