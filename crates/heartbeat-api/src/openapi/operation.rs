//! One operation, being described: what it takes, what it answers, and why it may refuse.

use std::collections::BTreeSet;

use heartbeat_core::key::Scope;
use utoipa::{
    ToSchema,
    openapi::{
        Content, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
        path::{HttpMethod, OperationBuilder, Parameter},
        request_body::RequestBodyBuilder,
        security::SecurityRequirement,
    },
};

use super::refusals::Words;

/// The name of the key in `Authorization`.
pub(super) const BEARER: &str = "key";
/// The name of the key in `X-Api-Key`.
pub(super) const X_API_KEY: &str = "x_api_key";

pub(super) const JSON: &str = "application/json";
pub(super) const TEXT: &str = "text/plain";
pub(super) const YAML: &str = "application/yaml";

/// What a client may be refused before anybody has looked at what it wants: too long an address, too large headers, a mistake
/// of ours, a store that is away.
const ALWAYS: [u16; 5] = [400, 414, 431, 500, 503];
/// What who shows a key may be refused.
const WITH_KEY: [u16; 3] = [401, 403, 429];
/// What who sends a body that must be read may be refused.
const WITH_BODY: [u16; 3] = [408, 413, 415];

/// Whether a body must come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Always,
    Perhaps,
}

/// One operation.
pub(super) struct Operation {
    path: String,
    method: HttpMethod,
    builder: OperationBuilder,
    answers: Vec<(u16, Response)>,
    refusals: BTreeSet<u16>,
    words: Words,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Operation {
    /// An operation of `group` that anybody may ask for. `name` is what programs that are made from the document call it.
    pub(super) fn new(method: HttpMethod, path: &str, group: &str, name: &str) -> Self {
        Self {
            path: path.to_owned(),
            method,
            builder: OperationBuilder::new().tag(group).operation_id(Some(name)),
            answers: Vec::new(),
            refusals: ALWAYS.into(),
            words: Words::Ours,
            schemas: Vec::new(),
        }
    }

    /// What it does, in a line.
    pub(super) fn does(self, summary: &str) -> Self {
        Self { builder: self.builder.summary(Some(summary)), ..self }
    }

    /// What else is to be known.
    pub(super) fn note(self, text: &str) -> Self {
        Self { builder: self.builder.description(Some(text)), ..self }
    }

    /// It needs a key with this scope.
    pub(super) fn needs(self, scope: Scope) -> Self {
        let asked = SecurityRequirement::new(BEARER, [scope.as_str()]);
        Self { builder: self.builder.security(asked), ..self }.refuses(&WITH_KEY)
    }

    /// The same, as clients of Healthchecks show it.
    pub(super) fn needs_x_api_key(self, scope: Scope) -> Self {
        let asked = SecurityRequirement::new(X_API_KEY, [scope.as_str()]);
        Self { builder: self.builder.security(asked), ..self }.refuses(&WITH_KEY)
    }

    /// It needs one only where it is not opened by something else.
    pub(super) fn may_need(self, scope: Scope) -> Self {
        let nothing = SecurityRequirement::default();
        let open = self.needs(scope);
        Self { builder: open.builder.security(nothing), ..open }
    }

    /// What its path and its query say.
    pub(super) fn takes(self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        Self { builder: self.builder.parameters(Some(parameters)), ..self }
    }

    /// Its JSON body.
    pub(super) fn reads<T: ToSchema>(mut self, sent: Sent) -> Self {
        let schema = self.named::<T>();
        self.reads_schema(sent, schema)
    }

    /// The same, by a schema.
    pub(super) fn reads_schema(self, sent: Sent, schema: impl Into<RefOr<Schema>>) -> Self {
        let required = if sent == Sent::Always { Required::True } else { Required::False };
        let body = RequestBodyBuilder::new().content(JSON, Content::new(Some(schema))).required(Some(required));
        Self { builder: self.builder.request_body(Some(body.build())), ..self }.refuses(&WITH_BODY)
    }

    /// A body that is JSON by this schema, or the same in YAML, where a text needs no quotes: it cannot be told by a schema.
    pub(super) fn reads_json_or_yaml(self, schema: impl Into<RefOr<Schema>>) -> Self {
        let body = RequestBodyBuilder::new()
            .content(JSON, Content::new(Some(schema)))
            .content(YAML, Content::new(Some(super::words::text())))
            .required(Some(Required::True));
        Self { builder: self.builder.request_body(Some(body.build())), ..self }.refuses(&WITH_BODY)
    }

    /// A body of any kind, of which nothing is ever refused.
    pub(super) fn keeps_text(self) -> Self {
        let body = RequestBodyBuilder::new()
            .content(TEXT, Content::new(Some(super::words::text())))
            .description(Some("What the job printed; the last 10 kB are kept."))
            .required(Some(Required::False));
        Self { builder: self.builder.request_body(Some(body.build())), ..self }
    }

    /// What it answers with JSON.
    pub(super) fn answers<T: ToSchema>(mut self, status: u16, what: &str) -> Self {
        let schema = self.named::<T>();
        self.answers_schema(status, what, schema)
    }

    /// The same, by a schema.
    pub(super) fn answers_schema(mut self, status: u16, what: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        let response = ResponseBuilder::new().description(what).content(JSON, Content::new(Some(schema)));
        self.answers.push((status, response.build()));
        self
    }

    /// What it answers with text.
    pub(super) fn answers_text(mut self, status: u16, what: &str) -> Self {
        let content = Content::new(Some(super::words::text()));
        self.answers.push((status, ResponseBuilder::new().description(what).content(TEXT, content).build()));
        self
    }

    /// What it answers with text, or with JSON for who accepts that.
    pub(super) fn answers_both<T: ToSchema>(mut self, status: u16, what: &str) -> Self {
        let schema = self.named::<T>();
        let response = ResponseBuilder::new().description(what);
        let response = response.content(TEXT, Content::new(Some(super::words::text())));
        self.answers.push((status, response.content(JSON, Content::new(Some(schema))).build()));
        self
    }

    /// What it answers with something else.
    pub(super) fn answers_with(mut self, status: u16, response: Response) -> Self {
        self.answers.push((status, response));
        self
    }

    /// What it may refuse besides.
    pub(super) fn refuses(mut self, statuses: &[u16]) -> Self {
        self.refusals.extend(statuses);
        self
    }

    /// In whose words it refuses.
    pub(super) fn in_words(self, words: Words) -> Self {
        Self { words, ..self }
    }

    /// It names this in what it answers.
    pub(super) fn knows<T: ToSchema>(mut self) -> Self {
        self.named::<T>();
        self
    }

    fn named<T: ToSchema>(&mut self) -> Ref {
        let name = T::name();
        self.schemas.push((name.to_string(), T::schema()));
        T::schemas(&mut self.schemas);
        Ref::from_schema_name(name)
    }

    /// Its path, its method and what it is; `schemas` gets what it names.
    pub(super) fn into_parts(
        self,
        schemas: &mut Vec<(String, RefOr<Schema>)>,
    ) -> (String, HttpMethod, utoipa::openapi::path::Operation) {
        let Self { path, method, mut builder, answers, refusals, words, schemas: named } = self;
        schemas.extend(named);
        let answered: BTreeSet<u16> = answers.iter().map(|(status, _)| *status).collect();
        for (status, response) in answers {
            builder = builder.response(status.to_string(), response);
        }
        for status in refusals.difference(&answered) {
            builder = builder.response(status.to_string(), Ref::from_response_name(words.name(*status)));
        }
        (path, method, builder.build())
    }
}
