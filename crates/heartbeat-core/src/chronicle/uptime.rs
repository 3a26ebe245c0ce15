//! How long a monitor was up, how long it was down, and of how long nobody knows: it was not watched yet, it was paused, we
//! could not hear (an outage of ours), or history has forgotten.
//!
//! Everything is counted in whole seconds of one line of time, so that the parts of a range add up to it, and the parts of
//! its parts as well.

use super::{Chronicle, open_incident};
use crate::{
    monitor::{Monitor, Status},
    outage::{Ended, Window},
    time::Timestamp,
};

/// What is known of a monitor's time.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The monitor, settled at `now`.
    pub monitor: &'a Monitor,
    /// Until when.
    pub now: Timestamp,
    /// From when on nothing is missing in the chronicle.
    pub from: Timestamp,
    /// Outages of ours.
    pub outages: &'a [Window],
}

/// A monitor's time, divided into what it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Seconds of which nobody knows, as ranges that do not touch.
    unknown: Vec<Span>,
    /// Seconds in which it was down, as such ranges; some of them may be unknown after all.
    down: Vec<Span>,
    /// When incidents began.
    begun: Vec<i64>,
}

/// From a second on, until before another.
type Span = (i64, i64);

/// What a range of time comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uptime {
    /// Seconds in which it was up.
    pub up_s: u64,
    /// Seconds in which it was down.
    pub down_s: u64,
    /// Seconds of which nobody knows.
    pub unknown_s: u64,
    /// How many incidents began.
    pub incidents: usize,
}

impl Uptime {
    /// How much of the time that is known it was up, from 0 to 1; `None` where nothing is known.
    #[expect(clippy::cast_precision_loss, reason = "seconds of a hundred million years are exact")]
    pub fn ratio(&self) -> Option<f64> {
        let known = self.up_s.saturating_add(self.down_s);
        (known > 0).then(|| self.up_s as f64 / known as f64)
    }
}

impl Timeline {
    /// The time of the monitor that `chronicle` tells of.
    pub fn of(chronicle: &Chronicle, known: &Known<'_>) -> Self {
        let open = open_incident(known.monitor);
        let ends = |episode: &super::Episode| episode.ended.map_or(known.now, |(at, _)| at);
        let told = chronicle.episodes.iter().map(|episode| (episode.since, ends(episode)));
        let untold = open.filter(|open| chronicle.episodes.iter().all(|episode| episode.since != open.since));
        let down: Vec<_> = told.chain(untold.map(|open| (open.since, known.now))).collect();
        let begun = down.iter().map(|(from, _)| from.as_secs()).collect();
        Self { unknown: merged(unknown(chronicle, known)), down: merged(down), begun }
    }

    /// What happened from one instant until before another.
    pub fn between(&self, from: Timestamp, until: Timestamp) -> Uptime {
        let (from, until) = (from.as_secs(), until.as_secs().max(from.as_secs()));
        let (mut unknown_s, mut down_s) = (0, 0);
        for span in self.unknown.iter().filter_map(|span| within(*span, (from, until))) {
            unknown_s += length(span);
        }
        for down in self.down.iter().filter_map(|span| within(*span, (from, until))) {
            let hidden: u64 = self.unknown.iter().filter_map(|span| within(*span, down)).map(length).sum();
            down_s += length(down).saturating_sub(hidden);
        }
        let up_s = length((from, until)).saturating_sub(unknown_s).saturating_sub(down_s);
        let incidents = self.begun.iter().filter(|begun| (from..until).contains(begun)).count();
        Uptime { up_s, down_s, unknown_s, incidents }
    }
}

fn unknown(chronicle: &Chronicle, known: &Known<'_>) -> Vec<(Timestamp, Timestamp)> {
    let always = Timestamp::from_micros(i64::MIN);
    let stands = match &known.monitor.status {
        Status::New => Some((known.monitor.created_at, known.now)),
        Status::Paused { since, .. } => Some((*since, known.now)),
        Status::Ok { .. } | Status::Overdue { .. } => None,
    };
    let resumed = stands.map_or_else(|| stands_since(known.monitor), |(_, now)| now);
    let pauses = chronicle.pauses.iter();
    let pauses = pauses.map(|pause| (pause.from.unwrap_or(always), pause.until.unwrap_or(resumed)));
    let outages = known.outages.iter().map(|window| (window.from, end_of(window, known.now)));
    let edges = [(always, known.from.max(watched_since(chronicle, known))), (known.now, Timestamp::MAX)];
    edges.into_iter().chain(stands).chain(pauses).chain(outages).collect()
}

/// The first that is known of it: before its first ping nobody expects anything.
fn watched_since(chronicle: &Chronicle, known: &Known<'_>) -> Timestamp {
    let created_at = known.monitor.created_at;
    if known.from > created_at {
        return created_at;
    }
    let first_incident = chronicle.episodes.first().map(|episode| episode.since);
    let first = [chronicle.first_ping, first_incident, Some(stands_since(known.monitor))];
    // A monitor that was deleted and made anew has the rows of both.
    first.into_iter().flatten().filter(|at| *at >= created_at).min().unwrap_or(created_at)
}

fn stands_since(monitor: &Monitor) -> Timestamp {
    match &monitor.status {
        Status::New => monitor.created_at,
        Status::Ok { since, .. } | Status::Paused { since, .. } => *since,
        Status::Overdue { incident } => incident.since,
    }
}

fn end_of(window: &Window, now: Timestamp) -> Timestamp {
    match window.ended {
        Some(Ended::Heard(at) | Ended::Unknown(at)) => at,
        None => now,
    }
}

/// The same seconds as ranges that do not touch, the earliest first.
fn merged(spans: Vec<(Timestamp, Timestamp)>) -> Vec<Span> {
    let mut spans: Vec<Span> = spans.into_iter().map(|(from, until)| (from.as_secs(), until.as_secs())).collect();
    spans.retain(|(from, until)| from < until);
    spans.sort_unstable();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for (from, until) in spans {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            Some(_) | None => merged.push((from, until)),
        }
    }
    merged
}

fn within(span: Span, range: Span) -> Option<Span> {
    let (from, until) = (span.0.max(range.0), span.1.min(range.1));
    (from < until).then_some((from, until))
}

fn length((from, until): Span) -> u64 {
    u64::try_from(until.saturating_sub(from)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{Ending, Episode, Pause},
        *,
    };
    use crate::{Grace, Incident, MonitorId, Origin, Schedule, incident::Cause, outage::Why};

    const DAY: i64 = 86_400;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn monitor(created: i64, status: Status) -> Monitor {
        let id = MonitorId::parse("default/job").unwrap();
        let new = Monitor::new(id, Origin::Person, Schedule::default(), Grace::DEFAULT, at(created));
        Monitor { status, ..new }
    }

    fn ok(since: i64) -> Status {
        Status::Ok { since: at(since), due_at: at(10 * DAY) }
    }

    fn episode(since: i64, ended: Option<i64>) -> Episode {
        Episode { ended: ended.map(|end| (at(end), Ending::Recovered)), ..Episode::begun(at(since)) }
    }

    fn window(from: i64, ended: Option<i64>) -> Window {
        let ended = ended.map(|end| Ended::Heard(at(end)));
        Window { from: at(from), ended, held_until: at(from + 900), why: Why::Downtime }
    }

    fn timeline(chronicle: &Chronicle, monitor: &Monitor, now: i64, from: i64, outages: &[Window]) -> Timeline {
        Timeline::of(chronicle, &Known { monitor, now: at(now), from: at(from), outages })
    }

    fn up_down_unknown(uptime: Uptime) -> (u64, u64, u64) {
        (uptime.up_s, uptime.down_s, uptime.unknown_s)
    }

    #[test]
    fn a_day_with_an_incident_a_pause_and_an_outage_of_ours_is_divided_so() {
        let pauses = vec![Pause { from: Some(at(50_000)), until: Some(at(51_000)) }];
        let episodes = vec![episode(10_000, Some(12_000)), episode(20_000, Some(20_500))];
        let chronicle = Chronicle { episodes, pauses, first_ping: Some(at(100)), ..Chronicle::default() };
        let timeline = timeline(&chronicle, &monitor(0, ok(20_500)), 80_000, 0, &[window(11_000, Some(13_000))]);
        let day = timeline.between(at(0), at(DAY));
        let unknown = 100 + 2_000 + 1_000 + (86_400 - 80_000);
        assert_eq!(up_down_unknown(day), (86_400 - 1_500 - unknown, 1_500, unknown), "{day:?}");
        assert_eq!(day.incidents, 2);
    }

    #[test]
    fn nothing_is_known_of_a_new_or_a_paused_monitor_and_an_open_incident_goes_on() {
        let none = Chronicle::default();
        let seen = |status: Status| {
            up_down_unknown(timeline(&none, &monitor(0, status), 1_000, 0, &[]).between(at(0), at(1_000)))
        };
        assert_eq!(seen(Status::New), (0, 0, 1_000));
        assert_eq!(
            seen(Status::Paused { since: at(400), until: None }),
            (0, 0, 1_000),
            "and before it was never heard"
        );
        let incident = Incident {
            since: at(700),
            cause: Cause::Missed,
            excerpt: None,
            reminders: 0,
            confirm_at: None,
            next_reminder_at: None,
        };
        assert_eq!(seen(Status::Overdue { incident: incident.clone() }), (0, 300, 700));
        let heard = Chronicle { first_ping: Some(at(10)), episodes: vec![episode(700, None)], ..Chronicle::default() };
        let overdue = timeline(&heard, &monitor(0, Status::Overdue { incident }), 1_000, 0, &[window(900, None)]);
        let uptime = overdue.between(at(0), at(1_000));
        assert_eq!((up_down_unknown(uptime), uptime.incidents), ((690, 200, 110), 1), "it is counted once");
    }

    #[test]
    fn what_history_has_forgotten_is_not_taken_for_up() {
        let uptime = timeline(&Chronicle::default(), &monitor(0, ok(10)), 1_000, 600, &[]).between(at(0), at(2_000));
        assert_eq!(up_down_unknown(uptime), (400, 0, 1_600));
        assert_eq!(uptime.ratio(), Some(1.0));
        assert_eq!(Uptime::default().ratio(), None);
    }

    fn spans() -> impl Strategy<Value = Vec<(i64, i64)>> {
        proptest::collection::vec((0..2 * DAY, 0..20_000_i64), 0..6)
    }

    proptest! {
        #[test]
        fn the_parts_add_up_and_dividing_a_range_changes_nothing(
            (down, pauses, outages) in (spans(), spans(), spans()),
            (now, from, first) in (0..2 * DAY, 0..2 * DAY, 0..DAY),
            mut cuts in proptest::collection::vec(-DAY..3 * DAY, 2..8),
        ) {
            let episodes = down.iter().map(|(since, length)| episode(*since, Some(since + length))).collect();
            let pauses = pauses.iter().map(|(from, length)| Pause { from: Some(at(*from)), until: Some(at(from + length)) });
            let chronicle = Chronicle { episodes, pauses: pauses.collect(), first_ping: Some(at(first)), ..Chronicle::default() };
            let windows: Vec<_> = outages.iter().map(|(from, length)| window(*from, Some(from + length))).collect();
            let timeline = timeline(&chronicle, &monitor(0, ok(first)), now, from, &windows);
            cuts.sort_unstable();
            let whole = timeline.between(at(cuts[0]), at(*cuts.last().unwrap()));
            let mut sum = Uptime::default();
            for pair in cuts.windows(2) {
                let part = timeline.between(at(pair[0]), at(pair[1]));
                prop_assert_eq!(part.up_s + part.down_s + part.unknown_s, u64::try_from(pair[1] - pair[0]).unwrap());
                sum.up_s += part.up_s;
                sum.down_s += part.down_s;
                sum.unknown_s += part.unknown_s;
                sum.incidents += part.incidents;
            }
            prop_assert_eq!(sum, whole);
        }

        #[test]
        fn each_second_is_what_it_was(
            (down, pauses) in (spans(), spans()),
            second in 0..2 * DAY,
        ) {
            let episodes = down.iter().map(|(since, length)| episode(*since, Some(since + length))).collect();
            let paused = pauses.iter().map(|(from, length)| Pause { from: Some(at(*from)), until: Some(at(from + length)) });
            let chronicle = Chronicle { episodes, pauses: paused.collect(), first_ping: Some(at(0)), ..Chronicle::default() };
            let timeline = timeline(&chronicle, &monitor(0, ok(0)), 3 * DAY, 0, &[]);
            let is_in = |spans: &[(i64, i64)]| spans.iter().any(|(from, length)| (*from..from + length).contains(&second));
            let expected = if is_in(&pauses) { (0, 0, 1) } else if is_in(&down) { (0, 1, 0) } else { (1, 0, 0) };
            prop_assert_eq!(up_down_unknown(timeline.between(at(second), at(second + 1))), expected);
        }
    }
}
