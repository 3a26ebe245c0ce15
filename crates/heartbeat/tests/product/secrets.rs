//! Secrets: a key is shown once, to the person who starts the first server, and to nobody else; the bot's token never.

use reqwest::Method;

use crate::{
    bot_api::{BotApi, TOKEN, Weather},
    installation::Installation,
    patience::SOON,
};

#[tokio::test]
async fn no_secret_is_logged_however_much_is_logged() {
    let bot_api = BotApi::open().await;
    let installation = Installation::fresh().telling(&bot_api).with("RUST_LOG", "trace");
    let server = installation.serve().await;
    let first = server.first_key().await;
    let second = installation.run(&["add-api-key", "--description", "second"]).await;
    assert!(!second.err.contains("hb_"), "{second:?}");
    let second = second.well().trim().to_owned();
    // A key whose last character was mistyped, one that nobody has made, and one that strayed into a path.
    let mistyped = format!("{}x", &first[..first.len() - 1]);
    for (key, status) in [(&first, 201), (&second, 200), (&mistyped, 401)] {
        assert_eq!(server.caller(key).ping("nightly-backup").await, status);
    }
    for path in [format!("/heartbeat/{first}"), format!("/monitors?key={first}"), format!("/{first}/{first}")] {
        server.caller(&first).ask(Method::GET, &path).await;
    }
    bot_api.turn(Weather::Stormy);
    for number in 0..3 {
        assert_eq!(server.caller(&second).ping(&format!("storm-{number}/fail")).await, 201);
        bot_api.message(SOON, &format!("storm-{number}"), "🔴").await;
    }
    let (said, logged) = (server.said.clone(), server.logged.clone());
    server.stop().await;

    let (said, logged) = (said.to_the_end().await, logged.to_the_end().await);
    assert!(logged.contains("nightly-backup"), "little was logged:\n{logged}");
    for secret in [&first, &second, &mistyped, "Very_secret"] {
        assert!(!logged.contains(&secret[3..]), "{secret} is in the log:\n{logged}");
    }
    assert_eq!(said.matches(&first).count(), 4, "by itself, and in three lines to copy:\n{said}");
    assert!(!said.contains(&second) && !said.contains(TOKEN), "{said}");

    let server = installation.serve().await;
    let said = server.said.clone();
    server.stop().await;
    assert!(!said.to_the_end().await.contains("hb_"), "it was to be shown once");
}
