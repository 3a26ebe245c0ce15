//! A house that is lived in: a file with everything in it that a store may hold.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use heartbeat_core::{
    Project, Slug, Store,
    alarm::Alarm,
    archive::{Archive, Kind, Record, UNREADABLE},
    directory::{Entry, Put},
    item::encode,
    key::{KeyRecord, Scope},
    store::{Committed, WriteId},
};
use heartbeat_proof::contract::scene::{NOW, any_monitor, creation, deletion, id, key, minutes, pinged, row, stored};
use heartbeat_sqlite::{Mode, SqliteStore};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A store in a folder of its own.
pub(crate) struct House {
    pub(crate) store: SqliteStore,
    _folder: TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("heartbeat.db");
        Self { store: SqliteStore::open(&path, Mode::Serve, Arc::new(Alarm::default())).unwrap(), _folder: folder }
    }
}

/// What is strange in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strange {
    /// Monitors that this version does not write.
    pub(crate) monitors: u32,
    /// How many records this version does not understand: those monitors but one, rows of history, and an entry.
    pub(crate) not_understood: u32,
}

/// Puts `monitors` monitors `job-0`, … into it, every hundredth deleted, with history, keys, a directory, and strange things.
pub(crate) async fn furnish(store: &SqliteStore, monitors: u32) -> Strange {
    let mut random = StdRng::seed_from_u64(u64::from(monitors));
    let changes = (0..monitors).map(|number| {
        let mut monitor = any_monitor(&mut random, &format!("job-{number}"));
        monitor.id.project = Project::default();
        let (id, write_id) = (monitor.id.clone(), u64::MAX - u64::from(number));
        let mut change = creation(monitor, NOW, write_id);
        for line in 0..u64::from(number % 4) {
            let ago = Duration::from_micros(random.random_range(0..600_000_000));
            change.rows.push(row(&id, NOW.minus(ago), (u64::MAX - u64::from(number)).wrapping_add(line)));
        }
        store.commit(change)
    });
    let done = join_all(changes.collect::<Vec<_>>()).await;
    assert!(done.iter().all(|done| *done == Ok(Committed::Done)));
    for number in (0..monitors).step_by(100) {
        let before = heartbeat_proof::contract::scene::there(store, &id(&format!("job-{number}"))).await;
        let deleted = deletion(&before, NOW, NOW.plus(minutes(60 * 24)), u64::from(number) + 1);
        assert_eq!(store.commit(deleted).await, Ok(Committed::Done));
    }
    furnish_with_keys(store).await;
    for number in 0..30 {
        let entry = Entry::first("channel", &format!("chat-{number:02}"), &json!({"kind": "telegram", "n": number}));
        assert_eq!(store.put_entry(entry.clone()).await, Ok(Put::Done));
        assert_eq!(store.put_entry(entry.next(&json!({"n": [number, null, 1.5]}))).await, Ok(Put::Done));
    }
    strange(store).await
}

async fn furnish_with_keys(store: &SqliteStore) {
    for secret in 0..20 {
        let limited = KeyRecord {
            scopes: vec![Scope::Admin],
            monitor: Some(Slug::parse("job-1").unwrap()),
            expires_at: Some(NOW.plus(minutes(5))),
            revoked_at: (secret % 4 == 1).then_some(NOW),
            project: Project::parse("another").unwrap(),
            ..key(secret)
        };
        store.put_key(if secret % 2 == 0 { key(secret) } else { limited }).await.unwrap();
    }
}

/// What this version does not write, and what no version does.
async fn strange(store: &SqliteStore) -> Strange {
    let monitor = |name: &str, change: Value| {
        let Value::Object(change) = change else { unreachable!("not attributes") };
        let mut attributes = encode(&stored(pinged("x"), WriteId(7).0));
        for own in ["id", "project", "slug", "shard"] {
            attributes.remove(own);
        }
        attributes.extend(change);
        attributes.retain(|_, value| *value != json!("(gone)"));
        Record { kind: Kind::Monitor, name: name.to_owned(), attributes }
    };
    let newer = json!({"v": 99, "status": "hibernating", "window_s": 61, "moods": {"a": [1, 2.5, -0.25, "ü", null]}});
    let cut = Record {
        attributes: [(UNREADABLE.to_owned(), "{\"status\":".into()), ("wake_at".to_owned(), 5.into())]
            .into_iter()
            .collect(),
        ..monitor("default/cut-off", json!({}))
    };
    let strange = vec![
        monitor("default/newer", newer),
        monitor("default/damaged", json!({"status": 7, "interval_s": "often", "ordinary": false})),
        monitor("default/headless", json!({"v": "(gone)", "wake_at": "(gone)"})),
        monitor("no-name-of-a-monitor", json!({})),
        cut,
        // Sound, with more than this version knows.
        monitor(
            "default/decorated",
            json!({"colour": "blue", "tags": ["a", {"b": 1e300}], "size": 0.1, "forget_s": 5}),
        ),
        Record::event("default/job-1", NOW.as_micros(), 3, json!({"kind": "danced", "with": ["wolves"]})),
        Record::event("default/job-1", NOW.as_micros(), 4, json!({UNREADABLE: "{\"kind\":"})),
        // Attempts to deliver that name no channel, and one that is none.
        Record::event("default/job-1", NOW.as_micros(), 5, json!({"kind": "delivery", "outcome": "delivered"})),
        Record::event("default/job-1", NOW.as_micros(), 6, json!({"kind": "delivery", "channel": ["telegram"]})),
        Record::entry("odd", "entry", 3, json!({UNREADABLE: "no JSON"})),
    ];
    // Beside the mark of a copy, which this is none.
    let refused = store.put(strange, Entry::first("furnished", "by-a-test", &1)).await.unwrap();
    assert!(refused.is_empty(), "{refused:?}");
    store.complete().await.unwrap();
    Strange { monitors: 6, not_understood: 5 + 4 + 1 }
}
