//! The protocol of Healthchecks, in its three versions.

use heartbeat_core::key::Scope;
use utoipa::{
    ToSchema,
    openapi::{
        path::{
            HttpMethod::{self, Delete, Get, Post},
            Parameter,
        },
        schema::{AdditionalProperties, ArrayBuilder, Object, ObjectBuilder, Type},
    },
};

use super::{
    operation::{Operation, Sent},
    parameters::{asked, of_ping, segment, text},
    refusals::Words,
    schema_of, words,
};
use crate::healthchecks::{
    VERSIONS,
    check::CheckView,
    checks::ChecksView,
    history::{FlipView, PingsView},
    spec::SECONDS,
};

pub(super) const GROUP: &str = "Healthchecks";

pub(super) fn operations() -> Vec<Operation> {
    let methods = [(Get, ""), (Post, "Posting")];
    let pings = methods.into_iter().flat_map(|(method, suffix)| pings(&method, suffix));
    let managed = VERSIONS.into_iter().flat_map(|version| managed(&Version { word: version }));
    pings.chain(managed).collect()
}

fn pings(method: &HttpMethod, suffix: &str) -> [Operation; 3] {
    let uuid = || segment("uuid", "The UUID of a ping URL.", words::text());
    let key = segment("key", "An API key with the scope `ping`.", words::text());
    let name = segment("slug", "The check's slug.", words::text());
    let signal = || segment("signal", "`start`, `fail`, `log`, or an exit code.", words::text());
    let ping = |path: &str, name: &str| ping(method.clone(), path, &format!("{name}{suffix}"));
    let create = asked("create", "1 = makes the check if there is none.", words::one_of(&["0", "1"]));
    [
        ping("/ping/{uuid}", "pingCheck").takes([uuid()]).takes(of_ping()),
        ping("/ping/{uuid}/{signal}", "signalCheck")
            .note("The same path, with a key and a slug: a ping of the check of this slug.")
            .takes([uuid(), signal()])
            .takes(of_ping()),
        ping("/ping/{key}/{slug}/{signal}", "signalCheckBySlug").takes([key, name, signal(), create]).takes(of_ping()),
    ]
}

fn ping(method: HttpMethod, path: &str, name: &str) -> Operation {
    let is_post = method == Post;
    let operation = Operation::new(method, path, GROUP, name)
        .does("The job is well, or what its signal says.")
        .answers_text(200, "It is recorded.")
        .answers_text(201, "It is recorded, the first of its check.")
        .refuses(&[403, 404, 410, 429])
        .in_words(Words::HealthchecksPing);
    if is_post { operation.keeps_text() } else { operation }
}

/// A version of the management API. The paths end with a slash where theirs do.
struct Version {
    word: &'static str,
}

impl Version {
    fn operation(&self, method: HttpMethod, path: &str, name: &str, scope: Scope) -> Operation {
        let name = format!("{name}{}", self.word.to_uppercase());
        let operation = Operation::new(method, &format!("/api/{}/{path}", self.word), GROUP, &name);
        operation.needs_x_api_key(scope).refuses(&[408, 413]).in_words(Words::Healthchecks)
    }
}

fn managed(version: &Version) -> Vec<Operation> {
    let mut all = Vec::from(of_checks(version));
    all.extend(of_check(version));
    all.extend(of_history(version));
    all.extend(of_project(version));
    all
}

fn of_checks(version: &Version) -> [Operation; 2] {
    [
        version
            .operation(Get, "checks/", "listChecks", Scope::Read)
            .does("Lists checks.")
            .takes([text("slug", "Only the one of this slug."), text("tag", "Only those with this tag.")])
            .answers::<ChecksView>(200, "All of them."),
        version
            .operation(Post, "checks/", "createCheck", Scope::Write)
            .does("Makes a check, or with `unique` changes the one that is meant.")
            .reads_schema(Sent::Perhaps, spec())
            .answers::<CheckView>(200, "The check that was meant.")
            .answers::<CheckView>(201, "The check, which is new.")
            .refuses(&[404, 409]),
    ]
}

fn of_check(version: &Version) -> [Operation; 5] {
    let one = |method, path: &str, name, scope| {
        let operation = version.operation(method, &format!("checks/{{id}}{path}"), name, scope);
        operation.takes([id()]).refuses(&[404]).answers::<CheckView>(200, "The check.")
    };
    [
        one(Get, "", "showCheck", Scope::Read).does("Shows a check."),
        one(Post, "", "updateCheck", Scope::Write).does("Changes what is given.").reads_schema(Sent::Perhaps, spec()),
        one(Delete, "", "deleteCheck", Scope::Write).does("Deletes a check, and shows what it was."),
        one(Post, "/pause", "pauseCheck", Scope::Write).does("Pauses a check."),
        one(Post, "/resume", "resumeCheck", Scope::Write)
            .does("Watches a check again.")
            .answers_text(409, "It is not paused."),
    ]
}

fn of_history(version: &Version) -> [Operation; 3] {
    let one =
        |path: &str, name, scope| version.operation(Get, &format!("checks/{{id}}/{path}"), name, scope).refuses(&[404]);
    let number = segment("n", "The number of a ping.", words::text());
    let seconds = |name, about| asked(name, about, words::number(0, 4_294_967_295));
    let flips = ArrayBuilder::new().items(schema_of(&FlipView::name()));
    [
        one("pings/", "listPings", Scope::Write)
            .does("The pings of a check, the newest first.")
            .takes([id()])
            .answers::<PingsView>(200, "The last 100."),
        one("pings/{n}/body", "pingBody", Scope::Write)
            .does("What the job printed.")
            .takes([id(), number])
            .answers_text(200, "Its text."),
        one("flips/", "listFlips", Scope::Read)
            .does("When incidents of a check began and ended, the newest first.")
            .takes([
                id(),
                seconds("seconds", "Of so many last seconds."),
                seconds("start", "From here on, in seconds since 1970."),
                seconds("end", "Until before this, in seconds since 1970."),
            ])
            .knows::<FlipView>()
            .answers_schema(200, "Its flips.", ObjectBuilder::new().property("flips", flips).required("flips")),
    ]
}

fn of_project(version: &Version) -> Vec<Operation> {
    let open = ObjectBuilder::new().schema_type(Type::Object);
    let badges = ObjectBuilder::new().property("badges", open).required("badges");
    let status = Operation::new(
        Get,
        &format!("/api/{}/status/", version.word),
        GROUP,
        &format!("status{}", version.word.to_uppercase()),
    );
    vec![
        version
            .operation(Get, "channels/", "listIntegrations", Scope::Write)
            .does("The project's channels, as integrations.")
            .answers_schema(200, "All of them.", integrations()),
        version
            .operation(Get, "badges/", "listBadges", Scope::Read)
            .does("The addresses of badges, by tag.")
            .answers_schema(200, "The addresses.", badges),
        status.does("Whether the store can be asked.").answers_text(200, "It can.").in_words(Words::Healthchecks),
    ]
}

fn integrations() -> ObjectBuilder {
    let text = || words::text();
    let one = ["id", "name", "kind"]
        .into_iter()
        .fold(ObjectBuilder::new(), |one, field| one.property(field, text()).required(field));
    ObjectBuilder::new().property("channels", ArrayBuilder::new().items(one)).required("channels")
}

fn id() -> Parameter {
    segment("id", "The check's UUID, or its unique key.", words::text())
}

/// What a client wants of a check. More fields are taken, and not kept.
fn spec() -> Object {
    let text = |most| ObjectBuilder::new().schema_type(Type::String).max_length(Some(most));
    let switch = || ObjectBuilder::new().schema_type(Type::Boolean);
    let (least, most) = (usize::try_from(*SECONDS.start()), usize::try_from(*SECONDS.end()));
    let seconds = || words::number(least.unwrap_or(0), most.unwrap_or(usize::MAX));
    let fields = words::one_of(&["name", "slug", "tags", "timeout", "grace"]);
    ObjectBuilder::new()
        .property("name", text(100))
        .property("slug", text(100))
        .property("tags", text(500))
        .property("desc", text(10_000))
        .property("timeout", seconds())
        .property("grace", seconds())
        .property("schedule", text(100))
        .property("tz", text(64))
        .property("manual_resume", switch())
        .property("channels", text(1_000))
        .property("unique", ArrayBuilder::new().items(fields))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
        .build()
}
