//! Every kind of message, rendered. Read the snapshots: they are what people read at night.

use heartbeat_core::{
    About, Grace, Interval, Rev, Schedule,
    about::{description, name},
    incident::Cause,
};
use proptest::prelude::*;

use super::*;
use crate::{
    html, message, plain,
    samples::{at, folded, minutes, nightly, opened, overdue, recovered, recovery, reminder, telling},
};
use heartbeat_core::Notice;

const FAILED: Cause = Cause::Failed { exit: Some(1) };
const LONG: &str = "a-name-of-sixty-four-characters-is-as-long-as-one-may-ever-be-64";

fn plain_of(telling: &Telling) -> String {
    plain::render(&own(telling))
}

fn html_of(telling: &Telling) -> String {
    html::render(&own(telling))
}

#[test]
fn overdue_in_plain_and_html() {
    insta::assert_snapshot!(plain_of(&overdue()), @"
    🔴 nightly-backup overdue since 03:00 UTC
    Last ping 01:55 UTC, 1h 5m ago
    Expected every 1h, grace 5m
    ");
    insta::assert_snapshot!(html_of(&overdue()), @"
    🔴 <b>nightly-backup</b> overdue since 03:00 UTC
    Last ping 01:55 UTC, 1h 5m ago
    Expected every 1h, grace 5m
    ");
}

#[test]
fn overdue_in_a_project_and_noticed_late() {
    let mut notice = opened("03:00:00", Cause::Missed);
    notice.at = at("08:05:00");
    insta::assert_snapshot!(html_of(&telling("acme", "nightly-backup", notice)), @"
    🔴 <b>nightly-backup</b> (acme) overdue since 03:00 UTC, for 5h 5m
    Last ping 01:55 UTC, 6h 10m ago
    Expected every 1h, grace 5m
    ");
}

#[test]
fn what_people_call_it_and_what_is_to_be_done_are_told() {
    let mut overdue = overdue();
    overdue.about.name = Some("Nightly <backup>".to_owned());
    overdue.about.description = Some("Look at the disk first:\n  df -h /srv\n\nThen ask Ada.".to_owned());
    insta::assert_snapshot!(plain_of(&overdue), @"
    🔴 Nightly <backup> (nightly-backup) overdue since 03:00 UTC
    Last ping 01:55 UTC, 1h 5m ago
    Expected every 1h, grace 5m
    Look at the disk first:
      df -h /srv
    Then ask Ada.
    ");
    insta::assert_snapshot!(html_of(&overdue), @"
    🔴 <b>Nightly &lt;backup&gt;</b> (nightly-backup) overdue since 03:00 UTC
    Last ping 01:55 UTC, 1h 5m ago
    Expected every 1h, grace 5m
    Look at the disk first:
      df -h /srv
    Then ask Ada.
    ");

    let mut recovery = telling("acme", "nightly-backup", recovery().notice);
    recovery.about = overdue.about;
    insta::assert_snapshot!(plain_of(&recovery), @"
    🟢 Nightly <backup> (acme/nightly-backup) ok again after 2h 15m
    Overdue from 03:00 UTC to 05:15 UTC
    Last ping 05:15 UTC, the one before 01:55 UTC
    Expected every 1h, grace 5m
    ");
}

#[test]
fn failed_with_what_it_printed() {
    let mut failed = nightly(opened("03:00:00", FAILED));
    failed.excerpt = Some("dumping 12 tables\npg_dump: error: connection to server failed".to_owned());
    insta::assert_snapshot!(plain_of(&failed), @"
    🔴 nightly-backup failed with exit code 1 at 03:00 UTC
    | dumping 12 tables
    | pg_dump: error: connection to server failed
    Previous ping 01:55 UTC, 1h 5m ago
    Expected every 1h, grace 5m
    ");
    insta::assert_snapshot!(html_of(&failed), @"
    🔴 <b>nightly-backup</b> failed with exit code 1 at 03:00 UTC
    <pre>dumping 12 tables
    pg_dump: error: connection to server failed</pre>
    Previous ping 01:55 UTC, 1h 5m ago
    Expected every 1h, grace 5m
    ");
}

#[test]
fn failed_on_its_first_ping_without_an_exit_code() {
    let mut notice = opened("03:00:00", Cause::Failed { exit: None });
    notice.last_ping_at = None;
    insta::assert_snapshot!(plain_of(&nightly(notice)), @"
    🔴 nightly-backup failed at 03:00 UTC
    It was the first ping
    Expected every 1h, grace 5m
    ");
}

#[test]
fn over_its_max_runtime() {
    let mut notice = opened("03:00:00", Cause::Overran);
    notice.last_ping_at = Some(at("02:00:00"));
    insta::assert_snapshot!(plain_of(&nightly(notice.clone())), @"
    🔴 nightly-backup over its max runtime since 03:00 UTC
    Last ping 02:00 UTC, 1h ago
    Expected every 1h, grace 5m
    ");
    insta::assert_snapshot!(html_of(&nightly(notice)), @"
    🔴 <b>nightly-backup</b> over its max runtime since 03:00 UTC
    Last ping 02:00 UTC, 1h ago
    Expected every 1h, grace 5m
    ");
}

#[test]
fn reminders_of_each_cause() {
    insta::assert_snapshot!(plain_of(&nightly(reminder("03:00:00", Cause::Missed, 2, minutes(120)))), @"
    🟠 nightly-backup still overdue after 2h, since 03:00 UTC
    Last ping 01:55 UTC, 3h 5m ago
    Expected every 1h, grace 5m
    Reminder 2. To stop them: heartbeat monitors pause nightly-backup
    ");
    insta::assert_snapshot!(html_of(&nightly(reminder("03:00:00", Cause::Missed, 2, minutes(120)))), @"
    🟠 <b>nightly-backup</b> still overdue after 2h, since 03:00 UTC
    Last ping 01:55 UTC, 3h 5m ago
    Expected every 1h, grace 5m
    Reminder 2. To stop them: heartbeat monitors pause nightly-backup
    ");

    let mut failing = nightly(reminder("03:00:00", FAILED, 1, minutes(60)));
    failing.notice.last_ping_at = Some(at("03:30:00"));
    failing.excerpt = Some("disk full".to_owned());
    insta::assert_snapshot!(plain_of(&failing), @"
    🟠 nightly-backup still failing after 1h, since 03:00 UTC
    It failed with exit code 1
    | disk full
    Last ping 03:30 UTC, 30m ago
    Expected every 1h, grace 5m
    Reminder 1. To stop them: heartbeat monitors pause nightly-backup
    ");

    insta::assert_snapshot!(plain_of(&nightly(reminder("03:00:00", Cause::Overran, 30, minutes(4 * 1_440)))), @"
    🟠 nightly-backup still over its max runtime after 4d, since 23 Nov 03:00 UTC
    Last ping 23 Nov 01:55 UTC, 4d 1h ago
    Expected every 1h, grace 5m
    Reminder 30. To stop them: heartbeat monitors pause nightly-backup
    ");
}

#[test]
fn recoveries_of_each_cause() {
    insta::assert_snapshot!(plain_of(&recovery()), @"
    🟢 nightly-backup ok again after 2h 15m
    Overdue from 03:00 UTC to 05:15 UTC
    Last ping 05:15 UTC, the one before 01:55 UTC
    Expected every 1h, grace 5m
    ");
    insta::assert_snapshot!(html_of(&recovery()), @"
    🟢 <b>nightly-backup</b> ok again after 2h 15m
    Overdue from 03:00 UTC to 05:15 UTC
    Last ping 05:15 UTC, the one before 01:55 UTC
    Expected every 1h, grace 5m
    ");
    insta::assert_snapshot!(plain_of(&nightly(recovered("03:00:00", FAILED, "05:15:00"))), @"
    🟢 nightly-backup ok again after 2h 15m
    Failed with exit code 1 at 03:00 UTC, ok since 05:15 UTC
    Last ping 05:15 UTC, the one before 01:55 UTC
    Expected every 1h, grace 5m
    ");
    insta::assert_snapshot!(plain_of(&nightly(recovered("03:00:00", Cause::Overran, "05:15:00"))), @"
    🟢 nightly-backup ok again after 2h 15m
    Over its max runtime from 03:00 UTC to 05:15 UTC
    Last ping 05:15 UTC, the one before 01:55 UTC
    Expected every 1h, grace 5m
    ");
}

#[test]
fn late_but_fine_of_each_cause() {
    let late = |cause| nightly(folded([opened("03:00:00", cause), recovered("03:00:00", cause, "03:12:00")]));
    insta::assert_snapshot!(plain_of(&late(Cause::Missed)), @"
    🟡 nightly-backup was late by 12m, now ok
    It was due by 03:00 UTC
    Last ping 03:12 UTC, the one before 01:55 UTC
    Expected every 1h, grace 5m
    ");
    insta::assert_snapshot!(html_of(&late(Cause::Missed)), @"
    🟡 <b>nightly-backup</b> was late by 12m, now ok
    It was due by 03:00 UTC
    Last ping 03:12 UTC, the one before 01:55 UTC
    Expected every 1h, grace 5m
    ");
    insta::assert_snapshot!(plain_of(&late(FAILED)), @"
    🟡 nightly-backup failed with exit code 1 at 03:00 UTC, now ok
    Ok again after 12m
    Last ping 03:12 UTC, the one before 01:55 UTC
    Expected every 1h, grace 5m
    ");
    insta::assert_snapshot!(plain_of(&late(Cause::Overran)), @"
    🟡 nightly-backup was over its max runtime by 12m, now ok
    Its run was to end by 03:00 UTC
    Last ping 03:12 UTC, the one before 01:55 UTC
    Expected every 1h, grace 5m
    ");
}

/// Down at 03:00, ok at 04:10, down at 05:00, ok at 05:10, down at 05:30.
fn unsteady_night() -> [Notice; 5] {
    [
        opened("03:00:00", Cause::Missed),
        recovered("03:00:00", Cause::Missed, "04:10:00"),
        opened("05:00:00", FAILED),
        recovered("05:00:00", FAILED, "05:10:00"),
        opened("05:30:00", Cause::Missed),
    ]
}

#[test]
fn down_for_the_third_time_and_none_of_it_told_before() {
    let notice = folded(unsteady_night());
    insta::assert_snapshot!(plain_of(&nightly(notice.clone())), @"
    🔴 nightly-backup overdue since 05:30 UTC, third time since 03:00 UTC
    It came back in between, last at 05:10 UTC
    Last ping 04:25 UTC, 1h 5m ago
    Expected every 1h, grace 5m
    ");
    insta::assert_snapshot!(html_of(&nightly(notice)), @"
    🔴 <b>nightly-backup</b> overdue since 05:30 UTC, third time since 03:00 UTC
    It came back in between, last at 05:10 UTC
    Last ping 04:25 UTC, 1h 5m ago
    Expected every 1h, grace 5m
    ");
}

#[test]
fn down_again_after_a_recovery_that_was_not_told() {
    let [_, _, _, up, down] = unsteady_night();
    let notice = folded([up, down]);
    insta::assert_snapshot!(plain_of(&nightly(notice.clone())), @"
    🔴 nightly-backup down again, overdue since 05:30 UTC
    It had recovered at 05:10 UTC, 20m earlier
    Last ping 04:25 UTC, 1h 5m ago
    Expected every 1h, grace 5m
    ");
    insta::assert_snapshot!(html_of(&nightly(notice)), @"
    🔴 <b>nightly-backup</b> down again, overdue since 05:30 UTC
    It had recovered at 05:10 UTC, 20m earlier
    Last ping 04:25 UTC, 1h 5m ago
    Expected every 1h, grace 5m
    ");
    let [_, ups @ ..] = unsteady_night();
    insta::assert_snapshot!(plain_of(&nightly(folded(ups))), @"
    🔴 nightly-backup down again, overdue since 05:30 UTC
    Since the last message it went down 2 times and came back in between, last at 05:10 UTC
    Last ping 04:25 UTC, 1h 5m ago
    Expected every 1h, grace 5m
    ");
}

#[test]
fn ok_after_several_outages_none_of_which_was_told() {
    let notice = folded(unsteady_night().into_iter().take(4));
    insta::assert_snapshot!(plain_of(&nightly(notice.clone())), @"
    🟡 nightly-backup ok again after 2 outages since 03:00 UTC
    The last one: failed with exit code 1 at 05:00 UTC, ok since 05:10 UTC (10m)
    Last ping 05:10 UTC, the one before 03:55 UTC
    Expected every 1h, grace 5m
    ");
    insta::assert_snapshot!(html_of(&nightly(notice)), @"
    🟡 <b>nightly-backup</b> ok again after 2 outages since 03:00 UTC
    The last one: failed with exit code 1 at 05:00 UTC, ok since 05:10 UTC (10m)
    Last ping 05:10 UTC, the one before 03:55 UTC
    Expected every 1h, grace 5m
    ");
}

#[test]
fn ok_again_after_an_outage_that_was_told_and_others_that_were_not() {
    let [_, up, down, end, _] = unsteady_night();
    insta::assert_snapshot!(plain_of(&nightly(folded([up.clone(), down.clone(), end.clone()]))), @"
    🟢 nightly-backup ok again since 05:10 UTC
    Since the last message it went down once more: failed with exit code 1 at 05:00 UTC, ok since 05:10 UTC (10m)
    Last ping 05:10 UTC, the one before 03:55 UTC
    Expected every 1h, grace 5m
    ");
    let again = [opened("05:30:00", Cause::Missed), recovered("05:30:00", Cause::Missed, "05:40:00")];
    let notice = folded([up, down, end].into_iter().chain(again));
    insta::assert_snapshot!(html_of(&nightly(notice)), @"
    🟢 <b>nightly-backup</b> ok again since 05:40 UTC
    Since the last message it went down 2 more times, last: overdue from 05:30 UTC to 05:40 UTC (10m)
    Last ping 05:40 UTC, the one before 04:25 UTC
    Expected every 1h, grace 5m
    ");
}

#[test]
fn what_nobody_knows_is_told_as_unknown() {
    let mut notice = opened("03:00:00", Cause::Missed);
    notice.unconfirmed = true;
    insta::assert_snapshot!(plain_of(&nightly(notice)), @"
    ⚪ nightly-backup unconfirmed: overdue since 03:00 UTC
    Heartbeat itself could not hear pings for a while, so this job may be well
    Last ping 01:55 UTC, 1h 5m ago
    Expected every 1h, grace 5m
    ");
}

#[test]
fn our_own_troubles_say_whose_they_are() {
    insta::assert_snapshot!(plain_of(&telling("heartbeat", "ingest", opened("03:00:00", Cause::Missed))), @"
    🔴 ingest (heartbeat) overdue since 03:00 UTC
    Heartbeat itself: no API proves that pings are received. Silence is held, deadlines will move
    Last ping 01:55 UTC, 1h 5m ago
    Expected every 1h, grace 5m
    ");
    insta::assert_snapshot!(plain_of(&telling("heartbeat", "canary", opened("03:00:00", Cause::Missed))), @"
    🔴 canary (heartbeat) overdue since 03:00 UTC
    Heartbeat itself: pings through its public address do not arrive
    Last ping 01:55 UTC, 1h 5m ago
    Expected every 1h, grace 5m
    ");
}

#[test]
fn hostile_output_stays_text() {
    let mut failed = nightly(opened("03:00:00", FAILED));
    failed.excerpt =
        Some("</pre><b>&\"'\r\n\u{1b}[31mred\u{1b}[0m \u{202e}drow\u{200b}\u{0}\u{7}\n\n\n<script>".to_owned());
    insta::assert_snapshot!(html_of(&failed), @r#"
    🔴 <b>nightly-backup</b> failed with exit code 1 at 03:00 UTC
    <pre>&lt;/pre&gt;&lt;b&gt;&amp;"'
    red drow
    &lt;script&gt;</pre>
    Previous ping 01:55 UTC, 1h 5m ago
    Expected every 1h, grace 5m
    "#);
    insta::assert_snapshot!(plain_of(&failed), @r#"
    🔴 nightly-backup failed with exit code 1 at 03:00 UTC
    | </pre><b>&"'
    | red drow
    | <script>
    Previous ping 01:55 UTC, 1h 5m ago
    Expected every 1h, grace 5m
    "#);
}

#[test]
fn the_longest_names_and_the_longest_times() {
    let mut longest =
        telling(LONG, LONG, reminder("03:00:00", Cause::Failed { exit: Some(i64::MIN) }, u32::MAX, minutes(0)));
    longest.schedule = Schedule::Every(Interval::from_secs(365 * 86_400 - 1).unwrap());
    longest.grace = Grace::from_secs(365 * 86_400).unwrap();
    longest.notice.down_at = at("03:00:00").minus(minutes(1_440 * 400));
    longest.notice.last_ping_at = Some(at("03:00:00").minus(minutes(1_440 * 800)));
    insta::assert_snapshot!(html_of(&longest), @"
    🟠 <b>a-name-of-sixty-four-characters-is-as-long-as-one-may-ever-be-64</b> (a-name-of-sixty-four-characters-is-as-long-as-one-may-ever-be-64) still failing after 400d, since 19 Oct 2025 03:00 UTC
    It failed with exit code -9223372036854775808
    Previous ping 14 Sep 2024 03:00 UTC, 800d ago
    Expected every 364d23h59m59s, grace 365d
    Reminder 4294967295. To stop them: heartbeat monitors pause a-name-of-sixty-four-characters-is-as-long-as-one-may-ever-be-64
    ");
}

#[test]
fn dates_are_told_when_they_are_not_todays_and_seconds_where_they_matter() {
    let mut telling = nightly(recovered("00:00:10", Cause::Missed, "00:01:40"));
    telling.schedule = Schedule::Every(Interval::MIN);
    telling.grace = Grace::ZERO;
    telling.notice.down_at = at("00:00:10").minus(minutes(1));
    telling.notice.last_ping_at = telling.notice.last_ping_at.map(|at| at.minus(minutes(1_440 * 365)));
    insta::assert_snapshot!(plain_of(&telling), @"
    🟢 nightly-backup ok again after 2m 30s
    Overdue from 22 Nov 23:59:10 UTC to 00:01:40 UTC
    Last ping 00:01:40 UTC, the one before 22 Nov 2025 22:55:10 UTC
    Expected every 30s, no grace
    ");
}

fn any_at() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        Just(Timestamp::MAX),
        any::<i64>().prop_map(Timestamp::from_micros),
        (0..4_000_000_000_i64).prop_map(Timestamp::from_secs),
    ]
}

fn any_notice() -> impl Strategy<Value = Notice> {
    let standing = prop_oneof![Just(Standing::Down), Just(Standing::Up)];
    let exit = prop::option::of(any::<i64>()).prop_map(|exit| Cause::Failed { exit });
    let cause = prop_oneof![Just(Cause::Missed), exit, Just(Cause::Overran)];
    let times =
        (any_at(), any_at(), prop::option::of(any_at()), prop::option::of(any_at()), prop::option::of(any_at()));
    let few_or_any = || prop_oneof![0..4_u32, any::<u32>()];
    (standing, cause, times, few_or_any(), few_or_any(), any::<u32>()).prop_map(
        |(standing, cause, (at, down_at, last_ping_at, up_at, first_down_at), outages, recoveries, reminder)| Notice {
            rev: Rev(1),
            at,
            standing,
            down_at,
            cause,
            last_ping_at,
            up_at,
            first_down_at,
            outages,
            recoveries,
            reminder,
            unconfirmed: false,
        },
    )
}

/// What a job may have printed: any text, of any length.
fn any_excerpt() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop_oneof![any::<String>(), "[<>&\"'\\n\\r\\x1b a]{0,6000}", "🔴{0,2000}"])
}

/// What people may say of a monitor, as it is kept.
fn any_about() -> impl Strategy<Value = About> {
    let name = "[a<&\u{202e}🔴 \n]{0,100}".prop_map(|text| name(&text).unwrap_or_default());
    let description = "[a<&\u{202e}🔴 \n\r]{0,500}".prop_map(|text| description(&text).unwrap_or_default());
    (name, description).prop_map(|(name, description)| About { name, description, ..About::default() })
}

/// Any telling, with names of any length.
pub(crate) fn any_telling(excerpt: impl Strategy<Value = Option<String>>) -> impl Strategy<Value = Telling> {
    (any_notice(), "[a-z]{1,64}", "[a-z]{1,64}", 30..=31_536_000_u64, excerpt, any_about()).prop_map(
        |(notice, project, slug, interval, excerpt, about)| Telling {
            schedule: Schedule::Every(Interval::from_secs(interval).unwrap()),
            excerpt,
            about,
            ..telling(&project, &slug, notice)
        },
    )
}

/// Whether each tag is one of ours and is closed before another opens, and nothing else looks like markup.
pub(crate) fn is_well_formed(html: &str) -> bool {
    let mut open: Option<&str> = None;
    let mut rest = html;
    while let Some(at) = rest.find(['<', '>', '&']) {
        let Some((mark, after)) = rest.split_at_checked(at).and_then(|(_, from)| next_mark(from)) else { return false };
        match (mark, open) {
            ("&amp;" | "&lt;" | "&gt;", _) => {}
            ("<b>" | "<pre>", None) => open = mark.strip_prefix('<'),
            ("</b>" | "</pre>", Some(name)) if mark.strip_prefix("</") == Some(name) => open = None,
            _ => return false,
        }
        rest = after;
    }
    open.is_none()
}

fn next_mark(from: &str) -> Option<(&str, &str)> {
    let end = from.find([';', '>'])?;
    from.split_at_checked(end + 1)
}

proptest! {
    #[test]
    fn any_telling_fits_and_is_well_formed(telling in any_telling(any_excerpt())) {
        let message = own(&telling);
        prop_assert!(message.units() <= message::LIMIT);
        prop_assert!(plain::render(&message).encode_utf16().count() <= message::LIMIT);
        prop_assert!(is_well_formed(&html::render(&message)), "{}", html::render(&message));
        prop_assert!(plain::render(&message).chars().all(|c| c == '\n' || !c.is_control()));
    }

    #[test]
    fn the_name_stands_right_after_the_mark(telling in any_telling(any_excerpt())) {
        let first = plain::render(&own(&telling));
        let (_, after) = first.split_once(' ').unwrap();
        let called = telling.about.name.as_deref().and_then(visible_line);
        prop_assert!(after.starts_with(&called.unwrap_or_else(|| telling.monitor.slug.to_string())), "{first}");
        prop_assert!(first.lines().next().unwrap().contains(telling.monitor.slug.as_str()), "{first}");
    }
}

#[test]
fn the_judge_of_markup_knows_bad_from_good() {
    for good in ["a", "<b>a</b>&amp;<pre>&lt;</pre>"] {
        assert!(is_well_formed(good), "{good}");
    }
    for bad in ["<b>", "</b>", "<b></pre>", "<b><b></b></b>", "a & b", "&nbsp;", "<i>a</i>", "a > b"] {
        assert!(!is_well_formed(bad), "{bad}");
    }
}

#[test]
fn ordinals_are_english() {
    let shown = [2, 3, 4, 11, 12, 13, 21, 22, 23, 111].map(ordinal).join(" ");
    assert_eq!(shown, "second third 4th 11th 12th 13th 21st 22nd 23rd 111th");
}
