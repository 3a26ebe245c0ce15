//! How a person is shown what is different: a line for each monitor, and in it each field as it was and as it is.

use serde_json::{Map, Value};

/// How much of a value is shown.
const SHOWN: usize = 60;

/// The line of a result of an import; `None` where nothing is different.
pub(super) fn line(result: &Value) -> Option<String> {
    let text = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default();
    let slug = text("slug");
    match text("outcome") {
        "created" => Some(format!("+ {slug}")),
        "changed" => Some(changed(slug, &fields(result, "before"), &fields(result, "after"))),
        "deleted" => Some(format!("- {slug}")),
        "refused" => Some(format!("! {slug}  {}", text("message"))),
        _ => None,
    }
}

/// `~ weekly  grace: 5m → 10m, name: - → Weekly report`.
pub(super) fn changed(slug: &str, before: &Map<String, Value>, after: &Map<String, Value>) -> String {
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let fields: Vec<String> =
        names.map(|name| format!("{name}: {} → {}", shown(before.get(name)), shown(after.get(name)))).collect();
    format!("~ {slug}  {}", fields.join(", "))
}

fn fields(result: &Value, name: &str) -> Map<String, Value> {
    result.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// A value in a line: short, and without what a terminal would obey.
pub(super) fn shown(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => return "-".to_owned(),
        Some(Value::Array(values)) if values.is_empty() => return "none".to_owned(),
        Some(Value::Array(values)) => values.iter().map(|one| shown(Some(one))).collect::<Vec<_>>().join(" "),
        Some(Value::String(text)) => text.clone(),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Object(_))) => other.to_string(),
    };
    let text = if text.chars().any(char::is_control) { text.escape_debug().to_string() } else { text };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_result_has_its_line_and_what_is_as_it_was_has_none() {
        let results = [
            json!({"slug": "new", "outcome": "created"}),
            json!({"slug": "weekly", "outcome": "changed", "before": {"grace": "5m", "interval": "7d", "tags": ["x"]},
                "after": {"grace": "10m", "cron": "@weekly", "tags": []}}),
            json!({"slug": "odd", "outcome": "changed", "before": {"description": null},
                "after": {"description": format!("a\nb\u{1b}[2J{}", "x".repeat(100))}}),
            json!({"slug": "same", "outcome": "unchanged"}),
            json!({"slug": "old", "outcome": "deleted"}),
            json!({"slug": "bad", "outcome": "refused", "code": "contended", "message": "too many others change this"}),
            json!({"slug": "late", "outcome": "left"}),
        ];
        let lines: Vec<_> = results.iter().filter_map(line).collect();
        let long = format!("a\\nb\\u{{1b}}[2J{}…", "x".repeat(60 - 13));
        let expected = [
            "+ new",
            "~ weekly  grace: 5m → 10m, interval: 7d → -, tags: x → none, cron: - → @weekly",
            &format!("~ odd  description: - → {long}"),
            "- old",
            "! bad  too many others change this",
        ];
        assert_eq!(lines, expected);
    }
}
