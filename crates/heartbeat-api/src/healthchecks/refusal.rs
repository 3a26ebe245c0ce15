//! Refusals in the words of Healthchecks: text for pings, `{"error": "…"}` for management. Which of our errors it was is in
//! the log.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{access::in_other_words, error::ApiError};

/// A ping that was refused.
pub(super) struct PingRefusal(pub(super) ApiError);

/// A management call that was refused.
pub(super) struct Refusal(pub(super) ApiError);

impl From<ApiError> for PingRefusal {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl IntoResponse for PingRefusal {
    fn into_response(self) -> Response {
        use ApiError as E;
        let error = &self.0;
        let is_nobody = matches!(error, E::MalformedKey | E::UnknownKey | E::RevokedKey | E::ExpiredKey);
        let is_nothing = matches!(
            error,
            E::UnknownPingUrl | E::UnknownMonitor(_) | E::BadSlug(_) | E::UnknownPath | E::WrongMonitor
        );
        let (status, said) = if is_nobody || is_nothing {
            not_found()
        } else if matches!(error, E::UnknownSignal | E::BadPath) {
            (StatusCode::BAD_REQUEST, "invalid url format".to_owned())
        } else {
            (error.status(), error.to_string())
        };
        in_other_words(self.0, status, "text/plain; charset=utf-8", said.into())
    }
}

fn not_found() -> (StatusCode, String) {
    (StatusCode::NOT_FOUND, "not found".to_owned())
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        use ApiError as E;
        let error = &self.0;
        let (status, said) =
            if matches!(error, E::UnknownPingUrl | E::UnknownMonitor(_) | E::DeletedMonitor(_) | E::UnknownPath) {
                not_found()
            } else if matches!(error, E::MissingKey) {
                (StatusCode::UNAUTHORIZED, "missing api key".to_owned())
            } else if matches!(error, E::MalformedKey | E::UnknownKey | E::RevokedKey | E::ExpiredKey) {
                (StatusCode::UNAUTHORIZED, "wrong api key".to_owned())
            } else if let E::WrongScope(scope) = error {
                (StatusCode::UNAUTHORIZED, format!("wrong api key: it lacks the scope `{}`", scope.as_str()))
            } else {
                (error.status(), error.to_string())
            };
        in_other_words(self.0, status, "application/json", json!({ "error": said }).to_string().into())
    }
}
