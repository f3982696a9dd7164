//! Edits of JSON: values change, move, repeat, vanish; the text stays JSON.

use super::{Dice, plain};
use serde_json::{Value, json};

/// One edit; texts that are no JSON are edited as bytes.
pub(super) fn edit(dice: &mut Dice, bytes: &[u8], other: &[u8]) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else {
        let mut bytes = bytes.to_vec();
        plain::edit(dice, &mut bytes, other);
        return bytes;
    };
    let new = match dice.below(4) {
        0 => serde_json::from_slice::<Value>(other).ok().map(|mut other| descend(dice, &mut other).take()),
        1 | 2 => Some(odd(dice)),
        _ => None,
    };
    let place = descend(dice, &mut value);
    match new {
        Some(new) => *place = new,
        None => rearrange(dice, place),
    }
    let mut text = serde_json::to_vec(&value).unwrap_or_default();
    // Nested deeper than a reader can follow, which no value here could hold.
    if dice.one_in(64) {
        let deep = [b"[".repeat(10_000), b"]".repeat(10_000)].concat();
        let at = text.iter().position(|byte| *byte == b'"').unwrap_or(0);
        text.splice(at..at, deep);
    }
    text
}

/// A place somewhere in the value, deep ones as likely as not.
fn descend<'v>(dice: &mut Dice, value: &'v mut Value) -> &'v mut Value {
    let length = match value {
        Value::Array(list) => list.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    };
    if length == 0 || dice.one_in(5) {
        return value;
    }
    let at = dice.below(length);
    let below = match value {
        Value::Array(list) => &mut list[at],
        Value::Object(map) => map.values_mut().nth(at).expect("the map is that long"),
        _ => return value,
    };
    descend(dice, below)
}

/// Drops, repeats or renames a part.
fn rearrange(dice: &mut Dice, place: &mut Value) {
    match place {
        Value::Array(list) if !list.is_empty() => {
            let at = dice.below(list.len());
            match dice.below(3) {
                0 => drop(list.remove(at)),
                1 => list.push(list[at].clone()),
                _ => {
                    let often = dice.below(600);
                    let part = list[at].clone();
                    if part.to_string().len() < 200 {
                        list.extend(std::iter::repeat_n(part, often));
                    }
                }
            }
        }
        Value::Object(map) if !map.is_empty() => {
            let at = dice.below(map.len());
            let key = map.keys().nth(at).cloned().unwrap_or_default();
            match dice.below(3) {
                0 => drop(map.remove(&key)),
                1 => drop(map.insert(format!("{key}?"), json!(dice.number()))),
                _ => {
                    let moved = map.remove(&key).unwrap_or_default();
                    map.insert(key.to_uppercase(), moved);
                }
            }
        }
        Value::String(text) => {
            let mut bytes = text.clone().into_bytes();
            plain::edit(dice, &mut bytes, b"9999-12-31T23:59:60.999999999+25:00");
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }
        other => *other = odd(dice),
    }
}

/// A value that readers rarely meet.
fn odd(dice: &mut Dice) -> Value {
    match dice.below(14) {
        0 => Value::Null,
        1 => json!(dice.one_in(2)),
        2 => json!(dice.number()),
        3 => json!(i64::from_ne_bytes(dice.number().to_ne_bytes())),
        4 => json!(f64::from_bits(dice.number())),
        5 => json!(""),
        6 => json!("\u{0}\u{202e}\u{ffff}\u{1f600}"),
        7 => json!("长".repeat(dice.below(3000))),
        8 => json!("-9999-01-01"),
        9 => json!([]),
        10 => json!({}),
        11 => json!({"all": [{"not": {"any": []}}]}),
        12 => json!("1e999999999"),
        _ => json!("000000000000000000000000000.0000000000000000000000"),
    }
}
