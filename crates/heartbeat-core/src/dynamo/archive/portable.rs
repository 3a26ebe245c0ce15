//! Values of items as JSON that turns back into the very same values. What JSON has no word for is spelled as the protocol
//! spells it, under a name that nothing else has.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use serde_json::{Map, Number, Value, json};

/// What a value that JSON cannot say is under.
const ESCAPE: &str = "$dynamodb";
/// What a number that `DynamoDB` cannot hold is under.
const NUMBER: &str = "$number";

/// A value as JSON.
#[expect(clippy::wildcard_enum_match_arm, reason = "kinds that did not exist when this was written are carried, too")]
pub(super) fn portable(value: AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => text.into(),
        AttributeValue::Bool(truth) => truth.into(),
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::L(items) => items.into_iter().map(portable).collect(),
        AttributeValue::M(entries) => {
            let entries: Map<_, _> = entries.into_iter().map(|(name, value)| (name, portable(value))).collect();
            match entries.get(NUMBER).and_then(Value::as_str).and_then(float) {
                Some(float) if entries.len() == 1 => Value::Number(float),
                _ if entries.len() == 1 && entries.contains_key(ESCAPE) => escaped("M", Value::Object(entries)),
                _ => Value::Object(entries),
            }
        }
        AttributeValue::N(text) => number(&text).map_or_else(|| escaped("N", text), Value::Number),
        AttributeValue::B(bytes) => escaped("B", hex(&bytes)),
        AttributeValue::Ss(texts) => escaped("SS", texts),
        AttributeValue::Ns(numbers) => escaped("NS", numbers),
        AttributeValue::Bs(all) => escaped("BS", all.iter().map(hex).collect::<Vec<_>>()),
        other => escaped("unknown", format!("{other:?}")),
    }
}

/// What [`portable`] says, as a value.
pub(super) fn value_of(json: Value) -> AttributeValue {
    match json {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(truth) => AttributeValue::Bool(truth),
        Value::String(text) => AttributeValue::S(text),
        Value::Array(items) => AttributeValue::L(items.into_iter().map(value_of).collect()),
        Value::Number(number) => number_of(&number),
        Value::Object(entries) => unescaped(&entries).unwrap_or_else(|| map_of(entries)),
    }
}

fn map_of(entries: Map<String, Value>) -> AttributeValue {
    AttributeValue::M(entries.into_iter().map(|(name, value)| (name, value_of(value))).collect())
}

fn escaped(kind: &str, value: impl Into<Value>) -> Value {
    json!({ ESCAPE: { kind: value.into() } })
}

/// The value of an escape; `None` when it is none.
fn unescaped(entries: &Map<String, Value>) -> Option<AttributeValue> {
    let inner = entries.get(ESCAPE).filter(|_| entries.len() == 1)?.as_object()?;
    let (kind, value) = inner.iter().next().filter(|_| inner.len() == 1)?;
    let texts = || value.as_array()?.iter().map(|text| Some(text.as_str()?.to_owned())).collect::<Option<Vec<_>>>();
    Some(match kind.as_str() {
        "M" => map_of(value.as_object()?.clone()),
        "N" => AttributeValue::N(value.as_str()?.to_owned()),
        "B" => AttributeValue::B(bytes(value.as_str()?)?),
        "SS" => AttributeValue::Ss(texts()?),
        "NS" => AttributeValue::Ns(texts()?),
        "BS" => AttributeValue::Bs(texts()?.iter().map(|text| bytes(text)).collect::<Option<_>>()?),
        _ => return None,
    })
}

/// The number of this text, if JSON can say it exactly.
fn number(text: &str) -> Option<Number> {
    let whole = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
    whole.ok().or_else(|| float(text)).filter(|number| is_spelled(number, text))
}

fn float(text: &str) -> Option<Number> {
    Number::from_f64(text.parse().ok()?)
}

/// Whether the number is what the text says, to its last digit.
fn is_spelled(number: &Number, text: &str) -> bool {
    number.to_string() == text || number.as_f64().is_some_and(|float| number.is_f64() && float.to_string() == text)
}

/// A number as `DynamoDB` holds it, which has 38 digits, and exponents of no more than three.
fn number_of(number: &Number) -> AttributeValue {
    const LEAST: f64 = 1e-120;
    const MOST: f64 = 1e120;
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(float) if float != 0.0 && !(LEAST..MOST).contains(&float.abs()) => {
            AttributeValue::M([(NUMBER.to_owned(), AttributeValue::S(number.to_string()))].into())
        }
        // Without an exponent: so it comes back.
        Some(float) => AttributeValue::N(if float == 0.0 { "0".to_owned() } else { float.to_string() }),
        None => AttributeValue::N(number.to_string()),
    }
}

fn hex(bytes: &Blob) -> String {
    use std::fmt::Write;
    bytes.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes(hex: &str) -> Option<Blob> {
    let digits: Option<Vec<u32>> = hex.chars().map(|digit| digit.to_digit(16)).collect();
    let pairs = digits.filter(|digits| digits.len() % 2 == 0)?;
    let byte = |pair: &[u32]| u8::try_from(pair.iter().fold(0, |byte, digit| byte * 16 + digit)).ok();
    Some(Blob::new(pairs.chunks(2).map(byte).collect::<Option<Vec<_>>>()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let name = prop_oneof!["[a-z$]{1,4}", Just(ESCAPE.to_owned()), Just(NUMBER.to_owned())];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::vec((name, inner), 0..4)
                    .prop_map(|entries| { Value::Object(entries.into_iter().collect()) }),
            ]
        })
    }

    /// Whole floats lose their `.0`: they say the same number.
    fn as_text(value: &Value) -> String {
        match value {
            Value::Number(number) if number.is_f64() => number.as_f64().unwrap_or_default().abs().to_string(),
            Value::Number(number) => number.to_string().trim_start_matches('-').to_owned(),
            Value::Array(items) => items.iter().map(as_text).collect::<Vec<_>>().join(","),
            Value::Object(entries) => {
                let mut entries: Vec<_> = entries.iter().map(|(n, v)| format!("{n:?}:{}", as_text(v))).collect();
                entries.sort();
                format!("{{{}}}", entries.join(","))
            }
            Value::Null | Value::Bool(_) | Value::String(_) => value.to_string(),
        }
    }

    #[test]
    fn what_json_has_no_word_for_comes_back_as_it_was() {
        let blob = |bytes: &[u8]| Blob::new(bytes);
        for value in [
            AttributeValue::B(blob(&[0, 255, 16])),
            AttributeValue::Ss(vec!["a".to_owned(), "b".to_owned()]),
            AttributeValue::Ns(vec!["1".to_owned(), "2.5".to_owned()]),
            AttributeValue::Bs(vec![blob(&[1]), blob(&[])]),
            AttributeValue::N("12345678901234567890123456789012345678".to_owned()),
            AttributeValue::N("0.1".to_owned()),
            AttributeValue::N("1.5E+100".to_owned()),
            AttributeValue::M([(ESCAPE.to_owned(), AttributeValue::S("mine".to_owned()))].into()),
        ] {
            assert_eq!(value_of(portable(value.clone())), value);
        }
    }

    proptest! {
        #[test]
        fn any_json_comes_back(json in any_json()) {
            // What looks like our own spelling is not what anybody writes.
            let text = json.to_string();
            prop_assume!(!text.contains(NUMBER) && !text.contains(ESCAPE));
            prop_assert_eq!(as_text(&portable(value_of(json.clone()))), as_text(&json));
        }
    }
}
