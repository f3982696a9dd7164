//! Answers, and the registers that hold them.
//!
//! One register holds everything that belongs together (result, value, unit, the officer's own verdict), so that one
//! officer's result never meets another's value. Who answered and when comes from the change; remarks are notes.

use super::decimal::Decimal;
use crate::canonical::canonical_json;
use crate::ids::RecordId;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// The word for conformity in checklists and conditions.
pub(super) const PASS: &str = "合格";
/// The word for non-conformity.
pub(super) const FAIL: &str = "不合格";
/// The word for an item that rightly does not apply.
pub(super) const NOT_APPLICABLE: &str = "合理缺项";

/// What an officer states about conformity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// 合格.
    Pass,
    /// 不合格.
    Fail,
}

impl Outcome {
    /// The word in checklists.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => PASS,
            Self::Fail => FAIL,
        }
    }
}

/// The answer to one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Answer {
    /// 合格 or 不合格.
    Conformity {
        /// Which.
        result: Outcome,
    },
    /// 合理缺项: the item rightly does not apply.
    NotApplicable {
        /// Why; may be empty.
        reason: String,
    },
    /// A measured or counted number.
    Number {
        /// As the instrument showed it, trailing zeros included.
        value: Decimal,
        /// The item's unit, repeated so that the number means the same for ever.
        unit: String,
        /// Which alternative of the limit holds, where there are some.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        case: Option<String>,
        /// The officer's own verdict, where the limit does not decide.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Outcome>,
    },
    /// Chosen options.
    Choice {
        /// Which.
        options: BTreeSet<String>,
        /// The officer's own verdict, where the options do not decide.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Outcome>,
    },
    /// Free text.
    Text {
        /// What was written.
        text: String,
    },
    /// A day.
    Date {
        /// Which.
        #[serde(with = "civil_date")]
        date: Date,
    },
    /// Photos, by their records in the evidence index.
    Photo {
        /// Which.
        records: BTreeSet<RecordId>,
    },
    /// A register that this version does not write, kept as its exact text.
    #[serde(skip)]
    Other(String),
}

/// What a register turns out to be when its unknown fields are left aside.
pub(super) enum Meaning {
    /// An answer of a known type.
    Known(Answer),
    /// An object of a type that this version does not know.
    Foreign,
    /// Anything else: not JSON, no object, or a known type with wrong fields.
    Malformed,
}

/// The types that this version writes, for telling a foreign register from a malformed one.
const TYPES: [&str; 7] = ["conformity", "notApplicable", "number", "choice", "text", "date", "photo"];

impl Answer {
    /// The register: JSON with sorted keys and no spaces, or the exact text of [`Answer::Other`].
    pub fn to_register(&self) -> String {
        if let Self::Other(text) = self {
            return text.clone();
        }
        canonical_json(&serde_json::to_value(self).expect("answers are plain data with text keys"))
    }

    /// Reads a register. Whatever this version would not write in the same way becomes [`Answer::Other`], so that
    /// `to_register` gives back every register bit for bit.
    pub fn from_register(register: &str) -> Self {
        match serde_json::from_str::<Self>(register) {
            Ok(answer) if answer.to_register() == register => answer,
            _ => Self::Other(register.to_owned()),
        }
    }

    /// What a condition sees: the words 合格, 不合格 and 合理缺项, a number, the options, a text, an ISO date, or how
    /// many photos there are; nothing for an answer that this version does not know.
    pub fn as_rule_value(&self) -> Option<Value> {
        Some(match self {
            Self::Conformity { result } => result.word().into(),
            Self::NotApplicable { .. } => NOT_APPLICABLE.into(),
            Self::Number { value, .. } => value.to_string().parse::<serde_json::Number>().ok()?.into(),
            Self::Choice { options, .. } => options.iter().cloned().collect(),
            Self::Text { text } => text.as_str().into(),
            Self::Date { date } => date.to_string().into(),
            Self::Photo { records } => records.len().into(),
            Self::Other(_) => return None,
        })
    }
}

/// What a register means that [`Answer::from_register`] kept as it is.
pub(super) fn meaning(register: &str) -> Meaning {
    if let Ok(answer) = serde_json::from_str::<Answer>(register) {
        return Meaning::Known(answer);
    }
    let value: Option<Value> = serde_json::from_str(register).ok();
    match value.as_ref().and_then(|value| value.get("type")).and_then(Value::as_str) {
        Some(name) if !TYPES.contains(&name) => Meaning::Foreign,
        _ => Meaning::Malformed,
    }
}

mod civil_date {
    use jiff::civil::Date;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(date)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        let text = String::deserialize(deserializer)?;
        let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
        date.ok_or_else(|| serde::de::Error::custom(format_args!("{text:?} is not YYYY-MM-DD")))
    }
}

#[cfg(test)]
mod tests;
