//! Their slugs as ours. Theirs have 100 characters and underscores; ours have 64 and none.

use std::fmt::Write;

use heartbeat_core::slug::{MAX_LENGTH, Slug, SlugError};
use ring::digest;

/// How many characters of a slug that is too long are kept; the rest tells it apart from others that begin alike.
const KEPT: usize = MAX_LENGTH - 9;

/// Their slug, or the name of a check, as our slug: in lower case, everything else but letters and digits a hyphen, none of
/// them doubled or at an end. Of one that is too long the beginning is kept, and a fingerprint of the whole.
pub(super) fn slug_of(text: &str) -> Result<Slug, SlugError> {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    match slug.get(..KEPT) {
        Some(kept) if slug.len() > MAX_LENGTH => {
            let fingerprint: String = sha1(text).chars().take(8).collect();
            Slug::parse(&format!("{}-{fingerprint}", kept.trim_end_matches('-')))
        }
        Some(_) | None => Slug::parse(slug),
    }
}

/// The SHA-1 of a text in hexadecimal digits: a name, not a secret.
pub(super) fn sha1(text: &str) -> String {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    digest.as_ref().iter().fold(String::with_capacity(40), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn their_slugs_become_ours() {
        for (theirs, ours) in [
            ("db-backup", "db-backup"),
            ("db_backup", "db-backup"),
            ("DB Backup", "db-backup"),
            ("__a__b--", "a-b"),
            ("Säge 2", "s-ge-2"),
        ] {
            assert_eq!(slug_of(theirs).unwrap().as_str(), ours, "{theirs}");
        }
        assert_eq!(slug_of("___"), Err(SlugError::Empty));
    }

    #[test]
    fn long_slugs_that_begin_alike_stay_apart() {
        let (first, second) = (format!("{}1", "a".repeat(99)), format!("{}2", "a".repeat(99)));
        let (first, second) = (slug_of(&first).unwrap(), slug_of(&second).unwrap());
        assert_ne!(first, second);
        assert_eq!((first.as_str().len(), second.as_str().len()), (MAX_LENGTH, MAX_LENGTH));
        assert_eq!(slug_of(&"a".repeat(64)).unwrap().as_str().len(), 64);
    }

    #[test]
    fn sha1_is_the_one_that_everybody_has() {
        assert_eq!(sha1("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
