//! Counts the transitions that were stored, where all of them are.

use crate::{
    history::{Happening, Row},
    metric,
};

/// The kinds of transition, as they are counted.
pub const TRANSITIONS: [&str; 5] = ["opened", "recovered", "reminded", "paused", "resumed"];

/// Counts what `rows` tell of. They are few: no handle is kept.
pub(super) fn stored(rows: &[Row]) {
    for kind in rows.iter().filter_map(|row| kind(&row.happening)) {
        metric::TRANSITIONS.counter([kind]).increment(1);
    }
}

fn kind(happening: &Happening) -> Option<&'static str> {
    let [opened, recovered, reminded, paused, resumed] = TRANSITIONS;
    match happening {
        Happening::Opened { .. } => Some(opened),
        Happening::Recovered { .. } => Some(recovered),
        Happening::Reminded { .. } => Some(reminded),
        Happening::Paused { .. } => Some(paused),
        Happening::Resumed { .. } => Some(resumed),
        Happening::Ping(_) | Happening::Deleted { .. } | Happening::Edited(_) | Happening::Delivery(_) => None,
    }
}
