//! Channels, and what was tried to tell them.

use heartbeat_core::key::Scope;
use utoipa::openapi::path::HttpMethod::{self, Delete, Get, Patch, Post};

use super::{
    operation::{Operation, Sent},
    parameters::{channel, cursor, limit, segment, text},
    words,
};
use crate::{
    channels::{
        define::{EditBody, WantedBody, WhyBody},
        trial::TrialView,
        view::{ChannelView, ListView},
    },
    deliveries,
    monitors::DeletedView,
    query::ListQuery,
};

pub(super) const GROUP: &str = "Channels";

pub(super) fn operations() -> Vec<Operation> {
    of_all().into_iter().chain(of_one()).chain(of_deliveries()).collect()
}

fn of_all() -> [Operation; 2] {
    [
        Operation::new(Get, "/api/v1/channels", GROUP, "listChannels")
            .does("Lists the project's channels.")
            .needs(Scope::Read)
            .answers::<ListView>(200, "All of them.")
            .refuses(&[501]),
        Operation::new(Post, "/api/v1/channels", GROUP, "addChannel")
            .does("Adds a channel; docs/channels.md says what each kind takes.")
            .needs(Scope::Write)
            .reads::<WantedBody>(Sent::Always)
            .answers::<ChannelView>(201, "The channel, without its secrets.")
            .refuses(&[409, 501]),
    ]
}

fn of_one() -> Vec<Operation> {
    let one = "/api/v1/channels/{name}";
    let shown = |method, path: &str, name| named(method, path, name).answers::<ChannelView>(200, "The channel.");
    vec![
        shown(Get, one, "showChannel").does("Shows a channel, without its secrets.").needs(Scope::Read),
        shown(Patch, one, "changeChannel")
            .does("Changes the fields that are given; what is given as it is shown stays as it is.")
            .needs(Scope::Write)
            .reads::<EditBody>(Sent::Always)
            .refuses(&[409]),
        named(Delete, one, "removeChannel")
            .does("Removes a channel and its secrets.")
            .needs(Scope::Write)
            .answers::<DeletedView<'static>>(200, "It is gone."),
        named(Post, &format!("{one}/test"), "testChannel")
            .does("Sends one test message; whether it arrives is the answer.")
            .needs(Scope::Write)
            .answers::<TrialView>(200, "What became of it."),
        shown(Post, &format!("{one}/enable"), "enableChannel").does("Tells it again.").needs(Scope::Write),
        shown(Post, &format!("{one}/disable"), "disableChannel")
            .does("Tells it nothing any more.")
            .needs(Scope::Write)
            .reads::<WhyBody>(Sent::Perhaps),
    ]
}

fn named(method: HttpMethod, path: &str, name: &str) -> Operation {
    Operation::new(method, path, GROUP, name).takes([channel()]).refuses(&[404, 501])
}

fn of_deliveries() -> [Operation; 2] {
    let whose = "Either this or the other says whose deliveries.";
    [
        Operation::new(Get, "/api/v1/deliveries", GROUP, "listDeliveries")
            .does("What was tried to tell whom, the newest first.")
            .needs(Scope::Read)
            .takes([text("monitor", whose), text("channel", whose), cursor(), limit(ListQuery::MAX_LIMIT)])
            .answers::<deliveries::ListView>(200, "A page."),
        Operation::new(Post, "/api/v1/deliveries/{id}/retry", GROUP, "retryDelivery")
            .does("Has it tried again.")
            .needs(Scope::Write)
            .takes([segment("id", "Its id, as the list shows it.", words::text())])
            .answers::<deliveries::RetriedView>(202, "It is tried again soon.")
            .refuses(&[404, 409, 410]),
    ]
}
