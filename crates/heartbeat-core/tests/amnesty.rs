//! What outages of ours make of a monitor's life: held, told as unconfirmed, confirmed; and whom they do not concern.
#![expect(clippy::unwrap_used, reason = "a test passes or it panics")]

use std::time::Duration;

use heartbeat_core::{
    Context, Event, Grace, Interval, Monitor, MonitorId, Origin, Ping, Project, Reminders, Schedule, Shown, Signal,
    Slug, Status, Timestamp, Transition, decide,
    outage::{Ended, HOLD, Outages, Why, Window},
};

const NOW: Timestamp = Timestamp::from_secs(1_000_000);
const SETTLE: Duration = Duration::from_secs(10);

fn at(minutes: u64) -> Timestamp {
    NOW.plus(Duration::from_mins(minutes))
}

fn context(minutes: u64, windows: &[Window]) -> Context {
    let outages = Outages::of(windows);
    // A moment later: a deadline that passes just now is kept.
    Context { now: at(minutes).plus(SETTLE * 2), settle: SETTLE, reminders: Reminders::default(), outages }
}

/// Heard every five minutes, with a minute of grace; the last time at [`NOW`].
fn monitor(project: &str) -> Monitor {
    let id = MonitorId::new(Project::parse(project).unwrap(), Slug::parse("job").unwrap());
    let schedule = Schedule::Every(Interval::from_secs(300).unwrap());
    let unborn = Monitor::new(id, Origin::Ping, schedule, Grace::from_secs(60).unwrap(), NOW);
    let first = Context { now: NOW, ..context(0, &[]) };
    decide(&unborn, &Event::Ping(Ping::success()), &first).monitor
}

fn open(from: u64) -> Window {
    Window { from: at(from), ended: None, held_until: at(from).plus(HOLD), why: Why::NoEvidence }
}

fn heard_again(from: u64, to: u64) -> Window {
    Window { ended: Some(Ended::Heard(at(to))), ..open(from) }
}

fn confirm_at(monitor: &Monitor) -> Option<Timestamp> {
    match &monitor.status {
        Status::Overdue { incident } => incident.confirm_at,
        Status::New | Status::Ok { .. } | Status::Paused { .. } => None,
    }
}

#[test]
fn what_is_held_is_shown_as_late_and_a_ping_of_the_hold_is_no_outage() {
    let (job, held) = (monitor("default"), context(10, &[open(2)]));
    assert_eq!(job.status_at(&held), Shown::Late);
    assert!(job.held_until(&held).unwrap() > held.now);
    let decision = decide(&job, &Event::Ping(Ping::success()), &held);
    assert_eq!((decision.transitions, decision.monitor.status_at(&held)), (vec![], Shown::Ok));
}

#[test]
fn what_an_earlier_outage_has_moved_is_not_looked_at_before_that_because_of_another_one() {
    let job = monitor("default");
    let until = |windows: &[Window]| job.held_until(&context(10, windows)).unwrap();
    let moved = until(&[heard_again(1, 9)]);
    assert_eq!(moved, at(6 + 8 + 5).plus(SETTLE));
    assert_eq!(until(&[heard_again(1, 9), open(9)]), moved);
    assert!(until(&[open(2)]) < moved);
}

#[test]
fn after_the_hold_it_is_told_unconfirmed_and_confirmed_once_that_is_known() {
    let job = monitor("default");
    let told = decide(&job, &Event::Tick, &context(17, &[open(2)]));
    let opened = |unconfirmed| Transition::Opened { since: at(6), cause: heartbeat_core::Cause::Missed, unconfirmed };
    assert_eq!(told.transitions, [opened(true)]);
    assert!(told.monitor.outbox.unrouted.as_ref().unwrap().unconfirmed);
    let waiting = Monitor { outbox: heartbeat_core::Outbox::default(), ..told.monitor };
    let still = decide(&waiting, &Event::Tick, &context(30, &[open(2)]));
    assert_eq!(still.transitions, [], "nobody knows yet");
    let soon = decide(&waiting, &Event::Tick, &context(33, &[heard_again(2, 32)]));
    assert_eq!(soon.transitions, [], "it has not had its time to be heard");
    let known = confirm_at(&soon.monitor).unwrap();
    assert_eq!(known, at(6 + 30 + 5).plus(SETTLE));
    let confirmed = decide(&soon.monitor, &Event::Tick, &Context { now: known, ..context(0, &[heard_again(2, 32)]) });
    assert_eq!(confirmed.transitions, [Transition::Reminded { since: at(6), number: 1 }]);
    assert!(!confirmed.monitor.outbox.unrouted.unwrap().unconfirmed);
}

#[test]
fn a_failure_is_known_whatever_we_could_hear() {
    let told = decide(&monitor("default"), &Event::Tick, &context(17, &[open(2)])).monitor;
    assert!(confirm_at(&told).is_some());
    let failed = decide(&told, &Event::Ping(Ping::bare(Signal::Fail)), &context(18, &[open(2)])).monitor;
    assert_eq!(confirm_at(&failed), None);
}

#[test]
fn the_operators_own_monitors_know_no_amnesty() {
    let ingest = monitor(Project::OPERATOR);
    let decision = decide(&ingest, &Event::Tick, &context(7, &[open(2)]));
    assert!(matches!(decision.transitions.as_slice(), [Transition::Opened { unconfirmed: false, .. }]));
}

#[test]
fn silence_waits_for_evidence_from_after_its_deadline() {
    let job = monitor("default");
    let proven_at = |minutes| Context { outages: Outages::default().heard_at(Some(at(minutes))), ..context(7, &[]) };
    assert_eq!(decide(&job, &Event::Tick, &proven_at(5)).transitions, []);
    assert_eq!(decide(&job, &Event::Tick, &proven_at(7)).transitions.len(), 1);
}
