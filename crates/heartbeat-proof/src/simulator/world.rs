//! The world of a seed: its store, its jobs, its people, its processes, its weather; a storm, then calm, then the verdict.

use std::{sync::Arc, time::Duration};

use heartbeat_core::{
    Channel, ChannelName, Clock, Grace, Interval, MonitorId, Project, Reminders, Signal, Slug, Store, Timestamp,
    channel::definition::{ChannelRole, ChannelsError, Wants, add_channel},
    flow::Settings,
    history::PingLog,
};
use tokio::runtime::Runtime;

use super::{
    executor::{Chance, Executor, SimClock},
    faulty::{Faulty, Luck, Pace, Poison, Premises, Sabotage},
    job::{CRON_GRACE_S, Character, Job, SETTLE},
    journal::Journal,
    judge::{Evidence, Verdict, judge},
    onlooker::Onlooker,
    people::Meddler,
    plan::{Plan, Scale},
    process::{Amnesty, Process, Prover},
    radio::{Failure, Post, Radio, Radios, Weather},
    spell::Spells,
    watch::Watch,
};

const START: Timestamp = Timestamp::from_secs(1_790_000_000);
/// Per mille of worlds with an item that cannot be understood.
const POISONED: u64 = 500;
/// Per mille of the jobs that may, which run by a cron line.
const CRON: u64 = 400;
/// How long a channel hangs that obeys no time-out.
const HANGS: Duration = Duration::from_mins(5);
/// One seed in this many has neither crashes nor store faults: there, nothing at all may be told twice.
const FAIR_WEATHER_EACH: u64 = 4;

struct World {
    plan: Plan,
    executor: Arc<Executor>,
    clock: SimClock,
    journal: Arc<Journal>,
    wire: Faulty,
    settings: Settings,
    chance: Chance,
    crashes: u64,
    is_fair: bool,
    is_instant: bool,
    /// When no ping reaches us.
    deaf: Arc<Spells>,
    /// When the store refuses everything.
    closed: Arc<Spells>,
    calm_from: Timestamp,
    /// Where the characters of its jobs begin: few jobs are others in each world.
    first: u64,
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
    let posts = world.posts();
    World::furnish(&posts, store.as_ref(), runtime);
    let apis: Vec<_> = (0..plan.apis).map(|_| world.api()).collect();
    let jobs = world.populate(&apis);
    world.watch(&posts);
    world.onlook(&jobs);
    let end_of_calm = world.calm_from.plus(plan.scale.calm());
    world.executor.run_until(end_of_calm);
    world.mend(&jobs);
    world.executor.run_until(end_of_calm.plus(plan.scale.aftermath()));
    world.executor.end();
    let evidence = Evidence {
        seed,
        plan,
        settings: world.settings,
        jobs: &jobs,
        posts: &posts,
        journal: &world.journal,
        store: store.as_ref(),
        runtime,
        deaf: &world.deaf,
        closed: &world.closed,
        now: end_of_calm.plus(plan.scale.aftermath()),
        mended_at: end_of_calm,
        fair: world.is_fair,
        is_instant: world.is_instant,
    };
    judge(&evidence)
}

impl World {
    fn new(
        seed: u64,
        plan: Plan,
        runtime: &Arc<Runtime>,
        open: impl FnOnce(Sky) -> Premises,
    ) -> (Self, Arc<dyn Store>) {
        let (chance, is_fair) = (Chance::of(seed), seed.is_multiple_of(FAIR_WEATHER_EACH));
        let executor = Executor::new(START, chance.below(u64::MAX));
        let clock = SimClock(Arc::clone(&executor));
        let journal = Arc::new(Journal::default());
        let calm_from = START.plus(plan.storm);
        let luck = if is_fair { Luck::GOOD } else { plan.scale.luck(&chance) };
        let crashes = if is_fair { 0 } else { plan.scale.crashes(&chance) };
        let premises = open(Sky { clock: Arc::new(clock.clone()), calm_from, is_fair });
        let (store, is_instant) = (Arc::clone(&premises.store), premises.pace == Pace::Instant);
        let span = (START.plus(plan.scale.morning()), calm_from);
        let deaf = if chance.happens(500) { plan.scale.deaf_spells(&chance, span) } else { Spells::default() };
        let closed = if is_fair { Spells::default() } else { plan.scale.store_outages(&chance, span) };
        deaf.iter().for_each(|_| journal.trouble("outage: ingest"));
        closed.iter().for_each(|_| journal.trouble("outage: store"));
        let (deaf, closed) = (Arc::new(deaf), Arc::new(closed));
        let wire = Faulty::new(
            premises,
            Arc::clone(runtime),
            Arc::clone(&executor),
            Arc::clone(&journal),
            (luck, calm_from),
            chance.below(u64::MAX),
        );
        let poison = chance
            .happens(POISONED)
            .then(poisoned)
            .flatten()
            .map(|id| Poison { id, from: START.plus(plan.scale.morning()) });
        let wire = wire.with_outages(Arc::clone(&closed)).lying(plan.sabotage).poisoned(poison);
        let world = Self {
            plan,
            executor,
            clock,
            journal,
            wire,
            settings: settings(),
            chance,
            crashes,
            is_fair,
            is_instant,
            deaf,
            closed,
            calm_from,
            first: if plan.scale == Scale::Minutes { seed * plan.monitors } else { 0 },
        };
        (world, store)
    }

    /// The channels of the project: three, and one for what those cannot be told. In some worlds one of the three is gone for
    /// good in the middle.
    fn posts(&self) -> Vec<Post> {
        let gone = if self.chance.happens(300) { self.chance.below(3) } else { u64::MAX };
        let down_and_up = Wants { reminders: false, late: false, ..Wants::ALL };
        let kinds = [("telegram", Wants::ALL), ("email", down_and_up), ("webhook", Wants::ALL), ("spare", Wants::ALL)];
        let posts = kinds.into_iter().zip(0..).filter_map(|((kind, wants), number)| {
            let role = if kind == "spare" { ChannelRole::Fallback } else { ChannelRole::Main };
            let middle = self.chance.between(self.plan.storm.as_secs() / 8, self.plan.storm.as_secs());
            let gone_from = (number == gone).then(|| START.plus(Duration::from_secs(middle)));
            let failures = if self.is_fair { Failure::HONEST } else { Failure::ALL };
            let weather = Weather { gone_from, ..self.weather(failures) };
            let name = ChannelName::parse(kind).ok()?;
            weather.outages.iter().for_each(|_| self.journal.trouble(outage_of(kind)));
            if gone_from.is_some() {
                self.journal.trouble("channel: gone for good");
            }
            Some(Post { name, kind, wants, role, weather })
        });
        posts.collect()
    }

    fn weather(&self, failures: &'static [Failure]) -> Weather {
        let outages = self.plan.scale.channel_outages(&self.chance, (START, self.calm_from));
        let noise = self.chance.below(250);
        let hangs = match self.plan.sabotage {
            Some(Sabotage::HangsBeyondItsTimeOut) => HANGS,
            Some(_) | None => Duration::ZERO,
        };
        Weather { outages, gone_from: None, noise, failures, calm_from: self.calm_from, hangs }
    }

    fn radio(&self, name: ChannelName, weather: Weather) -> Arc<Radio> {
        let journal = Arc::clone(&self.journal);
        Arc::new(Radio::new(name, self.clock.clone(), journal, weather, self.chance.below(u64::MAX)))
    }

    /// Puts the channels into the directory, however often it takes.
    fn furnish(posts: &[Post], store: &dyn Store, runtime: &Runtime) {
        for post in posts {
            let (project, definition) = (Project::default(), post.definition(START));
            loop {
                let added = runtime.block_on(add_channel(store, &project, &post.name, &definition));
                if matches!(added, Ok(()) | Err(ChannelsError::Exists(_))) {
                    break;
                }
            }
        }
    }

    fn process(&self) -> Arc<Process> {
        let amnesty = if self.plan.sabotage == Some(Sabotage::KnowsNoAmnesty) { Amnesty::Off } else { Amnesty::On };
        Process::new(self.wire.clone(), self.clock.clone(), self.settings, amnesty, &self.chance)
    }

    fn end(&self) -> Timestamp {
        self.calm_from.plus(self.plan.scale.calm()).plus(self.plan.scale.aftermath())
    }

    fn chance(&self) -> Chance {
        Chance::of(self.chance.below(u64::MAX))
    }

    /// An API, which proves that pings are received while they are.
    fn api(&self) -> Arc<Process> {
        let process = self.process();
        let prover = Prover {
            process: Arc::clone(&process),
            clock: self.clock.clone(),
            chance: self.chance(),
            journal: Arc::clone(&self.journal),
            deaf: Arc::clone(&self.deaf),
            crashes: self.crashes,
            calm_from: self.calm_from,
        };
        self.executor.spawn(prover.run(self.end()));
        process
    }

    fn populate(&self, apis: &[Arc<Process>]) -> Vec<Job> {
        let some_api = || {
            let pick = usize::try_from(self.chance.below(apis.len() as u64)).unwrap_or(0);
            apis.get(pick).map(Arc::clone)
        };
        let mut jobs = Vec::new();
        for number in 0..self.plan.monitors {
            let Some(job) = some_api().and_then(|api| self.job(number, api)) else { continue };
            self.executor.spawn(job.clone().run(self.calm_from));
            if let (Character::Crowded, Some(api)) = (job.character, some_api()) {
                let twin = Job { chance: self.chance(), api, ..job.clone() };
                self.executor.spawn(twin.run(self.calm_from));
            }
            if let (Character::Meddled, Some(api)) = (job.character, some_api()) {
                let (clock, journal) = (self.clock.clone(), Arc::clone(&self.journal));
                let meddler = Meddler { id: job.id.clone(), api, clock, chance: self.chance(), journal };
                self.executor.spawn(meddler.run(self.calm_from));
            }
            jobs.push(job);
        }
        // One that pings once, and whose item cannot be understood soon after, in the worlds where that is so.
        if let (Some(id), Some(poison)) = (poisoned(), some_api().and_then(|api| self.job(self.plan.monitors, api))) {
            let job = Job { id, ..poison };
            self.executor.spawn(async move { job.ping(Signal::Success).await });
        }
        jobs
    }

    fn job(&self, number: u64, api: Arc<Process>) -> Option<Job> {
        let (interval, grace) = self.plan.scale.rhythm(&self.chance);
        let character = self.plan.scale.character(number + self.first);
        let runs = (character.keeps_hours() && self.chance.happens(CRON)).then(|| self.plan.scale.runs(&self.chance));
        let (interval, grace) = match &runs {
            Some(runs) => (runs.period.as_secs(), grace.max(CRON_GRACE_S)),
            None => (interval, grace),
        };
        let life = self.chance.between(600, 600 + self.plan.storm.as_secs() * 9 / 5);
        Some(Job {
            id: MonitorId::new(Project::default(), Slug::parse(&format!("job-{number}")).ok()?),
            character,
            interval: Interval::from_secs(interval)?,
            runs,
            grace: Grace::from_secs(grace)?,
            api,
            deaf: Arc::clone(&self.deaf),
            clock: self.clock.clone(),
            chance: self.chance(),
            journal: Arc::clone(&self.journal),
            crashes: self.crashes,
            dies_at: START.plus(Duration::from_secs(life)),
        })
    }

    fn watch(&self, posts: &[Post]) {
        let weather = self.weather(Failure::OF_THE_HOUSE);
        let Ok(name) = ChannelName::parse("house") else { return };
        let house: Arc<dyn Channel> = self.radio(name, weather);
        let radios = posts.iter().map(|post| (post.name.clone(), self.radio(post.name.clone(), post.weather.clone())));
        let radios = Arc::new(Radios(radios.collect()));
        for _ in 0..self.plan.checkers {
            let watch = Watch {
                process: self.process(),
                house: Arc::clone(&house),
                kinds: Arc::<Radios>::clone(&radios),
                longest_nap: self.plan.scale.longest_nap(),
                clock: self.clock.clone(),
                chance: self.chance(),
                journal: Arc::clone(&self.journal),
                crashes: self.crashes,
                calm_from: self.calm_from,
            };
            self.executor.spawn(watch.run(self.end()));
        }
    }

    /// Somebody looks at the plain jobs.
    fn onlook(&self, jobs: &[Job]) {
        let plain = jobs.iter().filter(|job| job.character.is_plain());
        let onlooker = Onlooker {
            process: self.process(),
            clock: self.clock.clone(),
            chance: self.chance(),
            journal: Arc::clone(&self.journal),
            ids: plain.map(|job| job.id.clone()).collect(),
        };
        self.executor.spawn(onlooker.run(self.end()));
    }

    /// Every job comes back to life, and stays within its window until the verdict.
    fn mend(&self, jobs: &[Job]) {
        for job in jobs {
            let job = Job { crashes: 0, ..job.clone() };
            self.executor.spawn(async move { job.mend().await });
        }
    }
}

/// The monitor whose item cannot be understood, in some worlds.
fn poisoned() -> Option<MonitorId> {
    Some(MonitorId::new(Project::default(), Slug::parse("poisoned").ok()?))
}

fn settings() -> Settings {
    Settings {
        settle: SETTLE,
        reminders: Reminders::default(),
        interval: Interval::DEFAULT,
        grace: Grace::DEFAULT,
        ping_log: PingLog::All,
    }
}

fn outage_of(kind: &str) -> &'static str {
    match kind {
        "telegram" => "outage: telegram",
        "email" => "outage: email",
        "webhook" => "outage: webhook",
        _ => "outage: spare",
    }
}
