//! The tables on `DynamoDB`, as the commands find them; and `heartbeat create-tables`, which makes them.

use std::sync::Arc;

use anyhow::{anyhow, bail};
use heartbeat_core::dynamo::{
    ConnectError, DynamoStore, Options, Shared,
    administer::{Made, create_tables},
};

use crate::{
    config::{Config, Kept},
    mention, say,
    variables::{ENDPOINT, REGION, STORE},
};

/// How this process reaches the tables.
pub(crate) fn options(config: &Config) -> Options {
    let usual = Shared::default();
    let settle_s = config.proposed_settle.map_or(usual.settle_s, |settle| settle.as_secs());
    Options {
        tables: config.tables.clone(),
        shared: Shared { settle_s, ..usual },
        retention: config.retention,
        ..Options::default()
    }
}

/// Opens the tables for a command that has nothing to do without them.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Arc<DynamoStore>> {
    Ok(Arc::new(DynamoStore::open(options(config)).await.map_err(|error| refusal(&error))?))
}

/// Why the tables cannot be used.
pub(crate) fn refusal(error: &ConnectError) -> anyhow::Error {
    anyhow!("{}", reasons(error).join("\n"))
}

/// What is to be mended, a line each: the same words at the start, in the log and in `/readyz`.
pub(crate) fn reasons(error: &ConnectError) -> Vec<String> {
    match error {
        ConnectError::Unreachable(text) => {
            vec![format!("{} (are {REGION}, {ENDPOINT} and the network right?)", in_one_line(text))]
        }
        ConnectError::Tables(mistakes) => mistakes.iter().map(|mistake| in_one_line(mistake)).collect(),
        ConnectError::NoRegion => vec![error.to_string()],
    }
}

/// What the SDK says over several lines, in one.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The tables' names, for people.
pub(crate) fn names(config: &Config) -> String {
    let tables = &config.tables;
    format!("{}, {}, {} and {}", tables.monitors, tables.keys, tables.events, tables.directory)
}

/// `heartbeat create-tables`: makes what is missing, and says what it did about each table.
pub(crate) async fn create(config: &Config) -> anyhow::Result<()> {
    for made in create_tables(&options(config)).await.map_err(|error| refusal(&error))? {
        say(&match made {
            Made::Table(name) => format!("{name}: made"),
            Made::Index(name, index) => format!("{name}: index {index} added"),
            Made::Nothing(name) => format!("{name}: there already"),
        })?;
    }
    if config.kept != Kept::InTables {
        mention(&format!("to keep everything in these tables, set {STORE}=dynamodb for all commands"));
    }
    Ok(())
}

/// Opens the tables for what only they have.
pub(crate) async fn open_for_settings(config: &Config) -> anyhow::Result<Arc<DynamoStore>> {
    if let Kept::InFile(file) = &config.kept {
        bail!(
            "{} is served by one process, which shares its settings with nobody: they are in its environment. For those of \
             processes over DynamoDB, set {STORE}=dynamodb",
            file.display()
        );
    }
    open(config).await
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    /// What the store asks for, as it names it itself where a request may be refused.
    fn asked_for(folder: &Path, actions: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                asked_for(&path, actions);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            for before in ["action: \"", "self.monitors(\"", "failed(\""] {
                let named = source.split(before).skip(1).filter_map(|rest| rest.split('"').next());
                actions.extend(named.map(ToOwned::to_owned));
            }
        }
    }

    #[test]
    fn the_readme_names_every_action_that_a_policy_must_allow() {
        let mut actions = BTreeSet::new();
        asked_for(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../heartbeat-core/src/dynamo"), &mut actions);
        assert!(actions.len() > 8, "{actions:?}");
        // Its requests are allowed as what they are: a transaction has no action of its own.
        actions.remove("TransactWriteItems");
        let readme = include_str!("../../../README.md");
        let missing: Vec<_> = actions.iter().filter(|action| !readme.contains(&format!("`{action}`"))).collect();
        assert!(missing.is_empty(), "README.md lacks {missing:?}");
    }
}
