//! The write verbs, inside the writer's transaction: what a condition saw is what is written over.

use std::time::Duration;

use heartbeat_core::{
    MonitorId, RestsOn, Timestamp,
    item::{Attributes, Patch, VERSION, encode},
    monitor::{FORGOTTEN_AFTER, FORGOTTEN_AFTER_DUE},
    outbox::{Settled, Settlement},
    store::{Becomes, Change, Committed, Deferral, Deferred, Extend, Extended, Found, Stored},
};
use rusqlite::{Connection, params};

use crate::{
    history::Line,
    row::{Record, bury, found, instant, save},
    writer::{Failure, Outcome},
};

/// What `decide` makes of a plain success on an ordinary monitor, as arithmetic on columns: no JSON is parsed.
/// An ordinary monitor that expires is one that a ping made; a person's never gets `expires_at`.
/// Instants and counts near the end of 64 bits, where the sums would overflow, are left to `decide`.
const EXTEND: &str = "
UPDATE monitor SET
    last_ping_at = :at,
    due_at = :at + window_s * 1000000,
    wake_at = :at + window_s * 1000000 + :settle,
    ping_count = ping_count + 1,
    expires_at = CASE WHEN expires_at IS NOT NULL
        THEN max(:at + :forgotten, :at + window_s * 1000000 + :forgotten_after_due) END,
    write_id = :write_id
WHERE id = :id AND ordinary = 1 AND v = :v AND deleted_until IS NULL
    AND due_at > :at - :settle AND last_ping_at < :at
    AND (expires_at IS NULL OR expires_at > :at)
    AND (:interval IS NULL OR interval_s = :interval) AND (:grace IS NULL OR grace_s = :grace)
    AND :at BETWEEN 0 AND 4000000000000000000 AND :settle < 1000000000000000000
    AND ping_count BETWEEN 0 AND 4000000000000000000
RETURNING wake_at";

const DEFER: &str = "UPDATE monitor SET wake_at = ?3 WHERE id = ?1 AND wake_at = ?2";

/// The ordinary ping.
pub(crate) fn extend(db: &Connection, extend: &Extend, line: Option<&Line>) -> Result<Outcome<Extended>, Failure> {
    let id = extend.id.to_string();
    if let Some(wake_at) = try_extend(db, extend, &id)? {
        if let Some(line) = line {
            line.append(db)?;
        }
        return Ok(Outcome { answer: Extended::Done, wake_at: Some(Timestamp::from_micros(wake_at)) });
    }
    let record = Record::load(db, &id)?;
    let ours = record.as_ref().is_some_and(|record| record.is_written_by(extend.write_id));
    if ours || tells_of_it(db, line)? {
        return Ok(Outcome::quiet(Extended::Done));
    }
    Ok(Outcome::quiet(Extended::Declined(found(record, extend.at)?)))
}

/// When it must be looked at afterwards; `None` when it is not as an ordinary ping needs it.
fn try_extend(db: &Connection, extend: &Extend, id: &str) -> rusqlite::Result<Option<i64>> {
    let mut statement = db.prepare_cached(EXTEND)?;
    // In the order in which the statement first names them: looking names up would cost as much as the update.
    let mut rows = statement.query(params![
        extend.at.as_micros(),
        micros(extend.settle),
        micros(FORGOTTEN_AFTER),
        micros(FORGOTTEN_AFTER_DUE),
        extend.write_id.0.cast_signed(),
        id,
        VERSION,
        extend.interval.map(|interval| seconds(interval.as_secs())),
        extend.grace.map(|grace| seconds(grace.as_secs())),
    ])?;
    let wake_at = rows.next()?.map(|row| row.get(0)).transpose()?;
    // The statement must run to its end to have any effect.
    while rows.next()?.is_some() {}
    Ok(wake_at)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn seconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// Whether history tells of this very write: it was done, and others have written since.
fn tells_of_it<'a>(db: &Connection, lines: impl IntoIterator<Item = &'a Line>) -> rusqlite::Result<bool> {
    lines.into_iter().next().map_or(Ok(false), |line| line.is_there(db))
}

/// A decision.
pub(crate) fn commit(db: &Connection, change: Change, lines: &[Line]) -> Result<Outcome<Committed>, Failure> {
    let record = Record::load(db, &change.id.to_string())?;
    let ours = record.as_ref().is_some_and(|record| record.is_written_by(change.write_id));
    if ours || tells_of_it(db, lines)? {
        return Ok(Outcome::quiet(Committed::Done));
    }
    let found = match change.becomes {
        Becomes::Created(stored) => create(db, &change.id, record, &stored, change.at)?,
        Becomes::Changed { before, after, rests_on } => {
            let holds = |there: &Stored| rests_on_holds(there, &before, rests_on, change.at);
            alter(db, &change.id, record, change.at, holds, Patch::between(&before, &after))?
        }
        Becomes::Deleted { before, until } => match found(record, change.at)? {
            Found::Monitor(there) if there.monitor.rev == before.monitor.rev => {
                bury(db, &change.id, until, change.write_id)?;
                Written::At(None)
            }
            found @ (Found::Monitor(_) | Found::Deleted | Found::Nothing) => Written::Not(found),
        },
    };
    match found {
        Written::Not(found) => Ok(Outcome::quiet(Committed::Conflict(found))),
        Written::At(wake_at) => {
            lines.iter().try_for_each(|line| line.append(db))?;
            Ok(Outcome { answer: Committed::Done, wake_at })
        }
    }
}

/// Whether a decision was written.
enum Written {
    /// It was; when it must be looked at.
    At(Option<Timestamp>),
    /// What it rests on does not hold: what is there.
    Not(Found),
}

fn create(
    db: &Connection,
    id: &MonitorId,
    record: Option<Record>,
    stored: &Stored,
    at: Timestamp,
) -> Result<Written, Failure> {
    match found(record, at)? {
        Found::Nothing => {
            save(db, id, encode(stored))?;
            Ok(Written::At(stored.wake_at))
        }
        found @ (Found::Monitor(_) | Found::Deleted) => Ok(Written::Not(found)),
    }
}

fn alter(
    db: &Connection,
    id: &MonitorId,
    record: Option<Record>,
    at: Timestamp,
    holds: impl FnOnce(&Stored) -> bool,
    patch: Patch,
) -> Result<Written, Failure> {
    let Some(record) = record else { return Ok(Written::Not(Found::Nothing)) };
    match record.found_with_attributes(at)? {
        (Found::Monitor(there), mut attributes) if holds(&there) => {
            patch.apply(&mut attributes);
            let wake_at = instant(&attributes, "wake_at");
            save(db, id, attributes)?;
            Ok(Written::At(wake_at))
        }
        (found, _) => Ok(Written::Not(found)),
    }
}

fn rests_on_holds(there: &Stored, before: &Stored, rests_on: RestsOn, at: Timestamp) -> bool {
    let (there, before) = (&there.monitor, &before.monitor);
    there.rev == before.rev
        && match rests_on {
            RestsOn::Revision => true,
            RestsOn::NewestPing => there.last_ping_at.is_none_or(|last| last < at),
            RestsOn::Silence => there.last_ping_at == before.last_ping_at,
        }
}

/// The end of a delivery attempt. It is looked at again at once: only a look makes it ordinary again.
pub(crate) fn settle(
    db: &Connection,
    id: &MonitorId,
    settlement: &Settlement,
    now: Timestamp,
    lines: &[Line],
) -> Result<Outcome<Settled>, Failure> {
    let stale = Ok(Outcome::quiet(Settled::Stale));
    let Some(record) = Record::load(db, &id.to_string())? else { return stale };
    let Some((mut stored, mut attributes)) = record.into_monitor()? else { return stale };
    let monitor = &mut stored.monitor;
    if monitor.outbox.settle(id, settlement, now) == Settled::Stale {
        return stale;
    }
    let wake_at = stored.wake_at.map_or(now, |wake_at| wake_at.min(now));
    monitor.rev = monitor.rev.next();
    set_outbox(&mut attributes, &stored);
    attributes.insert("rev".to_owned(), stored.monitor.rev.0.into());
    attributes.insert("wake_at".to_owned(), wake_at.as_micros().into());
    save(db, id, attributes)?;
    lines.iter().try_for_each(|line| line.append(db))?;
    Ok(Outcome { answer: Settled::Done, wake_at: Some(wake_at) })
}

/// The outbox of `stored`, in its stored shape, and nothing else of it.
fn set_outbox(attributes: &mut Attributes, stored: &Stored) {
    const OUTBOX: &str = "outbox";
    match encode(stored).remove(OUTBOX) {
        Some(outbox) => attributes.insert(OUTBOX.to_owned(), outbox),
        None => attributes.remove(OUTBOX),
    };
}

/// Moves the wake time of what was seen and not acted on, whatever is in it.
pub(crate) fn defer(db: &Connection, deferral: &Deferral) -> Result<Outcome<Deferred>, Failure> {
    let (seen, until) = (deferral.seen.as_micros(), deferral.until.map(Timestamp::as_micros));
    let moved = db.prepare_cached(DEFER)?.execute(params![deferral.id.to_string(), seen, until])?;
    let answer = if moved == 1 { Deferred::Done } else { Deferred::Stale };
    Ok(Outcome { answer, wake_at: deferral.until })
}
