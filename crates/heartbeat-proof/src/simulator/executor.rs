//! A seeded executor on one thread: it polls a random task of those that can go on, and moves time only when none can.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use async_trait::async_trait;
use heartbeat_core::{Clock, Random, Timestamp};

use crate::instruments::Seeded;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Simulated time, and the tasks that live in it.
pub(super) struct Executor {
    now: AtomicI64,
    random: Seeded,
    spawned: Mutex<Vec<Task>>,
    tasks: Mutex<Tasks>,
    able: Able,
    timers: Mutex<Timers>,
}

/// The places of the tasks that can go on, in the order in which they were woken.
type Able = Arc<Mutex<Vec<usize>>>;

/// All tasks, each in a place of its own until it ends.
#[derive(Default)]
struct Tasks {
    places: Vec<Option<(Task, Arc<Flag>)>>,
    free: Vec<usize>,
}

#[derive(Default)]
struct Timers {
    next: u64,
    waiting: BTreeMap<(Timestamp, u64), Waker>,
}

/// Wakes the task of a place, once until it is polled, and never one that has ended.
struct Flag {
    place: usize,
    is_woken: AtomicBool,
    able: Able,
}

impl Flag {
    fn set(&self) {
        if !self.is_woken.swap(true, Ordering::SeqCst) {
            lock(&self.able).push(self.place);
        }
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.set();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.set();
    }
}

impl Tasks {
    fn add(&mut self, task: Task, able: &Able) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        let flag = Arc::new(Flag { place, is_woken: AtomicBool::default(), able: Arc::clone(able) });
        flag.set();
        if let Some(free) = self.places.get_mut(place) {
            *free = Some((task, flag));
        }
    }

    fn end(&mut self, place: usize) {
        drop(self.places.get_mut(place).and_then(Option::take));
        self.free.push(place);
    }
}

impl Executor {
    pub(super) fn new(start: Timestamp, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            now: AtomicI64::new(start.as_micros()),
            random: Seeded::new(seed),
            spawned: Mutex::default(),
            tasks: Mutex::default(),
            able: Able::default(),
            timers: Mutex::default(),
        })
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        lock(&self.spawned).push(Box::pin(task));
    }

    /// Runs until `end`, or until nothing is left to do.
    pub(super) fn run_until(&self, end: Timestamp) {
        let mut tasks = lock(&self.tasks);
        loop {
            for task in std::mem::take(&mut *lock(&self.spawned)) {
                tasks.add(task, &self.able);
            }
            match self.pick() {
                Some(place) => self.poll(&mut tasks, place),
                None if self.pass_time(end) => {}
                None => return,
            }
        }
    }

    /// One of those that can go on.
    fn pick(&self) -> Option<usize> {
        let mut able = lock(&self.able);
        let count = able.len();
        (count > 0).then(|| able.swap_remove(usize::try_from(self.random.next() % count as u64).unwrap_or(0)))
    }

    fn poll(&self, tasks: &mut Tasks, place: usize) {
        let Some(Some((task, flag))) = tasks.places.get_mut(place) else { return };
        flag.is_woken.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(flag));
        if task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            // Whoever still holds its waker wakes nobody with it: least of all who takes its place.
            flag.is_woken.store(true, Ordering::SeqCst);
            lock(&self.able).retain(|able| *able != place);
            tasks.end(place);
        }
        // Nothing happens in no time.
        self.now.fetch_add(1 + i64::try_from(self.random.next() % 20).unwrap_or(0), Ordering::SeqCst);
    }

    /// Moves to the next timer; false when there is none before `end`.
    fn pass_time(&self, end: Timestamp) -> bool {
        let mut timers = lock(&self.timers);
        let Some(entry) = timers.waiting.first_entry() else { return false };
        if entry.key().0 > end {
            self.now.fetch_max(end.as_micros(), Ordering::SeqCst);
            return false;
        }
        let ((at, _), waker) = entry.remove_entry();
        self.now.fetch_max(at.as_micros(), Ordering::SeqCst);
        waker.wake();
        true
    }

    /// Drops whatever is still waiting: what the tasks hold, they hold no longer.
    pub(super) fn end(&self) {
        let left = (std::mem::take(&mut *lock(&self.tasks)), std::mem::take(&mut *lock(&self.spawned)));
        drop(left);
    }

    fn sleep_until(self: &Arc<Self>, at: Timestamp) -> Sleep {
        Sleep { executor: Arc::clone(self), at, timer: None }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A wait. It has at most one timer, and takes it along when it is dropped.
struct Sleep {
    executor: Arc<Executor>,
    at: Timestamp,
    timer: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.executor.now.load(Ordering::SeqCst) >= self.at.as_micros() {
            return Poll::Ready(());
        }
        let executor = Arc::clone(&self.executor);
        let mut timers = lock(&executor.timers);
        let number = *self.timer.get_or_insert_with(|| {
            timers.next += 1;
            timers.next
        });
        timers.waiting.insert((self.at, number), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.timer {
            lock(&self.executor.timers).waiting.remove(&(self.at, number));
        }
    }
}

/// The clock of the simulated world.
#[derive(Clone)]
pub(super) struct SimClock(pub(super) Arc<Executor>);

impl SimClock {
    /// Returns at `at`.
    pub(super) async fn until(&self, at: Timestamp) {
        self.0.sleep_until(at).await;
    }
}

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.now.load(Ordering::SeqCst))
    }

    async fn sleep(&self, duration: Duration) {
        self.until(self.now().plus(duration)).await;
    }
}

/// The clock of a machine: a little off.
#[derive(Clone)]
pub(super) struct OffClock {
    pub(super) world: SimClock,
    /// How many microseconds it is ahead.
    pub(super) ahead: i64,
}

#[async_trait]
impl Clock for OffClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.world.now().as_micros().saturating_add(self.ahead))
    }

    async fn sleep(&self, duration: Duration) {
        self.world.sleep(duration).await;
    }
}

/// A seeded source of chances.
#[derive(Clone)]
pub(crate) struct Chance(Arc<dyn Random>);

impl Chance {
    pub(crate) fn of(seed: u64) -> Self {
        Self(Arc::new(Seeded::new(seed)))
    }

    /// A number below `bound`.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.0.next() % bound.max(1)
    }

    /// A number in `from..to`.
    pub(crate) fn between(&self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from))
    }

    /// True `per_mille` times in a thousand.
    pub(crate) fn happens(&self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }
}

/// Runs `future`, but breaks it off at an await, `per_mille` times in a thousand polls: a process that dies there.
pub(super) async fn crashing<T>(future: impl Future<Output = T>, chance: &Chance, per_mille: u64) -> Option<T> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        if per_mille > 0 && chance.happens(per_mille) {
            return Poll::Ready(None);
        }
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Runs `future`, but no longer than `limit`.
pub(super) async fn within<T>(clock: &SimClock, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let deadline = clock.sleep(limit);
    match futures_util::future::select(std::pin::pin!(future), std::pin::pin!(deadline)).await {
        futures_util::future::Either::Left((value, _)) => Some(value),
        futures_util::future::Either::Right(_) => None,
    }
}
