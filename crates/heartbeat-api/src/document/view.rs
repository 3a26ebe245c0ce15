//! What an import is answered: a result for each monitor, and how many there are of each.

use heartbeat_core::{
    Slug,
    flow::{Imported, ManageError},
    history::Edit,
};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::query::Trial;
use crate::error::ApiError;

/// What an import did, or would do.
#[derive(Serialize, ToSchema)]
#[schema(as = Imported)]
pub(crate) struct ImportView {
    dry_run: bool,
    created: usize,
    changed: usize,
    unchanged: usize,
    deleted: usize,
    refused: usize,
    left: usize,
    /// One for each monitor of the document, in its order, and then one for each that was deleted.
    results: Vec<ResultView>,
}

/// What became of a monitor, or would.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportOutcome)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Created,
    Changed,
    Unchanged,
    Deleted,
    /// It was not done, for the reason that is given. The others were.
    Refused,
    /// Nothing was done about it in time: send the document again.
    Left,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ImportResult)]
pub(super) struct ResultView {
    #[schema(value_type = String)]
    slug: Slug,
    outcome: Outcome,
    /// What is changed, as it was.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    before: Map<String, Value>,
    /// The same, as it is wanted.
    #[serde(skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    after: Map<String, Value>,
    /// Of what was refused: the stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl ImportView {
    pub(super) fn new(trial: Trial, results: Vec<ResultView>) -> Self {
        let count = |outcome| results.iter().filter(|result| result.outcome == outcome).count();
        Self {
            dry_run: trial == Trial::Dry,
            created: count(Outcome::Created),
            changed: count(Outcome::Changed),
            unchanged: count(Outcome::Unchanged),
            deleted: count(Outcome::Deleted),
            refused: count(Outcome::Refused),
            left: count(Outcome::Left),
            results,
        }
    }
}

impl ResultView {
    pub(super) fn plain(slug: Slug, outcome: Outcome) -> Self {
        Self { slug, outcome, before: Map::new(), after: Map::new(), code: None, message: None }
    }

    pub(super) fn imported(slug: Slug, imported: Imported) -> Self {
        match imported {
            Imported::Created => Self::plain(slug, Outcome::Created),
            Imported::Unchanged => Self::plain(slug, Outcome::Unchanged),
            Imported::Changed(Edit { before, after, .. }) => {
                Self { before, after, ..Self::plain(slug, Outcome::Changed) }
            }
        }
    }

    pub(super) fn refused(slug: Slug, error: &ApiError) -> Self {
        if let Some(detail) = error.detail() {
            tracing::error!(code = error.code(), detail, %slug, "a monitor was not imported");
        }
        let (code, message) = (Some(error.code()), Some(error.to_string()));
        Self { code, message, ..Self::plain(slug, Outcome::Refused) }
    }

    /// What became of it, where `done` says what is so when nothing stood in the way.
    pub(super) fn of<T>(
        slug: Slug,
        done: Result<Result<T, ManageError>, ApiError>,
        view: impl FnOnce(Slug, T) -> Self,
    ) -> Self {
        match done.and_then(|done| done.map_err(|error| ApiError::of_manage(error, slug.clone()))) {
            Ok(done) => view(slug, done),
            Err(error) => Self::refused(slug, &error),
        }
    }

    /// Whether nothing is to be done about it any more.
    pub(super) fn is_done(&self) -> bool {
        !matches!(self.outcome, Outcome::Refused | Outcome::Left)
    }
}
