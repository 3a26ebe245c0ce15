//! Pings: ours, many at once, and Uptime Kuma's.

use heartbeat_core::key::Scope;
use serde_json::json;
use utoipa::openapi::{
    path::HttpMethod::{Get, Post},
    schema::{ObjectBuilder, Type},
};

use super::{
    operation::{Operation, Sent},
    parameters::{of_ping, segment, text},
    refusals::Words,
    words,
};
use crate::{
    answer::Answer,
    bulk::{Bulk, BulkView},
};

pub(super) const GROUP: &str = "Pings";
pub(super) const PUSH_GROUP: &str = "Uptime Kuma";

pub(super) fn operations() -> Vec<Operation> {
    let methods = [(Get, ""), (Post, "Posting")];
    let pings =
        methods.into_iter().flat_map(|(method, suffix)| [plain(method.clone(), suffix), signalled(method, suffix)]);
    let pushes = [push(Get, "push"), push(Post, "pushPosting")];
    pings.chain([bulk()]).chain(pushes).collect()
}

fn plain(method: utoipa::openapi::path::HttpMethod, suffix: &str) -> Operation {
    let operation = Operation::new(method, "/heartbeat/{slug}", GROUP, &format!("ping{suffix}"));
    ping(operation, suffix).does("The job is well.").takes([whose()]).takes(of_ping())
}

fn signalled(method: utoipa::openapi::path::HttpMethod, suffix: &str) -> Operation {
    let signal = "`start`, `fail`, `log`, or the job's exit code in digits.";
    let schema = words::pattern("^(start|fail|log|-?[0-9]+)$", 20).build();
    let operation = Operation::new(method, "/heartbeat/{slug}/{signal}", GROUP, &format!("signal{suffix}"));
    let parameters = [whose(), segment("signal", signal, schema)];
    ping(operation, suffix)
        .does("The job starts, fails, logs, or ends with an exit code.")
        .takes(parameters)
        .takes(of_ping())
}

fn whose() -> utoipa::openapi::path::Parameter {
    let about = "The monitor's slug; without a key the UUID of its ping URL, which is the secret then.";
    segment("slug", about, words::slug())
}

fn ping(operation: Operation, suffix: &str) -> Operation {
    let operation = operation
        .may_need(Scope::Ping)
        .note("The first ping makes the monitor. Answered after the durable write; of what is cosmetic nothing is refused, but noted.")
        .answers_both::<Answer>(200, "It is recorded.")
        .answers_both::<Answer>(201, "It is recorded, the first of its monitor.")
        .refuses(&[404, 410]);
    if suffix.is_empty() { operation } else { operation.keeps_text() }
}

fn bulk() -> Operation {
    Operation::new(Post, "/api/v1/heartbeats", GROUP, "pingMany")
        .does("Many pings, each with its own result.")
        .needs(Scope::Ping)
        .reads::<Bulk>(Sent::Always)
        .answers::<BulkView>(200, "One result for each ping, in their order.")
}

fn push(method: utoipa::openapi::path::HttpMethod, name: &str) -> Operation {
    let yes = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([json!(true)]));
    Operation::new(method, "/api/push/{token}", PUSH_GROUP, name)
        .does("What a push monitor of Uptime Kuma is told.")
        .takes([
            segment("token", "The UUID of a ping URL, with or without its hyphens.", words::text()),
            text("status", "`up` or nothing; everything else is a failure."),
            text("msg", "What the job says."),
            text("ping", "How long it took, in milliseconds."),
        ])
        .answers_schema(200, "It is recorded.", ObjectBuilder::new().property("ok", yes).required("ok"))
        .refuses(&[404, 429])
        .in_words(Words::Kuma)
}
