//! A Telegram chat whose token and number are kept elsewhere, where a person may change them while we run: they are read
//! when they are first needed, kept, and read again when Telegram does not know the token any more.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use heartbeat_core::{
    Channel, ChannelName, Telling,
    delivery::{Outcome, Reason},
};
use tokio::{sync::Mutex, time::timeout};
use tracing::{info, warn};

use super::{Checked, DEFAULT_TIME_OUT, Failure, Telegram, TelegramSettings};
use crate::{Message, channel_name, message, test_alert};

/// What there is to mend, in one line without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Complaint {
    /// A person must mend it.
    #[error("{0}")]
    Setting(String),
    /// It may be well again by itself.
    #[error("{0}")]
    Unavailable(String),
}

/// Where the settings are kept.
#[async_trait]
pub trait Source: Send + Sync {
    /// Reads them. Bounded in time.
    async fn read(&self) -> Result<TelegramSettings, Complaint>;
}

/// Whose channel it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Installation,
    Project,
}

/// One Telegram chat, as its source has it.
pub struct SourcedTelegram {
    name: ChannelName,
    owner: Owner,
    source: Box<dyn Source>,
    /// Held while the source is read: all who need it read it once.
    known: Mutex<Option<Arc<Telegram>>>,
    complaint: RwLock<Option<Complaint>>,
}

impl SourcedTelegram {
    /// A channel to the chat of `source`. Reads nothing yet.
    pub fn new(source: Box<dyn Source>) -> Self {
        Self::named(channel_name("telegram"), Owner::Installation, source)
    }

    /// The same, as a channel of a project, by its name there.
    pub(super) fn of_project(name: ChannelName, source: Box<dyn Source>) -> Self {
        Self::named(name, Owner::Project, source)
    }

    fn named(name: ChannelName, owner: Owner, source: Box<dyn Source>) -> Self {
        Self { name, owner, source, known: Mutex::default(), complaint: RwLock::default() }
    }

    /// Reads the source if that was not done yet.
    pub async fn prepare(&self) -> Result<(), Complaint> {
        self.telegram().await.map(|_| ())
    }

    /// Asks Telegram about what the source has, which is read anew where something was wrong: for those who want to know
    /// before there is an alert.
    pub async fn verify(&self) -> Result<(), Complaint> {
        let telegram = match self.complaint() {
            None => self.telegram().await?,
            Some(_) => self.read(&mut *self.known.lock().await).await?,
        };
        match telegram.check().await {
            Checked::BadChat { reason, .. } | Checked::BadBot { reason } => {
                let complaint = Complaint::Setting(reason.as_str().to_owned());
                self.complain(Some(complaint.clone()));
                Err(complaint)
            }
            // Whether Telegram can be reached is not a matter of settings: what is sent is sent again.
            Checked::Well { .. } | Checked::ChatUnseen { .. } | Checked::Unanswered { .. } => Ok(()),
        }
    }

    /// What was wrong when something was last read or sent; `None` when all was well.
    pub fn complaint(&self) -> Option<Complaint> {
        self.complaint.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn complain(&self, complaint: Option<Complaint>) {
        *self.complaint.write().unwrap_or_else(PoisonError::into_inner) = complaint;
    }

    async fn telegram(&self) -> Result<Arc<Telegram>, Complaint> {
        let mut known = self.known.lock().await;
        match &*known {
            Some(telegram) => Ok(Arc::clone(telegram)),
            None => self.read(&mut known).await,
        }
    }

    /// What the source has now, if it is not `refused`.
    async fn instead_of(&self, refused: &Arc<Telegram>) -> Option<Arc<Telegram>> {
        let mut known = self.known.lock().await;
        if let Some(newer) = known.as_ref().filter(|known| !Arc::ptr_eq(known, refused)) {
            return Some(Arc::clone(newer));
        }
        let read = self.read(&mut known).await.ok()?;
        (!read.is_like(refused)).then_some(read)
    }

    async fn read(&self, known: &mut Option<Arc<Telegram>>) -> Result<Arc<Telegram>, Complaint> {
        let read = self.source.read().await.and_then(|settings| {
            let telegram = Telegram::new(settings).map_err(|error| Complaint::Unavailable(error.to_string()))?;
            Ok(Arc::new(match self.owner {
                Owner::Installation => telegram,
                Owner::Project => telegram.of_project(),
            }))
        });
        self.complain(read.as_ref().err().cloned());
        let read = read?;
        // One that is alike may have followed a group that has moved.
        let kept = known.take().filter(|known| known.is_like(&read)).unwrap_or(read);
        *known = Some(Arc::clone(&kept));
        Ok(kept)
    }

    /// Sends one message.
    pub async fn tell(&self, message: &Message) -> Outcome {
        let outcome = timeout(self.time_out(), self.deliver(message)).await;
        outcome.unwrap_or_else(|_| try_again(&Failure::TimedOut(self.time_out()).to_string()))
    }

    async fn deliver(&self, message: &Message) -> Outcome {
        let telegram = match self.telegram().await {
            Ok(telegram) => telegram,
            Err(complaint) => return try_again(&complaint.to_string()),
        };
        let (told, telegram) = match telegram.try_to_tell(message).await {
            Err(Failure::UnknownToken(code)) => {
                warn!("Telegram does not know the bot token any more: reading it again");
                match self.instead_of(&telegram).await {
                    Some(newer) => {
                        info!("there is another bot token: it is used from now on");
                        (newer.try_to_tell(message).await, newer)
                    }
                    None => (Err(Failure::UnknownToken(code)), telegram),
                }
            }
            told => (told, telegram),
        };
        self.conclude(told, &telegram)
    }

    fn conclude(&self, told: Result<(), Failure>, telegram: &Telegram) -> Outcome {
        let Err(failure) = told else {
            self.complain(None);
            return Outcome::Delivered;
        };
        let reason = telegram.client.reason(&failure);
        let outcome = failure.outcome(reason.clone());
        if let Outcome::Refused { .. } = outcome {
            self.complain(Some(Complaint::Setting(reason.as_str().to_owned())));
        }
        // Whoever mends the token does it elsewhere: what was refused is to go out soon after, not at the slowest pace.
        if let Failure::UnknownToken(_) = failure { Outcome::TryAgain { after: None, reason } } else { outcome }
    }
}

fn try_again(text: &str) -> Outcome {
    Outcome::TryAgain { after: None, reason: Reason::new(text) }
}

impl fmt::Debug for SourcedTelegram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourcedTelegram").field("name", &self.name.as_str()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Channel for SourcedTelegram {
    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn time_out(&self) -> Duration {
        DEFAULT_TIME_OUT
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
