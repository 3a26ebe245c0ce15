//! Telegram as a kind of channel of a project.

use std::sync::Arc;

use heartbeat_core::channel::{definition::Kinds, secret::SecretError};
use heartbeat_notify::{AllKinds, http::Network};

use super::{
    scene::{Shelf, kinds_with, open},
    *,
};

const NEWER: &str = "123456:the-Newer_token";

fn kinds(stub: &Stub, shelf: Shelf) -> AllKinds {
    kinds_with(Network::Public, shelf).telegram_api(stub.url.clone())
}

fn channel(stub: &Stub, token: &str, shelf: Shelf) -> Arc<dyn Channel> {
    open(&kinds(stub, shelf), "telegram", &json!({"token": token, "chat_id": -100}))
}

#[tokio::test]
async fn a_channel_of_a_project_has_its_own_name_and_tells_its_own_chat() {
    let stub = Stub::playing([taken(), taken()]).await;
    let channel = channel(&stub, TOKEN, Shelf::default());
    assert_eq!(channel.name().as_str(), "ops");
    assert_eq!(channel.send(&[telling("a < b")]).await, Outcome::Delivered);
    assert_eq!(channel.test().await, Outcome::Delivered);
    assert_eq!(stub.chats(), [-100, -100]);
    assert!(stub.arrived()[0].path.starts_with(&format!("/bot{TOKEN}/")));
    assert!(stub.arrived()[1].body["text"].as_str().unwrap().contains("test alert"));
}

#[tokio::test]
async fn its_token_is_read_again_when_it_is_refused() {
    let shelf = Shelf::with("HEARTBEAT_SECRET_BOT", &[Ok(TOKEN), Ok(NEWER)]);
    let stub = Stub::playing([refused(401, "Unauthorized"), taken()]).await;
    let channel = channel(&stub, "env:HEARTBEAT_SECRET_BOT", shelf);
    assert_eq!(channel.send(&[telling("")]).await, Outcome::Delivered);
    assert!(stub.arrived()[1].path.starts_with(&format!("/bot{NEWER}/")));
}

#[tokio::test]
async fn a_token_that_cannot_be_read_is_said_and_read_again_later() {
    let away = SecretError::Unavailable("SSM did not answer".to_owned());
    let shelf = Shelf::with("HEARTBEAT_SECRET_BOT", &[Err(away), Ok("no token"), Ok(TOKEN)]);
    let stub = Stub::playing([taken()]).await;
    let channel = channel(&stub, "env:HEARTBEAT_SECRET_BOT", shelf);
    assert_eq!(channel.send(&[telling("")]).await, try_again(None, "SSM did not answer"));
    let shape = "the bot token must look like 123456789:AAF-letters_and_digits: copy it from @BotFather, whole";
    assert_eq!(channel.send(&[telling("")]).await, try_again(None, shape));
    assert_eq!(channel.send(&[telling("")]).await, Outcome::Delivered);
}

#[tokio::test]
async fn a_group_that_has_moved_is_followed_by_a_channel_of_a_project() {
    let stub = Stub::playing([moved(-200), taken(), taken()]).await;
    let channel = channel(&stub, TOKEN, Shelf::default());
    assert_eq!(channel.send(&[telling("")]).await, Outcome::Delivered);
    assert_eq!(channel.send(&[telling("")]).await, Outcome::Delivered);
    assert_eq!(stub.chats(), [-100, -200, -200]);
}

#[tokio::test]
async fn what_is_to_be_mended_is_called_as_it_is_in_the_channel() {
    for (play, outcome) in [
        (
            refused(400, "Bad Request: chat not found"),
            refusal(
                400,
                "Telegram does not know the chat: check the channel's chat_id, and add the bot or write to it first",
            ),
        ),
        (
            refused(403, "Forbidden: bot was blocked by the user"),
            refusal(403, "the bot was blocked by the user: unblock it, or change the channel's chat_id"),
        ),
        (
            refused(401, "Unauthorized"),
            answered_try_again(
                401,
                None,
                "Telegram does not know this bot token: check the channel's token (@BotFather shows it)",
            ),
        ),
    ] {
        let stub = Stub::playing([play]).await;
        assert_eq!(channel(&stub, TOKEN, Shelf::default()).send(&[telling("")]).await, outcome);
    }
}

#[tokio::test]
async fn a_configuration_is_kept_in_one_form_and_shown_without_the_token() {
    let stub = Stub::playing([]).await;
    let kinds = kinds(&stub, Shelf::default());
    let kept = kinds.check("telegram", json!({"token": TOKEN, "chat_id": " -100123 "})).unwrap();
    assert_eq!(kept, json!({"token": {"value": TOKEN}, "chat_id": "-100123"}));
    assert_eq!(kinds.shown("telegram", &kept), json!({"token": "(set)", "chat_id": "-100123"}));
    let elsewhere =
        kinds.check("telegram", json!({"token": "ssm:/heartbeat/channels/bot", "chat_id": "@ops"})).unwrap();
    assert_eq!(kinds.shown("telegram", &elsewhere), json!({"token": "ssm:/heartbeat/channels/bot", "chat_id": "@ops"}));
}

#[tokio::test]
async fn what_is_wrong_with_a_configuration_is_said_without_the_token() {
    let stub = Stub::playing([]).await;
    let kinds = kinds(&stub, Shelf::default());
    let errors = [
        json!({"chat_id": "-100"}),
        json!({"token": "s3cret", "chat_id": "-100"}),
        json!({"token": 123, "chat_id": "-100"}),
        json!({"token": TOKEN}),
        json!({"token": TOKEN, "chat_id": "ops"}),
        json!({"token": TOKEN, "chat_id": [TOKEN]}),
        json!({"token": TOKEN, "chat_id": "-100", "api_url": "http://127.0.0.1/s3cret"}),
    ]
    .map(|config| kinds.check("telegram", config).unwrap_err().to_string())
    .join("\n");
    assert!(!errors.contains("s3cret") && !errors.contains(TOKEN), "{errors}");
    insta::assert_snapshot!(errors, @r#"
    token: this field is needed
    token: the bot token must look like 123456789:AAF-letters_and_digits: copy it from @BotFather, whole
    token: a secret is a text: the secret itself, env:NAME, or ssm:/heartbeat/channels/NAME
    chat_id: this field is needed
    chat_id: "ops" is not a chat: write its number, such as 123456789 for a person or -1001234567890 for a group, or @name for a public channel
    chat_id: this is not a chat: write its number, or @name for a public channel
    api_url: there is no such field: there are token or chat_id
    "#);
}
