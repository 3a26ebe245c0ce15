//! The truth table of `decide`: every event in every status, on both sides of the deadline, one row a line.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test passes or it panics")]

use std::{collections::BTreeSet, time::Duration};

use heartbeat_core::{
    Cause, Changes, Context, Decision, Event, Grace, Incident, Interval, Monitor, MonitorId, NoticeKind, Origin, Ping,
    Project, Reminders, RestsOn, Schedule, Signal, Slug, Status, Timestamp, Transition, decide, outage::Outages,
    ping::Note,
};

const NOW: Timestamp = Timestamp::from_secs(1_000_000);
const SETTLE: Duration = Duration::from_secs(10);

/// Status before, event, status after, transitions, what the outbox has to tell.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    // Never pinged: any sign of life starts the watch, a log does not.
    ("new",          "success",     "ok +360",      "",                   "-"),
    ("new",          "exit 0",      "ok +360",      "",                   "-"),
    ("new",          "start",       "ok +360 run",  "",                   "-"),
    ("new",          "fail",        "overdue 0 failed",   "opened",       "overdue"),
    ("new",          "exit 3",      "overdue 0 exit 3",   "opened",       "overdue"),
    ("new",          "log",         "new",          "",                   "-"),
    ("new",          "tick",        "new",          "",                   "-"),
    ("new",          "pause",       "paused",       "paused",             "-"),
    ("new",          "pause 1h",    "paused 1h",    "paused",             "-"),
    ("new",          "resume",      "new",          "",                   "-"),
    ("new",          "edit 60s",    "new",          "",                   "-"),
    // Well, due in 100 s.
    ("ok",           "success",     "ok +360",      "",                   "-"),
    ("ok",           "exit 0",      "ok +360",      "",                   "-"),
    ("ok",           "start",       "ok +100 run",  "",                   "-"),
    ("ok",           "fail",        "overdue 0 failed",   "opened",       "overdue"),
    ("ok",           "exit 3",      "overdue 0 exit 3",   "opened",       "overdue"),
    ("ok",           "log",         "ok +100",      "",                   "-"),
    ("ok",           "tick",        "ok +100",      "",                   "-"),
    ("ok",           "pause",       "paused",       "paused",             "-"),
    ("ok",           "pause 1h",    "paused 1h",    "paused",             "-"),
    ("ok",           "resume",      "ok +100",      "",                   "-"),
    ("ok",           "edit 60s",    "ok +100",      "",                   "-"),
    // Past due by less than the settle time: a ping simply counts, nobody is alarmed.
    ("ok, late",     "success",     "ok +360",      "",                   "-"),
    ("ok, late",     "exit 0",      "ok +360",      "",                   "-"),
    ("ok, late",     "start",       "ok -5 run",    "",                   "-"),
    ("ok, late",     "fail",        "overdue 0 failed",   "opened",       "overdue"),
    ("ok, late",     "exit 3",      "overdue 0 exit 3",   "opened",       "overdue"),
    ("ok, late",     "log",         "ok -5",        "",                   "-"),
    ("ok, late",     "tick",        "ok -5",        "",                   "-"),
    ("ok, late",     "pause",       "paused",       "paused",             "-"),
    ("ok, late",     "pause 1h",    "paused 1h",    "paused",             "-"),
    ("ok, late",     "resume",      "ok -5",        "",                   "-"),
    ("ok, late",     "edit 60s",    "ok -5",        "",                   "-"),
    // Silent past due and settle: the outage is recorded first, dated at the deadline, whoever looks.
    ("ok, silent",   "success",     "ok +360",      "opened recovered",   "late"),
    ("ok, silent",   "exit 0",      "ok +360",      "opened recovered",   "late"),
    ("ok, silent",   "start",       "overdue -20 missed run", "opened",   "overdue"),
    ("ok, silent",   "fail",        "overdue -20 missed", "opened",       "overdue"),
    ("ok, silent",   "exit 3",      "overdue -20 missed", "opened",       "overdue"),
    ("ok, silent",   "log",         "overdue -20 missed", "opened",       "overdue"),
    ("ok, silent",   "tick",        "overdue -20 missed", "opened",       "overdue"),
    ("ok, silent",   "pause",       "paused",       "opened paused",      "-"),
    ("ok, silent",   "pause 1h",    "paused 1h",    "opened paused",      "-"),
    ("ok, silent",   "resume",      "overdue -20 missed", "opened",       "overdue"),
    ("ok, silent",   "edit 60s",    "overdue -20 missed", "opened",       "overdue"),
    // A run has started 50 s ago and may take 60 s; due in 100 s.
    ("running",      "success",     "ok +360",      "",                   "-"),
    ("running",      "exit 0",      "ok +360",      "",                   "-"),
    ("running",      "start",       "ok +100 run",  "",                   "-"),
    ("running",      "fail",        "overdue 0 failed",   "opened",       "overdue"),
    ("running",      "exit 3",      "overdue 0 exit 3",   "opened",       "overdue"),
    ("running",      "log",         "ok +100 run",  "",                   "-"),
    ("running",      "tick",        "ok +100 run",  "",                   "-"),
    ("running",      "pause",       "paused",       "paused",             "-"),
    ("running",      "pause 1h",    "paused 1h",    "paused",             "-"),
    ("running",      "resume",      "ok +100 run",  "",                   "-"),
    ("running",      "edit 60s",    "ok +100 run",  "",                   "-"),
    // The run should have finished 30 s ago; due in 100 s.
    ("overran",      "success",     "ok +360",      "opened recovered",   "late"),
    ("overran",      "exit 0",      "ok +360",      "opened recovered",   "late"),
    ("overran",      "start",       "overdue -30 overran run", "opened",  "overdue"),
    ("overran",      "fail",        "overdue -30 overran", "opened",      "overdue"),
    ("overran",      "exit 3",      "overdue -30 overran", "opened",      "overdue"),
    ("overran",      "log",         "overdue -30 overran run", "opened",  "overdue"),
    ("overran",      "tick",        "overdue -30 overran run", "opened",  "overdue"),
    ("overran",      "pause",       "paused",       "opened paused",      "-"),
    ("overran",      "pause 1h",    "paused 1h",    "opened paused",      "-"),
    ("overran",      "resume",      "overdue -30 overran run", "opened",  "overdue"),
    ("overran",      "edit 60s",    "overdue -30 overran run", "opened",  "overdue"),
    // Overdue for 10 min, told, next reminder in 50 min.
    ("overdue",      "success",     "ok +360",      "recovered",          "recovery"),
    ("overdue",      "exit 0",      "ok +360",      "recovered",          "recovery"),
    ("overdue",      "start",       "overdue -600 missed run", "",        "-"),
    ("overdue",      "fail",        "overdue -600 missed", "",            "-"),
    ("overdue",      "exit 3",      "overdue -600 missed", "",            "-"),
    ("overdue",      "log",         "overdue -600 missed", "",            "-"),
    ("overdue",      "tick",        "overdue -600 missed", "",            "-"),
    ("overdue",      "pause",       "paused",       "paused",             "-"),
    ("overdue",      "pause 1h",    "paused 1h",    "paused",             "-"),
    ("overdue",      "resume",      "overdue -600 missed", "",            "-"),
    ("overdue",      "edit 60s",    "overdue -600 missed", "",            "-"),
    // Overdue for an hour, told, a reminder is due.
    ("overdue, 1h",  "success",     "ok +360",      "recovered",          "recovery"),
    ("overdue, 1h",  "exit 0",      "ok +360",      "recovered",          "recovery"),
    ("overdue, 1h",  "start",       "overdue -3600 missed run", "",       "-"),
    ("overdue, 1h",  "fail",        "overdue -3600 missed", "",           "-"),
    ("overdue, 1h",  "exit 3",      "overdue -3600 missed", "",           "-"),
    ("overdue, 1h",  "log",         "overdue -3600 missed", "",           "-"),
    ("overdue, 1h",  "tick",        "overdue -3600 missed", "reminded 1", "reminder"),
    ("overdue, 1h",  "pause",       "paused",       "paused",             "-"),
    ("overdue, 1h",  "pause 1h",    "paused 1h",    "paused",             "-"),
    ("overdue, 1h",  "resume",      "overdue -3600 missed", "",           "-"),
    ("overdue, 1h",  "edit 60s",    "overdue -3600 missed", "",           "-"),
    // Pausing sticks: pings are recorded and change nothing.
    ("paused",       "success",     "paused",       "",                   "-"),
    ("paused",       "exit 0",      "paused",       "",                   "-"),
    ("paused",       "start",       "paused",       "",                   "-"),
    ("paused",       "fail",        "paused",       "",                   "-"),
    ("paused",       "exit 3",      "paused",       "",                   "-"),
    ("paused",       "log",         "paused",       "",                   "-"),
    ("paused",       "tick",        "paused",       "",                   "-"),
    ("paused",       "pause",       "paused",       "",                   "-"),
    ("paused",       "pause 1h",    "paused 1h",    "",                   "-"),
    ("paused",       "resume",      "ok +360",      "resumed",            "-"),
    ("paused",       "edit 60s",    "paused",       "",                   "-"),
    // The pause ended 30 s ago: a full fresh window from its end.
    ("pause over",   "success",     "ok +360",      "resumed",            "-"),
    ("pause over",   "exit 0",      "ok +360",      "resumed",            "-"),
    ("pause over",   "start",       "ok +330 run",  "resumed",            "-"),
    ("pause over",   "fail",        "overdue 0 failed", "resumed opened", "overdue"),
    ("pause over",   "exit 3",      "overdue 0 exit 3", "resumed opened", "overdue"),
    ("pause over",   "log",         "ok +330",      "resumed",            "-"),
    ("pause over",   "tick",        "ok +330",      "resumed",            "-"),
    ("pause over",   "pause",       "paused",       "resumed paused",     "-"),
    ("pause over",   "pause 1h",    "paused 1h",    "resumed paused",     "-"),
    ("pause over",   "resume",      "ok +330",      "resumed",            "-"),
    // A window of 120 s from now, and not the 330 s that were left: it may shrink, but never below a fresh one.
    ("pause over",   "edit 60s",    "ok +120",      "resumed",            "-"),
];

#[test]
fn every_event_in_every_status_has_the_answer_of_the_table() {
    for (status, event, after, transitions, told) in TABLE {
        let decision = decide(&monitor(status), &event_named(event), &context());
        let answer = (shown(&decision.monitor), moved(&decision), telling(&decision.monitor));
        assert_eq!(answer, ((*after).to_owned(), (*transitions).to_owned(), *told), "{event} on {status}");
    }
}

#[test]
fn no_cell_of_the_table_is_missing_or_doubled() {
    let statuses: BTreeSet<_> = TABLE.iter().map(|row| row.0).collect();
    let events: BTreeSet<_> = TABLE.iter().map(|row| row.1).collect();
    let cells: BTreeSet<_> = TABLE.iter().map(|row| (row.0, row.1)).collect();
    assert_eq!(cells.len(), TABLE.len(), "a cell is doubled");
    assert_eq!(cells.len(), statuses.len() * events.len(), "a cell is missing");
    assert_eq!((statuses.len(), events.len()), (10, 11));
}

#[test]
fn every_cell_repeated_at_once_tells_nobody_twice() {
    for (status, event, ..) in TABLE {
        let once = decide(&monitor(status), &event_named(event), &context()).monitor;
        let again = decide(&once, &event_named(event), &context());
        assert_eq!(again.transitions, [], "{event} on {status}");
    }
}

#[test]
fn an_exit_code_of_zero_is_a_success_and_a_failure_threshold_is_waited_for() {
    let mut patient = monitor("ok");
    patient.policy.failure_threshold = 3;
    let mut at = NOW;
    for failures in 1..=3 {
        at = at.plus(Duration::from_secs(1));
        let decision = decide(&patient, &ping(Signal::Fail), &Context { now: at, ..context() });
        assert_eq!(decision.transitions.len(), usize::from(failures == 3), "failure {failures}");
        assert_eq!(decision.monitor.failures, failures);
        patient = decision.monitor;
    }
    at = at.plus(Duration::from_secs(1));
    let well = decide(&patient, &ping(Signal::Exit(0)), &Context { now: at, ..context() }).monitor;
    assert_eq!((well.failures, matches!(well.status, Status::Ok { .. })), (0, true));
}

#[test]
fn a_run_ends_with_its_own_end_and_gives_a_duration() {
    let start = Event::Ping(Ping { run: heartbeat_core::RunId::parse("a"), ..Ping::bare(Signal::Start) });
    let running = decide(&monitor("ok"), &start, &context()).monitor;
    let end = |run: &str| Event::Ping(Ping { run: heartbeat_core::RunId::parse(run), ..Ping::success() });
    let later = Context { now: NOW.plus(Duration::from_secs(7)), ..context() };
    let other = decide(&running, &end("b"), &later).monitor;
    assert!(!other.runs.is_empty() && other.last_duration.is_none(), "the end of another run is not its end");
    for end in [end("a"), ping(Signal::Success)] {
        let ended = decide(&running, &end, &later).monitor;
        assert_eq!((ended.runs, ended.last_duration), (vec![], Some(Duration::from_secs(7))));
    }
}

#[test]
fn runs_overlap_and_each_has_its_own_end_and_limit() {
    let signal = |signal, run| Event::Ping(Ping { run: heartbeat_core::RunId::parse(run), ..Ping::bare(signal) });
    let after = |seconds| Context { now: NOW.plus(Duration::from_secs(seconds)), ..context() };
    let mut job = monitor("ok");
    job.policy.max_runtime_s = Some(60);
    let first = decide(&job, &signal(Signal::Start, "a"), &after(0)).monitor;
    let both = decide(&first, &signal(Signal::Start, "b"), &after(10)).monitor;
    assert_eq!(both.runs.len(), 2);
    let ended = decide(&both, &signal(Signal::Success, "b"), &after(40)).monitor;
    assert_eq!((ended.runs.len(), ended.last_duration), (1, Some(Duration::from_secs(30))));
    let overran = decide(&ended, &Event::Tick, &after(60 + 11));
    let cause = heartbeat_core::Cause::Overran;
    assert_eq!(overran.transitions, [Transition::Opened { since: after(60).now, cause, unconfirmed: false }]);
    let well = decide(&overran.monitor, &signal(Signal::Success, "c"), &after(80)).monitor;
    assert_eq!(decide(&well, &Event::Tick, &after(90)).transitions, [], "what was told once is not told again");
    let anonymous = decide(&well, &ping(Signal::Success), &after(95)).monitor;
    assert_eq!(anonymous.runs, [], "the only run ends with an end that names none");
}

#[test]
fn more_runs_than_can_be_watched_are_said_and_none_that_is_watched_is_forgotten() {
    let start = |run: usize| {
        Event::Ping(Ping { run: heartbeat_core::RunId::parse(&run.to_string()), ..Ping::bare(Signal::Start) })
    };
    let at = |run: usize| Context { now: NOW.plus(Duration::from_millis(run as u64)), ..context() };
    let many = |limit| {
        let mut job = monitor("ok");
        job.policy.max_runtime_s = limit;
        (0..12).fold((job, vec![]), |(job, mut notes), run| {
            let decision = decide(&job, &start(run), &at(run));
            notes.extend(decision.notes);
            (decision.monitor, notes)
        })
    };
    let (unlimited, notes) = many(None);
    assert_eq!((unlimited.runs.len(), unlimited.runs[0].id.as_ref().unwrap().as_str(), notes), (10, "2", vec![]));
    let (limited, notes) = many(Some(60));
    assert_eq!((limited.runs[0].id.as_ref().unwrap().as_str(), notes), ("0", vec![Note::TooManyRuns; 2]));
}

#[test]
fn a_spooled_ping_counts_when_it_happened_recovers_only_ahead_and_opens_nothing() {
    let spooled =
        |signal, ago| Event::Ping(Ping { at: Some(NOW.minus(Duration::from_secs(ago))), ..Ping::bare(signal) });
    let told = |word: &str, event: &Event| {
        let decision = decide(&monitor(word), event, &context());
        assert!(decision.notes.contains(&Note::Spooled));
        format!("{} {}", shown(&decision.monitor), moved(&decision))
    };
    let plain = |word: &str| shown(&decide(&monitor(word), &Event::Tick, &context()).monitor);
    assert_eq!(told("new", &spooled(Signal::Success, 10)), "ok +350 ");
    assert_eq!(told("new", &spooled(Signal::Success, 500)), "new ", "its window is over: nothing is watched yet");
    for word in ["ok", "overdue", "paused", "new"] {
        assert_eq!(told(word, &spooled(Signal::Fail, 1)), format!("{} ", plain(word)), "{word}: no incident");
    }
    assert_eq!(told("overdue", &spooled(Signal::Success, 500)), format!("{} ", plain("overdue")));
    assert!(told("overdue", &spooled(Signal::Success, 10)).ends_with("recovered"));
    let future = Event::Ping(Ping { at: Some(NOW.plus(Duration::from_secs(9))), ..Ping::success() });
    assert_eq!(decide(&monitor("ok"), &future, &context()).monitor.due_at(), Some(at(360)));
}

#[test]
fn what_is_resumed_after_a_long_pause_is_not_forgotten_for_its_old_ping() {
    let after = |days: u64| Context { now: NOW.plus(Duration::from_hours(24 * days)), ..context() };
    let resumed = decide(&monitor("paused"), &Event::Resume, &after(200)).monitor;
    assert!(resumed.expires_at() > Some(after(229).now), "{:?}", resumed.expires_at());
    let mut overdue = decide(&resumed, &Event::Tick, &after(201)).monitor;
    assert!(matches!(overdue.status, Status::Overdue { .. }));
    overdue.outbox = heartbeat_core::Outbox::default();
    assert!(overdue.expires_at() > Some(after(229).now), "{:?}", overdue.expires_at());
}

#[test]
fn a_ping_resumes_a_paused_monitor_only_where_that_is_wanted() {
    let mut paused = monitor("paused");
    paused.policy.resume_on_ping = true;
    let resumed = decide(&paused, &ping(Signal::Success), &context());
    assert_eq!((shown(&resumed.monitor).as_str(), moved(&resumed).as_str()), ("ok +360", "resumed"));
}

#[test]
fn an_interval_of_a_ping_changes_what_pings_made_and_not_what_a_person_defined() {
    let hourly = Event::Ping(Ping {
        schedule: Interval::from_secs(3_600).map(heartbeat_core::Schedule::Every),
        ..Ping::success()
    });
    assert_eq!(shown(&decide(&monitor("ok"), &hourly, &context()).monitor), "ok +3660");
    let theirs = Monitor { origin: Origin::Person, ..monitor("ok") };
    let kept = decide(&theirs, &hourly, &context());
    assert_eq!(shown(&kept.monitor), "ok +360");
    assert_eq!(kept.notes, [heartbeat_core::ping::Note::DefinitionKept]);
}

#[test]
fn an_older_ping_only_adds_to_the_count() {
    let mut late = monitor("ok");
    late.last_ping_at = Some(NOW.plus(Duration::from_secs(1)));
    for signal in [Signal::Success, Signal::Fail, Signal::Start, Signal::Exit(9)] {
        let decision = decide(&late, &ping(signal), &context());
        let counted = Monitor { ping_count: late.ping_count + 1, ..late.clone() };
        assert_eq!(decision.monitor, counted, "{signal}");
    }
}

#[test]
fn a_log_or_a_start_does_not_outrank_a_success_that_was_on_its_way() {
    for remark in [Signal::Log, Signal::Start] {
        let later = Context { now: NOW.plus(Duration::from_millis(5)), ..context() };
        let remarked = decide(&monitor("ok"), &ping(remark), &later).monitor;
        let pinged = decide(&remarked, &ping(Signal::Success), &context()).monitor;
        assert_eq!(pinged.due_at(), Some(at(360)), "{remark}");
        assert_eq!(!pinged.runs.is_empty(), remark == Signal::Start, "it does not end a run that started after it");
        assert_eq!(pinged.last_heard_at(), Some(later.now));
    }
}

#[test]
fn a_start_that_comes_after_its_own_end_opens_no_run() {
    let later = Context { now: NOW.plus(Duration::from_millis(5)), ..context() };
    let ended = decide(&monitor("ok"), &ping(Signal::Success), &later).monitor;
    assert_eq!(decide(&ended, &ping(Signal::Start), &context()).monitor.runs, vec![]);
}

#[test]
fn a_stamp_from_a_clock_far_ahead_does_not_outrank_the_pings_to_come() {
    let mut ahead = monitor("ok");
    ahead.last_ping_at = Some(NOW.plus(Duration::from_hours(24)));
    ahead.status = Status::Ok { since: NOW, due_at: NOW.plus(Duration::from_mins(1_450)) };
    assert_eq!(shown(&decide(&ahead, &Event::Tick, &context()).monitor), "ok +360");
    assert_eq!(shown(&decide(&ahead, &ping(Signal::Fail), &context()).monitor), "overdue 0 failed");
}

#[test]
fn an_edit_that_pings_keep_overtaking_takes_no_time_from_any_of_them_and_hides_no_silence() {
    let edit = |grace| Event::Edit(Changes { grace: Grace::from_secs(grace), ..Changes::default() });
    for name in ["ok", "ok, late"] {
        let before = monitor(name);
        let decision = decide(&before, &edit(30), &context()).despite_pings(&before, &context());
        assert_eq!(decision.rests_on, RestsOn::Revision, "{name}");
        let after = decision.monitor;
        // The latest ping that it can have overtaken unseen.
        let promised = after.schedule.due_after(NOW.plus(SETTLE), after.grace);
        assert!(after.due_at() >= Some(promised), "{name}: {:?}", after.due_at());
        assert_eq!(after.last_ping_at, before.last_ping_at);
    }
    let silent = monitor("ok, silent");
    let decision = decide(&silent, &edit(30), &context());
    assert_eq!(decision.clone().despite_pings(&silent, &context()), decision);
    assert_eq!(decision.rests_on, RestsOn::Silence);
}

#[test]
fn a_ping_that_a_pause_keeps_from_saying_anything_stands_in_nobodys_way_unless_it_is_the_first() {
    let paused = monitor("paused");
    for signal in [Signal::Success, Signal::Fail] {
        let after = decide(&paused, &ping(signal), &context());
        assert_eq!((after.monitor.rev, after.rests_on), (paused.rev, RestsOn::NewestPing));
        assert_eq!((after.monitor.last_ping_at, after.monitor.ping_count), (Some(NOW), paused.ping_count + 1));
    }
    // Whoever resumes a monitor without a ping makes it silent: the first ping must not come between unseen.
    let unheard = Monitor { last_ping_at: None, last_remark_at: None, ..paused };
    assert!(decide(&unheard, &ping(Signal::Success), &context()).monitor.rev > unheard.rev);
}

fn context() -> Context {
    Context { now: NOW, settle: SETTLE, reminders: Reminders::default(), outages: Outages::default() }
}

fn ping(signal: Signal) -> Event {
    Event::Ping(Ping::bare(signal))
}

fn at(offset: i64) -> Timestamp {
    Timestamp::from_secs(NOW.as_secs() + offset)
}

fn monitor(name: &str) -> Monitor {
    let id = MonitorId::new(Project::default(), Slug::parse("job").unwrap());
    let mut monitor = Monitor::new(id, Origin::Ping, Schedule::default(), Grace::DEFAULT, at(-100_000));
    let pinged = |due: i64| (Status::Ok { since: at(-90_000), due_at: at(due) }, Some(at(due - 360)));
    let run = |due: i64| heartbeat_core::Run { id: None, started_at: at(due - 60), due_at: Some(at(due)) };
    let overdue = |since: i64| {
        let incident = Incident {
            since: at(since),
            cause: Cause::Missed,
            excerpt: None,
            reminders: 0,
            confirm_at: None,
            next_reminder_at: Some(at(since + 3_600)),
        };
        (Status::Overdue { incident }, Some(at(since - 360)))
    };
    let paused = |until| (Status::Paused { since: at(-7_200), until }, Some(at(-8_000)));
    (monitor.status, monitor.last_ping_at) = match name {
        "new" => (Status::New, None),
        "ok" | "running" | "overran" => pinged(100),
        "ok, late" => pinged(-5),
        "ok, silent" => pinged(-20),
        "overdue" => overdue(-600),
        "overdue, 1h" => overdue(-3_600),
        "paused" => paused(None),
        "pause over" => paused(Some(at(-30))),
        other => panic!("{other}?"),
    };
    match name {
        "running" => monitor.runs = vec![run(10)],
        "overran" => monitor.runs = vec![run(-30)],
        _ => {}
    }
    monitor
}

fn event_named(name: &str) -> Event {
    match name {
        "success" => ping(Signal::Success),
        "exit 0" => ping(Signal::Exit(0)),
        "exit 3" => ping(Signal::Exit(3)),
        "start" => ping(Signal::Start),
        "fail" => ping(Signal::Fail),
        "log" => ping(Signal::Log),
        "tick" => Event::Tick,
        "pause" => Event::Pause { until: None },
        "pause 1h" => Event::Pause { until: Some(at(3_600)) },
        "resume" => Event::Resume,
        "edit 60s" => {
            let schedule = Interval::from_secs(60).map(Schedule::Every);
            Event::Edit(Changes { schedule, ..Changes::default() })
        }
        other => panic!("{other}?"),
    }
}

/// A status in a word or two, with its instants relative to now.
fn shown(monitor: &Monitor) -> String {
    let relative = |at: Timestamp| at.as_secs() - NOW.as_secs();
    let mut text = match &monitor.status {
        Status::New => "new".to_owned(),
        Status::Ok { due_at, .. } => format!("ok {:+}", relative(*due_at)),
        Status::Overdue { incident } => {
            let cause = match incident.cause {
                Cause::Missed => "missed".to_owned(),
                Cause::Overran => "overran".to_owned(),
                Cause::Failed { exit: None } => "failed".to_owned(),
                Cause::Failed { exit: Some(code) } => format!("exit {code}"),
            };
            format!("overdue {} {cause}", relative(incident.since))
        }
        Status::Paused { until: None, .. } => "paused".to_owned(),
        Status::Paused { until: Some(until), .. } => format!("paused {}h", relative(*until) / 3_600),
    };
    if !monitor.runs.is_empty() {
        text.push_str(" run");
    }
    text
}

fn moved(decision: &Decision) -> String {
    let word = |transition: &Transition| match transition {
        Transition::Opened { .. } => "opened".to_owned(),
        Transition::Recovered { .. } => "recovered".to_owned(),
        Transition::Reminded { number, .. } => format!("reminded {number}"),
        Transition::Paused => "paused".to_owned(),
        Transition::Resumed => "resumed".to_owned(),
    };
    decision.transitions.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn telling(monitor: &Monitor) -> &'static str {
    monitor.outbox.unrouted.as_ref().map_or("-", |notice| match notice.kind() {
        NoticeKind::Overdue => "overdue",
        NoticeKind::Reminder => "reminder",
        NoticeKind::Recovery => "recovery",
        NoticeKind::LateButFine => "late",
    })
}
