//! How far a copy is: a bar on a terminal, elsewhere a line for each kind of thing that is done.

use std::time::Duration;

use heartbeat_core::archive::{Kind, Step};
use indicatif::{ProgressBar, ProgressStyle};

use crate::mention;

const BAR: &str = "{msg:18} {wide_bar} {human_pos} of {human_len}, {eta} left";
/// How often a bar is drawn anew while nothing is done, so that it is seen to live.
const TICK: Duration = Duration::from_secs(1);

/// Shows how far it is.
pub(super) struct Progress {
    /// What is done to things.
    doing: &'static str,
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn of(doing: &'static str) -> Self {
        Self { doing, bar: ProgressBar::hidden() }
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Starts { kind, of } => self.bar = bar(kind, of),
            Step::Done(more) => {
                self.bar.inc(more);
                // How many there are was an estimate.
                let (done, of) = (self.bar.position(), self.bar.length().unwrap_or_default());
                self.bar.set_length(of.max(done));
            }
            Step::Ends(kind) => {
                self.bar.finish_and_clear();
                if self.bar.is_hidden() {
                    mention(&format!("{}: {} {}", kind.plural(), self.bar.position(), self.doing));
                }
            }
        }
    }
}

/// A bar on standard error; hidden where that is no terminal.
fn bar(kind: Kind, of: u64) -> ProgressBar {
    let bar = ProgressBar::new(of).with_message(kind.plural());
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style);
    }
    if !bar.is_hidden() {
        bar.enable_steady_tick(TICK);
    }
    bar
}
