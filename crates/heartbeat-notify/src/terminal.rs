//! Alerts on the terminal: what an installation without a channel has, so that news is never silent.

use std::{
    fmt,
    io::{self, Write},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use heartbeat_core::{
    Channel, ChannelName, Telling,
    delivery::{Outcome, Reason},
};

use crate::{channel_name, message, plain};

/// Writing a few lines takes no time worth naming; a writer that blocks is a full pipe.
const TIME_OUT: Duration = Duration::from_secs(1);

/// Prints each message to a writer, plainly, with an empty line after it.
pub struct Terminal {
    name: ChannelName,
    writer: Mutex<Box<dyn Write + Send>>,
}

impl Terminal {
    /// Prints to `writer`.
    pub fn new(writer: Box<dyn Write + Send>) -> Self {
        Self { name: channel_name("terminal"), writer: Mutex::new(writer) }
    }

    fn print(&self, text: &str) -> io::Result<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        // One write, so that lines of a log beside it do not fall in between.
        writer.write_all(format!("{text}\n\n").as_bytes())?;
        writer.flush()
    }
}

/// Prints to standard output.
impl Default for Terminal {
    fn default() -> Self {
        Self::new(Box::new(io::stdout()))
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl Channel for Terminal {
    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn time_out(&self) -> Duration {
        TIME_OUT
    }

    async fn send(&self, tellings: &[Telling]) -> Outcome {
        if tellings.is_empty() {
            return Outcome::Delivered;
        }
        match self.print(&plain::render(&message(tellings))) {
            Ok(()) => Outcome::Delivered,
            Err(error) => {
                let reason = Reason::new(&format!("the terminal cannot be written to: {error}"));
                Outcome::TryAgain { after: None, reason }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::samples;

    /// A writer that somebody else can read.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A pipe whose reader has gone.
    struct BrokenPipe;

    impl Write for BrokenPipe {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn each_message_is_printed_with_an_empty_line_after_it() {
        let paper = Paper::default();
        let terminal = Terminal::new(Box::new(paper.clone()));
        assert_eq!(terminal.send(&[samples::overdue()]).await, Outcome::Delivered);
        assert_eq!(terminal.send(&[samples::recovery()]).await, Outcome::Delivered);
        assert_eq!(terminal.send(&[]).await, Outcome::Delivered);
        let printed = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        insta::assert_snapshot!(printed, @"
        🔴 nightly-backup overdue since 03:00 UTC
        Last ping 01:55 UTC, 1h 5m ago
        Expected every 1h, grace 5m

        🟢 nightly-backup ok again after 2h 15m
        Overdue from 03:00 UTC to 05:15 UTC
        Last ping 05:15 UTC, the one before 01:55 UTC
        Expected every 1h, grace 5m
        ");
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_tried_again() {
        let outcome = Terminal::new(Box::new(BrokenPipe)).send(&[samples::overdue()]).await;
        let reason = Reason::new("the terminal cannot be written to: broken pipe");
        assert_eq!(outcome, Outcome::TryAgain { after: None, reason });
    }

    #[test]
    fn it_is_called_terminal() {
        assert_eq!(Terminal::default().name().as_str(), "terminal");
        assert_eq!(format!("{:?}", Terminal::default()), r#"Terminal { name: ChannelName(Slug("terminal")), .. }"#);
    }
}
