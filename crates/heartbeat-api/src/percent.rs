//! Percent-decoding, strict: what is not percent-encoded UTF-8 is nothing.

use std::borrow::Cow;

use axum::http::Uri;

use crate::error::ApiError;

/// What `+` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plus {
    /// Itself, as in a path.
    Plus,
    /// A space, as in a query.
    Space,
}

/// Decodes `text`; `None` when it is not percent-encoded UTF-8. Allocates only where there is something to decode.
pub(crate) fn decode(text: &str, plus: Plus) -> Option<Cow<'_, str>> {
    let encoded = |b: u8| b == b'%' || (b == b'+' && plus == Plus::Space);
    if !text.bytes().any(encoded) {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => digit(bytes.next()?)? << 4 | digit(bytes.next()?)?,
            b'+' if plus == Plus::Space => b' ',
            other => other,
        });
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

/// The `n`-th segment of a path, decoded; the first, before the leading slash, is empty.
pub(crate) fn segment(uri: &Uri, n: usize) -> Result<Cow<'_, str>, ApiError> {
    decode(uri.path().split('/').nth(n).unwrap_or_default(), Plus::Plus).ok_or(ApiError::BadPath)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_and_what_is_broken_is_nothing() {
        assert_eq!(decode("2h+30m", Plus::Space).as_deref(), Some("2h 30m"));
        assert_eq!(decode("a+b", Plus::Plus).as_deref(), Some("a+b"));
        assert_eq!(decode("%C3%bc%2F", Plus::Plus).as_deref(), Some("ü/"));
        for broken in ["%", "%2", "%zz", "%FF", "%+1"] {
            assert_eq!(decode(broken, Plus::Plus), None, "{broken}");
        }
    }
}
