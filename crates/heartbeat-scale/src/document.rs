//! `docs/scale.md`: prose from Markdown files beside this one, figures and tables from the model and the simulation.

mod carried;
mod costs;
mod loads;
mod sources;
mod spikes;

use carried::Carried;

use crate::spike::checksums;

const HEAD: &str = include_str!("document/head.md");
const COSTS: &str = include_str!("document/costs.md");
const LOADS: &str = include_str!("document/loads.md");
const SPIKES: &str = include_str!("document/spikes.md");
const SOURCES: &str = include_str!("document/sources.md");

/// A name in a text, and what stands there in the document.
type Figure = (&'static str, String);

/// The whole text of `docs/scale.md`.
pub fn document() -> String {
    let monitors = checksums(1_000_000);
    let carried = Carried::all(&monitors);
    let texts = [HEAD, COSTS, LOADS, SPIKES, SOURCES].map(str::trim_end).join("\n\n") + "\n";
    let figures = [
        costs::figures(),
        loads::figures(&carried),
        carried::figures(&carried),
        spikes::figures(&monitors),
        sources::figures(),
    ];
    figures.concat().into_iter().fold(texts, |text, (name, figure)| text.replace(&format!("{{{name}}}"), &figure))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the simulation fills in, which takes seconds: `tests/committed.rs` looks at that.
    const SIMULATED: [&str; 3] = ["spike-table", "new-spike-table", "counted-seconds"];

    #[test]
    fn every_name_in_the_texts_has_its_figure_and_every_figure_its_name() {
        let texts = [HEAD, COSTS, LOADS, SPIKES, SOURCES].concat();
        let carried = [Carried { shards: 16, without_waiting: 1.0, without_failing: 2.0, with_patience: 3.0 }];
        let figures =
            [costs::figures(), loads::figures(&carried), carried::figures(&carried), sources::figures()].concat();
        let known: Vec<&str> = figures.iter().map(|(name, _)| *name).chain(SIMULATED).collect();
        for name in &known {
            assert!(texts.contains(&format!("{{{name}}}")), "no text has {{{name}}}");
        }
        for name in texts.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
            assert!(known.contains(&name), "no figure is named {name}");
        }
    }
}
