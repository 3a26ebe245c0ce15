//! Telegram as a kind of channel: a bot's token, kept where the project says, and a chat.

use std::sync::Arc;

use async_trait::async_trait;
use heartbeat_core::{
    ChannelName,
    channel::{
        definition::ConfigError,
        secret::{Secret, SecretError, SecretReader},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ApiUrl, BotToken, Chat, Complaint, DEFAULT_TIME_OUT, Source, SourcedTelegram, TelegramSettings};
use crate::{
    kinds::{Kind, Means, Opened},
    secrets::{check_value, given},
};

/// How a Telegram channel of a project is set up.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The bot that speaks.
    #[serde(deserialize_with = "given")]
    token: Secret,
    /// The chat that is told.
    chat_id: ChatId,
}

/// A chat, as a person writes it: a text, or the number itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Written", into = "String")]
struct ChatId(String);

#[derive(Deserialize)]
#[serde(untagged, expecting = "this is not a chat: write its number, or @name for a public channel")]
enum Written {
    Number(i64),
    Text(String),
}

impl From<Written> for ChatId {
    fn from(written: Written) -> Self {
        match written {
            Written::Number(number) => Self(number.to_string()),
            Written::Text(text) => Self(text),
        }
    }
}

impl From<ChatId> for String {
    fn from(ChatId(text): ChatId) -> Self {
        text
    }
}

impl Kind for Config {
    const WORD: &'static str = "telegram";

    fn checked(self, _: &Means) -> Result<Self, ConfigError> {
        check_value("token", &self.token, |token| {
            BotToken::parse(token).map(|_| ()).map_err(|error| error.to_string())
        })?;
        self.chat()?;
        Ok(Self { chat_id: ChatId(self.chat_id.0.trim().to_owned()), ..self })
    }

    fn shown(&self) -> Value {
        json!({"token": self.token.shown(), "chat_id": self.chat_id})
    }

    fn open(self, name: ChannelName, means: &Means) -> Opened {
        let chat = self.chat()?;
        let (secrets, api_url) = (Arc::clone(&means.secrets), means.telegram_api.clone());
        let kept = Kept { secrets, token: self.token, chat, api_url };
        Ok(Arc::new(SourcedTelegram::of_project(name, Box::new(kept))))
    }
}

impl Config {
    fn chat(&self) -> Result<Chat, ConfigError> {
        Chat::parse(&self.chat_id.0).map_err(|error| ConfigError::of("chat_id", error.to_string()))
    }
}

/// The settings, with the token where the project keeps it.
struct Kept {
    secrets: Arc<dyn SecretReader>,
    token: Secret,
    chat: Chat,
    api_url: ApiUrl,
}

#[async_trait]
impl Source for Kept {
    async fn read(&self) -> Result<TelegramSettings, Complaint> {
        let token = self.secrets.read(&self.token).await.map_err(|error| match error {
            SecretError::Setting(problem) => Complaint::Setting(problem),
            SecretError::Unavailable(problem) => Complaint::Unavailable(problem),
        })?;
        let token = BotToken::parse(&token).map_err(|error| Complaint::Setting(error.to_string()))?;
        Ok(TelegramSettings {
            token,
            chat: self.chat.clone(),
            api_url: self.api_url.clone(),
            time_out: DEFAULT_TIME_OUT,
        })
    }
}
