//! The end: Ctrl-C or a polite kill, told to everybody who must finish. Whoever asks twice does not want to wait.

use std::process;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// What a shell calls the end by Ctrl-C: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;

/// Hears of the end. Clones hear of the same one.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// Tells of the end. Dropping it is the end, too.
#[derive(Debug)]
pub(crate) struct Stopper(watch::Sender<bool>);

impl Stop {
    /// An end that is still to be told.
    pub(crate) fn ahead() -> (Stopper, Self) {
        let (tell, stop) = watch::channel(false);
        (Stopper(tell), Self(stop))
    }

    /// Listens for SIGINT and SIGTERM. The first asks for the end, the second is the end.
    pub(crate) fn on_signal() -> std::io::Result<Self> {
        let mut signals = Signals::listen()?;
        let (stopper, stop) = Self::ahead();
        tokio::spawn(async move {
            signals.next().await;
            tracing::info!("stopping: finishing what was accepted");
            stopper.stop();
            signals.next().await;
            tracing::warn!("stopped at once, at the second signal: what was unfinished is not");
            process::exit(INTERRUPTED);
        });
        Ok(stop)
    }

    /// Whether this is the end.
    pub(crate) fn is_requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Returns at the end.
    pub(crate) async fn requested(mut self) {
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}

impl Stopper {
    /// This is the end.
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
