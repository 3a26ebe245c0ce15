//! How many ordinary pings a second the store takes, and what each costs: `cargo run --release --example extend_rate`.
//!
//! 64 tasks extend 1 monitor, then 1,000, each with its row of history, on a file in the temporary folder or in the one
//! that is given.

use std::{
    error::Error,
    fs, io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use heartbeat_core::{
    Clock, Grace, Interval, Monitor, MonitorId, Origin, Project, Schedule, Signal, Slug, Status, Store, Timestamp,
    alarm::Alarm,
    clock::SystemClock,
    history::{Happening, PingRow, Row},
    store::{Becomes, Change, Extend, Extended, Keep, Stored, WriteId},
};
use heartbeat_sqlite::{Mode, SqliteStore};

const TASKS: u64 = 64;
const PINGS: u64 = 200_000;
const SETTLE: Duration = Duration::from_secs(2);
/// `USER_HZ` of Linux: the unit of `/proc/self/stat`.
const TICKS_A_SECOND: u64 = 100;

#[tokio::main(worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "a measurement prints its result")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    for monitors in [1, 1_000, 10_000] {
        let path = folder.join(format!("extend-rate-{}-{monitors}.db", std::process::id()));
        let (elapsed, cpu) = measure(&path, monitors).await?;
        let size = fs::metadata(&path)?.len();
        for suffix in ["", "-wal", "-shm", ".lock"] {
            let _ = fs::remove_file(format!("{}{suffix}", path.display()));
        }
        let rate = u128::from(PINGS) * 1_000_000 / elapsed.as_micros();
        let cost = cpu.as_nanos() / u128::from(PINGS);
        println!(
            "{monitors:>6} monitors: {rate:>7} extends/s, {:>3}.{} µs of CPU each, {} bytes of file each, {} KiB resident",
            cost / 1_000,
            cost % 1_000 / 100,
            size / PINGS,
            resident_kib()?
        );
    }
    Ok(())
}

async fn measure(path: &std::path::Path, monitors: u64) -> Result<(Duration, Duration), Box<dyn Error>> {
    let store = Arc::new(SqliteStore::open(path, Mode::Serve, Arc::new(Alarm::default()))?);
    let started_at = SystemClock.now();
    for number in 0..monitors {
        store.commit(creation(&id(number)?, started_at)).await?;
    }
    let (wall, cpu) = (SystemClock.now(), cpu_time()?);
    let instant = Arc::new(AtomicI64::new(wall.as_micros()));
    let tasks: Vec<_> =
        (0..TASKS).map(|task| tokio::spawn(ping(Arc::clone(&store), Arc::clone(&instant), task, monitors))).collect();
    for task in tasks {
        task.await?.map_err(|error| io::Error::other(error.to_string()))?;
    }
    let spent = (SystemClock.now().since(wall), cpu_time()?.saturating_sub(cpu));
    store.close();
    Ok(spent)
}

type Sent = Result<(), Box<dyn Error + Send + Sync>>;

async fn ping(store: Arc<SqliteStore>, instant: Arc<AtomicI64>, task: u64, monitors: u64) -> Sent {
    for number in 0..PINGS / TASKS {
        let at = Timestamp::from_micros(instant.fetch_add(1, Ordering::Relaxed));
        let count = number * TASKS + task;
        let id = id(count.wrapping_mul(7_919) % monitors)?;
        let write_id = WriteId(count << 8 | 1);
        let row = Row::new(&id, at, write_id, 0, happening());
        let extend = Extend {
            id,
            at,
            pings: std::num::NonZeroU32::MIN,
            settle: SETTLE,
            reach: heartbeat_core::store::Reach::Window { interval: None, grace: None },
            write_id,
            row: Some(row),
            keep: Keep::Always,
        };
        // Out of order when another task was quicker: declined, as it should be.
        match store.extend(extend).await? {
            Extended::Done | Extended::Declined(_) => {}
        }
    }
    Ok(())
}

fn id(number: u64) -> Result<MonitorId, heartbeat_core::slug::SlugError> {
    Ok(MonitorId::new(Project::default(), Slug::parse(&format!("nightly-backup-{number}"))?))
}

fn happening() -> Happening {
    Happening::Ping(PingRow {
        signal: Signal::Success,
        from: Some("192.0.2.17".to_owned()),
        agent: Some("curl/8.5.0".to_owned()),
        run: None,
        took_ms: None,
        happened_at: None,
        metadata: None,
        body: String::new(),
        notes: Vec::new(),
    })
}

fn creation(id: &MonitorId, at: Timestamp) -> Change {
    let mut monitor = Monitor::new(id.clone(), Origin::Ping, Schedule::Every(Interval::DEFAULT), Grace::DEFAULT, at);
    monitor.status = Status::Ok { since: at, due_at: monitor.schedule.due_after(at, monitor.grace) };
    monitor.last_ping_at = Some(at);
    monitor.ping_count = 1;
    let write_id = WriteId(0);
    let stored = Stored::new(monitor, 0, SETTLE, write_id);
    Change {
        id: id.clone(),
        becomes: Becomes::Created(Box::new(stored)),
        at,
        write_id,
        rows: Vec::new(),
        keys: Vec::new(),
    }
}

/// User and system time of this process.
fn cpu_time() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The 14th and 15th fields; the second, a name in parentheses, may have spaces.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 1_000 / TICKS_A_SECOND))
}

fn resident_kib() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    Ok(line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default())
}
