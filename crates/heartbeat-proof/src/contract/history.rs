//! History: what was answered is told, once, newest first.

use std::time::Duration;

use heartbeat_core::{
    Event, Timestamp,
    store::{Committed, Extended},
};

use super::{
    Harness,
    scene::{NOW, creation, decision, deletion, id, minutes, ping, pinged, put, row},
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
