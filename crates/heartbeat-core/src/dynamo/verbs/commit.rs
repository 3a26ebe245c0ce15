//! A decision: what differs, written if what it rests on still holds.

use std::collections::HashMap;

use crate::{
    decide::RestsOn,
    dynamo::{
        DynamoStore,
        expression::Expression,
        journal::{JOURNAL, PATIENCE, Told, append, list, told},
        request::Failure,
        shape::{
            DELETED_UNTIL, Item, WAKE_AT, WRITE_ID, WRITE_ID_BEFORE, found, is_written_by, key, micros, number,
            seconds_up, shape, to_item, to_value,
        },
        tables::{ID, TTL},
        verbs::send::Write,
    },
    history::{Happening, Row},
    item::{Patch, VERSION},
    store::{Becomes, Change, Committed, Found, StoreError, Stored},
    time::Timestamp,
};

/// How often a decision is sent again for the sake of the history that stands in its way.
const ATTEMPTS: u32 = 3;

/// What is done about the rows of earlier writes that history has not taken over yet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leftovers {
    /// They stay where they are, or nothing is written.
    Kept,
    /// They go: history has been down for long, and an alert must not wait for it.
    Dropped,
}

/// What holds of a tombstone that is in the way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Graves {
    /// It stays until its time has passed.
    Kept,
    /// It gives way.
    Opened,
}

impl DynamoStore {
    pub(in crate::dynamo) async fn commit_change(&self, change: Change) -> Result<Committed, StoreError> {
        let (journalled, pings) = told(&change.rows);
        let mut leftovers = Leftovers::Kept;
        for _ in 0..ATTEMPTS {
            let write = self.write_of(&change, &journalled, leftovers);
            let item = match self.send(write, &change.keys, change.write_id).await {
                Ok(journal) => {
                    self.hand_over(&change.id, journal, &pings).await;
                    return Ok(Committed::Done);
                }
                Err(Failure::Declined(Some(item))) if is_written_by(&item, change.write_id) => {
                    self.hand_over(&change.id, Told::of(&change.id, &item), &pings).await;
                    return Ok(Committed::Done);
                }
                Err(Failure::Declined(item)) => item,
                Err(Failure::Store(error)) => return Err(error),
            };
            let there = found(item.clone(), change.at, self.computes_wake_times())?;
            let in_the_way = item.map(|item| Told::of(&change.id, &item)).unwrap_or_default();
            if in_the_way.is_empty() || !is_as_decided(&there, &change) {
                let is_done = self.is_told(&change, &in_the_way).await;
                return Ok(if is_done { Committed::Done } else { Committed::Conflict(there) });
            }
            // Only the history of earlier writes stands in its way.
            if !self.drain(&change.id, in_the_way).await {
                tracing::error!(monitor = %change.id, "history has been down for long: some of it is dropped");
                leftovers = Leftovers::Dropped;
            }
        }
        Err(StoreError::Unavailable("others are quicker".to_owned()))
    }

    /// Whether history tells of this very change: then it was made, its answer was lost, and others have written since.
    /// Where history cannot be asked soon it is a conflict like any other: at worst a ping is counted twice.
    async fn is_told(&self, change: &Change, waiting: &Told) -> bool {
        let waits = |row: &&Row| !matches!(row.happening, Happening::Ping(_));
        let Some(row) = change.rows.iter().find(waits).or(change.rows.first()) else { return false };
        if waiting.rows().contains(row) {
            return true;
        }
        match tokio::time::timeout(PATIENCE, self.has_event(row)).await {
            Ok(Ok(told)) => told,
            Ok(Err(error)) => {
                tracing::warn!(monitor = %change.id, %error, "history cannot be asked whether a change was made before");
                false
            }
            Err(_) => false,
        }
    }

    fn write_of(&self, change: &Change, journal: &[String], leftovers: Leftovers) -> Write {
        let mut expression = Expression::default();
        let put = match &change.becomes {
            Becomes::Created(stored) | Becomes::Defined(stored) => {
                let mut item = to_item(shape(stored));
                if !self.writes_wake_time_of(stored) {
                    item.remove(WAKE_AT);
                }
                let graves = if matches!(change.becomes, Becomes::Defined(_)) { Graves::Opened } else { Graves::Kept };
                require_nothing(&mut expression, change.at, leftovers, graves);
                Some(item)
            }
            Becomes::Deleted { before, until } => {
                require_revision(&mut expression, before, change.at);
                require_no_leftovers(&mut expression, leftovers);
                Some(tombstone(change, *until))
            }
            Becomes::Changed { before, after, rests_on } => {
                require_revision(&mut expression, before, change.at);
                require_rest(&mut expression, before, *rests_on, change.at);
                self.set_difference(&mut expression, before, after);
                match leftovers {
                    Leftovers::Kept => append(&mut expression, journal),
                    Leftovers::Dropped if journal.is_empty() => expression.remove(JOURNAL),
                    Leftovers::Dropped => expression.set(JOURNAL, list(journal)),
                }
                None
            }
        };
        let put = put.map(|mut item| {
            if !journal.is_empty() {
                item.insert(JOURNAL.to_owned(), list(journal));
            }
            item
        });
        Write { id: change.id.clone(), put, expression }
    }

    /// Whether the index is to know when it is looked at next.
    fn writes_wake_time_of(&self, stored: &Stored) -> bool {
        !stored.ordinary || self.writes_wake_times()
    }

    fn set_difference(&self, expression: &mut Expression, before: &Stored, after: &Stored) {
        let (old, mut new) = (shape(before), shape(after));
        if !self.writes_wake_time_of(after) {
            new.remove(WAKE_AT);
        }
        let no_outbox = !new.contains_key(OUTBOX);
        let added = after.monitor.ping_count.saturating_sub(before.monitor.ping_count);
        let patch = Patch::between_attributes(&old, new, added);
        for (name, value) in patch.set {
            expression.set(&name, to_value(value));
        }
        // What settlements have left of an outbox is nothing to us, and takes room.
        let outbox = no_outbox.then(|| OUTBOX.to_owned()).filter(|outbox| !patch.remove.contains(outbox));
        for name in patch.remove.iter().chain(&outbox) {
            expression.remove(name);
        }
        if patch.add_pings > 0 {
            let (count, more) = (expression.name(PING_COUNT), expression.value(number(patch.add_pings)));
            expression.assign(format!("{count} = {count} + {more}"));
        }
        expression.keep_as(WRITE_ID_BEFORE, WRITE_ID);
    }
}

const OUTBOX: &str = "outbox";
const PING_COUNT: &str = "ping_count";

/// Nothing is there, or something whose time has passed.
fn require_nothing(expression: &mut Expression, at: Timestamp, leftovers: Leftovers, graves: Graves) {
    let (id, until, end) = (expression.name(ID), expression.name(DELETED_UNTIL), expression.name(TTL));
    let second = expression.value(number(at.as_secs()));
    let over = match graves {
        Graves::Kept => format!("{until} <= {}", expression.value(micros(at))),
        Graves::Opened => format!("attribute_exists({until})"),
    };
    let passed = format!("({over} OR (attribute_not_exists({until}) AND {end} <= {second}))");
    let and_told = match leftovers {
        Leftovers::Kept => format!(" AND attribute_not_exists({})", expression.name(JOURNAL)),
        Leftovers::Dropped => String::new(),
    };
    expression.require(format!("(attribute_not_exists({id}) OR ({passed}{and_told}))"));
}

fn require_revision(expression: &mut Expression, before: &Stored, at: Timestamp) {
    expression.require_equal("rev", number(before.monitor.rev.0));
    expression.require_equal("v", number(VERSION));
    expression.require_absent_or(TTL, ">", number(at.as_secs()));
}

fn require_rest(expression: &mut Expression, before: &Stored, rests_on: RestsOn, at: Timestamp) {
    match (rests_on, before.monitor.last_ping_at) {
        (RestsOn::Revision, _) => {}
        (RestsOn::NewestPing, _) => expression.require_absent_or(LAST_PING_AT, "<", micros(at)),
        (RestsOn::Silence, Some(last)) => expression.require_equal(LAST_PING_AT, micros(last)),
        (RestsOn::Silence, None) => {
            let name = expression.name(LAST_PING_AT);
            expression.require(format!("attribute_not_exists({name})"));
        }
    }
}

const LAST_PING_AT: &str = "last_ping_at";

fn require_no_leftovers(expression: &mut Expression, leftovers: Leftovers) {
    if leftovers == Leftovers::Kept {
        let journal = expression.name(JOURNAL);
        expression.require(format!("attribute_not_exists({journal})"));
    }
}

fn tombstone(change: &Change, until: Timestamp) -> Item {
    let mut item: Item = key(&change.id);
    item.extend(HashMap::from([
        (DELETED_UNTIL.to_owned(), micros(until)),
        (TTL.to_owned(), number(seconds_up(until))),
        (WRITE_ID.to_owned(), number(change.write_id.0)),
    ]));
    item
}

/// Whether what is there is what the decision was made from.
fn is_as_decided(there: &Found, change: &Change) -> bool {
    match (&change.becomes, there) {
        (Becomes::Created(_), Found::Nothing) | (Becomes::Defined(_), Found::Nothing | Found::Deleted) => true,
        (Becomes::Deleted { before, .. }, Found::Monitor(there)) => there.monitor.rev == before.monitor.rev,
        (Becomes::Changed { before, rests_on, .. }, Found::Monitor(there)) => {
            rests_on.holds(&before.monitor, &there.monitor, change.at)
        }
        (
            Becomes::Created(_) | Becomes::Defined(_) | Becomes::Changed { .. } | Becomes::Deleted { .. },
            Found::Monitor(_) | Found::Deleted | Found::Nothing,
        ) => false,
    }
}
