//! What a chat was told, read as a person reads it: which monitor, and whether it went down, came back, or both.

use heartbeat_core::Timestamp;

use crate::bot_api::Message;

/// The sign at the start of a line about one monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Down,
    StillDown,
    Back,
    WasDown,
}

const MARKS: [(&str, Mark); 4] =
    [("🔴", Mark::Down), ("🟠", Mark::StillDown), ("🟢", Mark::Back), ("🟡", Mark::WasDown)];

/// One line about one monitor, in a message of its own or in a digest.
#[derive(Clone, Debug)]
pub(crate) struct Tiding {
    pub(crate) at: Timestamp,
    pub(crate) slug: String,
    pub(crate) mark: Mark,
    /// What follows the name.
    pub(crate) words: String,
}

impl Tiding {
    /// Whether the reader knows that the monitor is down, when this is the last that he has heard.
    pub(crate) fn leaves_it_down(&self) -> bool {
        match self.mark {
            Mark::Down | Mark::StillDown => true,
            Mark::Back | Mark::WasDown => false,
        }
    }

    /// Whether it tells of an outage that began.
    pub(crate) fn tells_an_outage(&self) -> bool {
        match self.mark {
            Mark::Down | Mark::WasDown => true,
            // "ok again after" ends a known outage, "ok again since" one that came after it.
            Mark::Back => self.words.starts_with("ok again since"),
            Mark::StillDown => false,
        }
    }

    /// Whether it tells of a recovery.
    pub(crate) fn tells_a_recovery(&self) -> bool {
        match self.mark {
            Mark::Back | Mark::WasDown => true,
            Mark::Down => self.words.starts_with("down again") || self.words.contains(" time since "),
            Mark::StillDown => false,
        }
    }
}

/// Everything that the messages tell which the chat has taken.
pub(crate) fn tidings(messages: &[Message]) -> Vec<Tiding> {
    let taken = messages.iter().filter(|message| message.taken);
    taken.flat_map(|message| message.text.lines().filter_map(|line| tiding(message.at, line))).collect()
}

fn tiding(at: Timestamp, line: &str) -> Option<Tiding> {
    let (mark, rest) = MARKS.iter().find_map(|(sign, mark)| Some((*mark, line.strip_prefix(sign)?)))?;
    let (slug, words) = rest.strip_prefix(" <b>")?.split_once("</b> ")?;
    Some(Tiding { at, slug: slug.to_owned(), mark, words: words.to_owned() })
}
