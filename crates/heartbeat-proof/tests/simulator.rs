//! A hundred worlds, each lived through and judged; `just simulate` runs thousands, and `simulate --plan month` one that lasts for weeks.

use std::time::Duration;

use heartbeat_proof::{
    simulator::{Plan, Sabotage},
    sqlite::simulate_on_sqlite,
};

fn all_promises_are_kept(seeds: std::ops::Range<u64>) {
    let broken: Vec<String> = seeds
        .flat_map(|seed| {
            simulate_on_sqlite(seed, Plan::default())
                .offences
                .into_iter()
                .map(move |offence| format!("seed {seed}: {offence}"))
        })
        .collect();
    assert_eq!(broken, [""; 0], "replay with cargo run --release -p heartbeat-proof --bin simulate -- --seed N");
}

#[test]
fn seeds_0_to_24_keep_every_promise() {
    all_promises_are_kept(0..25);
}

#[test]
fn seeds_25_to_49_keep_every_promise() {
    all_promises_are_kept(25..50);
}

#[test]
fn seeds_50_to_74_keep_every_promise() {
    all_promises_are_kept(50..75);
}

#[test]
fn seeds_75_to_99_keep_every_promise() {
    all_promises_are_kept(75..100);
}

#[test]
fn two_thousand_monitors_of_mixed_intervals_keep_every_promise_for_days() {
    let days = Plan { storm: Duration::from_hours(8 * 24), ..Plan::month() };
    let verdict = simulate_on_sqlite(1, days);
    assert_eq!(verdict.offences, [""; 0]);
    let untried: Vec<_> = verdict.judged.iter().filter(|(_, count)| **count == 0).collect();
    assert_eq!(untried, [], "of that it proves nothing");
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [1, 4] {
        let (one, again) = (simulate_on_sqlite(seed, Plan::default()), simulate_on_sqlite(seed, Plan::default()));
        assert_eq!(format!("{one:?}"), format!("{again:?}"));
        assert!(one.pings > 100 && one.certain_outages > 0 && one.told > 0, "a world where nothing happens: {one:?}");
    }
}

/// What the judge says of a world whose store lies, in fair weather.
fn charges(sabotage: Sabotage) -> String {
    charges_of(4, sabotage)
}

fn charges_of(seed: u64, sabotage: Sabotage) -> String {
    simulate_on_sqlite(seed, Plan { sabotage: Some(sabotage), ..Plan::default() }).offences.join("\n")
}

#[test]
fn the_judge_notices_a_store_that_answers_pings_without_recording_them() {
    let charges = charges(Sabotage::SwallowsPings);
    assert!(charges.contains("FALSE ALERT") && charges.contains("it counts"), "{charges}");
}

#[test]
fn the_judge_notices_a_store_that_forgets_what_was_settled() {
    let charges = charges(Sabotage::ForgetsSettlements);
    assert!(charges.contains("was told twice, and nothing had crashed"), "{charges}");
}

#[test]
fn the_judge_notices_that_our_outage_is_called_theirs() {
    let charges = charges(Sabotage::KnowsNoAmnesty);
    assert!(charges.contains("FALSE ALERT") && charges.contains("we were deaf"), "{charges}");
}

#[test]
fn the_judge_notices_an_alert_that_never_came() {
    let charges = charges(Sabotage::HidesTheDue);
    assert!(charges.contains("LOST ALERT") && charges.contains("nobody looks at it"), "{charges}");
}

#[test]
fn the_judge_notices_an_alert_that_comes_minutes_late() {
    let charges = charges(Sabotage::BringsLate);
    assert!(charges.contains("LATE ALERT"), "{charges}");
}

/// In a world where requests fail all the time: none of them is an excuse but those that ask for outages.
#[test]
fn the_judge_notices_that_what_could_be_known_is_called_unconfirmed() {
    let charges = charges_of(1, Sabotage::RecallsAnOutage);
    assert!(charges.contains("and we could hear"), "{charges}");
}

#[test]
fn the_judge_notices_that_an_item_that_cannot_be_understood_delays_the_others() {
    let charges = charges(Sabotage::LetsPoisonSpread);
    assert!(charges.contains("LATE ALERT"), "{charges}");
}

#[test]
fn the_judge_notices_that_a_channel_that_hangs_delays_the_others() {
    let charges = charges(Sabotage::HangsBeyondItsTimeOut);
    assert!(charges.contains("LATE ALERT"), "{charges}");
}

#[test]
fn the_judge_notices_pings_that_are_refused_for_nothing() {
    let charges = charges_of(1, Sabotage::RefusesPings);
    assert!(charges.contains("were not answered with success"), "{charges}");
}
