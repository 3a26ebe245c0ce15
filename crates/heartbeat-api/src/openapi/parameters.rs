//! What paths and queries take.

use utoipa::openapi::{
    RefOr, Required, Schema,
    path::{Parameter, ParameterBuilder, ParameterIn},
};

use super::words;

/// A segment of the path.
pub(super) fn segment(name: &str, about: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(name, about, schema).parameter_in(ParameterIn::Path).required(Required::True).build()
}

/// A parameter of the query, which may be absent.
pub(super) fn asked(name: &str, about: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(name, about, schema).parameter_in(ParameterIn::Query).required(Required::False).build()
}

fn parameter(name: &str, about: &str, schema: impl Into<RefOr<Schema>>) -> ParameterBuilder {
    ParameterBuilder::new().name(name).description(Some(about)).schema(Some(schema))
}

/// The slug of a monitor.
pub(super) fn slug() -> Parameter {
    segment("slug", "The monitor's slug.", words::slug())
}

/// The slug of a monitor, or the UUID of its ping URL.
pub(super) fn monitor() -> Parameter {
    segment("slug", "The monitor's slug, or the UUID of its ping URL.", words::slug())
}

/// The name of a channel.
pub(super) fn channel() -> Parameter {
    segment("name", "The channel's name.", words::slug())
}

/// The end of the page before.
pub(super) fn cursor() -> Parameter {
    asked("cursor", "The `next_cursor` of the page before.", words::text())
}

/// How many on a page.
pub(super) fn limit(most: usize) -> Parameter {
    asked("limit", "How many at most.", words::number(1, most))
}

/// Text of a query.
pub(super) fn text(name: &str, about: &str) -> Parameter {
    asked(name, about, words::text())
}

/// A number of a query.
pub(super) fn number(name: &str, about: &str, most: usize) -> Parameter {
    asked(name, about, words::number(1, most))
}

/// What a ping's query may carry.
pub(super) fn of_ping() -> [Parameter; 6] {
    [
        text("interval", "How often it pings, such as `1d`: from 30s to 365d."),
        text("cron", "When it pings, instead of `interval`: five fields, or `@daily` and its like."),
        text("tz", "The time zone of `cron`."),
        text("grace", "How much later its pings may come, such as `1h`."),
        text("rid", "Which run it belongs to, where runs overlap."),
        text("at", "When it happened, of a ping that waited: RFC 3339, or seconds since 1970."),
    ]
}
