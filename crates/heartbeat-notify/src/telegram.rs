//! Telegram. An alert is never lost to a formatting error, a moved group or a server's bad day, and the bot's token is
//! never in what can be read: not in an error, a reason, a log line or `{:?}`.

mod answer;
mod client;
mod failure;
mod setting;

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
use teloxide::{
    payloads::{GetMe, SendMessage},
    types::{LinkPreviewOptions, ParseMode, Recipient},
};
use tracing::warn;

use self::{answer::Me, client::Client, failure::Failure};
pub use self::{
    client::ClientError,
    setting::{ApiUrl, BotToken, Chat, SettingError},
};
use crate::{Message, channel_name, html, message, plain};

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
    /// Where to send: as configured, until Telegram says that the group has moved.
    recipient: Mutex<Recipient>,
    time_out: Duration,
}

/// How a message is dressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dress {
    Html,
    Plain,
    /// Plain, and cut.
    Short,
}

impl Telegram {
    /// A channel to one chat. Connects to nothing yet.
    pub fn new(settings: TelegramSettings) -> Result<Self, ClientError> {
        let TelegramSettings { token, chat, api_url, time_out } = settings;
        let client = Client::new(token, api_url, time_out)?;
        Ok(Self { name: channel_name("telegram"), client, recipient: Mutex::new(chat.into_recipient()), time_out })
    }

    /// Asks Telegram whose token this is, and gives the bot's name: for a start-up that says what is wrong and goes on.
    pub async fn check(&self) -> Result<String, Reason> {
        let get_me = GetMe::new();
        let asked = tokio::time::timeout(self.time_out, self.client.call::<_, Me>(&get_me));
        match asked.await.unwrap_or(Err(Failure::TimedOut(self.time_out))) {
            Ok(me) => Ok(me.name()),
            Err(failure) => Err(self.client.reason(&failure)),
        }
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
            match (&failure, dress) {
                (Failure::Moved(to), _) if moves < MOVES => {
                    moves += 1;
                    self.follow(Recipient::Id(*to));
                }
                (Failure::Formatting(_), Dress::Html) => {
                    let reason = self.client.reason(&failure);
                    warn!(reason = reason.as_str(), "the message is sent again as plain text");
                    dress = Dress::Plain;
                }
                (Failure::TooLong, Dress::Html | Dress::Plain) => {
                    warn!("Telegram finds the message too long: it is sent again, cut");
                    dress = Dress::Short;
                }
                _ => return Err(failure),
            }
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
        warn!(chat_id = %to, "the Telegram group has moved: set TELEGRAM_CHAT_ID to its new id");
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
        let Self { name, client, recipient: _, time_out } = self;
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
        if tellings.is_empty() {
            return Outcome::Delivered;
        }
        let message = message(tellings);
        let delivered = tokio::time::timeout(self.time_out, self.deliver(&message));
        match delivered.await.unwrap_or(Err(Failure::TimedOut(self.time_out))) {
            Ok(()) => Outcome::Delivered,
            Err(failure) => failure.outcome(self.client.reason(&failure)),
        }
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
