//! `heartbeat monitors`, `export` and `import`: the API's management calls from the command line.

mod define;
mod difference;
pub(crate) mod document;
mod listing;

use anyhow::{Context, bail};
use heartbeat_core::{ChannelName, Slug};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::{
    cli::Monitors,
    config::Config,
    say,
    variables::{API_KEY, SERVER},
};

/// A page of the listing.
const PAGE: usize = 500;

pub(crate) async fn run(config: &Config, command: Option<Monitors>) -> anyhow::Result<()> {
    let server = Server::new(config)?;
    match command.unwrap_or(Monitors::List) {
        Monitors::List => server.list().await,
        Monitors::Pause { slug, duration } => {
            let body = duration.map(|duration| json!({ "for": duration }));
            server.call(Method::POST, &format!("/monitors/{slug}/pause"), body).await?;
            Ok(say(&format!("{slug} is paused"))?)
        }
        Monitors::Resume { slug } => {
            server.call(Method::POST, &format!("/monitors/{slug}/unpause"), None).await?;
            Ok(say(&format!("{slug} is watched again"))?)
        }
        Monitors::Show { slug } => server.show(&slug).await,
        Monitors::Create { slug, wanted } => server.create(&slug, &wanted).await,
        Monitors::Edit { slug, wanted } => server.edit(&slug, &wanted).await,
        Monitors::Channels { slug, channels, all } => server.channels(&slug, &channels, all).await,
        Monitors::Delete { slug } => {
            server.call(Method::DELETE, &format!("/monitors/{slug}"), None).await?;
            Ok(say(&format!("{slug} is deleted"))?)
        }
    }
}

/// A body and what it is.
struct Body {
    kind: &'static str,
    text: String,
}

struct Server {
    client: Client,
    address: String,
    key: String,
}

impl Server {
    fn new(config: &Config) -> anyhow::Result<Self> {
        let Some(key) = &config.api_key else {
            bail!("{API_KEY} is not set: give it a key with the scopes read and write")
        };
        Ok(Self {
            client: Client::builder().timeout(std::time::Duration::from_secs(30)).build()?,
            address: config.server.trim_end_matches('/').to_owned(),
            key: key.reveal().to_owned(),
        })
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let body = body.map(|body| Body { kind: "application/json", text: body.to_string() });
        Ok(serde_json::from_str(&self.ask(method, path, body).await?).unwrap_or(Value::Null))
    }

    /// What is answered, as it is.
    async fn ask(&self, method: Method, path: &str, body: Option<Body>) -> anyhow::Result<String> {
        let mut request = self.client.request(method, format!("{}{path}", self.address)).bearer_auth(&self.key);
        if let Some(Body { kind, text }) = body {
            request = request.header("content-type", kind).body(text);
        }
        let answer = request.send().await.with_context(|| format!("no answer from {} ({SERVER})", self.address))?;
        let status = answer.status();
        let text = answer.text().await?;
        if status.is_success() {
            return Ok(text);
        }
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        match value.pointer("/error/message").and_then(Value::as_str) {
            Some(message) => bail!("{message}"),
            None => bail!("{} answered {status}", self.address),
        }
    }

    /// Shows which channels a monitor uses, after it has chosen them if it is told to.
    async fn channels(&self, slug: &Slug, channels: &[ChannelName], all: bool) -> anyhow::Result<()> {
        let path = format!("/api/v1/monitors/{slug}/channels");
        let answer = match channels {
            [] if !all => self.call(Method::GET, &path, None).await?,
            [] => self.call(Method::PUT, &path, Some(json!({ "channels": null }))).await?,
            names => self.call(Method::PUT, &path, Some(json!({ "channels": names }))).await?,
        };
        let names = answer.get("channels").and_then(Value::as_array);
        let whom = names.map_or_else(
            || "all channels of its project are".to_owned(),
            |names| {
                format!("{} and no other is", names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "))
            },
        );
        Ok(say(&format!("{whom} told of {slug}"))?)
    }

    async fn list(&self) -> anyhow::Result<()> {
        say(listing::HEAD)?;
        let mut cursor = String::new();
        loop {
            let page = self.call(Method::GET, &format!("/monitors?limit={PAGE}{cursor}"), None).await?;
            listing::lines(&page).iter().try_for_each(|line| say(line))?;
            match page.get("next_cursor").and_then(Value::as_str) {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(()),
            }
        }
    }
}
