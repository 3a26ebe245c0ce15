//! Why a request may be refused, each status in one place; and in whose words.

use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, Ref, RefOr, Response, ResponseBuilder, Schema,
        header::HeaderBuilder,
        schema::{ObjectBuilder, Type},
    },
};

use super::{
    operation::{JSON, TEXT},
    words,
};
use crate::error::response::Outer;

/// The protocol whose words a refusal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// `{"error": {"code", "message", "request_id"}}`.
    Ours,
    /// Healthchecks' management: `{"error": "…"}`.
    Healthchecks,
    /// Healthchecks' pings: text.
    HealthchecksPing,
    /// Uptime Kuma: `{"ok": false, "msg": "…"}`.
    Kuma,
}

impl Words {
    const ALL: [Self; 4] = [Self::Ours, Self::Healthchecks, Self::HealthchecksPing, Self::Kuma];

    /// The name of the response with this status. What the server refuses before it knows the path is in our words.
    pub(super) fn name(self, status: u16) -> String {
        let prefix = match self {
            _ if matches!(status, 414 | 431) => "Refused",
            Self::Ours => "Refused",
            Self::Healthchecks => "CheckRefused",
            Self::HealthchecksPing => "CheckPingRefused",
            Self::Kuma => "PushRefused",
        };
        format!("{prefix}{status}")
    }

    fn content(self) -> (&'static str, RefOr<Schema>) {
        match self {
            Self::Ours => (JSON, Ref::from_schema_name(Outer::name()).into()),
            Self::Healthchecks => (JSON, said("error").into()),
            Self::HealthchecksPing => (TEXT, words::text().into()),
            Self::Kuma => (JSON, kuma().into()),
        }
    }
}

const STATUSES: [(u16, &str); 15] = [
    (400, "Something in the path, the query or the body is not as it must be: `message` says what."),
    (401, "The key is missing, no key, unknown, revoked or expired."),
    (403, "The key lacks the scope, or is limited to another monitor."),
    (404, "There is nothing of this name."),
    (408, "The body did not arrive whole in time; nothing was changed."),
    (409, "It does not go together with what is there."),
    (410, "The monitor was deleted: pings do not bring it back for a day."),
    (413, "The body is too large."),
    (414, "The address of the request is too long."),
    (415, "The body is not called `application/json`."),
    (429, "Too many calls, or too many unknown keys: `Retry-After` says how long to wait."),
    (431, "The headers are too many or too large."),
    (500, "Our mistake, or something stored cannot be understood."),
    (501, "This API was set up without the kinds of channel."),
    (503, "The store is away, did not answer in time, or is contended: nothing is promised, send it again."),
];

/// All of them by their names.
pub(super) fn responses(schemas: &mut Vec<(String, RefOr<Schema>)>) -> Vec<(String, Response)> {
    schemas.push((Outer::name().to_string(), Outer::schema()));
    Outer::schemas(schemas);
    let all = Words::ALL.into_iter().flat_map(|words| STATUSES.map(|(status, why)| (words, status, why)));
    all.map(|(words, status, why)| (words.name(status), response(words, status, why))).collect()
}

fn response(words: Words, status: u16, why: &str) -> Response {
    let (kind, schema) = words.content();
    let response = ResponseBuilder::new().description(why).content(kind, Content::new(Some(schema)));
    if matches!(status, 429 | 503) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
        let wait = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds to wait."));
        return response.header("Retry-After", wait.build()).build();
    }
    response.build()
}

fn said(field: &str) -> ObjectBuilder {
    ObjectBuilder::new().property(field, words::text()).required(field)
}

fn kuma() -> ObjectBuilder {
    let no = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([json!(false)]));
    said("msg").property("ok", no).required("ok")
}
