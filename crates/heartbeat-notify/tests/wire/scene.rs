//! What the tests of all kinds stand on: a job that failed in the night, secrets on a shelf, and names that resolve as a
//! test wants.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part of it")]

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, OnceLock},
};

use async_trait::async_trait;
use heartbeat_core::{
    Channel, ChannelName, Clock, Grace, Incident, Monitor, MonitorId, Notice, Origin, Rev, Schedule, Telling,
    Timestamp,
    channel::{
        definition::Kinds,
        secret::{Secret, SecretError, SecretReader},
    },
    delivery::{Outcome, Reason},
    incident::Cause,
};
use heartbeat_notify::{AllKinds, http::Network, network::Resolver};
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

/// `2026-11-23T03:10:00Z`.
pub const NOW: Timestamp = Timestamp::from_secs(1_795_403_400);

/// Shows one instant for ever.
pub struct Still(pub Timestamp);

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0
    }

    async fn sleep(&self, _: std::time::Duration) {
        std::future::pending::<()>().await;
    }
}

/// Secrets by value as they are, those of variables in turn: each gives one answer after the other, the last again and
/// again.
#[derive(Clone, Default)]
pub struct Shelf(Arc<Mutex<HashMap<String, Answers>>>);

/// The last first.
type Answers = Vec<Result<String, SecretError>>;

impl Shelf {
    pub fn with(variable: &str, answers: &[Result<&str, SecretError>]) -> Self {
        let shelf = Self::default();
        let answers = answers.iter().rev().map(|answer| answer.as_ref().map(|s| (*s).to_owned()).map_err(Clone::clone));
        shelf.0.lock().unwrap().insert(variable.to_owned(), answers.collect());
        shelf
    }

    /// How many answers are left but the last.
    pub fn left(&self, variable: &str) -> usize {
        self.0.lock().unwrap()[variable].len() - 1
    }
}

#[async_trait]
impl SecretReader for Shelf {
    async fn read(&self, secret: &Secret) -> Result<String, SecretError> {
        let name = match secret {
            Secret::Value(value) => return Ok(value.clone()),
            Secret::Env(name) | Secret::Ssm(name) => name,
        };
        let mut known = self.0.lock().unwrap();
        let answers = known.get_mut(name).ok_or(SecretError::Setting(format!("{name} is not set")))?;
        if answers.len() > 1 { answers.pop().unwrap() } else { answers[0].clone() }
    }
}

/// Knows `private.test`, `local.test` and `mixed.test`; everything else is nobody's.
pub struct Names;

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let addresses: &[&str] = match host {
            "private.test" => &["10.0.0.5"],
            "local.test" | "other.test" | "mail.example.org" => &["127.0.0.1"],
            _ => return Err(io::Error::other("no such name")),
        };
        Ok(addresses.iter().map(|address| address.parse().unwrap()).collect())
    }
}

pub fn kinds(network: Network) -> AllKinds {
    kinds_with(network, Shelf::default())
}

pub fn kinds_with(network: Network, shelf: Shelf) -> AllKinds {
    logged();
    AllKinds::with_resolver(Arc::new(shelf), Arc::new(Still(NOW)), network, Arc::new(Names)).unwrap()
}

/// The channel of a configuration, by the front door: checked, kept, opened.
pub fn open(kinds: &AllKinds, kind: &str, config: &Value) -> Arc<dyn Channel> {
    let kept = kinds.check(kind, config.clone()).unwrap();
    kinds.open(&ChannelName::parse("ops").unwrap(), kind, &kept).unwrap()
}

/// A job that failed in the night.
pub fn telling(slug: &str) -> Telling {
    let since = Timestamp::parse("2026-11-23T03:00:00Z").unwrap();
    let cause = Cause::Failed { exit: Some(1) };
    let incident = Incident { since, cause, excerpt: None, reminders: 0, confirm_at: None, next_reminder_at: None };
    let id = MonitorId::parse(&format!("default/{slug}")).unwrap();
    let monitor = Monitor::new(id, Origin::Ping, Schedule::default(), Grace::DEFAULT, since);
    let telling =
        Telling::new(&monitor, &ChannelName::parse("ops").unwrap(), Notice::opened(&incident, None, Rev(1), since));
    Telling { excerpt: Some("a < b\n\u{1b}[31m\"ü\"".to_owned()), ..telling }
}

pub fn try_again(reason: &str) -> Outcome {
    Outcome::TryAgain { after: None, reason: Reason::new(reason) }
}

pub fn answered_try_again(status: u16, after_s: Option<u64>, reason: &str) -> Outcome {
    let after = after_s.map(std::time::Duration::from_secs);
    Outcome::TryAgain { after, reason: Reason::new(reason).with_status(status) }
}

pub fn refused(status: u16, reason: &str) -> Outcome {
    Outcome::Refused { reason: Reason::new(reason).with_status(status) }
}

/// Everything that is logged, at every level.
#[derive(Clone, Default)]
pub struct Logged(Arc<Mutex<Vec<u8>>>);

impl Logged {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logged {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What all tests of a file have logged. Before the first line could be: one that nobody listens to may stay unheard.
pub fn logged() -> &'static Logged {
    static LOGGED: OnceLock<Logged> = OnceLock::new();
    LOGGED.get_or_init(|| {
        let logged = Logged::default();
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(logged.clone()).init();
        logged
    })
}
