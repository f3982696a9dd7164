//! One spelling per JSON value: keys sorted by code point, no spaces. Hashes and registers are made of it.
//!
//! It does not depend on how the JSON library orders its maps, which a build flag of any dependency can change.

use serde_json::Value;

/// Writes `value` in its one spelling.
pub(crate) fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(value, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(&Value::String(key.clone()), out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        leaf => out.push_str(&leaf.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_spaces_do_not_count_but_every_field_does() {
        let spelled = |text: &str| canonical_json(&serde_json::from_str(text).unwrap());
        assert_eq!(
            spelled(r#" {"b": [1, 7.0, null], "a": {"z": "引\"号", "y": true}} "#),
            r#"{"a":{"y":true,"z":"引\"号"},"b":[1,7.0,null]}"#
        );
        assert_ne!(spelled(r#"{"a":1}"#), spelled(r#"{"a":1,"b":null}"#));
    }
}
