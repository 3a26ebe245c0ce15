//! What rows come to.

use std::time::Duration;

use super::*;
use crate::{Grace, MonitorId, Origin, Schedule, ping::Signal};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

/// Rows as a store gives them, of what happened in this order.
fn rows(happenings: Vec<(i64, Happening)>) -> Vec<Row> {
    let monitor = MonitorId::parse("default/job").unwrap();
    let rows = happenings.into_iter().zip(1..);
    let mut rows: Vec<Row> = rows
        .map(|((second, happening), tag)| Row { monitor: monitor.clone(), at: at(second), tag, happening })
        .collect();
    rows.reverse();
    rows
}

fn opened(since: i64) -> Happening {
    Happening::Opened { since: at(since), cause: Cause::Missed, unconfirmed: false }
}

fn recovered(since: i64) -> Happening {
    Happening::Recovered { since: at(since) }
}

fn ping(happened_at: Option<i64>) -> Happening {
    Happening::Ping(PingRow {
        signal: Signal::Success,
        from: None,
        agent: None,
        run: None,
        took_ms: None,
        happened_at: happened_at.map(at),
        metadata: None,
        body: String::new(),
        notes: Vec::new(),
    })
}

fn delivery(channel: &str, outcome: &str) -> Happening {
    Happening::Delivery(DeliveryRow {
        notification: "n".to_owned(),
        channel: ChannelName::parse(channel).unwrap(),
        attempt: 1,
        outcome: outcome.to_owned(),
        reason: (outcome != "delivered").then(|| "busy".to_owned()),
        status: None,
        took_ms: 1,
        next_at: None,
        untold: None,
    })
}

fn ends(chronicle: &Chronicle) -> Vec<(i64, Option<(i64, Ending)>)> {
    let end = |episode: &Episode| episode.ended.map(|(at, ending)| (at.as_secs(), ending));
    chronicle.episodes.iter().map(|episode| (episode.since.as_secs(), end(episode))).collect()
}

#[test]
fn an_incident_ends_with_its_recovery_a_pause_or_a_deletion() {
    let chronicle = Chronicle::of(&rows(vec![
        (100, opened(90)),
        (150, recovered(90)),
        (200, opened(190)),
        (250, Happening::Paused { by: None }),
        (260, Happening::Resumed { by: None }),
        (300, opened(290)),
        (350, Happening::Deleted { by: None }),
        (400, opened(390)),
    ]));
    let expected = [
        (90, Some((150, Ending::Recovered))),
        (190, Some((250, Ending::Paused))),
        (290, Some((350, Ending::Deleted))),
        (390, None),
    ];
    assert_eq!(ends(&chronicle), expected);
    assert_eq!(chronicle.pauses, [Pause { from: Some(at(250)), until: Some(at(260)) }]);
}

#[test]
fn a_job_that_was_heard_late_was_well_when_it_pinged() {
    let chronicle = Chronicle::of(&rows(vec![(100, opened(90)), (150, ping(Some(95))), (150, recovered(90))]));
    assert_eq!(ends(&chronicle), [(90, Some((95, Ending::Recovered)))]);
    let in_time = Chronicle::of(&rows(vec![(100, opened(90)), (150, ping(Some(80))), (150, recovered(90))]));
    assert_eq!(ends(&in_time), [(90, Some((90, Ending::Recovered)))]);
}

#[test]
fn what_began_before_the_rows_is_known_by_its_end() {
    let chronicle = Chronicle::of(&rows(vec![(100, recovered(50)), (200, Happening::Resumed { by: None })]));
    assert_eq!(ends(&chronicle), [(50, Some((100, Ending::Recovered)))]);
    assert_eq!(chronicle.episodes[0].opened, None);
    assert_eq!(chronicle.pauses, [Pause { from: None, until: Some(at(200)) }]);
}

#[test]
fn who_was_told_is_told_with_the_newest_incident() {
    let chronicle = Chronicle::of(&rows(vec![
        (99, delivery("mail", "delivered")),
        (100, opened(90)),
        (101, delivery("ops", "retry")),
        (102, delivery("mail", "refused")),
        (103, delivery("ops", "delivered")),
        (120, Happening::Reminded { since: at(90), number: 2 }),
        (121, delivery("ops", "delivered")),
        (150, recovered(90)),
        (160, delivery("ops", "delivered")),
        (200, opened(190)),
        (201, delivery("mail", "gave_up")),
    ]));
    let first = &chronicle.episodes[0];
    assert_eq!(first.reminders, 2);
    let lost = Some(Lost { at: at(102), outcome: "refused".to_owned(), reason: Some("busy".to_owned()) });
    let channel = |name: &str| ChannelName::parse(name).unwrap();
    let mail = Told { channel: channel("mail"), delivered_at: None, deliveries: 0, failures: 1, lost };
    let ops = Told { channel: channel("ops"), delivered_at: Some(at(103)), deliveries: 3, failures: 1, lost: None };
    assert_eq!(first.told, [mail, ops]);
    assert_eq!(chronicle.episodes[1].told.len(), 1);
}

#[test]
fn an_incident_is_open_only_if_the_monitor_is_in_it() {
    let chronicle = || Chronicle::of(&rows(vec![(100, opened(90)), (200, opened(190))]));
    assert_eq!(ends(&chronicle()), [(90, Some((190, Ending::Unknown))), (190, None)], "a row was lost");
    let now = at(1_000);
    let id = MonitorId::parse("default/job").unwrap();
    let new = Monitor::new(id, Origin::Ping, Schedule::default(), Grace::DEFAULT, at(0));
    let well =
        Monitor { status: Status::Ok { since: at(300), due_at: now.plus(Duration::from_mins(5)) }, ..new.clone() };
    assert_eq!(ends(&chronicle().with_monitor(Some(&well), now))[1], (190, Some((300, Ending::Unknown))));
    assert_eq!(ends(&chronicle().with_monitor(None, now))[1], (190, Some((1_000, Ending::Unknown))));
    let incident = Incident {
        since: at(190),
        cause: Cause::Missed,
        excerpt: None,
        reminders: 0,
        confirm_at: None,
        next_reminder_at: None,
    };
    let overdue = Monitor { status: Status::Overdue { incident }, ..new };
    assert_eq!(ends(&chronicle().with_monitor(Some(&overdue), now))[1], (190, None));
}
