//! The world of a seed: its store, its jobs, its people, its checkers, its weather; a storm, then calm, then the verdict.

use std::{sync::Arc, time::Duration};

use heartbeat_core::{
    Channel, ChannelName, Clock, Grace, Interval, MonitorId, Project, Reminders, Signal, Slug, Store, Timestamp,
    flow::{Flow, Settings},
    history::PingLog,
};
use tokio::runtime::Runtime;

use super::{
    executor::{Chance, Executor, SimClock},
    faulty::{Faulty, Luck, Premises, Sabotage},
    job::{Character, Job, SETTLE},
    journal::Journal,
    judge::{Evidence, Verdict, judge},
    people::Meddler,
    radio::{Failure, Radio, Weather},
    watch::Watch,
};

const START: Timestamp = Timestamp::from_secs(1_790_000_000);
/// Longer than any retry's wait: what is not told by then is stuck.
const CALM: Duration = Duration::from_hours(2);
/// After the last recovery.
const AFTERMATH: Duration = Duration::from_mins(20);
/// One seed in this many has neither crashes nor store faults: there, nothing at all may be told twice.
const FAIR_WEATHER_EACH: u64 = 4;

/// How big a world is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many monitors.
    pub monitors: u64,
    /// How many checkers side by side.
    pub checkers: u64,
    /// How long the storm lasts.
    pub storm: Duration,
    /// A lie of the store, to see whether the judge notices.
    pub sabotage: Option<Sabotage>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { monitors: 10, checkers: 3, storm: Duration::from_hours(3), sabotage: None }
    }
}

struct World {
    executor: Arc<Executor>,
    clock: SimClock,
    journal: Arc<Journal>,
    flow: Flow,
    chance: Chance,
    crashes: u64,
    failures: &'static [Failure],
    calm_from: Timestamp,
}

/// What whoever opens the store of a world is told of it.
pub struct Sky {
    /// The world's clock.
    pub clock: Arc<dyn Clock>,
    /// From then on there is no trouble any more.
    pub calm_from: Timestamp,
    /// Whether this is one of the worlds where nothing at all may be told twice.
    pub is_fair: bool,
}

/// Lives through the world of `seed` on the real store that `open` opens, which must be empty, and judges it. The store's
/// requests are carried out on `runtime`.
pub fn simulate(seed: u64, plan: Plan, runtime: &Arc<Runtime>, open: impl FnOnce(Sky) -> Premises) -> Verdict {
    let (world, store) = World::new(seed, plan, runtime, open);
    let channels = world.channels();
    let jobs = world.populate(plan);
    world.watch(plan, &channels);
    let end_of_calm = world.calm_from.plus(CALM);
    world.executor.run_until(end_of_calm);
    world.mend(&jobs);
    world.executor.run_until(end_of_calm.plus(AFTERMATH));
    world.executor.end();
    let evidence = Evidence {
        seed,
        settings: world.flow.settings,
        jobs: &jobs,
        channels: &channels,
        journal: &world.journal,
        store: store.as_ref(),
        runtime,
        now: end_of_calm.plus(AFTERMATH),
        mended_at: end_of_calm,
        fair: is_fair(seed),
    };
    judge(&evidence)
}

fn is_fair(seed: u64) -> bool {
    seed.is_multiple_of(FAIR_WEATHER_EACH)
}

impl World {
    fn new(
        seed: u64,
        plan: Plan,
        runtime: &Arc<Runtime>,
        open: impl FnOnce(Sky) -> Premises,
    ) -> (Self, Arc<dyn Store>) {
        let chance = Chance::of(seed);
        let executor = Executor::new(START, chance.below(u64::MAX));
        let clock = SimClock(Arc::clone(&executor));
        let journal = Arc::new(Journal::default());
        let calm_from = START.plus(plan.storm);
        let luck = if is_fair(seed) {
            Luck::GOOD
        } else {
            Luck { refused: chance.below(60), lost: chance.below(60), slow: chance.below(40) }
        };
        let crashes = if is_fair(seed) { 0 } else { chance.below(6) };
        let failures = if is_fair(seed) { Failure::HONEST } else { Failure::ALL };
        let premises = open(Sky { clock: Arc::new(clock.clone()), calm_from, is_fair: is_fair(seed) });
        let store = Arc::clone(&premises.store);
        let faulty = Faulty::new(
            premises,
            Arc::clone(runtime),
            Arc::clone(&executor),
            Arc::clone(&journal),
            (luck, calm_from),
            chance.below(u64::MAX),
        );
        let flow = Flow {
            store: Arc::new(faulty.lying(plan.sabotage)),
            clock: Arc::new(clock.clone()),
            random: Arc::new(crate::instruments::Seeded::new(chance.below(u64::MAX))),
            settings: Settings {
                settle: SETTLE,
                reminders: Reminders::default(),
                interval: Interval::DEFAULT,
                grace: Grace::DEFAULT,
                ping_log: PingLog::All,
            },
        };
        (Self { executor, clock, journal, flow, chance, crashes, failures, calm_from }, store)
    }

    fn channels(&self) -> Vec<Arc<dyn Channel>> {
        let names = ["pager", "telegram"];
        let radios = names.into_iter().filter_map(|name| {
            let mut outages = Vec::new();
            for _ in 0..self.chance.below(3) {
                let from = START.plus(Duration::from_secs(self.chance.below(10_000)));
                outages.push((from, from.plus(Duration::from_secs(self.chance.between(60, 4_000)))));
            }
            let radio = Radio::new(
                ChannelName::parse(name).ok()?,
                self.clock.clone(),
                Arc::clone(&self.journal),
                Weather { outages, noise: self.chance.below(250), failures: self.failures, calm_from: self.calm_from },
                self.chance.below(u64::MAX),
            );
            Some(Arc::new(radio) as Arc<dyn Channel>)
        });
        radios.collect()
    }

    fn populate(&self, plan: Plan) -> Vec<Job> {
        let mut jobs = Vec::new();
        for number in 0..plan.monitors {
            let Some(job) = self.job(number) else { continue };
            self.executor.spawn(job.clone().run(self.calm_from));
            if job.character == Character::Crowded {
                let twin = Job { chance: Chance::of(self.chance.below(u64::MAX)), ..job.clone() };
                self.executor.spawn(twin.run(self.calm_from));
            }
            if job.character == Character::Meddled {
                let meddler = Meddler {
                    id: job.id.clone(),
                    flow: self.flow.clone(),
                    clock: self.clock.clone(),
                    chance: Chance::of(self.chance.below(u64::MAX)),
                    journal: Arc::clone(&self.journal),
                };
                self.executor.spawn(meddler.run(self.calm_from));
            }
            jobs.push(job);
        }
        jobs
    }

    fn job(&self, number: u64) -> Option<Job> {
        let character = match number % 10 {
            0 => Character::Steady,
            1 => Character::Crowded,
            2 => Character::Chatty,
            3 | 4 => Character::Borderline,
            5 => Character::Messy,
            6 | 7 => Character::Dying,
            _ => Character::Meddled,
        };
        Some(Job {
            id: MonitorId::new(Project::default(), Slug::parse(&format!("job-{number}")).ok()?),
            character,
            interval: Interval::from_secs(self.chance.between(30, 900))?,
            grace: Grace::from_secs(self.chance.below(120))?,
            flow: self.flow.clone(),
            clock: self.clock.clone(),
            chance: Chance::of(self.chance.below(u64::MAX)),
            journal: Arc::clone(&self.journal),
            crashes: self.crashes,
        })
    }

    fn watch(&self, plan: Plan, channels: &[Arc<dyn Channel>]) {
        for _ in 0..plan.checkers {
            let watch = Watch {
                flow: self.flow.clone(),
                channels: channels.to_vec(),
                clock: self.clock.clone(),
                chance: Chance::of(self.chance.below(u64::MAX)),
                journal: Arc::clone(&self.journal),
                crashes: self.crashes,
                calm_from: self.calm_from,
            };
            self.executor.spawn(watch.run(self.calm_from.plus(CALM).plus(AFTERMATH)));
        }
    }

    /// Every job comes back to life, and stays within its window until the verdict.
    fn mend(&self, jobs: &[Job]) {
        for job in jobs {
            let job = Job { crashes: 0, ..job.clone() };
            self.executor.spawn(async move { job.ping(Signal::Success).await });
        }
    }
}
