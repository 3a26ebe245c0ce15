//! What is answered about badges, and as badges.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    secret::{Of, Secret, States},
    standing::{Standing, Word},
};

/// The addresses of one badge.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = BadgeLinks)]
pub(crate) struct Links {
    pub(crate) svg: String,
    pub(crate) json: String,
    pub(crate) shields: String,
    /// Of two states: up and down.
    pub(crate) svg2: String,
    pub(crate) json2: String,
    pub(crate) shields2: String,
}

impl Links {
    pub(super) fn new(base: &str, secret: &Secret, of: &Of) -> Self {
        let token = secret.token(of);
        let name = match of {
            Of::All => String::new(),
            Of::Monitor(_) | Of::Tag(_) => format!("/{}", in_path(of.label())),
        };
        let link = |states: &str, format: &str| format!("{base}/badge/{token}{states}{name}.{format}");
        Self {
            svg: link("", "svg"),
            json: link("", "json"),
            shields: link("", "shields"),
            svg2: link("-2", "svg"),
            json2: link("-2", "json"),
            shields2: link("-2", "shields"),
        }
    }
}

/// `text` as one segment of a path.
fn in_path(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The addresses of all badges that a key may see.
#[derive(Serialize, ToSchema)]
#[schema(as = Badges)]
pub(crate) struct BadgesView {
    /// Of all monitors of the project.
    pub(super) all: Option<Links>,
    /// By the monitors' slugs.
    pub(super) monitors: BTreeMap<String, Links>,
    /// By tags.
    pub(super) tags: BTreeMap<String, Links>,
}

/// A badge as JSON, as Healthchecks has it.
#[derive(Serialize, ToSchema)]
pub(crate) struct BadgeView {
    status: &'static str,
    total: usize,
    /// How many are late.
    grace: usize,
    down: usize,
}

impl BadgeView {
    pub(super) const fn new(standing: Standing, states: States) -> Self {
        let Standing { total, late, down, .. } = standing;
        Self { status: standing.word(states).as_str(), total, grace: late, down }
    }
}

/// A badge for shields.io's endpoint badge.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShieldView<'a> {
    schema_version: u8,
    label: &'a str,
    message: &'static str,
    color: &'static str,
}

impl<'a> ShieldView<'a> {
    pub(super) const fn new(label: &'a str, word: Word) -> Self {
        Self { schema_version: 1, label, message: word.as_str(), color: word.colour_name() }
    }
}
