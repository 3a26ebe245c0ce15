//! What has happened: events, incidents, uptime and run times.

use heartbeat_core::{history::Happening, key::Scope};
use utoipa::openapi::path::{HttpMethod::Get, Parameter};

use super::{
    operation::Operation,
    parameters::{asked, cursor, limit, monitor, number, text},
    words,
};
use crate::{
    history::{
        asked::{IncidentsQuery, UptimeQuery},
        events::EventsView,
        incidents::IncidentsView,
        runtime::RuntimeView,
        uptime::UptimeView,
    },
    query::ListQuery,
};

pub(super) const GROUP: &str = "History";

pub(super) fn operations() -> Vec<Operation> {
    let of_project = [
        events("/api/v1/events", "listEvents").takes(events_query()),
        incidents("/api/v1/incidents", "listIncidents").takes(incidents_query()),
    ];
    of_project.into_iter().chain(of_monitor()).collect()
}

fn of_monitor() -> [Operation; 4] {
    let path = |what: &str| format!("/api/v1/monitors/{{slug}}/{what}");
    let of_one = |operation: Operation, query: Vec<Parameter>| {
        operation.takes([monitor()].into_iter().chain(query)).refuses(&[404, 410])
    };
    let days = || number("days", "How many days.", UptimeQuery::MAX_DAYS.into());
    let months = number("months", "How many months.", UptimeQuery::MAX_MONTHS.into());
    let zone = text("tz", "In which time zone days begin.");
    let read = |what, name| Operation::new(Get, &path(what), GROUP, name).needs(Scope::Read);
    let uptime = read("uptime", "uptime").does("How much of each day and month it was up.");
    let runtime = read("runtime", "runtime").does("How long its runs took.");
    [
        of_one(events(&path("events"), "listEventsOfMonitor"), events_query().into()),
        of_one(incidents(&path("incidents"), "listIncidentsOfMonitor"), incidents_query().into()),
        of_one(uptime.answers::<UptimeView>(200, "Its days and months."), vec![days(), months, zone]),
        of_one(runtime.answers::<RuntimeView>(200, "Its run times."), vec![days()]),
    ]
}

fn events(path: &str, name: &str) -> Operation {
    let operation = Operation::new(Get, path, GROUP, name).does("What has happened, the newest first.");
    operation.needs(Scope::Read).answers::<EventsView>(200, "A page.")
}

fn incidents(path: &str, name: &str) -> Operation {
    let operation = Operation::new(Get, path, GROUP, name).does("Incidents: those that go on, or those that are over.");
    operation.needs(Scope::Read).answers::<IncidentsView>(200, "A page.")
}

fn events_query() -> [Parameter; 5] {
    [
        asked("kind", "Only events of this kind; several with commas between them.", words::one_of(&Happening::KINDS)),
        text("since", "From this instant on: RFC 3339, or seconds since 1970."),
        text("until", "Until before this instant."),
        cursor(),
        limit(ListQuery::MAX_LIMIT),
    ]
}

fn incidents_query() -> [Parameter; 3] {
    let which = asked("status", "Only those that go on, or that are over.", words::one_of(&["open", "closed"]));
    [which, cursor(), limit(IncidentsQuery::<String>::MAX_LIMIT)]
}
