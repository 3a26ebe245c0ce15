//! JSON as the protocol of `DynamoDB` spells it: every value with its type.

use serde_json::{Map, Value, json};

/// A plain value, spelled with its type.
pub(super) fn typed(value: &Value) -> Value {
    match value {
        Value::Null => json!({"NULL": true}),
        Value::Bool(truth) => json!({"BOOL": truth}),
        Value::Number(number) => json!({"N": number.to_string()}),
        Value::String(text) => json!({"S": text}),
        Value::Array(items) => json!({"L": items.iter().map(typed).collect::<Vec<_>>()}),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(name, value)| (name.clone(), typed(value)));
            json!({"M": entries.collect::<Map<_, _>>()})
        }
    }
}

/// A value without its type; `None` when it is of a kind that JSON has not.
pub(super) fn plain(value: &Value) -> Option<Value> {
    let (kind, value) = value.as_object()?.iter().next()?;
    Some(match kind.as_str() {
        "NULL" => Value::Null,
        "BOOL" | "S" => value.clone(),
        "N" => serde_json::from_str(value.as_str()?).ok()?,
        "L" => Value::Array(value.as_array()?.iter().map(plain).collect::<Option<_>>()?),
        "M" => {
            let entries = value.as_object()?.iter();
            Value::Object(entries.map(|(name, value)| Some((name.clone(), plain(value)?))).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}
