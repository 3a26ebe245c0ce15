//! The secret of a monitor's ping URL: a UUID that says which monitor is pinged, and that whoever has it may ping it. It is
//! found like a key, by its hash; unlike a key it is readable on its monitor, for those who may change the monitor.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    key::{KeyHash, KeyRecord, Scope},
    monitor::MonitorId,
    time::Timestamp,
};

/// The UUID in a monitor's ping URL. It does not show in `Debug`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PingUuid(Uuid);

impl PingUuid {
    /// A UUID of version 4 from these random bits.
    pub fn from_random(bits: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(bits).into_uuid())
    }

    /// Parses a UUID as people write it: 32 hexadecimal digits in five groups, in upper or lower case.
    pub fn parse(text: &str) -> Option<Self> {
        let is_grouped = text.len() == 36;
        Uuid::try_parse(text).ok().filter(|_| is_grouped).map(Self)
    }

    /// What is stored of it among the keys.
    pub fn hash(self) -> KeyHash {
        KeyHash(Sha256::digest(self.to_string().as_bytes()).into())
    }

    /// The key that it is: it pings its one monitor, and never creates it.
    pub fn key(self, monitor: &MonitorId, now: Timestamp) -> KeyRecord {
        KeyRecord {
            hash: self.hash(),
            project: monitor.project.clone(),
            scopes: vec![Scope::PingUrl],
            monitor: Some(monitor.slug.clone()),
            description: "ping URL".to_owned(),
            created_at: now,
            expires_at: None,
            revoked_at: None,
        }
    }
}

impl fmt::Debug for PingUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PingUuid(…)")
    }
}

/// In lower case and five groups, as it stands in the URL.
impl fmt::Display for PingUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for PingUuid {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| "not a UUID".to_owned())
    }
}

impl From<PingUuid> for String {
    fn from(uuid: PingUuid) -> Self {
        uuid.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_read_in_any_case_and_hides_in_debug() {
        let uuid = PingUuid::from_random([7; 16]);
        let text = uuid.to_string();
        assert_eq!(text, "07070707-0707-4707-8707-070707070707");
        assert_eq!(PingUuid::parse(&text.to_uppercase()).map(PingUuid::hash), Some(uuid.hash()));
        for bad in ["", "07070707070747078707070707070707", "{07070707-0707-4707-8707-070707070707}", "nightly-backup"]
        {
            assert_eq!(PingUuid::parse(bad), None, "{bad}");
        }
        assert!(!format!("{uuid:?}").contains("0707"));
    }
}
