//! What a process knows of the cron lines of monitors: enough to record a ping of one in one write, without a read. What it
//! knows may be old: the write is made only if the monitor is still of the revision that was seen.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    interval::Grace,
    monitor::{Monitor, MonitorId, Origin, Rev, forgotten_at},
    schedule::Schedule,
    store::{CronRun, Stands},
    time::Timestamp,
};

/// How many monitors are remembered; of more, none: they cost a read again until they are seen.
const MOST: usize = 20_000;

/// The cron lines that a process has seen.
#[derive(Debug, Default)]
pub struct Known {
    lines: Mutex<HashMap<MonitorId, Line>>,
    count: AtomicUsize,
}

#[derive(Clone, Debug)]
struct Line {
    rev: Rev,
    schedule: Schedule,
    grace: Grace,
    origin: Origin,
}

impl Known {
    /// Remembers a monitor as it was seen, or forgets it where a ping of it needs a look.
    pub fn saw(&self, monitor: &Monitor) {
        let is_known = self.count.load(Ordering::Relaxed) > 0;
        let is_cron = monitor.schedule.cron().is_some();
        if !is_cron && !is_known {
            return;
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if is_cron && monitor.is_ordinary() {
            if lines.len() >= MOST {
                lines.clear();
            }
            let Monitor { rev, schedule, grace, origin, .. } = monitor.clone();
            lines.insert(monitor.id.clone(), Line { rev, schedule, grace, origin });
        } else {
            lines.remove(&monitor.id);
        }
        self.count.store(lines.len(), Ordering::Relaxed);
    }

    /// What a success of `id` at `at` does, where its line is known and the ping carries no other.
    pub fn run(&self, id: &MonitorId, at: Timestamp, carried: (Option<&Schedule>, Option<Grace>)) -> Option<CronRun> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let line = self.lines.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()?;
        let (schedule, grace) = carried;
        let is_same =
            schedule.is_none_or(|schedule| *schedule == line.schedule) && grace.is_none_or(|grace| grace == line.grace);
        is_same.then(|| line.run(at))
    }
}

impl Line {
    /// The run that a success at `at` counts for: the one that has been, or the one to come where it is only a little early.
    fn run(&self, at: Timestamp) -> CronRun {
        let next = self.schedule.due_after(at, self.grace);
        let is_early = at >= next.minus(self.grace.duration()).minus(self.schedule.earliness(next, self.grace));
        let (from, due_at) = if is_early {
            (Stands::At(next), self.schedule.due_after(next.minus(self.grace.duration()), self.grace))
        } else {
            (Stands::AtMost(next), next)
        };
        let expires_at = (self.origin == Origin::Ping).then(|| forgotten_at(at, due_at));
        CronRun { rev: self.rev, from, due_at, expires_at }
    }
}
