//! Tellings as the core makes them, for tests.

use std::time::Duration;

use heartbeat_core::{
    ChannelName, Grace, Incident, Interval, Monitor, MonitorId, Notice, Origin, Project, Rev, Schedule, Slug, Telling,
    Timestamp, incident::Cause,
};

/// `2026-11-23` at this time of day, UTC.
pub(crate) fn at(time: &str) -> Timestamp {
    Timestamp::parse(&format!("2026-11-23T{time}Z")).unwrap()
}

pub(crate) fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

/// An incident of the night, since `since`.
pub(crate) fn incident(since: &str, cause: Cause) -> Incident {
    Incident { since: at(since), cause, excerpt: None, reminders: 0, confirm_at: None, next_reminder_at: None }
}

/// The notice that an incident has opened, noticed after the settle time.
pub(crate) fn opened(since: &str, cause: Cause) -> Notice {
    let incident = incident(since, cause);
    let noticed = match cause {
        Cause::Failed { .. } => incident.since,
        Cause::Missed | Cause::Overran => incident.since.plus(Duration::from_secs(10)),
    };
    Notice::opened(&incident, Some(incident.since.minus(minutes(65))), Rev(1), noticed)
}

/// The notice that an incident has ended.
pub(crate) fn recovered(since: &str, cause: Cause, up: &str) -> Notice {
    let incident = incident(since, cause);
    Notice::recovered(&incident, Some(incident.since.minus(minutes(65))), Rev(2), at(up))
}

/// The `number`-th reminder, `after` its incident began.
pub(crate) fn reminder(since: &str, cause: Cause, number: u32, after: Duration) -> Notice {
    let incident = Incident { reminders: number, ..incident(since, cause) };
    Notice::reminder(&incident, Some(incident.since.minus(minutes(65))), Rev(3), incident.since.plus(after))
}

/// All of them in one notice, each newer than the one before.
pub(crate) fn folded(notices: impl IntoIterator<Item = Notice>) -> Notice {
    let mut notices = (1..).zip(notices).map(|(number, notice)| Notice { rev: Rev(number), ..notice });
    let mut notice = notices.next().unwrap();
    notices.for_each(|newer| notice.fold(newer));
    notice
}

/// What the channel is told of `slug`, which is expected every hour with five minutes of grace.
pub(crate) fn telling(project: &str, slug: &str, notice: Notice) -> Telling {
    let id = MonitorId::new(Project::parse(project).unwrap(), Slug::parse(slug).unwrap());
    let schedule = Schedule::Every(Interval::parse("1h").unwrap());
    let monitor = Monitor::new(id, Origin::Ping, schedule, Grace::parse("5m").unwrap(), at("00:00:00"));
    Telling::new(&monitor, &ChannelName::parse("telegram").unwrap(), notice)
}

/// What most tests tell.
pub(crate) fn nightly(notice: Notice) -> Telling {
    telling(Project::DEFAULT, "nightly-backup", notice)
}

pub(crate) fn overdue() -> Telling {
    nightly(opened("03:00:00", Cause::Missed))
}

pub(crate) fn recovery() -> Telling {
    nightly(recovered("03:00:00", Cause::Missed, "05:15:00"))
}
