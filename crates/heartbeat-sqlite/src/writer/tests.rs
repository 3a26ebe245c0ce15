//! Batches that fail: on a full file, at their commit, and by a panic.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
    mpsc::sync_channel,
};

use heartbeat_core::{
    MonitorId, Store, StoreError,
    alarm::Alarm,
    store::{Committed, Part},
};
use heartbeat_proof::contract::scene::{NOW, creation, id, pinged, put, there};
use rusqlite::{Connection, Error, ffi};
use tempfile::TempDir;
use tracing::{Event, Level, Metadata, Subscriber, span};

use super::{
    Desk, Failure, Health, Job, Outcome,
    setback::{End, Setback},
};
use crate::{
    Mode, SqliteStore,
    open::{Use, connect},
};

fn serve(folder: &TempDir) -> SqliteStore {
    let path = folder.path().join("heartbeat.db");
    SqliteStore::open(&path, Mode::Serve, Arc::new(Alarm::default())).unwrap()
}

async fn sql(store: &SqliteStore, sql: &'static str) -> Result<(), StoreError> {
    store.writer().write(move |db| Ok(Outcome::quiet(db.execute_batch(sql)?))).await
}

async fn create(store: &SqliteStore, slug: &str) -> Result<Committed, StoreError> {
    store.commit(creation(pinged(slug), NOW, 1)).await
}

/// Makes monitors until no more fit; answers with those that were made.
async fn fill(store: &SqliteStore) -> Vec<MonitorId> {
    let mut made = Vec::new();
    for number in 0..10_000 {
        let slug = format!("job-{number}");
        match create(store, &slug).await {
            Ok(committed) => assert_eq!(committed, Committed::Done),
            Err(error) => {
                assert!(matches!(error, StoreError::Unavailable(_)), "nothing was written: {error}");
                return made;
            }
        }
        made.push(id(&slug));
    }
    panic!("the file is never full");
}

#[tokio::test]
async fn a_full_file_refuses_writes_and_loses_nothing_that_was_answered() {
    let folder = TempDir::new().unwrap();
    let store = serve(&folder);
    // As few pages as there are. It holds for this connection alone, so that it also shows that it is used on.
    sql(&store, "PRAGMA max_page_count = 1").await.unwrap();
    let made = fill(&store).await;
    for number in 0..20 {
        let refused = create(&store, &format!("too-many-{number}")).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
    there(&store, made.last().unwrap()).await;
    sql(&store, "PRAGMA max_page_count = 1000000").await.unwrap();
    assert_eq!(create(&store, "too-many-0").await, Ok(Committed::Done));
    drop(store);
    let store = serve(&folder);
    for id in made.iter().chain([&id("too-many-0")]) {
        there(&store, id).await;
    }
    assert_eq!(
        store.sweep(Part::WHOLE, None, 10_000, NOW).await.unwrap().items.len(),
        made.len() + 1,
        "and nothing else is"
    );
}

#[tokio::test]
async fn a_commit_that_leaves_its_transaction_open_has_written_nothing() {
    let folder = TempDir::new().unwrap();
    let store = serve(&folder);
    let tables = "CREATE TABLE parent (id INTEGER PRIMARY KEY); \
                  CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED);";
    sql(&store, tables).await.unwrap();
    sql(&store, "CREATE TEMP TABLE of_this_connection (a)").await.unwrap();
    let refused = sql(&store, "INSERT INTO child VALUES (1)").await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(sql(&store, "SELECT a FROM of_this_connection").await, Ok(()), "the connection is used on");
    put(&store, pinged("job")).await;
    let children = store.readers().read(|db| Ok(db.query_row("SELECT count(*) FROM child", [], |row| row.get(0))?));
    assert_eq!(children.await, Ok(0));
}

#[test]
fn only_a_commit_whose_fate_is_not_known_is_unknown() {
    let sync = || Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_FSYNC), None);
    let full = || Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None);
    let is_unknown = |setback: Setback, end| matches!(setback.into_error(end), StoreError::Unknown(_));
    for end in [End::ByUs, End::BySqlite, End::None] {
        assert!(!is_unknown(Setback::Refused(sync()), end));
        assert!(!is_unknown(Setback::Panicked(String::new()), end));
        assert_eq!(is_unknown(Setback::NotCommitted(sync()), end), end != End::ByUs);
        assert_eq!(is_unknown(Setback::NotCommitted(full()), end), end == End::None);
    }
}

#[tokio::test]
async fn a_write_that_panics_takes_its_batch_with_it_and_not_the_writer() {
    let folder = TempDir::new().unwrap();
    let store = serve(&folder);
    put(&store, pinged("before")).await;
    for _ in 0..3 {
        let panics = store.writer().write(|db| -> Result<Outcome<()>, Failure> {
            db.execute("DELETE FROM monitor", [])?;
            panic!("this write is a mistake")
        });
        let refused = panics.await;
        let told = "a write panicked: this write is a mistake".to_owned();
        assert_eq!(refused, Err(StoreError::Unavailable(told)));
        there(&store, &id("before")).await;
    }
    assert_eq!(store.ready().await, Ok(()));
    put(&store, pinged("after")).await;
}

/// Counts errors, and news that is good.
#[derive(Default)]
struct Log {
    errors: AtomicUsize,
    news: AtomicUsize,
}

struct Logger(Arc<Log>);

impl Subscriber for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("heartbeat_sqlite")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        match *event.metadata().level() {
            Level::ERROR => self.0.errors.fetch_add(1, Ordering::SeqCst),
            Level::INFO => self.0.news.fetch_add(1, Ordering::SeqCst),
            _ => 0,
        };
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Plain(&'static str);

impl Job for Plain {
    fn run(&mut self, db: &Connection) -> rusqlite::Result<Option<heartbeat_core::Timestamp>> {
        db.execute_batch(self.0).map(|()| None)
    }

    fn answer(self: Box<Self>, _: Option<&StoreError>) {}
}

#[test]
fn what_fails_again_and_again_is_an_error_in_the_log_once() {
    let folder = TempDir::new().unwrap();
    drop(serve(&folder));
    let path = folder.path().join("heartbeat.db");
    let (_queue, waiting) = sync_channel(1);
    let db = Some(connect(&path, Use::Write).unwrap());
    let mut desk = Desk { path, db, waiting, alarm: Arc::default(), health: Health::Working };
    let log = Arc::new(Log::default());
    let mut carry_out = |sql| desk.carry_out(&mut vec![Box::new(Plain(sql)) as Box<dyn Job>]);
    tracing::subscriber::with_default(Logger(Arc::clone(&log)), || {
        for _ in 0..2 {
            (0..100).for_each(|_| carry_out("INSERT INTO nowhere VALUES (1)"));
            (0..100).for_each(|_| carry_out("UPDATE pulse SET beats = beats + 1"));
        }
    });
    assert_eq!((log.errors.load(Ordering::SeqCst), log.news.load(Ordering::SeqCst)), (2, 2), "one for each change");
}
