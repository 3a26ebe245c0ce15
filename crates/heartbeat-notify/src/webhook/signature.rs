//! The signature of Standard Webhooks: HMAC-SHA256 over id, time of the attempt and body, by a key that both sides know.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;

/// Names the message, the same on every attempt.
pub(super) const ID: &str = "webhook-id";
/// When the attempt is made, in seconds since the epoch: receivers refuse what is older than five minutes.
pub(super) const TIMESTAMP: &str = "webhook-timestamp";
/// The signature.
pub(super) const SIGNATURE: &str = "webhook-signature";
/// The same as [`ID`], by the name that gateways know.
pub(super) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// How a secret begins.
const PREFIX: &str = "whsec_";
/// How many bytes a key has, by the specification.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What requests are signed with.
pub(super) struct Key(hmac::Key);

impl Key {
    /// Reads `whsec_` and base64. What is wrong with it does not repeat it.
    pub(super) fn parse(secret: &str) -> Result<Self, String> {
        let decoded = secret.trim().strip_prefix(PREFIX).and_then(|base64| STANDARD.decode(base64).ok());
        let key = decoded.filter(|key| KEY_BYTES.contains(&key.len()));
        let key = key.ok_or("the secret of a webhook is whsec_ and 24 to 64 random bytes in base64, as from: echo whsec_$(openssl rand -base64 32)")?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    /// The signature of a body that is sent at `at`.
    pub(super) fn sign(&self, id: &str, at: i64, body: &[u8]) -> String {
        let mut signing = hmac::Context::with_key(&self.0);
        signing.update(format!("{id}.{at}.").as_bytes());
        signing.update(body);
        format!("v1,{}", STANDARD.encode(signing.sign()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_signs_as_the_specification_says() {
        // The example of the specification's reference libraries.
        let key = Key::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_no_key_is_refused_without_repeating_it() {
        for text in [
            "",
            "whsec_",
            "whsec_hunter2",
            "hunter2",
            "whsec_aHVudGVyMg==",
            &format!("whsec_{}", STANDARD.encode([7; 65])),
        ] {
            assert!(!Key::parse(text).unwrap_err().contains("hunter2"), "{text}");
        }
        assert_eq!(format!("{:?}", Key::parse(&format!("whsec_{}", STANDARD.encode([7; 24]))).unwrap()), "Key(hidden)");
    }
}
