//! Whom alerts reach: the terminal, or Telegram with a token and a chat that are here or kept elsewhere.

use heartbeat_notify::{
    TelegramSettings,
    telegram::{ApiUrl, BotToken, Chat, DEFAULT_TIME_OUT},
};

use super::Reader;
use crate::variables as name;

/// Whom alerts reach.
#[derive(Clone, Debug)]
pub(crate) enum Alerts {
    /// Who looks at the terminal.
    Terminal,
    /// Telegram.
    Telegram(TelegramSettings),
    /// Telegram, by settings that are kept in SSM.
    Parameters(TelegramParameters),
}

/// Where in SSM the settings of Telegram are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TelegramParameters {
    /// The name of the bot token's parameter.
    pub(crate) token: String,
    /// The name of the chat's parameter.
    pub(crate) chat: String,
    /// Where the Bot API is.
    pub(crate) api_url: ApiUrl,
}

pub(super) fn read(reader: &mut Reader<'_>, api_url: &ApiUrl) -> Alerts {
    let api_url = api_url.clone();
    let here = both(reader, name::BOT_TOKEN, name::CHAT_ID);
    let elsewhere = both(reader, name::BOT_TOKEN_PARAM, name::CHAT_ID_PARAM);
    let token = reader.parse(name::BOT_TOKEN, BotToken::parse);
    let chat = reader.parse(name::CHAT_ID, Chat::parse);
    match (here, elsewhere) {
        (Some(_), Some(_)) => {
            let text = format!("{} is set as well: leave one of them out, with its chat", name::BOT_TOKEN);
            reader.complain(name::BOT_TOKEN_PARAM, &text);
            Alerts::Terminal
        }
        (None, Some((token, chat))) => Alerts::Parameters(TelegramParameters { token, chat, api_url }),
        (Some(_) | None, None) => match (token, chat) {
            (Some(token), Some(chat)) => {
                Alerts::Telegram(TelegramSettings { token, chat, api_url, time_out: DEFAULT_TIME_OUT })
            }
            (Some(_) | None, None) | (None, Some(_)) => Alerts::Terminal,
        },
    }
}

/// Two that are nothing without each other.
fn both(reader: &mut Reader<'_>, one: &str, other: &str) -> Option<(String, String)> {
    match (reader.text(one), reader.text(other)) {
        (Some(first), Some(second)) => Some((first, second)),
        (None, None) => None,
        (Some(_), None) => {
            reader.complain(other, &format!("it is missing, and {one} alone does nothing"));
            None
        }
        (None, Some(_)) => {
            reader.complain(one, &format!("it is missing, and {other} alone does nothing"));
            None
        }
    }
}
