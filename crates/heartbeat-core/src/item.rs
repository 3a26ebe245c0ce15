//! The stored shape of a monitor: a flat map of named attributes, the same in every store. A store writes the difference
//! between two such maps, so that attributes that it does not know survive.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::{
    about::{About, Deed},
    channel::ChannelName,
    cron::Cron,
    incident::Incident,
    interval::{Grace, Interval},
    monitor::{Monitor, MonitorId, Origin, Policy, Rev, Run, Status},
    outbox::Outbox,
    ping_url::PingUuid,
    schedule::Schedule,
    slug::{Project, Slug},
    store::{Stored, WriteId},
    time::Timestamp,
};

/// The version of the stored shape. A reader refuses what is newer than it knows.
pub const VERSION: u32 = 1;

/// The attributes of an item.
pub type Attributes = Map<String, Value>;

/// A stored item that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the stored item {id} cannot be understood: {reason}")]
pub struct Corrupt {
    /// Its key, as stored.
    pub id: String,
    /// What is wrong with it.
    pub reason: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StatusWord {
    New,
    Ok,
    Overdue,
    Paused,
}

/// The attributes by name. Instants are in microseconds, durations in seconds.
#[derive(Serialize, Deserialize)]
struct Item {
    v: u32,
    id: String,
    project: Project,
    slug: Slug,
    shard: u16,
    rev: Rev,
    write_id: WriteId,
    origin: Origin,
    /// Of a schedule by interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interval_s: Option<Interval>,
    /// Of a schedule by cron line: the line, and its time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cron: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tz: Option<String>,
    grace_s: Grace,
    /// Interval and grace in one, for the arithmetic of `extend`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window_s: Option<u64>,
    created_at: Timestamp,
    status: StatusWord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    incident: Option<Incident>,
    /// Present only when `extend` may move the deadline without a look.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ordinary: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wake_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_ping_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_remark_at: Option<Timestamp>,
    ping_count: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    failures: u32,
    /// The newest run: what earlier versions know of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<Run>,
    /// The runs before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    more_runs: Vec<Run>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_duration_us: Option<u64>,
    #[serde(default, skip_serializing_if = "is_default_policy")]
    policy: Policy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channels: Option<BTreeSet<ChannelName>>,
    #[serde(default, skip_serializing_if = "About::is_empty")]
    about: About,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made: Option<Deed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed: Option<Deed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uuid: Option<PingUuid>,
    #[serde(default, skip_serializing_if = "Outbox::is_empty")]
    outbox: Outbox,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

fn is_default_policy(policy: &Policy) -> bool {
    *policy == Policy::default()
}

impl Stored {
    /// A monitor to be stored by the write `write_id`, to be looked at when it says itself.
    pub fn new(monitor: Monitor, shard: u16, settle: Duration, write_id: WriteId) -> Self {
        Self {
            wake_at: monitor.wake_at(settle),
            ordinary: monitor.is_ordinary() && monitor.schedule.interval().is_some(),
            expires_at: monitor.expires_at(),
            monitor,
            shard,
            write_id,
        }
    }
}

/// The attributes of a stored monitor.
pub fn encode(stored: &Stored) -> Attributes {
    let monitor = &stored.monitor;
    let interval = monitor.schedule.interval();
    let (run, more_runs) = monitor.runs.split_last().map_or((None, &[][..]), |(run, more)| (Some(run.clone()), more));
    let (status, since, due_at, until, incident) = encode_status(&monitor.status);
    let item = Item {
        v: VERSION,
        id: monitor.id.to_string(),
        project: monitor.id.project.clone(),
        slug: monitor.id.slug.clone(),
        shard: stored.shard,
        rev: monitor.rev,
        write_id: stored.write_id,
        origin: monitor.origin,
        interval_s: interval,
        grace_s: monitor.grace,
        cron: monitor.schedule.cron().map(|cron| cron.line().to_owned()),
        tz: monitor.schedule.cron().map(|cron| cron.zone().to_owned()),
        window_s: interval.map(|interval| interval.as_secs() + monitor.grace.as_secs()),
        created_at: monitor.created_at,
        status,
        since,
        due_at,
        until,
        incident,
        ordinary: stored.ordinary,
        wake_at: stored.wake_at,
        expires_at: stored.expires_at,
        last_ping_at: monitor.last_ping_at,
        last_remark_at: monitor.last_remark_at,
        ping_count: monitor.ping_count,
        failures: monitor.failures,
        run,
        more_runs: more_runs.to_vec(),
        last_duration_us: monitor.last_duration.map(|d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX)),
        policy: monitor.policy,
        channels: monitor.channels.clone(),
        about: monitor.about.clone(),
        made: monitor.made.clone(),
        changed: monitor.changed.clone(),
        uuid: monitor.uuid,
        outbox: monitor.outbox.clone(),
    };
    match serde_json::to_value(item) {
        Ok(Value::Object(attributes)) => attributes,
        Ok(_) | Err(_) => unreachable!("a struct of strings and numbers is a JSON object"),
    }
}

type StatusParts = (StatusWord, Option<Timestamp>, Option<Timestamp>, Option<Timestamp>, Option<Incident>);

fn encode_status(status: &Status) -> StatusParts {
    match status {
        Status::New => (StatusWord::New, None, None, None, None),
        Status::Ok { since, due_at } => (StatusWord::Ok, Some(*since), Some(*due_at), None, None),
        Status::Overdue { incident } => (StatusWord::Overdue, None, None, None, Some(incident.clone())),
        Status::Paused { since, until } => (StatusWord::Paused, Some(*since), None, *until, None),
    }
}

/// The stored monitor of these attributes. What it does not know it ignores; what it cannot understand it refuses.
pub fn decode(attributes: Attributes) -> Result<Stored, Corrupt> {
    let id = attributes.get("id").and_then(Value::as_str).unwrap_or("without id").to_owned();
    let corrupt = |reason: String| Corrupt { id: id.clone(), reason };
    let version = attributes.get("v").and_then(Value::as_u64).unwrap_or(0);
    if version != u64::from(VERSION) {
        return Err(corrupt(format!("it has version {version}, this program knows version {VERSION}")));
    }
    let item: Item = serde_json::from_value(Value::Object(attributes)).map_err(|e| corrupt(e.to_string()))?;
    let status = decode_status(&item).ok_or_else(|| corrupt("its status lacks its data".to_owned()))?;
    let schedule = decode_schedule(&item).map_err(corrupt)?;
    let named = MonitorId::new(item.project, item.slug);
    if named.to_string() != item.id {
        return Err(corrupt(format!("it says that it is {named}")));
    }
    Ok(Stored {
        wake_at: item.wake_at,
        ordinary: item.ordinary,
        expires_at: item.expires_at,
        shard: item.shard,
        write_id: item.write_id,
        monitor: Monitor {
            id: named,
            rev: item.rev,
            origin: item.origin,
            schedule,
            grace: item.grace_s,
            policy: item.policy,
            created_at: item.created_at,
            status,
            last_ping_at: item.last_ping_at,
            last_remark_at: item.last_remark_at,
            ping_count: item.ping_count,
            failures: item.failures,
            runs: item.more_runs.into_iter().chain(item.run).collect(),
            last_duration: item.last_duration_us.map(Duration::from_micros),
            channels: item.channels,
            about: item.about,
            made: item.made,
            changed: item.changed,
            uuid: item.uuid,
            outbox: item.outbox,
        },
    })
}

fn decode_schedule(item: &Item) -> Result<Schedule, String> {
    match (item.interval_s, &item.cron, &item.tz) {
        (Some(interval), None, None) => Ok(Schedule::Every(interval)),
        (None, Some(line), Some(zone)) => {
            Cron::parse(line, zone).map(Schedule::Cron).map_err(|error| error.to_string())
        }
        (Some(_) | None, _, _) => Err("it has neither an interval nor a cron line with its time zone".to_owned()),
    }
}

fn decode_status(item: &Item) -> Option<Status> {
    Some(match item.status {
        StatusWord::New => Status::New,
        StatusWord::Ok => Status::Ok { since: item.since?, due_at: item.due_at? },
        StatusWord::Overdue => Status::Overdue { incident: item.incident.clone()? },
        StatusWord::Paused => Status::Paused { since: item.since?, until: item.until },
    })
}

/// What a commit writes: the attributes that differ, and how many pings are added (others may add theirs in between).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// Attributes that get this value.
    pub set: Attributes,
    /// Attributes that go.
    pub remove: Vec<String>,
    /// Added to `ping_count`.
    pub add_pings: u64,
}

impl Patch {
    /// What makes `after` of `before`.
    pub fn between(before: &Stored, after: &Stored) -> Self {
        let add_pings = after.monitor.ping_count.saturating_sub(before.monitor.ping_count);
        Self::between_attributes(&encode(before), encode(after), add_pings)
    }

    /// What makes the attributes `set` of `old`, where `add_pings` pings are added.
    pub fn between_attributes(old: &Attributes, mut set: Attributes, add_pings: u64) -> Self {
        let remove = old.keys().filter(|name| !set.contains_key(*name)).cloned().collect();
        set.retain(|name, value| name != PING_COUNT && old.get(name) != Some(value));
        Self { set, remove, add_pings }
    }

    /// Applies it to the attributes that are there.
    pub fn apply(self, attributes: &mut Attributes) {
        for name in &self.remove {
            attributes.remove(name);
        }
        attributes.extend(self.set);
        let count = attributes.get(PING_COUNT).and_then(Value::as_u64).unwrap_or(0);
        attributes.insert(PING_COUNT.to_owned(), count.saturating_add(self.add_pings).into());
    }
}

const PING_COUNT: &str = "ping_count";
