//! E-mail over the wire: what arrives at a mail server, and what each of its replies comes to.
#![cfg(test)]

#[path = "wire/mail.rs"]
mod mail;
#[path = "wire/program.rs"]
mod program;
#[path = "wire/scene.rs"]
mod scene;

use std::{sync::Arc, time::Duration};

use heartbeat_core::{Channel, channel::definition::Kinds, delivery::Outcome};
use heartbeat_notify::{AllKinds, http::Network};
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use mail::{Certificate, EHLO, END, GREETING, MailStub, SILENCE, TAKES_ALL};
use program::Program;
use scene::{Shelf, answered_try_again, kinds, kinds_with, logged, open, refused, telling, try_again};

const HOST: &str = "mail.example.org";
const PASSWORD: &str = "pass-s3cret word";
const STARTTLS: &str = "250-mail.example.org\r\n250 STARTTLS";
/// For what is never answered.
const SHORT: Duration = Duration::from_millis(300);

/// E-mail to `port` of a server on this machine, with these fields besides.
fn config(port: u16, more: &Value) -> Value {
    let mut config = json!({"host": HOST, "port": port, "tls": "none", "from": "Heartbeat <hb@example.org>", "to": "ops@example.net"});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

fn email(port: u16, more: &Value) -> Arc<dyn Channel> {
    email_of(&kinds(Network::PrivateToo), port, more)
}

fn email_of(kinds: &AllKinds, port: u16, more: &Value) -> Arc<dyn Channel> {
    open(kinds, "email", &config(port, more))
}

/// By implicit TLS and a password.
fn encrypted(by: &Certificate) -> Value {
    json!({"tls": "implicit", "username": "hb", "password": PASSWORD, "root_certificate": by.certificate})
}

/// What one message comes to when the mail server plays `replies`, and what it heard.
async fn send(replies: &[&str]) -> (Outcome, Vec<String>) {
    send_by(&kinds(Network::PrivateToo), replies).await
}

/// The same, given up soon: for what is never answered.
async fn send_briefly(replies: &[&str]) -> Outcome {
    send_by(&kinds(Network::PrivateToo).within(SHORT), replies).await.0
}

async fn send_by(kinds: &AllKinds, replies: &[&str]) -> (Outcome, Vec<String>) {
    let stub = MailStub::playing(replies.iter().copied()).await;
    let email = email_of(kinds, stub.port, &json!({}));
    (email.send(&[telling("nightly-backup")]).await, stub.heard())
}

/// The replies up to one that takes all, and then this one.
fn until(accepted: usize, reply: &'static str) -> Vec<&'static str> {
    TAKES_ALL.into_iter().take(accepted).chain([reply, "221 bye"]).collect()
}

#[tokio::test]
async fn an_alert_is_handed_over_and_taken() {
    let (outcome, heard) = send(&TAKES_ALL).await;
    assert_eq!(outcome, Outcome::Delivered);
    let commands: Vec<_> = [0, 1, 2, 3, 5].map(|n| heard[n].as_str()).into();
    assert_eq!(
        commands,
        ["EHLO example.org", "MAIL FROM:<hb@example.org>", "RCPT TO:<ops@example.net>", "DATA", "QUIT"]
    );
    assert!(heard[4].is_ascii(), "{}", heard[4]);
}

#[tokio::test]
async fn each_reply_at_each_step_comes_to_what_it_means() {
    for (accepted, reply, outcome) in [
        (0, "421 busy", answered_try_again(421, None, "the mail server refuses the connection (421): busy")),
        (0, "554 no", answered_try_again(554, None, "the mail server refuses the connection (554): no")),
        (1, "502 no", answered_try_again(502, None, "the mail server refuses the connection (502): no")),
        (2, "451 later", answered_try_again(451, None, "the mail server refuses the sender (451): later")),
        (2, "550 who?", refused(550, "the mail server refuses the sender (550): who?")),
        (2, "530 sign in", answered_try_again(530, None, "the mail server refuses the sender (530): sign in")),
        (3, "450 greylisted", answered_try_again(450, None, "the mail server refuses the recipient (450): greylisted")),
        (3, "550 5.1.1 no such user", refused(550, "the mail server refuses the recipient (550): 5.1.1 no such user")),
        (4, "452 full", answered_try_again(452, None, "the mail server refuses the message (452): full")),
        (4, "554 no", refused(554, "the mail server refuses the message (554): no")),
        (5, "454 Throttling", answered_try_again(454, None, "the mail server refuses the message (454): Throttling")),
        (5, "554-Message\r\n554 rejected", refused(554, "the mail server refuses the message (554): Message rejected")),
    ] {
        let (came_to, heard) = send(&until(accepted, reply)).await;
        assert_eq!(came_to, outcome);
        let said = heard.iter().filter(|line| *line != "QUIT").count();
        assert!(said <= accepted, "nothing more is said: {heard:?}");
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_or_hangs_up_is_tried_again() {
    for accepted in 0..6 {
        let outcome = send_briefly(&until(accepted, SILENCE)).await;
        assert_eq!(outcome, try_again("mail.example.org did not take the message within 300 ms"), "{accepted}");
        let (outcome, _) = send(&until(accepted, END)).await;
        assert!(matches!(outcome, Outcome::TryAgain { after: None, .. }), "{accepted}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_was_taken_is_delivered_though_the_server_says_no_goodbye() {
    for goodbye in [SILENCE, END, "500 what?"] {
        assert_eq!(send(&until(6, goodbye)).await.0, Outcome::Delivered, "{goodbye}");
    }
}

#[tokio::test]
async fn what_is_not_smtp_and_what_never_ends_is_tried_again() {
    let (long, many) = ("2".repeat(500_000), "220-x\r\n".repeat(50_000));
    for greeting in ["HTTP/1.1 400 Bad Request", "", "\u{1b}[31m220", &long, &many] {
        let (outcome, _) = send(&[greeting]).await;
        let Outcome::TryAgain { after: None, reason } = outcome else { panic!("{greeting:.20}") };
        assert!(!reason.as_str().contains(char::is_control), "{reason:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_tried_again() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    let said = format!("cannot reach mail.example.org:{port}: Connection refused (os error 111)");
    assert_eq!(email(port, &json!({})).send(&[telling("a")]).await, try_again(&said));
}

/// What a server that is to encrypt plays, and what it came to.
async fn starttls(replies: &[&str]) -> (Outcome, Vec<String>) {
    let stub = MailStub::playing(replies.iter().copied()).await;
    let more = json!({"tls": "starttls", "username": "hb", "password": PASSWORD});
    let kinds = kinds(Network::PrivateToo);
    let kinds = if replies.contains(&SILENCE) { kinds.within(SHORT) } else { kinds };
    let email = email_of(&kinds, stub.port, &more);
    (email.send(&[telling("a")]).await, stub.heard())
}

#[tokio::test]
async fn nothing_is_said_before_it_is_encrypted() {
    for (replies, said) in [
        (&[GREETING, EHLO, "221 bye"][..], "mail.example.org offers no encryption (STARTTLS) on port"),
        (&[GREETING, STARTTLS, "454 not now"], "the mail server refuses encryption (454): not now"),
        (
            &[GREETING, STARTTLS, "220 go\r\n250 AUTH PLAIN"],
            "the mail server says more before it is encrypted than it may",
        ),
        (&[GREETING, STARTTLS, "220 go", "250 ok"], "no encryption with mail.example.org: "),
        (&["554 no"], "the mail server refuses the connection (554): no"),
        (&["garbage"], "the mail server's answer is not SMTP"),
        (&[GREETING, STARTTLS, SILENCE], "mail.example.org did not take the message within 300 ms"),
    ] {
        let (outcome, heard) = starttls(replies).await;
        let Outcome::TryAgain { after: None, reason } = outcome else { panic!("{replies:?}: {outcome:?}") };
        assert!(reason.as_str().starts_with(said), "{replies:?}: {reason:?}");
        let in_the_clear: Vec<_> = heard.iter().filter(|line| line.is_ascii()).collect();
        assert!(in_the_clear.iter().all(|line| ["EHLO example.org", "STARTTLS"].contains(&line.as_str())), "{heard:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_or_of_another_name_is_told_nothing() {
    let (ours, strangers, other) = (Certificate::of(HOST), Certificate::of(HOST), Certificate::of("other.test"));
    for (server, trusted) in [(&strangers, Some(&ours)), (&other, Some(&other)), (&ours, None)] {
        let stub = MailStub::encrypted(TAKES_ALL, server).await;
        let mut more = json!({"tls": "implicit", "username": "hb", "password": PASSWORD});
        if let Some(trusted) = trusted {
            more["root_certificate"] = json!(trusted.certificate);
        }
        let Outcome::TryAgain { reason, .. } = email(stub.port, &more).send(&[telling("a")]).await else { panic!() };
        assert!(
            reason.as_str().starts_with("no encryption with mail.example.org: invalid peer certificate"),
            "{reason:?}"
        );
        assert!(stub.heard().is_empty());
    }
}

#[tokio::test]
async fn a_password_that_is_refused_is_tried_again_and_echoed_to_nobody() {
    let certificate = Certificate::of(HOST);
    let base64 = "cGFzcy1zM2NyZXQgd29yZA==";
    let plain = "AGhiAHBhc3MtczNjcmV0IHdvcmQ=";
    let reply = format!(
        "535-5.7.8 {PASSWORD}\r\n535-{base64} \u{7}\u{1b}[31m\r\n535 {plain} is no password {}",
        "x".repeat(400)
    );
    let stub = MailStub::encrypted([GREETING, EHLO, &reply], &certificate).await;
    let email = email(stub.port, &encrypted(&certificate));
    let outcome = email.send(&[telling("a")]).await;
    assert_eq!(stub.heard()[1], format!("AUTH PLAIN {plain}"), "it was sent");
    let Outcome::TryAgain { after: None, reason } = &outcome else { panic!("{outcome:?}") };
    assert_eq!(reason.status(), Some(535));
    assert!(reason.as_str().starts_with("the mail server refuses the username and password (535): 5.7.8 (password)"));
    assert!(!reason.as_str().contains(char::is_control) && reason.as_str().chars().count() <= 120, "{reason:?}");
    for text in [format!("{outcome:?}"), logged().text()] {
        assert!(!text.contains("s3cret") && !text.contains(base64) && !text.contains(plain), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_takes_no_password_of_a_kind_that_we_know_is_tried_again() {
    let certificate = Certificate::of(HOST);
    let stub = MailStub::encrypted([GREETING, "250-x\r\n250 AUTH CRAM-MD5"], &certificate).await;
    let outcome = email(stub.port, &encrypted(&certificate)).send(&[telling("a")]).await;
    let said =
        "the mail server did not take the username and password: No compatible authentication mechanism was found";
    assert_eq!(outcome, try_again(said));
}

#[tokio::test]
async fn a_private_address_is_not_connected_to() {
    let stub = MailStub::playing(TAKES_ALL).await;
    let kinds = kinds(Network::Public);
    for (host, said) in [
        ("private.test", "the address is private: 10.0.0.5"),
        ("local.test", "the address is private: 127.0.0.1"),
        ("nobody.test", "the name nobody.test cannot be resolved: no such name"),
    ] {
        let email = email_of(&kinds, stub.port, &json!({"tls": "starttls", "host": host}));
        assert_eq!(email.send(&[telling("a")]).await, try_again(said));
    }
    for host in ["127.0.0.1", "::1", "169.254.169.254", "::ffff:10.0.0.1"] {
        let error = kinds.check("email", config(25, &json!({"tls": "starttls", "host": host}))).unwrap_err();
        assert!(error.to_string().starts_with("host: the address is private: "), "{error}");
    }
    // No numbers in disguise: a name server would be asked for them, and what it says is judged.
    assert!(kinds.check("email", config(25, &json!({"tls": "starttls", "host": "0x7f.1"}))).is_err());
    assert!(stub.heard().is_empty());
}

#[test]
fn what_is_wrong_with_a_configuration_is_said_with_its_field_and_without_its_secrets() {
    let kinds_public = kinds(Network::Public);
    let errors = [
        json!({"host": "a b"}),
        json!({"host": 5}),
        json!({"port": 0}),
        json!({"port": 70_000}),
        json!({"port": "s3cret"}),
        json!({"tls": "sometimes"}),
        json!({"tls": "none"}),
        json!({"tls": "starttls", "username": "hb"}),
        json!({"tls": "starttls", "password": "s3cret"}),
        json!({"tls": "starttls", "username": "hb", "password": "s3cret\r\nQUIT"}),
        json!({"tls": "starttls", "username": "hb", "password": ""}),
        json!({"tls": "starttls", "username": "hb", "password": "env:HOME"}),
        json!({"tls": "starttls", "from": "nobody"}),
        json!({"tls": "starttls", "to": "a@example.org, b@example.org"}),
        json!({"tls": "starttls", "to": "a@example.org\r\nBcc: b@example.org"}),
        json!({"tls": "starttls", "to": "a@[127.0.0.1]"}),
        json!({"tls": "starttls", "root_certificate": "s3cret"}),
        json!({"tls": "starttls", "root_certificate": "-----BEGIN CERTIFICATE-----\ns3cret\n-----END CERTIFICATE-----"}),
        json!({"tls": "starttls", "smtp": "s3cret"}),
    ]
    .map(|more| kinds_public.check("email", config(587, &more)).unwrap_err().to_string())
    .join("\n");
    assert!(!errors.contains("s3cret"), "{errors}");
    insta::assert_snapshot!(errors, @r"
    host: this is not the name of a mail server
    host: this is not what is expected: a string
    port: this is not what is expected: a number from 1 to 65535
    port: this is not what is expected: a number from 1 to 65535
    port: this is not what is expected: a number from 1 to 65535
    tls: this is not what is expected: one of starttls, implicit, none
    tls: without TLS a message can be read on its way: that is for a relay on a private network, which this installation does not allow
    password: a username needs a password
    username: a password needs a username
    password: this must be one line of 1 to 512 bytes
    password: a secret must not be empty
    password: an environment variable that a channel names begins with HEARTBEAT_SECRET_
    from: this is not one e-mail address: write ops@example.org or Ops <ops@example.org>
    to: this is not one e-mail address: write ops@example.org or Ops <ops@example.org>
    to: an e-mail address is one line
    to: this is not one e-mail address: write ops@example.org or Ops <ops@example.org>
    root_certificate: this is not a certificate in PEM: it begins with -----BEGIN CERTIFICATE-----
    root_certificate: this is not a certificate in PEM: it begins with -----BEGIN CERTIFICATE-----
    smtp: there is no such field: there are host, port, tls, username, password, from, to, root_certificate
    ");
    let open_password = json!({"username": "hb", "password": "s3cret"});
    let error = kinds(Network::PrivateToo).check("email", config(25, &open_password)).unwrap_err();
    assert_eq!(error.to_string(), "tls: without TLS a password can be read on its way");
}

#[test]
fn a_configuration_is_kept_in_one_form_and_shown_without_secrets() {
    let kinds = kinds(Network::Public);
    let given = json!({"host": " smtp.example.org ", "username": "hb", "password": "s3cret", "from": "Heart <hb@example.org>", "to": " ops@example.net "});
    let kept = kinds.check("email", given).unwrap();
    let mut as_kept = json!({
        "host": "smtp.example.org", "tls": "starttls", "username": "hb", "password": {"value": "s3cret"},
        "from": "Heart <hb@example.org>", "to": "ops@example.net",
    });
    assert_eq!(kept, as_kept);
    assert_eq!(kinds.check("email", kept.clone()).unwrap(), kept);
    as_kept["password"] = json!("(set)");
    as_kept["port"] = json!(587);
    assert_eq!(kinds.shown("email", &kept), as_kept);
    for (tls, port) in [("implicit", 465), ("starttls", 587)] {
        let shown = kinds.shown("email", &json!({"host": "a.example", "tls": tls, "from": "a@b.c", "to": "d@e.f"}));
        assert_eq!(shown["port"], json!(port));
    }
}

#[tokio::test]
async fn an_address_of_other_letters_is_told_only_where_the_server_takes_them() {
    let more = json!({"to": "ärger@example.net"});
    let without = MailStub::playing(TAKES_ALL).await;
    let said = "the mail server takes no addresses with letters beyond A to Z";
    assert_eq!(email(without.port, &more).send(&[telling("a")]).await, try_again(said));
    let with =
        MailStub::playing([GREETING, "250-x\r\n250 SMTPUTF8", "250 ok", "250 ok", "354 go", "250 taken", "221 bye"])
            .await;
    assert_eq!(email(with.port, &more).send(&[telling("a")]).await, Outcome::Delivered);
    assert_eq!(with.heard()[1], "MAIL FROM:<hb@example.org> SMTPUTF8");
}

/// aiosmtpd with TLS and a password; the folder holds its certificate for as long as it starts.
fn real_server(mode: &str, certificate: &Certificate) -> (Program, u16) {
    let folder = tempfile::tempdir().unwrap();
    let [pem, key] = ["certificate.pem", "key.pem"].map(|name| folder.path().join(name));
    std::fs::write(&pem, &certificate.certificate).unwrap();
    std::fs::write(&key, &certificate.key).unwrap();
    let mut server =
        Program::start("mail-server.py", &[mode, pem.to_str().unwrap(), key.to_str().unwrap(), "hb", PASSWORD]);
    let port = server.line().parse().unwrap();
    (server, port)
}

#[tokio::test]
async fn a_real_mail_server_takes_an_alert_by_both_ways_of_encryption() {
    for mode in ["starttls", "implicit"] {
        let certificate = Certificate::of(HOST);
        let (mut server, port) = real_server(mode, &certificate);
        let mut more = encrypted(&certificate);
        more["tls"] = json!(mode);
        let email = email(port, &more);
        assert_eq!(email.send(&[telling("nightly-backup")]).await, Outcome::Delivered, "{mode}");
        let first = server.json();
        assert_eq!((&first["encrypted"], &first["hello"]), (&json!(true), &json!("example.org")), "{mode}");
        assert_eq!((&first["mail_from"], &first["rcpt_tos"]), (&json!("hb@example.org"), &json!(["ops@example.net"])));
        assert_eq!(first["defects"], json!([]));
        for (name, value) in [
            ("subject", "🔴 nightly-backup failed with exit code 1 at 03:00 UTC"),
            ("from", "Heartbeat <hb@example.org>"),
            ("to", "ops@example.net"),
            ("date", "Mon, 23 Nov 2026 03:10:00 +0000"),
            ("auto-submitted", "auto-generated"),
        ] {
            assert_eq!(first["headers"][name], json!(value), "{name}");
        }
        let text = "🔴 nightly-backup failed with exit code 1 at 03:00 UTC\n| a < b\n| \"ü\"\nIt was the first ping\n\
                    Expected every 5m, grace 1m";
        assert_eq!(first["parts"][0][0], json!("text/plain"));
        assert_eq!(first["parts"][0][1].as_str().unwrap().replace('\r', "").trim_end(), text);
        assert_eq!(first["parts"][1][0], json!("text/html"));
        let html = first["parts"][1][1].as_str().unwrap().replace('\r', "");
        assert!(html.contains("🔴 <b>nightly-backup</b> failed") && html.contains("a &lt; b\n\"ü\"</pre>"), "{html}");
        assert!(html.ends_with("</html>\n") || html.ends_with("</html>"), "{html}");

        assert_eq!(email.send(&[telling("nightly-backup")]).await, Outcome::Delivered, "a repeat");
        assert_eq!(server.json()["headers"]["message-id"], first["headers"]["message-id"]);
        assert_eq!(email.test().await, Outcome::Delivered);
        let trial = server.json();
        assert_eq!(trial["headers"]["subject"], json!("🔔 Heartbeat test alert"));
        assert_ne!(trial["headers"]["message-id"], first["headers"]["message-id"]);
    }
}

#[tokio::test]
async fn a_real_mail_server_refuses_a_password_until_it_is_mended_where_it_is_kept() {
    let certificate = Certificate::of(HOST);
    let (mut server, port) = real_server("starttls", &certificate);
    let mut more = encrypted(&certificate);
    more["tls"] = json!("starttls");
    more["password"] = json!("env:HEARTBEAT_SECRET_SMTP");
    let shelf = Shelf::with("HEARTBEAT_SECRET_SMTP", &[Ok("old"), Ok("old"), Ok("pass-s3cret word\n"), Ok("never")]);
    let email = email_of(&kinds_with(Network::PrivateToo, shelf.clone()), port, &more);
    let Outcome::TryAgain { after: None, reason } = email.send(&[telling("a")]).await else { panic!() };
    assert_eq!(reason.status(), Some(535), "{reason:?}");
    assert_eq!(shelf.left("HEARTBEAT_SECRET_SMTP"), 1, "read anew once");
    assert_eq!(email.send(&[telling("a")]).await, Outcome::Delivered);
    assert_eq!(shelf.left("HEARTBEAT_SECRET_SMTP"), 0);
    assert_eq!(server.json()["mail_from"], json!("hb@example.org"));
}

#[test]
fn debug_shows_no_password() {
    let certificate = Certificate::of(HOST);
    let kinds = kinds(Network::PrivateToo);
    let kept = kinds.check("email", config(465, &encrypted(&certificate))).unwrap();
    let shown = kinds.shown("email", &kept);
    assert!(!format!("{kinds:?} {shown}").contains("s3cret"));
}
