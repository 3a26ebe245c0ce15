//! The metrics: one list of every figure that `GET /metrics` prints, with its kind, its labels and what it means. Who
//! counts, docs/metrics.md, the dashboard and the alert rules are all held to it.
//!
//! No label of a figure of the process has values without a bound: no slug, no key, no project. Those that are divided by
//! slug are printed for the project of the key that asks, and for nobody else. Names carry their units.
//!
//! Where no recorder is installed (Lambda, the command line) a handle does nothing.

mod list;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, SharedString, with_recorder};

pub use list::*;

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Its name, as Prometheus has it, its unit included.
    pub name: &'static str,
    /// What may become of its value.
    pub kind: Kind,
    /// What it is of.
    pub of: Of,
    /// What it is divided by.
    pub labels: &'static [&'static str],
    /// What it means, in one sentence.
    pub help: &'static str,
}

/// What may become of a metric's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// It only grows, until the process ends.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How many values were at most as large as each of these.
    Histogram(&'static [f64]),
}

impl Kind {
    /// The word, as Prometheus has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// What a metric is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// This process: for the operator.
    Process,
    /// The monitors of one project: for those who have a key of it.
    Monitors,
}

static METADATA: Metadata<'static> = Metadata::new("heartbeat", Level::INFO, None);

impl Metric {
    /// A handle on this counter where its labels have these values, in their order. Keep it: to make one costs a look-up.
    pub fn counter<V: Into<SharedString>>(&self, values: impl IntoIterator<Item = V>) -> Counter {
        with_recorder(|recorder| recorder.register_counter(&self.key(values), &METADATA))
    }

    /// The same of a gauge.
    pub fn gauge<V: Into<SharedString>>(&self, values: impl IntoIterator<Item = V>) -> Gauge {
        with_recorder(|recorder| recorder.register_gauge(&self.key(values), &METADATA))
    }

    /// The same of a histogram.
    pub fn histogram<V: Into<SharedString>>(&self, values: impl IntoIterator<Item = V>) -> Histogram {
        with_recorder(|recorder| recorder.register_histogram(&self.key(values), &METADATA))
    }

    fn key<V: Into<SharedString>>(&self, values: impl IntoIterator<Item = V>) -> Key {
        let labels: Vec<Label> = self.labels.iter().zip(values).map(|(name, value)| Label::new(*name, value)).collect();
        Key::from_parts(self.name, labels)
    }
}

/// No labels.
pub const WHOLE: [&str; 0] = [];

/// Tells `recorder` what each metric of the process means.
pub fn describe(recorder: &dyn Recorder) {
    for metric in ALL.iter().filter(|metric| metric.of == Of::Process) {
        let (name, help) = (KeyName::from_const_str(metric.name), SharedString::const_str(metric.help));
        match metric.kind {
            Kind::Counter => recorder.describe_counter(name, None, help),
            Kind::Gauge => recorder.describe_gauge(name, None, help),
            Kind::Histogram(_) => recorder.describe_histogram(name, None, help),
        }
    }
}

#[cfg(test)]
mod tests;
