//! The write verbs, inside the writer's transaction: what a condition saw is what is written over.

use std::time::Duration;

use heartbeat_core::{
    Grace, Interval, MonitorId, RestsOn, Timestamp,
    item::{Attributes, Patch, VERSION, encode},
    monitor::{FORGOTTEN_AFTER, FORGOTTEN_AFTER_DUE},
    outbox::{Settled, Settlement},
    store::{
        Becomes, Change, Committed, CronRun, Deferral, Deferred, Extend, Extended, Found, Keep, Reach, Stands, Stored,
        WriteId,
    },
};
use rusqlite::{Connection, Rows, params};

use crate::{
    history::{Line, append},
    key,
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
    ping_count = ping_count + :pings,
    expires_at = CASE WHEN expires_at IS NOT NULL
        THEN (max(:at + :forgotten, :at + window_s * 1000000 + :forgotten_after_due) + 999999) / 1000000 * 1000000 END,
    write_id = :write_id,
    line_before = last_line,
    last_line = CASE WHEN :always OR (:if_late AND :at > due_at - grace_s * 1000000) THEN (SELECT coalesce(max(line), 0) + 1 FROM history) ELSE last_line END
WHERE id = :id AND ordinary = 1 AND v = :v AND deleted_until IS NULL
    AND due_at > :at - :settle AND last_ping_at < :at
    AND (last_remark_at IS NULL OR last_remark_at <= :at) AND (expires_at IS NULL OR expires_at > :at)
    AND (:interval IS NULL OR interval_s = :interval) AND (:grace IS NULL OR grace_s = :grace)
    AND :at BETWEEN 0 AND 4000000000000000000 AND :settle < 1000000000000000000
    AND ping_count BETWEEN 0 AND 4000000000000000000
RETURNING wake_at, last_line, line_before";

/// The same to an instant that was computed from a cron line. What makes it another line, or no ordinary monitor, moves the
/// revision.
const EXTEND_TO: &str = "
UPDATE monitor SET
    last_ping_at = :at,
    due_at = :due,
    wake_at = :due + :settle,
    ping_count = ping_count + :pings,
    expires_at = coalesce(:end, expires_at),
    write_id = :write_id,
    line_before = last_line,
    last_line = CASE WHEN :always OR (:if_late AND :at > due_at - grace_s * 1000000) THEN (SELECT coalesce(max(line), 0) + 1 FROM history) ELSE last_line END
WHERE id = :id AND rev = :rev AND v = :v AND deleted_until IS NULL
    AND due_at > :at - :settle AND last_ping_at < :at AND due_at BETWEEN :least AND :most
    AND (last_remark_at IS NULL OR last_remark_at <= :at) AND (expires_at IS NULL OR expires_at > :at)
    AND :at BETWEEN 0 AND 4000000000000000000 AND :settle < 1000000000000000000
    AND :due BETWEEN 0 AND 4000000000000000000 AND ping_count BETWEEN 0 AND 4000000000000000000
RETURNING wake_at, last_line, line_before";

const DEFER: &str = "UPDATE monitor SET wake_at = ?3 WHERE id = ?1 AND wake_at = ?2";

/// The ordinary ping.
pub(crate) fn extend(db: &Connection, extend: &Extend, line: Option<&Line>) -> Result<Outcome<Extended>, Failure> {
    let id = extend.id.to_string();
    if let Some(wake_at) = try_extend(db, extend, &id, line)? {
        return Ok(Outcome { answer: Extended::Done, wake_at: Some(wake_at) });
    }
    let record = Record::load(db, &id)?;
    if is_done(db, record.as_ref(), extend.write_id, line)? {
        return Ok(Outcome::quiet(Extended::Done));
    }
    Ok(Outcome::quiet(Extended::Declined(found(record, extend.at)?)))
}

/// When it must be looked at afterwards; `None` when it is not as an ordinary ping needs it.
fn try_extend(db: &Connection, extend: &Extend, id: &str, line: Option<&Line>) -> rusqlite::Result<Option<Timestamp>> {
    match &extend.reach {
        Reach::Window { interval, grace } => by_window(db, extend, id, line, (*interval, *grace)),
        Reach::To(run) => to_run(db, extend, id, line, *run),
    }
}

fn by_window(
    db: &Connection,
    extend: &Extend,
    id: &str,
    line: Option<&Line>,
    (interval, grace): (Option<Interval>, Option<Grace>),
) -> rusqlite::Result<Option<Timestamp>> {
    let mut statement = db.prepare_cached(EXTEND)?;
    // In the order in which the statement first names them: looking names up would cost as much as the update.
    let rows = statement.query(params![
        extend.at.as_micros(),
        micros(extend.settle),
        extend.pings.get(),
        micros(FORGOTTEN_AFTER),
        micros(FORGOTTEN_AFTER_DUE),
        extend.write_id.0.cast_signed(),
        line.is_some() && extend.keep == Keep::Always,
        line.is_some() && extend.keep == Keep::IfLate,
        id,
        VERSION,
        interval.map(|interval| seconds(interval.as_secs())),
        grace.map(|grace| seconds(grace.as_secs())),
    ])?;
    keep_line(db, rows, line)
}

fn to_run(
    db: &Connection,
    extend: &Extend,
    id: &str,
    line: Option<&Line>,
    run: CronRun,
) -> rusqlite::Result<Option<Timestamp>> {
    let (least, most) = match run.from {
        Stands::AtMost(most) => (i64::MIN, most.as_micros()),
        Stands::At(at) => (at.as_micros(), at.as_micros()),
    };
    let mut statement = db.prepare_cached(EXTEND_TO)?;
    let rows = statement.query(params![
        extend.at.as_micros(),
        run.due_at.as_micros(),
        micros(extend.settle),
        extend.pings.get(),
        run.expires_at.map(Timestamp::as_micros),
        extend.write_id.0.cast_signed(),
        line.is_some() && extend.keep == Keep::Always,
        line.is_some() && extend.keep == Keep::IfLate,
        id,
        run.rev.0.cast_signed(),
        VERSION,
        least,
        most,
    ])?;
    keep_line(db, rows, line)
}

/// The wake time that an update has left, after its line of history is written.
fn keep_line(db: &Connection, mut rows: Rows<'_>, line: Option<&Line>) -> rusqlite::Result<Option<Timestamp>> {
    let extended = rows.next()?.map(<(i64, Option<i64>, Option<i64>)>::try_from).transpose()?;
    // To its end: a statement that is left half-way stands in the way of the commit.
    while rows.next()?.is_some() {}
    let Some((wake_at, number, before)) = extended else { return Ok(None) };
    // Where none is kept, the last line is the one before.
    if let (Some(line), Some(number)) = (line, number)
        && before != Some(number)
    {
        line.write(db, number, before)?;
    }
    Ok(Some(Timestamp::from_micros(wake_at)))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn seconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

/// Whether this very write was done before: it was the last one, or history tells of it.
fn is_done(db: &Connection, record: Option<&Record>, id: WriteId, line: Option<&Line>) -> rusqlite::Result<bool> {
    let Some(record) = record else { return Ok(false) };
    Ok(record.is_written_by(id) || line.map_or(Ok(false), |line| line.is_among_the_last(db, record.last_line))?)
}

/// A decision.
pub(crate) fn commit(db: &Connection, change: &Change, lines: &[Line]) -> Result<Outcome<Committed>, Failure> {
    let record = Record::load(db, &change.id.to_string())?;
    if is_done(db, record.as_ref(), change.write_id, lines.first())? {
        return Ok(Outcome::quiet(Committed::Done));
    }
    let last_line = record.as_ref().and_then(|record| record.last_line);
    let (found, attributes) =
        record.map_or(Ok((Found::Nothing, Attributes::new())), |r| r.found_with_attributes(change.at))?;
    let Some(next) = next(&found, attributes, change) else {
        return Ok(Outcome::quiet(Committed::Conflict(found)));
    };
    let last_line = append(db, lines, last_line)?;
    for key in &change.keys {
        key::put(db, key)?;
    }
    let wake_at = match next {
        Next::Monitor(attributes) => {
            let wake_at = instant(&attributes, "wake_at");
            save(db, &change.id, last_line, attributes)?;
            wake_at
        }
        Next::Tombstone { until } => {
            bury(db, &change.id, last_line, until, change.write_id)?;
            None
        }
    };
    Ok(Outcome { answer: Committed::Done, wake_at })
}

/// What is to be stored.
enum Next {
    Monitor(Attributes),
    Tombstone { until: Timestamp },
}

/// What the change makes of what is there; `None` when what it rests on does not hold.
fn next(found: &Found, mut attributes: Attributes, change: &Change) -> Option<Next> {
    match (&change.becomes, found) {
        (Becomes::Created(stored), Found::Nothing) | (Becomes::Defined(stored), Found::Nothing | Found::Deleted) => {
            Some(Next::Monitor(encode(stored)))
        }
        (Becomes::Changed { before, after, rests_on }, Found::Monitor(there))
            if rests_on_holds(there, before, *rests_on, change.at) =>
        {
            Patch::between(before, after).apply(&mut attributes);
            Some(Next::Monitor(attributes))
        }
        (Becomes::Deleted { before, until }, Found::Monitor(there)) if there.monitor.rev == before.monitor.rev => {
            Some(Next::Tombstone { until: *until })
        }
        (
            Becomes::Created(_) | Becomes::Defined(_) | Becomes::Changed { .. } | Becomes::Deleted { .. },
            Found::Monitor(_) | Found::Deleted | Found::Nothing,
        ) => None,
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
    let last_line = record.last_line;
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
    save(db, id, append(db, lines, last_line)?, attributes)?;
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
