//! One id for everything that a message tells: the same on every attempt, so that a receiver can tell a repeat.

use heartbeat_core::Telling;
use ring::digest::{SHA256, digest};

/// 32 hexadecimal digits: the same for the same tellings, in whatever order.
pub(crate) fn id_of(tellings: &[Telling]) -> String {
    let mut ids: Vec<&str> = tellings.iter().map(|telling| telling.id.as_str()).collect();
    ids.sort_unstable();
    let hash = digest(&SHA256, ids.join("\n").as_bytes());
    let first = hash.as_ref().first_chunk().copied().unwrap_or_default();
    format!("{:032x}", u128::from_be_bytes(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn the_same_tellings_have_the_same_id_in_whatever_order() {
        let (one, two) = (samples::overdue(), samples::recovery());
        let id = id_of(&[one.clone(), two.clone()]);
        assert_eq!(id_of(&[two.clone(), one.clone()]), id);
        assert_ne!(id_of(std::slice::from_ref(&one)), id);
        assert_ne!(id_of(std::slice::from_ref(&one)), id_of(&[two]));
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
}
