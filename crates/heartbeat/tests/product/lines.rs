//! What a process writes, line by line, as it comes. Always read, so that no process waits for a full pipe.

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    sync::watch,
};

use crate::patience::{SOON, within};

/// Everything that a pipe has carried so far. Clones read the same pipe.
#[derive(Clone)]
pub(crate) struct Lines(watch::Receiver<Vec<String>>);

impl Lines {
    /// Reads `pipe` from now to its end.
    pub(crate) fn of(pipe: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let (tell, heard) = watch::channel(Vec::new());
        tokio::spawn(async move {
            let mut lines = BufReader::new(pipe).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                tell.send_modify(|lines| lines.push(line));
            }
        });
        Self(heard)
    }

    /// The first line that contains `wanted`, now or later.
    pub(crate) async fn until(&self, wanted: &str) -> String {
        let mut heard = self.0.clone();
        let find = |lines: &Vec<String>| lines.iter().find(|line| line.contains(wanted)).cloned();
        let found = tokio::time::timeout(SOON, heard.wait_for(|lines| find(lines).is_some())).await;
        if let Ok(Ok(lines)) = &found {
            return find(lines).unwrap();
        }
        drop(found);
        panic!("no line says {wanted:?}:\n{}", self.text());
    }

    /// Everything until now.
    pub(crate) fn text(&self) -> String {
        let mut text = self.0.borrow().join("\n");
        text.push('\n');
        text
    }

    /// Everything, once the process has closed the pipe.
    pub(crate) async fn to_the_end(&self) -> String {
        let mut heard = self.0.clone();
        within(SOON, "the end of a pipe", async { while heard.changed().await.is_ok() {} }).await;
        self.text()
    }
}
