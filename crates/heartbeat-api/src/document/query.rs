//! What is asked of an export or an import: by the query, and by the headers that name a format.

use axum::http::{HeaderMap, HeaderName, header};
use heartbeat_core::definition::document::Format;

use crate::{
    error::ApiError,
    query::{pairs, set, text, unknown},
};

/// What RFC 9512 calls YAML, and what it was called before.
const YAML: [&str; 4] = ["application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"];

/// Whether an import is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trial {
    /// Nothing is written: it only says what it would do.
    Dry,
    /// It is done.
    Real,
}

/// What becomes of monitors that the document does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unnamed {
    /// They stay.
    Kept,
    /// They are deleted.
    Pruned,
}

/// How an import is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) trial: Trial,
    pub(super) unnamed: Unnamed,
}

/// The query of an import.
pub(super) fn imported(query: Option<&str>) -> Result<Asked, ApiError> {
    let (mut is_dry, mut is_pruned) = (None, None);
    for (name, value) in pairs(query) {
        match name {
            "dry_run" => set("dry_run", &mut is_dry, is_on("dry_run", value)?)?,
            "prune" => set("prune", &mut is_pruned, is_on("prune", value)?)?,
            _ => return Err(unknown("dry_run and prune")),
        }
    }
    let trial = if is_dry == Some(true) { Trial::Dry } else { Trial::Real };
    let unnamed = if is_pruned == Some(true) { Unnamed::Pruned } else { Unnamed::Kept };
    Ok(Asked { trial, unnamed })
}

fn is_on(name: &str, value: &str) -> Result<bool, ApiError> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(ApiError::BadQuery(format!("`{name}` is 1 or 0"))),
    }
}

/// The format that an export is asked for: by its query, or else by `Accept`.
pub(super) fn exported(query: Option<&str>, headers: &HeaderMap) -> Result<Format, ApiError> {
    let mut format = None;
    for (name, value) in pairs(query) {
        match name {
            "format" => set("format", &mut format, named(&text("format", value)?)?)?,
            _ => return Err(unknown("format")),
        }
    }
    let accepted = media_types(headers, &header::ACCEPT).find_map(|accepted| of_media_type(&accepted));
    Ok(format.or(accepted).unwrap_or(Format::Json))
}

fn named(name: &str) -> Result<Format, ApiError> {
    match name {
        "json" => Ok(Format::Json),
        "yaml" => Ok(Format::Yaml),
        _ => Err(ApiError::BadQuery("`format` is json or yaml".to_owned())),
    }
}

/// The format that a body says it has.
pub(super) fn of_body(headers: &HeaderMap) -> Result<Format, ApiError> {
    let said = media_types(headers, &header::CONTENT_TYPE).next();
    said.and_then(|said| of_media_type(&said)).ok_or(ApiError::NoDocument)
}

fn of_media_type(media_type: &str) -> Option<Format> {
    if media_type == "application/json" {
        return Some(Format::Json);
    }
    YAML.contains(&media_type).then_some(Format::Yaml)
}

/// The media types of a header, without their parameters, in lower case.
fn media_types(headers: &HeaderMap, name: &HeaderName) -> impl Iterator<Item = String> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let parts = value.split(',').map(|part| part.split(';').next().unwrap_or_default());
    parts.map(|part| part.trim().to_ascii_lowercase())
}
