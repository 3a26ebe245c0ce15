//! How `heartbeat monitors` shows a page of the API: a line for each monitor, and below it what somebody must look into:
//! news that nobody has been told yet, news that was given up, items that cannot be read.

use serde_json::Value;

/// The names of the columns.
pub(super) const HEAD: &str = "STATUS    MONITOR                           CAUSE           SINCE                 \
                               LAST PING             NEXT DUE              EVERY";

/// The lines of a page.
pub(super) fn lines(page: &Value) -> Vec<String> {
    let monitors = entries(page, "monitors").iter().flat_map(|monitor| {
        let untold = entries(monitor, "undelivered").iter().map(untold);
        let gave_up = entries(monitor, "gave_up").iter().map(gave_up);
        std::iter::once(row(monitor)).chain(untold).chain(gave_up).collect::<Vec<_>>()
    });
    let unreadable = entries(page, "unreadable").iter().filter_map(Value::as_str).map(|id| {
        // Quoted and escaped: nobody knows what stands in it.
        format!("!!!       {id:?} cannot be read, and is NOT WATCHED: restore a backup")
    });
    monitors.chain(unreadable).collect()
}

fn row(monitor: &Value) -> String {
    format!(
        "{:8}  {:32}  {:14}  {:20}  {:20}  {:20}  {}",
        text(monitor, "status"),
        text(monitor, "slug"),
        monitor.get("incident").map_or_else(|| "-".to_owned(), cause),
        instant(monitor, "since"),
        instant(monitor, "last_ping_at"),
        instant(monitor, "next_due_at"),
        text(monitor, "interval"),
    )
}

/// `missed`, `failed exit 3`, `overran`.
fn cause(incident: &Value) -> String {
    let exit = incident.get("exit_code").and_then(Value::as_i64).map(|code| format!(" exit {code}"));
    format!("{}{}", text(incident, "cause"), exit.unwrap_or_default())
}

fn untold(news: &Value) -> String {
    let whom = news.get("channel").and_then(Value::as_str).unwrap_or("anybody");
    let state = match news.get("last_error").and_then(Value::as_str) {
        Some(error) => {
            let (times, next) = (number(news, "attempts"), instant(news, "next_attempt_at"));
            format!("{times} attempts failed, the next is at {next}: {error}")
        }
        None => "about to be sent".to_owned(),
    };
    format!("!         NOT TOLD YET: {whom} does not know the news of {} ({state})", instant(news, "since"))
}

fn gave_up(lost: &Value) -> String {
    let (channel, at, reason) = (text(lost, "channel"), instant(lost, "at"), text(lost, "reason"));
    format!("!!!       NEVER TOLD: {channel} was given up at {at} with {} news: {reason}", number(lost, "count"))
}

fn entries<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or("-")
}

fn number(of: &Value, name: &str) -> u64 {
    of.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// An instant to the second.
fn instant(of: &Value, name: &str) -> String {
    match text(of, name).split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text(of, name).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The parts of the API's answer that are shown.
    fn page() -> Value {
        let at = |time: &str| format!("2026-11-23T{time}.000000Z");
        json!({
            "monitors": [
                {"slug": "nightly-backup", "status": "ok", "since": at("01:00:00"), "last_ping_at": at("02:00:00"),
                 "next_due_at": at("03:00:00"), "interval": "1h", "incident": null},
                {"slug": "report", "status": "overdue", "since": at("03:00:00"), "last_ping_at": null,
                 "next_due_at": null, "interval": "1d", "incident": {"cause": "missed", "exit_code": null},
                 "undelivered": [{"since": at("03:00:03"), "attempts": 0}]},
                {"slug": "web-shop", "status": "overdue", "since": at("03:00:00"), "last_ping_at": at("03:00:00"),
                 "next_due_at": null, "interval": "5m", "incident": {"cause": "failed", "exit_code": 3},
                 "undelivered": [{"channel": "telegram", "since": at("03:00:00"), "attempts": 4,
                     "next_attempt_at": at("03:10:00"), "last_error": "the bot was removed from the chat: add it again"}],
                 "gave_up": [{"channel": "mail", "at": at("02:00:00"), "reason": "the mailbox is full", "count": 2}]},
            ],
            "unreadable": ["default/\u{1b}[2Jbroken"],
        })
    }

    #[test]
    fn what_somebody_must_look_into_stands_out() {
        let shown = [vec![HEAD.to_owned()], lines(&page())].concat();
        let expected = r#"
STATUS    MONITOR                           CAUSE           SINCE                 LAST PING             NEXT DUE              EVERY
ok        nightly-backup                    -               2026-11-23T01:00:00Z  2026-11-23T02:00:00Z  2026-11-23T03:00:00Z  1h
overdue   report                            missed          2026-11-23T03:00:00Z  -                     -                     1d
!         NOT TOLD YET: anybody does not know the news of 2026-11-23T03:00:03Z (about to be sent)
overdue   web-shop                          failed exit 3   2026-11-23T03:00:00Z  2026-11-23T03:00:00Z  -                     5m
!         NOT TOLD YET: telegram does not know the news of 2026-11-23T03:00:00Z (4 attempts failed, the next is at 2026-11-23T03:10:00Z: the bot was removed from the chat: add it again)
!!!       NEVER TOLD: mail was given up at 2026-11-23T02:00:00Z with 2 news: the mailbox is full
!!!       "default/\u{1b}[2Jbroken" cannot be read, and is NOT WATCHED: restore a backup
"#;
        assert_eq!(shown, expected.trim().lines().collect::<Vec<_>>());
    }
}
