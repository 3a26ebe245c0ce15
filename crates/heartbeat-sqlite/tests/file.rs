//! What is true of a file and not of every store: who may open it, what becomes of a batch that fails, backups, and
//! forgetting.

#![expect(clippy::unwrap_used, reason = "a test passes or it panics")]

use std::{fs, path::Path, sync::Arc, time::Duration};

use futures_util::future::join_all;
use heartbeat_core::{
    Store, StoreError, Timestamp,
    alarm::Alarm,
    store::{Committed, Deferral, Extended, Found, Part},
};
use heartbeat_proof::contract::scene::{NOW, TICK, creation, deletion, id, minutes, ping, pinged, put, there};
use heartbeat_sqlite::{BackupError, Mode, OpenError, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

const RETENTION: Duration = Duration::from_hours(24);

struct File {
    folder: TempDir,
}

impl File {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn main(&self) -> std::path::PathBuf {
        self.path("heartbeat.db")
    }

    fn serve(&self) -> SqliteStore {
        open(&self.main(), Mode::Serve).unwrap()
    }

    fn raw(&self) -> Connection {
        Connection::open(self.main()).unwrap()
    }
}

fn open(path: &Path, mode: Mode) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path, mode, Arc::new(Alarm::default()))
}

fn refusal(path: &Path, mode: Mode) -> OpenError {
    open(path, mode).err().unwrap()
}

fn names(error: &OpenError, path: &Path) -> bool {
    error.to_string().contains(&path.display().to_string())
}

#[tokio::test]
async fn a_second_serve_is_refused_and_told_which_file() {
    let file = File::new();
    let served = file.serve();
    let refused = refusal(&file.main(), Mode::Serve);
    assert_eq!(refused, OpenError::Served { path: file.main() });
    assert!(names(&refused, &file.main()));
    drop(served);
    file.serve();
}

#[tokio::test]
async fn a_short_command_works_beside_a_serve() {
    let file = File::new();
    let served = file.serve();
    let beside = open(&file.main(), Mode::Beside).unwrap();
    put(&beside, pinged("from-beside")).await;
    put(&served, pinged("from-serve")).await;
    there(&served, &id("from-beside")).await;
    there(&beside, &id("from-serve")).await;
    drop(beside);
    assert_eq!(served.ready().await, Ok(()));
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let file = File::new();
    drop(file.serve());
    file.raw().pragma_update(None, "user_version", 99).unwrap();
    for mode in [Mode::Serve, Mode::Beside] {
        let refused = refusal(&file.main(), mode);
        assert!(matches!(refused, OpenError::Newer { found: 99, .. }) && names(&refused, &file.main()), "{refused}");
    }
    let version: i64 = file.raw().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[tokio::test]
async fn what_is_not_a_database_of_ours_is_refused_and_left_alone() {
    let file = File::new();
    let text = "a text, long enough to be taken for a page of a database. ".repeat(100);
    fs::write(file.main(), &text).unwrap();
    assert_eq!(refusal(&file.main(), Mode::Serve), OpenError::NotOurs { path: file.main() });
    assert_eq!(fs::read_to_string(file.main()).unwrap(), text);
    let other = file.path("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    assert_eq!(refusal(&other, Mode::Serve), OpenError::NotOurs { path: other.clone() });
    let theirs = Connection::open(&other).unwrap();
    let journal: String = theirs.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(journal, "delete", "not even its journal is changed");
}

#[tokio::test]
async fn a_path_that_cannot_be_made_is_refused_with_advice() {
    let file = File::new();
    let nowhere = file.path("missing").join("heartbeat.db");
    let refused = refusal(&nowhere, Mode::Serve);
    assert!(refused.to_string().contains("check that the folder exists"), "{refused}");
    assert!(names(&refused, &file.path("missing")), "{refused}");
    assert!(matches!(refusal(file.folder.path(), Mode::Beside), OpenError::CannotOpen { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_may_make_the_file_at_once() {
    let file = File::new();
    let openers = (0..8).map(|_| {
        let path = file.main();
        tokio::task::spawn_blocking(move || open(&path, Mode::Beside).err())
    });
    for opened in join_all(openers).await {
        assert_eq!(opened.unwrap(), None);
    }
}

#[tokio::test]
async fn a_closed_store_refuses_and_leaves_one_file() {
    let file = File::new();
    let store = file.serve();
    put(&store, pinged("job")).await;
    store.close();
    assert!(matches!(store.extend(ping("job", NOW.plus(TICK), 2)).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.find(&id("job"), NOW).await, Err(StoreError::Unavailable(_))));
    assert!(!file.path("heartbeat.db-wal").exists(), "the WAL is copied into the file");
    drop(store);
    there(&file.serve(), &id("job")).await;
}

#[tokio::test]
async fn a_write_that_was_accepted_is_finished_when_the_store_closes() {
    let file = File::new();
    let store = Arc::new(file.serve());
    put(&*store, pinged("job")).await;
    let pings = (1..=100).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.extend(ping("job", NOW.plus(TICK * number), number.into())).await })
    });
    let pings: Vec<_> = pings.collect();
    tokio::task::yield_now().await;
    store.close();
    let answers = join_all(pings).await;
    let done = answers.into_iter().filter(|answer| matches!(answer, Ok(Ok(Extended::Done)))).count() as u64;
    drop(store);
    assert_eq!(there(&file.serve(), &id("job")).await.monitor.ping_count, 1 + done);
}

/// Fails every write of history that says so, as `how` says.
fn plant_a_trap(file: &File, how: &str) {
    let trap = format!(
        "CREATE TRIGGER trap BEFORE INSERT ON history WHEN NEW.tag = 666 BEGIN SELECT RAISE({how}, 'trapped'); END"
    );
    file.raw().execute_batch(&trap).unwrap();
}

async fn survives_a_batch_that_fails(how: &str) {
    let file = File::new();
    let store = file.serve();
    put(&store, pinged("job")).await;
    for number in 1..=5 {
        assert_eq!(store.extend(ping("job", NOW.plus(TICK * number), number.into())).await, Ok(Extended::Done));
    }
    plant_a_trap(&file, how);
    let batch = (6..=40).map(|number| {
        let write_id = if number == 20 { 666 } else { number };
        store.extend(ping("job", NOW.plus(Duration::from_micros(number)), write_id))
    });
    let answers = join_all(batch).await;
    assert!(answers.iter().any(|answer| matches!(answer, Err(StoreError::Unavailable(_) | StoreError::Unknown(_)))));
    let done = answers.iter().filter(|answer| matches!(answer, Ok(Extended::Done))).count() as u64;
    assert_eq!(
        there(&store, &id("job")).await.monitor.ping_count,
        6 + done,
        "what was answered, and only that, is there"
    );
    let history = store.history(&id("job"), Timestamp::MAX, 100).await.unwrap();
    assert_eq!(history.len() as u64, 5 + done);
    file.raw().execute_batch("DROP TRIGGER trap").unwrap();
    assert_eq!(store.extend(ping("job", NOW.plus(minutes(1)), 700)).await, Ok(Extended::Done));
    drop(store);
    assert_eq!(there(&file.serve(), &id("job")).await.monitor.ping_count, 7 + done);
}

#[tokio::test]
async fn a_batch_that_is_aborted_in_the_middle_loses_nothing_answered() {
    survives_a_batch_that_fails("ABORT").await;
}

#[tokio::test]
async fn a_batch_that_is_rolled_back_in_the_middle_loses_nothing_answered() {
    survives_a_batch_that_fails("ROLLBACK").await;
}

#[tokio::test]
async fn a_ping_whose_answer_was_lost_counts_once_even_behind_a_newer_one() {
    let file = File::new();
    let store = file.serve();
    put(&store, pinged("job")).await;
    let lost = ping("job", NOW.plus(minutes(1)), 2);
    assert_eq!(store.extend(lost.clone()).await, Ok(Extended::Done));
    assert_eq!(store.extend(ping("job", NOW.plus(minutes(2)), 3)).await, Ok(Extended::Done));
    assert_eq!(store.extend(lost).await, Ok(Extended::Done));
    assert_eq!(there(&store, &id("job")).await.monitor.ping_count, 3);
}

#[tokio::test]
async fn a_write_before_the_checkers_time_rings_its_alarm_and_a_later_one_does_not() {
    let file = File::new();
    let alarm = Arc::new(Alarm::default());
    let store = SqliteStore::open(&file.main(), Mode::Serve, Arc::clone(&alarm)).unwrap();
    let wake_at = put(&store, pinged("job")).await.wake_at.unwrap();
    let is_rung = || futures_util::FutureExt::now_or_never(alarm.rung()).is_some();
    assert!(!is_rung());
    alarm.set(wake_at);
    put(&store, pinged("as-late")).await;
    assert!(!is_rung());
    let earlier = Deferral { id: id("job"), seen: wake_at, until: Some(wake_at.minus(TICK)) };
    store.defer(earlier).await.unwrap();
    assert!(is_rung());
}

#[tokio::test]
async fn a_backup_opens_as_a_store_and_overwrites_nothing() {
    let file = File::new();
    let store = file.serve();
    put(&store, pinged("before")).await;
    let copy = file.path("copy of it's.db");
    let beside = open(&file.main(), Mode::Beside).unwrap();
    assert_eq!(beside.backup(&copy).await, Ok(()));
    put(&store, pinged("after")).await;
    assert_eq!(store.backup(&copy).await, Err(BackupError::Exists { path: copy.clone() }));
    assert!(matches!(store.backup(&file.path("missing").join("x")).await, Err(BackupError::Failed { .. })));
    let restored = open(&copy, Mode::Serve).unwrap();
    there(&restored, &id("before")).await;
    assert_eq!(restored.find(&id("after"), NOW).await, Ok(Found::Nothing));
    assert_eq!(restored.ready().await, Ok(()));
}

#[tokio::test]
async fn what_nobody_can_see_any_more_is_forgotten_in_small_batches() {
    let file = File::new();
    let store = file.serve();
    let expires_at = put(&store, pinged("expiring")).await.monitor.expires_at().unwrap();
    let doomed = put(&store, pinged("doomed")).await;
    assert_eq!(store.commit(deletion(&doomed, NOW, NOW.plus(minutes(5)), 2)).await, Ok(Committed::Done));
    let mut kept = pinged("kept");
    kept.origin = heartbeat_core::Origin::Person;
    assert_eq!(store.commit(creation(kept, NOW, 3)).await, Ok(Committed::Done));
    for number in 1..=300 {
        store.extend(ping("kept", NOW.plus(TICK * number), number.into())).await.unwrap();
    }
    assert_eq!(store.forget(NOW, RETENTION, 1_000).await, Ok(0));
    assert_eq!(count(&file, "monitor"), 3);
    assert_eq!(store.forget(NOW.plus(minutes(5)), RETENTION, 1_000).await, Ok(1), "the tombstone");
    let old = NOW.plus(RETENTION).plus(TICK * 251);
    assert_eq!(store.forget(old, RETENTION, 100).await, Ok(100));
    assert_eq!(store.forget(old, RETENTION, 1_000).await, Ok(150));
    assert_eq!(count(&file, "history"), 50);
    assert_eq!(store.history(&id("kept"), Timestamp::MAX, 100).await.unwrap().len(), 50);
    let an_hour_before = expires_at.minus(minutes(60));
    assert_eq!(store.forget(an_hour_before, RETENTION, 1_000).await, Ok(0), "a clock that has jumped is in doubt");
    assert_eq!(
        store.forget(expires_at, RETENTION, 1_000).await,
        Ok(50),
        "the rest of history but its end, and the expired monitor"
    );
    there(&store, &id("kept")).await;
    assert_eq!(count(&file, "monitor"), 1);
}

#[tokio::test]
async fn a_clock_that_is_wrong_forgets_nothing_until_it_has_been_steady_for_an_hour() {
    let file = File::new();
    let store = file.serve();
    put(&store, pinged("job")).await;
    for number in 1..=10 {
        store.extend(ping("job", NOW.plus(TICK * number), number.into())).await.unwrap();
    }
    drop(store);
    let store = file.serve();
    let year = Duration::from_hours(24 * 365);
    for wrong in [NOW.plus(year), NOW.minus(year)] {
        for minute in 0..60 {
            assert_eq!(store.forget(wrong.plus(minutes(minute)), RETENTION, 1_000).await, Ok(0));
        }
        assert_eq!(store.forget(NOW, RETENTION, 1_000).await, Ok(0), "right again, and nothing is old");
    }
    assert_eq!((count(&file, "monitor"), count(&file, "history")), (1, 10));
    assert_eq!(store.forget(NOW.plus(year), RETENTION, 1_000).await, Ok(0));
    assert_eq!(store.forget(NOW.plus(year).plus(minutes(60)), RETENTION, 1_000).await, Ok(1 + 9), "it was a year");
}

#[tokio::test]
async fn a_line_from_far_in_the_future_holds_no_other_back() {
    let file = File::new();
    let store = file.serve();
    put(&store, pinged("job")).await;
    for number in 1..=10 {
        store.extend(ping("job", NOW.plus(TICK * number), number.into())).await.unwrap();
    }
    let far = NOW.plus(Duration::from_hours(24 * 365));
    file.raw().execute("UPDATE history SET at = ?1 WHERE line IN (1, 7)", [far.as_micros()]).unwrap();
    assert_eq!(store.forget(NOW.plus(TICK * 10), RETENTION, 1_000).await, Ok(1), "the first, before all that is kept");
    let old = NOW.plus(RETENTION).plus(TICK * 9);
    assert_eq!(store.forget(old, RETENTION, 1_000).await, Ok(7), "2 to 8, and 7 among them");
    assert_eq!(count(&file, "history"), 2);
}

/// Puts a row beside the store's back under a key that names no monitor, due long ago.
fn plant_a_stray(file: &File, key: &str) {
    let stray = "INSERT INTO monitor (id, shard, wake_at, rest) VALUES (CAST(?1 AS TEXT), 0, 1, '{}')";
    assert_eq!(file.raw().execute(stray, [key.as_bytes()]).unwrap(), 1);
}

#[tokio::test]
async fn a_key_that_names_no_monitor_wakes_nobody_and_takes_nobodys_place() {
    let file = File::new();
    let store = file.serve();
    for key in ["no-slash", "default/JOB", "default/a b", "default/"] {
        plant_a_stray(&file, key);
    }
    let latin = "INSERT INTO monitor (id, shard, wake_at, rest) VALUES (CAST(X'64E4' AS TEXT), 0, 1, '{}')";
    assert_eq!(file.raw().execute(latin, []).unwrap(), 1);
    assert_eq!(store.next_wake().await, Ok(None), "the checker may sleep");
    assert_eq!(store.due(0, NOW, 10).await, Ok(Vec::new()));
    let wake_at = put(&store, pinged("job")).await.wake_at;
    put(&store, pinged("zebra")).await;
    assert_eq!(store.next_wake().await, Ok(wake_at));
    let due = store.due(0, wake_at.unwrap(), 1).await.unwrap();
    assert_eq!(due.into_iter().map(|due| due.id).collect::<Vec<_>>(), [id("job")]);
    let (mut monitors, mut strays, mut after) = (0, 0, None);
    loop {
        let page = store.sweep(Part::WHOLE, after.as_ref(), 1, NOW).await.unwrap();
        monitors += page.items.iter().filter(|item| item.is_ok()).count();
        strays += page.items.iter().filter(|item| item.is_err()).count();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((monitors, strays), (2, 5), "the auditor sees all of them, each once");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_what_jobs_print() {
    let file = File::new();
    let store = file.serve();
    put(&store, pinged("job")).await;
    store.backup(&file.path("backup.db")).await.unwrap();
    for name in ["heartbeat.db", "heartbeat.db-wal", "heartbeat.db-shm", "backup.db"] {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(file.path(name)).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

fn count(file: &File, table: &str) -> i64 {
    file.raw().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}
