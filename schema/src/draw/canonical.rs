//! One spelling per value, so that equal contents have equal hashes on every machine.

use crate::suite::Digest;
use serde::Serialize;
use serde_json::Value;

/// Hashes the canonical JSON of `value`.
pub(super) fn digest<T: Serialize>(value: &T) -> Digest {
    Digest::of(text(&to_value(value)).as_bytes())
}

/// The value as JSON.
pub(super) fn to_value<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("draw types have text keys and no failing serializer")
}

/// JSON without white space, the keys of every object sorted by code point.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            // Sorted here, because a map keeps insertion order when any crate of the build asks serde_json for that.
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (i, (key, item)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write(item, out);
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push_str(&value.to_string());
        }
    }
}

/// Says whether every number in `value` is whole: texts of fractions differ between JSON writers.
pub(super) fn is_whole(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_i64() || number.is_u64(),
        Value::Array(items) => items.iter().all(is_whole),
        Value::Object(map) => map.values().all(is_whole),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = json!({"b": [1, {"z": "检\"", "y": null}], "a": true});
        assert_eq!(text(&value), r#"{"a":true,"b":[1,{"y":null,"z":"检\""}]}"#);
    }

    #[test]
    fn a_fraction_is_found_at_every_depth() {
        assert!(is_whole(&json!({"a": [1, -2, {"b": "0.5"}]})));
        assert!(!is_whole(&json!({"a": [1, {"b": 0.5}]})));
    }
}
