//! Every refusal of the API, with its stable code, its status, and one sentence that says what to do.
//!
//! What a client reads is `Display`; what only the log may know is `ApiError::detail`. The two never mix: of a 5xx, the
//! client sees a fixed sentence. The body is written by the outermost layer, which knows the request's id.

pub(crate) mod response;

use std::time::Duration;

use heartbeat_core::{
    ChannelName,
    channel::definition::{ChannelsError, MAX_CHANNELS},
    definition::{FieldError, document::DocumentError},
    flow::{ManageError, PingError},
    interval::DurationError,
    key::Scope,
    slug::{Slug, SlugError},
    store::StoreError,
};
use thiserror::Error;

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ApiError {
    /// The request is not HTTP/1.1 as we read it, or its path has raw odd bytes.
    #[error(
        "the request could not be read: check its first line and its headers, and percent-encode odd bytes in the path"
    )]
    BadRequest,
    /// The path is not percent-encoded UTF-8.
    #[error(
        "the path is not percent-encoded UTF-8: write each byte that is not a letter or digit as % and two hex digits"
    )]
    BadPath,
    /// The slug breaks a rule.
    #[error("{0}; a slug is 1 to 64 of a-z, 0-9 and -, such as nightly-backup")]
    BadSlug(SlugError),
    /// The interval of a ping is out of range or nonsense.
    #[error("{0}; nothing was recorded: mend `interval` or leave it out")]
    BadInterval(DurationError),
    /// The cron line of a ping, or its time zone, is nonsense.
    #[error("{0}; nothing was recorded: mend `cron` and `tz`, or leave them out")]
    BadCron(FieldError),
    /// A definition has something wrong with it.
    #[error("{0}; nothing was changed")]
    BadDefinition(FieldError),
    /// The grace of a ping is out of range or nonsense.
    #[error("{0}; nothing was recorded: mend `grace` or leave it out")]
    BadGrace(DurationError),
    /// A parameter is unknown, doubled or not understood.
    #[error("{0}")]
    BadQuery(String),
    /// The body is not the JSON that is expected.
    #[error("{0}")]
    BadJson(String),
    /// The document of an import is refused whole.
    #[error("the document is refused, and nothing was changed: {0}")]
    BadDocument(DocumentError),
    /// The end of a pause is not understood.
    #[error("{0}")]
    BadPause(String),
    /// The name of a channel breaks a rule.
    #[error("{0}; the name of a channel is 1 to 64 of a-z, 0-9 and -, such as ops-mail")]
    BadChannelName(SlugError),
    /// Something about a channel is not as its kind has it; nothing was changed.
    #[error("{0}")]
    BadChannel(String),
    /// No key came.
    #[error("send an API key as `Authorization: Bearer hb_…`; `heartbeat add-api-key` makes one")]
    MissingKey,
    /// The key cannot be one: it was refused without asking the store.
    #[error(
        "this is not a Heartbeat API key: one starts with hb_ and has 75 characters; check that it was copied whole"
    )]
    MalformedKey,
    /// Nobody knows the key.
    #[error("this API key is not known: check that it belongs to this installation, or make a new one")]
    UnknownKey,
    /// A person stopped the key.
    #[error("this API key was revoked: make a new one")]
    RevokedKey,
    /// The key has stopped by itself.
    #[error("this API key has expired: make a new one")]
    ExpiredKey,
    /// The key may not do this.
    #[error("this API key lacks the scope `{}`: use a key that has it", .0.as_str())]
    WrongScope(Scope),
    /// The key is for another monitor.
    #[error("this API key is limited to one monitor, and this is not it: use the key of this monitor")]
    WrongMonitor,
    /// The key is for one monitor, and this is about the whole project.
    #[error("this API key is limited to one monitor, and this is about the whole project: use a key without a limit")]
    LimitedKey,
    /// There is nothing at this path.
    #[error("there is nothing at this path: pings go to /heartbeat/{{slug}}, management to /monitors and /api/v1")]
    UnknownPath,
    /// The part after the slug is no signal.
    #[error(
        "what follows the slug is not a signal: use start, fail, log, or an exit code in digits; nothing was recorded"
    )]
    UnknownSignal,
    /// There is no such monitor.
    #[error("there is no monitor `{0}` in this project: a first ping to /heartbeat/{0} makes it")]
    UnknownMonitor(Slug),
    /// No monitor has this ping URL.
    #[error("no monitor has this ping URL: it was copied wrong, or its monitor is gone or has another one now")]
    UnknownPingUrl,
    /// No badge has this address, or there is nothing to show.
    #[error("there is no badge at this address: it was copied wrong, it was changed, or what it showed is gone")]
    UnknownBadge,
    /// There is no such channel.
    #[error("there is no channel `{0}` in this project: see which there are, or add it")]
    UnknownChannel(ChannelName),
    /// There is no such attempt to deliver, or history has forgotten it.
    #[error("there is no delivery of this id, or history has forgotten it: the list of deliveries shows their ids")]
    UnknownDelivery,
    /// The path is there, the method is not.
    #[error("this path does not take this method: use {0}")]
    MethodNotAllowed(&'static str),
    /// A body that must be read did not come whole in time.
    #[error("the body did not arrive whole in time, and nothing was changed: send it again")]
    BodyIncomplete,
    /// There is a monitor of this name.
    #[error("there is a monitor `{0}` already: PUT replaces and PATCH changes it")]
    MonitorExists(Slug),
    /// There is a channel of this name.
    #[error("there is a channel `{0}` already: change it, or choose another name")]
    ChannelExists(ChannelName),
    /// There are too many channels.
    #[error("a project has at most {MAX_CHANNELS} channels: remove one first")]
    TooManyChannels,
    /// There is a fallback already.
    #[error(
        "`{0}` is the project's fallback already, and there is at most one: make that one an ordinary channel first"
    )]
    SecondFallback(ChannelName),
    /// The channel has taken it.
    #[error("the channel has taken this message: there is nothing to try again")]
    AlreadyDelivered,
    /// Nothing waits to be told any more.
    #[error("nothing of it waits to be told any more: a later attempt has told it, or there was nobody to tell")]
    NothingToRetry,
    /// The monitor was deleted not long ago.
    #[error(
        "monitor `{0}` was deleted, and pings do not bring it back for a day: stop the job that pings it, or use another slug"
    )]
    DeletedMonitor(Slug),
    /// A body that must be read is too large.
    #[error("the body is too large: at most {0} bytes are read here")]
    BodyTooLarge(usize),
    /// The address is too long.
    #[error("the address of the request is too long: shorten its query")]
    UriTooLong,
    /// A body came that is not called JSON.
    #[error("send the body as JSON, with `Content-Type: application/json`, or send none")]
    NotJson,
    /// What came is not called a document of a format that is read.
    #[error("send the document of an import as the body, with `Content-Type: application/json` or `application/yaml`")]
    NoDocument,
    /// Too many keys from this address were not known.
    #[error("too many unknown API keys or badges were asked for from this address: wait as long as Retry-After says")]
    TooManyFailures(Duration),
    /// Too many management calls.
    #[error("too many calls with this API key from this address: wait as long as Retry-After says")]
    TooManyCalls(Duration),
    /// Too many or too large headers.
    #[error("the headers of the request are too many or too large: send fewer")]
    HeadersTooLarge,
    /// Our mistake.
    #[error("something went wrong on our side: try again, and report the request id if it stays")]
    Internal(String),
    /// What is stored cannot be understood.
    #[error(
        "what is stored under this name cannot be read: the operator finds the reason in the log by the request id"
    )]
    Corrupt(String),
    /// The store is down: nothing was written, or nobody knows.
    #[error("the store is not available, so nothing is promised: send it again after Retry-After")]
    StoreUnavailable(String),
    /// The store did not answer within the time that we wait.
    #[error("the store did not answer in time, so nothing is promised: send it again after Retry-After")]
    StoreTimeout,
    /// Too many others changed the same at the same time.
    #[error("too many others change this at once, and nothing was written: send it again after Retry-After")]
    Contended,
    /// Too many look-ups of keys at once.
    #[error("too many API keys are being looked up at once: send it again after Retry-After")]
    Busy,
    /// This API was set up without the kinds of channel.
    #[error("this API knows no kinds of channel: ask one that was started as `heartbeat serve` or `heartbeat-api`")]
    NoKinds,
    /// Something that is needed does not work. Each with its reason: readiness is asked for by those who run us.
    #[error("not ready: {}", .0.join("; "))]
    NotReady(Vec<String>),
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Unknown(_) => Self::StoreUnavailable(error.to_string()),
            StoreError::Corrupt(corrupt) => Self::Corrupt(corrupt.to_string()),
        }
    }
}

impl From<ChannelsError> for ApiError {
    fn from(error: ChannelsError) -> Self {
        match error {
            ChannelsError::NotFound(name) => Self::UnknownChannel(name),
            ChannelsError::Exists(name) => Self::ChannelExists(name),
            ChannelsError::TooMany => Self::TooManyChannels,
            ChannelsError::SecondFallback(name) => Self::SecondFallback(name),
            ChannelsError::Contended => Self::Contended,
            ChannelsError::Store(error) => error.into(),
        }
    }
}

impl ApiError {
    /// What a ping to `slug` that was not recorded is answered.
    pub(crate) fn of_ping(error: PingError, slug: Slug) -> Self {
        match error {
            PingError::Unknown => Self::UnknownMonitor(slug),
            PingError::Deleted => Self::DeletedMonitor(slug),
            PingError::Contended => Self::Contended,
            PingError::Store(error) => error.into(),
        }
    }

    /// What a management call on `slug` that did nothing is answered.
    pub(crate) fn of_manage(error: ManageError, slug: Slug) -> Self {
        match error {
            ManageError::NotFound => Self::UnknownMonitor(slug),
            ManageError::Exists => Self::MonitorExists(slug),
            ManageError::Deleted => Self::DeletedMonitor(slug),
            ManageError::Contended => Self::Contended,
            ManageError::Store(error) => error.into(),
        }
    }
}
