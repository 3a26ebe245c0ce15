//! How long a pause lasts, as its JSON body says: `{"for":"2h"}`, `{"until":"2026-11-24T08:00:00Z"}`, or nothing at all.

use std::time::Duration;

use heartbeat_core::{Timestamp, interval::parse_seconds};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::error::ApiError;

/// The longest pause that has an end: a year of 365 days.
const LONGEST: Duration = Duration::from_hours(365 * 24);

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PauseLength)]
pub(crate) struct PauseBody {
    #[serde(rename = "for")]
    length: Option<String>,
    until: Option<String>,
}

/// When a pause that begins `now` ends; `None` = when a person ends it.
pub(crate) fn parse(body: Option<&[u8]>, now: Timestamp) -> Result<Option<Timestamp>, ApiError> {
    let Some(body) = body else { return Ok(None) };
    // By way of a map: a struct would also be read from an array.
    let parsed = serde_json::from_slice::<Map<String, Value>>(body);
    let parsed = parsed.and_then(|map| PauseBody::deserialize(Value::Object(map)));
    let parsed = parsed.map_err(|error| {
        ApiError::BadJson(format!(
            "the body is not {{\"for\": \"2h\"}} or {{\"until\": \"2026-11-24T08:00:00Z\"}}: {error}"
        ))
    })?;
    let end = match (parsed.length, parsed.until) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(refuse("give `for` or `until`, not both")),
        (Some(length), None) => after(&length, now)?,
        (None, Some(until)) => at(&until)?,
    };
    if end <= now {
        return Err(refuse("the pause would end before it begins: give a time to come"));
    }
    if end > now.plus(LONGEST) {
        return Err(refuse("a pause that has an end lasts at most 365 days: give less, or no end"));
    }
    Ok(Some(end))
}

fn after(length: &str, now: Timestamp) -> Result<Timestamp, ApiError> {
    let seconds = parse_seconds(length).map_err(|error| refuse(&format!("`for`: {error}")))?;
    Ok(now.plus(Duration::from_secs(seconds)))
}

fn at(until: &str) -> Result<Timestamp, ApiError> {
    Timestamp::parse(until).ok_or_else(|| refuse("`until` is an instant such as 2026-11-24T08:00:00Z"))
}

fn refuse(sentence: &str) -> ApiError {
    ApiError::BadPause(sentence.to_owned())
}
