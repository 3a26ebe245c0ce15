//! Schemas of the small things that many bodies and parameters share.

use heartbeat_core::Shown;
use serde_json::Value;
use utoipa::openapi::{
    Object, OneOfBuilder, Schema,
    schema::{ObjectBuilder, Type},
};

use crate::query::ListQuery;

/// Any text.
pub(crate) fn text() -> Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

/// A text of these characters.
pub(super) fn pattern(pattern: &str, most: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).min_length(Some(1)).max_length(Some(most))
}

/// A slug, or another name by the same rules.
pub(super) fn slug() -> Object {
    pattern("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", heartbeat_core::slug::MAX_LENGTH)
        .examples([Value::from("nightly-backup")])
        .build()
}

/// One of these words.
pub(super) fn one_of(words: &[&str]) -> Object {
    let values = words.iter().map(|word| Value::from(*word));
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values)).build()
}

/// How a monitor is.
pub(crate) fn status() -> Object {
    one_of(&ListQuery::STATUSES.map(Shown::as_str))
}

/// A number within these bounds.
pub(super) fn number(least: usize, most: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(Some(most))
}

/// A length of time: `5m`, or seconds.
pub(crate) fn length() -> Schema {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    let text = ObjectBuilder::new().schema_type(Type::String).examples([Value::from("5m")]);
    OneOfBuilder::new().item(text).item(seconds).build().into()
}

/// The same, or `null`.
pub(crate) fn length_or_null() -> Schema {
    let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    let text = ObjectBuilder::new().schema_type(Type::String).examples([Value::from("5m")]);
    let null = ObjectBuilder::new().schema_type(Type::Null);
    OneOfBuilder::new().item(text).item(seconds).item(null).build().into()
}
