//! What the Bot API answers. Read leniently: an answer that says `ok` is one, whatever else Telegram has come to put
//! into it, or else a message that has arrived would be sent again and again.

use serde::Deserialize;

/// The envelope of every answer.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: Default + Deserialize<'de>")]
pub(super) struct Answer<T> {
    pub(super) ok: bool,
    #[serde(default)]
    pub(super) result: T,
    pub(super) error_code: Option<u16>,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) parameters: Parameters,
}

/// What a refusal tells a machine.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    pub(super) retry_after: Option<u64>,
    pub(super) migrate_to_chat_id: Option<i64>,
}

/// What we want to know of a bot.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Me {
    username: Option<String>,
    first_name: Option<String>,
}

impl Me {
    /// The bot's name, for people.
    pub(super) fn name(self) -> String {
        let username = self.username.map(|name| format!("@{name}"));
        username.or(self.first_name).unwrap_or_else(|| "a bot without a name".to_owned())
    }
}

/// What we want to know of a chat.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Place {
    title: Option<String>,
    username: Option<String>,
    first_name: Option<String>,
}

impl Place {
    /// The chat's name, for people.
    pub(super) fn name(self) -> String {
        let username = self.username.map(|name| format!("@{name}"));
        self.title.or(username).or(self.first_name).unwrap_or_else(|| "a chat without a name".to_owned())
    }
}
