//! Monitors: the paths of the first version, and monitors as people define them.

use heartbeat_core::{
    about::{MAX_DESCRIPTION, MAX_NAME, MAX_TAGS},
    definition::MAX_FAILURES,
    key::Scope,
};
use serde::Deserialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        path::{
            HttpMethod::{self, Delete, Get, Patch, Post, Put},
            Parameter,
        },
        schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type},
    },
};

use super::{
    operation::{Operation, Sent},
    parameters::{self, asked, cursor, limit, monitor, slug, text},
    schema_of, words,
};
use crate::{
    monitors::{
        DeletedView, ListView,
        chosen::{ChosenBody, ChosenView},
        define::{RunsView, UrlBody},
    },
    pause::PauseBody,
    query::{ListQuery, ScheduleQuery},
    view::{DefinedView, MonitorView},
};

pub(super) const GROUP: &str = "Monitors";
pub(super) const FIRST_GROUP: &str = "Monitors, first version";

// The fields of `heartbeat_core::definition::Fields`: a test compares them.
/// What a monitor is to be. What is absent stays as it is, and what is `null` goes back to what holds without it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Definition, example = json!({"cron": "0 3 * * *", "timezone": "Europe/Berlin", "grace": "30m", "tags": ["backup"]}))]
#[expect(dead_code, reason = "described here, read in heartbeat-core")]
pub(crate) struct Definition {
    /// What it is called, where its slug does not say enough.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// What it is for, and what to do when it fails.
    #[schema(max_length = 500)]
    description: Option<String>,
    /// Words to find and group it by, at most ten different ones.
    tags: Option<Vec<String>>,
    /// How often it pings: from 30s to 365d; or else `cron`; `null` is as if it were not there.
    #[schema(schema_with = words::length_or_null)]
    interval: Option<String>,
    /// When it pings: five fields, or `@daily` and its like.
    cron: Option<String>,
    /// The time zone of `cron`.
    timezone: Option<String>,
    /// How much later its pings may come.
    #[schema(schema_with = words::length_or_null)]
    grace: Option<String>,
    /// The longest that a run may take; `null` = no limit.
    #[schema(schema_with = words::length_or_null)]
    max_runtime: Option<String>,
    /// How many failures in a row open an incident.
    #[schema(minimum = 1, maximum = 1000)]
    failure_threshold: Option<u32>,
    /// How often to remind while overdue; `never`, or `null` = as the installation does.
    #[schema(schema_with = words::length_or_null)]
    remind_every: Option<String>,
    /// Whether a ping resumes it when it is paused.
    resume_on_ping: Option<bool>,
    /// Which of its project's channels are told; `null` = all.
    channels: Option<Vec<String>>,
}

// What the attributes above repeat, for they take no names.
const _: () = assert!(MAX_NAME == 100 && MAX_DESCRIPTION == 500 && MAX_TAGS == 10 && MAX_FAILURES == 1_000);

pub(super) fn operations() -> Vec<Operation> {
    let mut all = Vec::from(first_version());
    all.extend(of_all());
    all.extend(of_one());
    all
}

fn list_query() -> [Parameter; 5] {
    let tags = ArrayBuilder::new().items(words::text());
    [
        cursor(),
        limit(ListQuery::MAX_LIMIT),
        asked("status", "Only those that are so.", words::status()),
        asked("tag", "Only those with all of these tags.", tags),
        text("q", "Only those with this in their slug, name or description, in whatever case."),
    ]
}

fn first_version() -> [Operation; 4] {
    let paused = |operation: Operation| operation.answers::<MonitorView>(200, "The monitor as it stands.");
    [
        first(Get, "/monitors", "listStandings")
            .does("Lists monitors by their slugs.")
            .needs(Scope::Read)
            .takes(list_query())
            .knows::<MonitorView>()
            .answers_schema(200, "A page.", standings()),
        first(Delete, "/monitors/{slug}", "deleteBySlug")
            .does("Deletes a monitor; late pings do not bring it back for a day.")
            .needs(Scope::Write)
            .takes([slug()])
            .answers::<DeletedView<'static>>(200, "It is gone.")
            .refuses(&[404, 410]),
        paused(first(Post, "/monitors/{slug}/pause", "pauseBySlug"))
            .does("Pauses a monitor, perhaps with an end.")
            .needs(Scope::Write)
            .takes([slug()])
            .reads::<PauseBody>(Sent::Perhaps)
            .refuses(&[404, 410]),
        paused(first(Post, "/monitors/{slug}/unpause", "unpauseBySlug"))
            .does("Watches a monitor again, with a full fresh window.")
            .needs(Scope::Write)
            .takes([slug()])
            .refuses(&[404, 410]),
    ]
}

fn first(method: HttpMethod, path: &str, name: &str) -> Operation {
    Operation::new(method, path, FIRST_GROUP, name)
}

/// A page of monitors without what people have defined.
fn standings() -> ObjectBuilder {
    let some_text = ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null]));
    ObjectBuilder::new()
        .property("monitors", ArrayBuilder::new().items(schema_of(&MonitorView::name())))
        .required("monitors")
        .property("next_cursor", some_text)
        .property("unreadable", ArrayBuilder::new().items(words::text()))
}

fn of_all() -> [Operation; 2] {
    [
        Operation::new(Get, "/api/v1/monitors", GROUP, "listMonitors")
            .does("Lists monitors by their slugs, with what people have defined.")
            .needs(Scope::Read)
            .takes(list_query())
            .answers::<ListView>(200, "A page."),
        Operation::new(Post, "/api/v1/monitors", GROUP, "createMonitor")
            .does("Defines a new monitor.")
            .needs(Scope::Write)
            .reads_schema(Sent::Always, new_monitor())
            .answers::<DefinedView>(201, "The monitor.")
            .refuses(&[409, 410]),
    ]
}

/// A definition with the slug of who is defined.
pub(super) fn new_monitor() -> RefOr<Schema> {
    let mut schema = Definition::schema();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        object.properties.insert("slug".to_owned(), words::slug().into());
        object.required.push("slug".to_owned());
        if let Some(serde_json::Value::Object(example)) = &mut object.example {
            example.insert("slug".to_owned(), "nightly-backup".into());
        }
    }
    schema
}

fn of_one() -> Vec<Operation> {
    let one = "/api/v1/monitors/{slug}";
    let shown = |method, path: &str, name| named(method, path, name).answers::<DefinedView>(200, "The monitor.");
    vec![
        shown(Get, one, "showMonitor").does("Shows a monitor.").needs(Scope::Read),
        shown(Put, one, "replaceMonitor")
            .does("Makes a monitor, or makes it what the body says; the same again changes nothing.")
            .needs(Scope::Write)
            .reads::<Definition>(Sent::Always)
            .answers::<DefinedView>(201, "The monitor, which is new."),
        shown(Patch, one, "changeMonitor")
            .does("Changes the fields that are given.")
            .needs(Scope::Write)
            .reads::<Definition>(Sent::Always),
        named(Delete, one, "deleteMonitor")
            .does("Deletes a monitor; late pings do not bring it back for a day.")
            .needs(Scope::Write)
            .answers::<DeletedView<'static>>(200, "It is gone."),
        shown(Post, &format!("{one}/pause"), "pauseMonitor")
            .does("Pauses a monitor, perhaps with an end.")
            .needs(Scope::Write)
            .reads::<PauseBody>(Sent::Perhaps),
        shown(Post, &format!("{one}/resume"), "resumeMonitor")
            .does("Watches a monitor again, with a full fresh window.")
            .needs(Scope::Write),
        named(Get, &format!("{one}/schedule"), "upcomingRuns")
            .does("When pings are expected next.")
            .needs(Scope::Read)
            .takes([parameters::number("count", "How many.", ScheduleQuery::MAX_COUNT)])
            .answers::<RunsView>(200, "The next runs."),
        shown(Post, &format!("{one}/ping-url"), "givePingUrl")
            .does("Gives a monitor a ping URL, or another one.")
            .needs(Scope::Write)
            .reads::<UrlBody>(Sent::Perhaps),
        named(Get, &format!("{one}/channels"), "showChosenChannels")
            .does("Which channels are told of a monitor.")
            .needs(Scope::Read)
            .answers::<ChosenView<'static>>(200, "What is chosen."),
        named(Put, &format!("{one}/channels"), "chooseChannels")
            .does("Chooses which channels are told of a monitor.")
            .needs(Scope::Write)
            .reads::<ChosenBody>(Sent::Always)
            .answers::<ChosenView<'static>>(200, "What is chosen."),
    ]
}

fn named(method: HttpMethod, path: &str, name: &str) -> Operation {
    Operation::new(method, path, GROUP, name).takes([monitor()]).refuses(&[404, 410])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use heartbeat_core::definition::{Fields, Length};

    use super::*;

    #[test]
    fn a_definition_is_described_with_all_its_fields() {
        let length = Length::Seconds(60);
        let all = Fields {
            name: Some(None),
            description: Some(None),
            tags: Some(Vec::new()),
            interval: Some(length.clone()),
            cron: Some(String::new()),
            timezone: Some(String::new()),
            grace: Some(length),
            max_runtime: Some(None),
            failure_threshold: Some(1),
            remind_every: Some(None),
            resume_on_ping: Some(true),
            channels: Some(None),
        };
        let fields = serde_json::to_value(all).unwrap();
        let described = serde_json::to_value(Definition::schema()).unwrap();
        let names = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(names(&described["properties"]), names(&fields));
        assert_eq!(described["additionalProperties"], false);
    }
}
