//! Badges: pictures (SVG) and small answers (JSON, shields.io) that show how a monitor, the monitors of a tag, or all of a
//! project do, to whoever has their address. No key is in it: each address opens one badge and nothing else, and cannot be
//! changed into that of another.
//!
//! `/badge/{token}/{name}.{svg|json|shields}` is a monitor's or a tag's, `/badge/{token}.{…}` that of all. A token that ends
//! with `-2` knows two states, up and down.

mod secret;
mod standing;
mod svg;
pub(crate) mod view;

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, Uri, header, request::Parts},
    response::Response,
    routing::{get, post},
};
use heartbeat_core::{
    Slug, Tag,
    key::{KeyRecord, Scope},
};

pub(crate) use secret::Secrets;
use secret::{Of, Secret, States, Token};
use standing::Standing;
pub(crate) use standing::Standings;
pub(crate) use view::Links;
use view::{BadgeView, BadgesView, ShieldView};

use crate::{Shared, address::Client, error::ApiError, json, percent, query, refuse};

/// How long others may keep a badge, and how long we do.
const FRESH_S: u64 = 10;

/// Its routes.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    let shown = || get(show).fallback(|| refuse("GET, HEAD"));
    Router::new()
        .route("/badge/{file}", shown())
        .route("/badge/{token}/{file}", shown())
        .route("/api/v1/badges", get(list).fallback(|| refuse("GET, HEAD")))
        .route("/api/v1/badges/rotate", post(rotate).fallback(|| refuse("POST")))
}

/// How a badge is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Svg,
    Json,
    Shields,
}

impl Format {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "svg" => Self::Svg,
            "json" => Self::Json,
            "shields" => Self::Shields,
            _ => return None,
        })
    }
}

/// What a badge's address says.
struct Asked {
    token: Token,
    /// Of one monitor or one tag; else of all.
    name: Option<String>,
    format: Format,
}

impl Asked {
    fn parse(uri: &Uri) -> Option<Self> {
        let path = uri.path().strip_prefix("/badge/")?;
        let (before, format) = path.rsplit_once('.')?;
        let (token, name) = before.split_once('/').map_or((before, None), |(token, name)| (token, Some(name)));
        let name = match name {
            Some(name) => Some(percent::decode(name, percent::Plus::Plus)?.into_owned()),
            None => None,
        };
        Some(Self { token: Token::parse(token)?, name, format: Format::parse(format)? })
    }

    /// What it can be the badge of: whether it is, only the token tells.
    fn candidates(&self) -> Vec<Of> {
        let Some(name) = &self.name else { return vec![Of::All] };
        let monitor = Slug::parse(name).ok().map(Of::Monitor);
        monitor.into_iter().chain(Tag::parse(name).ok().map(Of::Tag)).collect()
    }
}

/// `GET /badge/…`: whatever is wrong with the address, and where there is nothing to show, the answer is the same.
async fn show(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let client = Client::of(&head.headers, &head.extensions, api.config.trusted_proxies);
    let asked = Asked::parse(&head.uri).ok_or(ApiError::UnknownBadge)?;
    let secret = api.in_time(api.secret_of(&asked.token, client)).await??;
    let of = asked.candidates().into_iter().find(|of| asked.token.is_of(&secret, of));
    let of = of.ok_or(ApiError::UnknownBadge)?;
    let standing = api.in_time(api.badge_standing(&secret, &of)).await??.ok_or(ApiError::UnknownBadge)?;
    drawn(asked.format, asked.token.states, &of, standing)
}

fn drawn(format: Format, states: States, of: &Of, standing: Standing) -> Result<Response, ApiError> {
    let word = standing.word(states);
    let mut response = match format {
        Format::Svg => {
            let mut response = Response::new(svg::draw(of.label(), word.as_str(), word.colour()).into());
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
            response
        }
        Format::Json => json(StatusCode::OK, &BadgeView::new(standing, states))?,
        Format::Shields => json(StatusCode::OK, &ShieldView::new(of.label(), word))?,
    };
    let headers = response.headers_mut();
    let kept = format!("public, max-age={FRESH_S}");
    headers.insert(header::CACHE_CONTROL, HeaderValue::try_from(kept).map_err(|e| ApiError::Internal(e.to_string()))?);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Ok(response)
}

/// `GET /api/v1/badges`: the addresses of all badges.
async fn list(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Read).await?;
    query::expect_none(head.uri.query())?;
    let secret = api.in_time(api.secret_for(&key.project)).await??;
    json(StatusCode::OK, &api.badges(&head, &key, &secret).await?)
}

/// `POST /api/v1/badges/rotate`: new addresses for all badges; the old ones stop.
async fn rotate(State(api): State<Arc<Shared>>, request: Request) -> Result<Response, ApiError> {
    let (head, _) = request.into_parts();
    let key = api.manager(&head, Scope::Write).await?;
    query::expect_none(head.uri.query())?;
    if key.monitor.is_some() {
        return Err(ApiError::LimitedKey);
    }
    let secret = api.in_time(api.rotate_secret(&key.project)).await??;
    json(StatusCode::OK, &api.badges(&head, &key, &secret).await?)
}

impl Shared {
    /// The addresses of the badges that a key may see.
    async fn badges(&self, head: &Parts, key: &KeyRecord, secret: &Secret) -> Result<BadgesView, ApiError> {
        let monitors = self.all_of(key).await?;
        let base = self.sees(head, key).base;
        let links = |of: &Of| Links::new(&base, secret, of);
        let tags: BTreeSet<Tag> = monitors.iter().flat_map(|monitor| monitor.about.tags.clone()).collect();
        let is_whole = key.monitor.is_none();
        Ok(BadgesView {
            all: is_whole.then(|| links(&Of::All)),
            monitors: monitors
                .iter()
                .map(|m| (m.id.slug.to_string(), links(&Of::Monitor(m.id.slug.clone()))))
                .collect(),
            tags: tags.into_iter().filter(|_| is_whole).map(|t| (t.to_string(), links(&Of::Tag(t)))).collect(),
        })
    }

    /// The same by tag, as Healthchecks has it: `*` is all.
    pub(crate) async fn badges_by_tag(&self, head: &Parts, key: &KeyRecord) -> Result<Vec<(String, Links)>, ApiError> {
        let secret = self.in_time(self.secret_for(&key.project)).await??;
        let badges = self.badges(head, key, &secret).await?;
        Ok(badges.tags.into_iter().chain(badges.all.map(|all| ("*".to_owned(), all))).collect())
    }
}
