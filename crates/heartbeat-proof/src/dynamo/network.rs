//! Networks that misbehave on purpose.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use heartbeat_core::dynamo::wire::{Answer, Call, Lost, Network, Onward};
use serde_json::{Map, Value};

use super::aside::Aside;

/// The engine fails the next so many writes of monitors before it carries them out.
#[derive(Debug, Default)]
pub struct Failing {
    left: AtomicU32,
}

impl Failing {
    /// The next `count` writes fail.
    pub fn next(&self, count: u32) {
        self.left.store(count, Ordering::SeqCst);
    }

    fn takes_one(&self) -> bool {
        self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

#[async_trait]
impl Network for Failing {
    async fn carry(&self, call: Call, onward: Onward) -> Result<Answer, Lost> {
        let writes = matches!(call.action.as_str(), "UpdateItem" | "PutItem" | "TransactWriteItems");
        if writes && self.takes_one() {
            return Ok(Answer::refusal(500, "InternalServerError", "simulated"));
        }
        onward.send(&call.body).await
    }
}

/// What becomes of a request.
#[derive(Clone)]
pub enum Fate {
    /// It never gets there.
    RequestLost,
    /// It is carried out, and nothing comes back in time.
    TimesOut,
    /// It is carried out, and the connection breaks before the answer.
    BreaksOff,
    /// It is carried out, and whoever waits for the answer waits for ever.
    Hangs,
    /// It is not carried out, and whoever waits for the answer waits for ever.
    Vanishes,
    /// It is refused.
    Refused(u16, &'static str),
    /// It is carried out, and the service says that it has failed inside.
    FailsAfter,
    /// Half of it is carried out.
    Half,
    /// It is carried out, then something else happens, and then nothing comes back in time.
    Meanwhile(Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>),
}

impl fmt::Debug for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RequestLost => "RequestLost",
            Self::TimesOut => "TimesOut",
            Self::BreaksOff => "BreaksOff",
            Self::Hangs => "Hangs",
            Self::Vanishes => "Vanishes",
            Self::Refused(_, code) => code,
            Self::FailsAfter => "FailsAfter",
            Self::Half => "Half",
            Self::Meanwhile(_) => "Meanwhile",
        })
    }
}

/// A network that does as it is told, call by call.
#[derive(Debug)]
pub struct Scripted {
    aside: Aside,
    script: Mutex<Script>,
}

#[derive(Debug, Default)]
struct Script {
    next: HashMap<String, VecDeque<Fate>>,
    from_now_on: HashMap<String, Fate>,
    sent: HashMap<String, u32>,
}

impl Scripted {
    pub(super) fn new(aside: Aside) -> Self {
        Self { aside, script: Mutex::default() }
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of the next calls of `action`, one after the other.
    pub fn next(&self, action: &str, fates: impl IntoIterator<Item = Fate>) {
        self.script().next.insert(action.to_owned(), fates.into_iter().collect());
    }

    /// What becomes of every call of `action` after those; of `*`, of every call.
    pub fn from_now_on(&self, action: &str, fate: Fate) {
        self.script().from_now_on.insert(action.to_owned(), fate);
    }

    /// From now on everything is carried out and answered.
    pub fn is_well(&self) {
        *self.script() = Script::default();
    }

    /// How many calls of `action` there have been since all was well.
    pub fn sent(&self, action: &str) -> u32 {
        self.script().sent.get(action).copied().unwrap_or_default()
    }

    fn fate(&self, action: &str) -> Option<Fate> {
        let mut script = self.script();
        *script.sent.entry(action.to_owned()).or_default() += 1;
        let next = script.next.get_mut(action).and_then(VecDeque::pop_front);
        let lasting = || script.from_now_on.get(action).or_else(|| script.from_now_on.get("*")).cloned();
        next.or_else(lasting)
    }
}

#[async_trait]
impl Network for Scripted {
    async fn carry(&self, call: Call, onward: Onward) -> Result<Answer, Lost> {
        let onward = Arc::new(onward);
        let carried_out = async || self.aside.send(&onward, call.body.clone()).await;
        match self.fate(&call.action) {
            None => carried_out().await,
            Some(Fate::RequestLost) => Err(Lost::Broken),
            Some(Fate::TimesOut) => carried_out().await.and(Err(Lost::TimeOut)),
            Some(Fate::BreaksOff) => carried_out().await.and(Err(Lost::Broken)),
            Some(Fate::Hangs) => {
                carried_out().await?;
                std::future::pending().await
            }
            Some(Fate::Vanishes) => std::future::pending().await,
            Some(Fate::Refused(status, code)) => Ok(Answer::refusal(status, code, "simulated")),
            Some(Fate::FailsAfter) => {
                carried_out().await?;
                Ok(Answer::refusal(500, "InternalServerError", "simulated"))
            }
            Some(Fate::Half) => in_part(&self.aside, &call, &onward).await,
            Some(Fate::Meanwhile(happens)) => {
                carried_out().await?;
                happens().await;
                Err(Lost::TimeOut)
            }
        }
    }
}

/// Carries out a part of a batch, and says so.
pub(super) async fn in_part(aside: &Aside, call: &Call, onward: &Arc<Onward>) -> Result<Answer, Lost> {
    let mut request: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let Some(rest) = take_half(&mut request) else {
        return aside.send(onward, call.body.clone()).await;
    };
    let answer = aside.send(onward, request.to_string().into_bytes()).await?;
    let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let name = if call.action == "BatchGetItem" { "UnprocessedKeys" } else { "UnprocessedItems" };
    if let (200, Some(body)) = (answer.status, body.as_object_mut()) {
        body.insert(name.to_owned(), rest);
    }
    Ok(Answer { status: answer.status, body: body.to_string().into_bytes() })
}

/// Takes the second half of a batch away: that is what is left to do.
fn take_half(request: &mut Value) -> Option<Value> {
    let tables = request.get_mut("RequestItems")?.as_object_mut()?;
    let mut rest = Map::new();
    for (table, wanted) in tables {
        let mut left = wanted.clone();
        let parts = |value: &mut Value| -> Option<Vec<Value>> {
            let parts = if value.is_array() { value } else { value.get_mut("Keys")? };
            parts.as_array_mut().map(std::mem::take)
        };
        let mut first = parts(wanted)?;
        parts(&mut left)?;
        let second = first.split_off(first.len().div_ceil(2));
        put_back(wanted, first);
        if !second.is_empty() {
            put_back(&mut left, second);
            rest.insert(table.clone(), left);
        }
    }
    (!rest.is_empty()).then_some(Value::Object(rest))
}

fn put_back(value: &mut Value, parts: Vec<Value>) {
    match value.get_mut("Keys") {
        Some(keys) => *keys = Value::Array(parts),
        None => *value = Value::Array(parts),
    }
}
