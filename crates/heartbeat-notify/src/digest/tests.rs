//! Digests, rendered.

use heartbeat_core::{Notice, Project, incident::Cause};
use proptest::prelude::*;

use super::*;
use crate::{
    html, message, plain,
    samples::{folded, minutes, opened, recovered, reminder, telling},
    wording::tests::{any_telling, is_well_formed},
};

fn fell(name: &str) -> Telling {
    telling(Project::DEFAULT, name, opened("03:00:00", Cause::Missed))
}

fn mixed() -> Vec<Telling> {
    let failed = Cause::Failed { exit: Some(2) };
    let late = folded([opened("02:00:00", Cause::Missed), recovered("02:00:00", Cause::Missed, "03:00:00")]);
    let tell = |name: &str, notice: Notice| telling(Project::DEFAULT, name, notice);
    vec![
        tell("web-eu", recovered("01:00:00", Cause::Missed, "03:00:00")),
        tell("sync-mail", late),
        fell("nightly-backup"),
        telling("acme", "invoices", opened("03:00:00", failed)),
        tell("reindex", reminder("01:00:00", Cause::Overran, 2, minutes(120))),
    ]
}

fn many(count: usize, name: impl Fn(usize) -> String) -> Vec<Telling> {
    (1..=count).map(|n| fell(&name(n))).collect()
}

fn long_name(n: usize) -> String {
    format!("{n:03}-{}", "x".repeat(60))
}

/// The first three and the last two lines, how many there are, and how long it is.
fn shape(message: &Message) -> String {
    let text = plain::render(message);
    let lines: Vec<&str> = text.lines().collect();
    let (first, last) = (&lines[..3], &lines[lines.len() - 2..]);
    format!("{}\n...\n{}\n[{} lines, {} units]", first.join("\n"), last.join("\n"), lines.len(), message.units())
}

#[test]
fn a_few_of_each_kind() {
    insta::assert_snapshot!(plain::render(&digest(&mixed())), @"
    🔴 2 down · 🟠 1 still down · 🟢 1 ok again · 🟡 1 was down, now ok
    🔴 invoices (acme) failed with exit code 2 at 03:00 UTC (last ping 01:55 UTC, every 1h)
    🔴 nightly-backup overdue since 03:00 UTC (last ping 01:55 UTC, every 1h)
    🟠 reindex still over its max runtime after 2h, since 01:00 UTC (last ping 22 Nov 23:55 UTC, every 1h)
    🟢 web-eu ok again after 2h (pinged 03:00 UTC, every 1h)
    🟡 sync-mail was late by 1h, now ok (pinged 03:00 UTC, every 1h)
    ");
    insta::assert_snapshot!(html::render(&digest(&mixed())), @"
    <b>🔴 2 down · 🟠 1 still down · 🟢 1 ok again · 🟡 1 was down, now ok</b>
    🔴 <b>invoices</b> (acme) failed with exit code 2 at 03:00 UTC (last ping 01:55 UTC, every 1h)
    🔴 <b>nightly-backup</b> overdue since 03:00 UTC (last ping 01:55 UTC, every 1h)
    🟠 <b>reindex</b> still over its max runtime after 2h, since 01:00 UTC (last ping 22 Nov 23:55 UTC, every 1h)
    🟢 <b>web-eu</b> ok again after 2h (pinged 03:00 UTC, every 1h)
    🟡 <b>sync-mail</b> was late by 1h, now ok (pinged 03:00 UTC, every 1h)
    ");
}

#[test]
fn four_that_fell_together() {
    insta::assert_snapshot!(html::render(&digest(&many(4, |n| format!("job-{n}")))), @"
    <b>🔴 4 down</b>
    🔴 <b>job-1</b> overdue since 03:00 UTC (last ping 01:55 UTC, every 1h)
    🔴 <b>job-2</b> overdue since 03:00 UTC (last ping 01:55 UTC, every 1h)
    🔴 <b>job-3</b> overdue since 03:00 UTC (last ping 01:55 UTC, every 1h)
    🔴 <b>job-4</b> overdue since 03:00 UTC (last ping 01:55 UTC, every 1h)
    ");
}

#[test]
fn forty_are_all_named() {
    insta::assert_snapshot!(shape(&digest(&many(40, |n| format!("job-{n:02}")))), @"
    🔴 40 down
    🔴 job-01 overdue since 03:00 UTC (last ping 01:55 UTC, every 1h)
    🔴 job-02 overdue since 03:00 UTC (last ping 01:55 UTC, every 1h)
    ...
    🔴 job-39 overdue since 03:00 UTC (last ping 01:55 UTC, every 1h)
    🔴 job-40 overdue since 03:00 UTC (last ping 01:55 UTC, every 1h)
    [41 lines, 2650 units]
    ");
    // With the longest names, the times make room for the names.
    insta::assert_snapshot!(shape(&digest(&many(40, long_name))), @"
    🔴 40 down
    🔴 001-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx overdue since 03:00 UTC
    🔴 002-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx overdue since 03:00 UTC
    ...
    🔴 039-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx overdue since 03:00 UTC
    🔴 040-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx overdue since 03:00 UTC
    [41 lines, 3690 units]
    ");
}

#[test]
fn of_five_hundred_thirty_are_named_and_the_rest_counted() {
    insta::assert_snapshot!(shape(&digest(&many(500, |n| format!("job-{n:03}")))), @"
    🔴 500 down
    🔴 job-001 overdue since 03:00 UTC (last ping 01:55 UTC, every 1h)
    🔴 job-002 overdue since 03:00 UTC (last ping 01:55 UTC, every 1h)
    ...
    🔴 job-030 overdue since 03:00 UTC (last ping 01:55 UTC, every 1h)
    and 470 more
    [32 lines, 2034 units]
    ");
}

#[test]
fn what_finds_no_room_is_counted() {
    let project = "p".repeat(64);
    let tellings: Vec<Telling> =
        (1..=40).map(|n| telling(&project, &long_name(n), opened("03:00:00", Cause::Missed))).collect();
    insta::assert_snapshot!(shape(&digest(&tellings)), @"
    🔴 40 down
    🔴 001-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx (pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp) overdue since 03:00 UTC
    🔴 002-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx (pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp) overdue since 03:00 UTC
    ...
    🔴 025-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx (pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp) overdue since 03:00 UTC
    and 15 more
    [27 lines, 3997 units]
    ");
}

#[test]
fn one_telling_gets_its_own_message_and_two_share_one() {
    assert!(plain::render(&message(&mixed()[..1])).starts_with("🟢 web-eu"));
    assert!(plain::render(&message(&mixed()[..2])).starts_with("🟢 1 ok again · 🟡 1 was down"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_digest_fits_is_well_formed_and_counts_everybody(tellings in prop::collection::vec(any_telling(Just(None)), 2..60)) {
        let digest = digest(&tellings);
        let html = html::render(&digest);
        prop_assert!(digest.units() <= LIMIT);
        prop_assert!(is_well_formed(&html), "{html}");
        // Telegram renders at most 100 entities of a message.
        prop_assert!(html.matches("<b>").count() <= 100);
        let text = plain::render(&digest);
        let more = text.lines().last().unwrap().strip_prefix("and ").map(|rest| rest.strip_suffix(" more").unwrap());
        let (named, more) = match more {
            Some(count) => (digest.lines.len() - 2, count.parse().unwrap()),
            None => (digest.lines.len() - 1, 0_usize),
        };
        prop_assert_eq!(named + more, tellings.len());
    }
}
