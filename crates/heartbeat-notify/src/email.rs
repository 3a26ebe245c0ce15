//! E-mail by SMTP. A message goes over TLS or not at all, to an address that was checked, and has the same Message-ID on
//! every attempt, so that a repeat can be recognised. The password is never in what can be read.

mod connection;
mod failure;
mod letter;
mod setting;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use heartbeat_core::{
    Channel, ChannelName, Clock, Telling,
    delivery::{Outcome, Reason},
};
use lettre::{Address, message::Mailbox, transport::smtp::authentication::Credentials};
use tokio::time::timeout;
use tracing::info;

pub(crate) use self::setting::Config;
use self::{
    connection::{Connection, Server},
    failure::{Failure, Step},
    letter::{Mail, plain_domain, render},
};
use crate::{
    secrets::{Known, Secrets, unread},
    test_alert,
};

/// How long one message may take, the reading of the password included: mail servers think before they answer.
const TIME_OUT: Duration = Duration::from_secs(25);
/// How long is waited for a server that has taken the message to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// One recipient who is told.
pub(crate) struct Email {
    name: ChannelName,
    clock: Arc<dyn Clock>,
    server: Server,
    user: Option<String>,
    /// The password, where there is a user.
    secrets: Secrets,
    from: Mailbox,
    to: Mailbox,
    time_out: Duration,
}

impl Email {
    async fn tell(&self, mail: &Mail) -> Outcome {
        let Ok(bytes) = mail.to_bytes(&self.from, &self.to, self.clock.now()) else {
            return Outcome::Refused { reason: Reason::new("the message cannot be written as an e-mail") };
        };
        match timeout(self.time_out, self.deliver(&bytes)).await {
            Ok(Ok(connection)) => {
                // It has been taken: nothing that the server says from here on makes it untold.
                let _ = timeout(GOODBYE, connection.quit()).await;
                Outcome::Delivered
            }
            Ok(Err(outcome)) => outcome,
            Err(_) => Failure::timed_out(self.server.host(), self.time_out).outcome(&[]),
        }
    }

    /// Sends, and reads the password again when it is refused.
    async fn deliver(&self, bytes: &[u8]) -> Result<Connection, Outcome> {
        let known = self.secrets.get().await.map_err(|error| unread(&error))?;
        let failure = match self.attempt(bytes, &known).await {
            Ok(connection) => return Ok(connection),
            Err(failure) => failure,
        };
        let judged = |failure: &Failure, known: &Known| failure.outcome(&self.hidden(known));
        if failure.step() != Step::Authentication {
            return Err(judged(&failure, &known));
        }
        let Some(newer) = self.secrets.instead_of(&known).await else { return Err(judged(&failure, &known)) };
        info!(channel = %self.name, "there is another password: it is used from now on");
        self.attempt(bytes, &newer).await.map_err(|failure| judged(&failure, &newer))
    }

    async fn attempt(&self, bytes: &[u8], known: &Known) -> Result<Connection, Failure> {
        let mut connection = self.server.connect(plain_domain(&self.from)).await?;
        if let (Some(user), Some(password)) = (&self.user, known.first()) {
            connection.authenticate(&Credentials::new(user.clone(), password.clone())).await?;
        }
        connection.send(self.sender(), self.recipient(), bytes).await?;
        Ok(connection)
    }

    /// What no reason may repeat.
    fn hidden(&self, known: &Known) -> Vec<String> {
        let password = known.first().map(String::as_str).unwrap_or_default();
        failure::forms(self.user.as_deref().unwrap_or_default(), password)
    }

    fn sender(&self) -> &Address {
        &self.from.email
    }

    fn recipient(&self) -> &Address {
        &self.to.email
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email")
            .field("name", &self.name.as_str())
            .field("server", &self.server)
            .field("to", &self.to.to_string())
            .field("secrets", &self.secrets)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Channel for Email {
    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn time_out(&self) -> Duration {
        self.time_out + GOODBYE
    }

    async fn send(&self, tellings: &[Telling]) -> Outcome {
        match tellings {
            [] => Outcome::Delivered,
            told => self.tell(&render(told)).await,
        }
    }

    async fn test(&self) -> Outcome {
        let id = format!("test-{}", self.clock.now().as_micros());
        self.tell(&Mail::of(&test_alert(), id)).await
    }
}
