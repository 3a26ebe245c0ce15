//! Why an e-mail was not taken: in words that a person can act on, and as what the delivery policy makes of it. What a
//! server replies is not trusted: it is bounded, freed of control characters, and of the password if it echoes that.

use std::{error::Error, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use heartbeat_core::delivery::{Outcome, Reason};
use lettre::transport::smtp;

use crate::{http::humane_or_ms, network::Unreachable};

/// The most characters of a reason, whose end a reply is: as many as are kept of it, with a sign that there were more.
const MAX_TEXT: usize = 119;
/// What a secret is replaced by.
const HIDDEN: &str = "(password)";
/// Replies that ask for a user and a password, or refuse them, at whatever step (RFC 4954).
const OF_AUTHENTICATION: [u16; 4] = [530, 534, 535, 538];

/// Where in the exchange it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Before the server was ready: reaching it, encrypting, greeting.
    Connection,
    /// By whose right we send.
    Authentication,
    /// From whom, to whom, and what.
    Message,
}

/// Why an e-mail was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    step: Step,
    text: String,
    /// The reply code, where there was a reply.
    code: Option<u16>,
}

impl Failure {
    pub(super) fn new(step: Step, text: impl Into<String>) -> Self {
        Self { step, text: text.into(), code: None }
    }

    pub(super) fn unreachable(error: &Unreachable) -> Self {
        Self::new(Step::Connection, error.to_string())
    }

    pub(super) fn timed_out(host: &str, within: Duration) -> Self {
        Self::new(Step::Connection, format!("{host} did not take the message within {}", humane_or_ms(within)))
    }

    /// The server has replied that it will not.
    pub(super) fn replied(step: Step, what: &str, code: u16, reply: &str) -> Self {
        let step = if OF_AUTHENTICATION.contains(&code) { Step::Authentication } else { step };
        Self { step, text: format!("the mail server refuses {what} ({code}): {reply}"), code: Some(code) }
    }

    /// What went wrong when the server was told `what`.
    pub(super) fn of(step: Step, what: &str, error: &smtp::Error) -> Self {
        let why = causes(error).last().map_or_else(|| error.to_string(), ToString::to_string);
        match error.status() {
            Some(code) => Self::replied(step, what, u16::from(code), &why),
            None if error.is_response() => Self::new(step, "the mail server's answer is not SMTP"),
            None => Self::new(step, format!("the mail server did not take {what}: {why}")),
        }
    }

    pub(super) fn step(&self) -> Step {
        self.step
    }

    /// What the delivery policy makes of it, told without what is to be `hidden`.
    pub(super) fn outcome(&self, hidden: &[String]) -> Outcome {
        let text = hidden.iter().fold(self.text.clone(), |text, secret| text.replace(secret, HIDDEN));
        let reason = Reason::new(&visible(&text));
        let reason = match self.code {
            Some(code) => reason.with_status(code),
            None => reason,
        };
        match (self.step, self.code) {
            (Step::Message, Some(500..)) => Outcome::Refused { reason },
            // A password is mended elsewhere, and a server by whoever runs it.
            (Step::Connection | Step::Authentication | Step::Message, _) => Outcome::TryAgain { after: None, reason },
        }
    }
}

fn causes(error: &smtp::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut cause = error.source();
    std::iter::from_fn(move || {
        let found = cause?;
        cause = found.source();
        Some(found)
    })
}

/// One line of visible characters, not too long.
fn visible(text: &str) -> String {
    let words: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// A password in each of the forms in which SMTP sends it.
pub(super) fn forms(user: &str, password: &str) -> Vec<String> {
    let both = format!("\0{user}\0{password}");
    [password.to_owned(), STANDARD.encode(password), STANDARD.encode(both)]
        .into_iter()
        .filter(|form| !form.is_empty())
        .collect()
}
