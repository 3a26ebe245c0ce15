//! Properties of the core over random lives of a monitor: every state that it can reach, and none that it cannot.
#![expect(clippy::unwrap_used, reason = "a test passes or it panics")]

use std::time::Duration;

use heartbeat_core::{
    Changes, ChannelName, Context, Cron, Event, Grace, Interval, Monitor, MonitorId, NoticeKind, Origin, Ping, Project,
    Reminders, RunId, Schedule, Shown, Signal, Slug, Status, Timestamp, Transition, decide,
    delivery::{Reason, Verdict},
    flow::Known,
    item::{self, Patch},
    outage::{Ended, Outages, Why, Window},
    outbox::{Lease, Owner, Routing, Settlement},
    store::{Stored, WriteId},
};
use proptest::prelude::*;

const START: Timestamp = Timestamp::from_secs(1_700_000_000);
const SETTLE: Duration = Duration::from_secs(3);
const OWNER: Owner = Owner(7);

/// One step of a life: time passes, then something happens.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "lives are short")]
enum Step {
    Event(Event),
    Route,
    Claim,
    Settle { delivered: bool },
}

fn context(now: Timestamp) -> Context {
    Context { now, settle: SETTLE, reminders: Reminders::default(), outages: outages(now) }
}

/// Where all is known that ever will be.
fn all_known(now: Timestamp) -> Context {
    Context { outages: Outages::default(), ..context(now) }
}

/// What is known at `now` of three outages of ours: one that ends, one of which nobody ever knows, one without an end.
fn outages(now: Timestamp) -> Outages {
    let at = |seconds| START.plus(Duration::from_secs(seconds));
    let known = [(600, Some(4_000), true), (8_000, Some(8_900), false), (30_000, None, true)].into_iter();
    let begun = known.filter(|(from, ..)| at(*from) <= now).map(|(from, to, heard)| {
        let to = to.map(at).filter(|to| *to <= now);
        let ended = to.map(|to| if heard { Ended::Heard(to) } else { Ended::Unknown(to) });
        Window { from: at(from), ended, held_until: at(from + 900), why: Why::NoEvidence }
    });
    Outages::of(&begun.collect::<Vec<_>>())
}

fn signals() -> impl Strategy<Value = Signal> {
    prop_oneof![
        4 => Just(Signal::Success),
        2 => Just(Signal::Start),
        2 => Just(Signal::Fail),
        1 => Just(Signal::Log),
        1 => any::<i64>().prop_map(Signal::Exit),
    ]
}

/// Intervals, some of them too short to be one, and a few lines of cron.
fn schedules() -> impl Strategy<Value = Option<Schedule>> {
    let lines = [("*/7 * * * *", "UTC"), ("0 * * * *", "Europe/Berlin"), ("30 2 * * 1-5", "America/New_York")];
    let lines = lines.map(|(line, zone)| Some(Schedule::Cron(Cron::parse(line, zone).unwrap())));
    prop_oneof![
        3 => (0..=90_000u64).prop_map(|seconds| Interval::from_secs(seconds).map(Schedule::Every)),
        2 => prop::sample::select(lines.to_vec()),
    ]
}

/// When a ping says that it happened: mostly nothing, else before it is received, or after.
fn moments() -> impl Strategy<Value = Option<Timestamp>> {
    proptest::option::weighted(0.1, (0..300_000u64).prop_map(|seconds| START.plus(Duration::from_secs(seconds))))
}

fn pings() -> impl Strategy<Value = Ping> {
    let grace = proptest::option::weighted(0.2, 0..=90_000u64);
    let schedule = prop_oneof![4 => Just(None), 1 => schedules()];
    (signals(), proptest::option::of("[a-c]"), schedule, grace, ".{0,300}", moments()).prop_map(
        |(signal, run, schedule, grace, body, at)| Ping {
            signal,
            run: run.and_then(|run| RunId::parse(&run)),
            schedule,
            grace: grace.and_then(Grace::from_secs),
            body: heartbeat_core::ping::Body::from_tail(body.as_bytes()).0,
            metadata: None,
            at,
        },
    )
}

fn changes() -> impl Strategy<Value = Changes> {
    let limit = proptest::option::of(proptest::option::of(0..10_000u64));
    (schedules(), proptest::option::of(0..4u32), limit.clone(), limit, any::<Option<bool>>()).prop_map(
        |(schedule, failure_threshold, remind_every_s, max_runtime_s, resume_on_ping)| Changes {
            schedule,
            failure_threshold,
            remind_every_s,
            max_runtime_s,
            resume_on_ping,
            ..Changes::default()
        },
    )
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => pings().prop_map(|ping| Step::Event(Event::Ping(ping))),
        4 => Just(Step::Event(Event::Tick)),
        1 => any::<Option<u32>>().prop_map(|s| Step::Event(Event::Pause {
            until: s.map(|s| START.plus(Duration::from_secs(u64::from(s) % 2_000_000))),
        })),
        1 => Just(Step::Event(Event::Resume)),
        1 => changes().prop_map(|changes| Step::Event(Event::Edit(changes))),
        4 => Just(Step::Route),
        4 => Just(Step::Claim),
        4 => any::<bool>().prop_map(|delivered| Step::Settle { delivered }),
    ]
}

/// Mostly short waits, some of hours: both sides of every deadline.
fn waits() -> impl Strategy<Value = Duration> {
    prop_oneof![
        4 => (0..1_000_000u64).prop_map(Duration::from_micros),
        4 => (0..900u64).prop_map(Duration::from_secs),
        1 => (0..200_000u64).prop_map(Duration::from_secs),
    ]
}

fn lives() -> impl Strategy<Value = Vec<(Duration, Step)>> {
    proptest::collection::vec((waits(), steps()), 0..40)
}

fn newborn() -> Monitor {
    let id = MonitorId::new(Project::default(), Slug::parse("job").unwrap());
    Monitor::new(id, Origin::Ping, Schedule::default(), Grace::DEFAULT, START)
}

fn channels() -> Vec<ChannelName> {
    ["one", "two"].map(|name| ChannelName::parse(name).unwrap()).to_vec()
}

/// What happened in a life.
#[derive(Default)]
struct Told {
    transitions: Vec<Transition>,
    outages: u32,
    recoveries: u32,
    delivered: Vec<(ChannelName, NoticeKind, u32, u32)>,
    muted: bool,
}

fn live(life: &[(Duration, Step)]) -> (Monitor, Timestamp, Told) {
    let (mut monitor, mut now, mut told) = (newborn(), START, Told::default());
    for (wait, step) in life {
        now = now.plus(*wait);
        take(&mut monitor, step, now, &mut told);
    }
    (monitor, now, told)
}

/// Whatever a life was like, its end made ordinary: resumed, pinged well, and everything told.
fn made_well(life: &[(Duration, Step)]) -> (Monitor, Timestamp) {
    let (mut monitor, mut now, mut told) = live(life);
    let (resume, success) = (Step::Event(Event::Resume), Step::Event(Event::Ping(Ping::success())));
    let deliver = [Step::Route, Step::Claim, Step::Settle { delivered: true }];
    // Each run that has begun ends, too.
    let end = |run| Step::Event(Event::Ping(Ping { run: RunId::parse(run), ..Ping::success() }));
    let ends = ["a", "b", "c"].map(end);
    for step in deliver.iter().chain(&deliver).chain([&resume, &success]).chain(&ends).chain(&deliver).chain(&deliver) {
        now = now.plus(Duration::from_millis(1));
        // Leases and waits of before are over by then, and so is no deadline: the shortest window is 30 s.
        if matches!(step, Step::Route) && !monitor.outbox.is_idle() {
            now = now.plus(Duration::from_secs(61));
        }
        take(&mut monitor, step, now, &mut told);
    }
    now = now.plus(Duration::from_millis(1));
    take(&mut monitor, &success, now, &mut told);
    for step in deliver.iter().chain(&deliver) {
        now = now.plus(Duration::from_millis(1));
        take(&mut monitor, step, now, &mut told);
    }
    (monitor, now)
}

fn take(monitor: &mut Monitor, step: &Step, now: Timestamp, told: &mut Told) {
    match step {
        Step::Event(event) => {
            let decision = decide(monitor, event, &context(now));
            for transition in &decision.transitions {
                told.outages += u32::from(matches!(transition, Transition::Opened { .. }));
                told.recoveries += u32::from(matches!(transition, Transition::Recovered { .. }));
                told.muted |= matches!(transition, Transition::Paused);
            }
            told.transitions.extend(decision.transitions);
            *monitor = decision.monitor;
        }
        Step::Route => monitor.outbox.route(&Routing::to(&channels()), now),
        Step::Claim => {
            let lease = Lease { owner: OWNER, until: now.plus(Duration::from_mins(1)) };
            monitor.outbox.claim(lease, now, |_| true);
        }
        Step::Settle { delivered } => settle_all(monitor, *delivered, now, told),
    }
}

fn settle_all(monitor: &mut Monitor, delivered: bool, now: Timestamp, told: &mut Told) {
    for channel in channels() {
        let Some(head) = monitor.outbox.lanes.get(&channel).and_then(|lane| lane.head.clone()) else { continue };
        let verdict = if delivered {
            Verdict::Done
        } else {
            Verdict::Retry { at: now.plus(Duration::from_secs(5)), reason: Reason::new("time-out") }
        };
        let entry = head.notice.id(&monitor.id, &channel);
        let settlement = Settlement { channel: channel.clone(), entry, owner: OWNER, verdict };
        let id = monitor.id.clone();
        let settled = monitor.outbox.settle(&id, &settlement, now);
        if delivered && settled == heartbeat_core::outbox::Settled::Done {
            told.delivered.push((channel, head.notice.kind(), head.notice.outages, head.notice.recoveries));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn looking_is_free(life in lives(), wait in waits()) {
        let (monitor, now, _) = live(&life);
        let once = decide(&monitor, &Event::Tick, &context(now.plus(wait))).monitor;
        let twice = decide(&once, &Event::Tick, &context(now.plus(wait)));
        prop_assert_eq!(&twice.monitor, &once);
        prop_assert_eq!(twice.transitions, vec![]);
    }

    #[test]
    fn nobody_looks_later_than_the_next_action(life in lives()) {
        let (monitor, now, _) = live(&life);
        let monitor = decide(&monitor, &Event::Tick, &context(now)).monitor;
        let wake = monitor.wake_at(SETTLE).unwrap_or(now.plus(Duration::from_hours(400 * 24)));
        // Until it wants to be looked at, looking changes nothing: so nothing is missed by not looking.
        for before in [now, wake.minus(Duration::from_micros(1))] {
            if before >= now && before < wake {
                let looked = decide(&monitor, &Event::Tick, &context(before));
                prop_assert_eq!(&looked.monitor, &monitor);
                let mut outbox = looked.monitor.outbox;
                outbox.route(&Routing::to(&channels()), before);
                let lease = Lease { owner: Owner(8), until: before.plus(Duration::from_mins(1)) };
                prop_assert_eq!(outbox.claim(lease, before, |_| true), vec![], "something could have been sent");
            }
        }
    }

    #[test]
    fn sleeping_loses_nothing(life in lives(), naps in proptest::collection::vec(waits(), 0..20)) {
        let (monitor, now, _) = live(&life);
        let (mut watched, mut at) = (monitor.clone(), now);
        for nap in naps {
            at = at.plus(nap);
            watched = decide(&watched, &Event::Tick, &all_known(at)).monitor;
        }
        watched = decide(&watched, &Event::Tick, &all_known(at)).monitor;
        let slept = decide(&monitor, &Event::Tick, &all_known(at)).monitor;
        let outage = |monitor: &Monitor| match &monitor.status {
            Status::Overdue { incident } => Some((incident.since, incident.cause)),
            Status::New | Status::Ok { .. } | Status::Paused { .. } => None,
        };
        prop_assert_eq!(outage(&watched), outage(&slept), "the outage is dated alike, whoever looked when");
        prop_assert_eq!(watched.due_at(), slept.due_at());
    }

    #[test]
    fn what_is_shown_never_lags_the_truth(life in lives(), wait in waits()) {
        let (monitor, now, _) = live(&life);
        let at = context(now.plus(wait));
        let looked = decide(&monitor, &Event::Tick, &at).monitor;
        prop_assert_eq!(monitor.status_at(&at), looked.status_at(&at));
        prop_assert_eq!(monitor.status_at(&at) == Shown::Overdue, matches!(looked.status, Status::Overdue { .. }));
    }

    #[test]
    fn outages_and_recoveries_alternate(life in lives()) {
        let (_, _, told) = live(&life);
        let mut open = false;
        for transition in told.transitions {
            match transition {
                Transition::Opened { .. } => {
                    prop_assert!(!open, "an incident opened in an incident");
                    open = true;
                }
                Transition::Recovered { .. } => {
                    prop_assert!(open, "a recovery without an outage");
                    open = false;
                }
                Transition::Reminded { .. } => prop_assert!(open, "a reminder without an outage"),
                Transition::Paused => open = false,
                Transition::Resumed => {}
            }
        }
    }

    #[test]
    fn paused_is_mute(life in lives(), ping in pings(), wait in waits()) {
        let (monitor, now, _) = live(&life);
        let paused = decide(&monitor, &Event::Pause { until: None }, &context(now)).monitor;
        prop_assert_eq!(&paused.outbox.unrouted, &None);
        prop_assume!(!paused.policy.resume_on_ping);
        for event in [Event::Tick, Event::Ping(ping)] {
            let after = decide(&paused, &event, &context(now.plus(wait)));
            let is_paused = matches!(after.monitor.status, Status::Paused { .. });
            prop_assert!(is_paused);
            prop_assert_eq!(&after.monitor.outbox.unrouted, &None);
        }
    }

    #[test]
    fn what_is_told_is_what_happened(life in lives()) {
        let (mut monitor, mut now, mut told) = live(&life);
        prop_assume!(!told.muted);
        // Deliver until nothing is left; then each channel has been told every outage and every recovery, once.
        for _ in 0..4 {
            now = now.plus(Duration::from_secs(61));
            for step in [Step::Route, Step::Claim, Step::Settle { delivered: true }] {
                take(&mut monitor, &step, now, &mut told);
            }
        }
        prop_assert!(monitor.outbox.is_idle());
        for channel in channels() {
            let outages: u32 = told.delivered.iter().filter(|d| d.0 == channel).map(|d| d.2).sum();
            let recoveries: u32 = told.delivered.iter().filter(|d| d.0 == channel).map(|d| d.3).sum();
            prop_assert_eq!((outages, recoveries), (told.outages, told.recoveries));
        }
    }

    #[test]
    fn extend_is_what_decide_does_wherever_a_monitor_is_ordinary(life in lives(), wait in any::<prop::sample::Index>()) {
        let (monitor, now) = made_well(&life);
        prop_assert!(monitor.is_ordinary());
        let due = monitor.due_at().unwrap();
        let left = due.plus(SETTLE).since(now);
        // Any moment at which `extend` accepts: after the last ping, before the end of the settle time.
        let at = now.plus(Duration::from_micros(1 + wait.index(usize::try_from(left.as_micros() - 1).unwrap()) as u64));
        let decision = decide(&monitor, &Event::Ping(Ping::success()), &context(at));
        let Status::Ok { since, .. } = monitor.status else { unreachable!("ordinary is ok") };
        let known = Known::default();
        known.saw(&monitor);
        let run = known.run(&monitor.id, at, (None, None));
        prop_assert_eq!(run.is_some(), monitor.schedule.cron().is_some());
        // Where the line has it that the ping needs a look, it gets one.
        prop_assume!(run.is_none_or(|run| run.from.holds(due)));
        let extended = Monitor {
            status: Status::Ok { since, due_at: run.map_or(monitor.schedule.due_after(at, monitor.grace), |run| run.due_at) },
            last_ping_at: Some(at),
            ping_count: monitor.ping_count + 1,
            // A ping for a run that has had one moves no deadline.
            rev: decision.monitor.rev,
            ..monitor.clone()
        };
        prop_assert_eq!(&decision.monitor, &extended);
        prop_assert_eq!(decision.transitions, vec![]);
        prop_assert!(decision.monitor.is_ordinary());
    }

    #[test]
    fn no_edit_makes_a_monitor_due_earlier_than_a_fresh_window(life in lives(), edit in changes()) {
        let (monitor, now, _) = live(&life);
        let monitor = decide(&monitor, &Event::Tick, &context(now)).monitor;
        let edited = decide(&monitor, &Event::Edit(edit), &context(now)).monitor;
        if let (Some(before), Some(after)) = (monitor.due_at(), edited.due_at()) {
            prop_assert!(after >= before.min(edited.schedule.due_after(now, edited.grace)));
        }
    }

    #[test]
    fn skew_never_panics(life in lives(), now in any::<i64>(), ping in pings()) {
        let (monitor, ..) = live(&life);
        let absurd = context(Timestamp::from_micros(now));
        for event in [Event::Tick, Event::Ping(ping), Event::Resume, Event::Pause { until: Some(Timestamp::MAX) }] {
            let decision = decide(&monitor, &event, &absurd);
            let _ = (decision.monitor.wake_at(SETTLE), decision.monitor.expires_at(), monitor.status_at(&absurd));
        }
    }

    #[test]
    fn what_is_stored_reads_back_and_a_patch_makes_the_one_of_the_other(life in lives(), split in any::<prop::sample::Index>()) {
        let (before, ..) = live(life.get(..split.index(life.len() + 1)).unwrap());
        let (after, ..) = live(&life);
        let before = Stored::new(before, 0, SETTLE, WriteId(1));
        let after = Stored::new(after, 0, SETTLE, WriteId(u64::MAX));
        prop_assert_eq!(&item::decode(item::encode(&after)).unwrap(), &after);
        let mut attributes = item::encode(&before);
        attributes.insert("of_tomorrow".to_owned(), "kept".into());
        Patch::between(&before, &after).apply(&mut attributes);
        prop_assert_eq!(attributes.remove("of_tomorrow"), Some("kept".into()));
        prop_assert_eq!(item::decode(attributes).unwrap(), after);
    }
}
