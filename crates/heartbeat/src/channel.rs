//! The configured channel: Telegram where it is set up; else the terminal, so that news is never silent.

use std::sync::Arc;

use anyhow::bail;
use async_trait::async_trait;
use heartbeat_core::{
    Channel,
    delivery::Outcome,
    dynamo::{ConnectError, ParameterError, Parameters, Wire},
};
use heartbeat_notify::{
    Telegram, TelegramSettings, Terminal,
    telegram::{BotToken, Chat, Checked, Complaint, DEFAULT_TIME_OUT, Source, SourcedTelegram},
    test_alert,
};

use crate::{
    config::{Alerts, Config, TelegramParameters},
    logging, say, tables,
    variables::{self, BOT_TOKEN_PARAM, CHAT_ID_PARAM},
};

/// The channel of a checker that starts. What is wrong with it is said at once, and stops nothing: it may be mended
/// while alerts wait.
pub(crate) async fn at_start(config: &Config) -> anyhow::Result<Arc<dyn Channel>> {
    match &config.alerts {
        Alerts::Terminal => Ok(Arc::new(Terminal::default())),
        Alerts::Telegram(settings) => {
            let telegram = Arc::new(Telegram::new(settings.clone())?);
            tokio::spawn({
                let telegram = Arc::clone(&telegram);
                async move { report(telegram.check().await) }
            });
            Ok(telegram)
        }
        Alerts::Parameters(parameters) => {
            let source = InSsm::open(parameters, &Wire::default()).await.map_err(|error| tables::refusal(&error))?;
            let telegram = Arc::new(SourcedTelegram::new(Box::new(source)));
            tokio::spawn({
                let (telegram, parameters) = (Arc::clone(&telegram), parameters.clone());
                async move { report_verified(telegram.verify().await, &parameters) }
            });
            Ok(telegram)
        }
    }
}

fn report_verified(verified: Result<(), Complaint>, parameters: &TelegramParameters) {
    match verified {
        Ok(()) => tracing::info!("the settings of Telegram have been read from SSM"),
        Err(complaint) => tracing::error!("{}: alerts will wait", complained(&complaint.to_string(), parameters)),
    }
}

/// Telegram by settings that are read when they are needed, and again when they are refused; none where none are set.
pub(crate) async fn sourced(config: &Config, wire: &Wire) -> Result<Option<SourcedTelegram>, ConnectError> {
    let source: Box<dyn Source> = match &config.alerts {
        Alerts::Terminal => return Ok(None),
        Alerts::Telegram(settings) => Box::new(Here(settings.clone())),
        Alerts::Parameters(parameters) => Box::new(InSsm::open(parameters, wire).await?),
    };
    Ok(Some(SourcedTelegram::new(source)))
}

/// A complaint about the settings, with where they are.
pub(crate) fn say_where(config: &Config, complaint: &str) -> String {
    match &config.alerts {
        Alerts::Parameters(parameters) => complained(complaint, parameters),
        Alerts::Telegram(_) | Alerts::Terminal => complaint.to_owned(),
    }
}

fn complained(complaint: &str, TelegramParameters { token, chat, .. }: &TelegramParameters) -> String {
    format!("{complaint} ({BOT_TOKEN_PARAM} names the SSM parameter {token}, {CHAT_ID_PARAM} {chat})")
}

/// Settings of the environment: they are what they are.
struct Here(TelegramSettings);

#[async_trait]
impl Source for Here {
    async fn read(&self) -> Result<TelegramSettings, Complaint> {
        Ok(self.0.clone())
    }
}

/// Settings that are kept in SSM.
struct InSsm {
    ssm: Parameters,
    parameters: TelegramParameters,
}

impl InSsm {
    async fn open(parameters: &TelegramParameters, wire: &Wire) -> Result<Self, ConnectError> {
        Ok(Self { ssm: Parameters::open(wire).await?, parameters: parameters.clone() })
    }
}

#[async_trait]
impl Source for InSsm {
    async fn read(&self) -> Result<TelegramSettings, Complaint> {
        let TelegramParameters { token, chat, api_url } = &self.parameters;
        let values = self.ssm.read([token.as_str(), chat.as_str()]).await;
        let [token, chat] = values.map_err(|error| match error {
            ParameterError::Missing(_) | ParameterError::Refused(_) => Complaint::Setting(error.to_string()),
            ParameterError::Unavailable(text) => Complaint::Unavailable(text),
        })?;
        Ok(TelegramSettings {
            token: BotToken::parse(&token).map_err(|error| Complaint::Setting(error.to_string()))?,
            chat: Chat::parse(&chat).map_err(|error| Complaint::Setting(error.to_string()))?,
            api_url: api_url.clone(),
            time_out: DEFAULT_TIME_OUT,
        })
    }
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
        Checked::BadBot { reason } | Checked::Unanswered { reason } => {
            tracing::error!(reason = reason.as_str(), "Telegram does not answer as it should: alerts will wait");
        }
    }
}

/// `heartbeat test-alert`: sends one message that nobody need heed, and says whether it arrived.
pub(crate) async fn test(config: &Config) -> anyhow::Result<()> {
    logging::start(config);
    let message = test_alert();
    let telegram = sourced(config, &Wire::default()).await.map_err(|error| tables::refusal(&error))?;
    let (outcome, arrived) = match telegram {
        Some(telegram) => (telegram.tell(&message).await, "Telegram has taken it".to_owned()),
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
