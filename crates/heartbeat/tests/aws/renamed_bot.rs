//! The stub of the Bot API with a token that can be changed: what `BotFather` does on `/revoke`.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, sync::watch};

use crate::bot_api::{BotApi, TOKEN};

/// It passes on what is sent with the token of the day, for as long as its test's runtime lives.
pub(crate) struct RenamedBot {
    pub(crate) url: String,
    token: watch::Sender<String>,
}

#[derive(Clone)]
struct Front {
    client: reqwest::Client,
    bot_api: String,
    token: watch::Receiver<String>,
}

impl RenamedBot {
    /// In front of `bot_api`, with its token.
    pub(crate) async fn of(bot_api: &BotApi) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (token, seen) = watch::channel(TOKEN.to_owned());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let front = Front { client, bot_api: bot_api.url.clone(), token: seen };
        let app = Router::new().fallback(pass_on).with_state(front);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, token }
    }

    /// Its token is another one from now on.
    pub(crate) fn is_renamed(&self, token: &str) {
        self.token.send_replace(token.to_owned());
    }
}

async fn pass_on(State(front): State<Front>, uri: Uri, body: String) -> Response {
    let known = format!("/bot{}/", *front.token.borrow());
    let Some(method) = uri.path().strip_prefix(&known) else {
        let refusal = r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#;
        return (StatusCode::UNAUTHORIZED, refusal).into_response();
    };
    let request = front.client.post(format!("{}/bot{TOKEN}/{method}", front.bot_api)).body(body);
    let answer = request.send().await.unwrap();
    (answer.status(), answer.bytes().await.unwrap()).into_response()
}
