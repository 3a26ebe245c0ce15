//! Worlds over the `DynamoDB` store, on a real engine behind a wire of bad luck; `just simulate-dynamo` runs more of them.

use std::{collections::BTreeSet, time::Duration};

use heartbeat_proof::{
    dynamo::{Fault, Lie, simulate_on_dynamo, small_plan, tiny_plan},
    simulator::{Plan, Verdict},
};

/// What is made in every quarter of the hundred worlds, besides the faults of the wire.
const TROUBLES: [&str; 18] = [
    "API gave up on a ping",
    "channel: 429",
    "channel: 500",
    "channel: delivered, answer lost",
    "channel: gone for good",
    "channel: refuses for good",
    "channel: time-out",
    "corrupt item: read",
    "crash: API under a ping",
    "crash: checker",
    "outage: email",
    "outage: ingest",
    "outage: store",
    "outage: telegram",
    "outage: webhook",
    "store: answer lost",
    "store: refused",
    "store: slow request",
];

/// Lives through a quarter of a hundred small worlds, of every way to find what is due; in a quarter there is every kind of
/// trouble.
fn a_quarter_keeps_every_promise(seeds: std::ops::Range<u64>) {
    let verdicts: Vec<_> = seeds.map(|seed| simulate_on_dynamo(seed, tiny_plan(seed), None)).collect();
    let broken = verdicts
        .iter()
        .flat_map(|verdict| verdict.offences.iter().map(move |offence| format!("seed {}: {offence}", verdict.seed)));
    let broken: Vec<_> = broken.collect();
    assert_eq!(broken, [""; 0], "replay with simulate --plan tiny --seed N");
    let troubles: BTreeSet<_> = verdicts.iter().flat_map(|verdict| verdict.troubles.keys().copied()).collect();
    let expected = Fault::ALL.into_iter().map(Fault::name).chain(TROUBLES);
    let missing: Vec<_> = expected.filter(|name| !troubles.contains(name)).collect();
    assert_eq!(missing, [""; 0], "it never happened: of that these worlds prove nothing");
    assert!(verdicts.iter().map(|verdict| verdict.certain_outages).sum::<usize>() > 0, "nothing had to be told");
}

#[test]
fn seeds_0_to_24_keep_every_promise() {
    a_quarter_keeps_every_promise(0..25);
}

#[test]
fn seeds_25_to_49_keep_every_promise() {
    a_quarter_keeps_every_promise(25..50);
}

#[test]
fn seeds_50_to_74_keep_every_promise() {
    a_quarter_keeps_every_promise(50..75);
}

#[test]
fn seeds_75_to_99_keep_every_promise() {
    a_quarter_keeps_every_promise(75..100);
}

#[test]
fn a_larger_world_keeps_every_promise() {
    let verdict = simulate_on_dynamo(4, Plan { storm: Duration::from_mins(40), ..small_plan() }, None);
    assert_eq!(verdict.offences, [""; 0]);
    assert!(verdict.pings > 100 && verdict.certain_outages > 0 && verdict.told > 0, "nothing happens: {verdict:?}");
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
    // Which of them it comes to is decided by what a short world has time for.
    let of_silence = ["LATE ALERT", "LOST ALERT", "nobody looks at it"];
    assert!(of_silence.iter().any(|charge| charges.contains(charge)), "{charges}");
    assert!(charges.lines().all(|charge| charge.starts_with("default/job-0: ")), "only one is hidden: {charges}");
}
