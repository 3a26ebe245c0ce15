//! What processes over one set of tables agree on: they all learn of it, and changing it loses sight of no monitor.
#![expect(clippy::unwrap_used, reason = "a test passes or it panics")]

use std::sync::Arc;

use heartbeat_core::{
    Monitor, MonitorId, Slug, Store, StoreError, Timestamp,
    dynamo::{
        Detector, DynamoStore, Options, Shared,
        shared::{FOLLOW, REFRESH},
    },
    store::{Becomes, Change, Committed, Extended, WriteId},
};
use heartbeat_proof::{
    contract::scene::{NOW, creation, key, minutes, ping, pinged, there},
    dynamo::Ground,
    engines::Engine,
    instruments::SetClock,
};

/// Tables, and a clock that every process over them goes by.
struct Town {
    ground: Ground,
    clock: Arc<SetClock>,
}

impl Town {
    async fn new() -> Self {
        Self { ground: Ground::on(Engine::dynoxide()).await, clock: Arc::new(SetClock::at(NOW)) }
    }

    /// A process that proposes `shared` where nothing is agreed on.
    async fn process(&self, shared: Shared) -> Arc<DynamoStore> {
        let clock = Arc::<SetClock>::clone(&self.clock);
        self.ground.open(Options { shared, clock, ..self.ground.options() }).await
    }

    /// Lets time pass, so that all have heard of everything.
    async fn pass(&self, time: std::time::Duration, processes: &[&DynamoStore]) {
        self.clock.advance(time);
        for process in processes {
            // Asking for anything does.
            process.due(0, Timestamp::EPOCH, 1).await.unwrap();
        }
    }
}

/// Creates `slug` as the flows do: in the shard that the store gives it.
async fn create(store: &DynamoStore, slug: &str) -> MonitorId {
    let mut change: Change = creation(pinged(slug), NOW, 1);
    if let Becomes::Created(stored) = &mut change.becomes {
        stored.shard = store.shard_for(&change.id);
    }
    assert_eq!(store.commit(change.clone()).await, Ok(Committed::Done));
    change.id
}

/// Every monitor that must be looked at by `now`, over all shards.
async fn due(store: &DynamoStore, now: Timestamp) -> Vec<String> {
    let mut due = Vec::new();
    for shard in 0..store.shards() {
        due.extend(store.due(shard, now, 1_000).await.unwrap().into_iter().map(|due| due.id.slug.to_string()));
    }
    due.sort();
    due
}

fn slugs(count: usize) -> Vec<String> {
    (10..10 + count).map(|number| format!("job-{number}")).collect()
}

fn of_16() -> Shared {
    Shared::default()
}

#[tokio::test]
async fn who_comes_later_goes_by_what_was_agreed_on() {
    let town = Town::new().await;
    let first = town.process(Shared { settle_s: 7, ..of_16() }).await;
    let second = town.process(Shared { settle_s: 99, shards: 3, ..of_16() }).await;
    assert_eq!(first.shared(), second.shared());
    assert_eq!(second.shared().settle_s, 7);
}

#[tokio::test]
async fn growing_shards_loses_sight_of_nobody() {
    let town = Town::new().await;
    let (api, checker) = (town.process(of_16()).await, town.process(of_16()).await);
    for slug in slugs(40) {
        create(&api, &slug).await;
    }
    let all_due = NOW.plus(minutes(30));
    assert_eq!(due(&checker, all_due).await, slugs(40));
    assert!(matches!(checker.grow_shards(8).await, Err(StoreError::Unavailable(_))), "it only grows");
    checker.grow_shards(64).await.unwrap();
    assert_eq!((checker.shards(), api.shards()), (64, 16));

    // Who has not heard of it yet, or may not follow yet, writes where everybody looks.
    for (process, slug) in [(&api, "unheard"), (&checker, "heard")] {
        create(process, slug).await;
        assert!(shard_of(&town, slug).await < 16);
    }
    town.pass(REFRESH, &[&api, &checker]).await;
    assert_eq!(api.shards(), 64);
    let everybody = [slugs(40), vec!["unheard".to_owned(), "heard".to_owned()]].concat();
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(due(&checker, all_due).await, sorted(everybody.clone()));

    // Then everybody moves with the next ping, and is still seen by all.
    town.pass(FOLLOW, &[&api, &checker]).await;
    let mut moved = 0;
    for slug in &everybody {
        assert_eq!(api.extend(ping(slug, NOW.plus(minutes(1)), 2)).await, Ok(Extended::Done));
        moved += usize::from(shard_of(&town, slug).await >= 16);
    }
    assert!(moved > 10, "only {moved} of {} moved", everybody.len());
    assert_eq!(due(&checker, all_due).await, sorted(everybody));
}

async fn shard_of(town: &Town, slug: &str) -> u64 {
    let id = MonitorId::new(pinged(slug).id.project, Slug::parse(slug).unwrap());
    town.ground.attribute(&id, "shard").await.unwrap().as_u64().unwrap()
}

#[tokio::test]
async fn into_sweep_and_back_loses_sight_of_nobody() {
    let town = Town::new().await;
    let (api, checker) = (town.process(of_16()).await, town.process(of_16()).await);
    for slug in slugs(40) {
        create(&api, &slug).await;
    }
    let all_due = NOW.plus(minutes(60));
    let seen_by_all = async |what: &str| {
        for process in [&api, &checker] {
            assert_eq!(due(process, all_due).await, slugs(40), "{what}");
        }
    };
    let ping_all = async |minute: u64, write_id: u64| {
        for slug in slugs(40) {
            assert_eq!(api.extend(ping(&slug, NOW.plus(minutes(minute)), write_id)).await, Ok(Extended::Done));
        }
    };
    checker.enter_sweep().await.unwrap();
    ping_all(1, 2).await;
    seen_by_all("while the API has not heard of it").await;
    town.pass(FOLLOW, &[&api, &checker]).await;
    ping_all(2, 3).await;
    let written = town.ground.attribute(&pinged("job-10").id, "wake_at").await;
    assert_eq!(written, None, "an ordinary ping moves no index entry");
    seen_by_all("by reading everything").await;
    assert_eq!(due(&checker, NOW.plus(minutes(2))).await, [""; 0], "and nobody too early");

    checker.start_leaving_sweep().await.unwrap();
    let too_early = checker.finish_leaving_sweep().await;
    assert!(matches!(too_early, Err(StoreError::Unavailable(text)) if text.contains("try again in 300 s")));
    town.pass(FOLLOW, &[&api, &checker]).await;
    // Half of them ping meanwhile, and write their wake times themselves.
    for slug in slugs(20) {
        assert_eq!(api.extend(ping(&slug, NOW.plus(minutes(3)), 4)).await, Ok(Extended::Done));
    }
    assert_eq!(checker.finish_leaving_sweep().await, Ok(20));
    assert_eq!(checker.shared().detector, Detector::Index);
    town.pass(REFRESH, &[&api, &checker]).await;
    seen_by_all("by the index").await;
    assert_eq!(checker.finish_leaving_sweep().await, Ok(0));
}

#[tokio::test]
async fn an_interrupted_growth_of_two_at_once_is_one_growth() {
    let town = Town::new().await;
    let (one, other) = (town.process(of_16()).await, town.process(of_16()).await);
    let grown = futures_util::future::join(one.grow_shards(64), other.grow_shards(64)).await;
    assert!(grown.0.is_ok() || grown.1.is_ok());
    town.pass(REFRESH, &[&one, &other]).await;
    assert_eq!((one.shards(), other.shards()), (64, 64));
}

#[tokio::test]
async fn a_machine_whose_clock_is_off_is_not_ready() {
    let town = Town::new().await;
    // The engine goes by the real time, this process by NOW.
    let lost = town.process(of_16()).await;
    let refusal = lost.ready().await.unwrap_err().to_string();
    assert!(refusal.contains("clock") && refusal.contains("set it right"), "{refusal}");
    let sound = town.ground.open(town.ground.options()).await;
    assert_eq!(sound.ready().await, Ok(()));
    assert!(sound.skew().at_least() < std::time::Duration::from_secs(2));
}

#[tokio::test]
async fn who_hears_nothing_of_the_settings_for_long_is_not_ready() {
    let town = Town::new().await;
    let behind = town.process(of_16()).await;
    let table = serde_json::json!({"TableName": town.ground.tables().directory});
    town.ground.call("DeleteTable", &table).await;
    town.pass(FOLLOW, &[&behind]).await;
    let refusal = behind.ready().await.unwrap_err().to_string();
    assert!(refusal.contains("settings in the table heartbeat-directory") && refusal.contains("300 s"), "{refusal}");
    // What was agreed on still holds, and pings still count.
    create(&behind, "job").await;
    assert_eq!(behind.extend(ping("job", NOW.plus(minutes(1)), 2)).await, Ok(Extended::Done));
}

#[tokio::test]
async fn a_monitor_and_its_key_are_one_write_for_two_who_make_them_at_once() {
    let town = Town::new().await;
    let store = town.ground.open(town.ground.options()).await;
    let made = (1..=8).map(|write_id| {
        let mut change = creation(Monitor { ping_count: write_id, ..pinged("job") }, NOW, write_id);
        change.keys = vec![key(u8::try_from(write_id).unwrap())];
        store.commit(change)
    });
    let made: Vec<_> = futures_util::future::join_all(made).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(made.iter().filter(|committed| **committed == Committed::Done).count(), 1);
    let keys = store.keys().await.unwrap();
    assert_eq!(keys.len(), 1, "who came too late leaves no key behind");
    let WriteId(winner) = there(&*store, &pinged("job").id).await.write_id;
    assert_eq!(keys[0].hash, key(u8::try_from(winner).unwrap()).hash);
}
