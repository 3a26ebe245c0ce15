//! Telegram. An alert is never lost to a formatting error, a moved group or a server's bad day, and the bot's token is
//! never in what can be read: not in an error, a reason, a log line or `{:?}`.

mod answer;
mod client;
mod failure;
mod kind;
mod setting;
mod sourced;

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use heartbeat_core::{
    Channel, ChannelName, Telling,
    delivery::{Outcome, Reason},
};
use serde::{Serialize, de::DeserializeOwned};
use teloxide::{
    payloads::{GetChat, GetMe, SendMessage},
    requests::Payload,
    types::{LinkPreviewOptions, ParseMode, Recipient},
};
use tokio::time::timeout;
use tracing::warn;

pub(crate) use self::kind::Config;
use self::{
    answer::{Me, Place},
    client::{Client, Place as SettingsPlace},
    failure::Failure,
};
pub use self::{
    client::ClientError,
    setting::{ApiUrl, BotToken, Chat, SettingError},
    sourced::{Complaint, Source, SourcedTelegram},
};
use crate::{Message, channel_name, html, message, plain, test_alert};

/// How long a message may take when nothing else is said: a slow phone network's worth, well within a lease.
pub const DEFAULT_TIME_OUT: Duration = Duration::from_secs(10);
/// How often one message follows a group that has moved: a group moves once.
const MOVES: u32 = 2;
/// What is sent of a message that Telegram finds too long, in UTF-16 units: a quarter of what it says it takes.
const SHORT: usize = message::LIMIT / 4;

/// What a Telegram channel needs. Each part was parsed on its own, so that all mistakes can be told at once.
#[derive(Clone, Debug)]
pub struct TelegramSettings {
    /// The bot that speaks.
    pub token: BotToken,
    /// The chat that is told.
    pub chat: Chat,
    /// Where the Bot API is.
    pub api_url: ApiUrl,
    /// The longest that sending one message takes, everything included.
    pub time_out: Duration,
}

/// One Telegram chat that is told.
pub struct Telegram {
    name: ChannelName,
    client: Client,
    configured: Recipient,
    /// Where to send: as configured, until Telegram says that the group has moved.
    recipient: Mutex<Recipient>,
    time_out: Duration,
}

/// What Telegram says of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It knows the bot, and the bot sees the chat.
    Well {
        /// The bot's name.
        bot: String,
        /// The chat's name.
        chat: String,
    },
    /// It knows the bot, and says nothing of the chat: for all we know, messages arrive.
    ChatUnseen {
        /// The bot's name.
        bot: String,
        /// What it said instead.
        reason: Reason,
    },
    /// It knows the bot, and that the bot cannot tell this chat anything until somebody mends it.
    BadChat {
        /// The bot's name.
        bot: String,
        /// What is to be mended.
        reason: Reason,
    },
    /// It does not know the bot.
    BadBot {
        /// What is to be mended.
        reason: Reason,
    },
    /// It cannot be asked just now.
    Unanswered {
        /// Why.
        reason: Reason,
    },
}

/// How a message is dressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dress {
    Html,
    Plain,
    /// Plain, and cut.
    Short,
}

impl Dress {
    /// What to try after markup could not be read.
    fn without_markup(self) -> Option<Self> {
        match self {
            Self::Html => Some(Self::Plain),
            Self::Plain | Self::Short => None,
        }
    }

    /// What to try after the message was too long.
    fn cut(self) -> Option<Self> {
        match self {
            Self::Html | Self::Plain => Some(Self::Short),
            Self::Short => None,
        }
    }
}

impl Telegram {
    /// A channel to one chat. Connects to nothing yet.
    pub fn new(settings: TelegramSettings) -> Result<Self, ClientError> {
        let TelegramSettings { token, chat, api_url, time_out } = settings;
        let client = Client::new(token, api_url, time_out)?;
        let configured = chat.into_recipient();
        Ok(Self {
            name: channel_name("telegram"),
            client,
            recipient: Mutex::new(configured.clone()),
            configured,
            time_out,
        })
    }

    /// The same, set up by a channel of a project: what it complains of is called as it is there.
    fn of_project(self) -> Self {
        Self { client: self.client.at(SettingsPlace::Channel), ..self }
    }

    /// Asks Telegram whose token this is, and whether that bot sees the chat: for a start-up that says what is wrong and
    /// goes on. A group that has moved is followed.
    pub async fn check(&self) -> Checked {
        let bot = match self.ask::<_, Me>(&GetMe::new()).await {
            Ok(me) => me.name(),
            Err(failure) => return self.bot_in_doubt(&failure),
        };
        let failure = match self.ask::<_, Place>(&GetChat::new(self.recipient())).await {
            Ok(chat) => return Checked::Well { bot, chat: chat.name() },
            Err(failure) => failure,
        };
        let reason = self.client.reason(&failure);
        match failure {
            Failure::Moved(to) => {
                self.follow(Recipient::Id(to));
                Checked::Well { bot, chat: to.to_string() }
            }
            Failure::UnknownChat | Failure::Blocked | Failure::Removed | Failure::Refused { .. } => {
                Checked::BadChat { bot, reason }
            }
            // The token was good a moment ago: this is a Bot API that does not know how to look at a chat.
            Failure::UnknownToken(_)
            | Failure::TimedOut(_)
            | Failure::Exchange(_)
            | Failure::Garbled(_)
            | Failure::ServerError(_)
            | Failure::SlowDown(_)
            | Failure::Formatting(_)
            | Failure::TooLong => Checked::ChatUnseen { bot, reason },
        }
    }

    fn bot_in_doubt(&self, failure: &Failure) -> Checked {
        let reason = self.client.reason(failure);
        match failure.outcome(reason) {
            Outcome::Refused { reason } => Checked::BadBot { reason },
            Outcome::TryAgain { reason, .. } => Checked::Unanswered { reason },
            Outcome::Delivered => Checked::Unanswered { reason: Reason::new("no answer") },
        }
    }

    /// Sends one message.
    pub async fn tell(&self, message: &Message) -> Outcome {
        match self.try_to_tell(message).await {
            Ok(()) => Outcome::Delivered,
            Err(failure) => failure.outcome(self.client.reason(&failure)),
        }
    }

    async fn try_to_tell(&self, message: &Message) -> Result<(), Failure> {
        let delivered = timeout(self.time_out, self.deliver(message));
        delivered.await.unwrap_or(Err(Failure::TimedOut(self.time_out)))
    }

    /// Whether it is made from the same settings.
    fn is_like(&self, other: &Self) -> bool {
        self.client.speaks_as(&other.client) && self.configured == other.configured
    }

    async fn ask<P, T>(&self, payload: &P) -> Result<T, Failure>
    where
        P: Payload + Serialize + Sync,
        T: DeserializeOwned + Default,
    {
        let asked = timeout(self.time_out, self.client.call(payload));
        asked.await.unwrap_or(Err(Failure::TimedOut(self.time_out)))
    }

    /// Sends, and does at once what can be done at once about a failure.
    async fn deliver(&self, message: &Message) -> Result<(), Failure> {
        let mut dress = Dress::Html;
        let mut moves = 0;
        loop {
            let failure = match self.attempt(message, dress).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            let again = match &failure {
                Failure::Moved(to) => (moves < MOVES).then(|| {
                    moves += 1;
                    self.follow(Recipient::Id(*to));
                    dress
                }),
                Failure::Formatting(_) => dress.without_markup().inspect(|_| {
                    let reason = self.client.reason(&failure);
                    warn!(reason = reason.as_str(), "the message is sent again as plain text");
                }),
                Failure::TooLong => dress.cut().inspect(|_| {
                    warn!("Telegram finds the message too long: it is sent again, cut");
                }),
                Failure::TimedOut(_)
                | Failure::Exchange(_)
                | Failure::Garbled(_)
                | Failure::ServerError(_)
                | Failure::SlowDown(_)
                | Failure::UnknownToken(_)
                | Failure::UnknownChat
                | Failure::Blocked
                | Failure::Removed
                | Failure::Refused { .. } => None,
            };
            let Some(next) = again else { return Err(failure) };
            dress = next;
        }
    }

    async fn attempt(&self, message: &Message, dress: Dress) -> Result<(), Failure> {
        self.client.call::<_, serde::de::IgnoredAny>(&self.payload(message, dress)).await.map(|_| ())
    }

    fn payload(&self, message: &Message, dress: Dress) -> SendMessage {
        let (text, parse_mode) = match dress {
            Dress::Html => (html::render(message), Some(ParseMode::Html)),
            Dress::Plain => (plain::render(message), None),
            Dress::Short => (cut(&plain::render(message)), None),
        };
        let mut payload = SendMessage::new(self.recipient(), text);
        payload.parse_mode = parse_mode;
        payload.link_preview_options = Some(NO_PREVIEW);
        payload
    }

    fn recipient(&self) -> Recipient {
        self.recipient.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn follow(&self, to: Recipient) {
        warn!(chat_id = %to, "the Telegram group has moved: set the chat to its new id");
        *self.recipient.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }
}

/// A link in what a job printed is nobody's wish to see a page.
const NO_PREVIEW: LinkPreviewOptions = LinkPreviewOptions {
    is_disabled: true,
    url: None,
    prefer_small_media: false,
    prefer_large_media: false,
    show_above_text: false,
};

/// The first [`SHORT`] units of a text, at a character's end.
fn cut(text: &str) -> String {
    let mut units = 0;
    let fits = |c: &char| {
        units += c.len_utf16();
        units < SHORT
    };
    let mut kept: String = text.chars().take_while(fits).collect();
    kept.push('…');
    kept
}

/// Shows where, not by what right: teloxide's and reqwest's own `{:?}` would show the token.
impl fmt::Debug for Telegram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, client, configured: _, recipient: _, time_out } = self;
        f.debug_struct("Telegram")
            .field("name", &name.as_str())
            .field("client", client)
            .field("chat", &self.recipient().to_string())
            .field("time_out", time_out)
            .finish()
    }
}

#[async_trait]
impl Channel for Telegram {
    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn time_out(&self) -> Duration {
        self.time_out
    }

    async fn send(&self, tellings: &[Telling]) -> Outcome {
        match tellings {
            [] => Outcome::Delivered,
            told => self.tell(&message(told)).await,
        }
    }

    async fn test(&self) -> Outcome {
        self.tell(&test_alert()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "123456:secret-part";

    fn telegram() -> Telegram {
        let settings = TelegramSettings {
            token: BotToken::parse(TOKEN).unwrap(),
            chat: Chat::parse("-100123").unwrap(),
            api_url: ApiUrl::default(),
            time_out: DEFAULT_TIME_OUT,
        };
        assert!(!format!("{settings:?}").contains("secret"));
        Telegram::new(settings).unwrap()
    }

    #[test]
    fn its_debug_shows_the_chat_and_not_the_token() {
        insta::assert_snapshot!(format!("{:?}", telegram()), @r#"Telegram { name: "telegram", client: https://api.telegram.org, chat: "-100123", time_out: 10s }"#);
    }

    #[test]
    fn it_is_called_telegram() {
        assert_eq!(telegram().name().as_str(), "telegram");
    }

    #[test]
    fn a_cut_ends_at_a_character_and_within_the_limit() {
        for text in ["🔴".repeat(5_000), "a".repeat(5_000)] {
            assert!((SHORT - 2..=SHORT).contains(&cut(&text).encode_utf16().count()));
        }
    }
}
