//! The small rule language of the domain data: population filters, conditions between checklist items.
//!
//! A rule is data: `{field, op, value}` leaves under `all`, `any` and `not`. It never fails; where a field is missing the
//! answer is *unknown* (`None`), because a guess would decide who is inspected. It does not parse expressions, run code
//! or match patterns. What a field name means is the caller's: see [`Fields`].

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cmp::Ordering;

/// A condition over named fields. `{}` is not a rule; an empty `all` is true and an empty `any` is false.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Rule {
    /// True when every part is true.
    All {
        /// The parts.
        all: Vec<Rule>,
    },
    /// True when at least one part is true.
    Any {
        /// The parts.
        any: Vec<Rule>,
    },
    /// True when the part is false.
    Not {
        /// The negated part.
        not: Box<Rule>,
    },
    /// Compares one field with a constant.
    Compare {
        /// The field's name, looked up through [`Fields`].
        #[serde(alias = "metric")]
        field: String,
        /// How to compare.
        op: Op,
        /// The constant; an array for [`Op::In`].
        value: Value,
    },
}

/// How a field is compared with a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// Equal.
    #[serde(rename = "==")]
    Eq,
    /// Not equal.
    #[serde(rename = "!=")]
    Ne,
    /// Greater.
    #[serde(rename = ">")]
    Gt,
    /// Greater or equal.
    #[serde(rename = ">=")]
    Ge,
    /// Less.
    #[serde(rename = "<")]
    Lt,
    /// Less or equal.
    #[serde(rename = "<=")]
    Le,
    /// One of the listed values.
    #[serde(rename = "in")]
    In,
}

/// Where a rule finds the values of its fields.
pub trait Fields {
    /// The value of `name`, or `None` where the subject does not say.
    fn field(&self, name: &str) -> Option<Value>;
}

impl<F: Fn(&str) -> Option<Value>> Fields for F {
    fn field(&self, name: &str) -> Option<Value> {
        self(name)
    }
}

impl Rule {
    /// Decides the rule for one subject; `None` where a missing field leaves it open.
    pub fn decide(&self, subject: &dyn Fields) -> Option<bool> {
        match self {
            Rule::All { all } => fold(all.iter().map(|r| r.decide(subject)), false),
            Rule::Any { any } => fold(any.iter().map(|r| r.decide(subject)), true),
            Rule::Not { not } => not.decide(subject).map(|b| !b),
            Rule::Compare { field, op, value } => compare(field, &subject.field(field)?, *op, value),
        }
    }

    /// Names every field that the rule reads, in order of appearance.
    pub fn fields(&self) -> Vec<&str> {
        match self {
            Rule::All { all: parts } | Rule::Any { any: parts } => {
                parts.iter().flat_map(Rule::fields).collect()
            }
            Rule::Not { not } => not.fields(),
            Rule::Compare { field, .. } => vec![field],
        }
    }

    /// How many rules are nested inside each other; bounded by [`crate::limits::RULE_DEPTH_MAX`] on import.
    pub fn depth(&self) -> usize {
        match self {
            Rule::All { all: parts } | Rule::Any { any: parts } => {
                1 + parts.iter().map(Rule::depth).max().unwrap_or(0)
            }
            Rule::Not { not } => 1 + not.depth(),
            Rule::Compare { .. } => 1,
        }
    }
}

/// Kleene logic: `decisive` ends the search, unknown wins over its opposite.
fn fold(parts: impl Iterator<Item = Option<bool>>, decisive: bool) -> Option<bool> {
    let mut unknown = false;
    for part in parts {
        match part {
            Some(value) if value == decisive => return Some(decisive),
            Some(_) => {}
            None => unknown = true,
        }
    }
    if unknown { None } else { Some(!decisive) }
}

fn compare(field: &str, actual: &Value, op: Op, expected: &Value) -> Option<bool> {
    // A subject with several values (its specialties) meets a rule when one of them does.
    if let Value::Array(values) = actual {
        return fold(values.iter().map(|v| compare(field, v, op, expected)), true);
    }
    match op {
        Op::Eq => Some(equal(field, actual, expected)),
        Op::Ne => Some(!equal(field, actual, expected)),
        Op::In => Some(expected.as_array()?.iter().any(|e| equal(field, actual, e))),
        Op::Gt => order(actual, expected).map(Ordering::is_gt),
        Op::Ge => order(actual, expected).map(Ordering::is_ge),
        Op::Lt => order(actual, expected).map(Ordering::is_lt),
        Op::Le => order(actual, expected).map(Ordering::is_le),
    }
}

/// Says whether the specialty `general` covers `special`. Specialties are paths: `publicPlace` covers `publicPlace/swimming`.
pub fn specialty_covers(general: &str, special: &str) -> bool {
    special.strip_prefix(general).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn equal(field: &str, actual: &Value, expected: &Value) -> bool {
    if let ("specialty", Some(actual), Some(expected)) = (field, actual.as_str(), expected.as_str()) {
        return specialty_covers(expected, actual);
    }
    match (actual.as_f64(), expected.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => actual == expected,
    }
}

/// Numbers by size, texts by code point (ISO dates order rightly so); anything else is unknown.
fn order(actual: &Value, expected: &Value) -> Option<Ordering> {
    match (actual, expected) {
        (Value::Number(a), Value::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decide(rule: Value, subject: &Value) -> Option<bool> {
        let rule: Rule = serde_json::from_value(rule).unwrap();
        rule.decide(&|name: &str| subject.get(name).cloned())
    }

    #[test]
    fn a_plan_row_filters_by_date_status_and_specialty() {
        let rule = json!({"all": [
            {"field": "registrationDate", "op": "<=", "value": "2020-05-30"},
            {"field": "registrationStatus", "op": "==", "value": "established"},
            {"field": "specialty", "op": "==", "value": "publicPlace"}]});
        let pool = json!({"registrationDate": "2019-01-01", "registrationStatus": "established",
                          "specialty": ["publicPlace/swimming"]});
        assert_eq!(decide(rule.clone(), &pool), Some(true));
        let clinic = json!({"registrationDate": "2019-01-01", "registrationStatus": "established", "specialty": ["medical"]});
        assert_eq!(decide(rule.clone(), &clinic), Some(false));
        assert_eq!(
            decide(rule, &json!({"registrationStatus": "established", "specialty": ["publicPlace"]})),
            None
        );
    }

    #[test]
    fn a_missing_field_decides_nothing_unless_another_part_does() {
        let any =
            json!({"any": [{"field": "a", "op": "==", "value": 1}, {"field": "b", "op": ">", "value": 2}]});
        assert_eq!(decide(any.clone(), &json!({"b": 3})), Some(true));
        assert_eq!(decide(any, &json!({"b": 1})), None);
        assert_eq!(
            decide(json!({"not": {"field": "a", "op": "in", "value": [1, 2]}}), &json!({"a": 3})),
            Some(true)
        );
    }

    #[test]
    fn a_specialty_is_not_covered_by_a_longer_word() {
        let rule = json!({"field": "specialty", "op": "==", "value": "medical"});
        assert_eq!(decide(rule, &json!({"specialty": ["medicalWaste"]})), Some(false));
    }
}
