//! The one HTTP client of channels: bounded in time and in what it reads, deaf to proxies of the environment, and guarded
//! against addresses that are not to be reached, at connect time and on each redirect.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use heartbeat_core::{Timestamp, delivery::Reason, time::humane};
use reqwest::{
    Method, Response, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{self, HeaderMap, HeaderName, HeaderValue},
    redirect,
};
use thiserror::Error;
use tokio::time::timeout;

pub use crate::network::Network;
use crate::network::{Guard, Resolver, SystemResolver, Unreachable};

/// How long a connection may take to be made.
const CONNECT_TIME_OUT: Duration = Duration::from_secs(5);
/// How long one exchange may take, redirects included: well within a lease.
pub const DEFAULT_TIME_OUT: Duration = Duration::from_secs(10);
/// How long is waited for the rest of an answer whose status is known already.
const DRAIN_TIME_OUT: Duration = Duration::from_secs(1);
/// A connection that has been idle for longer may have been forgotten on the way.
const IDLE: Duration = Duration::from_secs(30);
/// The most that is read of an answer, so that its connection can be used again.
const MAX_ANSWER: usize = 64 * 1_024;
/// How often one exchange follows a redirect.
const MAX_REDIRECTS: usize = 3;

/// Why no client could be made: the machine's TLS is broken.
#[derive(Debug, Error)]
#[error("no HTTPS client can be made on this machine: {0}")]
pub struct ClientError(String);

impl ClientError {
    pub(crate) fn new(error: &reqwest::Error) -> Self {
        Self(root(error))
    }
}

/// Speaks HTTP. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    guard: Guard,
    time_out: Duration,
}

/// What is sent. Not to be shown: there may be secrets in its address and its headers.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// For whoever is asked, after a redirect too.
    pub(crate) headers: HeaderMap,
    /// For the origin of `url` alone: credentials, signatures.
    pub(crate) private_headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// `Retry-After`, as it was written.
    pub(crate) retry_after: Option<String>,
}

/// Why nothing came back that can be used. Each message stands for itself in a [`Reason`], and names no path or query:
/// there may be a secret in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Failure {
    #[error("{host} did not answer within {}", humane_or_ms(*.within))]
    TimedOut { host: String, within: Duration },
    #[error("cannot reach {host}: {why}")]
    Unreached { host: String, why: String },
    #[error("the connection to {host} broke: {why}")]
    Broken { host: String, why: String },
    #[error("{0}")]
    Unreachable(Unreachable),
    #[error("it answers with a redirect ({status}) that cannot be followed: {why}")]
    Redirect { status: u16, why: &'static str },
}

impl Failure {
    /// What was answered, where something was.
    pub(crate) fn reason(&self) -> Reason {
        let reason = Reason::new(&self.to_string());
        match self {
            Self::Redirect { status, .. } => reason.with_status(*status),
            Self::TimedOut { .. } | Self::Unreached { .. } | Self::Broken { .. } | Self::Unreachable(_) => reason,
        }
    }
}

impl Client {
    /// A client that reaches what `network` allows.
    pub fn new(network: Network) -> Result<Self, ClientError> {
        Self::with_resolver(network, Arc::new(SystemResolver))
    }

    /// The same, by names that `resolver` knows.
    pub fn with_resolver(network: Network, resolver: Arc<dyn Resolver>) -> Result<Self, ClientError> {
        Self::guarded(Guard::new(network, resolver))
    }

    fn guarded(guard: Guard) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("heartbeat/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIME_OUT)
            .pool_idle_timeout(IDLE)
            // A proxy out of the environment would resolve names by itself, past the guard.
            .no_proxy()
            // Followed here, each hop guarded.
            .redirect(redirect::Policy::none())
            .dns_resolver(Arc::new(Guarded(guard.clone())))
            .build()
            .map_err(|error| ClientError::new(&error))?;
        Ok(Self { http, guard, time_out: DEFAULT_TIME_OUT })
    }

    /// The same client, which takes at most this long for an exchange.
    #[must_use]
    pub fn within(self, time_out: Duration) -> Self {
        Self { time_out, ..self }
    }

    /// The longest that an exchange takes.
    pub fn time_out(&self) -> Duration {
        // What is read of an answer after its status is known comes on top.
        self.time_out + DRAIN_TIME_OUT
    }

    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// One GET, for an outbound heartbeat or a canary: the status that was answered. The headers go to the origin of `url`
    /// alone, and neither they nor the path are in a reason.
    pub async fn ping(&self, url: &str, headers: &[(String, String)]) -> Result<u16, Reason> {
        let request = Request {
            method: Method::GET,
            url: address(url).map_err(Reason::new)?,
            headers: HeaderMap::new(),
            private_headers: header_map(headers).ok_or_else(|| Reason::new("a header cannot be sent"))?,
            body: Vec::new(),
        };
        let answer = self.exchange(&request).await.map_err(|failure| failure.reason())?;
        Ok(answer.status.as_u16())
    }

    /// One exchange, redirects included.
    pub(crate) async fn exchange(&self, request: &Request) -> Result<Answer, Failure> {
        let followed = timeout(self.time_out, self.follow(request)).await;
        let response = followed.unwrap_or_else(|_| {
            Err(Failure::TimedOut { host: host(&request.url).to_owned(), within: self.time_out })
        })?;
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let answer = Answer { status: response.status(), retry_after: retry_after.map(str::to_owned) };
        // Whatever becomes of the rest, the status was said.
        let _ = timeout(DRAIN_TIME_OUT, drain(response)).await;
        Ok(answer)
    }

    async fn follow(&self, request: &Request) -> Result<Response, Failure> {
        let mut url = request.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.hop(request, &url).await?;
            if !matches!(response.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
                return Ok(response);
            }
            url = next(&url, &response)?;
        }
        let status = StatusCode::TEMPORARY_REDIRECT.as_u16();
        Err(Failure::Redirect { status, why: "it leads on and on" })
    }

    async fn hop(&self, request: &Request, url: &Url) -> Result<Response, Failure> {
        // An address is not asked of the resolver.
        self.guard.literal(host(url)).map_err(Failure::Unreachable)?;
        let mut headers = request.headers.clone();
        if url.origin() == request.url.origin() {
            headers.extend(request.private_headers.clone());
        }
        let hop = self.http.request(request.method.clone(), url.clone()).headers(headers).body(request.body.clone());
        hop.send().await.map_err(|error| failed(&error, url))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("guard", &self.guard).field("time_out", &self.time_out).finish_non_exhaustive()
    }
}

/// Where a redirect leads.
fn next(from: &Url, response: &Response) -> Result<Url, Failure> {
    let refused = |why| Failure::Redirect { status: response.status().as_u16(), why };
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let to = location.and_then(|location| from.join(location).ok()).ok_or(refused("it names no address"))?;
    let to = checked(to).map_err(|_| refused("what it names is no address to follow"))?;
    if from.scheme() == "https" && to.scheme() == "http" {
        return Err(refused("it leads from https to http"));
    }
    Ok(to)
}

/// An address that a request may go to.
pub(crate) fn address(text: &str) -> Result<Url, &'static str> {
    checked(Url::parse(text).map_err(|_| "this is not an address: write https://…")?)
}

fn checked(url: Url) -> Result<Url, &'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err("an address begins with https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address holds no name and password: put them into a header");
    }
    if host(&url).is_empty() || url.port() == Some(0) {
        return Err("the address names no host and port that can be reached");
    }
    Ok(url)
}

/// An address as it may be shown: a query may hold a secret.
pub(crate) fn shown(text: &str) -> String {
    let Ok(mut url) = address(text) else { return "(not an address)".to_owned() };
    let has_query = url.query().is_some();
    url.set_query(None);
    url.set_fragment(None);
    if has_query { format!("{url}?…") } else { url.to_string() }
}

pub(crate) fn header_map(headers: &[(String, String)]) -> Option<HeaderMap> {
    let pair = |(name, value): &(String, String)| {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
    };
    headers.iter().map(pair).collect()
}

/// How long `Retry-After` asks to wait: seconds, or until a date.
pub(crate) fn wish(retry_after: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = retry_after.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(retry_after.trim()).ok()?;
    let until = Timestamp::EPOCH.plus(date.duration_since(std::time::UNIX_EPOCH).ok()?);
    Some(until.since(now))
}

async fn drain(mut response: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > MAX_ANSWER {
            return;
        }
    }
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

fn failed(error: &reqwest::Error, url: &Url) -> Failure {
    if let Some(unreachable) = causes(error).find_map(|cause| cause.downcast_ref::<Unreachable>()) {
        return Failure::Unreachable(unreachable.clone());
    }
    let host = host(url).to_owned();
    let timed_out = error.is_timeout();
    let why = if timed_out { "it does not answer".to_owned() } else { root(error) };
    if error.is_connect() { Failure::Unreached { host, why } } else { Failure::Broken { host, why } }
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut cause = error.source();
    std::iter::from_fn(move || {
        let found = cause?;
        cause = found.source();
        Some(found)
    })
}

/// The innermost cause: the only one that does not name the address.
pub(crate) fn root(error: &reqwest::Error) -> String {
    // Without a deeper cause it is reqwest's own sentence, which ends in the address.
    causes(error).last().map_or_else(|| "the exchange failed".to_owned(), ToString::to_string)
}

pub(crate) fn humane_or_ms(duration: Duration) -> String {
    if duration < Duration::from_secs(1) { format!("{} ms", duration.as_millis()) } else { humane(duration) }
}

/// Names of requests are resolved by the guard, so that a connection goes only to an address that was judged.
struct Guarded(Guard);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            let found = guard.addresses(name.as_str(), 0).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// What a ping comes to that is answered with a redirect to `location`, by a host that may be reached.
    async fn redirected(location: &str) -> Result<u16, Reason> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let answer = format!("HTTP/1.1 307 x\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4_096]).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let guard = Guard::allowing(|address| address == std::net::Ipv4Addr::LOCALHOST);
        let pinged = Client::guarded(guard).unwrap().ping(&url, &[]).await;
        served.await.unwrap();
        pinged
    }

    #[tokio::test]
    async fn a_redirect_does_not_lead_to_a_private_address() {
        for (location, address) in [
            ("http://127.0.0.2/", "127.0.0.2"),
            ("http://0x7f000002/", "127.0.0.2"),
            ("//2130706434/", "127.0.0.2"),
            ("http://0251.0376.0251.0376/latest/meta-data", "169.254.169.254"),
            ("http://[::ffff:127.0.0.2]/", "::ffff:127.0.0.2"),
        ] {
            let said = Reason::new(&format!("the address is private: {address}"));
            assert_eq!(redirected(location).await, Err(said), "{location}");
        }
    }

    #[tokio::test]
    async fn a_redirect_does_not_lead_to_a_name_of_a_private_address() {
        // By the machine's own resolver, which knows this one name everywhere, as ::1 first or as 127.0.0.1 alone.
        let guard = Guard::allowing(|_| false);
        let pinged = Client::guarded(guard).unwrap().ping("http://localhost:9/", &[]).await;
        assert!(pinged.unwrap_err().as_str().starts_with("the address is private: "));
    }

    #[test]
    fn a_wish_to_wait_is_seconds_or_a_date() {
        let now = Timestamp::parse("2026-11-23T03:00:00Z").unwrap();
        for (text, seconds) in [
            ("35", Some(35)),
            (" 0 ", Some(0)),
            ("Mon, 23 Nov 2026 03:02:00 GMT", Some(120)),
            ("Mon, 23 Nov 2026 02:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
            ("", None),
        ] {
            assert_eq!(wish(text, now), seconds.map(Duration::from_secs), "{text:?}");
        }
    }

    #[test]
    fn an_address_is_shown_without_its_query() {
        for (text, as_shown) in [
            ("https://a.example", "https://a.example/"),
            ("https://a.example:8443/b/c?token=secret#d", "https://a.example:8443/b/c?…"),
            ("https://me:secret@a.example/", "(not an address)"),
        ] {
            assert_eq!(shown(text), as_shown);
        }
    }

    #[test]
    fn what_is_no_address_to_send_to_is_refused() {
        for text in [
            "",
            "a.example",
            "ftp://a.example",
            "mailto:a@b",
            "https://",
            "https://a:b@c",
            "https://a@c",
            "http://a:0/",
        ] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}
