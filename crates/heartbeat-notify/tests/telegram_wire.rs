//! Telegram over the wire: what arrives at the Bot API, and what each of its answers comes to.
#![cfg(test)]

#[path = "telegram_wire/kind.rs"]
mod kind;
#[path = "wire/scene.rs"]
mod scene;
#[path = "telegram_wire/sourced.rs"]
mod sourced;
#[path = "telegram_wire/stub.rs"]
mod stub;

use std::time::Duration;

use heartbeat_core::{
    Channel, ChannelName, Grace, Incident, Monitor, MonitorId, Notice, Origin, Rev, Schedule, Telling, Timestamp,
    delivery::{Outcome, Reason},
    incident::Cause,
};
use heartbeat_notify::{
    telegram::{ApiUrl, BotToken, Chat, Checked, Telegram, TelegramSettings},
    test_alert,
};
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use scene::logged;
use stub::{Arrived, Play, Stub, refused, refused_with, taken};

const TOKEN: &str = "123456:a-Very_secret-token";
/// For what is never answered.
const SHORT: Duration = Duration::from_millis(300);
/// For an answer and then none: the first must come in time on a busy machine too.
const MEDIUM: Duration = Duration::from_secs(1);
/// For what is answered.
const LONG: Duration = Duration::from_secs(30);

fn telegram(api_url: ApiUrl, time_out: Duration) -> Telegram {
    // Before the first line could be logged: a line that nobody listens to at first may stay unheard.
    logged();
    let (token, chat) = (BotToken::parse(TOKEN).unwrap(), Chat::parse("-100").unwrap());
    Telegram::new(TelegramSettings { token, chat, api_url, time_out }).unwrap()
}

/// A job that failed in the night.
fn telling(excerpt: &str) -> Telling {
    let since = Timestamp::parse("2026-11-23T03:00:00Z").unwrap();
    let cause = Cause::Failed { exit: Some(1) };
    let incident = Incident { since, cause, excerpt: None, reminders: 0, confirm_at: None, next_reminder_at: None };
    let id = MonitorId::parse("default/nightly-backup").unwrap();
    let monitor = Monitor::new(id, Origin::Ping, Schedule::default(), Grace::DEFAULT, since);
    let notice = Notice::opened(&incident, None, Rev(1), since);
    let telling = Telling::new(&monitor, &ChannelName::parse("telegram").unwrap(), notice);
    Telling { excerpt: Some(excerpt.to_owned()), ..telling }
}

/// What one message comes to when the Bot API plays `plays`, and what arrived.
async fn send(plays: impl IntoIterator<Item = Play>, time_out: Duration) -> (Outcome, Vec<Arrived>) {
    let stub = Stub::playing(plays).await;
    let outcome = telegram(stub.url.clone(), time_out).send(&[telling("a < b")]).await;
    (outcome, stub.arrived())
}

async fn outcome(play: Play) -> Outcome {
    let (outcome, arrived) = send([play], LONG).await;
    assert_eq!(arrived.len(), 1, "one request, no retry of its own");
    outcome
}

fn try_again(after_s: Option<u64>, reason: &str) -> Outcome {
    Outcome::TryAgain { after: after_s.map(Duration::from_secs), reason: Reason::new(reason) }
}

/// The same, after an answer with this status.
fn answered_try_again(status: u16, after_s: Option<u64>, reason: &str) -> Outcome {
    Outcome::TryAgain { after: after_s.map(Duration::from_secs), reason: Reason::new(reason).with_status(status) }
}

fn refusal(status: u16, reason: &str) -> Outcome {
    Outcome::Refused { reason: Reason::new(reason).with_status(status) }
}

#[tokio::test]
async fn a_message_arrives_exactly_so() {
    let (outcome, arrived) = send([taken()], LONG).await;
    assert_eq!(outcome, Outcome::Delivered);
    let text = "🔴 <b>nightly-backup</b> failed with exit code 1 at 03:00 UTC\n<pre>a &lt; b</pre>\nIt was the first \
                ping\nExpected every 5m, grace 1m";
    let body = json!({
        "chat_id": -100,
        "text": text,
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": true},
    });
    assert_eq!(arrived, [Arrived { path: format!("/bot{TOKEN}/SendMessage"), body }]);
}

#[tokio::test]
async fn a_public_channel_is_addressed_by_name() {
    let stub = Stub::playing([taken()]).await;
    let (token, chat) = (BotToken::parse(TOKEN).unwrap(), Chat::parse("@ops_alerts").unwrap());
    let settings = TelegramSettings { token, chat, api_url: stub.url.clone(), time_out: LONG };
    assert_eq!(Telegram::new(settings).unwrap().send(&[telling("")]).await, Outcome::Delivered);
    assert_eq!(stub.chats(), ["@ops_alerts"]);
}

#[tokio::test]
async fn four_tellings_arrive_as_one_message() {
    let stub = Stub::playing([taken()]).await;
    let tellings = vec![telling(""); 4];
    assert_eq!(telegram(stub.url.clone(), LONG).send(&tellings).await, Outcome::Delivered);
    let arrived = stub.arrived();
    assert_eq!(arrived.len(), 1);
    assert!(arrived[0].body["text"].as_str().unwrap().starts_with("<b>🔴 4 down</b>\n"));
}

#[tokio::test]
async fn a_delivered_message_is_delivered_whatever_else_the_answer_says() {
    for body in [r#"{"ok":true}"#, r#"{"ok":true,"result":true}"#, r#"{"ok":true,"result":null,"new":[1]}"#] {
        assert_eq!(outcome(Play::Answer(200, body.to_owned())).await, Outcome::Delivered, "{body}");
    }
}

#[tokio::test]
async fn the_wish_to_slow_down_is_handed_on() {
    let slow = refused_with(429, "Too Many Requests: retry after 35", &json!({"retry_after": 35}));
    assert_eq!(outcome(slow).await, answered_try_again(429, Some(35), "Telegram asks us to slow down"));
    assert_eq!(
        outcome(refused(429, "Too Many Requests")).await,
        answered_try_again(429, None, "Telegram asks us to slow down")
    );
}

#[tokio::test]
async fn what_a_person_must_mend_is_refused_in_words_that_say_how() {
    for (code, description, reason) in [
        (
            403,
            "Forbidden: bot was blocked by the user",
            "the bot was blocked by the user: unblock it, or change TELEGRAM_CHAT_ID",
        ),
        (403, "Forbidden: bot was kicked from the group chat", "the bot was removed from the chat: add it again"),
        (403, "Forbidden: bot was kicked from the supergroup chat", "the bot was removed from the chat: add it again"),
        (
            400,
            "Bad Request: chat not found",
            "Telegram does not know the chat: check TELEGRAM_CHAT_ID, and add the bot or write to it first",
        ),
        (401, "Unauthorized", "Telegram does not know this bot token: check TELEGRAM_BOT_TOKEN (@BotFather shows it)"),
        (404, "Not Found", "Telegram does not know this bot token: check TELEGRAM_BOT_TOKEN (@BotFather shows it)"),
        (400, "Bad Request: TOPIC_CLOSED", "Telegram refuses (400): Bad Request: TOPIC_CLOSED"),
    ] {
        assert_eq!(outcome(refused(code, description)).await, refusal(code, reason), "{code} {description}");
    }
}

#[tokio::test]
async fn a_server_with_a_bad_day_is_tried_again() {
    let fault = "Telegram has a fault of its own (500)";
    assert_eq!(outcome(refused(500, "Internal Server Error")).await, answered_try_again(500, None, fault));
    for (status, body) in [(502, "<html><h1>502 Bad Gateway</h1></html>"), (200, "garbage"), (200, ""), (302, "{}")] {
        let reason = format!("the answer (HTTP {status}) is not the Bot API's: if it stays so, check TELEGRAM_API_URL");
        assert_eq!(
            outcome(Play::Answer(status, body.to_owned())).await,
            answered_try_again(status, None, &reason),
            "{status} {body}"
        );
    }
}

#[tokio::test]
async fn a_huge_answer_is_not_read_to_its_end() {
    let huge = Play::Answer(200, format!(r#"{{"ok":true,"result":"{}"}}"#, "x".repeat(8_000_000)));
    let reason = "the answer (HTTP 200) is not the Bot API's: if it stays so, check TELEGRAM_API_URL";
    assert_eq!(outcome(huge).await, answered_try_again(200, None, reason));
}

#[tokio::test]
async fn an_answer_that_never_comes_is_given_up_in_time() {
    let (outcome, arrived) = send([Play::Silence], SHORT).await;
    assert_eq!(outcome, try_again(None, "Telegram did not answer within 300 ms"));
    assert_eq!(arrived.len(), 1);
}

#[tokio::test]
async fn the_time_out_bounds_the_second_request_too() {
    let (outcome, arrived) = send([moved(-200), Play::Silence], MEDIUM).await;
    assert_eq!(outcome, try_again(None, "Telegram did not answer within 1s"));
    assert_eq!(arrived.len(), 2);
    let stub = Stub::playing([]).await;
    assert_eq!(telegram(stub.url, SHORT).time_out(), SHORT);
}

/// A port that is taken and that nobody listens on, as long as the socket lives.
fn nobody() -> (TcpSocket, ApiUrl) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = ApiUrl::parse(&format!("http://{}", socket.local_addr().unwrap())).unwrap();
    (socket, url)
}

#[tokio::test]
async fn a_refused_connection_is_tried_again() {
    let (_socket, url) = nobody();
    let outcome = telegram(url, LONG).send(&[telling("")]).await;
    assert_eq!(outcome, try_again(None, "cannot reach 127.0.0.1: Connection refused (os error 111)"));
}

fn moved(to: i64) -> Play {
    let description = "Bad Request: group chat was upgraded to a supergroup chat";
    refused_with(400, description, &json!({"migrate_to_chat_id": to}))
}

#[tokio::test]
async fn a_group_that_has_moved_is_followed_at_once_and_from_then_on() {
    let stub = Stub::playing([moved(-200), taken(), taken()]).await;
    let telegram = telegram(stub.url.clone(), LONG);
    assert_eq!(telegram.send(&[telling("")]).await, Outcome::Delivered);
    assert_eq!(telegram.send(&[telling("")]).await, Outcome::Delivered);
    assert_eq!(stub.chats(), [-100, -200, -200]);
    let texts: Vec<Value> = stub.arrived().into_iter().map(|arrived| arrived.body["text"].clone()).collect();
    assert_eq!(texts[0], texts[1]);
}

#[tokio::test]
async fn groups_that_move_in_a_circle_are_not_followed_for_ever() {
    let (outcome, arrived) = send([moved(-200), moved(-100), moved(-200)], LONG).await;
    let reason = "the group has moved to chat -200 and on from there: set TELEGRAM_CHAT_ID to its new id";
    assert_eq!((outcome, arrived.len()), (answered_try_again(400, None, reason), 3));
}

#[tokio::test]
async fn an_alert_is_not_lost_to_a_formatting_error() {
    let unreadable = refused(400, "Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 3");
    let (outcome, arrived) = send([unreadable, taken()], LONG).await;
    assert_eq!(outcome, Outcome::Delivered);
    let plain = json!({
        "chat_id": -100,
        "text": "🔴 nightly-backup failed with exit code 1 at 03:00 UTC\n| a < b\nIt was the first ping\n\
                 Expected every 5m, grace 1m",
        "link_preview_options": {"is_disabled": true},
    });
    assert_eq!(arrived[1].body, plain);
}

#[tokio::test]
async fn an_alert_is_not_lost_to_its_length() {
    let stub = Stub::playing([refused(400, "Bad Request: message is too long"), taken()]).await;
    let outcome = telegram(stub.url.clone(), LONG).send(&vec![telling(""); 40]).await;
    assert_eq!(outcome, Outcome::Delivered);
    let text = stub.arrived()[1].body["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("🔴 40 down\n") && text.ends_with('…'), "{text}");
    assert!(text.encode_utf16().count() <= 1_024);
}

#[tokio::test]
async fn nothing_to_tell_sends_nothing() {
    let stub = Stub::playing([]).await;
    assert_eq!(telegram(stub.url.clone(), SHORT).send(&[]).await, Outcome::Delivered);
    assert_eq!(stub.arrived(), []);
}

/// The Bot API knows the bot.
fn known() -> Play {
    let me = json!({"ok": true, "result": {"id": 1, "is_bot": true, "first_name": "Heart", "username": "heart_bot"}});
    Play::Answer(200, me.to_string())
}

/// What the start-up check comes to when the Bot API plays `plays`, and what arrived.
async fn check(plays: impl IntoIterator<Item = Play>, time_out: Duration) -> (Checked, Vec<Arrived>) {
    let stub = Stub::playing(plays).await;
    let checked = telegram(stub.url.clone(), time_out).check().await;
    (checked, stub.arrived())
}

#[tokio::test]
async fn the_start_up_check_tells_the_names_of_the_bot_and_the_chat() {
    let chat = json!({"ok": true, "result": {"id": -100, "type": "supergroup", "title": "Night watch", "new": [1]}});
    let (checked, arrived) = check([known(), Play::Answer(200, chat.to_string())], LONG).await;
    assert_eq!(checked, Checked::Well { bot: "@heart_bot".to_owned(), chat: "Night watch".to_owned() });
    let paths: Vec<_> = arrived.iter().map(|arrived| arrived.path.as_str()).collect();
    assert_eq!(paths, [format!("/bot{TOKEN}/GetMe"), format!("/bot{TOKEN}/GetChat")]);
    assert_eq!(arrived[1].body, json!({"chat_id": -100}));
}

#[tokio::test]
async fn the_start_up_check_tells_what_is_wrong_with_the_bot() {
    let unknown = "Telegram does not know this bot token: check TELEGRAM_BOT_TOKEN (@BotFather shows it)";
    let silent = "Telegram did not answer within 300 ms";
    for (play, time_out, said) in [
        (refused(401, "Unauthorized"), LONG, Checked::BadBot { reason: Reason::new(unknown).with_status(401) }),
        (Play::Silence, SHORT, Checked::Unanswered { reason: Reason::new(silent) }),
    ] {
        let (checked, arrived) = check([play], time_out).await;
        assert_eq!(checked, said);
        assert_eq!(arrived.len(), 1, "the chat is not asked for");
    }
}

#[tokio::test]
async fn the_start_up_check_tells_what_is_wrong_with_the_chat() {
    for (status, play, reason) in [
        (
            400,
            refused(400, "Bad Request: chat not found"),
            "Telegram does not know the chat: check TELEGRAM_CHAT_ID, and add the bot or write to it first",
        ),
        (
            403,
            refused(403, "Forbidden: bot was kicked from the group chat"),
            "the bot was removed from the chat: add it again",
        ),
    ] {
        let (checked, _) = check([known(), play], LONG).await;
        assert_eq!(
            checked,
            Checked::BadChat { bot: "@heart_bot".to_owned(), reason: Reason::new(reason).with_status(status) }
        );
    }
}

#[tokio::test]
async fn a_bot_api_that_says_nothing_of_the_chat_condemns_nothing() {
    for play in [refused(404, "Not Found"), refused(500, "Internal Server Error"), Play::Answer(200, "?".to_owned())] {
        let (checked, _) = check([known(), play], LONG).await;
        assert!(matches!(checked, Checked::ChatUnseen { .. }), "{checked:?}");
    }
}

#[tokio::test]
async fn a_group_that_has_moved_before_the_start_is_followed() {
    let stub = Stub::playing([known(), moved(-200), taken()]).await;
    let telegram = telegram(stub.url.clone(), LONG);
    assert_eq!(telegram.check().await, Checked::Well { bot: "@heart_bot".to_owned(), chat: "-200".to_owned() });
    assert_eq!(telegram.send(&[telling("")]).await, Outcome::Delivered);
    assert_eq!(stub.chats().last(), Some(&json!(-200)));
}

#[tokio::test]
async fn a_test_alert_is_a_message_like_any_other() {
    let stub = Stub::playing([taken(), refused(400, "Bad Request: chat not found")]).await;
    let telegram = telegram(stub.url.clone(), LONG);
    assert_eq!(telegram.tell(&test_alert()).await, Outcome::Delivered);
    assert!(matches!(telegram.test().await, Outcome::Refused { .. }));
    assert_eq!(stub.arrived()[1].body, stub.arrived()[0].body);
    assert_eq!(stub.chats(), [-100, -100]);
}

#[tokio::test]
async fn the_token_is_in_no_reason_and_no_log_line() {
    let echo = format!("Bad Request: can't parse entities: https://api.telegram.org/bot{TOKEN}/SendMessage");
    let plays = [moved(-200), refused(400, &echo), refused(400, &format!("Bad Request: {TOKEN}"))];
    let (outcome, _) = send(plays, LONG).await;
    assert_eq!(outcome, refusal(400, "Telegram refuses (400): Bad Request: (token)"));

    let (_socket, url) = nobody();
    let unreachable = telegram(url, LONG);
    let mut seen = vec![format!("{outcome:?}"), format!("{unreachable:?}")];
    for outcome in [unreachable.send(&[telling("")]).await, send([Play::Silence], SHORT).await.0] {
        seen.push(format!("{outcome:?}"));
    }
    seen.push(logged().text());
    assert!(seen.iter().any(|text| text.contains("the Telegram group has moved")), "our own lines are seen");
    assert!(seen.iter().any(|text| text.contains("starting new connection")), "reqwest's lines are seen");
    for text in seen {
        assert!(!text.contains("secret"), "{text}");
    }
}
