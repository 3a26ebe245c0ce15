//! The operator's own monitors: in them Heartbeat watches itself, so that the operator hears of its troubles by the way of all
//! alerts.

use super::{Flow, PingError, Sender, Settings};
use crate::{
    history::PingLog,
    interval::{Grace, Interval},
    monitor::MonitorId,
    ping::{Body, Ping, Signal},
    schedule::Schedule,
    slug::{Project, Slug},
};

/// The operator's monitors: in them Heartbeat watches itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// Pinged by every API that runs for long: evidence that pings are received.
    Ingest,
    /// Pinged by the checker through the public address: evidence, too, and the only one where nothing runs between pings.
    Canary,
    /// Fails while too many monitors fall silent at once.
    Crowd,
    /// Fails while somebody cannot be told.
    Channels,
}

impl Own {
    /// Its slug in the operator's project.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Canary => "canary",
            Self::Crowd => "crowd",
            Self::Channels => "channels",
        }
    }

    /// Its monitor.
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "four literals, each of them in a test")]
    pub fn id(self) -> MonitorId {
        MonitorId::new(Project::operator(), Slug::parse(self.as_str()).expect("a literal slug"))
    }
}

impl Flow {
    /// Tells the operator, by a ping to a monitor of their own. Best effort: it is said in the log besides.
    pub async fn tell_operator(&self, own: Own, signal: Signal, said: String) {
        if let Err(error) = self.ping_own(own, signal, said).await {
            tracing::warn!(monitor = own.as_str(), %error, "the operator's own monitor could not be pinged");
        }
    }

    /// Pings a monitor of the operator's own. History keeps no row of it but what it changes.
    pub(super) async fn ping_own(&self, own: Own, signal: Signal, said: String) -> Result<(), PingError> {
        let (interval, grace) = match own {
            // Together the minute after which evidence is stale.
            Own::Ingest => (Interval::from_secs(30), Grace::from_secs(30)),
            Own::Canary => (Interval::from_secs(120), Grace::from_secs(60)),
            // Nobody waits for their pings.
            Own::Crowd | Own::Channels => (Interval::from_secs(365 * 86_400), Some(Grace::ZERO)),
        };
        let schedule = interval.map(Schedule::Every);
        let ping = Ping { schedule, grace, body: Body::from_tail(said.as_bytes()).0, ..Ping::bare(signal) };
        let flow = Self { settings: Settings { ping_log: PingLog::None, ..self.settings }, ..self.clone() };
        flow.record_ping(&own.id(), ping, Sender::default(), self.clock.now()).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::Own;

    #[test]
    fn the_operators_monitors_have_names() {
        for own in [Own::Ingest, Own::Canary, Own::Crowd, Own::Channels] {
            assert_eq!(own.id().to_string(), format!("heartbeat/{}", own.as_str()));
        }
    }
}
