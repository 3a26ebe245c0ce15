//! The template of a body: what a project writes, so bounded in what it may compute and in what it may say. In JSON, what
//! is put in is escaped by itself: `{"text": {{ text }}}`.

use std::io;

use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, value::Serde};
use reqwest::header::HeaderValue;
use serde_json::Value;

/// The steps that one rendering may take; text is paid for by its length.
const FUEL: u64 = 1_000_000;
/// The most bytes that it may come to.
const MAX_OUTPUT: usize = 64 * 1_024;
/// What the template is called in nobody's sight.
const NAME: &str = "template";

/// What `template` makes of `context`. What is wrong with it names the line.
pub(super) fn render(template: &str, content_type: &HeaderValue, context: &Value) -> Result<Vec<u8>, String> {
    let is_json = is_json(content_type);
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(move |_| if is_json { AutoEscape::Json } else { AutoEscape::None });
    let parsed = environment.template_from_named_str(NAME, template).map_err(|error| explained(&error))?;
    let mut paper = Paper::default();
    let rendered = parsed.render_captured_to(Serde(context), &mut paper);
    if paper.is_full {
        return Err(format!("it comes to more than {} KiB", MAX_OUTPUT / 1_024));
    }
    rendered.map_err(|error| explained(&error))?;
    if is_json {
        serde_json::from_slice::<serde::de::IgnoredAny>(&paper.written)
            .map_err(|error| format!("what it makes is not JSON: line {} of its output", error.line()))?;
    }
    Ok(paper.written)
}

fn is_json(content_type: &HeaderValue) -> bool {
    let text = content_type.to_str().unwrap_or_default().to_ascii_lowercase();
    let kind = text.split(';').next().unwrap_or_default().trim();
    kind.ends_with("/json") || kind.ends_with("+json")
}

fn explained(error: &Error) -> String {
    let place = error.line().map_or_else(String::new, |line| format!("line {line}: "));
    let about = error.detail().map_or_else(String::new, |detail| format!(": {detail}"));
    format!("{place}{}{about}", error.kind())
}

/// Takes so much and no more.
#[derive(Default)]
struct Paper {
    written: Vec<u8>,
    is_full: bool,
}

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.written.len() + bytes.len() > MAX_OUTPUT {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(content_type: &'static str, template: &str) -> Result<String, String> {
        let context = json!({"text": "a \"b\"\n<c>", "count": 2, "notifications": [{"monitor": "x", "exit": null}]});
        let body = render(template, &HeaderValue::from_static(content_type), &context)?;
        Ok(String::from_utf8(body).unwrap())
    }

    #[test]
    fn in_json_what_is_put_in_is_json() {
        let template = r#"{"content": {{ text }}, "exit": {{ notifications[0].exit }}, "n": {{ count }}}"#;
        let body: Value = serde_json::from_str(&rendered("application/json", template).unwrap()).unwrap();
        assert_eq!(body, json!({"content": "a \"b\"\n<c>", "exit": null, "n": 2}));
    }

    #[test]
    fn in_other_text_it_is_put_in_as_it_is() {
        let template = "{% for n in notifications %}{{ n.monitor }}: {{ text }}{% endfor %}";
        assert_eq!(rendered("text/plain", template).unwrap(), "x: a \"b\"\n<c>");
        assert_eq!(rendered("text/plain; charset=utf-8", "{{ count|tojson }}").unwrap(), "2");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let problems = [
            ("application/json", "{\n{{ text }"),
            ("application/json", "{\n\"a\": {{ txet }}}"),
            ("application/json", "{{ text|no_such }}"),
            ("application/json", "{\"a\": \"{{ text }}\"}"),
            ("text/plain", "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}"),
            ("text/plain", "{% for i in range(9000) %}12345678{% endfor %}"),
            ("text/plain", "{% include \"/etc/passwd\" %}"),
        ]
        .map(|(content_type, template)| rendered(content_type, template).unwrap_err());
        insta::assert_snapshot!(problems.join("\n"), @"
        line 2: syntax error: unexpected `}`, expected end of variable block
        line 2: undefined value: `txet` is undefined
        line 1: unknown filter: filter no_such is unknown
        what it makes is not JSON: line 1 of its output
        line 1: engine ran out of fuel
        it comes to more than 64 KiB
        line 1: syntax error: unknown statement include
        ");
    }

    #[test]
    fn text_that_doubles_for_ever_is_stopped() {
        let doubling = format!("{{% set x = text %}}{}{{{{ x }}}}", "{% set x = x ~ x %}".repeat(50));
        assert!(rendered("text/plain", &doubling).is_err());
        assert!(rendered("text/plain", "{{ text * 1000000000 }}").is_err());
    }
}
