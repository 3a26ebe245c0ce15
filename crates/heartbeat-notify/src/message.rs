//! A message before it is converted for a provider: lines of spans, and blocks of what a job printed. Every text in it
//! is already free of control and invisible characters; escaping is the converter's.

/// The most that one message may hold, in UTF-16 units after markup is taken out: Telegram's limit for a text message
/// (Bot API, `sendMessage`), and enough for people.
pub const LIMIT: usize = 4_096;

/// What one message says. Never longer than [`LIMIT`] when it comes from [`crate::message()`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Its lines, the most important first: phones show only the first.
    pub lines: Vec<Line>,
}

/// A line of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// One line of text.
    Text(Vec<Span>),
    /// What a job printed, to be shown as it is: one line or several.
    Block(String),
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// Ordinary text.
    Plain(String),
    /// The words that the eye must find.
    Bold(String),
}

impl Message {
    /// Its length in UTF-16 units without markup, line ends included.
    pub fn units(&self) -> usize {
        self.lines.iter().map(|line| line.units() + 1).sum::<usize>().saturating_sub(1)
    }
}

impl Line {
    /// A line of ordinary text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::Text(vec![Span::Plain(text.into())])
    }

    /// Its length in UTF-16 units without markup.
    pub fn units(&self) -> usize {
        match self {
            Self::Text(spans) => spans.iter().map(|span| units(span.text())).sum(),
            Self::Block(text) => units(text),
        }
    }
}

impl Span {
    /// Its text.
    pub fn text(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Bold(text) => text,
        }
    }
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}
