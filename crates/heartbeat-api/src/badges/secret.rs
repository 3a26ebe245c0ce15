//! What makes an address of a badge: the project's id among badges, and a signature (HMAC-SHA256, 128 bits of it) over what
//! the badge is of, by the project's secret. Both are made when somebody first asks for the addresses, and are kept in the
//! directory; another secret makes all old addresses wrong.

use std::{sync::Arc, time::Duration};

use heartbeat_core::{
    Project, Slug, Tag, Timestamp,
    directory::{Entry, Put},
};
use moka::future::Cache;
use ring::hmac;
use serde::{Deserialize, Serialize};

use crate::{Shared, address::Client, error::ApiError};

/// Where the directory keeps them.
const PK: &str = "badges";
/// How long a secret is taken for granted: an address that was made wrong works no longer than this.
const KNOWN_FOR: Duration = Duration::from_mins(1);
/// How many secrets are remembered.
const REMEMBERED: u64 = 10_000;
/// How many digits an id has, and a signature.
const ID: usize = 16;
const SIGNATURE: usize = 32;
/// How often a secret is tried to be changed.
const ATTEMPTS: u32 = 8;

/// What a badge is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Of {
    All,
    Monitor(Slug),
    Tag(Tag),
}

impl Of {
    /// What it is called in the address and on the badge, which so tells nothing that its address does not.
    pub(super) fn label(&self) -> &str {
        match self {
            Self::All => "heartbeat",
            Self::Monitor(slug) => slug.as_str(),
            Self::Tag(tag) => tag.as_str(),
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Monitor(_) => "monitor",
            Self::Tag(_) => "tag",
        }
    }
}

/// How many states a badge knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum States {
    /// Up and down.
    Two,
    /// Late as well.
    Three,
}

/// A project's secret. It does not show in `Debug`, which it does not have.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Secret {
    /// Names the project in addresses.
    pub(super) id: String,
    #[serde(rename = "secret")]
    bits: String,
    #[serde(skip)]
    project: Project,
}

#[derive(Serialize, Deserialize)]
struct Owner {
    project: String,
}

impl Secret {
    pub(super) const fn project(&self) -> &Project {
        &self.project
    }

    /// The token of the badge of `of`, of three states.
    pub(super) fn token(&self, of: &Of) -> String {
        format!("{}{}", self.id, self.signature(of))
    }

    fn signature(&self, of: &Of) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.bits.as_bytes());
        let tag = hmac::sign(&key, format!("{}\0{}", of.kind(), of.label()).as_bytes());
        let digits = tag.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits.filter_map(|digit| char::from_digit(digit.into(), 16)).take(SIGNATURE).collect()
    }
}

/// What stands in an address.
pub(super) struct Token {
    id: String,
    signature: String,
    pub(super) states: States,
}

impl Token {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (digits, states) = text.strip_suffix("-2").map_or((text, States::Three), |digits| (digits, States::Two));
        let is_one = digits.len() == ID + SIGNATURE && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let (id, signature) = digits.split_at_checked(ID).filter(|_| is_one)?;
        Some(Self { id: id.to_owned(), signature: signature.to_owned(), states })
    }

    /// Whether it opens the badge of `of`. It takes as long whatever is wrong.
    pub(super) fn is_of(&self, secret: &Secret, of: &Of) -> bool {
        let pairs = secret.signature(of).into_bytes().into_iter().zip(self.signature.bytes());
        pairs.fold(0, |differs, (right, shown)| differs | (right ^ shown)) == 0
    }
}

/// What is remembered of secrets, by their ids.
pub(crate) struct Secrets(Cache<String, (Arc<Secret>, Timestamp)>);

impl Secrets {
    pub(crate) fn new() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl Shared {
    /// The secret by which a token must be signed.
    pub(super) async fn secret_of(&self, token: &Token, client: Client) -> Result<Arc<Secret>, ApiError> {
        let now = self.flow.clock.now();
        let known = self.badge_secrets.0.get(&token.id).await.filter(|(_, at)| now.since(*at) < KNOWN_FOR);
        if let Some((secret, _)) = known {
            return Ok(secret);
        }
        self.gate.check_badges(client)?;
        let secret = match self.flow.store.entry(PK, &format!("id/{}", token.id)).await? {
            Some(entry) => self.stored_secret(&project(&entry)?).await?.map(|(secret, _)| secret),
            None => None,
        };
        let Some(secret) = secret.filter(|secret| secret.id == token.id) else {
            self.gate.charge_badges(client);
            return Err(ApiError::UnknownBadge);
        };
        Ok(self.remember(secret).await)
    }

    /// A project's secret, made where there is none.
    pub(super) async fn secret_for(&self, project: &Project) -> Result<Arc<Secret>, ApiError> {
        for _ in 0..ATTEMPTS {
            if let Some((secret, _)) = self.stored_secret(project).await? {
                return Ok(self.remember(secret).await);
            }
            let secret = self.new_secret(project);
            // First where it belongs to: an id that leads to nothing is harmless, a secret that nothing leads to is not.
            let owner = Owner { project: project.as_str().to_owned() };
            let led = self.flow.store.put_entry(Entry::first(PK, &format!("id/{}", secret.id), &owner)).await?;
            let first = Entry::first(PK, &place(project), &secret);
            if led == Put::Done && self.flow.store.put_entry(first).await? == Put::Done {
                return Ok(self.remember(secret).await);
            }
        }
        Err(ApiError::Contended)
    }

    /// Another secret for a project.
    pub(super) async fn rotate_secret(&self, project: &Project) -> Result<Arc<Secret>, ApiError> {
        for _ in 0..ATTEMPTS {
            let Some((before, entry)) = self.stored_secret(project).await? else {
                return self.secret_for(project).await;
            };
            let secret = Secret { id: before.id, ..self.new_secret(project) };
            if self.flow.store.put_entry(entry.next(&secret)).await? == Put::Done {
                return Ok(self.remember(secret).await);
            }
        }
        Err(ApiError::Contended)
    }

    async fn stored_secret(&self, project: &Project) -> Result<Option<(Secret, Entry)>, ApiError> {
        let Some(entry) = self.flow.store.entry(PK, &place(project)).await? else { return Ok(None) };
        let secret: Secret = entry.read().map_err(|corrupt| ApiError::Corrupt(corrupt.to_string()))?;
        Ok(Some((Secret { project: project.clone(), ..secret }, entry)))
    }

    fn new_secret(&self, project: &Project) -> Secret {
        let digits = || format!("{:016x}", self.flow.random.next());
        Secret { id: digits(), bits: [digits(), digits(), digits(), digits()].concat(), project: project.clone() }
    }

    async fn remember(&self, secret: Secret) -> Arc<Secret> {
        let secret = Arc::new(secret);
        self.badge_secrets.0.insert(secret.id.clone(), (secret.clone(), self.flow.clock.now())).await;
        secret
    }
}

fn place(project: &Project) -> String {
    format!("of/{project}")
}

fn project(entry: &Entry) -> Result<Project, ApiError> {
    let owner: Owner = entry.read().map_err(|corrupt| ApiError::Corrupt(corrupt.to_string()))?;
    Project::parse(&owner.project).map_err(|error| ApiError::Corrupt(error.to_string()))
}
