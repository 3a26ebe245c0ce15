//! Names of monitors and projects: what a person can type into a crontab and read over the telephone.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most characters that a slug may have.
pub const MAX_LENGTH: usize = 64;

/// The name of a monitor in its project: 1-64 of `a-z 0-9 -`, no leading or trailing hyphen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

/// Why a text is not a slug. Each message says what to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SlugError {
    /// No characters at all.
    #[error("a slug needs at least one character")]
    Empty,
    /// More than [`MAX_LENGTH`] characters.
    #[error("a slug has at most 64 characters, this one has {0}")]
    TooLong(usize),
    /// Something other than `a-z 0-9 -`.
    #[error("a slug has only lowercase letters a-z, digits and hyphens, not {0:?}")]
    BadCharacter(char),
    /// `-` at the start.
    #[error("a slug must not start with a hyphen")]
    LeadingHyphen,
    /// `-` at the end.
    #[error("a slug must not end with a hyphen")]
    TrailingHyphen,
}

impl Slug {
    /// Parses a slug; the error names the first rule that is broken.
    pub fn parse(text: &str) -> Result<Self, SlugError> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(text: &str) -> Result<(), SlugError> {
    if text.is_empty() {
        return Err(SlugError::Empty);
    }
    if let Some(bad) = text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
        return Err(SlugError::BadCharacter(bad));
    }
    if text.len() > MAX_LENGTH {
        return Err(SlugError::TooLong(text.len()));
    }
    if text.starts_with('-') {
        return Err(SlugError::LeadingHyphen);
    }
    if text.ends_with('-') {
        return Err(SlugError::TrailingHyphen);
    }
    Ok(())
}

impl TryFrom<String> for Slug {
    type Error = SlugError;

    fn try_from(text: String) -> Result<Self, SlugError> {
        check(&text)?;
        Ok(Self(text))
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tenant: its monitors, keys and channels are its own. Named by the rules of a [`Slug`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Project(Slug);

impl Project {
    /// The project of an installation that has only one.
    pub const DEFAULT: &'static str = "default";
    /// The operator's own project: in it Heartbeat watches itself, and its channels are the operator's.
    pub const OPERATOR: &'static str = "heartbeat";

    /// The operator's own project.
    pub fn operator() -> Self {
        Self(Slug(Self::OPERATOR.to_owned()))
    }

    /// Whether it is the operator's own.
    pub fn is_operator(&self) -> bool {
        self.as_str() == Self::OPERATOR
    }

    /// Parses a project's name, by the rules of a slug.
    pub fn parse(text: &str) -> Result<Self, SlugError> {
        Slug::parse(text).map(Self)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Default for Project {
    fn default() -> Self {
        Self(Slug(Self::DEFAULT.to_owned()))
    }
}

impl fmt::Display for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_its_own_refusal() {
        for (text, error) in [
            ("", SlugError::Empty),
            ("-a", SlugError::LeadingHyphen),
            ("a-", SlugError::TrailingHyphen),
            ("-", SlugError::LeadingHyphen),
            ("Nightly", SlugError::BadCharacter('N')),
            ("a b", SlugError::BadCharacter(' ')),
            ("a_b", SlugError::BadCharacter('_')),
            ("ü", SlugError::BadCharacter('ü')),
        ] {
            assert_eq!(Slug::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(Slug::parse(&"a".repeat(65)), Err(SlugError::TooLong(65)));
    }

    #[test]
    fn what_the_rules_allow_is_taken() {
        for text in ["a", "0", "nightly-backup", "a--b", &"a".repeat(64)] {
            assert_eq!(Slug::parse(text).unwrap().as_str(), text);
        }
    }
}
