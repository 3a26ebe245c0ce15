//! One call of the Bot API. The requests and the errors' vocabulary are teloxide's; the exchange is our own, because
//! teloxide's waits 10 s before it reports a server error, reads an answer of any size into memory, and takes a
//! delivered message for an error when the answer has a field that it does not know. Every error is reduced to words
//! here, for reqwest's have the token in their address.

use std::{fmt, time::Duration};

use heartbeat_core::delivery::Reason;
use reqwest::{Response, StatusCode, header, redirect};
use serde::{Serialize, de::DeserializeOwned};
use teloxide::requests::Payload;

use super::{
    answer::Answer,
    failure::Failure,
    setting::{ApiUrl, BotToken},
};
pub use crate::http::ClientError;
use crate::http::root;

/// The most that is read of an answer. An honest one echoes the message, in at most six bytes a unit, with its entities.
const MAX_ANSWER: usize = 256 * 1_024;
/// A connection that has been idle for longer may have been forgotten on the way.
const IDLE: Duration = Duration::from_secs(30);

/// Where a person finds the settings, for reasons that say what to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the environment or in SSM, by the variables' names.
    Installation,
    /// In a channel of a project.
    Channel,
}

/// Speaks to the Bot API as one bot.
pub(super) struct Client {
    http: reqwest::Client,
    token: BotToken,
    api_url: ApiUrl,
    place: Place,
}

impl Client {
    /// A client that connects in half of the time that a whole message may take; whoever calls it bounds the whole.
    pub(super) fn new(token: BotToken, api_url: ApiUrl, time_out: Duration) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("heartbeat/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(time_out / 2)
            .pool_idle_timeout(IDLE)
            // A proxy out of the environment or a redirect would be shown the token.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| ClientError::new(&error))?;
        Ok(Self { http, token, api_url, place: Place::Installation })
    }

    /// The same, whose settings are at `place`.
    pub(super) fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// Asks one thing of the Bot API.
    pub(super) async fn call<P, T>(&self, payload: &P) -> Result<T, Failure>
    where
        P: Payload + Serialize + Sync,
        T: DeserializeOwned + Default,
    {
        let body = serde_json::to_vec(payload).map_err(|error| Failure::Exchange(error.to_string()))?;
        let request = self.http.post(self.api_url.method(&self.token, P::NAME));
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body);
        let response = request.send().await.map_err(|error| self.exchange_failed(&error))?;
        let status = response.status();
        let bytes = self.read(response).await?;
        interpret(status, &bytes)
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.exchange_failed(&error))? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err(Failure::Garbled(response.status().as_u16()));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn exchange_failed(&self, error: &reqwest::Error) -> Failure {
        let host = self.api_url.host();
        if error.is_connect() {
            Failure::Exchange(format!("cannot reach {host}: {}", root(error)))
        } else {
            Failure::Exchange(format!("the connection to {host} broke: {}", root(error)))
        }
    }

    /// Whether it is the same bot, at the same place, by the same right.
    pub(super) fn speaks_as(&self, other: &Self) -> bool {
        self.token == other.token && self.api_url == other.api_url
    }

    /// Why, for people and logs: whatever else a failure repeats, the token is taken out.
    pub(super) fn reason(&self, failure: &Failure) -> Reason {
        let text = failure.to_string().replace(self.token.expose(), "(token)");
        let text = match self.place {
            Place::Installation => text,
            Place::Channel => of_channel(&text),
        };
        let reason = Reason::new(&text);
        failure.status().map_or_else(|| reason.clone(), |status| reason.clone().with_status(status))
    }
}

/// The same words, with the settings called by their names in a channel.
fn of_channel(text: &str) -> String {
    text.replace("TELEGRAM_BOT_TOKEN", "the channel's token").replace("TELEGRAM_CHAT_ID", "the channel's chat_id")
}

/// What an answer comes to.
fn interpret<T: DeserializeOwned + Default>(status: StatusCode, bytes: &[u8]) -> Result<T, Failure> {
    let garbled = Failure::Garbled(status.as_u16());
    let Ok(answer) = serde_json::from_slice::<Answer<T>>(bytes) else { return Err(garbled) };
    match answer {
        Answer { ok: true, result, .. } if status.is_success() => Ok(result),
        Answer { ok: true, .. } => Err(garbled),
        refusal @ Answer { ok: false, .. } => Err(Failure::said(refusal, status)),
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.api_url.fmt(f)
    }
}
