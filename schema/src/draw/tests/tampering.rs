use super::build::{drawn, usual};
use crate::draw::{DeclaredBy, DrawRecord, Recusal, RecusalKind, Step, VerifyError, recuse, verify};
use crate::moment::Moment;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

fn record() -> DrawRecord {
    let record = drawn(usual());
    let recusal = Recusal {
        pick: 3,
        officer: record.result[2].team.officers()[0],
        kind: RecusalKind::Investment,
        reason: "持有股份".to_owned(),
        declared_by: DeclaredBy::Officer(record.result[2].team.officers()[0]),
        at: Moment::from_micros(1_791_504_000_000_000),
    };
    recuse(&record, recusal).unwrap()
}

fn edited(edit: impl FnOnce(&mut Value)) -> VerifyError {
    let mut value = serde_json::to_value(record()).unwrap();
    let before = value.clone();
    edit(&mut value);
    assert_ne!(value, before, "the edit changes something");
    verify(&value.to_string()).unwrap_err()
}

fn step(error: &VerifyError) -> Step {
    match error {
        VerifyError::Differs { step, .. } => *step,
        other => panic!("{other}"),
    }
}

#[test]
fn an_honest_record_verifies() {
    let record = record();
    let verified = verify(&record.to_json()).unwrap();
    assert_eq!((verified.picks, verified.assigned, verified.recusals), (4, 4, 1));
    assert_eq!((verified.frozen, verified.record), (record.steps.frozen, record.digest));
}

#[test]
fn a_swapped_pick_is_named() {
    let error = edited(|v| {
        let first = v["steps"]["picks"][0]["entity"].take();
        let second = std::mem::replace(&mut v["steps"]["picks"][1]["entity"], first);
        v["steps"]["picks"][0]["entity"] = second;
    });
    assert_eq!(step(&error), Step::Picks);
    assert!(
        error
            .to_string()
            .starts_with("the drawn entities are not those that the seed gives (at /steps/picks/0/entity")
    );
}

#[test]
fn a_replaced_officer_is_named() {
    let team = |v: &mut Value| {
        let other = v["steps"]["teams"][0]["outcome"]["seats"][1]["officer"].clone();
        v["steps"]["teams"][0]["outcome"]["seats"][0]["officer"] = other;
    };
    assert_eq!(step(&edited(team)), Step::Teams);
    let result = |v: &mut Value| {
        let other = v["result"][0]["team"]["assigned"][1].clone();
        v["result"][0]["team"]["assigned"][0] = other;
    };
    assert_eq!(step(&edited(result)), Step::Result);
}

#[test]
fn another_ratio_or_day_or_directory_is_named() {
    assert_eq!(step(&edited(|v| v["input"]["terms"]["plan"]["ratio"] = json!("1/4"))), Step::Frozen);
    assert_eq!(step(&edited(|v| v["input"]["terms"]["on"] = json!("2026-10-09"))), Step::Frozen);
    assert_eq!(
        step(&edited(|v| v["input"]["directory"]["entities"][0]["active"] = json!(false))),
        Step::Frozen
    );
}

#[test]
fn another_spelling_of_the_input_is_named() {
    assert_eq!(step(&edited(|v| v["input"]["terms"]["plan"]["ratio"] = json!("50%"))), Step::Input);
    assert_eq!(
        step(&edited(|v| v["input"]["directory"]["entities"].as_array_mut().unwrap().reverse())),
        Step::Input
    );
}

#[test]
fn another_secret_cannot_be_used() {
    let error = edited(|v| v["secret"] = json!("00".repeat(32)));
    assert_eq!(
        error.to_string(),
        "the draw cannot be repeated: the secret is not the one that was committed beforehand"
    );
}

#[test]
fn other_entropy_is_named() {
    assert_eq!(step(&edited(|v| v["entropy"] = json!("4711 0816"))), Step::Seed);
}

#[test]
fn a_removed_or_reworded_recusal_is_named() {
    let error = edited(|v| {
        v["recusals"].as_array_mut().unwrap().clear();
    });
    assert_eq!(step(&error), Step::Result);
    let error = edited(|v| v["recusals"][0]["recusal"]["reason"] = json!("无"));
    assert_eq!(step(&error), Step::Digest);
    let error = edited(|v| v["recusals"][0]["recusal"]["pick"] = json!(99));
    assert_eq!(error.to_string(), "recusal 1 cannot be repeated: there is no pick 99");
}

#[test]
fn what_is_no_record_is_refused() {
    for text in ["", "{}", "[]", "null"] {
        assert!(matches!(verify(text), Err(VerifyError::Malformed(_))), "{text}");
    }
    assert!(matches!(edited(|v| v["note"] = json!("x")), VerifyError::Malformed(_)));
    assert!(matches!(
        edited(|v| v["input"]["format"] = json!("fieldproof-draw/2")),
        VerifyError::Malformed(_)
    ));
}

/// Every place in `value`, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, v)| places(v, &format!("{at}/{key}"), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, v)| places(v, &format!("{at}/{i}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Changes `value` a little: another value of the same type, one entry less, two entries swapped.
fn disturb(value: &mut Value, choice: Index, remove: bool) {
    match value {
        Value::Null => *value = json!(1),
        Value::Bool(b) => *b = !*b,
        Value::Number(n) => *value = json!(n.as_u64().unwrap() + 1 + choice.index(3) as u64),
        Value::String(text) => {
            let mut chars: Vec<char> = text.chars().collect();
            match chars.len() {
                0 => chars.push('0'),
                length => {
                    let i = choice.index(length);
                    chars[i] = if chars[i] == '1' { '2' } else { '1' };
                }
            }
            *text = chars.into_iter().collect();
        }
        Value::Array(items) if items.is_empty() => items.push(json!("x")),
        Value::Array(items) if remove || items.len() == 1 => {
            items.remove(choice.index(items.len()));
        }
        Value::Array(items) => {
            let i = choice.index(items.len() - 1);
            items.swap(i, i + 1);
        }
        Value::Object(map) => {
            if let Some(key) = map.keys().nth(choice.index(map.len().max(1))).cloned() {
                map.remove(&key);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_single_edit_goes_unnoticed(place: Index, choice: Index, remove: bool) {
        let honest = serde_json::to_value(record()).unwrap();
        let mut found = Vec::new();
        places(&honest, "", &mut found);
        let mut edited = honest.clone();
        let at = place.get(&found);
        disturb(edited.pointer_mut(at).unwrap(), choice, remove);
        prop_assume!(edited != honest);
        prop_assert!(verify(&edited.to_string()).is_err(), "an edit at {at} goes unnoticed");
    }
}
