//! What a person configures of Telegram, parsed at the door. Each mistake says what to do, and none repeats a secret.

use std::fmt;

use reqwest::Url;
use teloxide::types::{ChatId, Recipient};
use thiserror::Error;

/// Where Telegram itself answers.
const PUBLIC_API: &str = "https://api.telegram.org";

/// Why a setting is not one. Each message says what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingError {
    /// Not a bot token. The text is not repeated: it may be most of one.
    #[error("the bot token must look like 123456789:AAF-letters_and_digits: copy it from @BotFather, whole")]
    Token,
    /// Not a chat.
    #[error(
        "{0:?} is not a chat: write its number, such as 123456789 for a person or -1001234567890 for a group, or @name \
         for a public channel"
    )]
    Chat(String),
    /// Not an address.
    #[error("the Bot API address must look like https://api.telegram.org, without a question mark: {0}")]
    ApiUrl(&'static str),
}

/// The secret by which a bot speaks. Shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct BotToken(String);

impl BotToken {
    /// Parses `number:secret`, as `@BotFather` gives it; white space around it is a copying accident.
    pub fn parse(text: &str) -> Result<Self, SettingError> {
        let text = text.trim();
        let secret = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        let fits = text.split_once(':').is_some_and(|(id, key)| number(id) && secret(key));
        fits.then(|| Self(text.to_owned())).ok_or(SettingError::Token)
    }

    /// The secret itself, for the one place that sends it.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BotToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BotToken(hidden)")
    }
}

/// A chat: by number, or by the public name of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat(Recipient);

impl Chat {
    /// Parses a number (negative for a group) or `@name`.
    pub fn parse(text: &str) -> Result<Self, SettingError> {
        let text = text.trim();
        let recipient = match text.strip_prefix('@') {
            Some(name) => is_public_name(name).then(|| Recipient::ChannelUsername(text.to_owned())),
            None => text.parse().ok().filter(|id| *id != 0).map(|id| Recipient::Id(ChatId(id))),
        };
        recipient.map(Self).ok_or_else(|| SettingError::Chat(text.chars().take(40).collect()))
    }

    pub(super) fn into_recipient(self) -> Recipient {
        self.0
    }
}

/// Telegram's rule for public names: up to 32 of `A-Z a-z 0-9 _`, a letter first.
fn is_public_name(name: &str) -> bool {
    let allowed = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    allowed && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.len() <= 32
}

/// Where the Bot API is: Telegram's own by default, or a Bot API server of one's own.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiUrl(Url);

impl ApiUrl {
    /// Parses an `http` or `https` address; a path is kept.
    pub fn parse(text: &str) -> Result<Self, SettingError> {
        let url = Url::parse(text.trim()).map_err(|_| SettingError::ApiUrl("this is not an address"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SettingError::ApiUrl("this is neither https nor http"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(SettingError::ApiUrl("this has a query or a fragment"));
        }
        Ok(Self(url))
    }

    /// The address of a method of a bot. It holds the token.
    pub(super) fn method(&self, token: &BotToken, method: &str) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(&format!("bot{}", token.expose())).push(method);
        }
        url
    }

    /// The host, for people.
    pub(super) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl Default for ApiUrl {
    #[expect(clippy::expect_used, reason = "the literal is an address, as every test that makes a channel shows")]
    fn default() -> Self {
        Self(Url::parse(PUBLIC_API).expect("the public address is an address"))
    }
}

/// Only scheme, host and port: an address may carry a password.
impl fmt::Debug for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_taken_and_an_accident_of_copying_forgiven() {
        assert_eq!(BotToken::parse(" 123:Ab-_9\n").unwrap().expose(), "123:Ab-_9");
        for text in ["", "123", ":abc", "123:", "bot123:abc", "123:a/b", "123:a b", "123:ü", "123:abc:def"] {
            assert_eq!(BotToken::parse(text), Err(SettingError::Token), "{text:?}");
        }
        assert_eq!(format!("{:?}", BotToken::parse("123:abc").unwrap()), "BotToken(hidden)");
    }

    #[test]
    fn a_chat_is_a_number_or_a_public_name() {
        for (text, shown) in [("42", "42"), ("-1001234567890", "-1001234567890"), (" @alerts_ops ", "@alerts_ops")] {
            assert_eq!(Chat::parse(text).unwrap().into_recipient().to_string(), shown);
        }
        for text in ["", "0", "alerts", "@", "@1st", "@a-b", "https://t.me/alerts", "99999999999999999999", "@a b"] {
            assert_eq!(Chat::parse(text), Err(SettingError::Chat(text.to_owned())), "{text:?}");
        }
    }

    #[test]
    fn an_address_keeps_its_path_and_its_debug_keeps_its_password() {
        let token = BotToken::parse("1:a").unwrap();
        for (text, method) in [
            ("https://api.telegram.org", "https://api.telegram.org/bot1:a/GetMe"),
            ("http://127.0.0.1:8081/", "http://127.0.0.1:8081/bot1:a/GetMe"),
            ("https://proxy.example/telegram/", "https://proxy.example/telegram/bot1:a/GetMe"),
        ] {
            assert_eq!(ApiUrl::parse(text).unwrap().method(&token, "GetMe").as_str(), method);
        }
        let secret = ApiUrl::parse("https://me:password@proxy.example:8443/hidden").unwrap();
        assert_eq!(format!("{secret:?}"), "https://proxy.example:8443");
        for text in ["", "api.telegram.org", "ftp://a", "https://a?b", "https://a#b", "mailto:a@b"] {
            assert!(matches!(ApiUrl::parse(text), Err(SettingError::ApiUrl(_))), "{text:?}");
        }
    }

    #[test]
    fn mistakes_say_what_to_do() {
        insta::assert_snapshot!(
            [SettingError::Token, SettingError::Chat("alerts".to_owned()), ApiUrl::parse("x").unwrap_err()]
                .map(|error| error.to_string())
                .join("\n"),
            @r#"
            the bot token must look like 123456789:AAF-letters_and_digits: copy it from @BotFather, whole
            "alerts" is not a chat: write its number, such as 123456789 for a person or -1001234567890 for a group, or @name for a public channel
            the Bot API address must look like https://api.telegram.org, without a question mark: this is not an address
            "#
        );
    }
}
