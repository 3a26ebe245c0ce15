//! A ping: what a job says of itself, and what came with it. A ping is never refused for a cosmetic reason: what could
//! not be understood becomes a [`Note`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Grace, Schedule, Timestamp};

/// The most bytes of a body that are kept; of a longer one, the tail.
pub const MAX_BODY: usize = 10_000;
/// The most bytes of the JSON that a ping says of itself.
pub const MAX_METADATA: usize = 4_000;
/// The most characters of a run id.
pub const MAX_RUN_ID: usize = 64;
/// The most bytes of a body's end that travel with a failure into its incident.
pub const MAX_EXCERPT: usize = 200;

/// What a job says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// The job is alive, or has finished well.
    Success,
    /// The job has started.
    Start,
    /// The job has failed.
    Fail,
    /// Something to remember; says nothing of life or death.
    Log,
    /// The job has ended with this exit code: 0 is success, all else failure.
    Exit(i64),
}

/// What a signal comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Alive and well.
    Well,
    /// Failed, with the exit code if there was one.
    Failed(Option<i64>),
    /// Has started.
    Started,
    /// Says nothing.
    Mute,
}

impl Signal {
    /// What the signal comes to.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Success | Self::Exit(0) => Verdict::Well,
            Self::Fail => Verdict::Failed(None),
            Self::Exit(code) => Verdict::Failed(Some(code)),
            Self::Start => Verdict::Started,
            Self::Log => Verdict::Mute,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => f.write_str("success"),
            Self::Start => f.write_str("start"),
            Self::Fail => f.write_str("fail"),
            Self::Log => f.write_str("log"),
            Self::Exit(code) => write!(f, "exit {code}"),
        }
    }
}

/// Names one run of a job, so that its start and its end are matched: 1-64 of `A-Z a-z 0-9 . _ : -`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// Parses a run id; `None` when it is not one (the ping still counts).
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-');
        let fits = (1..=MAX_RUN_ID).contains(&text.len()) && text.bytes().all(allowed);
        fits.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RunId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| "not a run id".to_owned())
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

/// Something odd about a ping that was accepted all the same. Each has a sentence for the person who reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// Only the tail of the body was kept.
    BodyCut,
    /// The body did not arrive whole (broken off, or too slow).
    BodyIncomplete,
    /// The body is not UTF-8; what could not be read was replaced.
    BodyNotText,
    /// The run id could not be read and is ignored.
    RunIdIgnored,
    /// The exit code does not fit 64 bits; the nearest that does is kept.
    ExitCodeClamped,
    /// The forwarded address could not be read; the connection's is kept.
    ForwardedAddressIgnored,
    /// The monitor was defined by a person: the interval or grace of the ping is ignored.
    DefinitionKept,
    /// The monitor is paused: the ping is recorded and changes nothing.
    Paused,
    /// A newer ping was there before: this one only adds to the count.
    OutOfOrder,
    /// It happened earlier than it was sent: what it says is recorded, and opens no incident.
    Spooled,
    /// When it happened could not be read, or is still to come: the moment of receipt counts.
    TimeIgnored,
    /// What it says of itself is no JSON object of at most [`MAX_METADATA`] bytes, and is ignored.
    MetadataIgnored,
    /// More runs than [`crate::monitor::MAX_RUNS`] are unfinished: this one is not watched.
    TooManyRuns,
}

impl Note {
    /// The sentence for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::BodyCut => "the body was too long, its last 10 kB are kept",
            Self::BodyIncomplete => "the body did not arrive whole",
            Self::BodyNotText => "the body is not UTF-8, unreadable bytes were replaced",
            Self::RunIdIgnored => "the run id (rid) could not be read and is ignored",
            Self::ExitCodeClamped => "the exit code does not fit 64 bits and was clamped",
            Self::ForwardedAddressIgnored => "the forwarded address could not be read and is ignored",
            Self::DefinitionKept => "schedule and grace are ignored: a person defined this monitor",
            Self::Paused => "the monitor is paused: the ping is recorded and changes nothing",
            Self::OutOfOrder => "a newer ping was recorded before this one",
            Self::Spooled => "it happened earlier: it is recorded, and opens no incident",
            Self::TimeIgnored => "the time (at) could not be read or is in the future, the time of receipt counts",
            Self::MetadataIgnored => "the metadata is no JSON object of at most 4 kB, and is ignored",
            Self::TooManyRuns => "10 runs are unfinished already: this one is not watched for its end",
        }
    }
}

/// The end of what a job printed: at most [`MAX_BODY`] bytes of UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Body(String);

impl Body {
    /// Keeps the tail of `bytes`; notes say what was lost.
    pub fn from_tail(bytes: &[u8]) -> (Self, Vec<Note>) {
        let cut = bytes.len().saturating_sub(MAX_BODY);
        let tail = bytes.get(cut..).unwrap_or_default();
        // A cut inside a character leaves up to three continuation bytes, which are nobody's fault.
        let torn = if cut == 0 { 0 } else { tail.iter().take(3).take_while(|b| *b & 0xC0 == 0x80).count() };
        let tail = tail.get(torn..).unwrap_or_default();
        let text = String::from_utf8_lossy(tail);
        let replaced = matches!(text, std::borrow::Cow::Owned(_));
        let notes = [(cut > 0, Note::BodyCut), (replaced, Note::BodyNotText)];
        // Replacement characters are longer than what they replace.
        let body = Self(tail_chars(&text, MAX_BODY).to_owned());
        (body, notes.into_iter().filter_map(|(is, note)| is.then_some(note)).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing came.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The last [`MAX_EXCERPT`] bytes without surrounding white space; `None` when that is nothing.
    pub fn excerpt(&self) -> Option<String> {
        let text = tail_chars(self.0.trim(), MAX_EXCERPT).trim();
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// What a ping says of itself in JSON: an object of at most [`MAX_METADATA`] bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(serde_json::Map<String, serde_json::Value>);

impl Metadata {
    /// This value; `None` when it is no object, an empty one, or too long.
    pub fn new(value: serde_json::Value) -> Option<Self> {
        let serde_json::Value::Object(fields) = value else { return None };
        let fits = serde_json::to_string(&fields).is_ok_and(|text| text.len() <= MAX_METADATA);
        (fits && !fields.is_empty()).then_some(Self(fields))
    }

    /// Its fields.
    pub fn fields(&self) -> &serde_json::Map<String, serde_json::Value> {
        &self.0
    }
}

/// The longest suffix of at most `max` bytes that starts at a character.
fn tail_chars(text: &str, max: usize) -> &str {
    let from = text.len().saturating_sub(max);
    let start = (from..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

/// A ping, as it was understood. When it was received is [`crate::Context::now`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    /// What the job says.
    pub signal: Signal,
    /// Which run says it.
    pub run: Option<RunId>,
    /// The schedule that it carries.
    pub schedule: Option<Schedule>,
    /// The grace that it carries.
    pub grace: Option<Grace>,
    /// What the job printed.
    pub body: Body,
    /// What else it says of itself.
    pub metadata: Option<Metadata>,
    /// When it happened, where it says so and was sent later: spooled while it could not be sent.
    pub at: Option<Timestamp>,
}

impl Ping {
    /// A ping that says only this.
    pub fn bare(signal: Signal) -> Self {
        Self { signal, run: None, schedule: None, grace: None, body: Body::default(), metadata: None, at: None }
    }

    /// A plain success, as most pings are.
    pub fn success() -> Self {
        Self::bare(Signal::Success)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_a_long_body_the_tail_is_kept() {
        let (body, notes) = Body::from_tail(&[vec![b'a'; MAX_BODY], b"the end".to_vec()].concat());
        assert_eq!(body.as_str().len(), MAX_BODY);
        assert!(body.as_str().ends_with("the end"));
        assert_eq!(notes, [Note::BodyCut]);
    }

    #[test]
    fn a_character_torn_by_the_cut_is_not_an_oddity() {
        let (body, notes) = Body::from_tail("ü".repeat(MAX_BODY).as_bytes().get(1..).unwrap());
        assert!(body.as_str().chars().all(|c| c == 'ü'));
        assert_eq!(notes, [Note::BodyCut]);
    }

    #[test]
    fn odd_bytes_are_replaced_and_noted() {
        let (body, notes) = Body::from_tail(b"a\xFFb");
        assert_eq!(body.as_str(), "a\u{FFFD}b");
        assert_eq!(notes, [Note::BodyNotText]);
    }

    proptest! {
        #[test]
        fn no_body_is_refused_and_none_is_longer_than_the_limit(bytes in prop::collection::vec(any::<u8>(), 0..25_000)) {
            let (body, _) = Body::from_tail(&bytes);
            prop_assert!(body.as_str().len() <= MAX_BODY);
            prop_assert!(body.excerpt().is_none_or(|e| e.len() <= MAX_EXCERPT));
        }
    }
}
