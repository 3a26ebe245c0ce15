//! The end of a delivery attempt: guarded by the lease's owner and the entry alone, so that neither pings nor news starve it.

use serde_json::Value;

use crate::{
    channel::ChannelName,
    dynamo::{
        DynamoStore,
        expression::Expression,
        journal::{Told, append, told},
        request::Failure,
        shape::{
            DELETED_UNTIL, Item, WAKE_AT, WRITE_ID, WRITE_ID_BEFORE, is_written_by, micros, number, stored, to_value,
        },
    },
    history::Row,
    monitor::MonitorId,
    outbox::{Lane, Settled, Settlement},
    store::{StoreError, WriteId},
    time::Timestamp,
};

/// How often it is tried again when only history stands in its way, or the entry has just been changed.
const ATTEMPTS: u32 = 4;

impl DynamoStore {
    pub(in crate::dynamo) async fn settle_entry(
        &self,
        id: &MonitorId,
        settlement: &Settlement,
        now: Timestamp,
        rows: Vec<Row>,
    ) -> Result<Settled, StoreError> {
        let write_id = WriteId(rand::random());
        let (mut journalled, others) = told(&rows);
        for _ in 0..ATTEMPTS {
            let Some(item) = self.item(id).await? else { return Ok(Settled::Stale) };
            if is_written_by(&item, write_id) {
                return Ok(Settled::Done);
            }
            let Some(write) = settled(item, id, settlement, now, write_id, &journalled)? else {
                return Ok(Settled::Stale);
            };
            match self.update(id.clone(), &write).await {
                Ok(waiting) => {
                    self.hand_over(id, waiting, &others).await;
                    return Ok(Settled::Done);
                }
                Err(Failure::Declined(Some(item))) if is_written_by(&item, write_id) => return Ok(Settled::Done),
                Err(Failure::Declined(Some(item))) => {
                    let waiting = Told::of(id, &item);
                    if !waiting.is_empty() && !self.drain(id, waiting).await {
                        // An alert must not be told twice for the sake of its history.
                        journalled.clear();
                    }
                }
                Err(Failure::Declined(None)) => return Ok(Settled::Stale),
                Err(Failure::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::Unavailable("others are quicker".to_owned()))
    }
}

/// What settles the entry in this item; `None` when it is not the owner's to settle.
fn settled(
    item: Item,
    id: &MonitorId,
    settlement: &Settlement,
    now: Timestamp,
    write_id: WriteId,
    journal: &[String],
) -> Result<Option<Expression>, StoreError> {
    if item.contains_key(DELETED_UNTIL) {
        return Ok(None);
    }
    let before = stored(item)?;
    let mut after = before.clone();
    if after.monitor.outbox.settle(id, settlement, now) == Settled::Stale {
        return Ok(None);
    }
    let mut expression = Expression::default();
    let Some(lane) = before.monitor.outbox.lanes.get(&settlement.channel) else { return Ok(None) };
    require_entry(&mut expression, &settlement.channel, lane);
    let rest = after.monitor.outbox.lanes.get(&settlement.channel);
    write_lane(&mut expression, &settlement.channel, lane, rest);
    let (rev, one) = (expression.name("rev"), expression.value(number(1)));
    expression.assign(format!("{rev} = {rev} + {one}"));
    expression.set(WAKE_AT, micros(now));
    expression.set(WRITE_ID, number(write_id.0));
    expression.keep_as(WRITE_ID_BEFORE, WRITE_ID);
    append(&mut expression, journal);
    Ok(Some(expression))
}

/// The entry is the one that was seen, and still leased to the same owner.
fn require_entry(expression: &mut Expression, channel: &ChannelName, lane: &Lane) {
    let Some(head) = &lane.head else { return };
    let Some(lease) = head.lease else { return };
    let entry = path(expression, channel, "head");
    let (notice, rev) = (expression.name("notice"), expression.name("rev"));
    let (leased, owner, until) = (expression.name("lease"), expression.name("owner"), expression.name("until"));
    for (path, value) in [
        (format!("{entry}.{notice}.{rev}"), number(head.notice.rev.0)),
        (format!("{entry}.{leased}.{owner}"), number(lease.owner.0)),
        (format!("{entry}.{leased}.{until}"), micros(lease.until)),
    ] {
        let value = expression.value(value);
        expression.require(format!("{path} = {value}"));
    }
}

/// Writes what a settlement changes of a lane: its head and what it has given up, never what waits behind.
fn write_lane(expression: &mut Expression, channel: &ChannelName, before: &Lane, after: Option<&Lane>) {
    let (old, new) = (parts(Some(before)), parts(after));
    for part in ["head", "gave_up"] {
        let (old, new) = (old.get(part), new.get(part));
        if old == new {
            continue;
        }
        let path = path(expression, channel, part);
        match new {
            Some(value) => {
                let value = expression.value(to_value(value.clone()));
                expression.assign(format!("{path} = {value}"));
            }
            None => expression.remove_path(path),
        }
    }
}

fn parts(lane: Option<&Lane>) -> serde_json::Map<String, Value> {
    match serde_json::to_value(lane) {
        Ok(Value::Object(parts)) => parts,
        Ok(_) | Err(_) => serde_json::Map::new(),
    }
}

/// Where a part of a channel's lane is.
fn path(expression: &mut Expression, channel: &ChannelName, part: &str) -> String {
    let (outbox, lanes) = (expression.name("outbox"), expression.name("lanes"));
    let channel = expression.named(channel.as_str());
    let part = expression.name(part);
    format!("{outbox}.{lanes}.{channel}.{part}")
}
