//! Channels and the wording of messages.
//!
//! The wording is the product: its reader is a person at 3 a.m., on a phone that shows one line. A message is computed
//! once, independent of any provider ([`message()`]), and then converted: to Telegram's HTML ([`html`]) or to plain text
//! ([`plain`]). What a message says depends on its tellings alone: no clock is read, so the same news reads the same.

mod digest;
mod email;
mod excerpt;
pub mod html;
pub mod http;
pub mod kinds;
pub mod message;
mod moment;
pub mod network;
pub mod plain;
mod repeat;
mod secrets;
mod story;
pub mod telegram;
pub mod terminal;
mod test_alert;
mod webhook;
mod wording;

#[cfg(test)]
mod samples;

use heartbeat_core::{ChannelName, Telling};

pub use crate::{
    kinds::AllKinds,
    message::Message,
    telegram::{Telegram, TelegramSettings},
    terminal::Terminal,
    test_alert::test_alert,
};

/// The message that tells `tellings`: its own for one, a digest for more. It fits [`message::LIMIT`].
pub fn message(tellings: &[Telling]) -> Message {
    match tellings {
        [telling] => wording::own(telling),
        several => digest::digest(several),
    }
}

/// The name of a channel that this crate names itself.
#[expect(clippy::expect_used, reason = "called with literals alone, and a test makes every channel")]
fn channel_name(literal: &'static str) -> ChannelName {
    ChannelName::parse(literal).expect("a channel's own name follows the rules of a slug")
}
