//! What people call a monitor and say of it, and who did something to it. None of it decides anything.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{key::KeyRecord, time::Timestamp};

/// The most characters of a name.
pub const MAX_NAME: usize = 100;
/// The most characters of a description. It is stored with the monitor, and every ping pays for what is.
pub const MAX_DESCRIPTION: usize = 500;
/// The most characters of a tag.
pub const MAX_TAG: usize = 32;
/// The most tags of a monitor.
pub const MAX_TAGS: usize = 10;
/// The most characters of a key's description that stay with what it did.
const MAX_ACTOR: usize = 40;

/// Why a text is not what it should be. Each message says what to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AboutError {
    /// A name that is too long.
    #[error("a name has at most {MAX_NAME} characters, this one has {0}")]
    LongName(usize),
    /// A description that is too long.
    #[error("a description has at most {MAX_DESCRIPTION} characters, this one has {0}")]
    LongDescription(usize),
    /// A control character.
    #[error("a {0} has no control characters")]
    Control(&'static str),
    /// A tag that is none.
    #[error("a tag has 1 to {MAX_TAG} characters, and neither blanks nor commas")]
    BadTag,
    /// Too many tags.
    #[error("a monitor has at most {MAX_TAGS} tags, these are {0}")]
    ManyTags(usize),
}

/// One word about a monitor, to find and group it by: 1-32 characters without blanks, commas and control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

impl Tag {
    /// Parses a tag.
    pub fn parse(text: &str) -> Result<Self, AboutError> {
        let allowed = |c: char| !c.is_whitespace() && !c.is_control() && c != ',';
        let fits = (1..=MAX_TAG).contains(&text.chars().count()) && text.chars().all(allowed);
        if fits { Ok(Self(text.to_owned())) } else { Err(AboutError::BadTag) }
    }

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Tag {
    type Error = AboutError;

    fn try_from(text: String) -> Result<Self, AboutError> {
        Self::parse(&text)
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What people say of a monitor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What they call it, where its slug does not say enough; never empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it is for and what to do when it fails; never empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Words to find and group it by.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<Tag>,
}

impl About {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Checks a name; blanks around it go, and an empty one is none.
pub fn name(text: &str) -> Result<Option<String>, AboutError> {
    let text = text.trim();
    match text.chars().count() {
        0 => Ok(None),
        many if many > MAX_NAME => Err(AboutError::LongName(many)),
        _ if text.chars().any(char::is_control) => Err(AboutError::Control("name")),
        _ => Ok(Some(text.to_owned())),
    }
}

/// Checks a description; it may have several lines, and an empty one is none.
pub fn description(text: &str) -> Result<Option<String>, AboutError> {
    let text = text.trim();
    let is_bad = |c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\r');
    match text.chars().count() {
        0 => Ok(None),
        many if many > MAX_DESCRIPTION => Err(AboutError::LongDescription(many)),
        _ if text.chars().any(is_bad) => Err(AboutError::Control("description")),
        _ => Ok(Some(text.to_owned())),
    }
}

/// Checks tags; the same one twice is one.
pub fn tags<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<BTreeSet<Tag>, AboutError> {
    let tags: BTreeSet<Tag> = texts.into_iter().map(Tag::parse).collect::<Result<_, _>>()?;
    if tags.len() > MAX_TAGS { Err(AboutError::ManyTags(tags.len())) } else { Ok(tags) }
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The first digits of the hash of the key they came with; `None` where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What the key is for, or how else they came.
    pub name: String,
}

impl Actor {
    /// Who comes with this key.
    pub fn of_key(key: &KeyRecord) -> Self {
        Self { key: Some(key.hash.short()), name: key.description.chars().take(MAX_ACTOR).collect() }
    }

    /// Who works on the machine itself.
    pub fn command_line() -> Self {
        Self { key: None, name: "command line".to_owned() }
    }
}

/// That somebody did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_or_unreadable_is_refused_and_what_is_empty_is_none() {
        assert_eq!(name("  "), Ok(None));
        assert_eq!(name(" Nightly "), Ok(Some("Nightly".to_owned())));
        assert_eq!(name(&"ü".repeat(101)), Err(AboutError::LongName(101)));
        assert_eq!(name("a\nb"), Err(AboutError::Control("name")));
        assert_eq!(description("a\nb"), Ok(Some("a\nb".to_owned())));
        assert_eq!(description("a\0b"), Err(AboutError::Control("description")));
        assert_eq!(tags(["a", "b", "a"]).map(|tags| tags.len()), Ok(2));
        for bad in ["", "a b", "a,b", "a\u{7}", &"t".repeat(33)] {
            assert_eq!(Tag::parse(bad), Err(AboutError::BadTag), "{bad:?}");
        }
        let many: Vec<String> = (0..11).map(|n| n.to_string()).collect();
        assert_eq!(tags(many.iter().map(String::as_str)), Err(AboutError::ManyTags(11)));
    }
}
