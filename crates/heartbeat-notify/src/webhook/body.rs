//! What a webhook says: our own JSON, which is also what a template is given.

use std::time::Duration;

use heartbeat_core::{
    Cron, Grace, Incident, Interval, Monitor, MonitorId, Notice, Origin, Rev, Schedule, Telling, Timestamp,
    incident::Cause, notice::Standing,
};
use serde_json::{Map, Value, json};

use crate::{excerpt::visible_end, message, plain, repeat::id_of, test_alert};

/// The content type of our own body.
pub(super) const JSON: &str = "application/json";
/// The most notifications in one body; `count` says how many there are.
const MAX_NOTIFICATIONS: usize = 1_000;
/// Of more, only the first so many tell what their job printed.
const MAX_EXCERPTS: usize = 40;

/// What one request tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    /// Names it, the same on every attempt.
    pub(super) id: String,
    kind: &'static str,
    at: Timestamp,
    text: String,
    count: usize,
    notifications: Vec<Value>,
    /// What a template is given instead, where there are none.
    example: Vec<Value>,
}

impl Event {
    /// What tells `tellings`.
    pub(super) fn of(tellings: &[Telling]) -> Self {
        let id = match tellings {
            [telling] => sendable(&telling.id.to_string()),
            several => format!("digest-{}", id_of(several)),
        };
        Self {
            id,
            kind: "heartbeat.alert",
            at: tellings.iter().map(|telling| telling.notice.at).max().unwrap_or(Timestamp::EPOCH),
            text: plain::render(&message(tellings)),
            count: tellings.len(),
            notifications: tellings.iter().take(MAX_NOTIFICATIONS).enumerate().map(notification).collect(),
            example: Vec::new(),
        }
    }

    /// What tells nothing that anybody need heed. A template that looks at the first notification finds the end of an
    /// outage that never was: the kind that does the least harm to what takes it for real.
    pub(super) fn test(now: Timestamp) -> Self {
        let example = sample(Standing::Up, now);
        Self {
            id: format!("test-{}", now.as_micros()),
            kind: "heartbeat.test",
            at: now,
            text: plain::render(&test_alert()),
            count: 0,
            notifications: Vec::new(),
            example: example.iter().enumerate().map(notification).collect(),
        }
    }

    /// What a template must be able to say: an outage, the end of one, many at once, and the test.
    pub(super) fn samples() -> Vec<Self> {
        let at = Timestamp::from_secs(1_763_866_800);
        let tellings: Vec<_> = [Standing::Down, Standing::Up].into_iter().filter_map(|end| sample(end, at)).collect();
        let alone = tellings.iter().map(|telling| Self::of(std::slice::from_ref(telling)));
        let mut samples: Vec<_> = alone.chain([Self::of(&tellings)]).collect();
        samples.push(Self::test(at));
        samples
    }

    /// Our own body.
    pub(super) fn json(&self) -> Value {
        let data = json!({"text": self.text, "count": self.count, "notifications": self.notifications});
        json!({"type": self.kind, "timestamp": self.at.to_string(), "data": data})
    }

    /// What a template is given.
    pub(super) fn context(&self) -> Value {
        let notifications = if self.notifications.is_empty() { &self.example } else { &self.notifications };
        json!({
            "id": self.id,
            "type": self.kind,
            "timestamp": self.at.to_string(),
            "test": self.kind == "heartbeat.test",
            "text": self.text,
            "count": self.count,
            "notifications": notifications,
        })
    }
}

/// One notification. Every field is always there: a template may name it.
fn notification((index, telling): (usize, &Telling)) -> Value {
    let Telling { id, monitor, about, schedule, grace, notice, excerpt } = telling;
    let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let (cause, exit) = match notice.cause {
        Cause::Missed => ("missed", None),
        Cause::Failed { exit } => ("failed", exit),
        Cause::Overran => ("overran", None),
    };
    let excerpt = excerpt.as_deref().filter(|_| index < MAX_EXCERPTS).and_then(visible_end);
    let fields = [
        ("id", json!(id.as_str())),
        ("kind", json!(notice.kind().as_str())),
        ("project", json!(monitor.project.as_str())),
        ("monitor", json!(monitor.slug.as_str())),
        ("name", json!(about.name)),
        ("description", json!(about.description)),
        ("tags", json!(about.tags)),
        ("since", json!(notice.down_at.to_string())),
        ("at", json!(notice.at.to_string())),
        ("up_at", json!(text(notice.up_at))),
        ("cause", json!(cause)),
        ("exit", json!(exit)),
        ("last_ping_at", json!(text(notice.last_ping_at))),
        ("interval_s", json!(schedule.interval().map(Interval::as_secs))),
        ("cron", json!(schedule.cron().map(Cron::line))),
        ("timezone", json!(schedule.cron().map(Cron::zone))),
        ("grace_s", json!(grace.as_secs())),
        ("outages", json!(notice.outages)),
        ("recoveries", json!(notice.recoveries)),
        ("reminder", json!(notice.reminder)),
        ("unconfirmed", json!(notice.unconfirmed)),
        ("excerpt", json!(excerpt)),
    ];
    Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect::<Map<_, _>>())
}

/// An id as a header may carry it. Notification ids are so already; a full stop would end it in what is signed.
fn sendable(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || "/-_".contains(c) { c } else { '-' }).collect()
}

/// What a channel is told of a monitor that there is not.
fn sample(standing: Standing, at: Timestamp) -> Option<Telling> {
    let id = MonitorId::parse("heartbeat/test-alert")?;
    let since = at.minus(Duration::from_mins(5));
    let incident = Incident {
        since,
        cause: Cause::Failed { exit: Some(1) },
        excerpt: None,
        reminders: 0,
        confirm_at: None,
        next_reminder_at: None,
    };
    let notice = match standing {
        Standing::Down => Notice::opened(&incident, None, Rev(1), since),
        Standing::Up => Notice::recovered(&incident, Some(since), Rev(2), at),
    };
    let monitor = Monitor::new(id, Origin::Ping, Schedule::default(), Grace::DEFAULT, since);
    Some(Telling {
        excerpt: (standing == Standing::Down).then(|| "nothing is wrong".to_owned()),
        ..Telling::new(&monitor, &crate::channel_name("test"), notice)
    })
}
