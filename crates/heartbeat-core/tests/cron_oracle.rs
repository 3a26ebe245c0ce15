//! Our cron against others: croniter, and two plain searches, in `tools/cron-oracle.py`, which `scripts/test.sh tools` makes
//! ready. Thousands of lines in twenty zones, half of them asked close to a change of the clock.
#![expect(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test passes or it panics")]

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use heartbeat_core::{
    Timestamp,
    cron::{Cron, CronError},
};
use jiff::tz::TimeZone;
use proptest::{
    prelude::*,
    sample::select,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde::{Deserialize, Serialize};

const QUESTIONS: usize = 2_500;

/// Each with what is odd about it.
const ZONES: [&str; 22] = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin", // its winter is the exception
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",    // half an hour off, changed at 00:01
    "America/Havana",      // at midnight
    "America/Santiago",    // at midnight
    "America/Sao_Paulo",   // at midnight, abolished
    "Antarctica/Troll",    // by two hours
    "Asia/Kolkata",        // never
    "Asia/Tehran",         // at midnight, abolished
    "Asia/Beirut",         // at midnight
    "Asia/Gaza",           // another rule every year
    "Africa/Cairo",        // at midnight, abolished and back
    "Africa/Casablanca",   // four times a year
    "Australia/Lord_Howe", // by half an hour
    "Australia/Sydney",
    "Pacific/Apia",      // skipped a day
    "Pacific/Kwajalein", // skipped a day
    "Pacific/Chatham",   // 45 minutes off
];

#[derive(Clone, Debug, Serialize)]
struct Question {
    line: String,
    zone: &'static str,
    at: i64,
    /// Whether croniter knows the line's syntax and means the same by it.
    croniter: bool,
}

#[derive(Debug, Deserialize)]
struct Answer {
    next: Option<i64>,
    before: Option<i64>,
    by: [String; 2],
}

#[test]
fn every_run_is_where_croniter_and_a_count_of_minutes_see_it() {
    let questions = questions();
    let answers = ask(&questions);
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    let mut differences = Vec::new();
    for (question, answer) in questions.iter().zip(&answers) {
        let ours = our_answer(question);
        if ours != (answer.next, answer.before) {
            differences.push(format!("{question:?}\n  ours {ours:?}\n  theirs {answer:?}"));
        }
        for by in &answer.by {
            *counts.entry(by.clone()).or_default() += 1;
        }
    }
    assert_eq!(answers.len(), QUESTIONS);
    assert!(
        differences.is_empty(),
        "{} differ, the first:\n{}",
        differences.len(),
        differences[..differences.len().min(12)].join("\n")
    );
    println!("{counts:?}");
    // None of the three may fall silent.
    for (by, least) in [("croniter", 2_000), ("minutes", 600), ("calendar", 400)] {
        assert!(counts.get(by).is_some_and(|count| *count >= least), "{by}: {counts:?}");
    }
}

/// A line that never runs has no run before or after either.
fn our_answer(question: &Question) -> (Option<i64>, Option<i64>) {
    let at = Timestamp::from_secs(question.at);
    match Cron::parse(&question.line, question.zone) {
        Ok(cron) => (cron.next_after(at).map(Timestamp::as_secs), cron.run_before(at).map(Timestamp::as_secs)),
        Err(CronError::NeverRuns(_)) => (None, None),
        Err(error) => panic!("{:?}: {error}", question.line),
    }
}

/// Always the same questions: what fails once fails again.
fn questions() -> Vec<Question> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[6; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let one = question();
    (0..QUESTIONS).map(|_| one.new_tree(&mut runner).unwrap().current()).collect()
}

fn question() -> impl Strategy<Value = Question> {
    let parts = (line(), time(), any::<bool>(), select(&ZONES[..]), instants());
    parts.prop_map(|((line, croniter), time, on_the_day, zone, (close, at, by))| {
        if !close {
            return Question { line, zone, at, croniter };
        }
        let change = change_of_clock(zone, at);
        let at = change.saturating_add(by);
        // Once a year, and in this year in the hours around the change.
        let once = format!("{time} {}", day_of(zone, change));
        if on_the_day {
            Question { line: once, zone, at, croniter: true }
        } else {
            Question { line, zone, at, croniter }
        }
    })
}

/// The local day just before an instant, as a cron line names it.
fn day_of(zone: &str, at: i64) -> String {
    let local = jiff::Timestamp::from_second(at - 1).unwrap().to_zoned(TimeZone::get(zone).unwrap());
    format!("{} {} *", local.day(), local.month())
}

/// Whether close to a change, an instant from 1990 to 2099, and how far from the change.
fn instants() -> impl Strategy<Value = (bool, i64, i64)> {
    let by = prop_oneof![3 => -5..5_i64, 7 => -240..240_i64].prop_map(|minutes| minutes * 60);
    (any::<bool>(), 631_152_000..4_070_908_800_i64, (by, -1..=1_i64).prop_map(|(by, seconds)| by + seconds))
}

/// The next change of the zone's clock; the instant itself where there is none.
fn change_of_clock(zone: &str, after: i64) -> i64 {
    let after = jiff::Timestamp::from_second(after).unwrap();
    let zone = TimeZone::get(zone).unwrap();
    zone.following(after).next().map_or(after, |change| change.timestamp()).as_second()
}

/// A line, and whether croniter knows it.
fn line() -> impl Strategy<Value = (String, bool)> {
    let shared = (time(), days_for_all()).prop_map(|(time, days)| (format!("{time} {days}"), true));
    let ours = (time(), days_with_everything()).prop_map(|(time, days)| (format!("{time} {days}"), false));
    prop_oneof![4 => shared, 1 => ours]
}

/// Minute and hour: more often in the hours in which clocks are changed.
fn time() -> impl Strategy<Value = String> {
    let hour = prop_oneof![
        2 => Just("*".to_owned()),
        2 => (0..5_u32).prop_map(|hour| hour.to_string()),
        1 => list(0, 4),
        1 => list(0, 23),
        1 => select(vec!["*/2", "*/5", "*/24", "0-23", "0-23/2", "1/3", "23,0"]).prop_map(str::to_owned),
    ];
    let minute = prop_oneof![
        1 => Just("*".to_owned()),
        3 => (0..60_u32).prop_map(|minute| minute.to_string()),
        1 => list(0, 59),
        1 => select(vec!["*/15", "*/7", "*/90", "0,30", "0-59", "5/20", "59/15"]).prop_map(str::to_owned),
    ];
    (minute, hour).prop_map(|(minute, hour)| format!("{minute} {hour}"))
}

/// Day of month, month, day of week, by what everybody understands alike.
fn days_for_all() -> impl Strategy<Value = String> {
    let of_month = prop_oneof![
        6 => Just("*".to_owned()),
        2 => list(1, 31),
        1 => select(vec!["L", "?", "*/2", "*/10", "1,L", "31", "29,30", "2-30/4"]).prop_map(str::to_owned),
    ];
    let of_week = prop_oneof![
        6 => Just("*".to_owned()),
        2 => list(0, 7),
        1 => select(vec!["MON-FRI", "sat,Sun", "FRI-SUN", "?", "*/2", "1-5/2", "7", "0"]).prop_map(str::to_owned),
    ];
    // croniter takes W and # as a third condition: alone they are the same.
    let alone = prop_oneof![
        (1..=28_u32, month()).prop_map(|(day, month)| format!("{day}W {month} *")),
        (month(), 0..=6_u32, 1..=5_u32).prop_map(|(month, weekday, nth)| format!("* {month} {weekday}#{nth}")),
        (month(), 0..=6_u32).prop_map(|(month, weekday)| format!("* {month} {weekday}L")),
    ];
    let fields = (of_month, month(), of_week).prop_map(|(day, month, weekday)| format!("{day} {month} {weekday}"));
    prop_oneof![5 => fields, 1 => alone]
}

fn month() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just("*".to_owned()),
        2 => list(1, 12),
        1 => select(vec!["JAN", "mar-May", "2", "*/3", "OCT,NOV", "2-11/3"]).prop_map(str::to_owned),
    ]
}

/// What croniter reads differently or not at all, in any mixture.
fn days_with_everything() -> impl Strategy<Value = String> {
    let of_month = select(vec!["*", "LW", "15W,L", "1W,31W", "1-31", "7-7", "29W", "*/31", "L,13", "?"]);
    let of_week = select(vec!["*", "5#5", "MON#1,3#3", "friL,2", "0-7", "sun-sat", "3-3", "7#2", "*/7", "?", "1#1,5L"]);
    (of_month, month(), of_week).prop_map(|(day, month, weekday)| format!("{day} {month} {weekday}"))
}

/// Up to three numbers and ranges. Not `5-5`, which to croniter is everything.
fn list(low: u32, high: u32) -> impl Strategy<Value = String> {
    let item = (low..high, 1..=high - low, 1..=9_u32, 0..4_u8).prop_map(move |(first, length, step, shape)| {
        let last = (first + length).min(high);
        match shape {
            0 => format!("{first}-{last}"),
            1 => format!("{first}-{last}/{step}"),
            _ => first.to_string(),
        }
    });
    proptest::collection::vec(item, 1..=3).prop_map(|items| items.join(","))
}

/// All questions to one process, which answers in their order.
fn ask(questions: &[Question]) -> Vec<Answer> {
    let packages = tools_folder().join("cron-oracle");
    assert!(packages.exists(), "{} is missing: `scripts/test.sh tools` installs it", packages.display());
    let mut python = Command::new("python3");
    python.args(["-I", "-S"]).arg(root().join("tools/cron-oracle.py")).arg(packages);
    let mut process = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3 starts");
    let mut stdin = process.stdin.take().unwrap();
    let asked: Vec<String> = questions.iter().map(|one| serde_json::to_string(one).unwrap()).collect();
    // From a thread of its own, for neither pipe holds everything. Its end closes the pipe, and so ends the process.
    let asking = thread::spawn(move || asked.iter().try_for_each(|line| writeln!(stdin, "{line}")));
    let answers = BufReader::new(process.stdout.take().unwrap()).lines();
    let answers = answers.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert!(process.wait().unwrap().success(), "the oracle ended early");
    asking.join().unwrap().unwrap();
    answers
}

/// Where `scripts/tools.sh` installs: it reads the same variable, from the root as well.
fn tools_folder() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "test harnesses have no Config; this is their one way in")]
    let target = std::env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty());
    root().join(target.unwrap_or_else(|| "target".into())).join("tools")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
