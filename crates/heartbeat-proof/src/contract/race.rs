//! Races: the real flows over the real store, by many at once.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use heartbeat_core::{
    Changes, Event, Grace, Ping, Status, Store, Timestamp,
    flow::{Came, Flow, PingError, Recorded, Sender},
    store::Found,
};
use tokio::task::JoinHandle;

use super::{
    Harness,
    scene::{NOW, flow, id, ping, pinged, put, there},
};

async fn send(flow: Flow, at: Timestamp) -> Result<Recorded, PingError> {
    flow.record_ping(&id("job"), Ping::success(), Sender::default(), at).await
}

pub async fn fifty_first_pings_at_once_make_one_monitor(harness: &dyn Harness) {
    let (flow, _) = flow(harness.store());
    let pings = (0..50).map(|number| tokio::spawn(send(flow.clone(), NOW.plus(Duration::from_micros(number)))));
    let came: Vec<Came> = join_all(pings).await.into_iter().map(|ping| ping.unwrap().unwrap().came).collect();
    assert_eq!(came.iter().filter(|came| **came == Came::First).count(), 1);
    let monitor = there(&*flow.store, &id("job")).await.monitor;
    assert_eq!((monitor.ping_count, monitor.last_ping_at), (50, Some(NOW.plus(Duration::from_micros(49)))));
    assert!(matches!(monitor.status, Status::Ok { .. }));
}

pub async fn of_twenty_pings_out_of_order_the_newest_wins_and_all_count(harness: &dyn Harness) {
    let (flow, _) = flow(harness.store());
    put(&*flow.store, pinged("job")).await;
    let at = |number: u64| NOW.plus(Duration::from_secs(number));
    let pings = (1..=20).map(|number| tokio::spawn(send(flow.clone(), at(number * 7 % 20 + 1))));
    for ping in join_all(pings).await {
        assert_eq!(ping.unwrap().unwrap().came, Came::Again);
    }
    let monitor = there(&*flow.store, &id("job")).await.monitor;
    assert_eq!((monitor.ping_count, monitor.last_ping_at), (21, Some(at(20))));
    assert_eq!(monitor.due_at(), Some(monitor.schedule.due_after(at(20), monitor.grace)));
    assert_eq!(flow.store.history(&id("job"), Timestamp::MAX, 100).await.unwrap().len(), 20);
}

/// Pings without a pause until the monitor is deleted; answers how many were recorded.
fn chatter(flow: Flow) -> JoinHandle<u64> {
    tokio::spawn(async move {
        for number in 1.. {
            match send(flow.clone(), NOW.plus(Duration::from_micros(number))).await {
                Ok(_) => {}
                Err(PingError::Deleted) => return number - 1,
                Err(error) => unreachable!("ping {number} was not recorded: {error}"),
            }
        }
        0
    })
}

pub async fn a_chatty_job_keeps_nobody_from_pausing_editing_and_deleting_it(harness: &dyn Harness) {
    let (flow, _) = flow(harness.store());
    put(&*flow.store, pinged("job")).await;
    let job = chatter(flow.clone());
    let shown = async || there(&*flow.store, &id("job")).await.monitor;
    for round in 1..=10 {
        flow.manage(&id("job"), &Event::Pause { until: None }, None).await.unwrap();
        assert!(matches!(shown().await.status, Status::Paused { .. }), "a pause sticks, round {round}");
        let grace = Grace::from_secs(60 + round).unwrap();
        let edit = Event::Edit(Changes { grace: Some(grace), ..Changes::default() });
        // Without a deadline an edit rests on no ping; with one it would rest on silence.
        flow.manage(&id("job"), &edit, None).await.unwrap();
        assert_eq!(shown().await.grace, grace);
        flow.manage(&id("job"), &Event::Resume, None).await.unwrap();
    }
    flow.delete(&id("job"), None).await.unwrap();
    let recorded = job.await.unwrap();
    assert!(recorded > 0);
    assert_eq!(flow.store.find(&id("job"), NOW).await, Ok(Found::Deleted));
    let pings = flow.store.history(&id("job"), Timestamp::MAX, usize::MAX).await.unwrap();
    let counted = pings.iter().filter(|row| matches!(row.happening, heartbeat_core::history::Happening::Ping(_)));
    assert_eq!(counted.count() as u64, recorded, "every answered ping is in history, once");
}

pub async fn what_was_answered_is_there_after_a_crash(harness: &dyn Harness) {
    let store = harness.store();
    put(&*store, pinged("job")).await;
    let pings = (1..=200).map(|number| answered(Arc::clone(&store), number));
    let answered = join_all(pings).await.into_iter().flatten().max();
    let reopened = harness.after_a_crash().await;
    let monitor = there(&*reopened, &id("job")).await.monitor;
    assert_eq!(monitor.last_ping_at, answered);
    assert_eq!(reopened.history(&id("job"), Timestamp::MAX, 1_000).await.unwrap().len() as u64, monitor.ping_count - 1);
    assert_eq!(reopened.ready().await, Ok(()));
}

async fn answered(store: Arc<dyn Store>, number: u64) -> Option<Timestamp> {
    let at = NOW.plus(Duration::from_millis(number));
    let extended = store.extend(ping("job", at, number + 1)).await.unwrap();
    (extended == heartbeat_core::store::Extended::Done).then_some(at)
}
