//! Both nights of the year on which clocks are changed, calendars, and what is refused.

use proptest::prelude::*;

use super::*;

fn cron(line: &str, zone: &str) -> Cron {
    Cron::parse(line, zone).unwrap()
}

fn instant(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// The runs after an instant are these, and on the way back from the last they are met again.
#[track_caller]
fn assert_runs(line: &str, zone: &str, after: &str, runs: &[&str]) {
    let cron = cron(line, zone);
    let found = cron.upcoming(instant(after), runs.len());
    let shown: Vec<_> = found.iter().map(|run| run.to_rfc3339_seconds()).collect();
    assert_eq!(shown, runs, "{line} in {zone}");
    for pair in found.windows(2) {
        assert_eq!(cron.run_before(pair[1]), Some(pair[0]), "{line} in {zone}, back");
    }
}

/// As [`assert_runs`], at midnight in UTC, by date.
#[track_caller]
fn assert_days(days: &str, after: &str, runs: &[&str]) {
    let runs: Vec<_> = runs.iter().map(|day| format!("{day}T00:00:00Z")).collect();
    let runs: Vec<_> = runs.iter().map(String::as_str).collect();
    assert_runs(&format!("0 0 {days}"), "UTC", &format!("{after}T00:00:00Z"), &runs);
}

#[test]
fn in_spring_a_time_of_day_that_is_skipped_runs_once_right_after_the_gap() {
    let berlin = ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"];
    assert_runs("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", &berlin);
    let two = ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"];
    assert_runs("0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", &two);
    assert_runs(
        "0 3 * * *",
        "Europe/Berlin",
        "2026-03-28T12:00:00Z",
        &["2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z"],
    );
    let new_york = ["2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"];
    assert_runs("30 2 * * *", "America/New_York", "2026-03-08T00:00:00Z", &new_york);
}

#[test]
fn in_autumn_a_time_of_day_that_is_repeated_runs_the_first_time_only() {
    let berlin = ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"];
    assert_runs("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", &berlin);
    let new_york = ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"];
    assert_runs("30 1 * * *", "America/New_York", "2026-11-01T00:00:00Z", &new_york);
}

#[test]
fn from_within_the_repeated_hour_the_run_of_the_first_time_is_the_one_before() {
    // London's clocks go back at 01:00 UTC. The local clock shows less than the run that has been.
    let cron = cron("33 1 2-30/4 * 7", "Europe/London");
    assert_eq!(cron.run_before(instant("2090-10-29T01:01:00Z")), Some(instant("2090-10-29T00:33:00Z")));
}

#[test]
fn a_rhythm_keeps_real_time_through_both_nights() {
    let spring = ["2026-03-29T00:45:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z"];
    assert_runs("*/15 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", &spring);
    let autumn = ["2026-10-25T00:45:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:15:00Z"];
    assert_runs("*/15 * * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", &autumn);
    let hours = ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"];
    assert_runs("0 * * * *", "Europe/Berlin", "2026-10-24T23:59:59Z", &hours);
    let spring_hours = ["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"];
    assert_runs("@hourly", "Europe/Berlin", "2026-03-28T23:59:59Z", &spring_hours);
}

#[test]
fn a_rhythm_within_one_hour_is_as_often_as_that_hour_is() {
    let after_none = ["2026-03-28T01:45:00Z", "2026-03-30T00:00:00Z"];
    assert_runs("*/15 2 * * *", "Europe/Berlin", "2026-03-28T01:30:00Z", &after_none);
    let both_times = [
        "2026-10-25T00:00:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:00:00Z",
        "2026-10-25T01:30:00Z",
        "2027-10-25T00:00:00Z",
    ];
    assert_runs("*/30 2 25 10 *", "Europe/Berlin", "2026-01-01T00:00:00Z", &both_times);
}

#[test]
fn half_an_hour_of_summer_time_is_a_gap_and_a_repetition_as_well() {
    let spring = ["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"];
    assert_runs("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", &spring);
    let autumn = ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"];
    assert_runs("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", &autumn);
    let rhythm = ["2026-04-04T14:30:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z"];
    assert_runs("0,30 */1 * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", &rhythm);
    let local = ["2026-04-04T14:30:00Z", "2026-04-04T15:00:00Z", "2026-04-04T16:00:00Z"];
    assert_runs("30 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", &local);
}

#[test]
fn a_day_that_begins_at_one_still_has_its_run_of_midnight() {
    let santiago = ["2026-09-05T04:00:00Z", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"];
    assert_runs("@daily", "America/Santiago", "2026-09-05T00:00:00Z", &santiago);
    let beirut = ["2026-03-28T22:00:00Z", "2026-03-29T21:15:00Z"];
    assert_runs("15 0 * * *", "Asia/Beirut", "2026-03-28T12:00:00Z", &beirut);
    // The last hour of a day twice: its end is put back to 23:00.
    let twice = ["2026-04-05T02:30:00Z", "2026-04-06T03:30:00Z"];
    assert_runs("30 23 * * *", "America/Santiago", "2026-04-04T12:00:00Z", &twice);
    assert_runs(
        "@daily",
        "America/Santiago",
        "2026-04-04T12:00:00Z",
        &["2026-04-05T04:00:00Z", "2026-04-06T04:00:00Z"],
    );
}

#[test]
fn a_day_that_a_zone_skipped_is_not_made_up_for() {
    let noons = ["2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z", "2011-12-31T22:00:00Z"];
    assert_runs("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", &noons);
    let that_day = ["2010-12-30T10:00:00Z", "2012-12-29T10:00:00Z"];
    assert_runs("0 0 30 12 *", "Pacific/Apia", "2010-12-01T00:00:00Z", &that_day);
    let hours = ["2011-12-30T09:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T11:00:00Z"];
    assert_runs("0 * * * *", "Pacific/Apia", "2011-12-30T08:30:00Z", &hours);
}

#[test]
fn without_summer_time_a_day_is_a_day() {
    let runs = ["2026-03-27T21:30:00Z", "2026-03-28T21:30:00Z", "2026-03-29T21:30:00Z"];
    assert_runs("0 3 * * *", "Asia/Kolkata", "2026-03-27T00:00:00Z", &runs);
}

#[test]
fn leap_days_come_every_four_years_but_not_in_2100() {
    assert_days("29 2 *", "2091-01-01", &["2092-02-29", "2096-02-29", "2104-02-29", "2108-02-29"]);
    let berlin = ["2096-02-29T11:00:00Z", "2104-02-29T11:00:00Z"];
    assert_runs("0 12 29 2 *", "Europe/Berlin", "2093-01-01T00:00:00Z", &berlin);
    // Only both: a Sunday that is 29 February, by the step that names Sundays alone.
    assert_days("29 2 */7", "2070-01-01", &["2088-02-29", "2128-02-29"]);
}

#[test]
fn months_end_where_they_end() {
    assert_days("31 * *", "2026-01-31", &["2026-03-31", "2026-05-31", "2026-07-31", "2026-08-31"]);
    assert_days("30 2,4 *", "2026-01-01", &["2026-04-30", "2027-04-30"]);
    assert_days("L * *", "2028-01-31", &["2028-02-29", "2028-03-31", "2028-04-30"]);
}

#[test]
fn a_day_by_month_and_by_week_is_either_unless_one_begins_with_a_star() {
    assert_days(
        "13 * 5",
        "2026-03-07",
        &["2026-03-13", "2026-03-20", "2026-03-27", "2026-04-03", "2026-04-10", "2026-04-13"],
    );
    assert_days("*/2 * 1", "2026-03-01", &["2026-03-09", "2026-03-23", "2026-04-13"]);
    assert_days("1-7 * */7", "2026-03-02", &["2026-04-05", "2026-05-03", "2026-06-07"]);
    assert_days("? * MON", "2026-03-01", &["2026-03-02", "2026-03-09"]);
}

#[test]
fn last_days_nearest_weekdays_and_nth_weekdays_are_known() {
    assert_days("15W * *", "2026-08-01", &["2026-08-14", "2026-09-15", "2026-10-15", "2026-11-16"]);
    assert_days("1W 8 *", "2026-07-01", &["2026-08-03"]);
    assert_days("31W * *", "2026-04-30", &["2026-05-29", "2026-07-31"]);
    assert_days("LW * *", "2026-02-01", &["2026-02-27", "2026-03-31", "2026-04-30", "2026-05-29"]);
    assert_days("* * 5#2", "2026-03-01", &["2026-03-13", "2026-04-10"]);
    assert_days("* * MON#5", "2026-03-01", &["2026-03-30", "2026-06-29"]);
    assert_days("* * friL", "2026-03-01", &["2026-03-27", "2026-04-24"]);
    assert_days("* * 7#1,1L", "2026-03-01", &["2026-03-30", "2026-04-05", "2026-04-27"]);
}

#[test]
fn ranges_steps_lists_and_names_are_read_as_cron_reads_them() {
    for (line, same) in [
        ("0 0 * * 7", "0 0 * * SUN"),
        ("0 0 * * sat-Sun", "0 0 * * 0,6"),
        ("0 0 * * 5-7", "0 0 * * FRI,SAT,SUN"),
        ("10-40/15 8-9 * * *", "10,25,40 8,9 * * *"),
        ("5/20 * * * *", "5,25,45 * * * *"),
        ("*/90 */24 * * *", "0 0 * * *"),
        ("0 0 1 jan-MAR,12 *", "0 0 1 1,2,3,12 *"),
        ("  0\t0  1 1 *  ", "@yearly"),
        ("@Annually", "@yearly"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
    ] {
        let after = instant("2026-01-15T12:34:56Z");
        assert_eq!(cron(line, "UTC").upcoming(after, 50), cron(same, "UTC").upcoming(after, 50), "{line}");
    }
}

#[test]
fn what_was_written_is_kept_with_single_blanks_and_the_zone_by_its_own_name() {
    let cron = cron("  0  3\t* *  Mon-fri ", " europe/BERLIN ");
    assert_eq!((cron.line(), cron.zone()), ("0 3 * * Mon-fri", "Europe/Berlin"));
    assert_eq!(cron, Cron::parse("0 3 * * Mon-fri", "Europe/Berlin").unwrap());
    assert_ne!(cron, Cron::parse("0 3 * * Mon-fri", "UTC").unwrap());
    assert_eq!(format!("{cron:?}"), r#"Cron("0 3 * * Mon-fri", "Europe/Berlin")"#);
    assert_eq!(Cron::parse("@daily", "utc").unwrap().zone(), "UTC");
}

#[test]
fn what_cannot_be_read_says_why() {
    let five = "a cron line has five fields (minute, hour, day of month, month, day of week)";
    for (line, why) in [
        ("", format!("{five}, and this one is empty")),
        ("0 3 * *", format!("{five}, not 4")),
        ("0 0 3 * * *", format!("{five}, and this one has six: leave out the seconds, which would come first")),
        (
            "0 0 3 * * * 2026",
            format!("{five}, and this one has seven: leave out the seconds, first, and the year, last"),
        ),
        ("60 * * * *", "the minute cannot be read: 60 is not between 0 and 59".to_owned()),
        ("SUN * * * *", r#"the minute cannot be read: "SUN" is not a number"#.to_owned()),
        ("* 24 * * *", "the hour cannot be read: 24 is not between 0 and 23".to_owned()),
        ("* 22-2 * * *", r#"the hour cannot be read: "22-2" runs backwards: write two ranges"#.to_owned()),
        ("* * 0 * *", "the day of month cannot be read: 0 is not between 1 and 31".to_owned()),
        ("* * L-3 * *", r#"the day of month cannot be read: "L" is not a number"#.to_owned()),
        ("* * * JANFEB *", r#"the month cannot be read: "JANFEB" is not a number or a name such as JAN"#.to_owned()),
        ("* * * 13 *", "the month cannot be read: 13 is not between 1 and 12".to_owned()),
        ("* * * * 8", "the day of week cannot be read: 8 is not between 0 and 7".to_owned()),
        (
            "* * * * L",
            "the day of week cannot be read: L comes after a weekday, such as 5L, the last Friday".to_owned(),
        ),
        ("* * * * 5#6", "the day of week cannot be read: after # comes a number from 1 to 5".to_owned()),
        ("*/0 * * * *", "the minute cannot be read: a step of 0 leads nowhere".to_owned()),
        ("*/x * * * *", r#"the minute cannot be read: "x" is not a step"#.to_owned()),
        ("1,,2 * * * *", "the minute cannot be read: a number is missing".to_owned()),
        ("+5 * * * *", r#"the minute cannot be read: "+5" is not a number"#.to_owned()),
        ("@reboot", "@reboot names no time: a monitor cannot know when a machine should start".to_owned()),
        ("31 2 30 2 *", r#""31 2 30 2 *" never runs: there is no such day"#.to_owned()),
        ("0 0 31 4,6,9,11 *", r#""0 0 31 4,6,9,11 *" never runs: there is no such day"#.to_owned()),
    ] {
        assert_eq!(Cron::parse(line, "UTC").unwrap_err().to_string(), why, "{line}");
    }
    assert!(matches!(Cron::parse("@every 5m", "UTC"), Err(CronError::Nickname(_))));
    assert_eq!(Cron::parse(&"0,".repeat(101), "UTC"), Err(CronError::TooLong));
}

#[test]
fn a_zone_that_is_not_known_names_the_one_that_is_like_it() {
    for (zone, nearest) in [
        ("Europe/Berlim", Some("Europe/Berlin")),
        ("berlin", Some("Europe/Berlin")),
        ("new york", Some("America/New_York")),
        ("EDT", None),
        ("", None),
        ("Etc/Unknown", None),
        ("Factory", None),
        ("../../etc/passwd", None),
        ("/etc/localtime", None),
    ] {
        let error = Cron::parse("@daily", zone).unwrap_err();
        assert_eq!(error, CronError::Zone { name: zone.to_owned(), nearest: nearest.map(str::to_owned) });
    }
    let error = Cron::parse("@daily", "Europe/Berlim").unwrap_err();
    assert_eq!(error.to_string(), r#""Europe/Berlim" is not a time zone: did you mean Europe/Berlin?"#);
    assert!(matches!(Cron::parse("@daily", &"x".repeat(10_000)), Err(CronError::Zone { .. })));
}

/// Lines of every kind, few of which never run.
fn lines() -> impl Strategy<Value = String> {
    let minute = prop::sample::select(vec!["*", "0", "59", "*/7", "0,30", "5/20"]);
    let hour = prop::sample::select(vec!["*", "2", "*/6", "0-3", "23"]);
    let day = prop::sample::select(vec!["*", "1", "31", "L", "15W", "LW", "*/2", "29"]);
    let month = prop::sample::select(vec!["*", "2", "3,10", "JAN-jun"]);
    let weekday = prop::sample::select(vec!["*", "0", "MON-FRI", "5#5", "friL", "*/7"]);
    let line = (minute, hour, day, month, weekday);
    line.prop_map(|(minute, hour, day, month, weekday)| format!("{minute} {hour} {day} {month} {weekday}"))
}

fn zones() -> impl Strategy<Value = &'static str> {
    let odd = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Monrovia"];
    prop::sample::select(odd.to_vec())
}

/// Any instant, and more often one of our times.
fn instants() -> impl Strategy<Value = Timestamp> {
    let ours = (-100_000_000_000_i64..5_000_000_000).prop_map(Timestamp::from_secs);
    let ends = prop::sample::select(vec![i64::MIN, i64::MAX, 0, -377_705_023_201_000_000, 253_402_207_200_000_000]);
    prop_oneof![4 => ours, 1 => any::<i64>().prop_map(Timestamp::from_micros), 1 => ends.prop_map(Timestamp::from_micros)]
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(line in ".*", zone in ".*", fields in "[-0-9*/,#LW?A-Z ]{0,30}") {
        let _ = Cron::parse(&line, &zone);
        let _ = Cron::parse(&fields, "UTC");
        let _ = Cron::parse(&format!("{fields} * * *"), "UTC");
        let _ = Cron::parse(&format!("0 0 {fields}"), "UTC");
    }

    #[test]
    fn a_line_reads_back_as_the_same(line in lines(), zone in zones()) {
        if let Ok(cron) = Cron::parse(&line, zone) {
            prop_assert_eq!(Cron::parse(cron.line(), cron.zone()), Ok(cron.clone()));
        }
    }

    #[test]
    fn the_next_run_is_later_and_the_one_before_it_is_not(line in lines(), zone in zones(), at in instants()) {
        let Ok(cron) = Cron::parse(&line, zone) else { return Ok(()) };
        if let Some(next) = cron.next_after(at) {
            prop_assert!(at < next);
            prop_assert!(cron.run_before(next).is_none_or(|before| before <= at), "{:?}", cron.run_before(next));
            prop_assert!(cron.next_after(next).is_none_or(|later| next < later));
        }
        if let Some(before) = cron.run_before(at) {
            prop_assert!(before < at);
            prop_assert!(cron.next_after(before).is_none_or(|next| at <= next), "{:?}", cron.next_after(before));
        }
    }
}
