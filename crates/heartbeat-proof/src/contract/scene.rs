//! What the clauses play with: one instant, a few monitors, and short ways to store and find them.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use heartbeat_core::{
    Cause, ChannelName, Context, Event, Grace, Incident, Interval, Monitor, MonitorId, Notice, Origin, Ping, Project,
    Reminders, Rev, Run, Schedule, Signal, Slug, Status, Store, Timestamp, decide,
    flow::{Flow, Settings},
    history::{DeliveryRow, Happening, PingLog, PingRow, Row},
    item::Corrupt,
    key::{ApiKey, KeyRecord, Scope},
    outage::Outages,
    outbox::{Lease, Owner, Routing},
    store::{Becomes, Change, Committed, Extend, Found, Keep, Part, Reach, Stored, WriteId},
};
use rand::{Rng, rngs::StdRng};

use crate::instruments::{Seeded, SetClock};

/// When the clauses play: 2026-11-23T03:00:00Z.
pub const NOW: Timestamp = Timestamp::from_secs(1_795_402_800);
/// How long past due a checker waits.
pub const SETTLE: Duration = Duration::from_secs(2);
/// The instant after.
pub const TICK: Duration = Duration::from_micros(1);

pub fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

pub fn id(slug: &str) -> MonitorId {
    MonitorId::new(Project::default(), Slug::parse(slug).unwrap())
}

pub fn context(now: Timestamp) -> Context {
    Context { now, settle: SETTLE, reminders: Reminders::default(), outages: Outages::default() }
}

/// A monitor that a ping at [`NOW`] has made: due every 5 minutes, with a minute of grace.
pub fn pinged(slug: &str) -> Monitor {
    let unborn = Monitor::new(id(slug), Origin::Ping, Schedule::default(), Grace::DEFAULT, NOW);
    let born = decide(&unborn, &Event::Ping(Ping::success()), &context(NOW)).monitor;
    Monitor { rev: unborn.rev, ..born }
}

pub fn stored(monitor: Monitor, write_id: u64) -> Stored {
    Stored::new(monitor, 0, SETTLE, WriteId(write_id))
}

pub fn creation(monitor: Monitor, at: Timestamp, write_id: u64) -> Change {
    let stored = Box::new(stored(monitor, write_id));
    let id = stored.monitor.id.clone();
    Change {
        id,
        becomes: Becomes::Created(stored),
        at,
        write_id: WriteId(write_id),
        rows: Vec::new(),
        keys: Vec::new(),
    }
}

/// What `event` at `at` makes of `before`, ready to be stored.
pub fn decision(before: &Stored, event: &Event, at: Timestamp, write_id: u64) -> Change {
    let decision = decide(&before.monitor, event, &context(at));
    let after = Stored::new(decision.monitor, before.shard, SETTLE, WriteId(write_id));
    Change {
        id: before.monitor.id.clone(),
        becomes: Becomes::Changed {
            before: Box::new(before.clone()),
            after: Box::new(after),
            rests_on: decision.rests_on,
        },
        at,
        write_id: WriteId(write_id),
        rows: Vec::new(),
        keys: Vec::new(),
    }
}

pub fn deletion(before: &Stored, at: Timestamp, until: Timestamp, write_id: u64) -> Change {
    Change {
        id: before.monitor.id.clone(),
        becomes: Becomes::Deleted { before: Box::new(before.clone()), until },
        at,
        write_id: WriteId(write_id),
        rows: Vec::new(),
        keys: Vec::new(),
    }
}

pub fn ping(slug: &str, at: Timestamp, write_id: u64) -> Extend {
    let (id, write_id) = (id(slug), WriteId(write_id));
    let row = Some(row(&id, at, write_id.0));
    Extend {
        id,
        at,
        pings: NonZeroU32::MIN,
        settle: SETTLE,
        reach: Reach::Window { interval: None, grace: None },
        write_id,
        row,
        keep: Keep::Always,
    }
}

pub fn row(id: &MonitorId, at: Timestamp, tag: u64) -> Row {
    let ping = PingRow {
        signal: Signal::Success,
        from: Some("192.0.2.17".to_owned()),
        agent: None,
        run: None,
        took_ms: None,
        happened_at: None,
        metadata: None,
        body: String::new(),
        notes: Vec::new(),
    };
    Row { monitor: id.clone(), at, tag, happening: Happening::Ping(ping) }
}

/// An attempt to deliver on `channel` that worked.
pub fn delivery(id: &MonitorId, channel: &ChannelName, at: Timestamp, tag: u64) -> Row {
    let delivery = DeliveryRow {
        notification: format!("{id}/{tag}/overdue/{channel}"),
        channel: channel.clone(),
        attempt: 1,
        outcome: "delivered".to_owned(),
        reason: None,
        status: None,
        took_ms: 12,
        next_at: None,
        untold: None,
    };
    Row { monitor: id.clone(), at, tag, happening: Happening::Delivery(delivery) }
}

/// Creates `monitor`, and answers with what is then stored.
pub async fn put(store: &dyn Store, monitor: Monitor) -> Stored {
    let (id, at) = (monitor.id.clone(), monitor.created_at);
    let done = store.commit(creation(monitor, at, 1)).await;
    assert_eq!(done, Ok(Committed::Done));
    there(store, &id).await
}

/// What is stored under `id`; something must be.
pub async fn there(store: &dyn Store, id: &MonitorId) -> Stored {
    match store.find(id, NOW).await {
        Ok(Found::Monitor(stored)) => *stored,
        other => unreachable!("{id} is not there: {other:?}"),
    }
}

/// Everything in `part`, at most `limit` on a page, in the store's order.
pub async fn swept(store: &dyn Store, part: Part, limit: usize, now: Timestamp) -> Vec<Result<Stored, Corrupt>> {
    let (mut items, mut after) = (Vec::new(), None);
    loop {
        let page = store.sweep(part, after.as_ref(), limit, now).await.unwrap();
        assert!(page.items.len() <= limit, "{} on a page of {limit}", page.items.len());
        items.extend(page.items);
        after = page.next;
        if after.is_none() {
            return items;
        }
    }
}

/// A key of project `default`, made `secret` minutes after [`NOW`].
pub fn key(secret: u8) -> KeyRecord {
    KeyRecord {
        hash: ApiKey::from_random([secret; 32]).hash(),
        project: Project::default(),
        scopes: vec![Scope::Ping, Scope::Read],
        monitor: None,
        description: "nightly 'jobs' ü".to_owned(),
        created_at: NOW.plus(minutes(u64::from(secret))),
        expires_at: None,
        revoked_at: None,
    }
}

/// Stores what `event` makes of `before`; answers with what is then stored.
pub async fn happen(store: &dyn Store, before: &Stored, event: &Event, at: Timestamp, write_id: u64) -> Stored {
    assert_eq!(store.commit(decision(before, event, at, write_id)).await, Ok(Committed::Done));
    there(store, &before.monitor.id).await
}

pub fn channel(name: &str) -> ChannelName {
    ChannelName::parse(name).unwrap()
}

/// The lease of checker `owner`, taken at `now`.
pub fn lease(owner: u64, now: Timestamp) -> Lease {
    Lease { owner: Owner(owner), until: now.plus(minutes(1)) }
}

/// The flows over `store`, at [`NOW`].
pub fn flow(store: Arc<dyn Store>) -> (Flow, Arc<SetClock>) {
    let clock = Arc::new(SetClock::at(NOW));
    let settings = Settings {
        settle: SETTLE,
        reminders: Reminders::default(),
        interval: Interval::DEFAULT,
        grace: Grace::DEFAULT,
        ping_log: PingLog::All,
    };
    let (random, hearing) = (Arc::new(Seeded::new(7)), Arc::default());
    let flow = Flow { store, clock: Arc::<SetClock>::clone(&clock), random, settings, hearing, known: Arc::default() };
    (flow, clock)
}

/// Any monitor around [`NOW`], sound or odd.
pub fn any_monitor(random: &mut StdRng, slug: &str) -> Monitor {
    let seconds = |random: &mut StdRng, most: u64| random.random_range(0..=most);
    let ago = |random: &mut StdRng| NOW.minus(Duration::from_micros(random.random_range(0..400_000_000)));
    let interval = Interval::from_secs(30 + seconds(random, 600)).unwrap();
    let grace = Grace::from_secs(seconds(random, 300)).unwrap();
    let origin = if random.random() { Origin::Ping } else { Origin::Person };
    let mut monitor = Monitor::new(id(slug), origin, Schedule::Every(interval), grace, ago(random));
    monitor.rev = Rev(random.random());
    monitor.last_ping_at = random.random_bool(0.8).then(|| ago(random));
    monitor.last_remark_at = random.random_bool(0.3).then(|| ago(random));
    monitor.ping_count = random.random_range(0..1 << 40);
    monitor.failures = u32::from(random.random_bool(0.2));
    if random.random_bool(0.2) {
        monitor.runs = vec![Run { id: None, started_at: ago(random), due_at: random.random_bool(0.5).then_some(NOW) }];
    }
    monitor.policy.resume_on_ping = random.random();
    monitor.last_duration = random.random_bool(0.3).then(|| Duration::from_micros(random.random_range(0..1 << 40)));
    monitor.channels = random.random_bool(0.2).then(|| [channel("ops-mail"), channel("telegram")].into());
    monitor.status = any_status(random, &monitor);
    any_outbox(random, &mut monitor);
    monitor
}

fn any_status(random: &mut StdRng, monitor: &Monitor) -> Status {
    let since = monitor.created_at;
    match random.random_range(0..8) {
        0 => Status::New,
        1 => Status::Overdue { incident: incident(since) },
        2 => Status::Paused { since, until: random.random_bool(0.5).then(|| NOW.plus(minutes(3))) },
        _ => Status::Ok {
            since,
            due_at: monitor.schedule.due_after(monitor.last_ping_at.unwrap_or(since), monitor.grace),
        },
    }
}

fn any_outbox(random: &mut StdRng, monitor: &mut Monitor) {
    if random.random_bool(0.8) {
        return;
    }
    let since = monitor.created_at;
    monitor.outbox.push(Notice::opened(&incident(since), monitor.last_ping_at, monitor.rev, since));
    if random.random() {
        monitor.outbox.route(&Routing::to(&[channel("telegram"), channel("ops-mail")]), NOW);
    }
    if random.random() {
        let lease = Lease { owner: Owner(random.random()), until: NOW.plus(minutes(1)) };
        monitor.outbox.claim(lease, NOW, |_| true);
    }
}

pub fn incident(since: Timestamp) -> Incident {
    Incident {
        since,
        cause: Cause::Failed { exit: Some(-7) },
        excerpt: Some("disk \"full\"\n".to_owned()),
        reminders: 2,
        confirm_at: None,
        next_reminder_at: Some(since.plus(minutes(60))),
    }
}
