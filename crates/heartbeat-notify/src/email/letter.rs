//! A message as an e-mail: a subject that says it all, a part of plain text, and one of HTML for those who read on a phone
//! at night.

use std::time::{Duration, UNIX_EPOCH};

use heartbeat_core::{Telling, Timestamp};
use lettre::message::{
    Mailbox, MultiPart,
    header::{HeaderName, HeaderValue},
};
use teloxide::utils::html;

use crate::{
    Message, message,
    message::{Line, Span},
    plain,
    repeat::id_of,
};

/// What an e-mail says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mail {
    /// One line.
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
    /// Without its domain, which is the sender's: the same for the same tellings.
    pub(super) message_id: String,
}

/// What tells `tellings`: pure, so that every attempt sends the same.
pub(super) fn render(tellings: &[Telling]) -> Mail {
    Mail::of(&message(tellings), id_of(tellings))
}

impl Mail {
    /// An e-mail that says `message`.
    pub(super) fn of(message: &Message, message_id: String) -> Self {
        let text = plain::render(message);
        let subject = text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
        Self { subject, html: page(message), text, message_id }
    }

    /// As it is sent.
    pub(super) fn to_bytes(
        &self,
        from: &Mailbox,
        to: &Mailbox,
        at: Timestamp,
    ) -> Result<Vec<u8>, lettre::error::Error> {
        let since_epoch = Duration::from_secs(u64::try_from(at.as_secs()).unwrap_or(0));
        let mut letter = lettre::Message::builder()
            .from(from.clone())
            .to(to.clone())
            .subject(self.subject.clone())
            .date(UNIX_EPOCH + since_epoch)
            .message_id(Some(format!("<{}@{}>", self.message_id, plain_domain(from))))
            .multipart(MultiPart::alternative_plain_html(self.text.clone(), self.html.clone()))?;
        // RFC 3834: a machine wrote it, and holiday notices are not to answer it.
        let generated = HeaderName::new_from_ascii_str("Auto-Submitted");
        letter.headers_mut().insert_raw(HeaderValue::new(generated, "auto-generated".to_owned()));
        Ok(letter.formatted())
    }
}

/// The sender's domain, as a server and a header that know no other letters than A to Z take it.
pub(super) fn plain_domain(from: &Mailbox) -> &str {
    Some(from.email.domain()).filter(|domain| domain.is_ascii()).unwrap_or("localhost")
}

/// A page in the reader's own colours, dark or light.
fn page(message: &Message) -> String {
    let lines: Vec<String> = message.lines.iter().enumerate().map(|(index, one)| line(index, one)).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n</head>\n<body \
         style=\"font-family: system-ui, sans-serif; font-size: 16px; line-height: 1.5\">\n{}\n</body>\n</html>\n",
        lines.join("\n")
    )
}

fn line(index: usize, line: &Line) -> String {
    match (line, index) {
        (Line::Text(spans), 0) => format!("<p style=\"margin: 0 0 8px; font-size: 18px\">{}</p>", text(spans)),
        (Line::Text(spans), _) => format!("<p style=\"margin: 0 0 4px\">{}</p>", text(spans)),
        (Line::Block(block), _) => format!(
            "<pre style=\"margin: 8px 0; padding-left: 8px; border-left: 3px solid #888888; white-space: \
             pre-wrap\">{}</pre>",
            html::escape(block)
        ),
    }
}

fn text(spans: &[Span]) -> String {
    spans.iter().map(span).collect()
}

fn span(span: &Span) -> String {
    match span {
        Span::Plain(text) => html::escape(text),
        Span::Bold(text) => html::bold(&html::escape(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn an_alert_as_an_e_mail() {
        let telling = Telling { excerpt: Some("a < b & \"c\"\n</pre><script>".to_owned()), ..samples::overdue() };
        let mail = render(&[telling]);
        assert_eq!(mail.subject, "🔴 nightly-backup overdue since 03:00 UTC");
        insta::assert_snapshot!(mail.text, @r#"
        🔴 nightly-backup overdue since 03:00 UTC
        | a < b & "c"
        | </pre><script>
        Last ping 01:55 UTC, 1h 5m ago
        Expected every 1h, grace 5m
        "#);
        insta::assert_snapshot!(mail.html, @r#"
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <meta name="color-scheme" content="light dark">
        </head>
        <body style="font-family: system-ui, sans-serif; font-size: 16px; line-height: 1.5">
        <p style="margin: 0 0 8px; font-size: 18px">🔴 <b>nightly-backup</b> overdue since 03:00 UTC</p>
        <pre style="margin: 8px 0; padding-left: 8px; border-left: 3px solid #888888; white-space: pre-wrap">a &lt; b &amp; "c"
        &lt;/pre&gt;&lt;script&gt;</pre>
        <p style="margin: 0 0 4px">Last ping 01:55 UTC, 1h 5m ago</p>
        <p style="margin: 0 0 4px">Expected every 1h, grace 5m</p>
        </body>
        </html>
        "#);
    }

    #[test]
    fn no_text_of_a_job_becomes_a_header() {
        let message = Message { lines: vec![Line::plain("a\r\u{b}Bcc: x@example.org\0")] };
        let mail = Mail::of(&message, "id".to_owned());
        assert_eq!(mail.subject, "aBcc: x@example.org");
        let (from, to) = ("a@example.org".parse().unwrap(), "b@example.org".parse().unwrap());
        let bytes = mail.to_bytes(&from, &to, Timestamp::EPOCH).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let headers = text.split("\r\n\r\n").next().unwrap();
        assert!(headers.lines().all(|line| !line.starts_with("Bcc")), "{headers}");
        assert!(headers.contains("Date: Thu, 01 Jan 1970 00:00:00 +0000"), "{headers}");
        assert!(headers.contains("Message-ID: <id@example.org>"), "{headers}");
        assert!(headers.contains("Auto-Submitted: auto-generated"), "{headers}");
    }
}
