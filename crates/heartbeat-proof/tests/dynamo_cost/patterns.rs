//! The access patterns, each once.

use std::collections::BTreeMap;

use heartbeat_core::{
    Event, MonitorId, Ping, Project, Signal, Store, Timestamp, decide,
    delivery::Verdict,
    directory::{Entry, Put},
    dynamo::{Detector, TableNames, tables::OVERDUE_INDEX},
    history::PingLog,
    outbox::{Owner, Routing, Settled, Settlement},
    store::{Change, Committed, Deferral, Deferred, Extend, Extended, Part},
};
use heartbeat_proof::{
    contract::scene::{
        NOW, channel, creation, decision, delivery, id, key, lease, minutes, ping, pinged, put, swept, there,
    },
    dynamo::{Place, Tally, Units, item_bytes},
    engines::Engine,
};

use super::till::{self, Till, sender};

/// How many items are due where some are, and how many rows a page has.
const SOME: u64 = 50;
/// How many the auditor asks for at once. (`heartbeat-checker`, `audit.rs`.)
const AUDITED: usize = 500;

/// Everything on an engine with a detector.
pub(crate) async fn measured(engine: fn() -> Engine, detector: Detector) -> Vec<till::Row> {
    let mut till = Till::open(engine(), detector).await;
    looks_for_nothing(&mut till).await;
    pings(&mut till).await;
    an_outage(&mut till).await;
    people(&mut till).await;
    history(&mut till).await;
    small_things(&mut till).await;
    let mut crowd = Till::open(engine(), detector).await;
    many(&mut crowd).await;
    till.rows.extend(crowd.rows);
    till.rows
}

async fn looks_for_nothing(till: &mut Till) {
    let store = till.store.clone();
    assert_eq!(till.row("`due` of a shard, nothing stored", store.due(0, NOW, 100)).await, Ok(Vec::new()));
    assert_eq!(till.row("`next_wake` of a shard, nothing stored", store.next_wake()).await, Ok(None));
}

async fn pings(till: &mut Till) {
    let (quiet, logging) = (till.flow(PingLog::None), till.flow(PingLog::All));
    let job = id("job");
    till.row("first ping", quiet.record_ping(&job, Ping::success(), sender(), NOW)).await.unwrap();
    let later = NOW.plus(minutes(1));
    till.row("ordinary ping", quiet.record_ping(&job, Ping::success(), sender(), later)).await.unwrap();
    let later = NOW.plus(minutes(2));
    till.row("ordinary ping, kept in history", logging.record_ping(&job, Ping::success(), sender(), later))
        .await
        .unwrap();
    let store = till.store.clone();
    let old = Extend { row: None, ..ping("job", NOW, 9) };
    let declined = till.row("`extend` that is declined", store.extend(old)).await;
    assert!(matches!(declined, Ok(Extended::Declined(_))), "{declined:?}");
    let unknown = Extend { row: None, ..ping("nobody", NOW, 9) };
    let declined = till.row("`extend` of a monitor that is not there", store.extend(unknown)).await;
    assert!(matches!(declined, Ok(Extended::Declined(_))), "{declined:?}");
    till.row("ping out of order", quiet.record_ping(&job, Ping::success(), sender(), NOW)).await.unwrap();
    let later = NOW.plus(minutes(3));
    till.row("start ping", quiet.record_ping(&job, Ping::bare(Signal::Start), sender(), later)).await.unwrap();
    let later = NOW.plus(minutes(4));
    till.row("failing ping", quiet.record_ping(&job, Ping::bare(Signal::Fail), sender(), later)).await.unwrap();
    let later = NOW.plus(minutes(5));
    till.row("recovery", quiet.record_ping(&job, Ping::success(), sender(), later)).await.unwrap();
}

/// What a checker does about one monitor, step by step.
async fn an_outage(till: &mut Till) {
    let (store, flow, silent) = (till.store.clone(), till.flow(PingLog::None), id("silent"));
    put(&*store, pinged("silent")).await;
    let now = NOW.plus(minutes(10));
    till.clock.set(now);
    let seen = there(&*store, &silent).await.wake_at.unwrap();
    let deferral = Deferral { id: silent.clone(), seen, until: Some(now) };
    assert_eq!(till.row("`defer`", store.defer(deferral.clone())).await, Ok(Deferred::Done));
    let stale = Deferral { seen: seen.plus(minutes(1)), ..deferral };
    assert_eq!(till.row("`defer` of what has changed", store.defer(stale)).await, Ok(Deferred::Stale));
    let found = till.row("`find`, consistent", store.find(&silent, now)).await;
    assert!(found.is_ok(), "{found:?}");
    let before = there(&*store, &silent).await;
    let mut decision = decide(&before.monitor, &Event::Tick, &flow.settings.context(now));
    let telegram = channel("telegram");
    decision.monitor.outbox.route(&Routing::to(std::slice::from_ref(&telegram)), now);
    let claim = decision.monitor.outbox.claim(lease(1, now), now, |_| true).pop().unwrap();
    let change = flow.change(before, decision, now);
    let opened = till.row("tick that opens an incident, claimed for a channel: `commit`", flow.commit(change)).await;
    assert_eq!(opened, Ok(Committed::Done));
    let entry = claim.notice.id(&silent, &telegram);
    let settlement = Settlement { channel: telegram, entry, owner: Owner(1), verdict: Verdict::Done };
    let rows = vec![delivery(&silent, &settlement.channel, now, 9)];
    let settled = till.row("`settle`, delivered", store.settle(&silent, settlement.clone(), now, rows)).await;
    assert_eq!(settled, Ok(Settled::Done));
    let again = till.row("`settle` of what is settled", store.settle(&silent, settlement, now, Vec::new())).await;
    assert_eq!(again, Ok(Settled::Stale));
    till.row("tick that changes nothing: `find`", flow.manage(&silent, &Event::Tick, None)).await.unwrap();
}

async fn people(till: &mut Till) {
    let (store, flow, silent) = (till.store.clone(), till.flow(PingLog::None), id("silent"));
    let pause = Event::Pause { until: None };
    till.row("pause: `find` and `commit`", flow.manage(&silent, &pause, None)).await.unwrap();
    till.row("resume: `find` and `commit`", flow.manage(&silent, &Event::Resume, None)).await.unwrap();
    till.row("delete: `find` and `commit`", flow.delete(&silent, None)).await.unwrap();
    let alone = creation(pinged("alone"), NOW, 3);
    assert_eq!(till.row("creation", store.commit(alone)).await, Ok(Committed::Done));
    let with_key = Change { keys: vec![key(1)], ..creation(pinged("with-key"), NOW, 4) };
    let created = till.row("creation with a key, one transaction", store.commit(with_key.clone())).await;
    assert_eq!(created, Ok(Committed::Done));
    let conflict = till.row("creation where something is", store.commit(creation(pinged("alone"), NOW, 5))).await;
    assert!(matches!(conflict, Ok(Committed::Conflict(_))), "{conflict:?}");
}

async fn history(till: &mut Till) {
    let store = till.store.clone();
    put(&*store, pinged("chatty")).await;
    for number in 1..=SOME {
        let at = NOW.plus(std::time::Duration::from_secs(number));
        assert_eq!(store.extend(ping("chatty", at, 1_000 + number)).await, Ok(Extended::Done));
    }
    let page = till.row("history page of 50 pings", store.history(&id("chatty"), Timestamp::MAX, 50)).await;
    assert_eq!(page.unwrap().len(), 50);
    let since = NOW.plus(minutes(60));
    let page = till.row("feed page of a project, nothing new", store.feed(&Project::default(), since, 50)).await;
    assert_eq!(page, Ok(Vec::new()));
    let page = till.row("feed page of a project, 50 rows", store.feed(&Project::default(), NOW, 50)).await;
    assert!(page.unwrap().len() >= 50);
    ledger(till).await;
}

async fn ledger(till: &mut Till) {
    let (store, ops_mail, project) = (till.store.clone(), channel("ops-mail"), Project::default());
    for number in 1..=SOME {
        let (before, at) = (there(&*store, &id("chatty")).await, NOW.plus(minutes(number)));
        let told = decision(&before, &Event::Ping(Ping::bare(Signal::Log)), at, 2_000 + number);
        let rows = vec![delivery(&id("chatty"), &ops_mail, at, number)];
        assert_eq!(store.commit(Change { rows, ..told }).await, Ok(Committed::Done));
    }
    let page = store.deliveries(&project, &ops_mail, Timestamp::MAX, 50);
    assert_eq!(till.row("page of a channel's deliveries, 50 rows", page).await.unwrap().len(), 50);
}

async fn small_things(till: &mut Till) {
    let store = till.store.clone();
    assert_eq!(till.row("key look-up", store.find_key(key(1).hash)).await, Ok(Some(key(1))));
    assert_eq!(till.row("key look-up, unknown", store.find_key(key(2).hash)).await, Ok(None));
    till.row("key stored", store.put_key(key(2))).await.unwrap();
    assert!(till.row("directory entry read", store.entry("settings", "shared")).await.unwrap().is_some());
    let entry = Entry::first("marks", "audit", &"default/job");
    assert_eq!(till.row("directory entry, first", store.put_entry(entry.clone())).await, Ok(Put::Done));
    let next = entry.next(&"default/job-2");
    assert_eq!(till.row("directory entry, next", store.put_entry(next)).await, Ok(Put::Done));
    // The clock stands still, which may be more than it tolerates: what it asks for counts here.
    let _ = till.row("`ready`", store.ready()).await;
}

/// 10,000 monitors, 1,000 of them of one project, that are alike but for their names.
async fn many(till: &mut Till) {
    let (store, model) = (till.store.clone(), id("model"));
    put(&*store, pinged("model")).await;
    till.copy(&model, "fleet", 1_000).await;
    till.copy(&model, "crowd", 8_999).await;
    let fleet = Project::parse("fleet").unwrap();
    let listed = till.row("list of 1,000", store.list(&fleet, None, 1_000, NOW)).await.unwrap();
    assert_eq!(listed.items.len(), 1_000);
    let none = till.row("`due` of a shard, none of 10,000", store.due(0, NOW, 100)).await;
    assert_eq!(none, Ok(Vec::new()));
    reads_what_is_there(till).await;
    assert!(till.row("`next_wake` of a shard after that pass", store.next_wake()).await.unwrap().is_some());
    let due = till.row("`due` of a shard, 50 of 10,000", store.due(0, NOW.plus(minutes(60)), 50)).await.unwrap();
    assert_eq!(due.len(), 50);
    let walk = swept(&*store, Part::WHOLE, AUDITED, NOW);
    assert_eq!(till.row("the auditor's walk over 10,000, 500 a page", walk).await.len(), 10_000);
    reads_what_is_there(till).await;
}

/// A pass that reads everything pays for the bytes that are there, a half unit for each 4 KiB of a page.
async fn reads_what_is_there(till: &Till) {
    let (requests, read) = (till.last().requests, till.last().read.clone());
    let monitors = Place { table: TableNames::default().monitors, index: None };
    let Some(units) = read.get(&monitors) else { return };
    // Ministack counts half a unit a request, however much it reads: the document shows both.
    if *units == Units::halves(requests) {
        return;
    }
    let one = item_bytes(&till.ground.item(&MonitorId::parse("crowd/nightly-backup-00000").unwrap()).await.unwrap());
    // The rule for numbers is given as approximate: an engine may count a byte less here and there.
    let least = Units::halves(one * 9_700 / 4_096);
    let most = Units::halves(one * 10_200 / 4_096 + requests);
    assert!(least <= *units && *units <= most, "{units}, not {least} to {most}: 10,000 items of {one} bytes");
}

/// What the issue promises, to the unit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ordinary_ping_is_one_request_that_reads_nothing_and_writes_as_little_as_can_be() {
    let monitors =
        |index: Option<&str>| Place { table: TableNames::default().monitors, index: index.map(str::to_owned) };
    let by_index =
        BTreeMap::from([(monitors(None), Units::whole(1)), (monitors(Some(OVERDUE_INDEX)), Units::whole(2))]);
    let by_sweep = BTreeMap::from([(monitors(None), Units::whole(1))]);
    for engine in [Engine::dynoxide, Engine::ministack] {
        for (detector, written) in [(Detector::Index, &by_index), (Detector::Sweep, &by_sweep)] {
            let mut till = Till::open(engine(), detector).await;
            let flow = till.flow(PingLog::None);
            flow.record_ping(&id("job"), Ping::success(), sender(), NOW).await.unwrap();
            let later = NOW.plus(minutes(1));
            till.row("ping", flow.record_ping(&id("job"), Ping::success(), sender(), later)).await.unwrap();
            let expected = Tally { requests: 1, declined: 0, read: BTreeMap::new(), written: written.clone() };
            assert_eq!(*till.last(), expected, "{detector:?} on {}", till.ground.options().endpoint.unwrap().url);
        }
    }
}
