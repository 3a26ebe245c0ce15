//! The end: Ctrl-C or a polite kill, told to everybody who must finish.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Hears of the end. Clones hear of the same one.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens for SIGINT and SIGTERM.
    pub(crate) fn on_signal() -> std::io::Result<Self> {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let (tell, stop) = watch::channel(false);
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::info!("stopping: finishing what was accepted");
            // Kept until the end of the process: a dropped sender would look like the end, too.
            let _ = tell.send(true);
        });
        Ok(Self(stop))
    }

    /// Returns at the end.
    pub(crate) async fn requested(mut self) {
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}
