//! What outages of ours make of a silence, by hand and by chance.

use proptest::prelude::*;

use super::*;
use crate::{Cron, Grace, MonitorId, Origin, Schedule};

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_secs(NOW.as_secs() + minutes * 60)
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

/// A job that was heard at [`NOW`].
fn wait(interval: u64, grace: u64) -> Wait {
    let (interval, grace) = (minutes(interval), minutes(grace));
    Wait { began: NOW, due: NOW.plus(interval).plus(grace), interval, grace, cause: Cause::Missed }
}

fn closed(from: i64, to: i64) -> Window {
    Window { from: at(from), ended: Some(Ended::Heard(at(to))), held_until: at(from + 15), why: Why::NoEvidence }
}

fn open(from: i64) -> Window {
    Window { ended: None, ..closed(from, 0) }
}

fn postponed(windows: &[Window], wait: &Wait, now: i64) -> i64 {
    let judged = Outages::of(windows).judge(wait, at(now));
    (judged.at.as_secs() - NOW.as_secs()) / 60
}

#[test]
fn a_job_of_a_cron_line_that_was_heard_since_gets_nothing_for_what_was_before() {
    // 13:46:40; the run before is that of 13:45, the next that of 13:50.
    let line = Schedule::Cron(Cron::parse("*/5 * * * *", "UTC").unwrap());
    let id = MonitorId::parse("default/job").unwrap();
    let mut monitor = Monitor::new(id, Origin::Ping, line, Grace::from_secs(60).unwrap(), NOW);
    monitor.status = Status::Ok { since: NOW, due_at: Timestamp::from_secs(NOW.as_secs() + 260) };
    let due_by = |monitor: &Monitor| {
        let wait = monitor.waits().pop().unwrap();
        let deaf = Window { from: NOW.minus(minutes(60)), ended: Some(Ended::Heard(NOW)), ..open(-60) };
        Outages::of(&[deaf]).judge(&wait, at(100)).at.since(wait.due)
    };
    assert_eq!(due_by(&monitor), Duration::from_secs(100) + minutes(5), "not heard since the run before");
    monitor.last_ping_at = Some(NOW);
    assert_eq!(due_by(&monitor), Duration::ZERO, "heard when it was over");
}

#[test]
fn what_is_known_too_little_of_is_held_and_then_unconfirmed() {
    let (knows, job) = (Outages::default().heard_at(Some(at(1))), wait(5, 1));
    let judged = |outages: &Outages, minutes| {
        let judged = outages.judge(&job, at(minutes));
        (judged.at <= at(minutes).minus(Duration::from_secs(1)), judged.confirmed)
    };
    assert_eq!(judged(&knows, 20), (true, true), "the evidence is so old that it holds nothing any more");
    assert_eq!(judged(&knows.clone().stale(), 20), (false, false), "nobody could be asked: held");
    assert_eq!(judged(&knows.clone().stale(), 22), (true, false), "and not for ever");
    let patient = knows.clone().stale().held_for(Duration::from_mins(30));
    assert_eq!(judged(&patient, 22), (false, false), "as long as the installation says");
    assert_eq!(judged(&knows.heard_at(Some(at(7))).stale(), 20), (true, true), "heard since it was due");
    assert_eq!(judged(&Outages::default().stale(), 20), (true, true), "where nobody gives evidence, nothing is held");
}

#[test]
fn a_time_that_two_outages_name_counts_once() {
    let one = postponed(&[closed(2, 20)], &wait(5, 1), 100);
    assert_eq!(one, 6 + 18 + 5);
    assert_eq!(postponed(&[closed(2, 20), closed(2, 20)], &wait(5, 1), 100), one, "written down twice");
    assert_eq!(postponed(&[closed(2, 20), closed(2, 21)], &wait(5, 1), 100), one + 1, "and a little longer");
    assert_eq!(postponed(&[closed(2, 20), closed(4, 10)], &wait(5, 1), 100), one, "one inside the other");
}

#[test]
fn without_an_outage_a_deadline_is_what_it_is() {
    assert_eq!(postponed(&[], &wait(5, 1), 100), 6);
    assert_eq!(postponed(&[closed(-60, -1), closed(7, 60)], &wait(5, 1), 100), 6, "before and after");
}

#[test]
fn for_a_job_that_pings_often_the_clock_stands_still_and_it_gets_an_interval() {
    assert_eq!(postponed(&[closed(2, 122)], &wait(5, 1), 200), 6 + 120 + 5);
    assert_eq!(postponed(&[closed(2, 122)], &wait(60, 0), 200), 60 + 120 + 10, "and no more than ten minutes");
    assert_eq!(
        postponed(&[closed(-60, 2)], &wait(5, 1), 200),
        6 + 2 + 5,
        "what was before its last ping does not count"
    );
}

#[test]
fn a_job_that_pings_once_a_day_gets_time_only_if_it_was_expected_meanwhile() {
    let daily = wait(1_440, 30);
    assert_eq!(postponed(&[closed(100, 200)], &daily, 2_000), 1_470, "nothing was expected");
    assert_eq!(postponed(&[closed(1_430, 1_500)], &daily, 2_000), 1_530, "until its end plus the grace");
    assert_eq!(postponed(&[closed(1_400, 1_436)], &daily, 2_000), 1_470, "a little early, and within the grace");
    assert_eq!(postponed(&[closed(1_400, 1_436)], &wait(1_440, 1), 2_000), 1_451, "a quarter of an hour at least");
}

#[test]
fn while_it_goes_on_silence_is_held_and_no_hold_is_unbounded() {
    let job = wait(5, 1);
    for now in [3, 10, 16] {
        assert!(postponed(&[open(2)], &job, now) > now, "held at {now}");
    }
    let after = Outages::of(&[open(2)]).judge(&job, at(17));
    assert_eq!(after, Judged { at: job.due, confirmed: false });
    let before = Outages::of(&[open(7)]).judge(&job, at(8));
    assert_eq!(before, Judged { at: job.due, confirmed: true }, "its deadline had passed when we could still hear");
}

#[test]
fn silence_is_none_before_it_is_proven_that_we_could_hear_since_its_deadline() {
    let job = wait(5, 1);
    let judged = |heard, now| Outages::default().heard_at(Some(at(heard))).judge(&job, at(now)).at;
    assert_eq!(judged(5, 7), at(7), "not yet");
    assert_eq!(judged(6, 7), job.due);
    assert_eq!(judged(5, 5 + 16), job.due, "nor is that waited for without a bound");
}

#[test]
fn who_has_not_learnt_yet_whether_there_are_outages_holds_all_silence_for_a_while() {
    let (job, ignorant) = (wait(5, 1), Outages::default().unknown_until(at(30)));
    assert_eq!(ignorant.judge(&job, at(29)), Judged { at: at(29), confirmed: false });
    assert_eq!(ignorant.judge(&job, at(30)), Judged { at: job.due, confirmed: false });
}

#[test]
fn what_was_missed_while_nobody_knows_is_unconfirmed_afterwards_too() {
    let crowd = Window { ended: Some(Ended::Unknown(at(17))), why: Why::Crowd, ..open(2) };
    assert_eq!(Outages::of(&[crowd]).judge(&wait(5, 1), at(17)), Judged { at: at(6), confirmed: false });
    assert_eq!(Outages::of(&[crowd]).judge(&wait(20, 1), at(60)), Judged { at: at(21), confirmed: true });
}

#[test]
fn of_too_many_outages_the_long_and_the_new_are_remembered() {
    let mut windows: Vec<Window> = (0..40).map(|n| closed(n * 10, n * 10 + 1)).collect();
    windows.insert(3, closed(25, 29));
    windows.push(open(1_000));
    let kept = Outages::of(&windows);
    assert_eq!(kept.windows().len(), REMEMBERED);
    assert!(kept.windows().contains(&closed(25, 29)) && kept.open() == Some(&open(1_000)));
    assert!(kept.windows().contains(&closed(390, 391)));
}

proptest! {
    #[test]
    fn a_crash_loop_postpones_no_alert_beyond_the_bound(
        up in 1_u64..300, down in 61_u64..900, interval in 1_u64..60, grace in 0_u64..30,
    ) {
        let job = wait(interval, grace);
        let mut windows = Vec::new();
        let mut from = NOW;
        for _ in 0..REMEMBERED {
            let to = from.plus(Duration::from_secs(down));
            windows.push(Window { from, ended: Some(Ended::Heard(to)), held_until: from.plus(HOLD), why: Why::Downtime });
            from = to.plus(Duration::from_secs(up));
        }
        let judged = Outages::of(&windows).judge(&job, from);
        prop_assert!(judged.at <= job.due.plus(Duration::from_secs(down)).plus(CAP));
        prop_assert!(judged.at >= job.due);
    }

    #[test]
    fn a_job_that_is_heard_again_soon_after_an_outage_is_not_called_silent(
        interval in 1_u64..60, grace in 0_u64..30, from in -50_i64..100, length in 2_u64..600,
    ) {
        let job = wait(interval, grace);
        let window = closed(from, from + i64::try_from(length).unwrap());
        let end = window.from.plus(minutes(length));
        let judged = Outages::of(&[window]).judge(&job, at(10_000));
        if window.from < job.due && end > job.began {
            prop_assert!(judged.at >= end.plus(minutes(interval.min(10))));
        } else {
            prop_assert_eq!(judged.at, job.due);
        }
    }
}
