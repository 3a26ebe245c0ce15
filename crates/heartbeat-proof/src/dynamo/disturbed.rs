//! The wire of a simulated world: a seed decides which requests are lost, refused, answered in part or carried out late,
//! and how old what an index shows may be. It never invents: what it shows was true, what it carries out was asked for.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use heartbeat_core::{
    Timestamp,
    dynamo::{
        TableNames,
        tables::OVERDUE_INDEX,
        wire::{Answer, Call, Lost, Network, Onward},
    },
};
use serde_json::{Value, json};

use super::{
    aside::Aside,
    lagging::{Item, Range, Versions, number, size, text},
    network::in_part,
};
use crate::simulator::{Chance, Sky};

/// The most that an index or an eventually consistent read lags.
const LONGEST_LAG_MS: u64 = 5_000;
/// Per mille of eventually consistent reads that lag.
const LAGS: u64 = 300;
/// The longest that a request that nobody waits for any more is under way.
const LONGEST_WAY_MS: u64 = 3_000;
/// Per mille of requests that fail after one that failed: trouble comes in company.
const IN_COMPANY: u64 = 500;
/// The most bytes that an item may ever have.
const MAX_ITEM: usize = 4_096;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// It never gets there.
    RequestLost,
    /// It was carried out, and its answer comes too late.
    AnswerTimesOut,
    /// It was carried out, and the connection breaks before its answer.
    AnswerBreaksOff,
    /// Nothing happens, for longer than anybody waits.
    Hangs,
    /// Its sender gives it up, and later it is carried out.
    LandsLate,
    /// Refused: there are too many.
    Throttled,
    /// The service fails before it carries it out.
    FailsBefore,
    /// The service fails after it has carried it out.
    FailsAfter,
    /// Refused: a transaction is under way.
    Conflicts,
    /// Only a part of it is carried out, and the answer says so.
    Partial,
    /// An index shows what was.
    StaleIndex,
    /// A scan shows what was.
    StaleScan,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::RequestLost,
        Self::AnswerTimesOut,
        Self::AnswerBreaksOff,
        Self::Hangs,
        Self::LandsLate,
        Self::Throttled,
        Self::FailsBefore,
        Self::FailsAfter,
        Self::Conflicts,
        Self::Partial,
        Self::StaleIndex,
        Self::StaleScan,
    ];

    /// What reports call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequestLost => "wire: request lost",
            Self::AnswerTimesOut => "wire: time-out after success",
            Self::AnswerBreaksOff => "wire: broken off after success",
            Self::Hangs => "wire: no answer at all",
            Self::LandsLate => "wire: carried out after its time-out",
            Self::Throttled => "wire: throttled",
            Self::FailsBefore => "wire: 500, not carried out",
            Self::FailsAfter => "wire: 500, carried out",
            Self::Conflicts => "wire: transaction conflict",
            Self::Partial => "wire: part of a batch",
            Self::StaleIndex => "wire: stale index",
            Self::StaleScan => "wire: stale scan",
        }
    }

    /// Whether it can happen to a call; staleness is no failure, and is drawn by itself.
    fn befalls(self, action: &str) -> bool {
        let (writes, batch) = (matches!(action, "UpdateItem" | "PutItem"), action.starts_with("Batch"));
        match self {
            Self::RequestLost
            | Self::AnswerTimesOut
            | Self::AnswerBreaksOff
            | Self::Hangs
            | Self::Throttled
            | Self::FailsBefore
            | Self::FailsAfter => true,
            Self::LandsLate | Self::Conflicts => writes,
            Self::Partial => batch,
            Self::StaleIndex | Self::StaleScan => false,
        }
    }
}

/// A lie that no service tells: with it, the judge must find the world guilty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Answers some updates without carrying them out.
    SwallowsUpdates,
    /// Answers batches of history without carrying them out.
    SwallowsHistory,
    /// The index never shows one of the monitors.
    HidesFromIndex,
}

/// Whom [`Lie::HidesFromIndex`] hides.
const HIDDEN: &str = "default/job-0";

/// The wire of a simulated world.
pub(super) struct Disturbed {
    aside: Aside,
    sky: Sky,
    tables: TableNames,
    seed: u64,
    /// Per mille of requests to which something happens.
    rate: u64,
    lie: Option<Lie>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    chances: HashMap<String, Chance>,
    /// Ways on which the last request failed.
    failed: HashSet<String>,
    late: Vec<Late>,
    versions: Versions,
    report: Report,
}

struct Late {
    at: Timestamp,
    call: Call,
    onward: Arc<Onward>,
}

/// What happened on the wire.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    pub(super) requests: u64,
    pub(super) troubles: BTreeMap<&'static str, u64>,
    pub(super) offences: Vec<String>,
}

impl std::fmt::Debug for Disturbed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disturbed").field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl Disturbed {
    pub(super) fn new(aside: Aside, sky: Sky, tables: TableNames, seed: u64, lie: Option<Lie>) -> Self {
        let rate = Chance::of(seed).between(10, 80);
        Self { aside, sky, tables, seed, rate, lie, state: Mutex::default() }
    }

    pub(super) fn report(&self) -> Report {
        self.state().report.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_calm(&self) -> bool {
        self.sky.clock.now() >= self.sky.calm_from
    }

    fn happened(&self, fault: Fault) {
        *self.state().report.troubles.entry(fault.name()).or_default() += 1;
    }

    /// The chances of requests on one way. Requests that are under way beside each other go different ways: so it does not
    /// matter which is the quicker.
    fn chance(&self, way: &str) -> Chance {
        let mut state = self.state();
        let chance = state.chances.entry(way.to_owned()).or_insert_with(|| {
            let mut hasher = DefaultHasher::new();
            (self.seed, way).hash(&mut hasher);
            Chance::of(hasher.finish())
        });
        chance.clone()
    }

    /// What happens to the next request on this way.
    fn fault(&self, call: &Call, way: &str) -> Option<Fault> {
        let chance = self.chance(way);
        let after_another = self.state().failed.remove(way);
        let rate = match (after_another, self.sky.is_fair) {
            // In fair weather nothing fails twice in a row: the first repetition succeeds.
            (true, true) => 0,
            (true, false) => IN_COMPANY,
            (false, _) => self.rate,
        };
        if self.is_calm() || !chance.happens(rate) {
            return None;
        }
        let possible: Vec<Fault> = Fault::ALL.into_iter().filter(|fault| fault.befalls(&call.action)).collect();
        let pick = usize::try_from(chance.below(possible.len() as u64)).unwrap_or(0);
        let fault = possible.get(pick).copied()?;
        self.state().failed.insert(way.to_owned());
        self.happened(fault);
        Some(fault)
    }

    /// Carries out what nobody waits for any more, where it is time.
    async fn land(&self) {
        let now = self.sky.clock.now();
        let landing: Vec<Late> = self.state().late.extract_if(.., |late| late.at <= now).collect();
        for Late { call, onward, .. } in landing {
            let _ = self.forward(&call, &onward).await;
        }
    }

    /// Carries a request out, whatever becomes of its answer.
    async fn forward(&self, call: &Call, onward: &Arc<Onward>) -> Result<Answer, Lost> {
        let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
        let of_monitors = request.get("TableName").and_then(Value::as_str) == Some(self.tables.monitors.as_str());
        let by_index = request.get("IndexName").and_then(Value::as_str) == Some(OVERDUE_INDEX);
        match call.action.as_str() {
            "UpdateItem" if of_monitors => self.update(request, onward).await,
            "PutItem" if of_monitors => self.put(&request, call, onward).await,
            "Query" if by_index => self.due(&request, call, onward).await,
            "Scan" if of_monitors => self.scan(call, onward).await,
            _ => self.aside.send(onward, call.body.clone()).await,
        }
    }

    /// Asks for all of the item, so that it is known what eventually consistent reads may show; answers as it was asked.
    async fn update(&self, mut request: Value, onward: &Arc<Onward>) -> Result<Answer, Lost> {
        let asked = request.get("ReturnValues").and_then(Value::as_str).unwrap_or("NONE").to_owned();
        let names = request.get("ExpressionAttributeNames").cloned().unwrap_or_default();
        if let Some(request) = request.as_object_mut() {
            request.insert("ReturnValues".to_owned(), "ALL_NEW".into());
        }
        let answer = self.aside.send(onward, request.to_string().into_bytes()).await?;
        if answer.status != 200 {
            return Ok(answer);
        }
        let item = attributes(&answer);
        self.note(item.clone());
        let told: HashSet<&str> =
            names.as_object().into_iter().flatten().filter_map(|(_, name)| name.as_str()).collect();
        let body = match asked.as_str() {
            "NONE" => json!({}),
            // At least so much: of what is not updated the store reads nothing.
            "UPDATED_NEW" => {
                let updated = item.into_iter().filter(|(name, _)| told.contains(name.as_str()));
                json!({"Attributes": updated.collect::<Item>()})
            }
            other => {
                self.offend(format!("the wire cannot answer with {other}"));
                json!({})
            }
        };
        Ok(Answer { status: 200, body: body.to_string().into_bytes() })
    }

    async fn put(&self, request: &Value, call: &Call, onward: &Arc<Onward>) -> Result<Answer, Lost> {
        let answer = self.aside.send(onward, call.body.clone()).await?;
        if let (200, Some(Value::Object(item))) = (answer.status, request.get("Item")) {
            self.note(item.clone());
        }
        Ok(answer)
    }

    fn note(&self, item: Item) {
        let bytes = size(&item);
        if bytes > MAX_ITEM {
            self.offend(format!("the item of {:?} has {bytes} bytes", text(&item, "id")));
        }
        self.state().versions.note(self.sky.clock.now(), item);
    }

    fn offend(&self, text: String) {
        self.state().report.offences.push(text);
    }

    /// When each item is seen as of, by one that reads now on this way.
    fn lag(&self, way: &str) -> impl FnMut() -> Timestamp + use<> {
        let (now, chance) = (self.sky.clock.now(), self.chance(way));
        let lags = !self.is_calm() && chance.happens(LAGS);
        let most = if lags { chance.below(LONGEST_LAG_MS) } else { 0 };
        move || if most == 0 { now } else { now.minus(Duration::from_millis(chance.below(most))) }
    }

    async fn due(&self, request: &Value, call: &Call, onward: &Arc<Onward>) -> Result<Answer, Lost> {
        let answer = self.aside.send(onward, call.body.clone()).await?;
        let (200, Some(range)) = (answer.status, Range::of(request)) else { return Ok(answer) };
        let (now, mut lag) = (self.sky.clock.now(), self.lag(&way(call)));
        let hidden = |id: &str| self.lie == Some(Lie::HidesFromIndex) && id == HIDDEN;
        let (fresh, seen) = {
            let versions = &self.state().versions;
            let seen = versions.due(&range, |id| {
                let at = lag();
                (!hidden(id)).then_some(at)
            });
            (versions.due(&range, |_| Some(now)), seen)
        };
        self.compare(&fresh, &answer);
        if seen != fresh {
            self.happened(Fault::StaleIndex);
        }
        let body = json!({"Count": seen.len(), "ScannedCount": seen.len(), "Items": seen});
        Ok(Answer { status: 200, body: body.to_string().into_bytes() })
    }

    /// What is shown must be what writes have made: else it proves nothing.
    fn compare(&self, known: &[Value], answer: &Answer) {
        let wake_times = |items: &[Value]| -> Vec<Option<i64>> {
            items.iter().map(|item| item.get("wake_at").and_then(number)).collect()
        };
        let there = items(answer);
        if wake_times(known) != wake_times(&there) {
            self.offend(format!("the index shows {there:?}, and writes have made it {known:?}"));
        }
    }

    async fn scan(&self, call: &Call, onward: &Arc<Onward>) -> Result<Answer, Lost> {
        let answer = self.aside.send(onward, call.body.clone()).await?;
        let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let Some(Value::Array(items)) = body.get_mut("Items") else { return Ok(answer) };
        let mut lag = self.lag(&way(call));
        let seen: Vec<Value> = {
            let versions = &self.state().versions;
            let ids = items.iter().filter_map(|item| text(item.as_object()?, "id"));
            ids.filter_map(|id| versions.at(id, lag()).cloned().map(Value::Object)).collect()
        };
        if seen != *items {
            self.happened(Fault::StaleScan);
        }
        *items = seen;
        Ok(Answer { status: answer.status, body: body.to_string().into_bytes() })
    }

    fn lies_about(&self, call: &Call) -> bool {
        match self.lie {
            Some(Lie::SwallowsUpdates) => call.action == "UpdateItem" && self.chance("lies").happens(300),
            Some(Lie::SwallowsHistory) => call.action == "BatchWriteItem",
            Some(Lie::HidesFromIndex) | None => false,
        }
    }
}

#[async_trait]
impl Network for Disturbed {
    async fn carry(&self, call: Call, onward: Onward) -> Result<Answer, Lost> {
        let (onward, way) = (Arc::new(onward), way(&call));
        self.state().report.requests += 1;
        if matches!(call.action.as_str(), "UpdateItem" | "PutItem") {
            self.land().await;
        }
        if self.lies_about(&call) {
            return Ok(Answer { status: 200, body: b"{}".to_vec() });
        }
        let Some(fault) = self.fault(&call, &way) else { return self.forward(&call, &onward).await };
        match fault {
            Fault::RequestLost => Err(Lost::Broken),
            Fault::AnswerTimesOut => self.forward(&call, &onward).await.and(Err(Lost::TimeOut)),
            Fault::AnswerBreaksOff => self.forward(&call, &onward).await.and(Err(Lost::Broken)),
            Fault::Hangs => std::future::pending().await,
            Fault::LandsLate => {
                let wait = Duration::from_millis(self.chance(&way).below(LONGEST_WAY_MS));
                let at = self.sky.clock.now().plus(wait);
                self.state().late.push(Late { at, call, onward });
                Err(Lost::TimeOut)
            }
            Fault::Throttled if self.chance(&way).happens(500) => Ok(refusal(400, "ThrottlingException")),
            Fault::Throttled => Ok(refusal(400, "ProvisionedThroughputExceededException")),
            Fault::FailsBefore => Ok(refusal(500, "InternalServerError")),
            Fault::FailsAfter => {
                self.forward(&call, &onward).await?;
                Ok(refusal(500, "InternalServerError"))
            }
            Fault::Conflicts => Ok(refusal(400, "TransactionConflictException")),
            Fault::Partial => in_part(&self.aside, &call, &onward).await,
            Fault::StaleIndex | Fault::StaleScan => self.forward(&call, &onward).await,
        }
    }
}

fn refusal(status: u16, code: &str) -> Answer {
    Answer::refusal(status, code, "simulated")
}

/// The way of a call: requests that may be under way beside each other are on different ones.
fn way(call: &Call) -> String {
    let request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let shard = request.pointer("/ExpressionAttributeValues/:shard/N").and_then(Value::as_str);
    let segment = request.get("Segment").and_then(Value::as_u64);
    format!("{} {shard:?} {segment:?}", call.action)
}

fn attributes(answer: &Answer) -> Item {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    body.get("Attributes").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn items(answer: &Answer) -> Vec<Value> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    body.get("Items").and_then(Value::as_array).cloned().unwrap_or_default()
}
