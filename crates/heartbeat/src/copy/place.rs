//! What is copied from and to: a file, or tables.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::bail;
use heartbeat_core::{
    alarm::Alarm,
    archive::Archive,
    dynamo::{DynamoStore, Options, TableNames, wire::Patience},
};
use heartbeat_sqlite::{Mode, SqliteStore};

use crate::{config::Config, database, tables};

/// What the usual names of tables begin with.
const USUAL: &str = "heartbeat";
/// How long a request may take, and all its attempts. A page is a megabyte, over a line as people have one at home; nobody
/// waits for it as a ping does.
const ATTEMPT: Duration = Duration::from_secs(20);
const OPERATION: Duration = Duration::from_secs(90);

/// Where a store is, as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `sqlite:PATH`.
    File(PathBuf),
    /// `dynamodb`: the tables that the environment names.
    Tables,
    /// `dynamodb:PREFIX`: tables called like the usual ones, with another beginning.
    Prefixed(String),
}

impl Place {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "dynamodb" => Ok(Self::Tables),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("dynamodb", prefix)) if !prefix.is_empty() => Ok(Self::Prefixed(prefix.to_owned())),
            Some(_) | None => Err("it is sqlite:PATH, dynamodb, or dynamodb:PREFIX".to_owned()),
        }
    }

    /// What it is, for people, wherever they stand; and for an interrupted copy, which goes on from the same place alone.
    pub(super) fn name(&self, config: &Config) -> String {
        match self {
            Self::File(file) => database::absolute(file).display().to_string(),
            Self::Tables | Self::Prefixed(_) => {
                let TableNames { monitors, keys, events, directory } = self.table_names(config);
                format!("the DynamoDB tables {monitors}, {keys}, {events} and {directory}")
            }
        }
    }

    fn table_names(&self, config: &Config) -> TableNames {
        match self {
            Self::Prefixed(prefix) => TableNames::named(|table| table.name.replacen(USUAL, prefix, 1)),
            Self::File(_) | Self::Tables => config.tables.clone(),
        }
    }

    /// Opens what must be there.
    pub(super) async fn open_source(&self, config: &Config) -> anyhow::Result<Opened> {
        match self {
            Self::File(file) if !file.exists() => bail!("there is no store at {}", file.display()),
            Self::File(_) | Self::Tables | Self::Prefixed(_) => self.open_target(config).await,
        }
    }

    /// Opens it; makes a file that is not there. Tables are not made, for they may cost money.
    pub(super) async fn open_target(&self, config: &Config) -> anyhow::Result<Opened> {
        let name = self.name(config);
        Ok(match self {
            Self::File(file) => Opened::File(name, SqliteStore::open(file, Mode::Serve, Arc::new(Alarm::default()))?),
            Self::Tables | Self::Prefixed(_) => {
                let options = tables::options(config);
                let patience = Patience { attempt: ATTEMPT, operation: OPERATION, ..options.patience };
                let options = Options { tables: self.table_names(config), patience, ..options };
                Opened::Tables(
                    name,
                    Box::new(DynamoStore::open(options).await.map_err(|error| tables::refusal(&error))?),
                )
            }
        })
    }
}

/// A store that is open, and what it is called.
pub(super) enum Opened {
    /// A file, which nobody serves while this is held.
    File(String, SqliteStore),
    /// Tables, which others may write to.
    Tables(String, Box<DynamoStore>),
}

impl Opened {
    pub(super) fn archive(&self) -> &dyn Archive {
        match self {
            Self::File(_, store) => store,
            Self::Tables(_, store) => store.as_ref(),
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::File(name, _) | Self::Tables(name, _) => name,
        }
    }

    /// Whether others may write to it while we hold it.
    pub(super) fn is_open_to_others(&self) -> bool {
        matches!(self, Self::Tables(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_or_tables() {
        assert_eq!(Place::parse("sqlite:/var/lib/a:b.db"), Ok(Place::File("/var/lib/a:b.db".into())));
        assert_eq!(Place::parse("dynamodb"), Ok(Place::Tables));
        assert_eq!(Place::parse("dynamodb:staging"), Ok(Place::Prefixed("staging".to_owned())));
        for wrong in ["", "sqlite", "sqlite:", "dynamodb:", "heartbeat.db", "postgres:x", "SQLITE:x"] {
            assert!(Place::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_prefix_takes_the_place_of_the_usual_one() {
        let config = Config::from_lookup(crate::config::Program::Heartbeat, None, &|_| None).unwrap();
        assert_eq!(Place::Prefixed("heartbeat".to_owned()).table_names(&config), TableNames::default());
        assert_eq!(
            Place::Prefixed("staging".to_owned()).name(&config),
            "the DynamoDB tables staging-monitors, staging-api-keys, staging-events and staging-directory"
        );
    }
}
