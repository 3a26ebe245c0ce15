//! The wire between the store and `DynamoDB`, for those who measure or disturb it: every request passes through a
//! [`Network`], which may look at it, change it, send it on, and do as it likes with the answer.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};

use super::connect::tls_wire;

/// A request on its way.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is called, such as `UpdateItem`.
    pub action: String,
    /// The JSON of it.
    pub body: Vec<u8>,
}

/// An answer on its way back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON of it.
    pub body: Vec<u8>,
}

impl Answer {
    /// A refusal, as `DynamoDB` spells one.
    pub fn refusal(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({
            "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"),
            "message": message,
        });
        Self { status, body: body.to_string().into_bytes() }
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Nothing came back in time.
    TimeOut,
    /// The connection broke.
    Broken,
}

/// What lies between the store and `DynamoDB`.
#[async_trait]
pub trait Network: Send + Sync + fmt::Debug {
    /// Carries a request there, and its answer back.
    async fn carry(&self, call: Call, onward: Onward) -> Result<Answer, Lost>;
}

/// The rest of the way.
#[derive(Debug)]
pub struct Onward {
    request: HttpRequest,
    connector: SharedHttpConnector,
}

impl Onward {
    /// Sends `body` to where the request was to go, as often as one likes.
    pub async fn send(&self, body: &[u8]) -> Result<Answer, Lost> {
        let mut request = self.request.try_clone().ok_or(Lost::Broken)?;
        *request.body_mut() = SdkBody::from(body);
        request.headers_mut().insert("content-length", body.len().to_string());
        let mut response = self.connector.call(request).await.map_err(|_| Lost::Broken)?;
        let status = response.status().as_u16();
        let body = ByteStream::new(response.take_body()).collect().await.map_err(|_| Lost::Broken)?;
        Ok(Answer { status, body: body.to_vec() })
    }
}

/// The usual wire, through `network`.
pub(super) fn through(network: Arc<dyn Network>) -> SharedHttpClient {
    SharedHttpClient::new(Through { network, inner: tls_wire() })
}

#[derive(Debug)]
struct Through {
    network: Arc<dyn Network>,
    inner: SharedHttpClient,
}

impl HttpClient for Through {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { network: Arc::clone(&self.network), inner })
    }
}

#[derive(Debug)]
struct Connector {
    network: Arc<dyn Network>,
    inner: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let action = target.rsplit('.').next().unwrap_or_default().to_owned();
        let call = Call { action, body: request.body().bytes().unwrap_or_default().to_vec() };
        let onward = Onward { request, connector: self.inner.clone() };
        let network = Arc::clone(&self.network);
        HttpConnectorFuture::new(async move { network.carry(call, onward).await.map_or_else(lost, answered) })
    }
}

fn answered(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(answer.status).map_err(|error| ConnectorError::user(error.into()))?;
    Ok(HttpResponse::new(status, SdkBody::from(answer.body)))
}

fn lost(lost: Lost) -> Result<HttpResponse, ConnectorError> {
    Err(match lost {
        Lost::TimeOut => ConnectorError::timeout("nothing came back in time".into()),
        Lost::Broken => ConnectorError::io("the connection broke".into()),
    })
}

/// How long the parts of a request may take, and how often it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// One attempt.
    pub attempt: Duration,
    /// The request with all its attempts.
    pub operation: Duration,
    /// How many attempts, at least 1.
    pub attempts: u32,
    /// The longest wait before the second attempt; it doubles from there.
    pub back_off: Duration,
}

impl Default for Patience {
    /// DESIGN: 700 ms an attempt, 3 s in all, so that the API can give up on a ping well inside the settle time. As many
    /// attempts as there is room for: throttling at the hour's start passes within seconds (`docs/scale.md`).
    fn default() -> Self {
        Self {
            attempt: Duration::from_millis(700),
            operation: Duration::from_secs(3),
            attempts: 8,
            back_off: Duration::from_millis(50),
        }
    }
}
