//! The outbox where it is tricky: channels that go, leases that outlive their holder, clocks that were wrong.
#![expect(clippy::unwrap_used, reason = "a test passes or it panics")]

use std::time::Duration;

use heartbeat_core::{
    ChannelName, Context, Event, Grace, Monitor, MonitorId, NoticeKind, Origin, Outbox, Ping, Project, Reminders,
    Schedule, Signal, Slug, Timestamp,
    channel::definition::Wants,
    decide,
    delivery::{LEASE, Reason, Verdict},
    outage::Outages,
    outbox::{Lease, Owner, Routing, Settled, Settlement},
};

const NOW: Timestamp = Timestamp::from_secs(1_000_000);
const OWNER: Owner = Owner(1);

fn at(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).unwrap()
}

fn happen(monitor: &Monitor, event: &Event, now: Timestamp) -> Monitor {
    let context =
        Context { now, settle: Duration::from_secs(3), reminders: Reminders::default(), outages: Outages::default() };
    decide(monitor, event, &context).monitor
}

fn ping(signal: Signal) -> Event {
    Event::Ping(Ping::bare(signal))
}

/// A monitor that has failed at [`NOW`].
fn failed() -> Monitor {
    let id = MonitorId::new(Project::default(), Slug::parse("job").unwrap());
    let monitor = Monitor::new(id, Origin::Ping, Schedule::default(), Grace::DEFAULT, NOW);
    happen(&monitor, &ping(Signal::Fail), NOW)
}

fn claim(monitor: &mut Monitor, channels: &[ChannelName], now: Timestamp) -> Vec<(String, NoticeKind)> {
    monitor.outbox.route(&Routing::to(channels), now);
    let claims = monitor.outbox.claim(Lease { owner: OWNER, until: now.plus(LEASE) }, now, |_| true);
    claims.into_iter().map(|claim| (claim.channel.to_string(), claim.notice.kind())).collect()
}

fn settle(monitor: &mut Monitor, name: &str, verdict: Verdict, now: Timestamp) -> Settled {
    let channel = channel(name);
    let head = monitor.outbox.lanes.get(&channel).unwrap().head.clone().unwrap();
    let entry = head.notice.id(&monitor.id, &channel);
    let id = monitor.id.clone();
    monitor.outbox.settle(&id, &Settlement { channel, entry, owner: OWNER, verdict }, now)
}

#[test]
fn what_was_on_its_way_to_a_channel_that_is_gone_does_not_have_the_last_word() {
    let mut monitor = failed();
    assert_eq!(claim(&mut monitor, &[channel("telegram")], NOW), [("telegram".to_owned(), NoticeKind::Overdue)]);
    // The process dies; the next one has a terminal only, and the job recovers.
    let mut monitor = happen(&monitor, &ping(Signal::Success), at(10));
    let terminal = [channel("terminal")];
    assert_eq!(claim(&mut monitor, &terminal, at(10)), [("terminal".to_owned(), NoticeKind::Recovery)]);
    assert_eq!(settle(&mut monitor, "terminal", Verdict::Done, at(11)), Settled::Done);
    // The lease of the dead ends: what it may not have told is told, and ends well.
    assert_eq!(claim(&mut monitor, &terminal, at(70)), [("terminal".to_owned(), NoticeKind::LateButFine)]);
    assert_eq!(settle(&mut monitor, "terminal", Verdict::Done, at(71)), Settled::Done);
    assert!(monitor.outbox.is_empty());
}

#[test]
fn of_two_notices_the_newer_says_how_things_stand_whichever_is_folded_into_which() {
    let down = failed();
    let up = happen(&Monitor { outbox: Outbox::default(), ..down.clone() }, &ping(Signal::Success), at(10));
    let (older, newer) = (down.outbox.unrouted.unwrap(), up.outbox.unrouted.unwrap());
    let (mut one, mut other) = (older.clone(), newer.clone());
    one.fold(newer);
    other.fold(older);
    assert_eq!(one, other);
    assert_eq!(one.kind(), NoticeKind::LateButFine);
}

#[test]
fn waits_and_leases_of_a_clock_that_was_hours_ahead_are_forgotten() {
    let ahead = at(7_200);
    let mut waiting = happen(&failed(), &Event::Tick, NOW);
    let telegram = [channel("telegram")];
    claim(&mut waiting, &telegram, ahead);
    let mut leased = waiting.clone();
    let retry = Verdict::Retry { at: ahead.plus(Duration::from_secs(5)), reason: Reason::new("no network yet") };
    assert_eq!(settle(&mut waiting, "telegram", retry, ahead), Settled::Done);
    for monitor in [&mut waiting, &mut leased] {
        *monitor = happen(monitor, &Event::Tick, at(60));
        assert_eq!(claim(monitor, &telegram, at(60)).len(), 1);
    }
}

#[test]
fn only_the_holder_of_the_lease_settles_and_only_once() {
    let mut monitor = failed();
    claim(&mut monitor, &[channel("telegram")], NOW);
    let id = monitor.id.clone();
    let entry = monitor.outbox.lanes[&channel("telegram")].head.as_ref().unwrap().notice.id(&id, &channel("telegram"));
    let by = |owner| Settlement { channel: channel("telegram"), entry: entry.clone(), owner, verdict: Verdict::Done };
    assert_eq!(monitor.outbox.settle(&id, &by(Owner(2)), NOW), Settled::Stale);
    assert_eq!(monitor.outbox.settle(&id, &by(OWNER), NOW), Settled::Done);
    assert_eq!(monitor.outbox.settle(&id, &by(OWNER), NOW), Settled::Stale);
}

fn wanted(words: &[&str]) -> Wants {
    Wants::parse(words.iter().copied()).unwrap()
}

fn claims(monitor: &mut Monitor, routing: &Routing, now: Timestamp) -> Vec<(String, NoticeKind)> {
    monitor.outbox.route(routing, now);
    let claims = monitor.outbox.claim(Lease { owner: OWNER, until: now.plus(LEASE) }, now, |_| true);
    claims.into_iter().map(|claim| (claim.channel.to_string(), claim.notice.kind())).collect()
}

fn to(lines: &[(&str, Wants)], fallback: Option<&str>) -> Routing {
    let lines = lines.iter().map(|(name, wants)| (channel(name), *wants));
    Routing::new(lines, fallback.map(|name| (channel(name), Wants::ALL)))
}

#[test]
fn a_channel_is_told_what_it_wants_and_keeps_nothing_else() {
    let mut monitor = failed();
    let routing = to(&[("pager", wanted(&["down"])), ("log", wanted(&["up", "late"]))], None);
    assert_eq!(claims(&mut monitor, &routing, NOW), [("pager".to_owned(), NoticeKind::Overdue)]);
    settle(&mut monitor, "pager", Verdict::Done, at(1));
    let mut monitor = happen(&monitor, &ping(Signal::Success), at(10));
    assert_eq!(claims(&mut monitor, &routing, at(10)), [("log".to_owned(), NoticeKind::Recovery)]);
    settle(&mut monitor, "log", Verdict::Done, at(11));
    assert!(monitor.outbox.is_empty());
}

#[test]
fn what_was_given_up_goes_to_the_fallback_and_so_does_what_follows_until_the_channel_works() {
    let (mut monitor, routing) = (failed(), to(&[("mail", Wants::ALL)], Some("spare")));
    assert_eq!(claims(&mut monitor, &routing, NOW), [("mail".to_owned(), NoticeKind::Overdue)]);
    settle(&mut monitor, "mail", Verdict::GiveUp { reason: Reason::new("no answer") }, at(1));
    assert!(!monitor.outbox.is_idle() && monitor.outbox.wake_at() <= Some(at(1)), "somebody must see to it");
    assert_eq!(claims(&mut monitor, &routing, at(2)), [("spare".to_owned(), NoticeKind::Overdue)]);
    settle(&mut monitor, "spare", Verdict::Done, at(3));
    let mut monitor = happen(&monitor, &ping(Signal::Success), at(10));
    let both = ["mail", "spare"].map(|name| (name.to_owned(), NoticeKind::Recovery));
    assert_eq!(claims(&mut monitor, &routing, at(10)), both);
    for name in ["mail", "spare"] {
        settle(&mut monitor, name, Verdict::Done, at(11));
    }
    let mut monitor = happen(&monitor, &ping(Signal::Fail), at(20));
    assert_eq!(claims(&mut monitor, &routing, at(20)), [("mail".to_owned(), NoticeKind::Overdue)], "it works again");
}

#[test]
fn without_a_fallback_what_was_given_up_is_over_and_stays_to_be_seen() {
    let (mut monitor, routing) = (failed(), to(&[("mail", Wants::ALL)], None));
    claims(&mut monitor, &routing, NOW);
    settle(&mut monitor, "mail", Verdict::GiveUp { reason: Reason::new("no answer") }, at(1));
    assert_eq!(claims(&mut monitor, &routing, at(2)), []);
    assert!(monitor.outbox.is_idle() && !monitor.outbox.is_empty());
}

#[test]
fn where_there_is_nobody_to_tell_the_news_wait_for_whoever_comes() {
    let mut monitor = failed();
    assert_eq!(claims(&mut monitor, &to(&[], None), NOW), []);
    assert!(monitor.outbox.unrouted.is_some());
    assert_eq!(claims(&mut monitor, &to(&[], Some("spare")), at(1)), [("spare".to_owned(), NoticeKind::Overdue)]);
}

#[test]
fn a_monitors_choice_leaves_out_the_others_and_never_the_fallback_where_nobody_is_left() {
    let routing = to(&[("one", Wants::ALL), ("two", Wants::ALL)], Some("spare"));
    let chosen = |names: &[&str]| routing.chosen(Some(&names.iter().map(|name| channel(name)).collect()));
    for (names, told) in [(vec!["two"], "two"), (vec!["gone"], "spare")] {
        assert_eq!(claims(&mut failed(), &chosen(&names), NOW), [(told.to_owned(), NoticeKind::Overdue)]);
    }
}

#[test]
fn a_person_has_what_waits_sent_at_once_and_what_was_given_up_sent_again() {
    let (mut monitor, routing) = (failed(), to(&[("mail", Wants::ALL)], None));
    claims(&mut monitor, &routing, NOW);
    let retry = Verdict::Retry { at: at(900), reason: Reason::new("no answer") };
    settle(&mut monitor, "mail", retry, at(1));
    assert_eq!(claims(&mut monitor, &routing, at(2)), []);
    assert!(monitor.outbox.redeliver(&channel("mail"), None, at(2)));
    assert_eq!(claims(&mut monitor, &routing, at(2)).len(), 1);
    let untold = monitor.outbox.lanes[&channel("mail")].head.clone().unwrap().notice;
    settle(&mut monitor, "mail", Verdict::GiveUp { reason: Reason::new("no answer") }, at(3));
    claims(&mut monitor, &routing, at(3));
    assert!(!monitor.outbox.redeliver(&channel("mail"), None, at(4)), "nothing waits");
    assert!(monitor.outbox.redeliver(&channel("mail"), Some(untold), at(4)));
    assert_eq!(claims(&mut monitor, &routing, at(4)), [("mail".to_owned(), NoticeKind::Overdue)]);
}
