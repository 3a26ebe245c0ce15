//! A webhook: an HTTP request to an address of the project's choice, signed as [Standard Webhooks] has it, with a body of
//! ours or of a template. The same tellings have the same `webhook-id` on every attempt, so that a receiver can tell a
//! repeat.
//!
//! [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

mod body;
mod headers;
mod setting;
mod signature;
mod template;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use heartbeat_core::{
    Channel, ChannelName, Clock, Telling, Timestamp,
    delivery::{Outcome, Reason},
};
use reqwest::{
    Method, StatusCode, Url,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use tokio::time::timeout;
use tracing::{info, warn};

pub(crate) use self::setting::Config;
use self::{
    body::{Event, JSON},
    signature::Key,
};
use crate::{
    http::{self, Answer, Request, wish},
    secrets::{Known, Secrets, unread},
};

/// How long secrets may take to be read, twice, on top of what an exchange takes.
const READING: Duration = Duration::from_secs(5);

/// One address that is told.
pub(crate) struct Webhook {
    name: ChannelName,
    http: http::Client,
    clock: Arc<dyn Clock>,
    method: Method,
    url: Url,
    /// Whose values are the first of `secrets`, in this order.
    header_names: Vec<HeaderName>,
    template: Option<String>,
    content_type: HeaderValue,
    secrets: Secrets,
}

/// What one request carries.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rendered {
    id: String,
    body: Vec<u8>,
    content_type: HeaderValue,
}

/// What one attempt came to.
struct Attempted {
    outcome: Outcome,
    /// Whether other secrets may come to something else.
    is_by_the_secrets: bool,
}

impl Webhook {
    /// What tells `event`: pure, so that every attempt sends the same.
    fn render(&self, event: &Event) -> Rendered {
        let Some(template) = &self.template else { return Rendered::ours(event) };
        match template::render(template, &self.content_type, &event.context()) {
            Ok(body) => Rendered { id: event.id.clone(), body, content_type: self.content_type.clone() },
            // It was tried when it was saved. What it cannot say this time is said in our words rather than not at all.
            Err(problem) => {
                warn!(channel = %self.name, problem, "the template of a webhook fails: our own body is sent instead");
                Rendered::ours(event)
            }
        }
    }

    async fn tell(&self, event: &Event) -> Outcome {
        let told = timeout(self.time_out(), self.deliver(&self.render(event))).await;
        told.unwrap_or_else(|_| Outcome::TryAgain {
            after: None,
            reason: Reason::new("the secrets of the webhook could not be read in time"),
        })
    }

    /// Sends, and reads the secrets again when they are refused, or cannot even be sent.
    async fn deliver(&self, rendered: &Rendered) -> Outcome {
        let known = match self.secrets.get().await {
            Ok(known) => known,
            Err(error) => return unread(&error),
        };
        let attempted = self.attempt(rendered, &known).await;
        if !attempted.is_by_the_secrets {
            return attempted.outcome;
        }
        let Some(newer) = self.secrets.instead_of(&known).await else { return attempted.outcome };
        info!(channel = %self.name, "there are other secrets: they are used from now on");
        self.attempt(rendered, &newer).await.outcome
    }

    async fn attempt(&self, rendered: &Rendered, known: &Known) -> Attempted {
        let try_again = |reason| Outcome::TryAgain { after: None, reason };
        let request = match self.request(rendered, known) {
            Ok(request) => request,
            Err(problem) => {
                return Attempted { outcome: try_again(Reason::new(&problem)), is_by_the_secrets: true };
            }
        };
        match self.http.exchange(&request).await {
            Ok(answer) => Attempted {
                outcome: judge(&answer, self.clock.now()),
                is_by_the_secrets: matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN),
            },
            Err(failure) => Attempted { outcome: try_again(failure.reason()), is_by_the_secrets: false },
        }
    }

    fn request(&self, rendered: &Rendered, known: &Known) -> Result<Request, String> {
        let at = self.clock.now().as_secs();
        let (mut headers, mut private_headers) = (HeaderMap::new(), HeaderMap::new());
        let id = HeaderValue::from_str(&rendered.id).map_err(|_| "the id cannot be sent".to_owned())?;
        headers.insert(header::CONTENT_TYPE, rendered.content_type.clone());
        headers.insert(signature::ID, id.clone());
        headers.insert(signature::IDEMPOTENCY_KEY, id);
        headers.insert(signature::TIMESTAMP, HeaderValue::from(at));
        for (name, value) in self.header_names.iter().zip(known.iter()) {
            private_headers.insert(name.clone(), headers::value(name.as_str(), value)?);
        }
        if let Some(secret) = known.get(self.header_names.len()) {
            let signed = Key::parse(secret)?.sign(&rendered.id, at, &rendered.body);
            let signed = HeaderValue::from_str(&signed).map_err(|_| "the signature cannot be sent".to_owned())?;
            private_headers.insert(signature::SIGNATURE, signed);
        }
        let (method, url) = (self.method.clone(), self.url.clone());
        Ok(Request { method, url, headers, private_headers, body: rendered.body.clone() })
    }
}

impl Rendered {
    /// The body that a webhook without a template has.
    fn ours(event: &Event) -> Self {
        let content_type = HeaderValue::from_static(JSON);
        Self { id: event.id.clone(), body: event.json().to_string().into_bytes(), content_type }
    }
}

/// What an answer comes to.
fn judge(answer: &Answer, now: Timestamp) -> Outcome {
    let status = answer.status;
    let said = status
        .canonical_reason()
        .map_or_else(|| status.as_str().to_owned(), |why| format!("{} {why}", status.as_str()));
    let reason = |text: &str| Reason::new(text).with_status(status.as_u16());
    match status {
        status if status.is_success() => Outcome::Delivered,
        StatusCode::GONE => Outcome::Refused { reason: reason("it answers 410 Gone: there is nobody any more") },
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            let after = answer.retry_after.as_deref().and_then(|text| wish(text, now));
            Outcome::TryAgain { after, reason: reason(&format!("it answers {said}")) }
        }
        status if status.is_redirection() => {
            let text = format!("it answers with a redirect to another address ({}): set that one", status.as_u16());
            Outcome::TryAgain { after: None, reason: reason(&text) }
        }
        _ => Outcome::TryAgain { after: None, reason: reason(&format!("it answers {said}")) },
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("name", &self.name.as_str())
            .field("url", &http::shown(self.url.as_str()))
            .field("secrets", &self.secrets)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Channel for Webhook {
    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn time_out(&self) -> Duration {
        // Refused once and sent again with newer secrets.
        2 * self.http.time_out() + READING
    }

    async fn send(&self, tellings: &[Telling]) -> Outcome {
        match tellings {
            [] => Outcome::Delivered,
            told => self.tell(&Event::of(told)).await,
        }
    }

    async fn test(&self) -> Outcome {
        self.tell(&Event::test(self.clock.now())).await
    }
}
