//! What two records have in common when they say the same: a digest that depends on neither the order of attributes nor on
//! how a store spells a number.

use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use super::{Kind, Record};
use crate::time::Timestamp;

/// The digest of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(pub u128);

impl Record {
    /// Two records that say the same have the same.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut text = format!("{:?} {}\n", self.kind, Value::from(self.name.as_str()));
        let mut attributes: Vec<_> = self.attributes.iter().collect();
        attributes.sort_by_key(|(name, _)| *name);
        for (name, value) in attributes {
            write_text(&mut text, &Value::from(name.as_str()));
            write_text(&mut text, &self.comparable(name, value));
            text.push('\n');
        }
        let mut first = [0; 16];
        first.copy_from_slice(Sha256::digest(text.as_bytes()).split_at(16).0);
        Fingerprint(u128::from_be_bytes(first))
    }

    /// The value of an attribute, as it is compared. A monitor is forgotten at a whole second.
    fn comparable(&self, name: &str, value: &Value) -> Value {
        match value.as_i64() {
            Some(micros) if self.kind == Kind::Monitor && name == "expires_at" => {
                Timestamp::from_micros(micros).rounded_up_to_seconds().as_micros().into()
            }
            Some(_) | None => value.clone(),
        }
    }

    /// The attributes in which two records of the same name differ.
    pub(super) fn differing(&self, other: &Self) -> Vec<String> {
        let text = |record: &Self, name: &str| {
            let mut text = String::new();
            if let Some(value) = record.attributes.get(name) {
                write_text(&mut text, &record.comparable(name, value));
            }
            text
        };
        let mut names: Vec<&String> = self.attributes.keys().chain(other.attributes.keys()).collect();
        names.sort();
        names.dedup();
        names.into_iter().filter(|name| text(self, name) != text(other, name)).cloned().collect()
    }
}

/// One text for one value: names in order, whole numbers without a fraction.
fn write_text(text: &mut String, value: &Value) {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(name, _)| *name);
            text.push('{');
            for (name, value) in entries {
                write_text(text, &Value::from(name.as_str()));
                text.push(':');
                write_text(text, value);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_text(text, item);
                text.push(',');
            }
            text.push(']');
        }
        Value::Number(number) => text.push_str(&number_text(number)),
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

fn number_text(number: &Number) -> String {
    match number.as_f64() {
        // `Display` of a float has neither exponent nor trailing zeros.
        Some(float) if number.is_f64() => float.to_string(),
        Some(_) | None => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(attributes: Value) -> Record {
        let Value::Object(attributes) = attributes else { panic!("not attributes") };
        Record { kind: Kind::Monitor, name: "default/job".to_owned(), attributes }
    }

    #[test]
    fn what_says_the_same_has_one_fingerprint() {
        let one = record(json!({"a": {"x": 1.0, "y": [-0.5, null]}, "expires_at": 1_500_000}));
        let other = record(json!({"expires_at": 2_000_000, "a": {"y": [-0.5, null], "x": 1}}));
        assert_eq!(one.fingerprint(), other.fingerprint());
        assert!(one.differing(&other).is_empty());
    }

    #[test]
    fn what_says_something_else_has_another_and_the_difference_has_a_name() {
        let one = record(json!({"a": {"x": 1}, "b": "1", "c": 7}));
        for (other, name) in [
            (json!({"a": {"x": "1"}, "b": "1", "c": 7}), "a"),
            (json!({"a": {"x": 1}, "b": 1, "c": 7}), "b"),
            (json!({"a": {"x": 1}, "b": "1"}), "c"),
            (json!({"a": {"x": 1}, "b": "1", "c": 7, "d": null}), "d"),
        ] {
            let other = record(other);
            assert_ne!(one.fingerprint(), other.fingerprint());
            assert_eq!(one.differing(&other), [name]);
        }
        let named = Record { name: "default/other".to_owned(), ..one.clone() };
        assert_ne!(one.fingerprint(), named.fingerprint());
    }
}
