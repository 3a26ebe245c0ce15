//! How large `DynamoDB` says that an item is: what a write is paid by. (AWS: "DynamoDB item sizes and formats".)

use serde_json::Value;

/// The bytes of an item, as the protocol spells it: names and values. What storage alone is charged for is not in it.
pub fn item_bytes(item: &Value) -> u64 {
    entries(item)
}

/// Names and values, without what a nested map adds for itself.
fn entries(map: &Value) -> u64 {
    let entries = map.as_object().into_iter().flatten();
    entries.map(|(name, value)| length(name) + value_bytes(value)).sum()
}

/// The bytes of a value, as the protocol spells it.
pub fn value_bytes(value: &Value) -> u64 {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else { return 0 };
    let items = || value.as_array().map_or(&[][..], Vec::as_slice);
    match kind.as_str() {
        "S" => length(value.as_str().unwrap_or_default()),
        "N" => number_bytes(value.as_str().unwrap_or_default()),
        "BOOL" | "NULL" => 1,
        // 3 bytes for itself, and 1 for each element.
        "L" => 3 + items().iter().map(|item| 1 + value_bytes(item)).sum::<u64>(),
        "M" => 3 + value.as_object().map_or(0, |map| length_of(map.len())) + entries(value),
        other => unreachable!("the store writes no {other}"),
    }
}

/// One byte for two significant digits, and one; a sign is one more. Digits are paired from the decimal point on.
fn number_bytes(text: &str) -> u64 {
    let (sign, digits) = text.strip_prefix('-').map_or((0, text), |digits| (1, digits));
    let significant = digits.trim_start_matches('0');
    let zeros = significant.len() - significant.trim_end_matches('0').len();
    // An odd zero at the end belongs to a pair with the digit before it.
    let pairs = (significant.len() - zeros / 2 * 2).div_ceil(2);
    length_of(pairs) + 1 + sign
}

fn length(text: &str) -> u64 {
    length_of(text.len())
}

fn length_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_takes_a_byte_for_two_digits_and_one() {
        let numbers = [
            ("0", 1),
            ("1", 2),
            ("10", 2),
            ("12", 2),
            ("100", 2),
            ("123", 3),
            ("1230", 3),
            ("-12", 3),
            ("1795402800000000", 5),
            ("18446744073709551615", 11),
        ];
        for (text, bytes) in numbers {
            assert_eq!(number_bytes(text), bytes, "{text}");
        }
    }

    #[test]
    fn an_item_is_its_names_and_values() {
        let item = json!({
            "id": {"S": "ü/a"},
            "yes": {"BOOL": true},
            "list": {"L": [{"S": "ab"}, {"N": "1"}]},
            "map": {"M": {"x": {"NULL": true}}},
        });
        assert_eq!(item_bytes(&item), (2 + 4) + (3 + 1) + (4 + 3 + (1 + 2) + (1 + 2)) + (3 + 3 + 1 + 1 + 1));
        assert_eq!(item_bytes(&json!({})), 0);
    }
}
