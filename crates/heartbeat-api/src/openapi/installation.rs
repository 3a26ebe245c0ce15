//! Whether it is well, and how it describes itself.

use heartbeat_core::key::Scope;
use utoipa::openapi::{
    Content, ResponseBuilder,
    path::HttpMethod::Get,
    schema::{ObjectBuilder, Type},
};

use super::{operation::Operation, parameters::segment, words};
use crate::health::Health;

pub(super) const GROUP: &str = "Installation";

pub(super) fn operations() -> Vec<Operation> {
    let document = ObjectBuilder::new().schema_type(Type::Object);
    vec![
        Operation::new(Get, "/healthz", GROUP, "alive")
            .does("Whether the process answers.")
            .answers::<Health>(200, "It does."),
        Operation::new(Get, "/readyz", GROUP, "ready")
            .does("Whether everything that is needed works just now.")
            .answers::<Health>(200, "It does.")
            .note("503 names what does not work, and why."),
        Operation::new(Get, "/metrics", GROUP, "metrics")
            .does("Figures for Prometheus: the monitors that the key opens, and for the operator's keys the process.")
            .may_need(Scope::Read)
            .answers_text(200, "The text format of Prometheus."),
        Operation::new(Get, "/api/openapi.json", GROUP, "document").does("This document.").answers_schema(
            200,
            "OpenAPI 3.1.",
            document,
        ),
        Operation::new(Get, "/api/docs", GROUP, "page")
            .does("To the page that shows this document.")
            .answers_with(308, ResponseBuilder::new().description("It is at `/api/docs/`.").build()),
        Operation::new(Get, "/api/docs/", GROUP, "pageItself")
            .does("A page to read and try the API; it fetches nothing from elsewhere.")
            .answers_with(200, html()),
        Operation::new(Get, "/api/docs/{file}", GROUP, "pageFile")
            .does("What the page is made of.")
            .takes([segment("file", "Its name.", words::text())])
            .answers_with(200, ResponseBuilder::new().description("A file of Swagger UI.").build())
            .refuses(&[404]),
    ]
}

fn html() -> utoipa::openapi::Response {
    let content = Content::new(Some(words::text()));
    ResponseBuilder::new().description("HTML.").content("text/html", content).build()
}
