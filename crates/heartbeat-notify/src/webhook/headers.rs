//! Headers of one's own: all but those that belong to the connection or to us.

use reqwest::header::{HeaderName, HeaderValue};

/// What the connection, the body or the receiver's trust depends on.
const OURS: [&str; 13] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The name of a header that a webhook may have.
pub(super) fn name(text: &str) -> Result<HeaderName, String> {
    let name: HeaderName = text.parse().map_err(|_| "this is not the name of a header".to_owned())?;
    match name.as_str() {
        "content-type" => Err("content-type is set by the field content_type".to_owned()),
        ours if OURS.contains(&ours) || ours.starts_with("webhook-") || ours.starts_with("proxy-") => {
            Err(format!("the header {ours} is not yours to set"))
        }
        _ => Ok(name),
    }
}

/// The value of a header. What is wrong with it does not repeat it.
pub(super) fn value(name: &str, text: &str) -> Result<HeaderValue, String> {
    let sendable = text.chars().all(|c| c == '\t' || !c.is_control());
    let value = sendable.then(|| HeaderValue::from_str(text).ok()).flatten();
    let mut value =
        value.ok_or_else(|| format!("the header {name} has a value that cannot be sent: one line of text can"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_connection_depends_on_is_not_for_a_webhook_to_set() {
        for text in
            ["Host", "content-length", "Transfer-Encoding", "webhook-id", "Webhook-Signature", "a b", "", "a\r\nb"]
        {
            assert!(name(text).is_err(), "{text:?}");
        }
        for text in ["Authorization", "x-api-key", "User-Agent"] {
            assert!(name(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn a_value_is_one_line_and_never_shown() {
        for text in ["secret\r\nx: y", "secret\n", "secret\0", "secret\u{7f}"] {
            assert!(!value("x-key", text).unwrap_err().contains("secret"), "{text:?}");
        }
        assert!(!format!("{:?}", value("x-key", "Bearer secret").unwrap()).contains("secret"));
    }
}
