//! A monitor of a document becomes what the document wants of it. What is that already is not written.

use serde_json::{Map, Value};

use super::{ATTEMPTS, Flow, ManageError};
use crate::{
    about::Actor,
    definition::document::Wanted,
    history::Edit,
    monitor::{MonitorId, Origin},
    store::Found,
};

/// The word for who defines a monitor, where an import changes it.
const DEFINED: &str = "defined";

/// What became of a monitor that a document names, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    /// There was none.
    Created,
    /// It was another: the fields that differ.
    Changed(Edit),
    /// It was so already.
    Unchanged,
}

impl Flow {
    /// What an import would make of a monitor. Nothing is written.
    pub async fn preview_import(&self, id: &MonitorId, wanted: &Wanted) -> Result<Imported, ManageError> {
        Ok(match self.store.find(id, self.clock.now()).await? {
            Found::Monitor(stored) => Imported::between(&Wanted::of(&stored.monitor), wanted),
            // A person wants it: that it was deleted not long ago says nothing.
            Found::Deleted | Found::Nothing => Imported::Created,
        })
    }

    /// Makes a monitor what a document wants of it. The same again changes nothing, and writes nothing.
    pub async fn import(&self, id: &MonitorId, wanted: &Wanted, by: &Actor) -> Result<Imported, ManageError> {
        for _ in 0..ATTEMPTS {
            let imported = self.preview_import(id, wanted).await?;
            match &imported {
                Imported::Unchanged => {}
                Imported::Changed(_) => drop(self.replace(id, &wanted.definition, by).await?),
                Imported::Created => match self.make(id, &wanted.definition, wanted.origin, by).await {
                    Ok(_) => {}
                    Err(ManageError::Exists) => continue,
                    Err(error) => return Err(error),
                },
            }
            return Ok(imported);
        }
        Err(ManageError::Contended)
    }
}

impl Imported {
    /// How what is wanted differs from what is there. What a person defined stays a person's; what pings made becomes one's by
    /// every edit.
    pub fn between(there: &Wanted, wanted: &Wanted) -> Self {
        let edit = wanted.definition.edit_of(&there.definition, None);
        let is_adopted = there.origin == Origin::Ping && (wanted.origin == Origin::Person || edit.is_some());
        if !is_adopted {
            return edit.map_or(Self::Unchanged, Self::Changed);
        }
        let mut edit = edit.unwrap_or(Edit { by: None, before: Map::new(), after: Map::new() });
        edit.before.insert(DEFINED.to_owned(), Value::Bool(false));
        edit.after.insert(DEFINED.to_owned(), Value::Bool(true));
        Self::Changed(edit)
    }
}
