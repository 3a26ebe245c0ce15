//! How many monitors there are of each status, as stored: what the audit counts on its way.

use heartbeat_core::{Monitor, Shown, Timestamp, metric};
use serde::{Deserialize, Serialize};

/// Monitors by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Census {
    new: usize,
    ok: usize,
    running: usize,
    late: usize,
    overdue: usize,
    paused: usize,
}

impl Census {
    /// Whether nobody was counted.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// One more.
    pub(crate) fn count(&mut self, monitor: &Monitor, now: Timestamp) {
        *self.of(monitor.recorded_status_at(now)) += 1;
    }

    /// These as well.
    pub(crate) fn and(mut self, other: Self) -> Self {
        let Self { new, ok, running, late, overdue, paused } = other;
        self.new += new;
        self.ok += ok;
        self.running += running;
        self.late += late;
        self.overdue += overdue;
        self.paused += paused;
        self
    }

    /// Shows them to who asks for metrics.
    pub(crate) fn show(&self) {
        for (shown, count) in [
            (Shown::New, self.new),
            (Shown::Ok, self.ok),
            (Shown::Running, self.running),
            (Shown::Late, self.late),
            (Shown::Overdue, self.overdue),
            (Shown::Paused, self.paused),
        ] {
            metric::MONITORS.gauge([shown.as_str()]).set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
        }
    }

    fn of(&mut self, shown: Shown) -> &mut usize {
        match shown {
            Shown::New => &mut self.new,
            Shown::Ok => &mut self.ok,
            Shown::Running => &mut self.running,
            Shown::Late => &mut self.late,
            Shown::Overdue => &mut self.overdue,
            Shown::Paused => &mut self.paused,
        }
    }
}
