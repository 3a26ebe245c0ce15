//! An error as an answer: its code, its status, its headers and its body.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::ApiError;

/// How soon to come again when the store is down.
const STORE_BACK_S: u64 = 5;

impl ApiError {
    /// The stable code that programs go by.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::BadPath => "bad_path",
            Self::BadSlug(_) => "bad_slug",
            Self::BadInterval(_) => "bad_interval",
            Self::BadGrace(_) => "bad_grace",
            Self::BadCron(_) => "bad_cron",
            Self::BadDefinition(_) => "bad_definition",
            Self::BadQuery(_) => "bad_query",
            Self::BadJson(_) => "bad_json",
            Self::BadDocument(_) => "bad_document",
            Self::BadPause(_) => "bad_pause",
            Self::BadChannelName(_) => "bad_channel_name",
            Self::BadChannel(_) => "bad_channel",
            Self::MissingKey => "missing_key",
            Self::MalformedKey => "malformed_key",
            Self::UnknownKey => "unknown_key",
            Self::RevokedKey => "revoked_key",
            Self::ExpiredKey => "expired_key",
            Self::WrongScope(_) => "wrong_scope",
            Self::WrongMonitor => "wrong_monitor",
            Self::LimitedKey => "limited_key",
            Self::UnknownPath => "unknown_path",
            Self::UnknownSignal => "unknown_signal",
            Self::UnknownMonitor(_) => "unknown_monitor",
            Self::UnknownPingUrl => "unknown_ping_url",
            Self::UnknownBadge => "unknown_badge",
            Self::UnknownChannel(_) => "unknown_channel",
            Self::UnknownDelivery => "unknown_delivery",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::BodyIncomplete => "body_incomplete",
            Self::MonitorExists(_) => "monitor_exists",
            Self::ChannelExists(_) => "channel_exists",
            Self::TooManyChannels => "too_many_channels",
            Self::SecondFallback(_) => "second_fallback",
            Self::AlreadyDelivered => "already_delivered",
            Self::NothingToRetry => "nothing_to_retry",
            Self::DeletedMonitor(_) => "deleted_monitor",
            Self::BodyTooLarge(_) => "body_too_large",
            Self::UriTooLong => "uri_too_long",
            Self::NotJson => "not_json",
            Self::NoDocument => "no_document",
            Self::TooManyFailures(_) => "too_many_failures",
            Self::TooManyCalls(_) => "too_many_calls",
            Self::HeadersTooLarge => "headers_too_large",
            Self::Internal(_) => "internal",
            Self::Corrupt(_) => "corrupt_monitor",
            Self::StoreUnavailable(_) => "store_unavailable",
            Self::StoreTimeout => "store_timeout",
            Self::Contended => "contended",
            Self::Busy => "busy",
            Self::NoKinds => "no_kinds",
            Self::NotReady(_) => "not_ready",
        }
    }

    /// The status of the answer.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest
            | Self::BadPath
            | Self::BadSlug(_)
            | Self::BadInterval(_)
            | Self::BadGrace(_)
            | Self::BadCron(_)
            | Self::BadDefinition(_)
            | Self::BadQuery(_)
            | Self::BadJson(_)
            | Self::BadDocument(_)
            | Self::BadPause(_)
            | Self::BadChannelName(_)
            | Self::BadChannel(_) => StatusCode::BAD_REQUEST,
            Self::MissingKey | Self::MalformedKey | Self::UnknownKey | Self::RevokedKey | Self::ExpiredKey => {
                StatusCode::UNAUTHORIZED
            }
            Self::WrongScope(_) | Self::WrongMonitor | Self::LimitedKey => StatusCode::FORBIDDEN,
            Self::UnknownPath
            | Self::UnknownSignal
            | Self::UnknownMonitor(_)
            | Self::UnknownPingUrl
            | Self::UnknownBadge
            | Self::UnknownChannel(_)
            | Self::UnknownDelivery => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyIncomplete => StatusCode::REQUEST_TIMEOUT,
            Self::MonitorExists(_)
            | Self::ChannelExists(_)
            | Self::TooManyChannels
            | Self::SecondFallback(_)
            | Self::AlreadyDelivered
            | Self::NothingToRetry => StatusCode::CONFLICT,
            Self::DeletedMonitor(_) => StatusCode::GONE,
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::NotJson | Self::NoDocument => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyFailures(_) | Self::TooManyCalls(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Internal(_) | Self::Corrupt(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NoKinds => StatusCode::NOT_IMPLEMENTED,
            Self::StoreUnavailable(_) | Self::StoreTimeout | Self::Contended | Self::Busy | Self::NotReady(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// What only the log may know.
    pub(crate) fn detail(&self) -> Option<&str> {
        if let Self::Internal(detail) | Self::Corrupt(detail) | Self::StoreUnavailable(detail) = self {
            return Some(detail);
        }
        None
    }

    /// When to come again, in whole seconds, rounded up.
    fn retry_after_s(&self) -> Option<u64> {
        if let Self::TooManyFailures(wait) | Self::TooManyCalls(wait) = self {
            return u64::try_from(wait.as_millis().div_ceil(1_000).max(1)).ok();
        }
        match self.status() {
            StatusCode::SERVICE_UNAVAILABLE if matches!(self, Self::Contended | Self::Busy) => Some(1),
            StatusCode::SERVICE_UNAVAILABLE => Some(STORE_BACK_S),
            _ => None,
        }
    }

    /// The body of the answer: `{"error":{"code","message","request_id"}}`.
    pub(crate) fn body(&self, request_id: &str) -> Vec<u8> {
        let error = Inner { code: self.code(), message: self.to_string(), request_id };
        serde_json::to_vec(&Outer { error }).unwrap_or_default()
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct Outer<'a> {
    error: Inner<'a>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ErrorDetail)]
pub(crate) struct Inner<'a> {
    code: &'static str,
    message: String,
    request_id: &'a str,
}

/// Status, headers, and the error itself as an extension: the outermost layer writes the body.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after_s() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Self::MethodNotAllowed(allowed) = self {
            headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
        }
        response.extensions_mut().insert(self);
        response
    }
}
