//! Worlds over the `DynamoDB` store, on a real engine behind a wire of bad luck; `just simulate-dynamo` runs more of them.

use std::{collections::BTreeMap, time::Duration};

use heartbeat_proof::{
    dynamo::{Fault, Lie, simulate_on_dynamo, small_plan},
    simulator::{Plan, Verdict},
};

/// Lives through the seeds; answers with how often each trouble was made.
fn all_promises_are_kept(seeds: std::ops::Range<u64>) -> BTreeMap<&'static str, u64> {
    let mut troubles: BTreeMap<&str, u64> = BTreeMap::new();
    let mut broken = Vec::new();
    for seed in seeds {
        let verdict = simulate_on_dynamo(seed, Plan { storm: Duration::from_mins(40), ..small_plan() }, None);
        assert!(verdict.pings > 100 && verdict.certain_outages > 0 && verdict.told > 0, "nothing happens: {verdict:?}");
        broken.extend(verdict.offences.iter().map(|offence| format!("seed {seed}: {offence}")));
        for (kind, count) in verdict.troubles {
            *troubles.entry(kind).or_default() += count;
        }
    }
    assert_eq!(broken, [""; 0], "replay with this plan");
    troubles
}

/// What can happen on the wire and never did in these worlds: of that they prove nothing.
fn missing(troubles: &BTreeMap<&'static str, u64>, besides: Fault) -> Vec<&'static str> {
    let expected = Fault::ALL.into_iter().filter(|fault| *fault != besides);
    expected.map(Fault::name).filter(|name| !troubles.contains_key(name)).collect()
}

#[test]
fn worlds_by_index_keep_every_promise() {
    let troubles = all_promises_are_kept(0..2);
    // Of scans there are few: the auditor's.
    assert_eq!(missing(&troubles, Fault::StaleScan), [""; 0]);
}

#[test]
fn worlds_by_index_in_two_shards_keep_every_promise() {
    let troubles = all_promises_are_kept(8..10);
    assert_eq!(missing(&troubles, Fault::StaleScan), [""; 0]);
}

#[test]
fn worlds_by_sweep_keep_every_promise() {
    let troubles = all_promises_are_kept(4..6);
    // Nobody asks the index.
    assert_eq!(missing(&troubles, Fault::StaleIndex), [""; 0]);
}

#[test]
fn worlds_by_sweep_in_two_segments_keep_every_promise() {
    let troubles = all_promises_are_kept(12..14);
    assert_eq!(missing(&troubles, Fault::StaleIndex), [""; 0]);
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [9, 13] {
        let live = || simulate_on_dynamo(seed, short_plan(), None);
        let (one, again) = (live(), live());
        assert_eq!(format!("{one:?}"), format!("{again:?}"));
    }
}

/// Long enough for something to happen.
fn short_plan() -> Plan {
    Plan { storm: Duration::from_mins(15), ..small_plan() }
}

/// What the judge says of a world whose service lies, in fair weather.
fn charges(lie: Lie) -> String {
    let Verdict { offences, .. } = simulate_on_dynamo(0, short_plan(), Some(lie));
    offences.join("\n")
}

#[test]
fn the_judge_notices_a_service_that_answers_updates_without_carrying_them_out() {
    let charges = charges(Lie::SwallowsUpdates);
    assert!(charges.contains("FALSE ALERT") && charges.contains("it counts"), "{charges}");
}

#[test]
fn the_judge_notices_a_service_that_loses_history() {
    let charges = charges(Lie::SwallowsHistory);
    assert!(charges.contains("that never was"), "{charges}");
}

#[test]
fn the_judge_notices_an_index_that_never_shows_one_of_its_items() {
    let charges = charges(Lie::HidesFromIndex);
    // Whether an alert is lost as well is decided by what a short world has time for.
    assert!(charges.contains("nobody looks at it"), "{charges}");
}
