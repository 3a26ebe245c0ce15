//! Time zones by their IANA names, out of the database in the binary.

use jiff::tz::{TimeZone, TimeZoneDatabase, TimeZoneNameIter, db};

use super::error::{CronError, shortened};

/// The longest name is America/Argentina/ComodRivadavia, with 32.
const MAX_LENGTH: usize = 64;
/// In the database, and says that nobody has set a zone.
const PLACE_HOLDER: &str = "Factory";
/// With more typing errors than one in so many characters it is another word.
const CHARACTERS_A_TYPING_ERROR: usize = 4;

/// The zone with its name as the database writes it.
pub(crate) fn parse(name: &str) -> Result<(String, TimeZone), CronError> {
    let name = name.trim();
    if name.len() > MAX_LENGTH {
        return Err(unknown(name, None));
    }
    let found = TimeZone::get(name).ok().filter(|zone| !zone.is_unknown());
    let named = found.and_then(|zone| Some((zone.iana_name()?.to_owned(), zone)));
    named.filter(|(name, _)| name != PLACE_HOLDER).ok_or_else(|| unknown(name, nearest(db(), name)))
}

fn unknown(name: &str, nearest: Option<String>) -> CronError {
    CronError::Zone { name: shortened(name), nearest }
}

/// The name whose city is the one asked for, else the one with the fewest typing errors.
fn nearest(known: &TimeZoneDatabase, name: &str) -> Option<String> {
    let wanted = name.replace(' ', "_").to_ascii_lowercase();
    let names = || known.available().map(|name| name.to_string());
    let city = |name: &String| name.rsplit_once('/').is_some_and(|(_, city)| city.eq_ignore_ascii_case(&wanted));
    names().find(city).or_else(|| most_like(known.available(), &wanted))
}

fn most_like(names: TimeZoneNameIter<'_>, wanted: &str) -> Option<String> {
    let with_distance = names.map(|name| (distance(&name.as_str().to_ascii_lowercase(), wanted), name.to_string()));
    let most = wanted.chars().count() / CHARACTERS_A_TYPING_ERROR;
    with_distance.filter(|(distance, name)| *distance <= most && name != PLACE_HOLDER).min().map(|(_, name)| name)
}

/// How many characters must be changed, added or removed (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (index, from) in left.chars().enumerate() {
        let mut diagonal = index;
        let mut beside = index + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(right.chars()) {
            let above = *cell;
            *cell = (diagonal + usize::from(from != to)).min(above + 1).min(beside + 1);
            diagonal = above;
            beside = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}
