//! A message as Telegram's HTML: only `<b>` and `<pre>`, each closed on its line or block, everything else escaped.

use teloxide::utils::html;

use crate::message::{Line, Message, Span};

/// The message as Telegram's HTML.
pub fn render(message: &Message) -> String {
    message.lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn line(line: &Line) -> String {
    match line {
        Line::Text(spans) => spans.iter().map(span).collect(),
        Line::Block(text) => html::code_block(text),
    }
}

fn span(span: &Span) -> String {
    match span {
        Span::Plain(text) => html::escape(text),
        Span::Bold(text) => html::bold(&html::escape(text)),
    }
}
