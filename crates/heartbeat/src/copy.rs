//! `heartbeat copy`: everything of one store into another that is empty, and a second walk through both that says whether
//! they hold the same.
//!
//! A file is locked while it is copied, so that nobody serves it. Tables cannot be locked: what is written there meanwhile
//! is a difference that the second walk names.

mod place;
mod progress;

use anyhow::bail;
use heartbeat_core::{
    Clock,
    archive::{Comparison, Copied, Difference, Kind, Wrong, compare, copy},
    clock::SystemClock,
};

pub(crate) use self::place::Place;
use self::{place::Opened, progress::Progress};
use crate::{cli::Move, config::Config, mention, say};

/// How many differences are named.
const NAMED: usize = 100;

pub(crate) async fn run(config: &Config, wanted: Move) -> anyhow::Result<()> {
    let (from, to) = (wanted.from.name(config), wanted.to.name(config));
    if from == to {
        bail!("{from} cannot be copied into itself");
    }
    let source = wanted.from.open_source(config).await?;
    if wanted.verify {
        let target = wanted.to.open_source(config).await?;
        return verify(config, &source, &target).await;
    }
    let target = wanted.to.open_target(config).await?;
    for tables in [&source, &target].into_iter().filter(|opened| opened.is_open_to_others()) {
        mention(&format!("nobody else may write to {} meanwhile: stop what serves them", tables.name()));
    }
    let mut progress = Progress::of("copied");
    let copied = copy(source.archive(), target.archive(), source.name(), &mut |step| progress.step(step)).await?;
    report(&copied, &target)?;
    verify(config, &source, &target).await
}

/// Says what was copied, and names what was copied without being understood, and what was not taken.
fn report(copied: &Copied, target: &Opened) -> anyhow::Result<()> {
    let &Copied { monitors, tombstones, events, keys, entries, .. } = copied;
    let went_on = if copied.resumed { ", in more than one go" } else { "" };
    say(&format!(
        "copied into {}{went_on}: {monitors} monitors, {tombstones} that were deleted, {events} rows of history, {keys} \
         keys, {entries} directory entries",
        target.name()
    ))?;
    if copied.strange > 0 {
        say(&format!("{} of them this version does not understand; they are there as they were:", copied.strange))?;
        name_each(&copied.strange_names, copied.strange)?;
    }
    if copied.refused > 0 {
        say(&format!("{} were not taken:", copied.refused))?;
        let lines: Vec<String> =
            copied.refusals.iter().map(|refused| format!("{}: {}", refused.name, refused.reason)).collect();
        name_each(&lines, copied.refused)?;
    }
    Ok(())
}

/// Lines of a list that may be longer than what is known of it.
fn name_each(lines: &[String], all: u64) -> anyhow::Result<()> {
    lines.iter().try_for_each(|line| say(&format!("  {line}")))?;
    match all.saturating_sub(lines.len() as u64) {
        0 => Ok(()),
        more => Ok(say(&format!("  and {more} more"))?),
    }
}

/// Walks through both, and fails when they do not hold the same.
async fn verify(config: &Config, source: &Opened, target: &Opened) -> anyhow::Result<()> {
    let (now, mut progress) = (SystemClock.now(), Progress::of("looked at again"));
    let watch = &mut |step| progress.step(step);
    let comparison = compare(source.archive(), target.archive(), now, now.minus(config.retention), watch).await?;
    if comparison.is_equal() {
        return Ok(say(&format!("{} and {} hold the same, record by record", source.name(), target.name()))?);
    }
    tell_apart(&comparison)?;
    bail!("{} and {} differ; nothing was taken away from the first", source.name(), target.name())
}

fn tell_apart(comparison: &Comparison) -> anyhow::Result<()> {
    for kind in Kind::ALL {
        let count = |sides: &std::collections::BTreeMap<_, heartbeat_core::archive::Side>| {
            sides.get(&kind).map_or(0, |side| side.count)
        };
        let (ours, theirs) = (count(&comparison.source), count(&comparison.target));
        say(&format!("{}: {ours} in the first, {theirs} in the second", kind.plural()))?;
    }
    let lines: Vec<String> = comparison.differences.iter().take(NAMED).map(line).collect();
    name_each(&lines, (comparison.differences.len() + comparison.more) as u64)
}

/// A difference, in a line.
fn line(Difference { kind, name, wrong }: &Difference) -> String {
    let kind = kind.singular();
    match wrong {
        Wrong::Missing => format!("{kind} {name}: it is only in the first"),
        Wrong::Added => format!("{kind} {name}: it is only in the second"),
        Wrong::Differs(attributes) => format!("{kind} {name}: it differs in {}", attributes.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_says_where_to_look() {
        let said = |wrong| line(&Difference { kind: Kind::Monitor, name: "default/db".to_owned(), wrong });
        assert_eq!(said(Wrong::Missing), "monitor default/db: it is only in the first");
        assert_eq!(said(Wrong::Added), "monitor default/db: it is only in the second");
        let differs = Wrong::Differs(vec!["grace_s".to_owned(), "status".to_owned()]);
        assert_eq!(said(differs), "monitor default/db: it differs in grace_s, status");
    }
}
