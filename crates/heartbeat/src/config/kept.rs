//! Where everything is kept: which store a process uses, and what its tables are called.

use std::path::PathBuf;

use heartbeat_core::dynamo::{
    TableNames,
    tables::{self, Role},
};

use super::{Program, Reader};
use crate::variables as name;

/// The shortest name that a table may have, and the longest, an ARN. (AWS: Supported data types and naming rules.)
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 3..=1_024;

/// Where everything is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// In one SQLite file.
    InFile(PathBuf),
    /// In tables on DynamoDB.
    InTables,
}

/// What `HEARTBEAT_STORE` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Sqlite,
    Dynamo,
}

fn wanted(text: &str) -> Result<Wanted, String> {
    match text {
        "sqlite" => Ok(Wanted::Sqlite),
        "dynamodb" => Ok(Wanted::Dynamo),
        other => Err(format!("it is sqlite or dynamodb, not {other:?}")),
    }
}

/// Where `program` keeps everything. `file` is what the command line says, which comes before the environment.
pub(super) fn read(reader: &mut Reader<'_>, program: Program, file: Option<PathBuf>) -> Kept {
    let said = reader.text(name::STORE).is_some();
    let wanted = reader.parse(name::STORE, wanted);
    if let (Program::Api | Program::Checker, Some(Wanted::Sqlite)) = (program, wanted) {
        let program = program.name();
        reader.complain(name::STORE, &format!("{program} works on DynamoDB; for one file, run `heartbeat serve`"));
    }
    match (program, wanted, file) {
        (Program::Api | Program::Checker, _, _) | (Program::Heartbeat, Some(Wanted::Dynamo), None) => Kept::InTables,
        (Program::Heartbeat, Some(Wanted::Dynamo), Some(_)) => {
            reader.complain(
                "--db",
                &format!("{}=dynamodb keeps everything in tables: leave one of them out", name::STORE),
            );
            Kept::InTables
        }
        (Program::Heartbeat, None, None) if !said => by_what_is_named(reader),
        (Program::Heartbeat, None | Some(Wanted::Sqlite), file) => in_file(reader, file),
    }
}

/// Nobody has said it: it follows from what is named, so that the first command works without any setting.
fn by_what_is_named(reader: &mut Reader<'_>) -> Kept {
    let mut variables = tables::ALL.iter().flat_map(|table| table.variables);
    let Some(table) = variables.find(|variable| reader.text(variable).is_some()) else { return in_file(reader, None) };
    if reader.text(name::DATABASE).is_some() {
        let text = format!("{} names a file and {table} a table: say sqlite or dynamodb", name::DATABASE);
        reader.complain(name::STORE, &text);
    }
    Kept::InTables
}

fn in_file(reader: &Reader<'_>, file: Option<PathBuf>) -> Kept {
    let named = || reader.text(name::DATABASE).unwrap_or_else(|| "heartbeat.db".to_owned()).into();
    Kept::InFile(file.unwrap_or_else(named))
}

/// What the tables are called: the first variable that is set counts.
pub(super) fn table_names(reader: &mut Reader<'_>) -> TableNames {
    let mut named: Vec<(Role, String, &str)> = Vec::new();
    for table in &tables::ALL {
        let usual = table.variables.first().copied().unwrap_or_default();
        let variable =
            table.variables.iter().copied().find(|variable| reader.text(variable).is_some()).unwrap_or(usual);
        let name = reader.parse(variable, table_name).unwrap_or_else(|| table.name.to_owned());
        if let Some((_, _, other)) = named.iter().find(|(_, there, _)| *there == name) {
            reader.complain(variable, &format!("{other} names the same table, {name}: each needs one of its own"));
        }
        named.push((table.role, name, variable));
    }
    TableNames::named(|table| {
        let named = named.iter().find(|(role, _, _)| *role == table.role);
        named.map_or_else(|| table.name.to_owned(), |(_, name, _)| name.clone())
    })
}

fn table_name(text: &str) -> Result<String, String> {
    let fits = |character: char| character.is_ascii_alphanumeric() || "_-.:/".contains(character);
    if NAME_LENGTH.contains(&text.len()) && text.chars().all(fits) {
        return Ok(text.to_owned());
    }
    Err(format!("{text:?} cannot be the name of a table: it has at least 3 of a-z A-Z 0-9 _ - ."))
}
