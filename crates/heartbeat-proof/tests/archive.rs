//! Moving house: everything of a store is in its copy, there and back, whatever interrupts it, and what is not is named.

#![expect(clippy::unwrap_used, reason = "a test passes or it panics")]

#[path = "archive/house.rs"]
mod house;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use heartbeat_core::{
    Event, Monitor, MonitorId, Project, Slug, Store, StoreError, Timestamp,
    archive::{Archive, Comparison, Copied, CopyError, Difference, Kind, Page, Place, Record, Refused, Wrong},
    archive::{compare, copy, is_copy_of},
    channel::definition::{
        ChannelRole, ChannelState, Defined, Definition, Wants, add_channel, change_channel, channels,
    },
    directory::Entry,
    dynamo::{Detector, DynamoStore, Options, Shared},
    history::Row,
    store::{Change, Committed, Extended, Found, Part, shard_of},
};
use heartbeat_proof::{
    contract::scene::{self, NOW, channel, id, ping, pinged, put},
    dynamo::Ground,
    engines::Engine,
};
use heartbeat_sqlite::SqliteStore;
use house::{House, furnish};
use serde_json::{Value, json};

const SHARDS: u16 = 16;

async fn tables(ground: &Ground) -> Arc<DynamoStore> {
    let shared = Shared { shards: SHARDS, shards_before: SHARDS, ..Shared::default() };
    ground.open(Options { shared, ..ground.options() }).await
}

async fn move_into(from: &dyn Archive, to: &dyn Archive) -> Result<Copied, CopyError> {
    copy(from, to, "the old house", &mut |_| {}).await
}

async fn compared(one: &dyn Archive, other: &dyn Archive) -> Comparison {
    compare(one, other, NOW, NOW.minus(Duration::from_hours(24 * 30)), &mut |_| {}).await.unwrap()
}

async fn assert_equal(one: &dyn Archive, other: &dyn Archive) {
    let comparison = compared(one, other).await;
    assert!(comparison.is_equal(), "{comparison:#?}");
    assert_eq!(comparison.source, comparison.target);
}

async fn everything(archive: &dyn Archive) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for kind in Kind::ALL {
        let mut place = None;
        loop {
            let page = archive.page(kind, place.as_ref(), 700).await.unwrap();
            for record in page.records {
                let text = serde_json::to_string(&record.attributes).unwrap();
                assert!(all.insert(format!("{kind:?} {} {text}", record.name)), "twice: {}", record.name);
            }
            place = page.next;
            if place.is_none() {
                break;
            }
        }
    }
    all
}

/// What people and checkers see, by the port and not by the archive.
async fn assert_lived_in_alike(old: &SqliteStore, new: &SqliteStore, monitors: u32) {
    for number in 0..monitors {
        let id = id(&format!("job-{number}"));
        let (ours, theirs) = (old.find(&id, NOW).await, new.find(&id, NOW).await);
        assert_eq!(ours, theirs);
        assert!(!matches!(ours, Ok(Found::Nothing)));
        let rows = old.history(&id, Timestamp::MAX, 10).await.unwrap();
        assert_eq!(rows, new.history(&id, Timestamp::MAX, 10).await.unwrap());
    }
    assert_eq!(old.keys().await, new.keys().await);
    assert_eq!(old.entries("channel").await, new.entries("channel").await);
    assert_eq!(old.due(0, Timestamp::MAX, usize::MAX).await, new.due(0, Timestamp::MAX, usize::MAX).await);
    let project = Project::default();
    assert_eq!(old.feed(&project, NOW, 500).await, new.feed(&project, NOW, 500).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_monitors_there_and_back() {
    const MONITORS: u32 = 10_000;
    let (old, ground, new) = (House::new(), Ground::on(Engine::dynoxide()).await, House::new());
    let strange = furnish(&old.store, MONITORS).await;
    let there = tables(&ground).await;

    let copied = move_into(&old.store, &*there).await.unwrap();
    assert_eq!(copied.monitors + copied.tombstones, u64::from(MONITORS) + u64::from(strange.monitors));
    assert_eq!((copied.tombstones, copied.refused), (100, 0), "{:?}", copied.refusals);
    assert_eq!(copied.strange, u64::from(strange.not_understood), "{:?}", copied.strange_names);
    assert_equal(&old.store, &*there).await;

    // What is due there is due where readers look for it.
    let mut due = BTreeSet::new();
    for shard in 0..SHARDS {
        for item in there.due(shard, Timestamp::MAX, usize::MAX).await.unwrap() {
            assert_eq!(shard, shard_of(&item.id, SHARDS));
            due.insert((item.wake_at, item.id));
        }
    }
    let ours = old.store.due(0, Timestamp::MAX, usize::MAX).await.unwrap();
    assert_eq!(due, ours.into_iter().map(|due| (due.wake_at, due.id)).collect());

    let copied = move_into(&*there, &new.store).await.unwrap();
    assert_eq!(copied.refused, 0, "{:?}", copied.refusals);
    assert_equal(&*there, &new.store).await;
    assert_equal(&old.store, &new.store).await;
    assert_eq!(everything(&old.store).await, everything(&new.store).await);
    assert_lived_in_alike(&old.store, &new.store, MONITORS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_go_on_where_they_were() {
    let (old, ground, new) = (House::new(), Ground::on(Engine::dynoxide()).await, House::new());
    put(&old.store, pinged("job")).await;
    let there = tables(&ground).await;
    move_into(&old.store, &*there).await.unwrap();
    let at = NOW.plus(scene::minutes(1));
    assert_eq!(there.extend(ping("job", at, 2)).await, Ok(Extended::Done), "one write, no look");
    move_into(&*there, &new.store).await.unwrap();
    let at = NOW.plus(scene::minutes(2));
    assert_eq!(new.store.extend(ping("job", at, 3)).await, Ok(Extended::Done));
    let (there, new) = (scene::there(&*there, &id("job")).await, scene::there(&new.store, &id("job")).await);
    assert_eq!(new.monitor.ping_count, there.monitor.ping_count + 1);
    assert_eq!((there.shard, new.shard), (shard_of(&id("job"), SHARDS), 0));
}

/// A target whose puts are interrupted: each time one more is carried out, and then its answer or the next one is lost.
struct Interrupted<'a> {
    inner: &'a dyn Archive,
    left: AtomicU32,
    answers_the_last: bool,
}

#[async_trait]
impl Archive for Interrupted<'_> {
    async fn size(&self, kind: Kind) -> Result<u64, StoreError> {
        self.inner.size(kind).await
    }

    async fn page(&self, kind: Kind, from: Option<&Place>, limit: usize) -> Result<Page, StoreError> {
        self.inner.page(kind, from, limit).await
    }

    async fn mark(&self) -> Result<Option<Entry>, StoreError> {
        self.inner.mark().await
    }

    async fn put(&self, records: Vec<Record>, mark: Entry) -> Result<Vec<Refused>, StoreError> {
        let gone = || StoreError::Unknown("interrupted".to_owned());
        let left = self.left.load(Ordering::SeqCst).checked_sub(1).ok_or_else(gone)?;
        self.left.store(left, Ordering::SeqCst);
        let put = self.inner.put(records, mark).await;
        if left == 0 && !self.answers_the_last { Err(gone()) } else { put }
    }

    async fn complete(&self) -> Result<(), StoreError> {
        self.inner.complete().await
    }
}

async fn move_in_spite_of_interruptions(from: &dyn Archive, to: &dyn Archive) -> (u32, Copied) {
    for attempt in 0..100 {
        let left = AtomicU32::new(1 + attempt % 3);
        let target = Interrupted { inner: to, left, answers_the_last: attempt % 2 == 0 };
        match move_into(from, &target).await {
            Ok(copied) => return (attempt, copied),
            // The answer to the very last put was lost: then it is done, and says so.
            Err(CopyError::Finished { .. }) => return (attempt, Copied::default()),
            Err(CopyError::Store(StoreError::Unknown(_))) => {
                assert_eq!(is_copy_of(to, "the old house").await, Ok(true));
            }
            Err(error) => unreachable!("{error}"),
        }
    }
    unreachable!("it never ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_copy_goes_on_and_neither_loses_nor_doubles() {
    const MONITORS: u32 = 3_000;
    let (old, ground, new) = (House::new(), Ground::on(Engine::dynoxide()).await, House::new());
    let strange = furnish(&old.store, MONITORS).await;
    let there = tables(&ground).await;
    let (interruptions, copied) = move_in_spite_of_interruptions(&old.store, &*there).await;
    assert!(interruptions > 4 && copied.resumed, "{interruptions}");
    assert_eq!(copied.monitors + copied.tombstones, u64::from(MONITORS + strange.monitors), "each counts once");
    assert_equal(&old.store, &*there).await;
    let (interruptions, _) = move_in_spite_of_interruptions(&*there, &new.store).await;
    assert!(interruptions > 4, "{interruptions}");
    assert_equal(&old.store, &new.store).await;
    assert_lived_in_alike(&old.store, &new.store, MONITORS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_there_is_written_over() {
    let (old, ground, new) = (House::new(), Ground::on(Engine::dynoxide()).await, House::new());
    put(&old.store, pinged("job")).await;
    let there = tables(&ground).await;
    for target in [&*there as &dyn Archive, &new.store] {
        // Somebody lives there.
        let foreign = Record { name: "default/foreign".to_owned(), ..monitor_of(&old.store, "default/job").await };
        let mark = Entry::first("nobody", "was-here", &1);
        assert_eq!(target.put(vec![foreign.clone()], mark).await, Ok(Vec::new()));
        let refused = move_into(&old.store, target).await.unwrap_err();
        assert!(matches!(&refused, CopyError::NotEmpty { .. }), "{refused}");
        assert_eq!(is_copy_of(target, "the old house").await, Ok(false));
        // A record of the same name that says something else is left as it is, and named.
        let mut other = foreign.clone();
        other.attributes.insert("ping_count".to_owned(), 77.into());
        let refusals = target.put(vec![other.clone(), foreign], Entry::first("nobody", "again", &1)).await.unwrap();
        assert_eq!(refusals, [Refused::taken(&other)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_lived_in_before_the_copy_is_whole_keeps_what_is_newer() {
    let (old, new) = (House::new(), House::new());
    furnish(&old.store, 50).await;
    let target = Interrupted { inner: &new.store, left: AtomicU32::new(3), answers_the_last: true };
    assert!(move_into(&old.store, &target).await.is_err());
    // It was served by mistake, and a job has pinged it.
    let newer = put(&new.store, pinged("job-7")).await;
    let copied = move_into(&old.store, &new.store).await.unwrap();
    assert_eq!(copied.refusals.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["default/job-7"]);
    assert_eq!(scene::there(&new.store, &id("job-7")).await.monitor, newer.monitor);
    let comparison = compared(&old.store, &new.store).await;
    assert_eq!(comparison.differences.len(), 1);
    // Twice is once.
    assert!(matches!(move_into(&old.store, &new.store).await, Err(CopyError::Finished { .. })));
    let another = copy(&old.store, &new.store, "another house", &mut |_| {}).await;
    assert_eq!(another, Err(CopyError::OfAnother { from: "the old house".to_owned() }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_behind_its_back_is_named() {
    let (old, ground) = (House::new(), Ground::on(Engine::dynoxide()).await);
    furnish(&old.store, 200).await;
    let there = tables(&ground).await;
    move_into(&old.store, &*there).await.unwrap();
    ground.set_attribute(&id("job-3"), "ping_count", &7.into()).await;
    ground.set_attribute(&id("job-4"), "since_when", &"today".into()).await;
    let gone = json!({"TableName": ground.tables().monitors, "Key": {"id": {"S": "default/job-11"}}});
    ground.call("DeleteItem", &gone).await;
    put(&old.store, pinged("newcomer")).await;
    put(&*there, pinged("stranger")).await;
    let difference = |name: &str, wrong| Difference { kind: Kind::Monitor, name: format!("default/{name}"), wrong };
    assert_eq!(
        compared(&old.store, &*there).await.differences,
        [
            difference("job-11", Wrong::Missing),
            difference("job-3", Wrong::Differs(vec!["ping_count".to_owned()])),
            difference("job-4", Wrong::Differs(vec!["since_when".to_owned()])),
            difference("newcomer", Wrong::Missing),
            difference("stranger", Wrong::Added),
        ]
    );
}

/// What a person sees of a project's channels: their definitions, and what was told on each.
async fn channels_of(store: &dyn Store, project: &Project) -> Vec<(Defined, Vec<Row>)> {
    let mut seen = Vec::new();
    for defined in channels(store, project).await.unwrap() {
        let told = store.deliveries(project, &defined.name, Timestamp::MAX, 100).await.unwrap();
        seen.push((defined, told));
    }
    seen
}

/// Channels of two projects, of every state and role, of which one was changed and one removed, and what was told on them.
async fn furnish_with_channels(store: &dyn Store) {
    let definition = |state| Definition {
        kind: "webhook".to_owned(),
        config: json!({"url": "https://example.org/hook", "secret": {"value": "hunter2"}, "retries": [1, 2.5, null]}),
        wants: Wants::parse(["down", "up"]).unwrap(),
        role: ChannelRole::Main,
        state,
        created_at: NOW,
    };
    let disabled = ChannelState::Disabled { at: NOW, why: "410 \"Gone\"".to_owned() };
    let fallback = Definition { role: ChannelRole::Fallback, ..definition(ChannelState::Enabled) };
    for project in ["default", "team"] {
        let project = Project::parse(project).unwrap();
        for (name, definition) in [
            ("telegram", definition(ChannelState::Enabled)),
            ("ops-mail", definition(disabled.clone())),
            ("last-resort", fallback.clone()),
            ("gone", definition(ChannelState::Enabled)),
        ] {
            add_channel(store, &project, &channel(name), &definition).await.unwrap();
        }
        let removed =
            |there: &Defined| Some(Definition { state: ChannelState::Removed { at: NOW }, ..there.definition.clone() });
        change_channel(store, &project, &channel("gone"), removed).await.unwrap();
        for (number, slug) in (1..).zip(["one", "two", "three"]) {
            let id = MonitorId::new(project.clone(), Slug::parse(slug).unwrap());
            let names = ["telegram", "ops-mail"].map(channel);
            let rows = (number * 10..).zip(&names);
            let rows = rows.map(|(tag, name)| scene::delivery(&id, name, NOW.plus(scene::minutes(number)), tag));
            let monitor = Monitor { id: id.clone(), channels: Some(names.clone().into()), ..pinged("job") };
            let change = Change { rows: rows.collect(), ..scene::creation(monitor, NOW, 1) };
            assert_eq!(store.commit(change).await, Ok(Committed::Done));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_and_what_was_told_on_them_move_there_and_back() {
    let (old, new) = (House::new(), House::new());
    let (here, there) = (Ground::on(Engine::dynoxide()).await, Ground::on(Engine::dynoxide()).await);
    furnish_with_channels(&old.store).await;
    // From file to tables, to other tables, to a file.
    let (first, second) = (tables(&here).await, tables(&there).await);
    let route: [(&dyn Archive, &dyn Archive); 3] = [(&old.store, &*first), (&*first, &*second), (&*second, &new.store)];
    for (from, to) in route {
        let copied = move_into(from, to).await.unwrap();
        assert_eq!((copied.refused, copied.strange, copied.events), (0, 0, 12), "{:?}", copied.refusals);
        assert_equal(from, to).await;
    }
    for project in ["default", "team"].map(|project| Project::parse(project).unwrap()) {
        let before = channels_of(&old.store, &project).await;
        let sizes: Vec<_> = before.iter().map(|(defined, told)| (defined.name.as_str(), told.len())).collect();
        assert_eq!(sizes, [("last-resort", 0), ("ops-mail", 3), ("telegram", 3)], "what is removed is not seen");
        for store in [&*first as &dyn Store, &*second, &new.store] {
            assert_eq!(channels_of(store, &project).await, before);
            let definition = &before.first().unwrap().0.definition;
            let again = add_channel(store, &project, &channel("telegram"), definition).await;
            assert!(again.is_err(), "its name is taken there, too");
        }
    }
    let id = MonitorId::new(Project::default(), Slug::parse("one").unwrap());
    assert_eq!(there.events(&id).await.len(), 2 * 3, "its monitor's stream, its project's and its channel's");
}

async fn monitor_of(archive: &dyn Archive, name: &str) -> Record {
    let page = archive.page(Kind::Monitor, None, 1_000).await.unwrap();
    page.records.into_iter().find(|record| record.name == name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn history_that_waits_in_an_item_is_history_and_what_json_cannot_say_comes_back() {
    let (here, file) = (Ground::on(Engine::dynoxide()).await, House::new());
    let there = Ground::on(Engine::dynoxide()).await;
    let (from, to) = (tables(&here).await, tables(&there).await);
    let stored = put(&*from, pinged("job")).await;
    // Told already, and still waiting; waiting only; not to be understood.
    let told = scene::row(&id("job"), NOW, 5);
    let mut paused = scene::decision(&stored, &Event::Pause { until: None }, NOW, 9);
    paused.rows = vec![told.clone()];
    assert_eq!(from.commit(paused).await, Ok(Committed::Done));
    let happening = serde_json::to_value(&told.happening).unwrap();
    let line = |tag: u64| Value::from(json!({"at": NOW.as_micros(), "tag": tag, "happening": happening}).to_string());
    here.set_attribute(&id("job"), "journal", &json!([line(5), line(6)])).await;
    let odd = json!({
        "TableName": here.tables().monitors,
        "Key": {"id": {"S": "default/job"}},
        "UpdateExpression": "SET colours = :colours, picture = :picture, price = :price",
        "ExpressionAttributeValues": {
            ":colours": {"SS": ["blue", "red"]}, ":picture": {"B": "AP8Q"}, ":price": {"N": "12345678901234567890.5"},
        },
    });
    here.call("UpdateItem", &odd).await;

    let copied = move_into(&*from, &file.store).await.unwrap();
    assert_eq!((copied.monitors, copied.events, copied.refused), (1, 2, 0));
    assert_equal(&*from, &file.store).await;
    let rows = file.store.history(&id("job"), Timestamp::MAX, 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.tag).collect::<Vec<_>>(), [6, 5]);
    move_into(&file.store, &*to).await.unwrap();
    assert_equal(&file.store, &*to).await;
    let (mut before, mut after) = (here.item(&id("job")).await.unwrap(), there.item(&id("job")).await.unwrap());
    // Of the tables that they are in.
    let shard = json!({"N": shard_of(&id("job"), SHARDS).to_string()});
    assert_eq!(after.as_object_mut().unwrap().remove("shard"), Some(shard));
    for own in ["shard", "journal", "write_id_before"] {
        before.as_object_mut().unwrap().remove(own);
    }
    assert_eq!(before, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_wake_times_are_written_they_are_added() {
    let (ground, file) = (Ground::on(Engine::dynoxide()).await, House::new());
    let shared = Shared { detector: Detector::Sweep, ..ground.options().shared };
    let from = ground.open(Options { shared, ..ground.options() }).await;
    put(&*from, pinged("job")).await;
    assert_eq!(from.extend(ping("job", NOW.plus(scene::minutes(1)), 2)).await, Ok(Extended::Done));
    assert_eq!(ground.attribute(&id("job"), "wake_at").await, None);
    move_into(&*from, &file.store).await.unwrap();
    assert_equal(&*from, &file.store).await;
    let due = file.store.due(0, Timestamp::MAX, 10).await.unwrap();
    let expected = scene::there(&file.store, &id("job")).await.monitor.wake_at(from.shared().settle());
    assert_eq!(due.first().map(|due| due.wake_at), expected);
    assert_eq!(scene::swept(&file.store, Part::WHOLE, 10, NOW).await.len(), 1);
}
