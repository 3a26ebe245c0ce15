//! A message as plain text: for a terminal, and for a provider that stumbles over markup.

use crate::message::{Line, Message, Span};

/// Stands before each line of what a job printed, so that it is not mistaken for our own words.
const MARGIN: &str = "| ";

/// The message as plain text, without a line end after its last line.
pub fn render(message: &Message) -> String {
    message.lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn line(line: &Line) -> String {
    match line {
        Line::Text(spans) => spans.iter().map(Span::text).collect(),
        Line::Block(text) => text.lines().map(|l| format!("{MARGIN}{l}")).collect::<Vec<_>>().join("\n"),
    }
}
