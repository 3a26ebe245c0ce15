//! A channel's configuration from `KEY=VALUE`s. All values are text there; what must be a number, a switch or a list is made
//! one when its kind takes no text for it, so that a password of digits stays a password.

use std::{fs, io};

use anyhow::{Context, bail};
use heartbeat_core::channel::definition::{ConfigError, Kinds};
use serde_json::{Map, Value};

use crate::cli::channels::Setting;

/// The value that is read from standard input instead.
const FROM_INPUT: &str = "-";
/// Fields whose value may be in a file: they have several lines.
const IN_FILES: [&str; 2] = ["template", "root_certificate"];

/// The configuration that `settings` describe, as the kind takes it if it takes it at all.
pub(super) fn read(kinds: &dyn Kinds, kind: &str, settings: &[Setting]) -> anyhow::Result<Value> {
    if settings.iter().filter(|setting| setting.value == FROM_INPUT).count() > 1 {
        bail!(
            "only one value can come from standard input: keep the others in the environment, as env:HEARTBEAT_SECRET_NAME"
        );
    }
    let mut config = Map::new();
    for Setting { key, value } in settings {
        let value = value_of(key, value)?;
        let is_new = match key.split_once('.') {
            Some((outer, inner)) => {
                let fields = config.entry(outer).or_insert_with(|| Value::Object(Map::new()));
                fields.as_object_mut().is_some_and(|fields| fields.insert(inner.to_owned(), value.into()).is_none())
            }
            None => config.insert(key.clone(), value.into()).is_none(),
        };
        if !is_new {
            bail!("{key} is given twice: give it once");
        }
    }
    Ok(Value::Object(fitted(kinds, kind, config)))
}

fn value_of(key: &str, value: &str) -> anyhow::Result<String> {
    if value == FROM_INPUT {
        let read =
            io::read_to_string(io::stdin()).with_context(|| format!("{key} could not be read from standard input"))?;
        return Ok(read.trim_end_matches(['\r', '\n']).to_owned());
    }
    match value.strip_prefix('@').filter(|_| IN_FILES.contains(&key)) {
        Some(file) => fs::read_to_string(file).with_context(|| format!("{key}: {file} could not be read")),
        None => Ok(value.to_owned()),
    }
}

/// The same, with what the kind does not take as text as what it may be instead.
fn fitted(kinds: &dyn Kinds, kind: &str, mut config: Map<String, Value>) -> Map<String, Value> {
    for _ in 0..config.len() {
        let Err(ConfigError { field: Some(field), .. }) = check(kinds, kind, &config) else { break };
        let Some(Value::String(text)) = config.get(&field) else { break };
        let readings = readings(text).into_iter().map(|reading| {
            let mut other = config.clone();
            other.insert(field.clone(), reading);
            other
        });
        let mends = |other: &Map<String, Value>| {
            check(kinds, kind, other).err().is_none_or(|error| error.field.as_ref() != Some(&field))
        };
        let Some(better) = readings.into_iter().find(mends) else { break };
        config = better;
    }
    config
}

fn check(kinds: &dyn Kinds, kind: &str, config: &Map<String, Value>) -> Result<Value, ConfigError> {
    kinds.check(kind, Value::Object(config.clone()))
}

/// What a text may stand for: a number or a switch, or a list.
fn readings(text: &str) -> Vec<Value> {
    let json = serde_json::from_str(text).ok().filter(|value: &Value| !value.is_string());
    let list = text.split(',').map(|part| Value::String(part.trim().to_owned())).collect();
    json.into_iter().chain([Value::Array(list)]).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use heartbeat_core::{Channel, ChannelName};
    use serde_json::json;

    use super::*;

    /// A kind with a port that is a number, addresses that are a list, and a password that is text.
    struct Mail;

    impl Kinds for Mail {
        fn words(&self) -> Vec<&'static str> {
            vec!["mail"]
        }

        fn check(&self, _: &str, config: Value) -> Result<Value, ConfigError> {
            let wrong = |field: &str, is_right: bool| {
                if config.get(field).is_none() || is_right { Ok(()) } else { Err(ConfigError::of(field, "not this")) }
            };
            wrong("password", config["password"].is_string())?;
            wrong("port", config["port"].is_u64())?;
            wrong("to", config["to"].is_array())?;
            wrong("from", config["from"].as_str().is_some_and(|from| from.contains('@')))?;
            Ok(config)
        }

        fn shown(&self, _: &str, config: &Value) -> Value {
            config.clone()
        }

        fn open(&self, _: &ChannelName, _: &str, _: &Value) -> Result<Arc<dyn Channel>, ConfigError> {
            Err(ConfigError::all("it is not opened here"))
        }
    }

    fn read(settings: &[&str]) -> anyhow::Result<Value> {
        let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
        super::read(&Mail, "mail", &settings)
    }

    #[test]
    fn text_stays_text_unless_its_kind_wants_something_else() {
        let config = read(&["port=587", "password=123456", "to=a@x,b@y", "headers.X-A=1", "headers.X.B=a=b"]).unwrap();
        let headers = json!({"X-A": "1", "X.B": "a=b"});
        assert_eq!(config, json!({"port": 587, "password": "123456", "to": ["a@x", "b@y"], "headers": headers}));
    }

    #[test]
    fn what_is_wrong_however_it_is_read_stays_as_it_was_written() {
        assert_eq!(read(&["port=high", "from=5"]).unwrap(), json!({"port": "high", "from": "5"}));
    }

    #[test]
    fn a_key_is_given_once_and_standard_input_is_one_value() {
        for settings in [&["a=1", "a=2"][..], &["a.b=1", "a.b=2"], &["a=1", "a.b=2"]] {
            assert!(read(settings).unwrap_err().to_string().ends_with("is given twice: give it once"), "{settings:?}");
        }
        assert!(read(&["a=-", "b=-"]).unwrap_err().to_string().contains("only one value"));
    }

    #[test]
    fn a_template_comes_from_a_file_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("body.json");
        fs::write(&file, "{{ monitor }}\n").unwrap();
        let read_it = read(&[&format!("template=@{}", file.display()), "chat_id=@ops"]).unwrap();
        assert_eq!(read_it, json!({"template": "{{ monitor }}\n", "chat_id": "@ops"}));
        assert!(read(&["template=@/nowhere"]).unwrap_err().to_string().contains("/nowhere could not be read"));
    }
}
