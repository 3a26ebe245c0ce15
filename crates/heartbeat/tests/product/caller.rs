//! A caller of the API: what a job, a script or a person with `curl` does.

use std::collections::BTreeMap;

use reqwest::{Client, Method};
use serde_json::Value;

use crate::patience::SOON;

/// Calls one server with one key.
#[derive(Clone)]
pub(crate) struct Caller {
    client: Client,
    address: String,
    key: String,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Caller {
    pub(crate) fn new(address: &str, key: &str) -> Self {
        let client = Client::builder().no_proxy().timeout(SOON).build().unwrap();
        Self { client, address: address.to_owned(), key: key.to_owned() }
    }

    /// Asks; an error when there is no answer, or no whole one.
    pub(crate) async fn try_ask(&self, method: Method, path: &str) -> reqwest::Result<Answer> {
        let request = self.client.request(method, format!("{}{path}", self.address)).bearer_auth(&self.key);
        let response = request.send().await?;
        Ok(Answer { status: response.status().as_u16(), text: response.text().await? })
    }

    /// Asks, and is answered.
    pub(crate) async fn ask(&self, method: Method, path: &str) -> Answer {
        self.try_ask(method, path).await.unwrap()
    }

    /// Pings `path` below `/heartbeat/`; the status of the answer.
    pub(crate) async fn ping(&self, path: &str) -> u16 {
        self.ask(Method::POST, &format!("/heartbeat/{path}")).await.status
    }

    /// Every monitor, by its slug.
    pub(crate) async fn monitors(&self) -> BTreeMap<String, Value> {
        let mut monitors = BTreeMap::new();
        let mut path = "/monitors".to_owned();
        loop {
            let answer = self.ask(Method::GET, &path).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let page: Value = serde_json::from_str(&answer.text).unwrap();
            for monitor in page["monitors"].as_array().unwrap() {
                monitors.insert(monitor["slug"].as_str().unwrap().to_owned(), monitor.clone());
            }
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/monitors?cursor={cursor}"),
                None => return monitors,
            }
        }
    }
}
