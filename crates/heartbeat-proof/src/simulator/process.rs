//! Processes of ours: each has a clock that is a little off, and what it knows of outages dies with it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use heartbeat_core::{
    Clock, Random, Timestamp,
    flow::{Flow, Hearing, Known, Settings},
    outage::HOLD,
};

use super::{
    executor::{Chance, OffClock, SimClock, crashing},
    faulty::{Faulty, Tally},
    journal::Journal,
    spell::Spells,
};

/// The furthest that a clock is off, either way: two of them differ by up to 2 s.
const MOST_OFF_US: u64 = 1_000_000;
/// How often an API proves that pings are received.
const PROVE_EVERY: Duration = Duration::from_secs(15);

/// Whether processes know of outages of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amnesty {
    On,
    Off,
}

/// What a process knows, and what dies with it: of outages of ours, and of cron lines.
#[derive(Clone, Default)]
struct Knows {
    hearing: Arc<Hearing>,
    lines: Arc<Known>,
}

/// An API, a checker, or a page that somebody looks at.
pub(super) struct Process {
    wire: Faulty,
    clock: OffClock,
    random: Arc<dyn Random>,
    settings: Settings,
    amnesty: Amnesty,
    /// What dies with it.
    knows: Mutex<Knows>,
}

impl Process {
    pub(super) fn new(
        wire: Faulty,
        world: SimClock,
        settings: Settings,
        amnesty: Amnesty,
        chance: &Chance,
    ) -> Arc<Self> {
        let ahead = i64::try_from(chance.below(2 * MOST_OFF_US)).unwrap_or(0) - MOST_OFF_US.cast_signed();
        let random: Arc<dyn Random> = Arc::new(crate::instruments::Seeded::new(chance.below(u64::MAX)));
        let (clock, knows) = (OffClock { world, ahead }, Mutex::default());
        let process = Self { wire: wire.of_a_process(), clock, random, settings, amnesty, knows };
        process.start_anew();
        Arc::new(process)
    }

    /// It died, and another has taken its place.
    pub(super) fn start_anew(&self) {
        let hearing = match self.amnesty {
            Amnesty::On => Arc::new(Hearing::new(HOLD)),
            Amnesty::Off => Arc::default(),
        };
        *self.knows() = Knows { hearing, lines: Arc::default() };
    }

    fn knows(&self) -> MutexGuard<'_, Knows> {
        self.knows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn flow(&self) -> Flow {
        self.flow_over(self.wire.clone())
    }

    /// The flow of one request, and the count of what it asks of the store.
    pub(super) fn tallied(&self) -> (Flow, Arc<Tally>) {
        let tally = Arc::<Tally>::default();
        (self.flow_over(self.wire.clone().tallied(&tally)), tally)
    }

    fn flow_over(&self, wire: Faulty) -> Flow {
        let Knows { hearing, lines } = self.knows().clone();
        Flow {
            store: Arc::new(wire),
            clock: Arc::new(self.clock.clone()),
            random: Arc::clone(&self.random),
            settings: self.settings,
            hearing,
            known: lines,
        }
    }
}

/// What an API does besides answering: it proves that pings are received.
pub(super) struct Prover {
    pub(super) process: Arc<Process>,
    pub(super) clock: SimClock,
    pub(super) chance: Chance,
    pub(super) journal: Arc<Journal>,
    /// When no ping reaches us.
    pub(super) deaf: Arc<Spells>,
    /// Per mille of polls at which it dies.
    pub(super) crashes: u64,
    pub(super) calm_from: Timestamp,
}

impl Prover {
    /// Proves until `end`.
    pub(super) async fn run(self, end: Timestamp) {
        self.clock.sleep(Duration::from_millis(self.chance.below(PROVE_EVERY.as_secs() * 1_000))).await;
        while self.clock.now() < end {
            let now = self.clock.now();
            let crashes = if now < self.calm_from { self.crashes } else { 0 };
            let flow = self.process.flow();
            if !self.deaf.at(now) {
                self.prove(&flow, now, crashes).await;
            }
            self.clock.sleep(PROVE_EVERY).await;
        }
    }

    async fn prove(&self, flow: &Flow, now: Timestamp, crashes: u64) {
        match crashing(flow.prove_hearing(), &self.chance, crashes).await {
            Some(Ok(())) => {
                self.journal.record().proven.insert(now);
            }
            Some(Err(_)) => {}
            None => {
                self.journal.crashed("crash: API", self.clock.now());
                self.process.start_anew();
                self.clock.sleep(Duration::from_secs(self.chance.below(30))).await;
            }
        }
    }
}
