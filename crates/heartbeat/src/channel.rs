//! The configured channel: Telegram where it is set up; else the terminal, so that news is never silent.

use std::sync::Arc;

use anyhow::bail;
use heartbeat_core::{Channel, delivery::Outcome};
use heartbeat_notify::{Telegram, Terminal, telegram::Checked, test_alert};

use crate::{config::Config, logging, say, variables};

/// The channel of a `serve` that starts. What is wrong with it is said at once, and stops nothing: it may be mended
/// while alerts wait.
pub(crate) fn at_start(config: &Config) -> anyhow::Result<Arc<dyn Channel>> {
    let Some(settings) = config.telegram.clone() else { return Ok(Arc::new(Terminal::default())) };
    let telegram = Arc::new(Telegram::new(settings)?);
    tokio::spawn({
        let telegram = Arc::clone(&telegram);
        async move { report(telegram.check().await) }
    });
    Ok(telegram)
}

fn report(checked: Checked) {
    match checked {
        Checked::Well { bot, chat } => tracing::info!(%bot, %chat, "Telegram knows the bot and the chat"),
        Checked::ChatUnseen { bot, reason } => {
            let reason = reason.as_str();
            tracing::warn!(%bot, reason, "Telegram knows the bot, but not how to look at the chat: `heartbeat test-alert` shows whether it is told");
        }
        Checked::BadChat { bot, reason } => {
            tracing::error!(%bot, reason = reason.as_str(), "the chat of TELEGRAM_CHAT_ID cannot be told: alerts will wait");
        }
        Checked::BadBot { reason } => {
            tracing::error!(reason = reason.as_str(), "Telegram does not answer as it should: alerts will wait");
        }
    }
}

/// `heartbeat test-alert`: sends one message that nobody need heed, and says whether it arrived.
pub(crate) async fn test(config: &Config) -> anyhow::Result<()> {
    logging::start(config);
    let message = test_alert();
    let (outcome, arrived) = match config.telegram.clone() {
        Some(settings) => (Telegram::new(settings)?.tell(&message).await, "Telegram has taken it".to_owned()),
        None => (
            Terminal::default().tell(&message).await,
            format!("it is above; for Telegram, set {} and {}", variables::BOT_TOKEN, variables::CHAT_ID),
        ),
    };
    match outcome {
        Outcome::Delivered => Ok(say(&format!("The test alert has arrived: {arrived}."))?),
        Outcome::TryAgain { reason, .. } => {
            bail!("the test alert did not arrive (a real one would be tried again): {}", reason.as_str())
        }
        Outcome::Refused { reason } => bail!("the test alert did not arrive: {}", reason.as_str()),
    }
}
