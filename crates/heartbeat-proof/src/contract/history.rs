//! History: what was answered is told, once, newest first.

use std::time::Duration;

use heartbeat_core::{
    Event, Ping, Timestamp,
    store::{Committed, Extended},
};

use super::{
    Harness,
    scene::{NOW, creation, decision, deletion, id, minutes, ping, pinged, put, row, there},
};

pub async fn history_is_newest_first_and_paged(harness: &dyn Harness) {
    let store = harness.store();
    put(&*store, pinged("job")).await;
    put(&*store, pinged("other")).await;
    let at = |number: u64| NOW.plus(Duration::from_secs(number));
    for number in 1..=25 {
        assert_eq!(store.extend(ping("job", at(number), 100 + number)).await, Ok(Extended::Done));
        assert_eq!(store.extend(ping("other", at(number), 200 + number)).await, Ok(Extended::Done));
    }
    let mut expected: Vec<_> = (1..=25).map(|number| row(&id("job"), at(number), 100 + number)).collect();
    expected.reverse();
    let mut read = store.history(&id("job"), Timestamp::MAX, 10).await.unwrap();
    assert_eq!(read.len(), 10);
    while let Some(oldest) = read.last().map(|row| row.at) {
        let page = store.history(&id("job"), oldest, 10).await.unwrap();
        if page.is_empty() {
            break;
        }
        read.extend(page);
    }
    assert_eq!(read, expected);
    assert_eq!(store.history(&id("nobody"), Timestamp::MAX, 10).await, Ok(Vec::new()));
}

pub async fn what_is_written_late_is_read_in_its_place(harness: &dyn Harness) {
    let store = harness.store();
    put(&*store, pinged("job")).await;
    let second = |number: u64| NOW.plus(Duration::from_secs(number));
    for (write_id, number) in [(2, 1), (3, 3), (4, 5), (5, 6)] {
        assert_eq!(store.extend(ping("job", second(number), write_id)).await, Ok(Extended::Done));
    }
    let before = there(&*store, &id("job")).await;
    let mut late = decision(&before, &Event::Ping(Ping::success()), second(4), 6);
    late.rows = vec![row(&id("job"), second(4), 6)];
    assert_eq!(store.commit(late).await, Ok(Committed::Done));
    let read = async |before, limit| {
        let rows = store.history(&id("job"), before, limit).await.unwrap();
        rows.iter().map(|row| row.at.since(NOW).as_secs()).collect::<Vec<_>>()
    };
    assert_eq!(read(Timestamp::MAX, 10).await, [6, 5, 4, 3, 1]);
    assert_eq!(read(Timestamp::MAX, 1).await, [6]);
    assert_eq!(read(second(6), 2).await, [5, 4]);
    assert_eq!(read(second(4), 10).await, [3, 1]);
}

pub async fn a_row_appended_twice_is_one_row(harness: &dyn Harness) {
    let store = harness.store();
    let mut creation = creation(pinged("job"), NOW, 1);
    creation.rows = vec![row(&id("job"), NOW, u64::MAX), row(&id("job"), NOW, 0)];
    for _ in 0..2 {
        assert_eq!(store.commit(creation.clone()).await, Ok(Committed::Done));
    }
    let mut rows = store.history(&id("job"), Timestamp::MAX, 10).await.unwrap();
    rows.sort_by_key(|row| std::cmp::Reverse(row.tag));
    assert_eq!(rows, creation.rows);
}

pub async fn a_refused_write_leaves_no_row(harness: &dyn Harness) {
    let store = harness.store();
    let before = put(&*store, pinged("job")).await;
    let refused = ping("job", NOW, 2);
    assert!(matches!(store.extend(refused).await, Ok(Extended::Declined(_))));
    let mut again = creation(pinged("job"), NOW, 3);
    let mut outdated = decision(&before, &Event::Pause { until: None }, NOW, 4);
    let mut late = deletion(&before, NOW, NOW.plus(minutes(1)), 5);
    store.commit(decision(&before, &Event::Pause { until: None }, NOW, 6)).await.unwrap();
    for change in [&mut again, &mut outdated, &mut late] {
        change.rows = vec![row(&id("job"), NOW, change.write_id.0)];
        assert!(matches!(store.commit(change.clone()).await, Ok(Committed::Conflict(_))));
    }
    assert_eq!(store.history(&id("job"), Timestamp::MAX, 10).await, Ok(Vec::new()));
}
