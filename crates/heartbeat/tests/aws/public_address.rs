//! The public address of the API: a name in front of the function URL, which a test can block, as an expired certificate or
//! a lost DNS record does: the functions live, and nobody hears a ping.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header::AUTHORIZATION},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, sync::watch};

/// The canary's schedule, and the one that it has here: its silence shows in one minute instead of three.
const SCHEDULES: [&str; 2] = ["interval=2m&grace=1m", "interval=30s&grace=30s"];

/// It passes on what it is asked, for as long as its test's runtime lives.
pub(crate) struct PublicAddress {
    pub(crate) url: String,
    leads_to: watch::Sender<Option<String>>,
    blocked: watch::Sender<bool>,
}

#[derive(Clone)]
struct Front {
    client: reqwest::Client,
    leads_to: watch::Receiver<Option<String>>,
    blocked: watch::Receiver<bool>,
}

impl PublicAddress {
    /// Listens, and leads nowhere yet.
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let ((leads_to, there), (blocked, seen)) = (watch::channel(None), watch::channel(false));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let app = Router::new().fallback(pass_on).with_state(Front { client, leads_to: there, blocked: seen });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, leads_to, blocked }
    }

    /// It leads to `address` from now on.
    pub(crate) fn lead_to(&self, address: String) {
        self.leads_to.send_replace(Some(address));
    }

    /// Whether nobody gets through.
    pub(crate) fn block(&self, blocked: bool) {
        self.blocked.send_replace(blocked);
    }
}

async fn pass_on(State(front): State<Front>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let address = front.leads_to.borrow().clone().filter(|_| !*front.blocked.borrow());
    let Some(address) = address else { return StatusCode::BAD_GATEWAY.into_response() };
    let path = uri.to_string().replace(SCHEDULES[0], SCHEDULES[1]);
    let mut request = front.client.request(method, format!("{address}{path}")).body(body);
    if let Some(key) = headers.get(AUTHORIZATION) {
        request = request.header(AUTHORIZATION, key);
    }
    match request.send().await {
        Ok(answer) => (answer.status(), answer.bytes().await.unwrap_or_default()).into_response(),
        // The test has ended, and the cloud with it.
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
