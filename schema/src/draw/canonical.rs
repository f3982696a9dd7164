//! One spelling per value, so that equal contents have equal hashes on every machine.

use crate::canonical::canonical_json;
use crate::suite::Digest;
use serde::Serialize;
use serde_json::Value;

/// Hashes the canonical JSON of `value`.
pub(super) fn digest<T: Serialize>(value: &T) -> Digest {
    Digest::of(canonical_json(&to_value(value)).as_bytes())
}

/// The value as JSON.
pub(super) fn to_value<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("draw types have text keys and no failing serializer")
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
    fn a_fraction_is_found_at_every_depth() {
        assert!(is_whole(&json!({"a": [1, -2, {"b": "0.5"}]})));
        assert!(!is_whole(&json!({"a": [1, {"b": 0.5}]})));
    }
}
