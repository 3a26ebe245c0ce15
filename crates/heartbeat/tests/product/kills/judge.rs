//! What must be true after the kills: judged from the answers that the jobs got, by the API and by the chat.

use std::{collections::BTreeMap, time::Duration};

use heartbeat_core::Timestamp;
use serde_json::Value;

use super::job::{Habit, Job, Said, Sent};
use crate::{
    bot_api::Message,
    tidings::{Tiding, tidings},
};

/// What the chat has not been told, though it must be: every answered failure and recovery after it was sent, every
/// silence, and last how things stand.
pub(crate) fn untold(jobs: &[Job], messages: &[Message]) -> Vec<String> {
    let told = by_slug(messages);
    jobs.iter().flat_map(|job| untold_of(job, told.get(&job.slug).map_or(&[], Vec::as_slice))).collect()
}

fn untold_of(job: &Job, told: &[Tiding]) -> Vec<String> {
    let mut untold = Vec::new();
    for turn in job.turns() {
        let tells = |tiding: &&Tiding| match turn.said {
            Said::Failed => tiding.tells_an_outage(),
            Said::Well => tiding.tells_a_recovery(),
        };
        if !told.iter().filter(tells).any(|tiding| tiding.at >= turn.at) {
            untold.push(format!("{} {:?} at {}", job.slug, turn.said, turn.at));
        }
    }
    let stands_down = told.last().is_some_and(Tiding::leaves_it_down);
    let expected = match (job.habit, job.sent.last()) {
        (Habit::Silent, _) => !job.answered().is_empty(),
        (_, Some(Sent { said, answered_at: Some(_), .. })) => *said == Said::Failed,
        (_, Some(Sent { answered_at: None, .. }) | None) => stands_down,
    };
    if stands_down != expected {
        untold.push(format!("{}: the last that was told is {:?}", job.slug, told.last()));
    }
    untold
}

/// What the chat was told, though it is not true.
pub(crate) fn false_alerts(jobs: &[Job], messages: &[Message]) -> Vec<String> {
    let first_reason: BTreeMap<&str, Timestamp> =
        jobs.iter().filter_map(|job| Some((job.slug.as_str(), first_reason(job)?))).collect();
    let is_false = |tiding: &Tiding| first_reason.get(tiding.slug.as_str()).is_none_or(|at| tiding.at < *at);
    tidings(messages).into_iter().filter(is_false).map(|tiding| format!("{tiding:?}")).collect()
}

/// From when on a job may be in the news.
fn first_reason(job: &Job) -> Option<Timestamp> {
    match job.habit {
        Habit::Steady => None,
        Habit::Shaky => job.sent.iter().find(|sent| sent.said == Said::Failed).map(|sent| sent.at),
        Habit::Silent => job.sent.first().map(|sent| sent.at.plus(Duration::from_secs(30))),
    }
}

/// What the API shows, though it cannot be so.
pub(crate) fn wrong_records(jobs: &[Job], monitors: &BTreeMap<String, Value>) -> Vec<String> {
    let wrong = |job: &Job| match (job.answered().last(), monitors.get(&job.slug)) {
        (None, None) => None,
        (Some(_), None) => Some(format!("{} is gone", job.slug)),
        (_, Some(monitor)) => wrong_record(job, monitor).map(|what| format!("{}: {what}: {monitor}", job.slug)),
    };
    jobs.iter().filter_map(wrong).collect()
}

fn wrong_record(job: &Job, monitor: &Value) -> Option<String> {
    let count = monitor["ping_count"].as_u64()?;
    let (answered, sent) = (job.answered(), job.sent.len());
    let last_ping_at = Timestamp::parse(monitor["last_ping_at"].as_str()?)?;
    let status = monitor["status"].as_str()?;
    if count < u64::try_from(answered.len()).ok()? || count > u64::try_from(sent).ok()? {
        return Some(format!("{} pings were answered and {sent} sent", answered.len()));
    }
    if answered.last().is_some_and(|last| last_ping_at < last.at) {
        return Some("an answered ping is newer".to_owned());
    }
    // What was told just before a kill may still be on its way to being told again: its lease has not ended.
    if !monitor["gave_up"].is_null() {
        return Some("something was given up".to_owned());
    }
    let expected = match (job.habit, job.sent.last()?) {
        (Habit::Silent, _) => "overdue",
        (Habit::Steady, _) | (_, Sent { said: Said::Well, answered_at: Some(_), .. }) => "ok",
        (_, Sent { said: Said::Failed, answered_at: Some(_), .. }) => "overdue",
        (_, Sent { answered_at: None, .. }) => status,
    };
    let due = last_ping_at.plus(Duration::from_secs(30)).to_string();
    let since_when = job.habit != Habit::Silent || monitor["incident"]["since"] == due.as_str();
    (status != expected || !since_when).then(|| format!("it must be {expected}, and the silent ones since {due}"))
}

fn by_slug(messages: &[Message]) -> BTreeMap<String, Vec<Tiding>> {
    let mut told: BTreeMap<String, Vec<Tiding>> = BTreeMap::new();
    for tiding in tidings(messages) {
        told.entry(tiding.slug.clone()).or_default().push(tiding);
    }
    told
}
