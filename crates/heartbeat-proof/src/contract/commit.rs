//! Decisions: stored only while what they rest on holds, and never at the cost of what they do not speak of.

use std::time::Duration;

use heartbeat_core::{
    Changes, Event, Monitor, Ping, RestsOn, Signal, Timestamp,
    item::{Patch, encode},
    outbox::{Routing, Settlement},
    store::{Becomes, Change, Committed, Deferral, Deferred, Extended, Found, WriteId},
};
use serde_json::{Value, json};

use super::{
    Harness,
    scene::{
        NOW, TICK, channel, context, creation, decision, happen, id, key, lease, minutes, ping, pinged, put, there,
    },
};

/// When the deciders of these clauses look.
const LOOK: Timestamp = Timestamp::from_secs(NOW.as_secs() + 60);

pub async fn a_second_creation_conflicts_with_the_first(harness: &dyn Harness) {
    let store = harness.store();
    let first = put(&*store, pinged("job")).await;
    let second = store.commit(creation(pinged("job"), NOW, 2)).await;
    assert_eq!(second, Ok(Committed::Conflict(Found::Monitor(Box::new(first)))));
}

pub async fn the_same_creation_again_is_done(harness: &dyn Harness) {
    let store = harness.store();
    let creation = creation(pinged("job"), NOW, u64::MAX);
    for _ in 0..2 {
        assert_eq!(store.commit(creation.clone()).await, Ok(Committed::Done));
    }
}

pub async fn what_has_expired_is_created_anew(harness: &dyn Harness) {
    let store = harness.store();
    let expires_at = put(&*store, pinged("job")).await.monitor.expires_at().unwrap();
    let mut anew = pinged("job");
    anew.ping_count = 77;
    anew.last_ping_at = Some(expires_at);
    let too_early = store.commit(creation(anew.clone(), expires_at.minus(TICK), 2)).await;
    assert!(matches!(too_early, Ok(Committed::Conflict(Found::Monitor(_)))));
    assert_eq!(store.commit(creation(anew, expires_at, 3)).await, Ok(Committed::Done));
    assert_eq!(there(&*store, &id("job")).await.monitor.ping_count, 77);
}

pub async fn the_same_decision_again_is_done(harness: &dyn Harness) {
    let store = harness.store();
    let before = put(&*store, pinged("job")).await;
    let failure = decision(&before, &Event::Ping(Ping::bare(Signal::Fail)), LOOK, u64::MAX);
    for _ in 0..2 {
        assert_eq!(store.commit(failure.clone()).await, Ok(Committed::Done));
    }
    assert_eq!(there(&*store, &id("job")).await.monitor.ping_count, 2);
}

pub async fn a_decision_conflicts_with_one_that_came_between(harness: &dyn Harness) {
    let store = harness.store();
    let before = put(&*store, pinged("job")).await;
    let paused = happen(&*store, &before, &Event::Pause { until: None }, NOW, 2).await;
    for rests_on in [RestsOn::Revision, RestsOn::NewestPing, RestsOn::Silence] {
        let late = resting_on(decision(&before, &Event::Pause { until: None }, LOOK, 3), rests_on);
        assert_eq!(store.commit(late).await, Ok(Committed::Conflict(Found::Monitor(Box::new(paused.clone())))));
    }
}

fn resting_on(change: Change, on: RestsOn) -> Change {
    match change.becomes {
        Becomes::Changed { before, after, .. } => {
            Change { becomes: Becomes::Changed { before, after, rests_on: on }, ..change }
        }
        becomes @ (Becomes::Created(_) | Becomes::Defined(_) | Becomes::Deleted { .. }) => Change { becomes, ..change },
    }
}

/// The same decision, resting on `on`, when a ping at `ping_at` came between.
async fn after_a_ping(harness: &dyn Harness, slug: &str, ping_at: Timestamp, on: RestsOn) -> Committed {
    let store = harness.store();
    let before = put(&*store, pinged(slug)).await;
    assert_eq!(store.extend(ping(slug, ping_at, 2)).await, Ok(Extended::Done));
    store.commit(resting_on(decision(&before, &Event::Pause { until: None }, LOOK, 3), on)).await.unwrap()
}

pub async fn a_decision_on_revision_alone_lets_pings_come_between(harness: &dyn Harness) {
    for (slug, ping_at) in [("before", LOOK.minus(TICK)), ("after", LOOK.plus(TICK))] {
        assert_eq!(after_a_ping(harness, slug, ping_at, RestsOn::Revision).await, Committed::Done);
        let after = there(&*harness.store(), &id(slug)).await.monitor;
        assert_eq!((after.ping_count, after.last_ping_at), (2, Some(ping_at)), "the ping is not forgotten");
    }
}

pub async fn a_decision_on_the_newest_ping_conflicts_with_a_newer_one(harness: &dyn Harness) {
    let older = after_a_ping(harness, "older", LOOK.minus(TICK), RestsOn::NewestPing).await;
    assert_eq!(older, Committed::Done);
    for (slug, ping_at) in [("same", LOOK), ("newer", LOOK.plus(TICK))] {
        let committed = after_a_ping(harness, slug, ping_at, RestsOn::NewestPing).await;
        assert!(matches!(committed, Committed::Conflict(Found::Monitor(_))), "{slug}");
    }
}

pub async fn a_decision_on_silence_conflicts_with_any_ping(harness: &dyn Harness) {
    let store = harness.store();
    let before = put(&*store, pinged("quiet")).await;
    let quiet = resting_on(decision(&before, &Event::Pause { until: None }, LOOK, 3), RestsOn::Silence);
    assert_eq!(store.commit(quiet).await, Ok(Committed::Done));
    for (slug, ping_at) in [("older", NOW.plus(TICK)), ("newer", LOOK.plus(TICK))] {
        let committed = after_a_ping(harness, slug, ping_at, RestsOn::Silence).await;
        assert!(matches!(committed, Committed::Conflict(Found::Monitor(_))), "{slug}");
    }
}

pub async fn only_what_differs_is_written(harness: &dyn Harness) {
    let store = harness.store();
    let before = put(&*store, pinged("job")).await;
    let change = decision(&before, &Event::Pause { until: None }, LOOK, 2);
    let Becomes::Changed { before, after, .. } = &change.becomes else { return };
    let patch = Patch::between(before, after);
    // Nobody's ping would do this: it shows that the commit leaves alone what its decision did not change.
    harness.set_attribute(&id("job"), "interval_s", 1_234.into()).await;
    harness.set_attribute(&id("job"), "ping_count", 55.into()).await;
    assert!(!patch.set.contains_key("interval_s") && !patch.set.contains_key("ping_count"));
    assert_eq!(store.commit(change.clone()).await, Ok(Committed::Done));
    assert_eq!(harness.attribute(&id("job"), "interval_s").await, Some(1_234.into()));
    assert_eq!(harness.attribute(&id("job"), "ping_count").await, Some(55.into()));
    for (name, value) in patch.set {
        assert_eq!(harness.attribute(&id("job"), &name).await, Some(value), "{name}");
    }
    for name in ["due_at", "wake_at", "ordinary", "expires_at"] {
        assert_eq!(harness.attribute(&id("job"), name).await, None, "{name}");
    }
}

pub async fn what_this_version_does_not_know_survives_its_writes(harness: &dyn Harness) {
    let store = harness.store();
    put(&*store, pinged("job")).await;
    let unknown = json!({"deep": [1, u64::MAX, i64::MIN, null, "ü\u{0}", 0.5]});
    harness.set_attribute(&id("job"), "from_tomorrow", unknown.clone()).await;
    let survives = async |write: &str| {
        assert_eq!(harness.attribute(&id("job"), "from_tomorrow").await, Some(unknown.clone()), "after {write}");
    };
    assert_eq!(store.extend(ping("job", LOOK, 2)).await, Ok(Extended::Done));
    survives("extend").await;
    let before = there(&*store, &id("job")).await;
    let at = LOOK.plus(minutes(1));
    let mut failed = decision(&before, &Event::Ping(Ping::bare(Signal::Fail)), at, 3);
    let entry = claim(&mut failed, at);
    assert_eq!(store.commit(failed).await, Ok(Committed::Done));
    survives("commit").await;
    assert_eq!(store.settle(&id("job"), entry, at, Vec::new()).await, Ok(heartbeat_core::outbox::Settled::Done));
    survives("settle").await;
    let seen = there(&*store, &id("job")).await.wake_at.unwrap();
    let deferral = Deferral { id: id("job"), seen, until: Some(at.plus(Duration::from_secs(5))) };
    assert_eq!(store.defer(deferral).await, Ok(Deferred::Done));
    survives("defer").await;
    assert_eq!(harness.attribute(&id("job"), "status").await, Some(Value::from("overdue")));
}

/// Claims what the change has to tell for one channel; answers with the end of its delivery.
fn claim(change: &mut Change, at: Timestamp) -> Settlement {
    let telegram = channel("telegram");
    let mut entry = None;
    if let Becomes::Changed { after, .. } = &mut change.becomes {
        let outbox = &mut after.monitor.outbox;
        outbox.route(&Routing::to(std::slice::from_ref(&telegram)), at);
        entry = outbox.claim(lease(1, at), at, |_| true).pop();
    }
    let claim = entry.unwrap();
    let entry = claim.notice.id(&change.id, &claim.channel);
    Settlement {
        channel: claim.channel,
        entry,
        owner: lease(1, at).owner,
        verdict: heartbeat_core::delivery::Verdict::Done,
    }
}

pub async fn a_choice_of_channels_is_kept_and_taken_back(harness: &dyn Harness) {
    let store = harness.store();
    let before = put(&*store, pinged("job")).await;
    assert_eq!((before.monitor.channels.clone(), harness.attribute(&id("job"), "channels").await), (None, None));
    let chosen = |channels: &[&str]| Some(channels.iter().map(|name| channel(name)).collect());
    let longest = ["t".repeat(64), "ops-mail".to_owned()];
    let longest: Vec<&str> = longest.iter().map(String::as_str).collect();
    let choices = [chosen(&["telegram"]), chosen(&longest), chosen(&[]), None, chosen(&["telegram"]), None];
    let mut before = before;
    for (number, choice) in (1..).zip(choices) {
        let at = LOOK.plus(minutes(number));
        let edit = Event::Edit(Changes { channels: Some(choice.clone()), ..Changes::default() });
        before = happen(&*store, &before, &edit, at, number + 1).await;
        assert_eq!(before.monitor.channels, choice);
        assert_eq!(harness.attribute(&id("job"), "channels").await.is_some(), choice.is_some());
        assert_eq!(store.list(&id("job").project, None, 10, NOW).await.unwrap().items, [Ok(before.clone())]);
    }
    let created = Monitor { channels: chosen(&["telegram"]), ..pinged("created") };
    assert_eq!(put(&*store, created.clone()).await.monitor, created);
    let ping = ping("created", NOW.plus(minutes(1)), 9);
    assert_eq!(store.extend(ping).await, Ok(Extended::Done));
    assert_eq!(there(&*store, &id("created")).await.monitor.channels, created.channels);
}

pub async fn a_decision_about_nobody_conflicts(harness: &dyn Harness) {
    let store = harness.store();
    let never_stored = super::scene::stored(pinged("nobody"), 1);
    let change = decision(&never_stored, &Event::Pause { until: None }, LOOK, 2);
    assert_eq!(store.commit(change).await, Ok(Committed::Conflict(Found::Nothing)));
    let expired = put(&*store, pinged("job")).await;
    let late = expired.monitor.expires_at().unwrap();
    let decided = heartbeat_core::decide(&expired.monitor, &Event::Pause { until: None }, &context(late)).monitor;
    let mut after = expired.clone();
    (after.monitor, after.write_id) = (decided, WriteId(2));
    let becomes = Becomes::Changed { before: Box::new(expired), after: Box::new(after), rests_on: RestsOn::Revision };
    let change = Change { id: id("job"), becomes, at: late, write_id: WriteId(2), rows: Vec::new(), keys: Vec::new() };
    assert_eq!(store.commit(change).await, Ok(Committed::Conflict(Found::Nothing)));
    assert!(encode(&there(&*store, &id("job")).await).contains_key("due_at"), "nothing was written");
}

pub async fn a_monitor_and_its_keys_are_made_together_or_not_at_all(harness: &dyn Harness) {
    let store = harness.store();
    let both = Change { keys: vec![key(1), key(2)], ..creation(pinged("job"), NOW, 1) };
    for _ in 0..2 {
        assert_eq!(store.commit(both.clone()).await, Ok(Committed::Done));
        assert_eq!(store.find_key(key(1).hash).await, Ok(Some(key(1))));
        assert_eq!(store.keys().await, Ok(both.keys.clone()));
    }
    let second = Change { keys: vec![key(3)], ..creation(pinged("job"), NOW, 2) };
    assert!(matches!(store.commit(second).await, Ok(Committed::Conflict(Found::Monitor(_)))));
    assert_eq!(store.find_key(key(3).hash).await, Ok(None));
    assert_eq!(store.keys().await, Ok(both.keys));
}

pub async fn a_decision_that_conflicts_makes_no_key(harness: &dyn Harness) {
    let store = harness.store();
    let before = put(&*store, pinged("job")).await;
    let pause = |write_id, secret| Change {
        keys: vec![key(secret)],
        ..decision(&before, &Event::Pause { until: None }, LOOK, write_id)
    };
    assert_eq!(store.commit(pause(2, 1)).await, Ok(Committed::Done));
    assert!(matches!(store.commit(pause(3, 2)).await, Ok(Committed::Conflict(_))));
    assert_eq!(store.keys().await, Ok(vec![key(1)]));
}
