//! API keys: 256 random bits with a prefix and a checksum, so that a malformed key is refused without asking anybody.
//! Only the SHA-256 of a key is ever stored; the key itself is shown once.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{
    slug::{Project, Slug},
    time::Timestamp,
};

/// What every key starts with, so that people and secret scanners recognise one.
pub const PREFIX: &str = "hb_";
const SECRET_DIGITS: usize = 64;
const CHECKSUM_DIGITS: usize = 8;

/// The text is not a key: wrong prefix, length, digits or checksum. (It is never quoted back.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this is not a Heartbeat API key: it starts with hb_ and has {} characters", PREFIX.len() + SECRET_DIGITS + CHECKSUM_DIGITS)]
pub struct MalformedKey;

/// A key in the clear: `hb_`, 64 hexadecimal digits, and their CRC-32 in 8. It does not show in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// A new key from 256 random bits.
    pub fn from_random(bits: [u8; 32]) -> Self {
        let digits = hex(&bits);
        let checksum = crc32fast::hash(digits.as_bytes());
        Self(format!("{PREFIX}{digits}{checksum:08x}"))
    }

    /// Parses a key and checks its checksum, without asking anybody.
    pub fn parse(text: &str) -> Result<Self, MalformedKey> {
        let rest = text.strip_prefix(PREFIX).ok_or(MalformedKey)?;
        let (digits, checksum) = rest.split_at_checked(SECRET_DIGITS).ok_or(MalformedKey)?;
        let plain = rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let sum = u32::from_str_radix(checksum, 16).map_err(|_| MalformedKey)?;
        let sound = plain && checksum.len() == CHECKSUM_DIGITS && sum == crc32fast::hash(digits.as_bytes());
        if sound { Ok(Self(text.to_owned())) } else { Err(MalformedKey) }
    }

    /// The key in the clear, to be shown once to its owner and to nobody else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(hb_…)")
    }
}

/// The SHA-256 of a key: what is stored, and how it is found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl KeyHash {
    /// 64 lowercase hexadecimal digits, as it is stored.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    /// Reads what [`KeyHash::to_hex`] wrote; `None` when it is not that.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The first 12 digits: enough to name a key in a list or a log, useless for signing in.
    pub fn short(self) -> String {
        self.to_hex().chars().take(12).collect()
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHash({}…)", self.short())
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Send pings, and so create monitors.
    Ping,
    /// See monitors.
    Read,
    /// Delete, pause and resume monitors.
    Write,
    /// Everything.
    Admin,
    /// Send pings to one monitor that is there: what a ping URL is.
    PingUrl,
}

impl Scope {
    /// All scopes that a person gives to a key, in order.
    pub const ALL: [Self; 4] = [Self::Ping, Self::Read, Self::Write, Self::Admin];

    /// The word, as the command line and the API use it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
            Self::PingUrl => "ping_url",
        }
    }

    /// Reads a word of [`Scope::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::PingUrl]).find(|scope| scope.as_str() == text)
    }
}

/// A stored key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The SHA-256 of the key.
    pub hash: KeyHash,
    /// Whose monitors it opens.
    pub project: Project,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The only monitor it opens, if it is so limited.
    pub monitor: Option<Slug>,
    /// What it is for, in its owner's words.
    pub description: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working by itself.
    pub expires_at: Option<Timestamp>,
    /// When a person stopped it.
    pub revoked_at: Option<Timestamp>,
}

impl KeyRecord {
    /// Whether it may do what `scope` says.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// Whether it is the secret of a monitor's ping URL, and no key that a person was given.
    pub fn is_ping_url(&self) -> bool {
        self.scopes.contains(&Scope::PingUrl)
    }

    /// Whether it works at `now`: neither revoked nor expired.
    pub fn is_live_at(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none_or(|at| at > now) && self.expires_at.is_none_or(|at| at > now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_reads_back_and_hides_in_debug() {
        let key = ApiKey::from_random([7; 32]);
        assert_eq!(ApiKey::parse(key.reveal()), Ok(key.clone()));
        assert_eq!(key.reveal().len(), 75);
        assert!(!format!("{key:?}").contains("0707"));
        assert_eq!(KeyHash::from_hex(&key.hash().to_hex()), Some(key.hash()));
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_noticed_without_a_read(at in 3usize..75, digit in 0u32..16) {
            let key = ApiKey::from_random([9; 32]);
            let mut text: Vec<char> = key.reveal().chars().collect();
            let digit = char::from_digit(digit, 16).unwrap();
            prop_assume!(text[at] != digit);
            text[at] = digit;
            prop_assert_eq!(ApiKey::parse(&text.into_iter().collect::<String>()), Err(MalformedKey));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = ApiKey::parse(&text);
            let _ = ApiKey::parse(&format!("{PREFIX}{text}"));
            let _ = KeyHash::from_hex(&text);
        }
    }
}
