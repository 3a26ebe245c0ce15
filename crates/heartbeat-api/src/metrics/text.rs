//! The monitors of a project in the text format of Prometheus: all samples of one metric stand together.
//!
//! Slugs and names of projects are made of `a-z 0-9 -`: nothing in a label needs an escape.

use std::{fmt::Write, time::Duration};

use heartbeat_core::{
    Context, Monitor, Project, Shown, Slug, Status, Timestamp,
    metric::{self, Metric},
};

/// Every status, as it is shown.
const STATUSES: [Shown; 6] = [Shown::New, Shown::Ok, Shown::Running, Shown::Late, Shown::Overdue, Shown::Paused];

/// What Prometheus is told of one monitor.
pub(super) struct Reading {
    slug: Slug,
    status: Shown,
    last_ping_at: Option<Timestamp>,
    due_at: Option<Timestamp>,
    pings: u64,
    last_duration: Option<Duration>,
    incident_since: Option<Timestamp>,
}

impl Reading {
    /// A monitor at `context.now`.
    pub(super) fn of(stored: &Monitor, context: &Context) -> Self {
        let monitor = stored.settled_at(context);
        Self {
            status: stored.status_at(context),
            last_ping_at: monitor.last_heard_at(),
            due_at: monitor.due_at(),
            pings: monitor.ping_count,
            last_duration: monitor.last_duration,
            incident_since: incident_since(&monitor.status),
            slug: monitor.id.slug,
        }
    }
}

fn incident_since(status: &Status) -> Option<Timestamp> {
    match status {
        Status::Overdue { incident } => Some(incident.since),
        Status::New | Status::Ok { .. } | Status::Paused { .. } => None,
    }
}

/// The monitors of one project.
pub(super) struct Readings {
    project: Project,
    monitors: Vec<Reading>,
    unreadable: usize,
    truncated: u8,
}

impl Readings {
    /// None yet.
    pub(super) fn of(project: Project) -> Self {
        Self { project, monitors: Vec::new(), unreadable: 0, truncated: 0 }
    }

    /// How many were looked at.
    pub(super) fn len(&self) -> usize {
        self.monitors.len() + self.unreadable
    }

    pub(super) fn add(&mut self, reading: Reading) {
        self.monitors.push(reading);
    }

    pub(super) fn add_unreadable(&mut self) {
        self.unreadable += 1;
    }

    /// There are more.
    pub(super) fn are_truncated(&mut self) {
        self.truncated = 1;
    }

    /// Writes all of them.
    pub(super) fn write_to(&self, text: &mut String) {
        self.write_statuses(text);
        self.write(text, &metric::MONITOR_LAST_PING, |one| one.last_ping_at.map(seconds));
        self.write(text, &metric::MONITOR_DUE, |one| one.due_at.map(seconds));
        self.write(text, &metric::MONITOR_PINGS, |one| Some(one.pings.to_string()));
        self.write(text, &metric::MONITOR_LAST_DURATION, |one| {
            one.last_duration.map(|took| took.as_secs_f64().to_string())
        });
        self.write(text, &metric::MONITOR_INCIDENT_START, |one| one.incident_since.map(seconds));
        self.write_one(text, &metric::UNREADABLE, self.unreadable);
        self.write_one(text, &metric::TRUNCATED, usize::from(self.truncated));
    }

    fn write_statuses(&self, text: &mut String) {
        head(text, &metric::MONITOR_STATUS);
        let name = metric::MONITOR_STATUS.name;
        for Reading { slug, status, .. } in &self.monitors {
            for other in STATUSES {
                let (project, word, is_it) = (&self.project, other.as_str(), u8::from(other == *status));
                let labels = format_args!("project=\"{project}\",slug=\"{slug}\",status=\"{word}\"");
                let _ = writeln!(text, "{name}{{{labels}}} {is_it}");
            }
        }
    }

    fn write(&self, text: &mut String, metric: &Metric, value: impl Fn(&Reading) -> Option<String>) {
        head(text, metric);
        for (one, value) in self.monitors.iter().filter_map(|one| Some((one, value(one)?))) {
            let (name, project, slug) = (metric.name, &self.project, &one.slug);
            let _ = writeln!(text, "{name}{{project=\"{project}\",slug=\"{slug}\"}} {value}");
        }
    }

    fn write_one(&self, text: &mut String, metric: &Metric, value: usize) {
        head(text, metric);
        let _ = writeln!(text, "{}{{project=\"{}\"}} {value}", metric.name, self.project);
    }
}

fn head(text: &mut String, Metric { name, kind, help, .. }: &Metric) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {}", kind.as_str());
}

/// Seconds since 1970, to the microsecond.
fn seconds(at: Timestamp) -> String {
    let micros = at.as_micros().max(0);
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
