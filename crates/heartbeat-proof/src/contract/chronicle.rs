//! A project's history, newest first: what its pages and its list of incidents read.

use std::time::Duration;

use heartbeat_core::{
    Event, Monitor, MonitorId, Ping, Project, Slug, Store, Timestamp,
    history::Row,
    store::{Change, Committed},
};

use super::{
    Harness,
    scene::{NOW, TICK, creation, decision, pinged, row, there},
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

pub async fn a_projects_history_is_newest_first_and_of_one_project_alone(harness: &dyn Harness) {
    let store = harness.store();
    let ours = [of("team", "one"), of("team", "two"), of("team", "three")];
    let others = [of("tea", "job"), of("team-2", "job"), of("team0", "one"), of("zoo", "job")];
    for id in others.iter().chain(&ours) {
        put(&*store, id).await;
    }
    let mut rows = Vec::new();
    for (number, id) in (1..=9).zip(ours.iter().cycle()) {
        for other in &others {
            happen(&*store, other, seconds(number), number + 1).await;
        }
        rows.insert(0, happen(&*store, id, seconds(number), number + 1).await);
    }
    let project = &ours.first().unwrap().project;
    let read = async |before, limit| store.project_history(project, before, limit).await.unwrap();
    assert_eq!(read(Timestamp::MAX, 100).await, rows);
    assert_eq!(read(Timestamp::MAX, 4).await, rows.get(..4).unwrap());
    assert_eq!(read(seconds(5), 2).await, rows.get(5..7).unwrap(), "what happened then is not before it");
    assert_eq!(read(seconds(5).plus(TICK), 2).await, rows.get(4..6).unwrap());
    assert_eq!(read(seconds(1), 10).await, []);
    assert_eq!(store.project_history(&of("nobody", "job").project, Timestamp::MAX, 10).await, Ok(Vec::new()));
}

pub async fn a_projects_history_is_read_page_by_page(harness: &dyn Harness) {
    let store = harness.store();
    let ids: Vec<_> = (0..12).map(|number| of("team", &format!("job-{number}"))).collect();
    for id in &ids {
        put(&*store, id).await;
    }
    // Some of them at one instant, with one tag: their names tell them apart.
    let mut rows = Vec::new();
    for (number, id) in (0..).zip(&ids) {
        rows.push(happen(&*store, id, seconds(1), 7).await);
        rows.push(happen(&*store, id, seconds(2 + number / 4), 8 + number % 2).await);
    }
    rows.sort_by(|one, other| (other.at, other.tag, &other.monitor).cmp(&(one.at, one.tag, &one.monitor)));
    let project = Project::parse("team").unwrap();
    for limit in [1, 5, 23, 24] {
        let read = store.project_history(&project, Timestamp::MAX, limit).await.unwrap();
        assert_eq!(read, rows.get(..limit).unwrap(), "{limit}");
    }
    let read = store.project_history(&project, seconds(2), 100).await.unwrap();
    assert_eq!(read, rows.get(12..).unwrap());
}

pub async fn what_a_project_wrote_late_is_read_in_its_place(harness: &dyn Harness) {
    let store = harness.store();
    let (quick, slow) = (of("team", "quick"), of("team", "slow"));
    for id in [&quick, &slow] {
        put(&*store, id).await;
    }
    let mut rows = Vec::new();
    for number in 1..=20 {
        rows.push(happen(&*store, &quick, seconds(number), number + 1).await);
    }
    rows.push(happen(&*store, &slow, seconds(12).minus(TICK), 50).await);
    rows.sort_by_key(|row| std::cmp::Reverse(row.at));
    let read = async |before, limit| store.project_history(&quick.project, before, limit).await.unwrap();
    assert_eq!(read(Timestamp::MAX, 100).await, rows);
    for (limit, before) in [(1, seconds(12)), (3, seconds(13)), (10, seconds(16))] {
        let expected: Vec<_> = rows.iter().filter(|row| row.at < before).take(limit).cloned().collect();
        assert_eq!(read(before, limit).await, expected, "{limit} before {before}");
    }
}
