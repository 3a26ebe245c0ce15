//! A project's definitions as one document.

use heartbeat_core::{definition::document, key::Scope};
use serde_json::Value;
use utoipa::openapi::{
    Content, RefOr, ResponseBuilder, Schema,
    path::{
        HttpMethod::{Get, Post},
        Parameter,
    },
    schema::{ArrayBuilder, ObjectBuilder, Type},
};

use super::{
    monitors::{GROUP, new_monitor},
    operation::{JSON, Operation, YAML},
    parameters::asked,
    words,
};
use crate::document::view::ImportView;

pub(super) fn operations() -> [Operation; 2] {
    [export(), import()]
}

fn export() -> Operation {
    let document = ResponseBuilder::new().description("The definitions of all monitors that the key may see.");
    let document = document.content(JSON, Content::new(Some(whole())));
    let document = document.content(YAML, Content::new(Some(whole()))).build();
    Operation::new(Get, "/api/v1/export", GROUP, "exportMonitors")
        .does("Writes all definitions as one document.")
        .note("It has nothing secret and nothing passing: no ping URL, no status.")
        .needs(Scope::Read)
        .takes([asked("format", "The format; without it `Accept` says it.", words::one_of(&["json", "yaml"]))])
        .answers_with(200, document)
}

fn import() -> Operation {
    Operation::new(Post, "/api/v1/import", GROUP, "importMonitors")
        .does("Has a document of definitions hold.")
        .note("Nothing is done while anything of the document is wrong. Each monitor has its own result; to send it again is safe.")
        .needs(Scope::Write)
        .takes([
            flag("dry_run", "1: nothing is written, and the answer says what would be."),
            flag("prune", "1: monitors that the document does not name are deleted."),
        ])
        .reads_json_or_yaml(whole())
        .answers::<ImportView>(200, "What became of each monitor, or would.")
}

fn flag(name: &str, about: &str) -> Parameter {
    asked(name, about, words::one_of(&["0", "1", "false", "true"]))
}

/// The document.
fn whole() -> ObjectBuilder {
    let version = ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([Value::from(document::VERSION)]));
    let monitors = ArrayBuilder::new().items(wanted()).max_items(Some(document::MAX_MONITORS));
    let no_more = Some(utoipa::openapi::schema::AdditionalProperties::FreeForm(false));
    let object = ObjectBuilder::new().property("version", version).required("version");
    object.property("monitors", monitors).required("monitors").additional_properties(no_more)
}

/// A definition, and whose it is.
fn wanted() -> RefOr<Schema> {
    let mut schema = new_monitor();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        let defined = ObjectBuilder::new().schema_type(Type::Boolean);
        let about = "`false`: its pings have made it, and may change its schedule.";
        object.properties.insert("defined".to_owned(), defined.description(Some(about)).build().into());
    }
    schema
}
