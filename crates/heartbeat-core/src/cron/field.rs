//! One field of a cron line: numbers and names, ranges, steps and lists, as a set of numbers below 64.

use super::error::{Part, shortened};

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Part {
    /// The smallest and the largest number of the field.
    pub(super) fn bounds(self) -> (u32, u32) {
        match self {
            Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            // 7 is Sunday, as 0.
            Self::DayOfWeek => (0, 7),
        }
    }

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Month => &MONTHS,
            Self::DayOfWeek => &WEEKDAYS,
            Self::Minute | Self::Hour | Self::DayOfMonth => &[],
        }
    }
}

/// Whether a field says "any" in the way that cron looks at: by what it begins with, so `*/2` does and `1-31` does not.
pub(super) fn begins_wild(field: &str) -> bool {
    field.starts_with(['*', '?'])
}

/// The numbers of a whole field, a list of items.
pub(super) fn set(part: Part, field: &str) -> Result<u64, String> {
    field.split(',').try_fold(0, |all, one| Ok(all | item(part, one)?))
}

/// The numbers of one item of a list: `*`, `7`, `1-5`, `*/15`, `1-31/2`, `5/10`.
pub(super) fn item(part: Part, text: &str) -> Result<u64, String> {
    let (range, step) = match text.split_once('/') {
        Some((range, step)) => (range, Some(number_after_slash(step)?)),
        None => (text, None),
    };
    let (low, high) = ends(part, range, step)?;
    let step = step.unwrap_or(1);
    Ok((low..=high).step_by(step).fold(0, |set, number| set | 1 << number))
}

fn number_after_slash(text: &str) -> Result<usize, String> {
    match digits(text) {
        Some(0) => Err("a step of 0 leads nowhere".to_owned()),
        Some(step) => usize::try_from(step).map_err(|error| error.to_string()),
        None => Err(format!("{:?} is not a step", shortened(text))),
    }
}

/// The first and the last number of a range. A single number with a step goes on to the end of the field.
fn ends(part: Part, range: &str, step: Option<usize>) -> Result<(u32, u32), String> {
    let (min, max) = part.bounds();
    if range == "*" {
        // Sunday once: with a step of 7, 7 would be one more.
        return Ok((min, if part == Part::DayOfWeek { 6 } else { max }));
    }
    let Some((low, high)) = range.split_once('-') else {
        let low = value(part, range)?;
        return Ok((low, if step.is_some() { max } else { low }));
    };
    let (low, high) = (value(part, low)?, end_of_range(part, low, high)?);
    if low > high {
        return Err(format!("{:?} runs backwards: write two ranges", shortened(range)));
    }
    Ok((low, high))
}

/// A week that ends on `SUN` ends on its seventh day: `SAT-SUN`.
fn end_of_range(part: Part, low: &str, high: &str) -> Result<u32, String> {
    let sunday = part == Part::DayOfWeek && high.eq_ignore_ascii_case("SUN") && value(part, low)? > 0;
    if sunday { Ok(7) } else { value(part, high) }
}

/// A number within the field's bounds, or a name.
pub(super) fn value(part: Part, text: &str) -> Result<u32, String> {
    if let Some(index) = part.names().iter().position(|name| name.eq_ignore_ascii_case(text)) {
        let (min, _) = if part == Part::Month { part.bounds() } else { (0, 0) };
        return Ok(min + u32::try_from(index).unwrap_or(0));
    }
    let (min, max) = part.bounds();
    match digits(text) {
        Some(number) if (min..=max).contains(&number) => Ok(number),
        Some(_) => Err(format!("{text} is not between {min} and {max}")),
        None if text.is_empty() => Err("a number is missing".to_owned()),
        None => Err(format!("{:?} is not {}", shortened(text), expected(part))),
    }
}

fn expected(part: Part) -> &'static str {
    match part {
        Part::Month => "a number or a name such as JAN",
        Part::DayOfWeek => "a number or a name such as MON",
        Part::Minute | Part::Hour | Part::DayOfMonth => "a number",
    }
}

/// A number of one to three digits, and nothing else that Rust would read as one.
fn digits(text: &str) -> Option<u32> {
    let all_digits = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { text.parse().ok() } else { None }
}
