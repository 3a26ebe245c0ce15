//! Why a call of the Bot API failed: in words that a person can act on, and as what the delivery policy makes of it.

use std::time::Duration;

use heartbeat_core::delivery::{Outcome, Reason};
use reqwest::StatusCode;
use serde::{Deserialize, de::IntoDeserializer};
use teloxide::{ApiError, types::ChatId};
use thiserror::Error;

use super::answer::Answer;
use crate::http::humane_or_ms;

/// Why a call failed. Each message stands for itself in a [`Reason`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Failure {
    /// Nothing came back in time.
    #[error("Telegram did not answer within {}", humane_or_ms(*.0))]
    TimedOut(Duration),
    /// No answer could be had.
    #[error("{0}")]
    Exchange(String),
    /// An answer, but not one of the Bot API: a gateway's page, half an answer, far too much.
    #[error("the answer (HTTP {0}) is not the Bot API's: if it stays so, check TELEGRAM_API_URL")]
    Garbled(u16),
    /// The Bot API has troubles of its own.
    #[error("Telegram has a fault of its own ({0})")]
    ServerError(u16),
    /// Too many messages.
    #[error("Telegram asks us to slow down")]
    SlowDown(Option<Duration>),
    /// The group has become a supergroup with another id.
    #[error("the group has moved to chat {0} and on from there: set TELEGRAM_CHAT_ID to its new id")]
    Moved(ChatId),
    /// The markup cannot be read.
    #[error("Telegram cannot read the message: {0}")]
    Formatting(String),
    /// The text is too long.
    #[error("Telegram finds the message too long")]
    TooLong,
    /// The token is nobody's: 401, or 404 for one that does not even look like one.
    #[error("Telegram does not know this bot token: check TELEGRAM_BOT_TOKEN (@BotFather shows it)")]
    UnknownToken(u16),
    /// The chat is nobody's.
    #[error("Telegram does not know the chat: check TELEGRAM_CHAT_ID, and add the bot or write to it first")]
    UnknownChat,
    /// The bot is not welcome.
    #[error("the bot was blocked by the user: unblock it, or change TELEGRAM_CHAT_ID")]
    Blocked,
    /// The bot has been removed.
    #[error("the bot was removed from the chat: add it again")]
    Removed,
    /// Everything else that it refuses, in Telegram's words.
    #[error("Telegram refuses ({code}): {description}")]
    Refused {
        /// Its error code.
        code: u16,
        /// Its words.
        description: String,
    },
}

impl Failure {
    /// What the Bot API has said.
    pub(super) fn said<T>(refusal: Answer<T>, status: StatusCode) -> Self {
        let Answer { error_code, description, parameters, .. } = refusal;
        let code = error_code.unwrap_or(status.as_u16());
        if let Some(to) = parameters.migrate_to_chat_id {
            return Self::Moved(ChatId(to));
        }
        if code == 429 || parameters.retry_after.is_some() {
            return Self::SlowDown(parameters.retry_after.map(Duration::from_secs));
        }
        let known: Result<ApiError, serde::de::value::Error> =
            ApiError::deserialize(description.as_str().into_deserializer());
        match known.ok().and_then(|error| Self::known(&error, code)) {
            Some(failure) => failure,
            None if code >= 500 => Self::ServerError(code),
            None if code == 401 || code == 404 => Self::UnknownToken(code),
            None if code == 403 && description.contains("kicked") => Self::Removed,
            None if code == 403 && description.contains("not a member") => Self::Removed,
            None => Self::Refused { code, description },
        }
    }

    /// The errors that teloxide has a name for and we have better words for.
    fn known(error: &ApiError, code: u16) -> Option<Self> {
        if let ApiError::CantParseEntities(why) = error {
            return Some(Self::Formatting(why.clone()));
        }
        [
            (ApiError::MessageIsTooLong, Self::TooLong),
            (ApiError::InvalidToken, Self::UnknownToken(code)),
            (ApiError::ChatNotFound, Self::UnknownChat),
            (ApiError::BotBlocked, Self::Blocked),
            (ApiError::BotKicked, Self::Removed),
            (ApiError::BotKickedFromSupergroup, Self::Removed),
            (ApiError::BotKickedFromChannel, Self::Removed),
        ]
        .into_iter()
        .find_map(|(named, failure)| (named == *error).then_some(failure))
    }

    /// What was answered, as a number, where something was.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::TimedOut(_) | Self::Exchange(_) => None,
            Self::Garbled(code) | Self::ServerError(code) | Self::UnknownToken(code) | Self::Refused { code, .. } => {
                Some(*code)
            }
            Self::SlowDown(_) => Some(429),
            Self::Blocked | Self::Removed => Some(403),
            Self::Moved(_) | Self::Formatting(_) | Self::TooLong | Self::UnknownChat => Some(400),
        }
    }

    /// What the delivery policy makes of it.
    pub(super) fn outcome(&self, reason: Reason) -> Outcome {
        match self {
            Self::SlowDown(after) => Outcome::TryAgain { after: *after, reason },
            Self::TimedOut(_) | Self::Exchange(_) | Self::Garbled(_) | Self::ServerError(_) | Self::Moved(_) => {
                Outcome::TryAgain { after: None, reason }
            }
            Self::Formatting(_)
            | Self::TooLong
            | Self::UnknownToken(_)
            | Self::UnknownChat
            | Self::Blocked
            | Self::Removed
            | Self::Refused { .. } => Outcome::Refused { reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telegram::answer::Parameters;

    fn said(code: u16, description: &str) -> Failure {
        let (description, parameters) = (description.to_owned(), Parameters::default());
        let answer = Answer { ok: false, result: (), error_code: Some(code), description, parameters };
        Failure::said(answer, StatusCode::OK)
    }

    #[test]
    fn what_telegram_says_becomes_what_a_person_can_do() {
        for (code, description, failure) in [
            (401, "Unauthorized", Failure::UnknownToken(401)),
            (404, "Not Found", Failure::UnknownToken(404)),
            (400, "Bad Request: chat not found", Failure::UnknownChat),
            (403, "Forbidden: bot was blocked by the user", Failure::Blocked),
            (403, "Forbidden: bot was kicked from the group chat", Failure::Removed),
            (403, "Forbidden: bot was kicked from the supergroup chat", Failure::Removed),
            (403, "Forbidden: bot is not a member of the channel chat", Failure::Removed),
            (400, "Bad Request: message is too long", Failure::TooLong),
            (429, "Too Many Requests", Failure::SlowDown(None)),
            (502, "Bad Gateway", Failure::ServerError(502)),
            (403, "Forbidden: user is deactivated", refused(403, "Forbidden: user is deactivated")),
            (400, "Bad Request: TOPIC_CLOSED", refused(400, "Bad Request: TOPIC_CLOSED")),
        ] {
            assert_eq!(said(code, description), failure, "{code} {description}");
        }
        assert!(matches!(said(400, "Bad Request: can't parse entities: x"), Failure::Formatting(_)));
    }

    fn refused(code: u16, description: &str) -> Failure {
        Failure::Refused { code, description: description.to_owned() }
    }

    #[test]
    fn every_reason_of_ours_is_kept_whole() {
        let every = [
            Failure::TimedOut(Duration::from_millis(300)),
            Failure::Garbled(502),
            Failure::ServerError(500),
            Failure::SlowDown(None),
            Failure::Moved(ChatId(i64::MIN)),
            Failure::TooLong,
            Failure::UnknownToken(401),
            Failure::UnknownChat,
            Failure::Blocked,
            Failure::Removed,
        ];
        for failure in every {
            assert_eq!(Reason::new(&failure.to_string()).as_str(), failure.to_string());
        }
    }
}
