//! The feed: what happens to a project's monitors, oldest first, read on and on by those who watch.

use std::time::Duration;

use heartbeat_core::{
    Event, Monitor, MonitorId, Ping, Project, Slug, Store, Timestamp,
    history::Row,
    store::{Change, Committed, FEED_OVERLAP},
};

use super::{
    Harness,
    scene::{NOW, TICK, creation, decision, minutes, pinged, row, there},
};

fn seconds(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn of(project: &str, slug: &str) -> MonitorId {
    MonitorId::new(Project::parse(project).unwrap(), Slug::parse(slug).unwrap())
}

async fn put(store: &dyn Store, id: &MonitorId) {
    let monitor = Monitor { id: id.clone(), ..pinged("job") };
    assert_eq!(store.commit(creation(monitor, NOW, 1)).await, Ok(Committed::Done));
}

/// A ping at `at`, with its row.
async fn happen(store: &dyn Store, id: &MonitorId, at: Timestamp, write_id: u64) -> Row {
    let before = there(store, id).await;
    let row = row(id, at, write_id);
    let change = decision(&before, &Event::Ping(Ping::success()), at, write_id);
    assert_eq!(store.commit(Change { rows: vec![row.clone()], ..change }).await, Ok(Committed::Done));
    row
}

pub async fn a_feed_is_oldest_first_from_a_little_before_and_of_one_project_alone(harness: &dyn Harness) {
    let store = harness.store();
    let (one, two) = (of("team", "one"), of("team", "two"));
    let others = [of("tea", "job"), of("team-2", "job"), of("team0", "one"), of("zoo", "job")];
    for id in others.iter().chain([&one, &two]) {
        put(&*store, id).await;
    }
    let since = seconds(60);
    let from = since.minus(FEED_OVERLAP);
    let mut rows = Vec::new();
    for (number, at) in (2..).zip([from.minus(TICK), from, since.minus(TICK), since, since.plus(minutes(2))]) {
        for other in &others {
            happen(&*store, other, at, number).await;
        }
        rows.push(happen(&*store, if number % 2 == 0 { &one } else { &two }, at, number).await);
    }
    let project = &one.project;
    assert_eq!(store.feed(project, since, 100).await.unwrap(), rows.get(1..).unwrap());
    assert_eq!(store.feed(project, NOW, 100).await, Ok(rows.clone()));
    assert_eq!(store.feed(project, NOW, 2).await.unwrap(), rows.get(..2).unwrap());
    assert_eq!(store.feed(project, since, 2).await.unwrap(), rows.get(1..5).unwrap(), "what overlaps does not count");
    assert_eq!(store.feed(project, seconds(3_600), 100).await, Ok(Vec::new()));
    assert_eq!(store.feed(&of("nobody", "job").project, NOW, 100).await, Ok(Vec::new()));
}

/// Reads on from the newest row until nothing is new; every row that was seen, once, as they came.
async fn read_on(store: &dyn Store, project: &Project, limit: usize) -> Vec<Row> {
    let (mut seen, mut since): (Vec<Row>, _) = (Vec::new(), NOW);
    loop {
        let rows = store.feed(project, since, limit).await.unwrap();
        let new = rows.iter().filter(|row| row.at >= since).count();
        assert!(new <= limit && rows.is_sorted_by_key(|row| row.at));
        let before = seen.len();
        for row in rows {
            if !seen.contains(&row) {
                seen.push(row);
            }
        }
        if seen.len() == before {
            return seen;
        }
        since = seen.last().map_or(NOW, |row| row.at);
    }
}

pub async fn who_reads_on_from_the_newest_row_misses_none(harness: &dyn Harness) {
    let store = harness.store();
    let (one, other) = (of("team", "one"), of("other", "one"));
    for id in [&one, &other] {
        put(&*store, id).await;
    }
    let mut rows = Vec::new();
    for number in 1..=40 {
        rows.push(happen(&*store, &one, seconds(number * 4), number + 1).await);
        happen(&*store, &other, seconds(number * 4), number + 1).await;
    }
    for limit in [2, 5, 100] {
        assert_eq!(read_on(&*store, &one.project, limit).await, rows, "{limit} at a time");
    }
}

pub async fn what_is_written_late_is_found_by_reading_on(harness: &dyn Harness) {
    let store = harness.store();
    let (quick, slow) = (of("team", "quick"), of("team", "slow"));
    for id in [&quick, &slow] {
        put(&*store, id).await;
    }
    let mut rows = Vec::new();
    for number in 1..=10 {
        rows.push(happen(&*store, &quick, seconds(number * 7), number + 1).await);
    }
    let newest = rows.last().unwrap().at;
    assert_eq!(store.feed(&quick.project, newest, 1).await.unwrap().last(), rows.last());
    let late = happen(&*store, &slow, newest.minus(FEED_OVERLAP), 50).await;
    let read = store.feed(&quick.project, newest, 100).await.unwrap();
    assert_eq!(read.first(), Some(&late), "it is read in its place");
    rows.push(late);
    rows.sort_by_key(|row| row.at);
    assert_eq!(store.feed(&quick.project, NOW, 100).await, Ok(rows));
}
