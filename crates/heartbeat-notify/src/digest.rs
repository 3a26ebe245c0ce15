//! One message for many monitors: counts first, then a line each, the most urgent first, as many as fit.

use std::cmp::Reverse;

use heartbeat_core::{
    Telling, Timestamp,
    delivery::{LISTED, NAMED_OF_MANY},
};

use crate::{
    message::{LIMIT, Line, Message, Span},
    moment::Reading,
    story::Mark,
    wording::{Detail, in_digest},
};

/// Kept free for "and N more", its line end included.
const RESERVED: usize = 24;

/// The message that tells all of `tellings`.
pub(crate) fn digest(tellings: &[Telling]) -> Message {
    let mut sorted: Vec<&Telling> = tellings.iter().collect();
    sorted.sort_by_cached_key(|telling| (mark(telling), telling.monitor.clone(), Reverse(telling.notice.rev)));
    let named = if sorted.len() <= LISTED { sorted.len() } else { NAMED_OF_MANY };
    let named = sorted.get(..named).unwrap_or_default();
    let newest = tellings.iter().map(|telling| telling.notice.at).max().unwrap_or(Timestamp::EPOCH);
    let reading = Reading::at(newest);
    let lines = |detail| -> Vec<Line> { named.iter().map(|telling| in_digest(telling, reading, detail)).collect() };

    // A name left out is worse than a time left out.
    let full = assembled(counts(tellings), lines(Detail::Full), tellings.len());
    match full.left_out {
        0 => full.message,
        _ => assembled(counts(tellings), lines(Detail::Brief), tellings.len()).message,
    }
}

/// A digest, and how many of its lines found no room.
struct Assembled {
    message: Message,
    left_out: usize,
}

fn mark(telling: &Telling) -> Mark {
    Mark::of(&telling.notice)
}

/// `🔴 12 down · 🟢 3 ok again`.
fn counts(tellings: &[Telling]) -> Line {
    let counted = Mark::ALL.into_iter().filter_map(|wanted| {
        let count = tellings.iter().filter(|telling| mark(telling) == wanted).count();
        (count > 0).then(|| format!("{} {count} {}", wanted.emoji(), wanted.counted()))
    });
    Line::Text(vec![Span::Bold(counted.collect::<Vec<_>>().join(" · "))])
}

/// The head, as many of `lines` as fit, and how many of `total` are not among them.
fn assembled(head: Line, lines: Vec<Line>, total: usize) -> Assembled {
    let offered = lines.len();
    let mut message = Message { lines: vec![head] };
    let mut units = message.units();
    message.lines.extend(lines.into_iter().take_while(|line| {
        units += line.units() + 1;
        units + RESERVED <= LIMIT
    }));
    let named = message.lines.len() - 1;
    if named < total {
        message.lines.push(Line::plain(format!("and {} more", total - named)));
    }
    Assembled { message, left_out: offered - named }
}

#[cfg(test)]
mod tests;
