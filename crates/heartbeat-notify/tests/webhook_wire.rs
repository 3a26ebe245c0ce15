//! Webhooks over the wire: what arrives at a receiver, and what each of its answers comes to.
#![cfg(test)]

#[path = "webhook_wire/config.rs"]
mod config;
#[path = "webhook_wire/guard.rs"]
mod guard;
#[path = "wire/program.rs"]
mod program;
#[path = "wire/receiver.rs"]
mod receiver;
#[path = "wire/scene.rs"]
mod scene;

use std::{sync::Arc, time::Duration};

use heartbeat_core::{
    Channel,
    channel::{definition::Kinds, secret::SecretError},
    clock::SystemClock,
    delivery::{Outcome, Reason},
};
use heartbeat_notify::{
    AllKinds,
    http::{Client, Network},
};
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use program::Program;
use receiver::{Arrived, Play, Receiver, redirect, status};
use scene::{NOW, Names, Shelf, answered_try_again, kinds, kinds_with, logged, open, refused, telling, try_again};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// For what is never answered.
const SHORT: Duration = Duration::from_millis(300);
const ID: &str = "default/nightly-backup/1/overdue/ops";

fn webhook(url: &str, more: &Value) -> Arc<dyn Channel> {
    webhook_of(&kinds(Network::PrivateToo), url, more)
}

fn webhook_of(kinds: &AllKinds, url: &str, more: &Value) -> Arc<dyn Channel> {
    let mut config = more.clone();
    config["url"] = json!(url);
    open(kinds, "webhook", &config)
}

/// What one message comes to when the receiver plays `plays`, and what arrived.
async fn send(plays: impl IntoIterator<Item = Play>, more: &Value) -> (Outcome, Vec<Arrived>) {
    let receiver = Receiver::playing(plays).await;
    let outcome = webhook(&receiver.url(), more).send(&[telling("nightly-backup")]).await;
    (outcome, receiver.arrived())
}

async fn outcome(play: Play) -> Outcome {
    let (outcome, arrived) = send([play], &json!({})).await;
    assert_eq!(arrived.len(), 1, "one request, no retry of its own");
    outcome
}

#[tokio::test]
async fn an_alert_arrives_exactly_so() {
    let more = json!({"secret": SECRET, "headers": {"Authorization": "Bearer x"}, "method": "PUT"});
    let (outcome, arrived) = send([status(200, "")], &more).await;
    assert_eq!((outcome, arrived.len()), (Outcome::Delivered, 1));
    let [request] = &arrived[..] else { unreachable!() };
    assert_eq!(request.line, "PUT /hook/path-secret?token=query-secret HTTP/1.1");
    for (name, value) in [
        ("content-type", "application/json"),
        ("authorization", "Bearer x"),
        ("webhook-id", ID),
        ("idempotency-key", ID),
        ("webhook-timestamp", "1795403400"),
    ] {
        assert_eq!(request.header(name), Some(value));
    }
    let text = "🔴 nightly-backup failed with exit code 1 at 03:00 UTC\n| a < b\n| \"ü\"\nIt was the first ping\n\
                Expected every 5m, grace 1m";
    let notification = json!({
        "id": ID, "kind": "overdue", "project": "default", "monitor": "nightly-backup",
        "since": "2026-11-23T03:00:00.000000Z", "at": "2026-11-23T03:00:00.000000Z", "up_at": null,
        "cause": "failed", "exit": 1, "last_ping_at": null, "interval_s": 300, "grace_s": 60, "cron": null, "timezone": null,
        "name": null, "description": null, "tags": [],
        "outages": 1, "recoveries": 0, "reminder": 0, "unconfirmed": false, "excerpt": "a < b\n\"ü\"",
    });
    let body = json!({
        "type": "heartbeat.alert",
        "timestamp": "2026-11-23T03:00:00.000000Z",
        "data": {"text": text, "count": 1, "notifications": [notification]},
    });
    assert_eq!(request.json(), body);
}

#[tokio::test]
async fn a_repeat_has_the_same_id_and_the_same_body() {
    let receiver = Receiver::playing([status(500, ""), status(200, ""), status(200, ""), status(200, "")]).await;
    let webhook = webhook(&receiver.url(), &json!({}));
    let (one, two) = (telling("one"), telling("two"));
    for tellings in [vec![one.clone()], vec![one.clone()], vec![one.clone(), two.clone()], vec![two, one]] {
        webhook.send(&tellings).await;
    }
    let arrived = receiver.arrived();
    let ids: Vec<_> = arrived.iter().map(|request| request.header("webhook-id").unwrap()).collect();
    assert_eq!(ids[0], "default/one/1/overdue/ops");
    assert_eq!((ids[0], &arrived[0].body), (ids[1], &arrived[1].body));
    assert_eq!(ids[2], ids[3]);
    assert!(ids[2].starts_with("digest-") && !ids[2].contains('.'), "{}", ids[2]);
}

#[tokio::test]
async fn of_very_many_a_thousand_are_named_and_all_are_counted() {
    let receiver = Receiver::playing([status(200, "")]).await;
    let tellings: Vec<_> = (0..1_200).map(|n| telling(&format!("job-{n}"))).collect();
    assert_eq!(webhook(&receiver.url(), &json!({})).send(&tellings).await, Outcome::Delivered);
    let data = receiver.arrived()[0].json()["data"].clone();
    assert_eq!((&data["count"], data["notifications"].as_array().unwrap().len()), (&json!(1_200), 1_000));
}

#[tokio::test]
async fn a_test_is_called_one_and_names_nothing() {
    let receiver = Receiver::playing([status(200, "")]).await;
    assert_eq!(webhook(&receiver.url(), &json!({})).test().await, Outcome::Delivered);
    let request = &receiver.arrived()[0];
    assert_eq!(request.header("webhook-id"), Some("test-1795403400000000"));
    let body = request.json();
    assert_eq!((&body["type"], &body["data"]["count"]), (&json!("heartbeat.test"), &json!(0)));
    assert_eq!(body["data"]["notifications"], json!([]));
}

#[tokio::test]
async fn a_template_makes_the_body() {
    let more = json!({
        "template": "{\"text\": {{ text }}, \"who\": [{% for n in notifications %}{{ n.monitor }}{% if not loop.last %},{% endif %}{% endfor %}], \"test\": {{ test }}}",
        "content_type": "application/vnd.chat+json",
    });
    let receiver = Receiver::playing([status(200, ""), status(200, "")]).await;
    let webhook = webhook(&receiver.url(), &more);
    assert_eq!((webhook.send(&[telling("a")]).await, webhook.test().await), (Outcome::Delivered, Outcome::Delivered));
    let arrived = receiver.arrived();
    assert_eq!(arrived[0].header("content-type"), Some("application/vnd.chat+json"));
    assert_eq!((&arrived[0].json()["who"], &arrived[0].json()["test"]), (&json!(["a"]), &json!(false)));
    assert!(arrived[0].json()["text"].as_str().unwrap().contains("\"ü\""));
    assert_eq!(arrived[1].json()["test"], json!(true));
}

#[tokio::test]
async fn what_a_template_cannot_say_is_said_in_our_own_words() {
    // It was tried with two notifications at most.
    let more =
        json!({"template": "{{ text }}{% if count > 2 %}{{ nobody_knows }}{% endif %}", "content_type": "text/plain"});
    let receiver = Receiver::playing([status(200, "")]).await;
    let tellings: Vec<_> = ["a", "b", "c"].map(telling).into();
    assert_eq!(webhook(&receiver.url(), &more).send(&tellings).await, Outcome::Delivered);
    let request = &receiver.arrived()[0];
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.json()["data"]["count"], json!(3));
}

#[tokio::test]
async fn every_class_of_status_comes_to_what_it_means() {
    for code in [200, 201, 202, 204, 299] {
        assert_eq!(outcome(status(code, "")).await, Outcome::Delivered, "{code}");
    }
    for (code, said) in [
        (400, "it answers 400 Bad Request"),
        (404, "it answers 404 Not Found"),
        (418, "it answers 418 I'm a teapot"),
        (429, "it answers 429 Too Many Requests"),
        (500, "it answers 500 Internal Server Error"),
        (503, "it answers 503 Service Unavailable"),
        (599, "it answers 599"),
    ] {
        assert_eq!(outcome(status(code, "")).await, answered_try_again(code, None, said), "{code}");
    }
    assert_eq!(outcome(status(410, "")).await, refused(410, "it answers 410 Gone: there is nobody any more"));
}

#[tokio::test]
async fn the_wish_to_wait_is_handed_on_in_both_its_forms() {
    for (code, wish, after_s) in [
        (429, "retry-after: 35\r\n", Some(35)),
        (503, "retry-after: Mon, 23 Nov 2026 03:12:00 GMT\r\n", Some(120)),
        (503, "retry-after: Mon, 23 Nov 2026 03:00:00 GMT\r\n", Some(0)),
        (429, "retry-after: later\r\n", None),
        (500, "retry-after: 35\r\n", None),
    ] {
        let Outcome::TryAgain { after, .. } = outcome(status(code, wish)).await else { panic!("{wish}") };
        assert_eq!(after, after_s.map(Duration::from_secs), "{code} {wish}");
    }
}

#[tokio::test]
async fn a_redirect_that_changes_the_method_is_not_followed() {
    for code in [300, 301, 302, 303, 304] {
        let said = format!("it answers with a redirect to another address ({code}): set that one");
        assert_eq!(outcome(redirect(code, "/elsewhere")).await, answered_try_again(code, None, &said));
    }
}

#[tokio::test]
async fn a_redirect_that_keeps_the_method_is_followed_with_the_body() {
    for code in [307, 308] {
        let more = json!({"secret": SECRET, "headers": {"x-key": "k"}});
        let (outcome, arrived) = send([redirect(code, "/moved?a=b"), status(200, "")], &more).await;
        assert_eq!((outcome, arrived.len()), (Outcome::Delivered, 2));
        assert_eq!(arrived[1].line, "POST /moved?a=b HTTP/1.1");
        assert_eq!(arrived[1].body, arrived[0].body);
        assert_eq!(arrived[1].header("webhook-signature"), arrived[0].header("webhook-signature"));
        assert_eq!(arrived[1].header("x-key"), Some("k"), "the same origin");
    }
}

#[tokio::test]
async fn another_origin_is_shown_no_credentials_and_no_signature() {
    let other = Receiver::playing([status(200, "")]).await;
    let more = json!({"secret": SECRET, "headers": {"authorization": "Bearer x"}});
    let (outcome, arrived) = send([redirect(307, &format!("http://other.test:{}/", other.port))], &more).await;
    assert_eq!(outcome, Outcome::Delivered);
    assert!(arrived[0].header("authorization").is_some() && arrived[0].header("webhook-signature").is_some());
    let request = &other.arrived()[0];
    assert_eq!((request.header("authorization"), request.header("webhook-signature")), (None, None));
    assert_eq!((&request.body, request.header("webhook-id")), (&arrived[0].body, Some(ID)));
}

#[tokio::test]
async fn redirects_that_lead_on_and_on_are_not_followed_for_ever() {
    let (outcome, arrived) = send(vec![redirect(307, "/again"); 9], &json!({})).await;
    let said = "it answers with a redirect (307) that cannot be followed: it leads on and on";
    assert_eq!((outcome, arrived.len()), (answered_try_again(307, None, said), 4));
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_not_followed() {
    for (location, why) in [
        ("ftp://local.test/", "what it names is no address to follow"),
        ("http://me:secret@local.test/", "what it names is no address to follow"),
        ("http://", "it names no address"),
    ] {
        let said = format!("it answers with a redirect (308) that cannot be followed: {why}");
        assert_eq!(outcome(redirect(308, location)).await, answered_try_again(308, None, &said), "{location}");
    }
    let said = "it answers with a redirect (307) that cannot be followed: it names no address";
    assert_eq!(outcome(status(307, "")).await, answered_try_again(307, None, said));
}

#[tokio::test]
async fn an_answer_that_never_comes_is_given_up_in_time() {
    let receiver = Receiver::playing([Play::Silence]).await;
    let webhook = webhook_of(&kinds(Network::PrivateToo).within(SHORT), &receiver.url(), &json!({}));
    let outcome = webhook.send(&[telling("a")]).await;
    assert_eq!(outcome, try_again("127.0.0.1 did not answer within 300 ms"));
}

#[tokio::test]
async fn a_refused_connection_is_tried_again() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let webhook = webhook(&format!("http://{}/", socket.local_addr().unwrap()), &json!({}));
    let said = "cannot reach 127.0.0.1: Connection refused (os error 111)";
    assert_eq!(webhook.send(&[telling("a")]).await, try_again(said));
}

#[tokio::test]
async fn what_is_no_tls_and_no_http_is_tried_again() {
    let receiver = Receiver::playing([]).await;
    let webhook =
        webhook_of(&kinds(Network::PrivateToo).within(SHORT), &receiver.url().replace("http:", "https:"), &json!({}));
    assert!(matches!(webhook.send(&[telling("a")]).await, Outcome::TryAgain { .. }));
    for bytes in ["garbage\r\n\r\n", "", "HTTP/1.1 two hundred\r\n\r\n"] {
        let Outcome::TryAgain { after: None, reason } = outcome(Play::Bytes(bytes.into())).await else {
            panic!("{bytes:?}")
        };
        assert!(reason.as_str().starts_with("the connection to 127.0.0.1 broke: "), "{reason:?}");
    }
}

#[tokio::test]
async fn a_huge_answer_is_not_read_to_its_end_and_counts_by_its_status() {
    let endless = |status: &str| {
        let mut bytes = format!("HTTP/1.1 {status}\r\ncontent-length: 99999999999\r\n\r\n").into_bytes();
        bytes.resize(8_000_000, b'x');
        Play::Bytes(bytes)
    };
    assert_eq!(outcome(endless("200 OK")).await, Outcome::Delivered);
    assert_eq!(outcome(endless("500 x")).await, answered_try_again(500, None, "it answers 500 Internal Server Error"));
    let half = Play::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".to_vec());
    assert_eq!(outcome(half).await, Outcome::Delivered, "its status was said");
}

#[tokio::test]
async fn a_secret_that_is_refused_is_read_again_and_the_message_arrives() {
    for code in [401, 403] {
        let shelf = Shelf::with("HEARTBEAT_SECRET_KEY", &[Ok("old"), Ok("new")]);
        let receiver = Receiver::playing([status(200, ""), status(code, ""), status(200, "")]).await;
        let more = json!({"headers": {"x-key": "env:HEARTBEAT_SECRET_KEY"}});
        let webhook = webhook_of(&kinds_with(Network::PrivateToo, shelf.clone()), &receiver.url(), &more);
        assert_eq!(webhook.send(&[telling("a")]).await, Outcome::Delivered);
        assert_eq!(shelf.left("HEARTBEAT_SECRET_KEY"), 0, "read once");
        assert_eq!(webhook.send(&[telling("a")]).await, Outcome::Delivered);
        let keys: Vec<_> =
            receiver.arrived().iter().map(|request| request.header("x-key").unwrap().to_owned()).collect();
        assert_eq!(keys, ["old", "old", "new"]);
    }
}

#[tokio::test]
async fn where_there_is_no_newer_secret_it_is_not_tried_twice() {
    let shelf = Shelf::with("HEARTBEAT_SECRET_KEY", &[Ok("old")]);
    let receiver = Receiver::playing([status(401, "")]).await;
    let more = json!({"headers": {"x-key": "env:HEARTBEAT_SECRET_KEY"}});
    let webhook = webhook_of(&kinds_with(Network::PrivateToo, shelf), &receiver.url(), &more);
    assert_eq!(webhook.send(&[telling("a")]).await, answered_try_again(401, None, "it answers 401 Unauthorized"));
    assert_eq!(receiver.arrived().len(), 1);
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_said_and_read_again_later() {
    let away = SecretError::Unavailable("SSM did not answer".to_owned());
    let shelf = Shelf::with("HEARTBEAT_SECRET_KEY", &[Err(away), Ok("whsec_bad"), Ok("whsec_bad"), Ok(SECRET)]);
    let receiver = Receiver::playing([status(200, "")]).await;
    let more = json!({"secret": "env:HEARTBEAT_SECRET_KEY"});
    let webhook = webhook_of(&kinds_with(Network::PrivateToo, shelf), &receiver.url(), &more);
    assert_eq!(webhook.send(&[telling("a")]).await, try_again("SSM did not answer"));
    let Outcome::TryAgain { reason, .. } = webhook.send(&[telling("a")]).await else { panic!() };
    assert!(reason.as_str().starts_with("the secret of a webhook is whsec_"), "{reason:?}");
    assert_eq!(webhook.send(&[telling("a")]).await, Outcome::Delivered, "mended where it is kept");
}

#[tokio::test]
async fn no_secret_is_in_a_reason_or_a_log_line() {
    let more = json!({"secret": SECRET, "headers": {"authorization": "Bearer header-secret"}});
    let plays =
        [status(500, ""), redirect(302, "/"), Play::Bytes(b"x\r\n\r\n".to_vec()), status(401, ""), status(200, "")];
    let receiver = Receiver::playing(plays.clone()).await;
    let kinds = kinds(Network::PrivateToo);
    let webhook = webhook_of(&kinds, &receiver.url(), &more);
    let mut seen = vec![format!("{kinds:?}")];
    for _ in plays {
        seen.push(format!("{:?}", webhook.send(&[telling("a")]).await));
    }
    let nowhere = webhook_of(&kinds, "http://nobody.test/path-secret?query-secret", &more);
    seen.push(format!("{:?}", nowhere.send(&[telling("a")]).await));
    seen.push(logged().text());
    assert!(seen.iter().any(|text| text.contains("starting new connection")), "reqwest's lines are seen");
    for text in seen {
        for secret in ["header-secret", "path-secret", "query-secret", "MfKQ9r8GKYq"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[tokio::test]
async fn a_ping_tells_the_status_and_its_headers_to_nobody_else() {
    let other = Receiver::playing([status(204, "")]).await;
    let receiver =
        Receiver::playing([status(503, ""), redirect(307, &format!("http://other.test:{}/", other.port))]).await;
    let client = Client::with_resolver(Network::PrivateToo, Arc::new(Names)).unwrap();
    let headers = [("authorization".to_owned(), "Bearer secret".to_owned())];
    assert_eq!(client.ping(&receiver.url(), &headers).await, Ok(503));
    assert_eq!(client.ping(&receiver.url(), &headers).await, Ok(204));
    assert_eq!(receiver.arrived()[0].line, "GET /hook/path-secret?token=query-secret HTTP/1.1");
    assert_eq!(receiver.arrived()[0].header("authorization"), Some("Bearer secret"));
    assert_eq!(other.arrived()[0].header("authorization"), None);
    assert_eq!(client.ping("nowhere", &[]).await, Err(Reason::new("this is not an address: write https://…")));
    let bad = [("a b".to_owned(), "c".to_owned())];
    assert_eq!(client.ping(&receiver.url(), &bad).await, Err(Reason::new("a header cannot be sent")));
}

#[tokio::test]
async fn the_published_library_of_standard_webhooks_takes_what_we_send_and_nothing_else() {
    let receiver = Receiver::playing([status(200, ""), status(200, "")]).await;
    // The library compares with its own clock.
    let kinds = AllKinds::new(Arc::new(Shelf::default()), Arc::new(SystemClock), Network::PrivateToo).unwrap();
    let webhook = webhook_of(&kinds, &receiver.url(), &json!({"secret": SECRET}));
    for tellings in [vec![telling("a")], vec![telling("a"), telling("b"), telling("c"), telling("d")]] {
        assert_eq!(webhook.send(&tellings).await, Outcome::Delivered);
    }
    let mut library = Program::start("webhook-receiver.py", &[]);
    for request in receiver.arrived() {
        let sent = json!({"secret": SECRET, "headers": request.headers, "body": request.body});
        library.say(&sent);
        assert_eq!(library.json(), json!({"payload": request.json()}));
        let mut tampered = sent.clone();
        tampered["body"] = json!(request.body.replace("failed", "passed"));
        let mut renamed = sent.clone();
        renamed["headers"]["webhook-id"] = json!("another");
        let mut old = sent.clone();
        old["headers"]["webhook-timestamp"] = json!(NOW.as_secs().to_string());
        let mut stranger = sent;
        stranger["secret"] = json!("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        for refused in [tampered, renamed, old, stranger] {
            library.say(&refused);
            assert!(library.json()["error"].is_string());
        }
    }
}
