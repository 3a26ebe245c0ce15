//! Settings that are kept elsewhere: read once, and again when the token is not known any more.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use heartbeat_notify::telegram::{Complaint, Source, SourcedTelegram};

use super::*;

const NEWER: &str = "123456:the-Newer_token";

/// Gives one answer after the other, the last again and again.
struct Shelf {
    answers: Vec<Result<TelegramSettings, Complaint>>,
    reads: Arc<AtomicUsize>,
}

#[async_trait]
impl Source for Shelf {
    async fn read(&self) -> Result<TelegramSettings, Complaint> {
        let read = self.reads.fetch_add(1, Ordering::SeqCst);
        self.answers[read.min(self.answers.len() - 1)].clone()
    }
}

struct Scene {
    stub: Stub,
    telegram: SourcedTelegram,
    reads: Arc<AtomicUsize>,
}

/// A Bot API that plays `plays`, and a source that gives `answers`: tokens, or what is wrong.
async fn scene(plays: impl IntoIterator<Item = Play>, answers: &[Result<&str, Complaint>]) -> Scene {
    logged();
    let stub = Stub::playing(plays).await;
    let settings = |token: &str| TelegramSettings {
        token: BotToken::parse(token).unwrap(),
        chat: Chat::parse("-100").unwrap(),
        api_url: stub.url.clone(),
        time_out: LONG,
    };
    let answers = answers.iter().map(|answer| answer.as_ref().map(|token| settings(token)).map_err(Clone::clone));
    let reads = Arc::<AtomicUsize>::default();
    let telegram = SourcedTelegram::new(Box::new(Shelf { answers: answers.collect(), reads: Arc::clone(&reads) }));
    Scene { stub, telegram, reads }
}

impl Scene {
    async fn send(&self) -> Outcome {
        self.telegram.send(&[telling("a < b")]).await
    }

    /// The tokens that the Bot API has seen.
    fn tokens(&self) -> Vec<String> {
        let token = |arrived: Arrived| arrived.path.trim_start_matches("/bot").rsplit_once('/').unwrap().0.to_owned();
        self.stub.arrived().into_iter().map(token).collect()
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

fn unknown_token() -> Play {
    refused(401, "Unauthorized")
}

#[tokio::test]
async fn what_is_kept_elsewhere_is_read_once_for_many_messages() {
    let scene = scene([taken(), taken()], &[Ok(TOKEN)]).await;
    assert_eq!((scene.send().await, scene.send().await), (Outcome::Delivered, Outcome::Delivered));
    assert_eq!((scene.reads(), scene.telegram.complaint()), (1, None));
}

#[tokio::test]
async fn a_token_that_is_not_known_any_more_is_read_again_and_the_message_arrives() {
    let scene = scene([unknown_token(), taken(), taken()], &[Ok(TOKEN), Ok(NEWER)]).await;
    assert_eq!((scene.send().await, scene.send().await), (Outcome::Delivered, Outcome::Delivered));
    assert_eq!(scene.tokens(), [TOKEN, NEWER, NEWER]);
    assert_eq!((scene.reads(), scene.telegram.complaint()), (2, None));
}

#[tokio::test]
async fn where_there_is_no_newer_token_it_is_not_tried_twice_and_somebody_can_ask_why() {
    let scene = scene([unknown_token(), taken()], &[Ok(TOKEN)]).await;
    let reason = "Telegram does not know this bot token: check TELEGRAM_BOT_TOKEN (@BotFather shows it)";
    assert_eq!(scene.send().await, answered_try_again(401, None, reason), "soon: it is mended elsewhere");
    assert_eq!(scene.telegram.complaint(), Some(Complaint::Setting(reason.to_owned())));
    assert_eq!(scene.send().await, Outcome::Delivered, "it is known again");
    assert_eq!(scene.telegram.complaint(), None);
}

#[tokio::test]
async fn a_source_that_is_away_loses_no_message() {
    let away = Complaint::Unavailable("SSM did not answer".to_owned());
    let scene = scene([taken()], &[Err(away.clone()), Ok(TOKEN)]).await;
    assert_eq!(scene.telegram.prepare().await, Err(away.clone()));
    assert_eq!(scene.telegram.complaint(), Some(away));
    assert_eq!(scene.send().await, Outcome::Delivered);
    assert_eq!(scene.telegram.complaint(), None);
}

#[tokio::test]
async fn asked_before_there_is_an_alert_it_says_what_is_wrong_and_that_it_is_mended() {
    let answered = |result: Value| Play::Answer(200, json!({"ok": true, "result": result}).to_string());
    let me = || answered(json!({"id": 1, "is_bot": true, "first_name": "Bot"}));
    let chat = answered(json!({"id": -100, "type": "group", "title": "Ops"}));
    let no_chat = refused(400, "Bad Request: chat not found");
    let scene = scene([unknown_token(), me(), no_chat, me(), chat], &[Ok(TOKEN), Ok(NEWER)]).await;
    for part in ["does not know this bot token", "does not know the chat"] {
        let complaint = scene.telegram.verify().await.unwrap_err();
        assert!(complaint.to_string().contains(part), "{complaint}");
        assert_eq!(scene.telegram.complaint(), Some(complaint));
    }
    assert_eq!((scene.telegram.verify().await, scene.telegram.complaint()), (Ok(()), None));
}

#[tokio::test]
async fn its_debug_and_its_complaints_show_no_secret() {
    let scene = scene([unknown_token()], &[Ok(TOKEN)]).await;
    scene.send().await;
    let shown = format!("{:?} {:?}", scene.telegram, scene.telegram.complaint());
    assert!(!shown.contains("secret"), "{shown}");
}
