//! The message that somebody sends to see that messages arrive.

use crate::message::{Line, Message, Span};

/// A message that says that it arrived, and that nobody need do anything about it. It begins with none of the marks of
/// an alert.
pub fn test_alert() -> Message {
    let headline =
        vec![Span::Plain("🔔 ".to_owned()), Span::Bold("Heartbeat".to_owned()), Span::Plain(" test alert".to_owned())];
    Message {
        lines: vec![
            Line::Text(headline),
            Line::plain("Alerts arrive here. Nothing is wrong"),
            Line::plain("Somebody has sent this to see whether they do"),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{html, plain};

    #[test]
    fn it_says_that_nothing_is_wrong() {
        insta::assert_snapshot!(plain::render(&test_alert()), @"
        🔔 Heartbeat test alert
        Alerts arrive here. Nothing is wrong
        Somebody has sent this to see whether they do
        ");
        insta::assert_snapshot!(html::render(&test_alert()), @"
        🔔 <b>Heartbeat</b> test alert
        Alerts arrive here. Nothing is wrong
        Somebody has sent this to see whether they do
        ");
    }
}
