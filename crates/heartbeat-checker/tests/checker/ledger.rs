//! A channel that writes down what it tells, and that does as it is told itself.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use heartbeat_core::{
    Channel, ChannelName, NoticeKind, Telling,
    delivery::{Outcome, Reason},
};
use tokio::sync::{Semaphore, watch};

pub(crate) struct Ledger {
    name: ChannelName,
    messages: watch::Sender<Vec<Vec<Telling>>>,
    script: Mutex<VecDeque<Outcome>>,
    /// A message needs a permit to be sent: none is left where the channel hangs.
    lines: Semaphore,
}

impl Ledger {
    pub(crate) fn named(name: &str) -> Arc<Self> {
        Arc::new(Self {
            name: ChannelName::parse(name).unwrap(),
            messages: watch::Sender::new(Vec::new()),
            script: Mutex::default(),
            lines: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    /// A channel that never answers.
    pub(crate) fn hanging(name: &str) -> Arc<Self> {
        let ledger = Self::named(name);
        ledger.lines.forget_permits(Semaphore::MAX_PERMITS);
        ledger
    }

    /// Answers the next messages with `outcomes`, and all after them with success.
    pub(crate) fn will(&self, outcomes: impl IntoIterator<Item = Outcome>) {
        self.script.lock().unwrap().extend(outcomes);
    }

    /// Whatever it was going to answer: from now on it answers with success.
    pub(crate) fn will_work(&self) {
        self.script.lock().unwrap().clear();
    }

    /// Lets a hanging channel go on.
    pub(crate) fn release(&self) {
        self.lines.add_permits(1_000);
    }

    /// Every message that reached people, with what it told.
    pub(crate) fn messages(&self) -> Vec<Vec<Telling>> {
        self.messages.borrow().clone()
    }

    pub(crate) fn tellings(&self) -> Vec<Telling> {
        self.messages().concat()
    }

    pub(crate) fn kinds(&self) -> Vec<NoticeKind> {
        self.tellings().iter().map(|telling| telling.notice.kind()).collect()
    }

    /// What a ledger answers by panicking.
    pub(crate) fn panics() -> Outcome {
        Outcome::Refused { reason: Reason::new("panics") }
    }

    /// Returns when at least `count` notifications have reached people.
    pub(crate) async fn has_told(&self, count: usize) {
        let mut seen = self.messages.subscribe();
        seen.wait_for(|messages| messages.iter().map(Vec::len).sum::<usize>() >= count).await.unwrap();
    }
}

#[async_trait]
impl Channel for Ledger {
    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn time_out(&self) -> Duration {
        Duration::from_secs(10)
    }

    async fn send(&self, tellings: &[Telling]) -> Outcome {
        let _line = self.lines.acquire().await.unwrap();
        let outcome = self.script.lock().unwrap().pop_front().unwrap_or(Outcome::Delivered);
        assert_ne!(outcome, Self::panics(), "a bug of a channel");
        if outcome == Outcome::Delivered {
            self.messages.send_modify(|messages| messages.push(tellings.to_vec()));
        }
        outcome
    }

    async fn test(&self) -> Outcome {
        self.send(&[]).await
    }
}
