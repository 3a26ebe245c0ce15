//! Alerts on the terminal: what an installation without a channel has, so that news is never silent. A terminal that
//! does not take them (a full pipe, a stopped session) holds up nothing else.

use std::{
    fmt,
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use heartbeat_core::{
    Channel, ChannelName, Telling,
    delivery::{Outcome, Reason},
};
use tokio::{sync::Mutex, task::spawn_blocking, time::timeout};

use crate::{Message, channel_name, message, plain, test_alert};

/// Writing a few lines takes no time worth naming; a writer that blocks is a full pipe.
const TIME_OUT: Duration = Duration::from_secs(1);

/// Prints each message to a writer, plainly, with an empty line after it.
pub struct Terminal {
    name: ChannelName,
    /// Locked for as long as a message is being written: one that blocks occupies one thread, however often it is tried
    /// again.
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
    time_out: Duration,
}

impl Terminal {
    /// Prints to `writer`.
    pub fn new(writer: Box<dyn Write + Send>) -> Self {
        Self { name: channel_name("terminal"), writer: Arc::new(Mutex::new(writer)), time_out: TIME_OUT }
    }

    /// Prints one message.
    pub async fn tell(&self, message: &Message) -> Outcome {
        let printed = timeout(self.time_out, self.print(plain::render(message)));
        let failed = match printed.await {
            Ok(Ok(())) => return Outcome::Delivered,
            Ok(Err(error)) => format!("the terminal cannot be written to: {error}"),
            Err(_) => "the terminal takes nothing: is what reads it stopped?".to_owned(),
        };
        Outcome::TryAgain { after: None, reason: Reason::new(&failed) }
    }

    async fn print(&self, text: String) -> io::Result<()> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        let printing = spawn_blocking(move || {
            // One write, so that lines of a log beside it do not fall in between.
            writer.write_all(format!("{text}\n\n").as_bytes())?;
            writer.flush()
        });
        printing.await.map_err(io::Error::other)?
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
        self.time_out
    }

    async fn send(&self, tellings: &[Telling]) -> Outcome {
        match tellings {
            [] => Outcome::Delivered,
            told => self.tell(&message(told)).await,
        }
    }

    async fn test(&self) -> Outcome {
        self.tell(&test_alert()).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};

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

    /// A pipe that takes nothing before the test lets go of its other end.
    struct FullPipe(mpsc::Receiver<()>, Paper);

    impl Write for FullPipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_pipe_that_nobody_reads_is_given_up_in_time_and_holds_up_one_thread() {
        let ((let_go, held), paper) = (mpsc::channel(), Paper::default());
        let pipe = FullPipe(held, paper.clone());
        let terminal = Terminal { time_out: Duration::from_millis(20), ..Terminal::new(Box::new(pipe)) };
        let reason = Reason::new("the terminal takes nothing: is what reads it stopped?");
        for _ in 0..3 {
            // On the only worker of this runtime: were it blocked, nobody would be there to give up.
            let outcome = terminal.send(&[samples::overdue()]).await;
            assert_eq!(outcome, Outcome::TryAgain { after: None, reason: reason.clone() });
        }
        drop(let_go);
        let patient = Terminal { time_out: Duration::from_secs(30), ..terminal };
        assert_eq!(patient.send(&[samples::recovery()]).await, Outcome::Delivered);
        let printed = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
        assert_eq!(printed.matches("🔴").count(), 1, "only the first was under way: {printed}");
    }

    #[test]
    fn it_is_called_terminal() {
        assert_eq!(Terminal::default().name().as_str(), "terminal");
        assert_eq!(format!("{:?}", Terminal::default()), r#"Terminal { name: ChannelName(Slug("terminal")), .. }"#);
    }
}
