//! Badges: their addresses, and what is at them.

use heartbeat_core::key::Scope;
use utoipa::{
    PartialSchema,
    openapi::{
        Content, OneOfBuilder, Response, ResponseBuilder,
        path::HttpMethod::{Get, Post},
    },
};

use super::{
    operation::{JSON, Operation},
    parameters::segment,
    words,
};
use crate::badges::view::{BadgeView, BadgesView, ShieldView};

pub(super) const GROUP: &str = "Badges";
const SVG: &str = "image/svg+xml";

pub(super) fn operations() -> [Operation; 4] {
    [
        Operation::new(Get, "/api/v1/badges", GROUP, "listBadges")
            .does("The addresses of all badges that the key may see.")
            .needs(Scope::Read)
            .answers::<BadgesView>(200, "The addresses."),
        Operation::new(Post, "/api/v1/badges/rotate", GROUP, "rotateBadges")
            .does("Makes new addresses for all badges; the old ones stop.")
            .needs(Scope::Write)
            .answers::<BadgesView>(200, "The new addresses."),
        shown(Operation::new(Get, "/badge/{file}", GROUP, "showBadge"))
            .does("The badge of all monitors.")
            .takes([segment("file", "The token, `.`, and `svg`, `json` or `shields`.", words::text())]),
        shown(Operation::new(Get, "/badge/{token}/{file}", GROUP, "showNamedBadge"))
            .does("The badge of a monitor or of a tag.")
            .takes([
                segment(
                    "token",
                    "What the address was signed with; with `-2` behind it the badge knows two states.",
                    words::text(),
                ),
                segment("file", "The slug or the tag, `.`, and `svg`, `json` or `shields`.", words::text()),
            ]),
    ]
}

fn shown(operation: Operation) -> Operation {
    operation
        .note("`GET /api/v1/badges` has the address. Whatever is wrong with one, and where there is nothing to show, the answer is the same.")
        .answers_with(200, badge())
        .refuses(&[404, 429])
}

fn badge() -> Response {
    let either = OneOfBuilder::new().item(BadgeView::schema()).item(ShieldView::schema());
    ResponseBuilder::new()
        .description("The badge.")
        .content(SVG, Content::new(Some(words::text())))
        .content(JSON, Content::new(Some(either)))
        .build()
}
